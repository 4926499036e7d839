// SPDX-License-Identifier: GPL-2.0
/* Before and after BUS_JOIN_BUS. */
#include "../../kselftest_harness.h"

#include "bus_util.h"

/* link[0] and link[1] have joined, link[2] is only connected */
FIXTURE(join) {
	struct tbus	b;
	struct bus_link	*in;
	struct bus_link	*out;
};

FIXTURE_SETUP(join)
{
	ASSERT_EQ(0, tbus_open(&self->b, 2));
	ASSERT_EQ(0, tbus_link(&self->b, &self->b.link[2]));
	self->b.nr = 3;
	self->in = &self->b.link[0];
	self->out = &self->b.link[2];
}

FIXTURE_TEARDOWN(join)
{
	tbus_close(&self->b);
}

TEST_F(join, private_link_before)
{
	EXPECT_EQ(0, say(self->out->fd, "auth"));
	EXPECT_EQ(0, say_to(self->out->fd, 0, "auth2"));
	EXPECT_EQ(0, say(self->out->acc, "ok"));
	EXPECT_STREQ("3:auth", take(self->out->acc));
	EXPECT_STREQ("3:auth2", take(self->out->acc));
	EXPECT_STREQ("0:ok", take(self->out->fd));
}

TEST_F(join, no_sending_before)
{
	EXPECT_EQ(EHOSTUNREACH, say_to(self->out->fd, 1, "x"));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->out->fd, 3, "x"));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->out->fd, 99, "x"));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->out->fd, BUS_ADDR(5, 5), "x"));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->out->fd, BUS_MULTICAST(0), "x"));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->out->fd, BUS_MULTICAST(5), "x"));
	EXPECT_STREQ("EAGAIN", take(self->out->acc));
	EXPECT_STREQ("EAGAIN", take(self->in->fd));
	EXPECT_STREQ("EAGAIN", take(self->in->acc));
}

TEST_F(join, no_receiving_before)
{
	bus_opt(self->in->acc, BUS_RECV_INFO, BUS_INFO_REASON | BUS_INFO_DST);
	ASSERT_EQ(0, bus_add(self->out, BUS_ADDR(5, 5)));
	EXPECT_EQ(0, say_to(self->in->fd, 3, "unique"));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_ADDR(5, 5), "added"));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_MULTICAST(5), "group"));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("EAGAIN", take(self->out->fd));
	EXPECT_STREQ("EAGAIN", take(self->out->acc));
	EXPECT_STREQ("1:unique dst=3 reason=NOT_JOINED", take(self->in->acc));
	EXPECT_STREQ("1:added dst=5:5 reason=NOT_JOINED", take(self->in->acc));
	EXPECT_STREQ("EAGAIN", take(self->in->acc));
	EXPECT_STREQ("1:all", take(self->in->fd));
}

TEST_F(join, after)
{
	ASSERT_EQ(0, bus_add(self->out, BUS_ADDR(5, 5)));
	EXPECT_EQ(BUS_STATE_CONNECTED, bus_get_info(self->out->fd).state);
	EXPECT_EQ(BUS_STATE_CONNECTED, bus_get_info(self->out->acc).state);
	ASSERT_EQ(0, tbus_join(self->out));
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->out->fd).state);
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->out->acc).state);
	EXPECT_EQ(0, say_to(self->in->fd, 3, "unique"));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_ADDR(5, 5), "added"));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_MULTICAST(5), "group"));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("1:unique", take(self->out->fd));
	EXPECT_STREQ("1:added", take(self->out->fd));
	EXPECT_STREQ("1:group", take(self->out->fd));
	EXPECT_STREQ("1:all", take(self->out->fd));
	EXPECT_EQ(0, say_to(self->out->fd, 1, "hi"));
	EXPECT_STREQ("1:all", take(self->in->fd));
	EXPECT_STREQ("3:hi", take(self->in->fd));
}

/* Messages that were queued before joining are read after it. */
TEST_F(join, queues_stay)
{
	EXPECT_EQ(0, say(self->out->fd, "before"));
	EXPECT_EQ(0, say(self->out->acc, "welcome"));
	ASSERT_EQ(0, tbus_join(self->out));
	EXPECT_EQ(0, say(self->out->fd, "after"));
	EXPECT_STREQ("0:welcome", take(self->out->fd));
	EXPECT_STREQ("3:before", take(self->out->acc));
	EXPECT_STREQ("3:after", take(self->out->acc));
}

/* The reason tells messages before joining from those after it. */
TEST_F(join, reason_from_join_on)
{
	bus_opt(self->out->acc, BUS_RECV_INFO, BUS_INFO_REASON);
	EXPECT_EQ(0, say(self->out->fd, "before"));
	ASSERT_EQ(0, tbus_join(self->out));
	EXPECT_EQ(0, say(self->out->fd, "after"));
	EXPECT_STREQ("3:before", take(self->out->acc));
	EXPECT_STREQ("3:after reason=ADDRESSED", take(self->out->acc));
}

TEST_F(join, wrong)
{
	int fd = bus_socket();
	int one = 1;

	EXPECT_EQ(EINVAL, bus_opt0(self->out->fd, BUS_JOIN_BUS));
	EXPECT_EQ(EINVAL, bus_opt0(self->b.listener, BUS_JOIN_BUS));
	EXPECT_EQ(EINVAL, bus_opt0(fd, BUS_JOIN_BUS));
	EXPECT_EQ(EINVAL, ERR(setsockopt(self->out->acc, SOL_BUS, BUS_JOIN_BUS,
					 &one, sizeof(one))));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->out->fd, 1, "x"));
	EXPECT_EQ(0, bus_opt0(self->out->acc, BUS_JOIN_BUS));
	EXPECT_EQ(EINVAL, bus_opt0(self->out->acc, BUS_JOIN_BUS));
	EXPECT_EQ(EINVAL, bus_opt0(self->out->fd, BUS_JOIN_BUS));
	EXPECT_EQ(0, say_to(self->out->fd, 1, "x"));
	close(fd);
}

TEST_F(join, client_gone)
{
	close(self->out->fd);
	self->out->fd = -1;
	EXPECT_NE(0, tbus_join(self->out));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("EOF", take(self->out->acc));
	bus_opt(self->in->acc, BUS_RECV_INFO, BUS_INFO_REASON);
	EXPECT_EQ(0, say_to(self->in->fd, 3, "gone"));
	EXPECT_STREQ("1:gone reason=NO_OWNER", take(self->in->acc));
}

/* Any process that holds the accepted socket has the authority. */
TEST_F(join, by_another_process)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(tbus_join(self->out));
	EXPECT_EQ(0, wait_status(pid));
	EXPECT_EQ(0, say_to(self->in->fd, 3, "hi"));
	EXPECT_STREQ("1:hi", take(self->out->fd));
}

/* Joining does not need root. */
TEST_F(join, without_privileges)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (!geteuid() && setuid(65534))
			_exit(255);
		_exit(tbus_join(self->out) ?:
		      bus_add(self->out, BUS_ADDR(5, 5)));
	}
	EXPECT_EQ(0, wait_status(pid));
	EXPECT_EQ(0, say_to(self->in->fd, BUS_ADDR(5, 5), "hi"));
	EXPECT_STREQ("1:hi", take(self->out->fd));
}

TEST_HARNESS_MAIN
