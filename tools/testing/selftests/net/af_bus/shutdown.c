// SPDX-License-Identifier: GPL-2.0
/* shutdown() and close(), in every order */
#include "../../kselftest_harness.h"

#include "bus_util.h"

FIXTURE(shutdown) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(shutdown)
{
	ASSERT_EQ(0, tbus_open(&self->b, 3));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(shutdown)
{
	tbus_close(&self->b);
}

static void close_fd(int *fd)
{
	close(*fd);
	*fd = -1;
}

/* Queued messages are read before end-of-file, which persists. */
TEST_F(shutdown, client_closes)
{
	EXPECT_EQ(0, say(self->l[0].fd, "one"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 99, "two"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "three"));
	close_fd(&self->l[0].fd);
	EXPECT_STREQ("1:one", take(self->l[0].acc));
	EXPECT_STREQ("1:two", take(self->l[0].acc));
	EXPECT_STREQ("EOF", take(self->l[0].acc));
	EXPECT_STREQ("EOF", take(self->l[0].acc));
	EXPECT_STREQ("1:three", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_EQ(EPIPE, say(self->l[0].acc, "x"));
}

TEST_F(shutdown, accepted_closes)
{
	EXPECT_EQ(0, say(self->l[0].acc, "one"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "two"));
	EXPECT_EQ(0, say_to(self->l[1].fd, BUS_MULTICAST(0), "three"));
	close_fd(&self->l[0].acc);
	EXPECT_STREQ("0:one", take(self->l[0].fd));
	EXPECT_STREQ("2:two", take(self->l[0].fd));
	EXPECT_STREQ("2:three", take(self->l[0].fd));
	EXPECT_STREQ("EOF", take(self->l[0].fd));
	EXPECT_STREQ("EOF", take(self->l[0].fd));
	EXPECT_EQ(EPIPE, say(self->l[0].fd, "x"));
	EXPECT_EQ(EPIPE, say_to(self->l[0].fd, 2, "x"));
	/* and no message arrives any more */
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "late"));
	EXPECT_EQ(0, say_to(self->l[1].fd, BUS_MULTICAST(0), "late"));
	EXPECT_STREQ("EOF", take(self->l[0].fd));
}

/* shutdown() of both directions has the same effect on the other end as
 * close().
 */
TEST_F(shutdown, client_shuts_down)
{
	EXPECT_EQ(0, say(self->l[0].fd, "one"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "queued"));
	EXPECT_EQ(0, ERR(shutdown(self->l[0].fd, SHUT_RDWR)));
	EXPECT_STREQ("1:one", take(self->l[0].acc));
	EXPECT_STREQ("EOF", take(self->l[0].acc));
	EXPECT_EQ(EPIPE, say(self->l[0].acc, "x"));
	EXPECT_EQ(EPIPE, say(self->l[0].fd, "x"));
	EXPECT_EQ(EPIPE, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("2:queued", take(self->l[0].fd));
	EXPECT_STREQ("EOF", take(self->l[0].fd));
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[0].fd).state);
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[0].acc).state);
	EXPECT_EQ(2, bus_get_info(self->b.listener).clients);
}

TEST_F(shutdown, accepted_shuts_down)
{
	EXPECT_EQ(0, say(self->l[0].acc, "one"));
	EXPECT_EQ(0, say(self->l[0].fd, "up"));
	EXPECT_EQ(0, ERR(shutdown(self->l[0].acc, SHUT_RDWR)));
	EXPECT_STREQ("0:one", take(self->l[0].fd));
	EXPECT_STREQ("EOF", take(self->l[0].fd));
	EXPECT_STREQ("1:up", take(self->l[0].acc));
	EXPECT_STREQ("EOF", take(self->l[0].acc));
	EXPECT_EQ(EPIPE, say(self->l[0].fd, "x"));
	EXPECT_EQ(EPIPE, say(self->l[0].acc, "x"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "late"));
	EXPECT_STREQ("2:late", take(self->l[1].acc));
}

