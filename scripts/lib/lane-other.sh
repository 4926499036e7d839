# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs the tests of the lanes debug and release on the kernels that those leave out.
# This needs a kernel more for each base, so it runs on demand.

lane_other() {
	local base

	test_kernel other-debug "$newest" debug
	for base in "${bases[@]}"; do
		[ "$base" = "$newest" ] || test_kernel "other-$base" "$base" release
	done
}
