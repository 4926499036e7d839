# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs every selftest and some D-Bus scenarios several times on the debug kernel of
# the oldest base, while allocations and copies from and to user space fail at
# random. Only the kernel's log and leftovers count as failures. The lane "debug" runs
# a part of this, with faults in AF_BUS only. Here faults happen anywhere, and other
# parts of the kernel may warn when they have no memory; tell such warnings apart.
# AF_BUS_FAULTS has options of with_faults.c, such as --seed N or --rounds N.

lane_faults() {
	local dir=$top/build/results/faults

	say "faults: the kernel"
	try "faults: kernel $oldest debug builds" \
		"$top/scripts/kernel" --base "$oldest" --config debug build || return 0
	try "faults: ss builds" "$top/scripts/iproute2" build || true
	try "faults: selftests build" build_selftests "$oldest" "$dir/selftests" || return 0
	try "faults: dbus builds" build_scenarios "$dir/dbus" || return 0
	# shellcheck disable=SC2086
	run_with_faults faults "$dir/selftests" "$dir/dbus" "$oldest" debug --rounds 3 ${AF_BUS_FAULTS-}
}
