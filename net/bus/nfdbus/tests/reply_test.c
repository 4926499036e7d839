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
	struct nfdbus_client	*caller;
	struct nfdbus_client	*callee;
};

static struct replies *begin(struct kunit *test)
{
	struct replies *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->nb = nfdbus_bus_alloc();
	KUNIT_ASSERT_FALSE(test, IS_ERR(r->nb));
	r->nb->max_replies = MAX_REPLIES;
	r->caller = nfdbus_client_alloc(r->nb, 1);
	r->callee = nfdbus_client_alloc(r->nb, 2);
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

	end(test, r);
}

/* The master may never read a message that was handed over. */
static void test_handed_over(struct kunit *test)
{
	struct nfdbus_reply *reply;
	struct replies *r = begin(test);

	KUNIT_EXPECT_EQ(test, 0, call(r, 6, true, true));
	KUNIT_EXPECT_TRUE(test, answer(r, 6, true, false));
	KUNIT_EXPECT_EQ(test, r->nb->nr_replies, 1);

	/* No message is the reply while the master takes it, nor afterwards. */
	KUNIT_EXPECT_NULL(test, nfdbus_reply_hold(r->callee, 3, 6));
	KUNIT_EXPECT_NULL(test, nfdbus_reply_hold(r->callee, 1, 7));
	reply = nfdbus_reply_hold(r->callee, 1, 6);
	KUNIT_ASSERT_NOT_NULL(test, reply);
	KUNIT_EXPECT_FALSE(test, answer(r, 6, true, true));
	nfdbus_reply_drop(r->nb, reply, false);
	reply = nfdbus_reply_hold(r->callee, 1, 6);
	KUNIT_ASSERT_NOT_NULL(test, reply);
	nfdbus_reply_drop(r->nb, reply, true);
	KUNIT_EXPECT_FALSE(test, answer(r, 6, true, true));
	end(test, r);
}

static void test_serials(struct kunit *test)
{
	static const struct {
		u32	serial;
		bool	repeats;
	} calls[] = {
		{ 1000, false }, { 1000, true }, { 999, true }, { 1, true },
		{ 1001, false }, { 1000, true }, { 1001, true },
		{ 1004, false }, { 1003, false }, { 1003, true },
		{ 1002, false }, { 1004, true }, { 1001, true },
		{ 1067, false }, { 1004, true }, { 1005, false },
		{ 1005, true }, { 1003, true }, { 1066, false },
		{ 5000, false }, { 4937, false }, { 4936, true },
		{ 4937, true }, { 0x7fffffff, false }, { 0xffffffff, true },
		{ 0x80000000, false }, { 0xfffffffe, false },
		{ 2, false }, { 1, false }, { 0xfffffffe, true },
	};
	struct replies *r = begin(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		KUNIT_EXPECT_EQ_MSG(test, calls[i].repeats,
				    nfdbus_reply_repeats(r->caller,
							 calls[i].serial),
				    "call %u, %u", i, calls[i].serial);
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

/* The lower one of the limits of the bus and of the caller applies. */
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
	struct nfdbus_owed owed[MAX_REPLIES];
	struct replies *r = begin(test);

	KUNIT_EXPECT_EQ(test, 0, call(r, 5, true, true));
	KUNIT_EXPECT_EQ(test, 0, call(r, 6, true, true));
	nfdbus_replies_leave(r->callee);
	KUNIT_EXPECT_EQ(test, 1, nfdbus_replies_peek(r->callee, owed, 1));
	KUNIT_EXPECT_EQ(test, 2, nfdbus_replies_peek(r->callee, owed,
						     MAX_REPLIES));
	KUNIT_EXPECT_EQ(test, owed[0].key.caller, 1);
	KUNIT_EXPECT_EQ(test, owed[0].key.serial, 5);
	KUNIT_EXPECT_GT(test, owed[0].since, 0);
	KUNIT_EXPECT_LE(test, owed[0].since, owed[1].since);
	nfdbus_replies_take(r->callee, owed, 1);
	KUNIT_EXPECT_EQ(test, 1, nfdbus_replies_peek(r->callee, owed,
						     MAX_REPLIES));
	KUNIT_EXPECT_EQ(test, owed[0].key.serial, 6);
	end(test, r);
}

static struct kunit_case reply_cases[] = {
	KUNIT_CASE(test_used_up),
	KUNIT_CASE(test_handed_over),
	KUNIT_CASE(test_serials),
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
