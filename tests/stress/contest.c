// SPDX-License-Identifier: GPL-2.0
/* The contests of the fuzzer, one after the other */
#include "kselftest_harness.h"

#include "fuzz.h"

/* A second of each contest. A wrong kernel loses "full", "woken" and "several" in
 * that time, but not yet "twice" and "passed", which KUnit tests as well. See
 * fuzz_contest.c.
 */
static void compete(struct __test_metadata *_metadata, enum fuzz_contest kind)
{
	unsigned int i, nr = 20 * bus_long(20);
	__u64 seed = rnd_seed();
	char what[128];

	for (i = 0; i < nr; i++) {
		ASSERT_TRUE(fuzz_contest(kind, seed + i, 50, what,
					 sizeof(what)));
		ASSERT_STREQ("", what) {
			TH_LOG("seed %llu", (unsigned long long)seed + i);
		}
	}
}

TEST(twice)
{
	compete(_metadata, FUZZ_TWICE);
}

TEST(full)
{
	compete(_metadata, FUZZ_FULL);
}

TEST(passed)
{
	compete(_metadata, FUZZ_PASSED);
}

TEST(woken)
{
	compete(_metadata, FUZZ_WOKEN);
}

TEST(several)
{
	compete(_metadata, FUZZ_SEVERAL);
}

TEST_HARNESS_MAIN
