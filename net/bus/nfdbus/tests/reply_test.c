// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: tests of expected replies
 */

#include <linux/err.h>
#include <linux/slab.h>
#include "nfdbus_test.h"

#define MAX_REPLIES	4

struct replies {
	struct nfdbus_bus	*nb;
	struct nfdbus_peer	*caller;
	struct nfdbus_peer	*callee;
};

static struct replies *begin(struct kunit *test)
{
	struct replies *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->nb = nfdbus_bus_alloc();
	KUNIT_ASSERT_FALSE(test, IS_ERR(r->nb));
	r->nb->max_replies = MAX_REPLIES;
	r->caller = nfdbus_peer_alloc(r->nb, 1);
	r->callee = nfdbus_peer_alloc(r->nb, 2);
	KUNIT_ASSERT_TRUE(test, r->caller && r->callee);
	return r;
}

static void end(struct kunit *test, struct replies *r)
{
	nfdbus_replies_leave(r->caller);
	nfdbus_replies_release(r->callee);
	KUNIT_EXPECT_EQ(test, r->nb->nr_replies, 0);
	nfdbus_bus_free(r->nb);
	kfree(r->caller);
	kfree(r->callee);
}

static int call(struct replies *r, u32 serial, bool staged, bool direct)
{
	struct nfdbus_msg m = { .serial = serial };
	int err = nfdbus_reply_expect(r->caller, r->callee, &m);

	nfdbus_reply_settle(r->nb, &m, staged, direct);
	return err;
}

static bool answer(struct replies *r, u32 serial, bool staged, bool direct)
{
	struct nfdbus_msg m = { .reply_serial = serial };
	bool claimed = nfdbus_reply_claim(r->callee, r->caller, &m);

	nfdbus_reply_settle(r->nb, &m, staged, direct);
	return claimed;
}

static void test_used_up(struct kunit *test)
{
	struct replies *r = begin(test);

	KUNIT_EXPECT_FALSE(test, answer(r, 5, true, true));
	KUNIT_EXPECT_EQ(test, 0, call(r, 5, true, true));
	KUNIT_EXPECT_FALSE(test, answer(r, 6, true, true));
	KUNIT_EXPECT_TRUE(test, answer(r, 5, false, false));
	KUNIT_EXPECT_TRUE(test, answer(r, 5, true, true));
	KUNIT_EXPECT_FALSE(test, answer(r, 5, true, true));

	/* By way of the master it is used up all the same. */
	KUNIT_EXPECT_EQ(test, 0, call(r, 6, true, true));
	KUNIT_EXPECT_TRUE(test, answer(r, 6, true, false));
	KUNIT_EXPECT_FALSE(test, answer(r, 6, true, true));
	end(test, r);
}

static void test_not_delivered(struct kunit *test)
{
	struct replies *r = begin(test);

	KUNIT_EXPECT_EQ(test, 0, call(r, 5, false, false));
	KUNIT_EXPECT_FALSE(test, answer(r, 5, true, true));
	KUNIT_EXPECT_EQ(test, 0, call(r, 5, true, false));
	KUNIT_EXPECT_FALSE(test, answer(r, 5, true, true));
	KUNIT_EXPECT_EQ(test, r->nb->nr_replies, 0);
	end(test, r);
}

static void test_other_way_round(struct kunit *test)
{
	struct nfdbus_msg m = { .reply_serial = 5 };
	struct replies *r = begin(test);

	KUNIT_EXPECT_EQ(test, 0, call(r, 5, true, true));
	KUNIT_EXPECT_FALSE(test, nfdbus_reply_claim(r->caller, r->callee, &m));
	end(test, r);
}

static void test_limits(struct kunit *test)
{
	struct replies *r = begin(test);
	u32 i;

	KUNIT_EXPECT_EQ(test, 0, call(r, 1, true, true));
	KUNIT_EXPECT_EQ(test, -EEXIST, call(r, 1, true, true));
	for (i = 2; i <= MAX_REPLIES; i++)
		KUNIT_EXPECT_EQ(test, 0, call(r, i, true, true));
	KUNIT_EXPECT_EQ(test, -EDQUOT, call(r, i, true, true));
	KUNIT_EXPECT_TRUE(test, answer(r, 1, true, true));
	KUNIT_EXPECT_EQ(test, 0, call(r, i, true, true));
	end(test, r);
}

