# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs all tests on the release kernel of the newest base.

lane_release() {
	test_kernel release "$newest" release
}
