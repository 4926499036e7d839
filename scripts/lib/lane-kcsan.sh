# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The selftests on the KCSAN kernel of mainline: a data race of ours fails, see
# scripts/lib/splat.sh. That kernel is a third one, so this is run on demand.

lane_kcsan() {
	local dir=$top/build/results/kcsan

	say "kcsan: the kernel"
	try "kcsan: kernel mainline kcsan builds" \
		"$top/scripts/kernel" --base mainline --config kcsan build || return 0
	try "kcsan: ss builds" "$top/scripts/iproute2" build || true
	try "kcsan: selftests build" build_selftests mainline "$dir" || return 0
	# They need faults, which are in no kernel but debug, or the function tracer,
	# which is in no kernel but release.
	sed -i '/^faults\|^sync$/d' "$dir/programs.list"
	# What is watched is delayed, which the watchdog of the clock takes for
	# a broken clock.
	run_in_guest kcsan "$dir" mainline kcsan --timeout 3600 --append tsc=nowatchdog \
		--env "AF_BUS_SS=$("$top/scripts/iproute2" path)/ss"
}
