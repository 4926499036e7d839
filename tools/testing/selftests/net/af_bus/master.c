// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that go to the master instead of their destination: the default
 * route, BUS_F_VIA_MASTER, and BUS_F_ORDERED with BUS_ACK.
 */
#include "../../kselftest_harness.h"

#include "bus_util.h"

#define ADDR	BUS_ADDR(7, 7)
#define NOBODY	BUS_ADDR(9, 9)
#define GROUP	BUS_MULTICAST(7)

FIXTURE(master) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(master)
{
	int i;

	ASSERT_EQ(0, tbus_open(&self->b, 3));
	self->l = self->b.link;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, bus_opt(self->l[i].acc, BUS_RECV_INFO,
				     BUS_INFO_REASON));
	ASSERT_EQ(0, bus_add(&self->l[1], ADDR));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(7, 8)));
}

FIXTURE_TEARDOWN(master)
{
	tbus_close(&self->b);
}

TEST_F(master, addressed)
{
	EXPECT_EQ(0, say(self->l[0].fd, "plain"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 0, "to 0"));
	EXPECT_STREQ("1:plain reason=ADDRESSED", take(self->l[0].acc));
	EXPECT_STREQ("2:to 0 reason=ADDRESSED", take(self->l[1].acc));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(master, no_owner)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, NOBODY, "a"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 99, "b"));
	EXPECT_STREQ("1:a reason=NO_OWNER", peek(self->l[0].acc));
	EXPECT_STREQ("1:a reason=NO_OWNER", take(self->l[0].acc));
	EXPECT_STREQ("2:b reason=NO_OWNER", take(self->l[1].acc));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(master, reason_only_if_asked)
{
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_RECV_INFO, 0));
	EXPECT_EQ(0, say_to(self->l[0].fd, NOBODY, "a"));
	EXPECT_STREQ("1:a", take(self->l[0].acc));
	/* it has no effect on a client */
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_REASON));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "b"));
	EXPECT_EQ(0, say(self->l[1].acc, "c"));
	EXPECT_STREQ("1:b", take(self->l[1].fd));
	EXPECT_STREQ("0:c", take(self->l[1].fd));
}

TEST_F(master, counters)
{
	struct bus_counts counts;

	EXPECT_EQ(0, say_to(self->l[0].fd, NOBODY, "a"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 0, "b"));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "c"));
	EXPECT_EQ(0, say(self->l[0].acc, "d"));
	counts = bus_counts(self->l[0].fd);
	EXPECT_EQ(2, counts.handovers);
	EXPECT_EQ(1, counts.unicasts);
	EXPECT_EQ(1, counts.from_master);
	EXPECT_EQ(0, bus_counts(self->l[1].fd).handovers);
	counts = bus_counts(self->b.listener);
	EXPECT_EQ(2, counts.handovers);
	EXPECT_EQ(1, counts.unicasts);
	EXPECT_EQ(1, counts.copies);
	EXPECT_EQ(1, counts.from_master);
}

/* BUS_F_VIA_MASTER on the bus, on the sender, and on a recipient */
static void expect_via_master(struct __test_metadata *_metadata,
			      const struct bus_link *l)
{
	EXPECT_EQ(0, say_to(l[0].fd, ADDR, "uni"));
	EXPECT_EQ(0, say_to(l[0].fd, 2, "unique"));
	EXPECT_EQ(0, say_to(l[0].fd, GROUP, "group"));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("1:uni reason=VIA_MASTER", take(l[0].acc));
	EXPECT_STREQ("1:unique reason=VIA_MASTER", take(l[0].acc));
	EXPECT_STREQ("1:group reason=VIA_MASTER", take(l[0].acc));
	EXPECT_STREQ("1:all reason=VIA_MASTER", take(l[0].acc));
}

static void expect_direct(struct __test_metadata *_metadata,
			  const struct bus_link *l)
{
	EXPECT_EQ(0, say_to(l[0].fd, ADDR, "uni"));
	EXPECT_EQ(0, say_to(l[0].fd, GROUP, "group"));
	EXPECT_STREQ("1:uni", take(l[1].fd));
	EXPECT_STREQ("1:group", take(l[1].fd));
	EXPECT_STREQ("1:group", take(l[2].fd));
}