/* Of the limits of the bus and of the caller the lower one counts. */
static void test_limit_of_caller(struct kunit *test)
{
	struct replies *r = begin(test);

	r->caller->max_replies = 1;
	KUNIT_EXPECT_EQ(test, 0, call(r, 1, true, true));
	KUNIT_EXPECT_EQ(test, -EDQUOT, call(r, 2, true, true));
	r->caller->max_replies = 0;
	KUNIT_EXPECT_TRUE(test, answer(r, 1, true, true));
	KUNIT_EXPECT_EQ(test, -EDQUOT, call(r, 2, true, true));
	r->caller->max_replies = 2;
	r->nb->max_replies = 1;
	KUNIT_EXPECT_EQ(test, 0, call(r, 2, true, true));
	KUNIT_EXPECT_EQ(test, -EDQUOT, call(r, 3, true, true));
	end(test, r);
}

static void test_claimed_once(struct kunit *test)
{
	struct nfdbus_msg a = { .reply_serial = 5 };
	struct nfdbus_msg b = { .reply_serial = 5 };
	struct replies *r = begin(test);

	KUNIT_EXPECT_EQ(test, 0, call(r, 5, true, true));
	KUNIT_EXPECT_TRUE(test, nfdbus_reply_claim(r->callee, r->caller, &a));
	KUNIT_EXPECT_FALSE(test, nfdbus_reply_claim(r->callee, r->caller, &b));
	nfdbus_reply_settle(r->nb, &b, true, false);
	nfdbus_reply_settle(r->nb, &a, true, true);
	end(test, r);
}

static void test_caller_leaves(struct kunit *test)
{
	struct nfdbus_msg m = { .reply_serial = 5 };
	struct replies *r = begin(test);

	KUNIT_EXPECT_EQ(test, 0, call(r, 5, true, true));
	KUNIT_EXPECT_EQ(test, 0, call(r, 6, true, true));
	KUNIT_EXPECT_TRUE(test, nfdbus_reply_claim(r->callee, r->caller, &m));
	nfdbus_replies_leave(r->caller);
	KUNIT_EXPECT_EQ(test, r->nb->nr_replies, 0);
	nfdbus_reply_settle(r->nb, &m, false, false);
	KUNIT_EXPECT_FALSE(test, answer(r, 6, true, true));
	KUNIT_EXPECT_EQ(test, -EPIPE, call(r, 7, true, true));
	end(test, r);
}

static void test_master_takes(struct kunit *test)
{
	struct nfdbus_reply_key keys[MAX_REPLIES];
	struct replies *r = begin(test);

	KUNIT_EXPECT_EQ(test, 0, call(r, 5, true, true));
	KUNIT_EXPECT_EQ(test, 0, call(r, 6, true, true));
	nfdbus_replies_leave(r->callee);
	KUNIT_EXPECT_EQ(test, 1, nfdbus_replies_peek(r->callee, keys, 1));
	KUNIT_EXPECT_EQ(test, 2, nfdbus_replies_peek(r->callee, keys,
						     MAX_REPLIES));
	KUNIT_EXPECT_EQ(test, keys[0].caller, 1);
	KUNIT_EXPECT_EQ(test, keys[0].serial, 5);
	nfdbus_replies_take(r->callee, keys, 1);
	KUNIT_EXPECT_EQ(test, 1, nfdbus_replies_peek(r->callee, keys,
						     MAX_REPLIES));
	KUNIT_EXPECT_EQ(test, keys[0].serial, 6);
	end(test, r);
}

static struct kunit_case reply_cases[] = {
	KUNIT_CASE(test_used_up),
	KUNIT_CASE(test_not_delivered),
	KUNIT_CASE(test_other_way_round),
	KUNIT_CASE(test_limits),
	KUNIT_CASE(test_limit_of_caller),
	KUNIT_CASE(test_claimed_once),
	KUNIT_CASE(test_caller_leaves),
	KUNIT_CASE(test_master_takes),
	{}
};

struct kunit_suite reply_suite = {
	.name		= "nfdbus_reply",
	.test_cases	= reply_cases,
};
