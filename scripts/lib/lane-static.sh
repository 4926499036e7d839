# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Checks that need no guest: the rules of this tree, and compilers

shell_files() {
	git -C "$top" ls-files -co --exclude-standard |
		while read -r file; do
			[ -f "$top/$file" ] || continue
			case $file in
			*.sh) echo "$file" ;;
			tools/testing/* | *.*) ;;
			*) ! head -n 1 "$top/$file" | grep -q '^#!.*sh$' || echo "$file" ;;
			esac
		done
}

commands_have_help() {
	local file

	for file in "$top"/scripts/*; do
		[ ! -f "$file" ] || "$file" -h | grep -q "${file##*/}" || {
			echo "$file -h does not tell what it does"
			return 1
		}
	done
}

# checkpatch does not know the style of tracepoint headers.
our_c_files() {
	local generated

	generated=$("$top/scripts/kernel" generated)
	git -C "$top" ls-files -co --exclude-standard -- net include tools tests/stress |
		grep -E '\.[ch]$' | grep -v '^include/trace/' | grep -vxF "$generated" |
		while read -r file; do
			[ ! -f "$top/$file" ] || echo "$file"
		done
}

# checkpatch SOURCE ARGS...: ignores the warning about new files, and that about const
# ctl_table, because each network namespace writes to its copy of the table.
checkpatch() {
	local source=$1

	shift
	perl "$source/scripts/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary \
		--ignore FILE_PATH_CHANGES,CONST_STRUCT "$@"
}

style_of_files() {
	local file status=0

	while read -r file; do
		(cd "$top" && checkpatch "$1" -f "$file") || status=1
	done < <(our_c_files)
	return "$status"
}

# checkpatch reads the patch from standard input, because it would check the whole of
# a file in git. Spaces are those of the patched file.
style_of_patches() {
	local file out status=0

	while read -r file; do
		out=$(checkpatch "$1" --no-signoff --ignore COMMIT_MESSAGE,LEADING_SPACE,SPACING - <"$top/$file") || {
			status=1
			echo "$file, by line:"
			echo "$out"
		}
	done < <(git -C "$top" ls-files -co --exclude-standard -- patches/linux |
		sed '/\/0000-backport-/d')
	return "$status"
}

# patches_are_mails SOURCE PATCH...: checks that git am applies the patches, and that
# each has a reason and a sign-off.
patches_are_mails() {
	local dir patch status=0

	dir=$(mktemp -d)
	am_series "$dir" "$@" || status=1
	rm -rf "$dir"
	shift
	for patch; do
		# The reason is text between the subject and the sign-off.
		awk '/^---$/ { exit } /^Signed-off-by: / { signed = 1 } head && NF && !signed { why = 1 }
			/^$/ { head = 1 } END { exit !(why && signed) }' "$patch" || {
			echo "${patch#"$top/"} does not say why, or is not signed off"
			status=1
		}
	done
	return "$status"
}

generated_is_current() {
	local dir=$top/build/generated file status=0

	rm -rf "$dir"
	"$top/scripts/kernel" --base newest generate "$dir"
	while read -r file; do
		diff -u "$top/$file" "$dir/$file" || status=1
	done < <("$top/scripts/kernel" generated)
	return "$status"
}

# race FRAME...: prints a data race in the kernel's format, with these frames on one
# side.
race() {
	local frame rule='=================================================================='

	printf '[    1.000000] %s\n' "$rule" 'BUG: KCSAN: data-race in one / other' '' \
		'write to 0xff11000000d4fa28 of 8 bytes by task 10 on cpu 1:' ' one+0x10/0x20' '' \
		'read to 0xff11000000d4fa28 of 8 bytes by task 11 on cpu 0:'
	for frame; do
		echo "[    1.000000]  $frame+0x10/0x20"
	done
	printf '[    1.000000] %s\n' '' 'Reported by Kernel Concurrency Sanitizer on:' \
		'CPU: 0 UID: 0 PID: 11 Comm: bus_test Not tainted 7.3.4 #1 PREEMPT' "$rule"
}

# Races in our functions count, and reports of other races do not hide them.
races_are_told_apart() {
	local log=$1 status=0 name

	race other asm_sysvec_apic_timer_interrupt bus_sendmsg >"$log"
	race other unix_stream_sendmsg >>"$log"
	if splats_in "$log"; then
		echo "found: races of others"
		status=1
	fi
	for name in bus_sendmsg __bus_route_settle nfdbus_route; do
		{
			race other asm_sysvec_apic_timer_interrupt bus_sendmsg
			race other "$name" asm_sysvec_apic_timer_interrupt
		} >"$log"
		splats_in "$log" >/dev/null || {
			echo "not found: a race in $name"
			status=1
		}
	done
	race other >"$log"
	sed -i '$d' "$log"
	splats_in "$log" >/dev/null || {
		echo "not found: a race whose report does not end"
		status=1
	}
	return "$status"
}