TEST_F(master, via_master_bus)
{
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_VIA_MASTER));
	expect_via_master(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, 0));
	expect_direct(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(master, via_master_sender)
{
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	expect_via_master(_metadata, self->l);
	/* this covers all messages to this client, and no others */
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "to"));
	EXPECT_STREQ("2:to reason=VIA_MASTER", take(self->l[1].acc));
	EXPECT_EQ(0, say_to(self->l[1].fd, 3, "others"));
	EXPECT_STREQ("2:others", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_FLAGS, 0));
	expect_direct(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* The flag on one recipient takes the whole multicast to the master. */
TEST_F(master, via_master_receiver)
{
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	expect_via_master(_metadata, self->l);
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "other"));
	EXPECT_STREQ("1:other", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, 0));
	expect_direct(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* Messages from the master are not handed over. */
TEST_F(master, via_master_from_master)
{
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_VIA_MASTER));
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, say(self->l[1].acc, "own"));
	EXPECT_EQ(0, say_to(self->l[0].acc, ADDR, "addr"));
	EXPECT_EQ(0, say_to(self->l[0].acc, GROUP, "group"));
	EXPECT_STREQ("0:own", take(self->l[1].fd));
	EXPECT_STREQ("0:addr", take(self->l[1].fd));
	EXPECT_STREQ("0:group", take(self->l[1].fd));
	EXPECT_STREQ("0:group", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* A more basic reason is reported instead. */
TEST_F(master, via_master_addressed)
{
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, say(self->l[0].fd, "a"));
	EXPECT_STREQ("1:a reason=ADDRESSED", take(self->l[0].acc));
}

FIXTURE(ordered) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(ordered)
{
	int i;

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_ORDERED));
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, bus_opt(self->l[i].acc, BUS_RECV_INFO,
				     BUS_INFO_REASON));
	ASSERT_EQ(0, bus_add(&self->l[1], ADDR));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(7, 8)));
}

FIXTURE_TEARDOWN(ordered)
{
	tbus_close(&self->b);
}

static __u32 unacked(const struct bus_link *l)
{
	return bus_get_info(l->acc).unacked;
}

TEST_F(ordered, direct_while_clean)
{
	expect_direct(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
	EXPECT_EQ(0, unacked(&self->l[0]));
}

TEST_F(ordered, follows_the_same_way)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, NOBODY, "first"));
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "second"));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "third"));
	EXPECT_EQ(3, unacked(&self->l[0]));
	EXPECT_STREQ("1:first reason=NO_OWNER", take(self->l[0].acc));
	EXPECT_STREQ("1:second reason=ORDER", take(self->l[0].acc));
	EXPECT_STREQ("1:third reason=ORDER", take(self->l[0].acc));
	EXPECT_STREQ("", tbus_queued(&self->b));
	/* read, but not acknowledged yet */
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "fourth"));
	EXPECT_STREQ("1:fourth reason=ORDER", take(self->l[0].acc));
	EXPECT_EQ(0, bus_opt(self->l[0].acc, BUS_ACK, 4));
	EXPECT_EQ(0, unacked(&self->l[0]));
	expect_direct(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(ordered, piecemeal)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 0, "first"));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "second"));
	EXPECT_EQ(0, bus_opt(self->l[0].acc, BUS_ACK, 1));
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "third"));
	EXPECT_STREQ("1:first reason=ADDRESSED", take(self->l[0].acc));
	EXPECT_STREQ("1:second reason=ORDER", take(self->l[0].acc));
	EXPECT_STREQ("1:third reason=ORDER", take(self->l[0].acc));
	EXPECT_EQ(0, bus_opt(self->l[0].acc, BUS_ACK, 1));
	EXPECT_EQ(0, bus_opt(self->l[0].acc, BUS_ACK, 1));
	expect_direct(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* Unacknowledged messages of one client do not affect another. */
TEST_F(ordered, per_client)
{
	EXPECT_EQ(0, say_to(self->l[1].fd, NOBODY, "mine"));
	EXPECT_STREQ("2:mine reason=NO_OWNER", take(self->l[1].acc));
	EXPECT_EQ(1, unacked(&self->l[1]));
	EXPECT_EQ(0, unacked(&self->l[0]));
	expect_direct(_metadata, self->l);
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, 1));
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "held"));
	EXPECT_STREQ("2:held reason=ORDER", take(self->l[1].acc));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* Unacknowledged messages do not keep a client from receiving. */
TEST_F(ordered, master_sends)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, NOBODY, "x"));
	EXPECT_EQ(0, say(self->l[0].acc, "a"));
	EXPECT_EQ(0, say_to(self->l[0].acc, ADDR, "b"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "c"));
	EXPECT_STREQ("0:a", take(self->l[0].fd));
	EXPECT_STREQ("0:b", take(self->l[1].fd));
	EXPECT_STREQ("2:c", take(self->l[0].fd));
}