/* Any form of shutdown() takes the client off the bus. */
TEST_F(shutdown, half)
{
	static const int hows[] = { SHUT_RD, SHUT_WR };
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
		EXPECT_EQ(0, ERR(shutdown(self->l[i].fd, hows[i])));
		EXPECT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, i)));
		EXPECT_NE(0, tbus_join(&self->l[i]));
		EXPECT_EQ(0, say_to(self->l[2].fd, BUS_MULTICAST(0), "all"));
		EXPECT_STREQ("3:all", take(self->l[2].fd));
		if (!i)
			EXPECT_STREQ("3:all", take(self->l[1].fd));
		EXPECT_EQ(EHOSTUNREACH, say_to(self->l[2].acc, i + 1, "x"));
	}
	EXPECT_EQ(EPIPE, say(self->l[1].fd, "x"));
	EXPECT_STREQ("EOF", take(self->l[1].acc));
	/* the open direction still works */
	EXPECT_EQ(0, say(self->l[1].acc, "bye"));
	EXPECT_STREQ("0:bye", take(self->l[1].fd));
	EXPECT_EQ(0, ERR(shutdown(self->l[1].fd, SHUT_RD)));
	EXPECT_STREQ("EOF", take(self->l[1].fd));
	EXPECT_EQ(EPIPE, say(self->l[1].acc, "x"));
}

TEST_F(shutdown, bad)
{
	EXPECT_EQ(EINVAL, ERR(shutdown(self->l[0].fd, 3)));
	EXPECT_EQ(EINVAL, ERR(shutdown(self->l[0].fd, -1)));
	EXPECT_EQ(EINVAL, ERR(shutdown(self->l[0].acc, 99)));
	EXPECT_EQ(0, say(self->l[0].fd, "x"));
	EXPECT_STREQ("1:x", take(self->l[0].acc));
}

TEST_F(shutdown, again)
{
	EXPECT_EQ(0, ERR(shutdown(self->l[0].fd, SHUT_RDWR)));
	shutdown(self->l[0].fd, SHUT_RDWR);
	shutdown(self->l[0].acc, SHUT_RDWR);
	shutdown(self->l[0].fd, SHUT_WR);
	EXPECT_STREQ("EOF", take(self->l[0].fd));
	EXPECT_STREQ("EOF", take(self->l[0].acc));
	EXPECT_EQ(0, say_to(self->l[1].fd, 3, "x"));
	EXPECT_STREQ("2:x", take(self->l[2].fd));
}

/* A sleeping recv() is woken. */
TEST_F(shutdown, wakes_reader)
{
	struct bus_call calls[3] = {};
	int i;

	calls[0].fd = self->l[0].fd;
	calls[1].fd = self->l[1].acc;
	calls[2].fd = self->l[2].fd;
	for (i = 0; i < 3; i++) {
		calls[i].fn = call_recv;
		call_start(&calls[i]);
		EXPECT_TRUE(call_sleeps(&calls[i]));
	}
	close_fd(&self->l[0].acc);
	EXPECT_EQ(0, call_wait(&calls[0]));
	close_fd(&self->l[1].fd);
	EXPECT_EQ(0, call_wait(&calls[1]));
	EXPECT_TRUE(call_sleeps(&calls[2]));
	shutdown(self->l[2].fd, SHUT_RDWR);
	EXPECT_EQ(0, call_wait(&calls[2]));
}

/* New connections are refused, existing ones stay. */
TEST_F(shutdown, listener)
{
	int fd = bus_socket();

	close_fd(&self->b.listener);
	EXPECT_EQ(ECONNREFUSED, ERR(connect(fd,
					    (struct sockaddr *)&self->b.name,
					    self->b.namelen)));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "hi"));
	EXPECT_STREQ("1:hi", take(self->l[1].fd));
	EXPECT_EQ(0, bus_add(&self->l[0], BUS_ADDR(4, 1)));
	EXPECT_EQ(0, say(self->l[0].fd, "up"));
	EXPECT_STREQ("1:up", take(self->l[0].acc));
	close(fd);
}

