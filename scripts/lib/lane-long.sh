# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs the long form of tests that have one, on the release kernel of the newest
# base: a million multicasts and more; in CI a quarter of it.

lane_long() {
	local dir=$top/build/results/long part=1

	[ "${CI-}" != true ] || part=4
	say "long: the kernel"
	try "long: kernel $newest release builds" \
		"$top/scripts/kernel" --base "$newest" --config release build || return 0
	try "long: selftests build" build_selftests "$newest" "$dir" || return 0
	grep -l 'bus_long(' "$top"/tools/testing/selftests/net/af_bus/*.c "$top"/tests/stress/*.c |
		sed -n 's,.*/\(.*\)\.c$,\1,p' | grep -v _util | LC_ALL=C sort >"$dir/programs.list"
	run_in_guest long "$dir" "$newest" release --env AF_BUS_LONG=$part \
		--env TEST_TIMEOUT=2400 --timeout 7200
}
