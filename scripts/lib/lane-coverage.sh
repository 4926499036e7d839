# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How much of net/bus the tests reach.

lane_coverage() {
	try "coverage: of net/bus and of nfdbus" "$top/scripts/coverage" || true
}