/*
 * Every order of closing a listener and both ends of two links, with messages
 * queued, is compared with a model after each step.
 */
enum { LISTENER, FD0, ACC0, FD1, ACC1, NR };

struct model {
	struct tbus	b;
	bool		open[NR];
};

static int *fd_of(struct model *m, int i)
{
	switch (i) {
	case LISTENER:
		return &m->b.listener;
	case FD0:
	case FD1:
		return &m->b.link[i == FD1].fd;
	default:
		return &m->b.link[i == ACC1].acc;
	}
}

static bool model_start(struct model *m)
{
	int i;

	if (tbus_open(&m->b, 2))
		return false;
	for (i = 0; i < NR; i++)
		m->open[i] = true;
	for (i = 0; i < 2; i++)
		if (say(m->b.link[i].fd, "up") || say(m->b.link[i].acc, "down"))
			return false;
	return true;
}

static bool alive(const struct model *m, int i)
{
	return m->open[FD0 + 2 * i] && m->open[ACC0 + 2 * i];
}

static bool is(int fd, const char *text)
{
	return !strcmp(text, take(fd));
}

/* Checks the one direct message that is sent in each step. */
static bool check_direct(struct model *m)
{
	struct bus_link *l = m->b.link;

	if (!alive(m, 0))
		return !m->open[FD0] || say_to(l[0].fd, 2, "hi") == EPIPE;
	if (say_to(l[0].fd, 2, "hi"))
		return false;
	if (alive(m, 1))
		return !strcmp("0:down", peek(l[1].fd)) && is(l[1].fd, "0:down") &&
		       is(l[1].fd, "1:hi") && !say(l[1].acc, "down");
	return is(l[0].acc, "1:up") && is(l[0].acc, "1:hi") &&
	       !say(l[0].fd, "up");
}

static bool check_connect(struct model *m)
{
	int fd = bus_socket();
	int err = ERR(connect(fd, (struct sockaddr *)&m->b.name, m->b.namelen));

	if (!err)
		close(accept(m->b.listener, NULL, NULL));
	close(fd);
	return err == (m->open[LISTENER] ? 0 : ECONNREFUSED);
}

static bool model_step(struct model *m, int i)
{
	close_fd(fd_of(m, i));
	m->open[i] = false;
	return check_direct(m) && check_connect(m);
}

/* The last end of a link still finds its message, then end-of-file. */
static bool check_leftover(struct model *m, int i)
{
	bool first = i == FD0 || i == FD1;
	int fd = *fd_of(m, i), client = i == FD1 || i == ACC1;
	char up[8];

	snprintf(up, sizeof(up), "%d:up", client + 1);
	if (i == LISTENER || !m->open[i] || alive(m, client))
		return true;
	return is(fd, first ? "0:down" : up) && is(fd, "EOF");
}

static bool run_order(const int *order)
{
	struct model m;
	int i;

	if (!model_start(&m))
		return false;
	for (i = 0; i < NR; i++)
		if (!check_leftover(&m, order[i]) || !model_step(&m, order[i]))
			return false;
	return true;
}

static int permute(int *order, int n)
{
	int i, tmp, bad = 0;

	if (n == NR) {
		if (run_order(order))
			return 0;
		ksft_print_msg("closing %d %d %d %d %d\n", order[0], order[1],
			       order[2], order[3], order[4]);
		return 1;
	}
	for (i = n; i < NR; i++) {
		tmp = order[n];
		order[n] = order[i];
		order[i] = tmp;
		bad += permute(order, n + 1);
		tmp = order[n];
		order[n] = order[i];
		order[i] = tmp;
	}
	return bad;
}

TEST(every_order)
{
	int order[NR] = { LISTENER, FD0, ACC0, FD1, ACC1 };

	EXPECT_EQ(0, permute(order, 0));
}

TEST_HARNESS_MAIN
