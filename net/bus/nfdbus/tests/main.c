// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: KUnit tests
 */

#include "nfdbus_test.h"

kunit_test_suites(&syntax_suite, &message_suite, &rule_suite, &state_suite,
		  &reply_suite);

MODULE_DESCRIPTION("KUnit tests of nfdbus");
MODULE_LICENSE("GPL");
