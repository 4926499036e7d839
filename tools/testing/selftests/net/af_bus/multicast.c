// SPDX-License-Identifier: GPL-2.0
/* Multicasts: one message to every client with an address of a prefix */
#include "../../kselftest_harness.h"

#include <sched.h>
#include <sys/resource.h>
#include <linux/filter.h>

#include "bus_util.h"

#define NR	5
#define GROUP	BUS_MULTICAST(4)

/* link[1] and link[2] are members of GROUP */
FIXTURE(multicast) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(multicast)
{
	ASSERT_EQ(0, tbus_open(&self->b, NR));
	self->l = self->b.link;
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, 2)));
	ASSERT_EQ(0, bus_add(&self->l[3], BUS_ADDR(5, 1)));
}

FIXTURE_TEARDOWN(multicast)
{
	tbus_close(&self->b);
}

TEST_F(multicast, members_only)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "hello"));
	EXPECT_STREQ("1:hello", take(self->l[1].fd));
	EXPECT_STREQ("1:hello", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(multicast, everyone)
{
	int i;

	EXPECT_EQ(0, say_to(self->l[3].fd, BUS_MULTICAST(0), "hello"));
	for (i = 0; i < NR; i++)
		EXPECT_STREQ("4:hello", take(self->l[i].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(multicast, sender_is_member)
{
	EXPECT_EQ(0, say_to(self->l[1].fd, GROUP, "us"));
	EXPECT_STREQ("2:us", take(self->l[1].fd));
	EXPECT_STREQ("2:us", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(multicast, one_copy_a_client)
{
	int i;

	for (i = 10; i < 30; i++)
		ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, i)));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "once"));
	EXPECT_STREQ("1:once", take(self->l[1].fd));
	EXPECT_STREQ("1:once", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* A client is a member while it has any address of the prefix. */
TEST_F(multicast, last_address)
{
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 10)));
	ASSERT_EQ(0, bus_del(&self->l[1], BUS_ADDR(4, 1)));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "still"));
	EXPECT_STREQ("1:still", take(self->l[1].fd));
	EXPECT_STREQ("1:still", take(self->l[2].fd));
	ASSERT_EQ(0, bus_del(&self->l[1], BUS_ADDR(4, 10)));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "out"));
	EXPECT_STREQ("1:out", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "back"));
	EXPECT_STREQ("1:back", take(self->l[1].fd));
	EXPECT_STREQ("1:back", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(multicast, no_members)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(6), "anyone?"));
	ASSERT_EQ(0, bus_del(&self->l[3], BUS_ADDR(5, 1)));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(5), "anyone?"));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(multicast, members_leave)
{
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "one"));
	EXPECT_STREQ("1:one", take(self->l[2].fd));
	close(self->l[2].acc);
	self->l[2].acc = -1;
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "two"));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("EOF", take(self->l[2].fd));
	EXPECT_STREQ("1:all", take(self->l[0].fd));
	EXPECT_STREQ("1:all", take(self->l[3].fd));
	EXPECT_STREQ("1:all", take(self->l[4].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

TEST_F(multicast, from_master)
{
	EXPECT_EQ(0, say_to(self->l[0].acc, GROUP, "notice"));
	EXPECT_STREQ("0:notice", take(self->l[1].fd));
	EXPECT_STREQ("0:notice", take(self->l[2].fd));
	EXPECT_EQ(0, say_to(self->l[1].acc, GROUP, "again"));
	EXPECT_STREQ("0:again", take(self->l[1].fd));
	EXPECT_STREQ("0:again", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(multicast, not_joined)
{
	struct bus_link *l = &self->b.link[NR];

	ASSERT_EQ(0, tbus_link(&self->b, l));
	self->b.nr++;
	ASSERT_EQ(0, bus_add(l, BUS_ADDR(4, 6)));
	EXPECT_EQ(0, say_to(self->l[0].acc, GROUP, "notice"));
	EXPECT_STREQ("0:notice", take(self->l[1].fd));
	EXPECT_STREQ("0:notice", take(self->l[2].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
	ASSERT_EQ(0, tbus_join(l));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "now"));
	EXPECT_STREQ("1:now", take(l->fd));
}

/* Adjacent prefixes and unique addresses are not in the group. */
TEST_F(multicast, prefixes)
{
	ASSERT_EQ(0, bus_add(&self->l[3], BUS_ADDR(3, BUS_CLIENT_MASK - 1)));
	ASSERT_EQ(0, bus_add(&self->l[4], BUS_ADDR(0xffff, 4)));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(3), "three"));
	EXPECT_STREQ("1:three", take(self->l[3].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0xffff), "last"));
	EXPECT_STREQ("1:last", take(self->l[4].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_ADDR(4, 1), "one"));
	EXPECT_STREQ("1:one", take(self->l[1].fd));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(multicast, counters)
{
	struct bus_counts before = bus_counts(self->b.listener);
	struct bus_counts after;

	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "two"));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "five"));
	after = bus_counts(self->b.listener);
	EXPECT_EQ(2, after.multicasts - before.multicasts);
	EXPECT_EQ(0, after.unicasts - before.unicasts);
	EXPECT_EQ(7, after.copies - before.copies);
	EXPECT_EQ(0, after.handovers - before.handovers);
	EXPECT_EQ(2, bus_counts(self->l[1].fd).copies);
	EXPECT_EQ(1, bus_counts(self->l[4].fd).copies);
	EXPECT_EQ(2, bus_counts(self->l[0].fd).multicasts);
}

