# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Tests that run in a guest: building, running, counting

# build_selftests BASE DIR [VARIABLE=VALUE...]: builds the kernel selftests and the
# programs of tests/stress into DIR. The selftests are built as in a kernel tree: one
# of links to the base's, with a copy of ours. The variables are for make.
build_selftests() {
	local source tree=$top/build/selftests/tree-$1 dir=tools/testing/selftests entry

	need_packages gcc libc6-dev make rsync libbpf-dev clang secilc
	source=$("$top/scripts/kernel" --base "$1" source)
	rm -rf "$tree" "$2"
	mkdir -p "$tree/$dir/net" "$2"
	for entry in "$source"/{scripts,include,arch,tools/{include,scripts,build,lib,arch}} \
		"$source/$dir"/* "$source/$dir/net"/*; do
		entry=${entry#"$source/"}
		[ -e "$tree/$entry" ] || ln -s "$source/$entry" "$tree/$entry"
	done
	cp -r "$top/$dir/net/af_bus" "$tree/$dir/net/"
	make -C "$tree/$dir/net/af_bus" KHDR_INCLUDES="-isystem $top/include/uapi" \
		INSTALL_PATH="$2" "${@:3}" all install || return
	make -C "$top/tests/stress" SELFTESTS="$tree/$dir" OUT="$2" "${@:3}" all || return
	{
		make -s -C "$tree/$dir/net/af_bus" emit_tests COLLECTION=net/af_bus |
			sed -n 's,^net/af_bus:,,p'
		make -s -C "$top/tests/stress" list
	} | LC_ALL=C sort >"$2/programs.list"
	# These need a kernel that is booted for them, see run_lsm_tests().
	sed -i '/^lsm_\|^nf_bpf$/d' "$2/programs.list"
	[ -s "$2/programs.list" ]
}

# build_unix_selftests BASE DIR: builds the base's own tests of AF_UNIX, because
# AF_BUS shares its collector; except tests that need clang.
build_unix_selftests() {
	local source dir=tools/testing/selftests file name

	source=$("$top/scripts/kernel" --base "$1" source)
	rm -rf "$2"
	mkdir -p "$2/include/asm-generic" "$2/bin"
	# The machine's headers may lack newer options.
	cp "$source/include/uapi/asm-generic/socket.h" "$2/include/asm-generic/"
	for file in "$source/$dir"/net/af_unix/*.c; do
		name=$(basename "$file" .c)
		[ ! -e "${file%/*}/${name%.bpf}.bpf.c" ] || continue
		gcc -O2 -D_GNU_SOURCE= -isystem "$2/include" -I "$source/$dir" -I "$source/$dir/net" \
			-o "$2/bin/$name" "$file" || return
		# They bind paths in the current directory, and 9p cannot hold
		# sockets.
		printf '#!/bin/sh\ncd /tmp && exec %q\n' "$2/bin/$name" >"$2/$name"
		chmod +x "$2/$name"
		echo "$name" >>"$2/programs.list"
	done
}

# build_scenarios DIR: builds both versions of dbus and the programs of tests/dbus.
# Executable files there are tests.
build_scenarios() {
	local file

	"$top/scripts/dbus" build || return
	mkdir -p "$1"
	make -C "$top/tests/dbus" OUT="$1" DBUS="$("$top/scripts/dbus" path patched)" || return
	for file in "$top"/tests/dbus/*; do
		cp "$file" "$1/"
		[ ! -x "$file" ] || echo "${file##*/}"
	done >"$1/programs.list"
	# This test needs a kernel that is booted for it, see run_confined().
	sed -i '/^confined$/d' "$1/programs.list"
	[ -s "$1/programs.list" ]
}

# run_confined LABEL SCENARIOS BASE CONFIG [OPTION...]: runs the D-Bus scenario that
# needs AppArmor, in its own guest.
run_confined() {
	need_packages apparmor
	mkdir -p "$2-confined"
	cp -r "$2/." "$2-confined/"
	echo confined >"$2-confined/programs.list"
	run_in_guest "$1/dbus lsm=apparmor" "$2-confined" "${@:3}" --append lsm=apparmor
}

# build_tools DIR: builds the programs of tools/net/bus. Executable files in its tests
# directory are tests, and so is topic-test.
build_tools() {
	local file

	mkdir -p "$1"
	make -C "$top/tools/net/bus" OUTPUT="$1" tests || return
	cp "$top/tools/net/bus/example.py" "$1/" || return
	echo topic-test >"$1/programs.list"
	for file in "$top"/tools/net/bus/tests/*; do
		cp "$file" "$1/" || return
		[ ! -x "$file" ] || echo "${file##*/}"
	done >>"$1/programs.list"
}