TEST_F(ordered, not_before_join)
{
	struct bus_link *l = &self->b.link[3];

	ASSERT_EQ(0, tbus_link(&self->b, l));
	self->b.nr++;
	EXPECT_EQ(0, say(l->fd, "auth"));
	EXPECT_EQ(0, unacked(l));
	EXPECT_EQ(EINVAL, bus_opt(l->acc, BUS_ACK, 1));
	ASSERT_EQ(0, tbus_join(l));
	EXPECT_EQ(0, say_to(l->fd, ADDR, "direct"));
	EXPECT_STREQ("4:direct", take(self->l[1].fd));
	EXPECT_EQ(0, say(l->fd, "counted"));
	EXPECT_EQ(1, unacked(l));
	EXPECT_EQ(0, bus_opt(l->acc, BUS_ACK, 1));
}

TEST_F(ordered, bad_ack)
{
	EXPECT_EQ(0, bus_opt(self->l[0].acc, BUS_ACK, 0));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, 1));
	EXPECT_EQ(0, say(self->l[0].fd, "a"));
	EXPECT_EQ(0, say(self->l[0].fd, "b"));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, 3));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, -1));
	EXPECT_EQ(2, unacked(&self->l[0]));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].fd, BUS_ACK, 1));
	EXPECT_EQ(EINVAL, bus_opt(self->b.listener, BUS_ACK, 1));
	EXPECT_EQ(0, bus_opt(self->l[0].acc, BUS_ACK, 2));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, 1));
}

static int say_ack(int fd, __u64 addr, const char *text, __u32 n)
{
	return send_cmsg(fd, addr ? &addr : NULL, text, SOL_BUS, SCM_BUS_ACK,
			 &n, sizeof(n));
}

/* The message is forwarded, and what follows may go directly behind it. */
TEST_F(ordered, ack_rides)
{
	__u32 features = 0;
	socklen_t len = sizeof(features);

	ASSERT_EQ(0, ERR(getsockopt(self->b.listener, SOL_BUS, BUS_FEATURES,
				    &features, &len)));
	EXPECT_TRUE(features & BUS_FEATURE_ACK);
	EXPECT_EQ(0, say_to(self->l[0].fd, NOBODY, "a"));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "b"));
	EXPECT_STREQ("1:a reason=NO_OWNER", take(self->l[0].acc));
	EXPECT_STREQ("1:b reason=ORDER", take(self->l[0].acc));
	EXPECT_EQ(0, say_ack(self->l[0].acc, ADDR, "a", 1));
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_EQ(0, say_ack(self->l[0].acc, GROUP, "b", 1));
	EXPECT_EQ(0, unacked(&self->l[0]));
	EXPECT_STREQ("0:a", take(self->l[1].fd));
	EXPECT_STREQ("0:b", take(self->l[1].fd));
	EXPECT_STREQ("0:b", take(self->l[2].fd));
	expect_direct(_metadata, self->l);
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* To the client itself, with a list, and none at all. */
TEST_F(ordered, ack_rides_on_any)
{
	__u64 list[] = { 2, 3 };
	__u32 n = 1;
	char control[CMSG_SPACE(sizeof(list)) + CMSG_SPACE(sizeof(n))] = {};
	struct iovec iov = { "b", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	*cmsg = (struct cmsghdr) {
		CMSG_LEN(sizeof(list)), SOL_BUS, SCM_BUS_LIST
	};
	memcpy(CMSG_DATA(cmsg), list, sizeof(list));
	cmsg = CMSG_NXTHDR(&msg, cmsg);
	*cmsg = (struct cmsghdr) { CMSG_LEN(sizeof(n)), SOL_BUS, SCM_BUS_ACK };
	memcpy(CMSG_DATA(cmsg), &n, sizeof(n));

	EXPECT_EQ(0, say(self->l[0].fd, "x"));
	EXPECT_EQ(0, say(self->l[0].fd, "y"));
	EXPECT_EQ(0, say_ack(self->l[0].acc, 0, "a", 1));
	EXPECT_STREQ("0:a", take(self->l[0].fd));
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_EQ(0, say_ack(self->l[0].acc, 0, "a", 0));
	EXPECT_STREQ("0:a", take(self->l[0].fd));
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_EQ(0, ERR(sendmsg(self->l[0].acc, &msg, 0)));
	EXPECT_STREQ("0:b", take(self->l[1].fd));
	EXPECT_STREQ("0:b", take(self->l[2].fd));
	EXPECT_EQ(0, unacked(&self->l[0]));

	/* Twice in one message it is malformed. */
	msg.msg_controllen = 2 * CMSG_SPACE(sizeof(n));
	cmsg = CMSG_FIRSTHDR(&msg);
	*cmsg = (struct cmsghdr) { CMSG_LEN(sizeof(n)), SOL_BUS, SCM_BUS_ACK };
	memset(CMSG_DATA(cmsg), 0, sizeof(n));
	memcpy(CMSG_NXTHDR(&msg, cmsg), cmsg, CMSG_LEN(sizeof(n)));
	EXPECT_EQ(EINVAL, ERR(sendmsg(self->l[0].acc, &msg, 0)));
}

/* A message that is not sent acknowledges nothing. */
TEST_F(ordered, ack_of_failure)
{
	__u64 addr = ADDR;
	__u32 n[2] = { 1, 0 };
	int i;

	EXPECT_EQ(0, say(self->l[0].fd, "x"));
	EXPECT_STREQ("1:x reason=ADDRESSED", take(self->l[0].acc));
	EXPECT_EQ(EHOSTUNREACH, say_ack(self->l[0].acc, NOBODY, "a", 1));
	EXPECT_EQ(EINVAL, say_ack(self->l[0].acc, ADDR, "a", 2));
	EXPECT_EQ(EINVAL, say_ack(self->l[0].acc, ADDR, "a", -1));
	EXPECT_EQ(EINVAL, say_ack(self->l[1].acc, ADDR, "a", 1));
	EXPECT_EQ(EPERM, say_ack(self->l[0].fd, ADDR, "a", 1));
	EXPECT_EQ(EPERM, say_ack(self->l[0].fd, ADDR, "a", 0));
	for (i = 0; i <= 8; i++)
		if (i != sizeof(n[0]))
			EXPECT_EQ(EINVAL, send_cmsg(self->l[0].acc, &addr, "a",
						    SOL_BUS, SCM_BUS_ACK, n, i))
				TH_LOG("%d bytes", i);
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_STREQ("", tbus_queued(&self->b));
	while (!say_to(self->l[0].acc, ADDR, "fill"))
		;
	EXPECT_EQ(EAGAIN, say_ack(self->l[0].acc, ADDR, "a", 1));
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_EQ(0, say_ack(self->l[0].acc, ADDR, "a", 1));
	EXPECT_EQ(0, unacked(&self->l[0]));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, 1));
}

