# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs the lanes debug and release with the bases exchanged. This needs two more
# kernels, so it runs on demand.

lane_other() {
	test_kernel other-debug mainline debug
	test_kernel other-release 6.12 release
}