/* A large group, part of which leaves between messages */
TEST_F(multicast, many_members)
{
	enum { MANY = 100 };
	struct bus_link l[MANY];
	struct rlimit lim = { 4096, 4096 };
	int i, round, bad = 0;

	setrlimit(RLIMIT_NOFILE, &lim);
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, tbus_client(&self->b, &l[i]));
		ASSERT_EQ(0, bus_add(&l[i], BUS_ADDR(8, i)));
	}
	for (round = 0; round < 4; round++) {
		EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(8), "you"));
		for (i = 0; i < MANY; i++)
			if (i % 4 >= round)
				bad += !!strcmp("1:you", take(l[i].fd));
		for (i = 0; i < MANY; i++)
			if (i % 4 >= round)
				bad += !!strcmp("EAGAIN", take(l[i].fd));
		for (i = round; i < MANY; i += 4)
			bus_link_close(&l[i]);
	}
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(8), "gone"));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

/* In a namespace of its own, with a limit on the number of recipients */
FIXTURE(recipients) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(recipients)
{
	int i;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_TRUE(write_text("/proc/sys/net/bus/max_recipients", "3"));
	ASSERT_EQ(0, tbus_open(&self->b, NR));
	self->l = self->b.link;
	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
}

FIXTURE_TEARDOWN(recipients)
{
	tbus_close(&self->b);
}

TEST_F(recipients, of_a_group)
{
	int i;

	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "three"));
	for (i = 1; i < 4; i++)
		EXPECT_STREQ("1:three", take(self->l[i].fd));
	ASSERT_EQ(0, bus_add(&self->l[4], BUS_ADDR(4, 4)));
	EXPECT_EQ(E2BIG, say_to(self->l[0].fd, GROUP, "four"));
	EXPECT_EQ(E2BIG, say_to(self->l[0].acc, GROUP, "four"));
	EXPECT_EQ(E2BIG, say_to(self->l[0].fd, BUS_MULTICAST(0), "five"));
	EXPECT_STREQ("", tbus_queued(&self->b));
	ASSERT_EQ(0, bus_del(&self->l[2], BUS_ADDR(4, 2)));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "three"));
	EXPECT_STREQ("1:three", take(self->l[4].fd));
}

/* Recipients that refuse the message count as well. */
TEST_F(recipients, who_refuse)
{
	struct sock_filter refuse[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { 1, refuse };

	ASSERT_EQ(0, bus_add(&self->l[4], BUS_ADDR(4, 4)));
	ASSERT_EQ(0, ERR(setsockopt(self->l[1].fd, SOL_SOCKET,
				    SO_ATTACH_FILTER, &prog, sizeof(prog))));
	EXPECT_EQ(E2BIG, say_to(self->l[0].fd, GROUP, "four"));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(recipients, eavesdroppers)
{
	int i;

	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_EAVESDROP, 1));
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_EAVESDROP, 1));
	EXPECT_EQ(0, say_to(self->l[4].fd, 4, "three"));
	EXPECT_EQ(0, say(self->l[4].fd, "three"));
	EXPECT_STREQ("5:three", take(self->l[3].fd));
	EXPECT_STREQ("5:three", take(self->l[4].acc));
	for (i = 0; i < 2; i++) {
		EXPECT_STREQ("5:three", take(self->l[i].fd));
		EXPECT_STREQ("5:three", take(self->l[i].fd));
	}
	EXPECT_EQ(E2BIG, say_to(self->l[4].fd, GROUP, "four"));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_F(recipients, of_a_list)
{
	__u64 to[] = { 1, 99, 2, 3, 4 };
	int i;

	EXPECT_EQ(0, say_list(self->l[0].acc, to, 4, "three"));
	for (i = 0; i < 3; i++)
		EXPECT_STREQ("0:three", take(self->l[i].fd));
	EXPECT_EQ(E2BIG, say_list(self->l[0].acc, to, 5, "four"));
	EXPECT_STREQ("", tbus_queued(&self->b));
}

TEST_HARNESS_MAIN
