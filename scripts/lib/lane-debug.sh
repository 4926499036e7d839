# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs all tests on the debug kernel of 6.12.

lane_debug() {
	test_kernel debug 6.12 debug
}
