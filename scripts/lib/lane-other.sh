# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the lanes debug and release run, with bases exchanged: two more kernels, so
# this is run on demand.

lane_other() {
	test_kernel other-debug mainline debug
	test_kernel other-release 6.12 release
}
