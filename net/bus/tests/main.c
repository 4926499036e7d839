// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: KUnit tests
 */

#include "bus_test.h"

kunit_test_suites(&bus_hook_suite, &bus_proto_suite, &bus_send_suite,
		  &bus_reserve_suite, &bus_wait_suite);

MODULE_DESCRIPTION("KUnit tests of AF_BUS");
MODULE_LICENSE("GPL");
