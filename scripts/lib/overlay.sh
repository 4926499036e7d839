# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What AF_BUS adds to a kernel: new files, and patches to existing files

# Directories that mirror the kernel's. Markdown pages belong to the project, not to
# the kernel.
overlay_dirs=(net include security Documentation tools samples)

overlay_files() {
	git -C "$top" ls-files -co --exclude-standard -- "${overlay_dirs[@]}" ':(exclude)*.md' |
		while read -r file; do
			[ ! -f "$top/$file" ] || echo "$file"
		done | LC_ALL=C sort -u
}

# patch_series SERIES: lists the patches of the newest base, or older bases' own forms
# of them, after the patches that backport newer interfaces to SERIES.
patch_series() {
	local dir=$top/patches/linux file base forms

	mapfile -t forms < <(forms_of "$1")
	for file in "$dir/$1"/0000-backport-*.patch; do
		[ ! -e "$file" ] || echo "$file"
	done
	for file in "$dir/$newest"/*.patch; do
		for base in "${forms[@]}"; do
			[ -e "$dir/$base/${file##*/}" ] || continue
			echo "$dir/$base/${file##*/}"
			break
		done
	done
}

# Without this, a patch could be missing and nobody would notice.
newest_has_all_patches() {
	local dir=$top/patches/linux file

	for file in "$dir"/*/*.patch; do
		case ${file##*/} in 0000-backport-*) continue ;; esac
		[ -e "$dir/$newest/${file##*/}" ] ||
			die "patches/linux/$newest lacks ${file##*/}: the newest base has all patches"
	done
}

patched_files() {
	sed -n 's,^+++ b/\([^\t]*\).*,\1,p' "$1"
}

# git_init DIR: makes a scratch repository, also where git has no user name.
git_init() {
	git -C "$1" init -q
	git -C "$1" config user.name af_bus
	git -C "$1" config user.email af_bus@localhost
	git -C "$1" config gc.auto 0
}

# am_series DIR SOURCE PATCH...: makes a repository DIR with the files of SOURCE that
# the patches change, and one commit for each patch after the tag "base".
am_series() {
	local dir=$1 source=$2 patch file

	shift 2
	git_init "$dir"
	for patch; do
		while read -r file; do
			[ ! -e "$source/$file" ] || [ -e "$dir/$file" ] ||
				install -D -m 644 "$source/$file" "$dir/$file"
		done < <(patched_files "$patch")
	done
	git -C "$dir" add -Af
	git -C "$dir" commit -qm "${source##*/}"
	git -C "$dir" tag base
	git -C "$dir" am -q "$@" || return
}

# The unmodified tree is a directory, or HEAD of a git tree.
pristine_has() {
	if [ -d "$pristine/.git" ] || [ -f "$pristine/.git" ]; then
		git -C "$pristine" cat-file -e "HEAD:./$1" 2>/dev/null
	else
		[ -e "$pristine/$1" ]
	fi
}

pristine_copy() {
	mkdir -p "$(dirname "$2")"
	if [ -d "$pristine/.git" ] || [ -f "$pristine/.git" ]; then
		git -C "$pristine" show "HEAD:./$1" >"$2"
	else
		cat "$pristine/$1" >"$2"
		[ ! -x "$pristine/$1" ] || chmod +x "$2"
	fi
}

stage_patch() {
	local patch=$1 file out

	! grep -q '^--- /dev/null' "$patch" ||
		die "${patch#"$top/"} creates a file: a file of ours lies in the tree as itself"
	! grep -q '^+++ /dev/null\|^rename from' "$patch" ||
		die "${patch#"$top/"} removes or renames a file"
	while read -r file; do
		[ ! -e "$top/$file" ] || [ "$file" = MAINTAINERS ] ||
			die "$file is a file of ours and is also patched by ${patch#"$top/"}"
		[ -e "$stage/$file" ] || {
			pristine_has "$file" || die "${patch#"$top/"}: this base has no $file"
			pristine_copy "$file" "$stage/$file"
		}
	done < <(patched_files "$patch")
	out=$(patch -d "$stage" -p1 -F0 -s --no-backup-if-mismatch -r - <"$patch" 2>&1) ||
		die "${patch#"$top/"} does not apply to $series:
$out"
}