static int call_ack(struct bus_call *call)
{
	__u32 n = 1;
	char control[CMSG_SPACE(sizeof(n))] = {};
	struct iovec iov = { (void *)call->text, strlen(call->text) };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	bus_to(&sb, call->addr);
	*cmsg = (struct cmsghdr) { CMSG_LEN(sizeof(n)), SOL_BUS, SCM_BUS_ACK };
	memcpy(CMSG_DATA(cmsg), &n, sizeof(n));
	return ERR(sendmsg(call->fd, &msg, MSG_NOSIGNAL));
}

/* While the message waits for room, its hand-over is not acknowledged, and
 * nothing else can acknowledge it.
 */
TEST_F(ordered, ack_waits)
{
	struct bus_call call = {
		.fn = call_ack, .fd = self->l[0].acc, .addr = ADDR,
		.text = "late",
	};

	EXPECT_EQ(0, say(self->l[0].fd, "x"));
	while (!say_to(self->l[0].acc, ADDR, "fill"))
		;
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_EQ(1, unacked(&self->l[0]));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, 1));
	EXPECT_EQ(EINVAL, say_ack(self->l[0].acc, 0, "x", 1));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_EQ(0, unacked(&self->l[0]));
}

TEST_F(ordered, flag_belongs_to_the_bus)
{
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_FLAGS, BUS_F_ORDERED));
	EXPECT_EQ(EINVAL, bus_opt(self->b.listener, BUS_FLAGS, 0x4));
	EXPECT_EQ(EINVAL, bus_opt(self->b.listener, BUS_FLAGS, 0x80000000));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_FLAGS, 0x4));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].fd, BUS_FLAGS, BUS_F_VIA_MASTER));
}

TEST_F(master, no_ack_without_order)
{
	EXPECT_EQ(0, say(self->l[0].fd, "a"));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_ACK, 1));
	EXPECT_EQ(0, unacked(&self->l[0]));
	expect_direct(_metadata, self->l);
}

TEST_HARNESS_MAIN
