# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Runs all tests on the debug kernel of the oldest base.

lane_debug() {
	test_kernel debug "$oldest" debug
}