# Inserts our entry into MAINTAINERS, in alphabetical order.
stage_maintainers() {
	pristine_copy MAINTAINERS "$stage/MAINTAINERS.theirs"
	LC_ALL=C awk -v ours="$top/MAINTAINERS" '
		BEGIN { getline title < ours; stanza = title "\n"
			while ((getline line < ours) > 0) stanza = stanza line "\n" }
		/^3C59X NETWORK DRIVER/ { list = 1 }
		list && !done && /^[^ \t].[^:]/ && previous == "" && $0 > title {
			printf "%s\n", stanza; done = 1 }
		{ print; previous = $0 }
	' "$stage/MAINTAINERS.theirs" >"$stage/MAINTAINERS"
	rm "$stage/MAINTAINERS.theirs"
	grep -qxF "$(head -n 1 "$top/MAINTAINERS")" "$stage/MAINTAINERS" ||
		die "found no place in this base's MAINTAINERS for ours"
}

# The base's generator makes the netlink code from its specification.
netlink_outputs=(include/uapi/linux/nfdbus.h net/bus/nfdbus/genl.h net/bus/nfdbus/genl.c)

# generate_netlink SOURCE DIR: writes the files below DIR.
generate_netlink() {
	local gen=$1/tools/net/ynl/pyynl/ynl_gen_c.py
	local spec=Documentation/netlink/specs/nfdbus.yaml work out kind

	[ -e "$gen" ] || gen=$1/tools/net/ynl/ynl-gen-c.py
	# The generator looks for its schema beside the specification, and for
	# MAINTAINERS at the top of the tree.
	work=$(mktemp -d)
	mkdir -p "$work/${spec%/*}"
	touch "$work/MAINTAINERS"
	cp "$1"/Documentation/netlink/*.yaml "$work/Documentation/netlink/"
	cp "$top/$spec" "$work/$spec"
	for out in "${netlink_outputs[@]}"; do
		case $out in
		include/uapi/*) kind="uapi --header" ;;
		*.h) kind="kernel --header" ;;
		*.c) kind="kernel --source" ;;
		esac
		mkdir -p "$2/${out%/*}"
		# shellcheck disable=SC2086
		/usr/bin/python3 -B "$gen" --mode $kind --spec "$work/$spec" -o "$2/$out" ||
			die "cannot generate $out from $spec: see above"
	done
	rm -rf "$work"
}

# stage_all: puts all our files and patches into $stage, for the tree $pristine of
# $series.
stage_all() {
	local file patch bad

	newest_has_all_patches
	while read -r patch; do
		stage_patch "$patch"
	done < <(patch_series "$series")
	while read -r file; do
		! pristine_has "$file" ||
			die "$file: the base has a file of this name; edits to it belong in patches/linux"
		mkdir -p "$stage/$(dirname "$file")"
		cp "$top/$file" "$stage/$file"
	done < <(overlay_files)
	bad=$(grep -rl 'LINUX_VERSION_CODE\|KERNEL_VERSION' "$stage/net/bus" 2>/dev/null) || true
	[ -z "$bad" ] ||
		die "${bad//"$stage/"/}: asks for the kernel's version; an older base gets a backport patch instead"
	[ ! -e "$top/MAINTAINERS" ] || stage_maintainers
	if [ -e "$top/Documentation/netlink/specs/nfdbus.yaml" ]; then
		generate_netlink "$source" "$stage"
	fi
}

# apply_to TREE: brings the tree to the staged state, and changes only files that
# differ.
apply_to() {
	local tree=$1 list=$1/.af_bus file

	(cd "$stage" && find . -type f -printf '%P\n' | LC_ALL=C sort) >"$list.new"
	touch "$list"
	while read -r file; do
		if pristine_has "$file"; then
			pristine_copy "$file" "$tree/$file"
		else
			rm -f "$tree/$file"
		fi
	done < <(LC_ALL=C comm -23 "$list" "$list.new")
	# If this is interrupted, the next run knows the files of both states.
	LC_ALL=C sort -u -o "$list" "$list" "$list.new"
	# Without --times, make sees new times on changed files only.
	rsync -rp --checksum --files-from="$list.new" "$stage/" "$tree/"
	mv "$list.new" "$list"
}