# Checks that scripts/vm fails on reports in the kernel's words.
reports_are_found() {
	local report log status=0

	log=$(mktemp)
	while read -r report; do
		echo "[    1.000000] $report" >"$log"
		splats_in "$log" >/dev/null || {
			echo "not found: $report"
			status=1
		}
	done <<-'END'
		WARNING: CPU: 0 PID: 1 at net/bus/send.c:10 bus_send+0x10/0x20
		WARNING: possible circular locking dependency detected
		WARNING: suspicious RCU usage
		WARNING: inconsistent lock state
		BUG: sleeping function called from invalid context at mm/slab.h:1
		BUG: KASAN: slab-use-after-free in bus_send+0x10/0x20
		BUG: KCSAN: data-race in bus_send / bus_recv
		BUG: kernel NULL pointer dereference, address: 0000000000000008
		BUG: Invalid wait context
		BUG: MAX_LOCKDEP_ENTRIES too low!
		turning off the locking correctness validator.
		Oops: general protection fault, probably for non-canonical address
		refcount_t: underflow; use-after-free.
		list_del corruption. prev->next should be ffff888
		UBSAN: array-index-out-of-bounds in net/bus/group.c:10:4
		INFO: task bus:10 blocked for more than 120 seconds.
		rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
		rcu: INFO: rcu_preempt self-detected stall on CPU
		watchdog: BUG: soft lockup - CPU#0 stuck for 22s!
		ODEBUG: free active (active state 0) object: ffff888
		unregister_netdevice: waiting for lo to become free. Usage count = 2
		kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
		unreferenced object 0xffff888 (size 192):
		Kernel panic - not syncing: Fatal exception
	END
	cat >"$log" <<-'END'
		[    7.815686] kmemleak: Kernel memory leak detector initialized (mem pool available: 15104)
		[   26.107857] clocksource: Long readout interval, skipping watchdog check
		[   55.637345] sysrq: Resetting
	END
	! splats_in "$log" || status=1
	races_are_told_apart "$log" || status=1
	rm "$log"
	return "$status"
}

# kernel_doc_is_clean SOURCE: checks all kernel-doc comments.
kernel_doc_is_clean() {
	local source=$1 tool=$1/tools/docs/kernel-doc out

	[ -e "$tool" ] || tool=$source/scripts/kernel-doc
	out=$(/usr/bin/python3 -B "$tool" -none -Wall "$top"/net/bus/*.[ch] "$top"/net/bus/nfdbus/*.[ch] \
		"$top"/include/net/af_bus.h "$top"/include/trace/events/bus.h \
		"$top"/include/uapi/linux/bus*.h 2>&1) || true
	[ -z "$out" ] || {
		echo "$out"
		return 1
	}
}

# documents_build SOURCE: builds our documents with Sphinx, as part of a kernel's
# documentation.
documents_build() {
	local source=$1 dir=$top/build/documents tree entry out

	tree=$dir/tree
	rm -rf "$dir"
	mkdir -p "$tree/Documentation"
	for entry in "$source"/* "$source"/Documentation/*; do
		entry=${entry#"$source/"}
		case $entry in Documentation | include | Documentation/networking) continue ;; esac
		ln -s "$source/$entry" "$tree/$entry"
	done
	cp -r "$top/include" "$tree/"
	cp -r "$top/Documentation/networking" "$tree/Documentation/"
	{
		printf '%s\n' '.. SPDX-License-Identifier: GPL-2.0' '' Networking ========== '' '.. toctree::' ''
		(cd "$top/Documentation/networking" && printf '   %s\n' *.rst)
	} >"$tree/Documentation/networking/index.rst"
	# Our documents need neither the kernel's logo nor programs that draw.
	out=$(cd "$tree/Documentation" && srctree=$tree PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m sphinx \
		-q -E -b html -c . -D version="${source##*/}" -D release="${source##*/}" \
		-d "$dir/doctrees" networking "$dir/html" 2>&1 |
		grep -v -e '^Using .* theme' -e "logo.svg' does not exist" -e 'dot(1) not found') || true
	[ -z "$out" ] || {
		echo "$out"
		return 1
	}
	grep -q 'struct bus_info' "$dir/html/af_bus.html"
}

