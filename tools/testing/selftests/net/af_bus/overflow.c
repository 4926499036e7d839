// SPDX-License-Identifier: GPL-2.0
/* Recipients without room: budgets, BUS_OVERFLOW, and losses. */
#include "../../kselftest_harness.h"

#include <signal.h>
#include <sys/time.h>

#include "bus_util.h"

#define GROUP	BUS_MULTICAST(4)
#define QLEN	4

/* Queues hold QLEN messages; link[1..3] are members of GROUP. */
FIXTURE(overflow) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(overflow)
{
	int i;

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, QLEN));
	ASSERT_EQ(0, tbus_clients(&self->b, 4));
	self->l = self->b.link;
	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, bus_opt(self->l[i].acc, BUS_RECV_INFO,
				     BUS_INFO_REASON));
}

FIXTURE_TEARDOWN(overflow)
{
	tbus_close(&self->b);
}

static int set_policy(const struct bus_link *l, __u32 unicast, __u32 multicast)
{
	return bus_overflow(l->acc, unicast, multicast);
}

/* Fills a client's queue from a client that takes no part in the test. */
static void fill(struct __test_metadata *_metadata, const struct bus_link *l)
{
	int i;

	for (i = 0; i < QLEN; i++)
		EXPECT_EQ(0, say(l->acc, "fill"));
	EXPECT_EQ(QLEN, bus_get_info(l->fd).qlen);
}

static void drain(struct __test_metadata *_metadata, const struct bus_link *l)
{
	int i;

	for (i = 0; i < QLEN; i++)
		EXPECT_STREQ("0:fill", take(l->fd));
}

TEST_F(overflow, defaults)
{
	int i;

	EXPECT_EQ(QLEN, bus_get_info(self->l[0].fd).max_qlen);
	EXPECT_EQ(QLEN, bus_get_info(self->l[0].acc).max_qlen);
	for (i = 0; i < QLEN; i++)
		EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, bus_counts(self->l[1].fd).lost);
	take(self->l[1].fd);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "y"));
	EXPECT_EQ(1, bus_counts(self->l[1].fd).lost);
	EXPECT_STREQ("1:y", take(self->l[2].fd));
}

/* Existing links keep the budget that they were made with. */
TEST_F(overflow, budget_of_new_links)
{
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 2));
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	EXPECT_EQ(QLEN, bus_get_info(self->l[0].fd).max_qlen);
	EXPECT_EQ(2, bus_get_info(self->l[4].fd).max_qlen);
	EXPECT_EQ(0, say(self->l[4].fd, "up"));
	EXPECT_EQ(0, say(self->l[4].fd, "up"));
	EXPECT_EQ(EAGAIN, say(self->l[4].fd, "up"));
	EXPECT_EQ(0, say(self->l[4].acc, "down"));
	EXPECT_EQ(0, say(self->l[4].acc, "down"));
	EXPECT_EQ(EAGAIN, say(self->l[4].acc, "down"));
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "x"));
}

/* The private link blocks in both directions, under any policy. */
TEST_F(overflow, private_link)
{
	int i;

	ASSERT_EQ(0, set_policy(&self->l[0], BUS_OVERFLOW_DROP,
				BUS_OVERFLOW_DROP));
	for (i = 0; i < QLEN; i++)
		EXPECT_EQ(0, say(self->l[0].fd, "up"));
	EXPECT_EQ(EAGAIN, say(self->l[0].fd, "up"));
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 99, "no owner"));
	EXPECT_STREQ("1:up reason=ADDRESSED", take(self->l[0].acc));
	EXPECT_EQ(0, say_to(self->l[0].fd, 99, "no owner"));
}

/* Only senders to the full queue are hindered. */
TEST_F(overflow, others_are_not_hindered)
{
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	EXPECT_EQ(0, say_to(self->l[2].fd, 4, "y"));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	EXPECT_STREQ("3:y", take(self->l[3].fd));
	/* a full queue does not stop its own client from sending */
	EXPECT_EQ(0, say_to(self->l[1].fd, 3, "z"));
	EXPECT_EQ(0, say(self->l[1].fd, "z"));
	EXPECT_STREQ("2:z", take(self->l[2].fd));
}

TEST_F(overflow, reject)
{
	ASSERT_EQ(0, set_policy(&self->l[1], BUS_OVERFLOW_REJECT,
				BUS_OVERFLOW_DROP));
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(ENOBUFS, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, bus_counts(self->l[1].fd).lost);
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	EXPECT_STREQ("1:y", take(self->l[1].fd));
}

