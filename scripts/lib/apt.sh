# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Debian packages: installs tools, and reads suites that this machine does not use.

apt_said=$cache/apt/last.log

apt_quiet() {
	mkdir -p "${apt_said%/*}"
	if ! DEBIAN_FRONTEND=noninteractive "$@" >"$apt_said" 2>&1 </dev/null; then
		tail -n 15 "$apt_said" | sed 's/^/    /' >&2
		return 1
	fi
}

# need_packages NAME...: installs those that are missing.
need_packages() {
	local name missing=()

	for name; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
			missing+=("$name")
	done
	((${#missing[@]})) || return 0
	((EUID == 0)) ||
		die "missing packages: as root, apt-get install ${missing[*]}"
	(
		lock apt
		say "installing ${missing[*]}"
		apt_quiet apt-get install -y --no-install-recommends "${missing[@]}" 2>/dev/null && exit
		apt_quiet apt-get update ||
			die "apt-get update fails: is the package archive reachable (network, proxy)?"
		apt_quiet apt-get install -y --no-install-recommends "${missing[@]}" ||
			die "cannot install ${missing[*]}: see above"
	)
}

# Prints where this machine gets Debian from; its own sources are only read.
machine_archive() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(LABEL)|$(REPO_URI)' \
		'Created-By: Packages' 'Origin: Debian' 'Component: main' |
		sed -n "s/^$1|//p" | sort -u | head -n 1
}

# Sets up an apt configuration of our own, with binaries and sources of Debian 13.
own_apt() {
	local dir=$cache/apt main security

	[ ! -e "$dir/complete" ] || return 0
	main=$(machine_archive Debian)
	if [ -z "$main" ] && ((EUID == 0)); then
		apt_quiet apt-get update ||
			die "apt-get update fails: is the package archive reachable (network, proxy)?"
		main=$(machine_archive Debian)
	fi
	[ -n "$main" ] ||
		die "this machine's apt knows no Debian archive: run apt-get update as root, or add one"
	security=$(machine_archive Debian-Security)

	mkdir -p "$dir"/state/lists/partial "$dir"/archives/partial "$dir"/sources
	cat >"$dir/apt.conf" <<-END
		Dir::State "$dir/state";
		Dir::State::status "/dev/null";
		Dir::Cache "$dir";
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$dir/sources";
		APT::Sandbox::User "";
		APT::Get::List-Cleanup "true";
	END
	{
		cat <<-END
			Types: deb deb-src
			URIs: $main
			Suites: trixie trixie-updates trixie-backports
			Components: main
			Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
		END
		[ -z "$security" ] || cat <<-END

			Types: deb deb-src
			URIs: $security
			Suites: trixie-security
			Components: main
			Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
		END
	} >"$dir/sources/debian.sources"
	touch "$dir/complete"
}

# own_apt_suite SUITE: adds source packages of another suite.
own_apt_suite() {
	local file=$cache/apt/sources/$1.sources

	own_apt
	[ ! -e "$file" ] || return 0
	sed -n '/^$/q; s/^Types:.*/Types: deb-src/; s/^Suites:.*/Suites: '"$1"'/; p' \
		"$cache/apt/sources/debian.sources" >"$file"
	rm -f "$cache/apt/updated"
}

# own_apt_update: updates the lists of our own configuration if they are older than a
# day.
own_apt_update() {
	own_apt
	[ -z "$(find "$cache/apt/updated" -mmin -1440 2>/dev/null)" ] || return 0
	say "reading Debian's package lists"
	apt_quiet apt-get -c "$cache/apt/apt.conf" --error-on=any update ||
		die "cannot read Debian 13's package lists: is the archive reachable (network, proxy)," \
			"is debian-archive-keyring up to date?"
	touch "$cache/apt/updated"
}

# own_apt_version PACKAGE: prints the newest version of a binary package.
own_apt_version() {
	apt-cache -c "$cache/apt/apt.conf" madison "$1" |
		awk -F ' *[|] *' '$3 ~ /Packages$/ && !n++ { print $2 }'
}

# own_apt_download DIR PACKAGE=VERSION
own_apt_download() {
	(cd "$1" && apt_quiet apt-get -c "$cache/apt/apt.conf" download "$2") ||
		die "cannot download $2: network, or no space in $1?"
}

# own_apt_source DIR PACKAGE=VERSION: unpacks a source package with Debian's patches.
own_apt_source() {
	(cd "$1" && apt_quiet apt-get -c "$cache/apt/apt.conf" source "$2") ||
		die "cannot get the source of $2: network, or no space in $1?"
}
