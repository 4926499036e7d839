# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The kernels that AF_BUS is built into

# The bases: series of Debian's linux-source packages, the oldest first. net/bus is
# written for the newest, and patches/linux/NEWEST has all patches.
bases=(
	6.12 # of Debian 13
	7.2  # backported to Debian 13
	7.3  # the same
)
# shellcheck disable=SC2034
oldest=${bases[0]} newest=${bases[-1]}

# Prints the series of a base, which may also be another one that Debian has.
base_series() {
	case $1 in
	oldest | newest) echo "${!1}" ;;
	[0-9]*.[0-9]*) echo "$1" ;;
	*) die "no base $1: there are ${bases[*]}, oldest, newest, another series of Debian's, or --tree DIR" ;;
	esac
}

# forms_of SERIES: lists the bases whose form of a patch or of a configuration SERIES
# takes, the best first: its own, then those of newer bases, the oldest first.
forms_of() {
	{
		printf '%s\n' "$1" "${bases[@]}" | LC_ALL=C sort -Vu | sed -n "/^${1//./\\.}\$/,\$p"
		# For a series that is newer than all of them.
		echo "$newest"
	} | uniq
}

# base_source BASE [fetch]: prints the directory of the unmodified source in the
# cache. It is fetched once; with "fetch", again if Debian has a newer point release.
base_source() {
	local series dir package version part

	series=$(base_series "$1")
	dir=$cache/source/$series
	package=linux-source-$series
	if [ -e "$dir/current" ] && [ "${2-}" != fetch ]; then
		readlink -f "$dir/current"
		return
	fi
	need_packages xz-utils binutils tar
	lock "source-$series"
	if [ -e "$dir/current" ] && [ "${2-}" != fetch ]; then
		readlink -f "$dir/current"
		return
	fi
	own_apt_update
	version=$(own_apt_version "$package")
	[ -n "$version" ] ||
		die "Debian 13 has no $package: scripts/lib/base.sh lists the series that are in use"
	if [ ! -d "$dir/$version" ]; then
		need_space "$dir" 8
		part=$dir/part
		rm -rf "$part"
		mkdir -p "$part/tree"
		say "downloading $package $version"
		own_apt_download "$part" "$package=$version"
		say "unpacking $package $version"
		ar p "$part/$package"_*.deb data.tar.xz | tar -xJ -C "$part" ||
			die "cannot unpack $package: no space in $dir?"
		tar -xf "$part/usr/src/$package.tar.xz" -C "$part/tree" --strip-components=1 ||
			die "cannot unpack $package: no space in $dir?"
		mv "$part/tree" "$dir/$version"
		rm -rf "$part"
	fi
	ln -sfn "$version" "$dir/current"
	readlink -f "$dir/current"
}