TEST_F(overflow, drop_unicast)
{
	ASSERT_EQ(0, set_policy(&self->l[1], BUS_OVERFLOW_DROP,
				BUS_OVERFLOW_DROP));
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(2, bus_counts(self->l[1].fd).lost);
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

TEST_F(overflow, drop_multicast)
{
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	EXPECT_STREQ("1:x", take(self->l[3].fd));
	EXPECT_EQ(1, bus_counts(self->l[1].fd).lost);
	EXPECT_EQ(0, bus_counts(self->l[2].fd).lost);
	EXPECT_EQ(1, bus_counts(self->b.listener).lost);
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* ENOBUFS is reported once, and the first message after the gap has the count.
 */
TEST_F(overflow, loss_is_told)
{
	int i;

	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	fill(_metadata, &self->l[1]);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_STREQ("ENOBUFS", take(self->l[1].fd));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "y"));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "z"));
	EXPECT_STREQ("1:y lost=3", peek(self->l[1].fd));
	EXPECT_STREQ("1:y lost=3", take(self->l[1].fd));
	EXPECT_STREQ("1:z", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(overflow, loss_is_told_again)
{
	int round;

	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	for (round = 0; round < 3; round++) {
		fill(_metadata, &self->l[1]);
		EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
		EXPECT_STREQ("ENOBUFS", take(self->l[1].fd));
		drain(_metadata, &self->l[1]);
		EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "y"));
		EXPECT_STREQ("1:y lost=1", take(self->l[1].fd));
		take(self->l[2].fd);
		take(self->l[2].fd);
		take(self->l[3].fd);
		take(self->l[3].fd);
	}
	EXPECT_EQ(3, bus_counts(self->l[1].fd).lost);
}

TEST_F(overflow, loss_is_not_told_unasked)
{
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "y"));
	EXPECT_STREQ("1:y", take(self->l[1].fd));
}

TEST_F(overflow, disconnect_unicast)
{
	ASSERT_EQ(0, set_policy(&self->l[1], BUS_OVERFLOW_DISCONNECT,
				BUS_OVERFLOW_DROP));
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(0, say(self->l[1].fd, "last words"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[1].fd).state);
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EOF", take(self->l[1].fd));
	EXPECT_EQ(EPIPE, say(self->l[1].fd, "x"));
	EXPECT_STREQ("2:last words reason=ADDRESSED", take(self->l[1].acc));
	EXPECT_STREQ("EOF", take(self->l[1].acc));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	EXPECT_STREQ("1:y reason=NO_OWNER", take(self->l[0].acc));
	EXPECT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, 1)));
}

TEST_F(overflow, disconnect_multicast)
{
	ASSERT_EQ(0, set_policy(&self->l[1], BUS_OVERFLOW_BLOCK,
				BUS_OVERFLOW_DISCONNECT));
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	EXPECT_STREQ("1:x", take(self->l[3].fd));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EOF", take(self->l[1].fd));
	EXPECT_STREQ("EOF", take(self->l[1].acc));
}

TEST_F(overflow, block_multicast)
{
	struct bus_call call = {
		.fd = self->l[0].fd, .addr = GROUP, .text = "waited",
	};

	ASSERT_EQ(0, set_policy(&self->l[2], BUS_OVERFLOW_DROP,
				BUS_OVERFLOW_BLOCK));
	fill(_metadata, &self->l[2]);
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
	EXPECT_EQ(0, bus_get_info(self->l[1].fd).qlen);
	EXPECT_EQ(0, bus_counts(self->l[2].fd).lost);
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	drain(_metadata, &self->l[2]);
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_STREQ("1:waited", take(self->l[1].fd));
	EXPECT_STREQ("1:waited", take(self->l[2].fd));
	EXPECT_STREQ("1:waited", take(self->l[3].fd));
}

/* A message that is not sent in the end causes no loss and no disconnection. */
TEST_F(overflow, block_outranks)
{
	ASSERT_EQ(0, set_policy(&self->l[1], 0, BUS_OVERFLOW_DISCONNECT));
	ASSERT_EQ(0, set_policy(&self->l[2], 0, BUS_OVERFLOW_DROP));
	ASSERT_EQ(0, set_policy(&self->l[3], 0, BUS_OVERFLOW_BLOCK));
	fill(_metadata, &self->l[1]);
	fill(_metadata, &self->l[2]);
	fill(_metadata, &self->l[3]);
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->l[1].fd).state);
	EXPECT_EQ(0, bus_counts(self->l[1].fd).lost);
	EXPECT_EQ(0, bus_counts(self->l[2].fd).lost);
	drain(_metadata, &self->l[3]);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_STREQ("1:x", take(self->l[3].fd));
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[1].fd).state);
	EXPECT_EQ(1, bus_counts(self->l[2].fd).lost);
}

/* The same with the members in the other order */
TEST_F(overflow, block_outranks_later)
{
	ASSERT_EQ(0, set_policy(&self->l[3], 0, BUS_OVERFLOW_DISCONNECT));
	ASSERT_EQ(0, set_policy(&self->l[1], 0, BUS_OVERFLOW_BLOCK));
	fill(_metadata, &self->l[1]);
	fill(_metadata, &self->l[3]);
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->l[3].fd).state);
	EXPECT_EQ(0, bus_get_info(self->l[2].fd).qlen);
}