# Checks the man pages with mandoc and groff, and that the programs they quote are
# ours.
man_pages_are_well_formed() {
	local dir=$top/tools/net/bus out

	out=$(mandoc -T lint "$dir"/*.[1-8] 2>&1) || true
	out+=$(groff -man -ww -z -T utf8 "$dir"/*.[1-8] 2>&1) || true
	out+=$("$top/scripts/lib/man-examples" "$dir/bus.7" 2>&1) || true
	[ -z "$out" ] || {
		echo "$out"
		return 1
	}
}

# lacks FILE WORD...: prints the words that are not in FILE.
lacks() {
	local file=$1 word status=1

	shift
	for word; do
		grep -qwF -- "$word" "$file" || {
			echo "${file#"$top/"} says nothing of $word"
			status=0
		}
	done
	return "$status"
}

# bus(7) must have every name of the UAPI, every field of bus_info, every sysctl, and
# every error except those that programs using sockets never see.
man_page_is_complete() {
	local header=$top/include/uapi/linux/bus.h names

	mapfile -t names < <(
		grep -oE '^(#define[[:space:]]+|[[:space:]])(SCM_BUS|BUS)_[A-Z_]+' "$header" |
			grep -oE '[A-Z_]+$' | grep -vx BUS_PROTO_MAX
		sed -n '/^struct bus_info {/,/^}/s/.*[[:space:]]\([a-z_]*\);$/\1/p' "$header"
		sed -n 's/.*\.procname[[:space:]]*= "\(.*\)",/\1/p' "$top/net/bus/sysctl.c"
		find "$top/net/bus" -maxdepth 1 -name '*.c' ! -name diag.c -exec grep -hoE -- '-E[A-Z]+\>' {} + |
			sed 's/^-//' | grep -vxE 'EDQUOT|EEXIST|EIO|ENOIOCTLCMD|ENOSPC|ENOTSOCK|ERESTARTSYS'
	)
	((${#names[@]} > 100))
	! lacks "$top/tools/net/bus/bus.7" "${names[@]}"
}

# Every function bus_*() or nfdbus_*() that a comment or a document names.
functions_exist() {
	local code missing

	code=$(git -C "$top" ls-files -- 'net/*.[ch]' 'include/*.h' 'tools/*.[ch]' 'tests/*.[ch]' |
		sed "s|^|$top/|" | xargs -d '\n' cat | sed -E 's|/\*.*\*/||; /^[ \t]*(\/\*|\*)/d' |
		grep -oE '\b_*(bus|nfdbus)_[a-z0-9_]+\b' | LC_ALL=C sort -u)
	missing=$(git -C "$top" ls-files -- net include tools tests Documentation | sed "s|^|$top/|" |
		xargs -d '\n' grep -hoE '\b_*(bus|nfdbus)_[a-z0-9_]+\(\)' | sed 's/()$//' |
		LC_ALL=C sort -u | LC_ALL=C comm -23 - <(echo "$code"))
	[ -z "$missing" ] || {
		echo "There is no function: ${missing//$'\n'/ }"
		return 1
	}
}

# Runs sparse, and the compiler with W=1, on all our files.
compiler_has_no_word() {
	local out

	out=$("$top/scripts/kernel" --base "$1" --config "$2" make -s -j"$(nproc)" C=2 W=1 net/bus/ 2>&1) || {
		echo "$out"
		return 1
	}
	! grep -E '(warning|error):' <<<"$out"
}

lane_static() {
	local base source

	need_packages shellcheck perl sparse git python3 python3-sphinx mandoc groff-base
	source=$("$top/scripts/kernel" --base newest source)
	mapfile -t files < <(shell_files)
	try "static: shellcheck" env -C "$top" shellcheck -x "${files[@]}" || true
	try "static: every script has -h" commands_have_help || true
	try "static: reports of a kernel are found" reports_are_found || true
	for base in "${bases[@]}"; do
		try "static: applies to $base" "$top/scripts/kernel" --base "$base" try || true
	done
	for base in "${bases[@]}"; do
		mapfile -t files < <(patch_series "$base")
		try "static: patches to $base are mails" patches_are_mails \
			"$("$top/scripts/kernel" --base "$base" source)" "${files[@]}" || true
	done
	for base in dbus iproute2; do
		try "static: patches to $base are mails" patches_are_mails \
			"$("$top/scripts/$base" source)" "$top/patches/$base"/*.patch || true
	done
	try "static: mutations apply" "$top/scripts/mutate" --check || true
	try "static: checkpatch, our files" style_of_files "$source" || true
	try "static: checkpatch, patches" style_of_patches "$source" || true
	try "static: kernel-doc" kernel_doc_is_clean "$source" || true
	try "static: documents build" documents_build "$source" || true
	try "static: man pages are well-formed" man_pages_are_well_formed || true
	try "static: code in documents is that of programs" \
		/usr/bin/python3 -B "$top/scripts/lib/doc-quotes" "$top/Documentation/networking/af_bus_howto.rst" || true
	try "static: bus(7) names all there is" man_page_is_complete || true
	try "static: functions that are named exist" functions_exist || true
	if [ -e "$top/Documentation/netlink/specs/nfdbus.yaml" ]; then
		try "static: generated files are current" generated_is_current || true
	fi
	[ -e "$top/net/bus/Kconfig" ] || return 0
	say "sparse on net/bus"
	try "static: sparse and W=1 on $oldest" compiler_has_no_word "$oldest" debug || true
	try "static: sparse and W=1 on $newest" compiler_has_no_word "$newest" release || true
}
