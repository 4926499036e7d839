# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Compares the cost of messages with scripts/lib/bench.record.

lane_bench() {
	local dir=$top/build/results/bench status=0

	mkdir -p "$dir"
	say "bench: the counted rows, in a guest"
	"$top/scripts/bench" --guard >"$dir/guard.tap" || status=$?
	take_tap bench "$dir/guard.tap" "$status"
}