TEST_F(overflow, master_unicast)
{
	ASSERT_EQ(0, set_policy(&self->l[1], BUS_OVERFLOW_MASTER,
				BUS_OVERFLOW_DROP));
	fill(_metadata, &self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("1:x reason=FULL", take(self->l[0].acc));
	EXPECT_STREQ("EAGAIN", take(self->l[1].acc));
	EXPECT_EQ(0, bus_counts(self->l[1].fd).lost);
	/* the master itself waits */
	EXPECT_EQ(EAGAIN, say_to(self->l[0].acc, 2, "y"));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "z"));
	EXPECT_STREQ("1:z", take(self->l[1].fd));
}

/* As a whole: members with room get nothing either. */
TEST_F(overflow, master_multicast)
{
	ASSERT_EQ(0, set_policy(&self->l[2], BUS_OVERFLOW_BLOCK,
				BUS_OVERFLOW_MASTER));
	fill(_metadata, &self->l[2]);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_STREQ("1:x reason=FULL", take(self->l[0].acc));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
	drain(_metadata, &self->l[2]);
	EXPECT_STREQ("EAGAIN", take(self->l[2].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "y"));
	EXPECT_STREQ("1:y", take(self->l[1].fd));
	EXPECT_STREQ("1:y", take(self->l[2].fd));
	EXPECT_STREQ("1:y", take(self->l[3].fd));
}

/* A change of the policy applies from the next message on. */
TEST_F(overflow, policy_of_the_bus)
{
	ASSERT_EQ(0, bus_overflow(self->b.listener, BUS_OVERFLOW_REJECT,
				  BUS_OVERFLOW_BLOCK));
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	EXPECT_EQ(BUS_OVERFLOW_REJECT,
		  bus_get_info(self->l[4].fd).overflow_unicast);
	EXPECT_EQ(BUS_OVERFLOW_BLOCK,
		  bus_get_info(self->l[4].fd).overflow_multicast);
	fill(_metadata, &self->l[4]);
	EXPECT_EQ(ENOBUFS, say_to(self->l[0].fd, 5, "x"));
	ASSERT_EQ(0, set_policy(&self->l[4], BUS_OVERFLOW_BLOCK,
				BUS_OVERFLOW_DROP));
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 5, "x"));
}

/* Bytes */

static int send_bytes(int fd, __u64 addr, size_t len)
{
	char *buf = calloc(1, len);
	struct sockaddr_bus sb;
	int err;

	bus_to(&sb, addr);
	err = ERR(sendto(fd, buf, len, MSG_DONTWAIT, (struct sockaddr *)&sb,
			 BUS_NAME_MIN));
	free(buf);
	return err;
}

TEST_F(overflow, bytes)
{
	struct tbus b;
	int n = 0;

	ASSERT_EQ(0, tbus_listen(&b));
	ASSERT_EQ(0, bus_opt(b.listener, BUS_RCVBUF, 100000));
	ASSERT_EQ(0, tbus_clients(&b, 3));
	while (n < 100 && !send_bytes(b.link[0].fd, 2, 10000))
		n++;
	/* overhead counts, and not more than the data here */
	EXPECT_LE(4, n);
	EXPECT_GE(10, n);
	EXPECT_EQ(EAGAIN, send_bytes(b.link[0].fd, 2, 60000));
	/* the budget is the recipient's, not the sender's */
	EXPECT_EQ(0, send_bytes(b.link[0].fd, 3, 10000));
	EXPECT_EQ(EAGAIN, send_bytes(b.link[2].fd, 2, 60000));
	while (n--)
		take(b.link[1].fd);
	EXPECT_EQ(0, send_bytes(b.link[0].fd, 2, 60000));
	tbus_close(&b);
}

/* SO_RCVBUF of either end is the budget of its queue. */
static int fill_bytes(int fd, __u64 addr)
{
	int n = 0;

	while (!send_bytes(fd, addr, 1000))
		n++;
	return n;
}

TEST_F(overflow, rcvbuf)
{
	struct tbus b;
	int n;

	ASSERT_EQ(0, tbus_open(&b, 3));
	ASSERT_EQ(0, sol_opt(b.link[1].fd, SO_RCVBUF, 10000));
	ASSERT_EQ(0, sol_opt(b.link[2].fd, SO_RCVBUF, 40000));
	ASSERT_EQ(0, sol_opt(b.link[1].acc, SO_RCVBUF, 10000));
	n = fill_bytes(b.link[0].fd, 2);
	EXPECT_LE(4, n);
	EXPECT_GE(20, n);
	EXPECT_LE(3 * n, fill_bytes(b.link[0].fd, 3));
	EXPECT_EQ(n, fill_bytes(b.link[1].fd, 0));
	EXPECT_LE(3 * n, fill_bytes(b.link[0].fd, 0));
	tbus_close(&b);
}

