# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs the selftests on the KCSAN kernel of the newest base. A data race in AF_BUS is
# a failure, see scripts/lib/splat.sh. This needs one more kernel, so it runs on demand.

lane_kcsan() {
	local dir=$top/build/results/kcsan

	say "kcsan: the kernel"
	try "kcsan: kernel $newest kcsan builds" \
		"$top/scripts/kernel" --base "$newest" --config kcsan build || return 0
	try "kcsan: ss builds" "$top/scripts/iproute2" build || true
	try "kcsan: selftests build" build_selftests "$newest" "$dir" || return 0
	# Faults exist on the debug kernel only, the function tracer on the release
	# kernel only.
	sed -i '/^faults\|^sync$/d' "$dir/programs.list"
	# KCSAN delays accesses, which the clock's watchdog takes for a broken clock.
	run_in_guest kcsan "$dir" "$newest" kcsan --timeout 3600 --append tsc=nowatchdog \
		--env "AF_BUS_SS=$("$top/scripts/iproute2" path)/ss"
}