# run_in_guest LABEL DIR BASE CONFIG [OPTION...]: runs every program of
# DIR/programs.list in one guest; writes name.tap and name.status into DIR.
run_in_guest() {
	local label=$1 dir=$2 base=$3 config=$4 name status=0

	shift 4
	rm -f "$dir"/*.tap "$dir"/*.status
	say "$label: $(wc -l <"$dir/programs.list") programs, in a guest"
	"$top/scripts/vm" --again --base "$base" --config "$config" --timeout 2400 "$@" -- \
		"$top/scripts/lib/guest-run" "$dir" || status=$?
	while read -r name; do
		if [ -e "$dir/$name.status" ]; then
			take_tap "$label/$name" "$dir/$name.tap" "$(cat "$dir/$name.status")"
		else
			fail "$label/$name: did not end"
			[ ! -e "$dir/$name.tap" ] || fail_quote "$dir/$name.tap"
		fi
	done <"$dir/programs.list"
	if ((status)); then
		fail "$label: the guest, or its kernel's log (status $status; see above)"
	else
		pass "$label: the kernel's log is clean"
	fi
}

# Tests that need security modules or BPF: boot parameters, and programs
lsm_tests=(
	"lsm=landlock lsm_oracle"
	"lsm=apparmor lsm_oracle lsm_apparmor"
	"lsm=smack lsm_oracle lsm_smack"
	"lsm=selinux lsm_selinux"
	"lsm=landlock,bpf lsm_bpf nf_bpf"
)

# run_lsm_tests LABEL SELFTESTS BASE CONFIG: runs the programs of each line in a guest
# of their own.
run_lsm_tests() {
	local label=$1 selftests=$2 base=$3 config=$4 line append programs name dir

	for line in "${lsm_tests[@]}"; do
		read -r append programs <<<"$line"
		# The debug kernel has no BTF, and its lockdep reports how Smack walks
		# its labels and how AppArmor of 6.12 walks its profiles.
		case $config:$append in
		debug:*bpf | debug:*smack) continue ;;
		debug:*apparmor) programs=lsm_oracle ;;
		esac
		dir=$selftests/boot-${append//[=,]/-}
		mkdir -p "$dir"
		for name in $programs; do
			cp "$selftests/$name"* "$dir/"
			echo "$name"
		done >"$dir/programs.list"
		run_in_guest "$label $append" "$dir" "$base" "$config" --append "$append"
	done
}

# report_coverage LANE RESULT DIR: counts the lines of net/bus that the lane reached.
# Files in DIR have the details.
report_coverage() {
	local totals

	if totals=$("$top/scripts/lib/coverage.py" "$2/gcov/net/bus" "$top" 90 "$3" 2>&1); then
		pass "$1: lines reached: $totals"
	else
		fail "$1: lines reached, 90 % at least: $totals"
	fi
}

# run_with_faults LABEL SELFTESTS SCENARIOS BASE CONFIG [OPTION...]: runs selftests
# and scenarios in one guest while faults happen; the options are those of
# with_faults.c.
run_with_faults() {
	local label=$1 selftests=$2 scenarios=$3 dir=$2-with_faults program programs=()

	while read -r program; do
		case $program in
		faults*) ;; # make their own, one at a time
		sync) ;; # needs the function tracer
		fuzz) ;; # ends when a call fails that should not
		*) programs+=("$program") ;;
		esac
	done <"$selftests/programs.list"
	mkdir -p "$dir"
	# The short D-Bus scenarios, run as whole programs
	cat >"$dir/selftests" <<-END
		#!/bin/sh
		cd $selftests && exec ./with_faults ${*:6} ${programs[*]}
	END
	cat >"$dir/dbus" <<-END
		#!/bin/sh
		cd $scenarios && exec $selftests/with_faults ${*:6} --seconds 120 --whole scenarios policy
	END
	chmod +x "$dir/selftests" "$dir/dbus"
	printf '%s\n' selftests dbus >"$dir/programs.list"
	run_in_guest "$label/with_faults" "$dir" "$4" "$5" --timeout 10000 --env TEST_TIMEOUT=8000 \
		--env "AF_BUS_SS=$("$top/scripts/iproute2" path)/ss" \
		--env "DBUS_PATCHED=$("$top/scripts/dbus" path patched)"
}

# test_kernel LANE BASE CONFIG: runs all groups of tests.
test_kernel() {
	local lane=$1 base=$2 config=$3 dir=$top/build/results/$1 fuzz=10 kernel

	[ "$config" != debug ] || fuzz=60
	say "$lane: the kernel"
	kernel=$("$top/scripts/kernel" --base "$base" --config "$config" build) || {
		fail "$lane: kernel $base $config builds"
		return 0
	}
	pass "$lane: kernel $base $config builds"

	rm -rf "$dir"
	mkdir -p "$dir/boot"
	echo boots >"$dir/boot/programs.list"
	printf '#!/bin/sh\necho 1..1\nuname -r | sed "s/^/ok 1 - runs /"\n' >"$dir/boot/boots"
	chmod +x "$dir/boot/boots"
	run_in_guest "$lane" "$dir/boot" "$base" "$config"

	if [ -e "$top/tools/testing/selftests/net/af_bus/Makefile" ]; then
		try "$lane: ss builds" "$top/scripts/iproute2" build || true
		if try "$lane: selftests build" build_selftests "$base" "$dir/selftests"; then
			# Faults exist on the debug kernel only, the function tracer
			# on the others only.
			case $config in
			debug) sed -i '/^sync$/d' "$dir/selftests/programs.list" ;;
			*) sed -i '/^faults/d' "$dir/selftests/programs.list" ;;
			esac
			run_in_guest "$lane/selftests" "$dir/selftests" "$base" "$config" \
				--env "AF_BUS_FUZZ=$fuzz" --env "AF_BUS_SS=$("$top/scripts/iproute2" path)/ss"
			run_lsm_tests "$lane" "$dir/selftests" "$base" "$config"
		fi
	fi
	# The same tests as 32-bit programs on a 64-bit kernel
	if [ "$config" = release ] && need_packages gcc-multilib &&
		try "$lane: 32-bit selftests build" build_selftests "$base" "$dir/selftests32" \
			"CC=gcc -m32 -Wno-pointer-to-int-cast -Wno-psabi"; then
		sed -i '/^faults/d' "$dir/selftests32/programs.list"
		run_in_guest "$lane/selftests32" "$dir/selftests32" "$base" "$config" \
			--env "AF_BUS_SS=$("$top/scripts/iproute2" path)/ss"
	fi
	need_packages gcc libc6-dev make python3 util-linux findutils
	if try "$lane: tools build" build_tools "$dir/tools"; then
		run_in_guest "$lane/tools" "$dir/tools" "$base" "$config"
	fi
	if try "$lane: the kernel's tests of AF_UNIX build" \
		build_unix_selftests "$base" "$dir/af_unix"; then
		run_in_guest "$lane/af_unix" "$dir/af_unix" "$base" "$config"
	fi
	if [ "$config" = debug ] && [ -d "$top/net/bus/tests" ]; then
		mkdir -p "$dir/kunit"
		cp "$top/scripts/lib/guest-kunit" "$dir/kunit/kunit"
		echo kunit >"$dir/kunit/programs.list"
		# Later kernels only list KUnit tests, unless they are told to run
		# them.
		run_in_guest "$lane/kunit" "$dir/kunit" "$base" "$config" --append kunit.autorun=1
	fi
	# This package has the user messagebus, which tests of dbus switch to.
	need_packages dbus-system-bus-common
	if [ -e "$top/tests/dbus/Makefile" ] &&
		try "$lane: dbus builds" build_scenarios "$dir/dbus"; then
		run_in_guest "$lane/dbus" "$dir/dbus" "$base" "$config" \
			--env "DBUS_PATCHED=$("$top/scripts/dbus" path patched)" \
			--env "DBUS_PLAIN=$("$top/scripts/dbus" path plain)"
		# AppArmor of 6.12 lacks the support that dbus needs.
		[ "$config" != release ] || [ "$base" = 6.12 ] ||
			run_confined "$lane" "$dir/dbus" "$base" "$config" \
				--env "DBUS_PATCHED=$("$top/scripts/dbus" path patched)"
		[ "$config" != debug ] ||
			run_with_faults "$lane" "$dir/selftests" "$dir/dbus" "$base" "$config" \
				--part 3 --seconds 10 --ours
	fi
	[ ! -d "$kernel/gcov" ] || report_coverage "$lane" "$kernel" "$dir"
}