TEST_F(overflow, empty_queue_takes_any)
{
	struct tbus b;

	ASSERT_EQ(0, tbus_listen(&b));
	ASSERT_EQ(0, bus_opt(b.listener, BUS_RCVBUF, 5000));
	ASSERT_EQ(0, tbus_clients(&b, 2));
	EXPECT_EQ(0, send_bytes(b.link[0].fd, 2, 300000));
	EXPECT_EQ(EAGAIN, send_bytes(b.link[0].fd, 2, 1));
	take(b.link[1].fd);
	EXPECT_EQ(0, send_bytes(b.link[0].fd, BUS_MULTICAST(0), 300000));
	EXPECT_EQ(0, send_bytes(b.link[0].fd, BUS_MULTICAST(0), 1));
	EXPECT_EQ(1, bus_counts(b.link[1].fd).lost);
	tbus_close(&b);
}

/* Sleeping until there is room */

FIXTURE(wait) {
	struct tbus	b;
	struct bus_link	*l;
	struct bus_call	call;
};

FIXTURE_SETUP(wait)
{
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, QLEN));
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
	fill(_metadata, &self->l[1]);
	self->call.fd = self->l[0].fd;
	self->call.addr = 2;
	self->call.text = "waited";
}

FIXTURE_TEARDOWN(wait)
{
	tbus_close(&self->b);
}

TEST_F(wait, for_room)
{
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_STREQ("1:waited", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* MSG_PEEK makes no room. */
TEST_F(wait, peek)
{
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	EXPECT_STREQ("0:fill", peek(self->l[1].fd));
	EXPECT_TRUE(call_sleeps(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
}

/* The send is decided again: no client holds the address any more. */
TEST_F(wait, receiver_dies)
{
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[0].acc));
}

TEST_F(wait, receiver_is_put_off)
{
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	close(self->l[1].acc);
	self->l[1].acc = -1;
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[0].acc));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EOF", take(self->l[1].fd));
}

TEST_F(wait, sender_is_put_off)
{
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	close(self->l[0].acc);
	self->l[0].acc = -1;
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(EPIPE, call_wait(&self->call));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* The address is taken away: the waiting send goes where it would go now,
 * before there is room.
 */
TEST_F(wait, address_is_taken)
{
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_RECV_INFO, BUS_INFO_REASON));
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(6, 6)));
	self->call.addr = BUS_ADDR(6, 6);
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	ASSERT_EQ(0, bus_del(&self->l[1], BUS_ADDR(6, 6)));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited reason=NO_OWNER", take(self->l[0].acc));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(wait, timeout)
{
	set_send_timeout(self->l[0].fd, 20);
	EXPECT_EQ(EAGAIN, call_send(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(wait, signal)
{
	catch_signal(SIGUSR1, 0);
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(EINTR, call_wait(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* With SA_RESTART the call continues. */
TEST_F(wait, signal_restarts)
{
	catch_signal(SIGUSR1, SA_RESTART);
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_TRUE(call_sleeps(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* The master waits for clients in the same way, and clients for the master. */
TEST_F(wait, on_the_private_link)
{
	int i;

	self->call.fd = self->l[2].acc;
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("0:waited", take(self->l[1].fd));

	for (i = 0; i < QLEN; i++)
		EXPECT_EQ(0, say(self->l[0].fd, "up"));
	self->call.fd = self->l[0].fd;
	self->call.addr = 0;
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	EXPECT_STREQ("1:up", take(self->l[0].acc));
	EXPECT_EQ(0, call_wait(&self->call));
}

/* Many senders wait for one recipient: room for one lets one in, the others
 * wait on.
 */
TEST_F(wait, several)
{
	struct bus_call calls[3] = {};
	int i, n, got = 0;

	for (i = 0; i < 3; i++) {
		calls[i].fd = self->l[i ? 2 : 0].fd;
		calls[i].addr = 2;
		calls[i].text = "waited";
		call_start(&calls[i]);
		EXPECT_TRUE(call_sleeps(&calls[i]));
	}
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	do {
		for (i = 0, n = 0; i < 3; i++)
			n += call_done(&calls[i]);
	} while (!n);
	EXPECT_EQ(QLEN, bus_get_info(self->l[1].fd).qlen);
	for (i = 0; i < QLEN - 1; i++)
		EXPECT_STREQ("0:fill", take(self->l[1].fd));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, call_wait(&calls[i]));
	while (strstr(take(self->l[1].fd), ":waited"))
		got++;
	EXPECT_EQ(3, got);
}

TEST_HARNESS_MAIN
