// SPDX-License-Identifier: GPL-2.0
/* SCM_BUS_LIST: the master sends one message to the addresses of a list. */
#include "../../kselftest_harness.h"

#include "bus_util.h"

FIXTURE(list) {
	struct tbus	b;
	struct bus_link	*l;
	int		acc;
};

FIXTURE_SETUP(list)
{
	ASSERT_EQ(0, tbus_open(&self->b, 4));
	self->l = self->b.link;
	self->acc = self->l[0].acc;
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, 2)));
}

FIXTURE_TEARDOWN(list)
{
	tbus_close(&self->b);
}

TEST_F(list, reaches_them)
{
	__u64 to[] = { 2, BUS_ADDR(4, 2), 4 };

	EXPECT_EQ(0, say_list(self->acc, to, 3, "hello"));
	EXPECT_STREQ("0:hello", take(self->l[1].fd));
	EXPECT_STREQ("0:hello", take(self->l[2].fd));
	EXPECT_STREQ("0:hello", take(self->l[3].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(list, one)
{
	__u64 to = 3;

	EXPECT_EQ(0, say_list(self->acc, &to, 1, "you"));
	EXPECT_STREQ("0:you", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* A client that the list names twice, by the same address or another, gets one
 * copy.
 */
TEST_F(list, one_copy_a_client)
{
	__u64 to[] = { 2, 3, 2, BUS_ADDR(4, 1), 3 };

	EXPECT_EQ(0, say_list(self->acc, to, 5, "once"));
	EXPECT_STREQ("0:once", take(self->l[1].fd));
	EXPECT_STREQ("0:once", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(list, skips_absent)
{
	__u64 to[] = { 99, BUS_ADDR(4, 3), 5, 2 };

	ASSERT_EQ(0, tbus_link(&self->b, &self->l[4]));
	self->b.nr++;
	EXPECT_EQ(0, say_list(self->acc, to, 4, "some"));
	EXPECT_STREQ("0:some", take(self->l[1].fd));
	EXPECT_EQ(0, say_list(self->acc, to, 3, "none"));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(list, malformed)
{
	__u64 to[] = { 2, BUS_MULTICAST(4) };
	__u64 addr = 3;

	EXPECT_EQ(EINVAL, say_list(self->acc, to, 2, "x"));
	to[1] = BUS_MULTICAST(0);
	EXPECT_EQ(EINVAL, say_list(self->acc, to, 2, "x"));
	to[1] = 0;
	EXPECT_EQ(EINVAL, say_list(self->acc, to, 2, "x"));
	EXPECT_EQ(EINVAL, say_list(self->acc, to, 0, "x"));
	to[1] = 3;
	EXPECT_EQ(EINVAL, send_cmsg(self->acc, NULL, "x", SOL_BUS, SCM_BUS_LIST,
				    to, 7));
	EXPECT_EQ(EINVAL, send_cmsg(self->acc, NULL, "x", SOL_BUS, SCM_BUS_LIST,
				    to, 12));
	EXPECT_EQ(EINVAL, send_cmsg(self->acc, &addr, "x", SOL_BUS,
				    SCM_BUS_LIST, to, 16));
	EXPECT_STREQ("", tbus_queued(&self->b));
	EXPECT_EQ(0, say_list(self->acc, to, 2, "x"));
	EXPECT_STREQ("0:x", take(self->l[1].fd));
	EXPECT_STREQ("0:x", take(self->l[2].fd));
}

TEST_F(list, not_for_clients)
{
	__u64 to[] = { 2, 3 };

	EXPECT_EQ(EPERM, say_list(self->l[0].fd, to, 2, "x"));
	EXPECT_EQ(ENOTCONN, say_list(self->b.listener, to, 2, "x"));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* Like a multicast it reaches all or none. */
TEST_F(list, all_or_nothing)
{
	__u64 to[] = { 1, 2, 3 };
	int i, sent = 0;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, bus_overflow(self->l[i].acc, BUS_OVERFLOW_BLOCK,
					  BUS_OVERFLOW_BLOCK));
	while (!say(self->l[1].acc, "fill"))
		sent++;
	EXPECT_LT(0, sent);
	EXPECT_EQ(EAGAIN, say_list(self->acc, to, 3, "all"));
	EXPECT_STREQ("EAGAIN", take(self->l[0].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[2].fd));
	while (sent--)
		EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
	EXPECT_EQ(0, say_list(self->acc, to, 3, "all"));
	EXPECT_STREQ("0:all", take(self->l[0].fd));
	EXPECT_STREQ("0:all", take(self->l[1].fd));
	EXPECT_STREQ("0:all", take(self->l[2].fd));
}

/* One full queue, under each overflow policy */
FIXTURE(full) {
	struct tbus	b;
	struct bus_link	*l;
	int		acc;
	__u64		to[3];
};

FIXTURE_SETUP(full)
{
	int i;

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 2));
	ASSERT_EQ(0, tbus_clients(&self->b, 4));
	self->l = self->b.link;
	self->acc = self->l[0].acc;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, say(self->l[2].acc, "fill"));
	for (i = 0; i < 3; i++)
		self->to[i] = i + 2;
}

FIXTURE_TEARDOWN(full)
{
	tbus_close(&self->b);
}

static void expect_others(struct __test_metadata *_metadata,
			  const struct bus_link *l)
{
	EXPECT_STREQ("0:all", take(l[1].fd));
	EXPECT_STREQ("0:all", take(l[3].fd));
}

static void expect_fill(struct __test_metadata *_metadata,
			const struct bus_link *l)
{
	EXPECT_STREQ("0:fill", take(l[2].fd));
	EXPECT_STREQ("0:fill", take(l[2].fd));
}

TEST_F(full, drops)
{
	ASSERT_EQ(0, bus_opt(self->l[2].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	EXPECT_EQ(0, say_list(self->acc, self->to, 3, "all"));
	expect_others(_metadata, self->l);
	EXPECT_STREQ("ENOBUFS", take(self->l[2].fd));
	expect_fill(_metadata, self->l);
	EXPECT_EQ(0, say_list(self->acc, self->to, 3, "all"));
	expect_others(_metadata, self->l);
	EXPECT_STREQ("0:all lost=1", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(full, disconnects)
{
	ASSERT_EQ(0, bus_overflow(self->l[2].acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_DISCONNECT));
	EXPECT_EQ(0, say_list(self->acc, self->to, 3, "all"));
	expect_others(_metadata, self->l);
	expect_fill(_metadata, self->l);
	EXPECT_STREQ("EOF", take(self->l[2].fd));
	EXPECT_STREQ("EOF", take(self->l[2].acc));
	EXPECT_EQ(0, say_list(self->acc, self->to, 3, "all"));
	expect_others(_metadata, self->l);
}

/* The list comes from the master, so it waits. */
TEST_F(full, blocks)
{
	static const __u32 policies[] = {
		BUS_OVERFLOW_BLOCK, BUS_OVERFLOW_MASTER
	};
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, bus_overflow(self->l[2].acc, BUS_OVERFLOW_DROP,
					  policies[i]));
		EXPECT_EQ(EAGAIN, say_list(self->acc, self->to, 3, "all"));
		EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
		EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
	}
	expect_fill(_metadata, self->l);
	EXPECT_EQ(0, say_list(self->acc, self->to, 3, "all"));
	expect_others(_metadata, self->l);
	EXPECT_STREQ("0:all", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* No client is disconnected for a list that is not sent in the end. */
TEST_F(full, blocks_before_it_disconnects)
{
	ASSERT_EQ(0, bus_overflow(self->l[2].acc, 0, BUS_OVERFLOW_DISCONNECT));
	ASSERT_EQ(0, bus_overflow(self->l[3].acc, 0, BUS_OVERFLOW_BLOCK));
	EXPECT_EQ(0, say(self->l[3].acc, "fill"));
	EXPECT_EQ(0, say(self->l[3].acc, "fill"));
	EXPECT_EQ(EAGAIN, say_list(self->acc, self->to, 3, "all"));
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->l[2].fd).state);
	EXPECT_STREQ("0:fill", take(self->l[3].fd));
	EXPECT_STREQ("0:fill", take(self->l[3].fd));
	EXPECT_EQ(0, say_list(self->acc, self->to, 3, "all"));
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[2].fd).state);
	expect_others(_metadata, self->l);
}

static int call_list(struct bus_call *call)
{
	char control[CMSG_SPACE(3 * sizeof(__u64))] = {};
	struct iovec iov = { "all", 3 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_BUS;
	cmsg->cmsg_type = SCM_BUS_LIST;
	cmsg->cmsg_len = CMSG_LEN(3 * sizeof(__u64));
	memcpy(CMSG_DATA(cmsg), call->arg, 3 * sizeof(__u64));
	return ERR(sendmsg(call->fd, &msg, MSG_NOSIGNAL));
}

TEST_F(full, sleeps)
{
	struct bus_call call = {
		.fn = call_list, .fd = self->acc, .arg = self->to,
	};

	ASSERT_EQ(0, bus_overflow(self->l[2].acc, 0, BUS_OVERFLOW_BLOCK));
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	expect_fill(_metadata, self->l);
	EXPECT_EQ(0, call_wait(&call));
	expect_others(_metadata, self->l);
	EXPECT_STREQ("0:all", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_HARNESS_MAIN
