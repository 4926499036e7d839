# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs all tests on the release kernel of mainline.

lane_release() {
	test_kernel release mainline release
}
