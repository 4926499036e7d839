// SPDX-License-Identifier: GPL-2.0
/* poll() and epoll, level and edge triggered. */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "bus_util.h"

#define QLEN	3

FIXTURE(poll) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, QLEN));
	ASSERT_EQ(0, tbus_clients(&self->b, 4));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(poll)
{
	tbus_close(&self->b);
}

/* Returns all events that poll() reports now. */
static int events(int fd)
{
	struct pollfd p = {
		fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM |
		POLLRDBAND | POLLWRNORM | POLLWRBAND, 0
	};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

#define OUT	(POLLOUT | POLLWRNORM | POLLWRBAND)
#define IN	(POLLIN | POLLRDNORM)
#define GONE	(POLLRDHUP | POLLHUP)

static int fill(int fd, __u64 addr)
{
	int n = 0;

	while (!say_to(fd, addr, "fill"))
		n++;
	return n;
}

TEST_F(poll, in)
{
	EXPECT_EQ(OUT, events(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(OUT | IN, events(self->l[1].fd));
	EXPECT_EQ(OUT, events(self->l[2].fd));
	EXPECT_EQ(OUT, events(self->l[1].acc));
	peek(self->l[1].fd);
	EXPECT_EQ(OUT | IN, events(self->l[1].fd));
	take(self->l[1].fd);
	EXPECT_EQ(OUT, events(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 99, "x"));
	EXPECT_EQ(OUT | IN, events(self->l[0].acc));
}

TEST_F(poll, listener)
{
	int fd = bus_socket();

	EXPECT_EQ(0, events(self->b.listener) & IN);
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&self->b.name,
			     self->b.namelen));
	EXPECT_EQ(IN, events(self->b.listener) & IN);
	close(accept(self->b.listener, NULL, NULL));
	EXPECT_EQ(0, events(self->b.listener) & IN);
	close(fd);
}

/* POLLOUT is withheld after EAGAIN until that recipient has room. */
TEST_F(poll, out)
{
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	EXPECT_EQ(0, events(self->l[0].fd));
	/* no other client tried */
	EXPECT_EQ(OUT, events(self->l[2].fd));
	EXPECT_EQ(OUT | IN, events(self->l[1].fd));
	take(self->l[1].fd);
	EXPECT_EQ(OUT, events(self->l[0].fd));
}

/* A client that has not run into a full queue is not told to wait. */
TEST_F(poll, out_before_eagain)
{
	int i;

	for (i = 0; i < QLEN; i++)
		EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(OUT, events(self->l[0].fd));
}

TEST_F(poll, out_other_queues)
{
	EXPECT_EQ(QLEN, fill(self->l[1].fd, 3));
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	EXPECT_EQ(0, events(self->l[0].fd));
	take(self->l[2].fd);
	EXPECT_EQ(0, events(self->l[0].fd));
	take(self->l[1].fd);
	EXPECT_EQ(OUT, events(self->l[0].fd));
}

/* A socket that waits for several recipients is writable when any of them has
 * room, because another thread may want to send to that one.
 */
TEST_F(poll, out_either)
{
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 3));
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	EXPECT_EQ(0, events(self->l[0].fd));
	take(self->l[2].fd);
	EXPECT_EQ(OUT, events(self->l[0].fd));
	/* the thread that fails at the other recipient again is not told */
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(OUT, events(self->l[0].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	EXPECT_EQ(0, events(self->l[0].fd));
	take(self->l[1].fd);
	EXPECT_EQ(OUT, events(self->l[0].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	/* a full queue is no reason any more */
	EXPECT_EQ(OUT, events(self->l[0].fd));
}

/* A sender that turns to another recipient is told of the first one for a
 * second at most: then no thread seems to want to send to it any more.
 */
TEST_F(poll, out_given_up)
{
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 3));
	take(self->l[2].fd);
	EXPECT_EQ(OUT, events(self->l[0].fd));
	sleep(2);
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	EXPECT_EQ(0, events(self->l[0].fd));
}

TEST_F(poll, out_receiver_dies)
{
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	EXPECT_EQ(0, events(self->l[0].fd));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_EQ(OUT, events(self->l[0].fd));
}

TEST_F(poll, out_receiver_is_put_off)
{
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	close(self->l[1].acc);
	self->l[1].acc = -1;
	EXPECT_EQ(OUT, events(self->l[0].fd));
}

TEST_F(poll, out_private_link)
{
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 0));
	EXPECT_EQ(0, events(self->l[0].fd));
	take(self->l[0].acc);
	EXPECT_EQ(OUT, events(self->l[0].fd));
	EXPECT_EQ(QLEN, fill(self->l[0].acc, 1));
	EXPECT_EQ(IN, events(self->l[0].acc));
	take(self->l[0].fd);
	EXPECT_EQ(OUT | IN, events(self->l[0].acc));
}

TEST_F(poll, hang_up)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, say(self->l[1].fd, "y"));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_EQ(IN | GONE, events(self->l[1].acc) & ~OUT);
	take(self->l[1].acc);
	/* end-of-file is readable */
	EXPECT_EQ(IN | GONE, events(self->l[1].acc) & ~OUT);
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "z"));
	close(self->l[2].acc);
	self->l[2].acc = -1;
	EXPECT_EQ(IN | GONE, events(self->l[2].fd) & ~OUT);
	EXPECT_STREQ("1:z", take(self->l[2].fd));
	EXPECT_EQ(IN | GONE, events(self->l[2].fd) & ~OUT);
	EXPECT_EQ(OUT, events(self->l[0].fd));
}

/* A loss that the socket asked to hear of is an error to be read. */
TEST_F(poll, lost)
{
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
	EXPECT_TRUE(events(self->l[1].fd) & POLLERR);
	EXPECT_STREQ("ENOBUFS", take(self->l[1].fd));
	EXPECT_EQ(OUT | IN, events(self->l[1].fd));
}

/* Sleeping in poll() */

static int call_poll(struct bus_call *call)
{
	struct pollfd p = { call->fd, call->flags, 0 };
	int n = poll(&p, 1, -1);

	return n == 1 && p.revents & call->flags ? 0 : EIO;
}

TEST_F(poll, in_wakes)
{
	struct bus_call call = {
		.fn = call_poll, .fd = self->l[1].fd, .flags = POLLIN,
	};

	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
	EXPECT_EQ(0, call_wait(&call));
}

TEST_F(poll, out_wakes)
{
	struct bus_call call = {
		.fn = call_poll, .fd = self->l[0].fd, .flags = POLLOUT,
	};

	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	peek(self->l[1].fd);
	EXPECT_TRUE(call_sleeps(&call));
	take(self->l[1].fd);
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
}

/* Two recipients are full; room at either of them wakes the sleeper. */
TEST_F(poll, out_wakes_either)
{
	struct bus_call call = {
		.fn = call_poll, .fd = self->l[0].fd, .flags = POLLOUT,
	};

	EXPECT_EQ(QLEN, fill(self->l[0].fd, 3));
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	take(self->l[2].fd);
	EXPECT_EQ(0, call_wait(&call));
}

TEST_F(poll, out_wakes_when_receiver_dies)
{
	struct bus_call call = {
		.fn = call_poll, .fd = self->l[0].fd, .flags = POLLOUT,
	};

	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	bus_link_close(&self->l[1]);
	EXPECT_EQ(0, call_wait(&call));
}

TEST_F(poll, hang_up_wakes)
{
	struct bus_call call = {
		.fn = call_poll, .fd = self->l[0].fd, .flags = POLLRDHUP,
	};

	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	close(self->l[0].acc);
	self->l[0].acc = -1;
	EXPECT_EQ(0, call_wait(&call));
}

TEST_F(poll, listener_wakes)
{
	struct bus_call call = {
		.fn = call_poll, .fd = self->b.listener, .flags = POLLIN,
	};
	int fd = bus_socket();

	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_EQ(0, ERR(connect(fd, (struct sockaddr *)&self->b.name,
				 self->b.namelen)));
	EXPECT_EQ(0, call_wait(&call));
	close(fd);
}

/* epoll */

static int epoll_on(int fd, __u32 events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep >= 0)
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	return ep;
}

/* Returns the events that are pending, 0 for none. */
static __u32 ready(int ep)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, 0) == 1 ? ev.events : 0;
}

TEST_F(poll, epoll_level)
{
	int ep = epoll_on(self->l[1].fd, EPOLLIN);

	ASSERT_LE(0, ep);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(EPOLLIN, ready(ep));
	EXPECT_EQ(EPOLLIN, ready(ep));
	take(self->l[1].fd);
	EXPECT_EQ(0, ready(ep));
	close(ep);
}

/* Each message gives an edge, and nothing else does. */
TEST_F(poll, epoll_edge_in)
{
	int ep = epoll_on(self->l[1].fd, EPOLLIN | EPOLLET);

	ASSERT_LE(0, ep);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(EPOLLIN, ready(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "y"));
	EXPECT_EQ(EPOLLIN, ready(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
	EXPECT_EQ(0, ready(ep));
	EXPECT_STREQ("1:y", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, say(self->l[1].acc, "z"));
	EXPECT_EQ(EPOLLIN, ready(ep));
	close(ep);
}

TEST_F(poll, epoll_edge_out)
{
	int ep = epoll_on(self->l[0].fd, EPOLLOUT | EPOLLET);

	ASSERT_LE(0, ep);
	EXPECT_EQ(EPOLLOUT, ready(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	EXPECT_EQ(0, ready(ep));
	take(self->l[1].fd);
	EXPECT_EQ(EPOLLOUT, ready(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, ready(ep));
	take(self->l[1].fd);
	EXPECT_EQ(EPOLLOUT, ready(ep));
	close(ep);
}

/* The loop of an event-driven program: send until EAGAIN, wait for the edge,
 * repeat.
 */
static void *reader(void *arg)
{
	struct bus_link *l = arg;
	long n = 0;
	char c;

	while (recv(l->fd, &c, 1, 0) == 1)
		n++;
	return (void *)n;
}

TEST_F(poll, epoll_edge_loop)
{
	long sent = 0, nr = 1000 * bus_long(100);
	int ep = epoll_on(self->l[0].fd, EPOLLOUT | EPOLLET);
	struct epoll_event ev;
	pthread_t thread;
	void *got;
	int err = 0;

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, pthread_create(&thread, NULL, reader, &self->l[1]));
	while (sent < nr) {
		err = say_to(self->l[0].fd, 2, "x");
		if (!err)
			sent++;
		else if (err != EAGAIN || epoll_wait(ep, &ev, 1, -1) != 1)
			break;
	}
	EXPECT_EQ(nr, sent);
	close(self->l[1].acc);
	self->l[1].acc = -1;
	pthread_join(thread, &got);
	EXPECT_EQ(nr, (long)got);
	close(ep);
}

/* Several senders do so for one recipient. One may take the room that another
 * was told of, but none is forgotten.
 */
struct crowd {
	pthread_t	thread;
	int		fd;
	__u32		events;
	long		sent;
	int		err;
};

static void *crowd_sender(void *arg)
{
	int ep, err, nr = 300 * bus_long(100);
	struct crowd *c = arg;
	struct epoll_event ev;

	ep = epoll_on(c->fd, c->events);
	while (c->sent < nr && !c->err) {
		err = say_to(c->fd, 2, "x");
		if (!err)
			c->sent++;
		else if (err != EAGAIN || epoll_wait(ep, &ev, 1, -1) != 1)
			c->err = err;
	}
	close(ep);
	return NULL;
}

static void run_crowd(struct __test_metadata *_metadata,
		      struct _test_data_poll *self, __u32 events)
{
	static const int from[] = { 0, 2, 3 };
	struct crowd c[3] = {};
	pthread_t thread;
	long sent = 0;
	void *got;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, reader, &self->l[1]));
	for (i = 0; i < 3; i++) {
		c[i].fd = self->l[from[i]].fd;
		c[i].events = events;
		ASSERT_EQ(0, pthread_create(&c[i].thread, NULL, crowd_sender,
					    &c[i]));
	}
	for (i = 0; i < 3; i++) {
		pthread_join(c[i].thread, NULL);
		EXPECT_EQ(0, c[i].err);
		sent += c[i].sent;
	}
	close(self->l[1].acc);
	self->l[1].acc = -1;
	pthread_join(thread, &got);
	EXPECT_EQ(sent, (long)got);
	EXPECT_EQ(900 * bus_long(100), sent);
}

TEST_F(poll, epoll_edge_crowd)
{
	run_crowd(_metadata, self, EPOLLOUT | EPOLLET);
}

TEST_F(poll, epoll_level_crowd)
{
	run_crowd(_metadata, self, EPOLLOUT);
}

/* A slow reader, so that the sender has to wait */
static void *slow_reader(void *arg)
{
	struct bus_link *l = arg;
	long n = 0;
	char c;

	while (recv(l->fd, &c, 1, 0) == 1)
		if (!(++n % 8))
			usleep(500);
	return (void *)n;
}

/* Level triggered: each return allows a send, and none comes in vain. */
TEST_F(poll, epoll_level_loop)
{
	long sent = 0, nr = 500 * bus_long(100), useless = 0;
	int ep = epoll_on(self->l[0].fd, EPOLLOUT);
	struct epoll_event ev;
	pthread_t thread;
	void *got;

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, pthread_create(&thread, NULL, slow_reader, &self->l[1]));
	while (sent < nr) {
		if (epoll_wait(ep, &ev, 1, -1) != 1)
			break;
		if (say_to(self->l[0].fd, 2, "x"))
			useless++;
		else
			sent++;
		while (sent < nr && !say_to(self->l[0].fd, 2, "x"))
			sent++;
	}
	EXPECT_EQ(nr, sent);
	EXPECT_EQ(0, useless);
	close(self->l[1].acc);
	self->l[1].acc = -1;
	pthread_join(thread, &got);
	EXPECT_EQ(nr, (long)got);
	close(ep);
}

/* A poller that waits for one recipient sleeps while others are busy. */
static int call_epoll_quiet(struct bus_call *call)
{
	struct epoll_event ev;

	return epoll_wait(*(int *)call->arg, &ev, 1, -1) == 1 ? 0 : EIO;
}

TEST_F(poll, epoll_sleeps)
{
	int i, ep = epoll_on(self->l[0].fd, EPOLLOUT);
	struct bus_call call = { .fn = call_epoll_quiet, .arg = &ep };

	ASSERT_LE(0, ep);
	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
		EXPECT_EQ(0, say_to(self->l[2].fd, 1, "x"));
		take(self->l[2].fd);
		take(self->l[0].fd);
		peek(self->l[1].fd);
	}
	EXPECT_TRUE(call_sleeps(&call));
	take(self->l[1].fd);
	EXPECT_EQ(0, call_wait(&call));
	close(ep);
}

/* All senders that wait for one recipient are woken. */
TEST_F(poll, out_wakes_all)
{
	static const int from[] = { 0, 2, 3 };
	struct bus_call calls[3] = {};
	int i;

	EXPECT_EQ(QLEN, fill(self->l[0].fd, 2));
	for (i = 0; i < 3; i++) {
		calls[i].fn = call_poll;
		calls[i].fd = self->l[from[i]].fd;
		calls[i].flags = POLLOUT;
		EXPECT_EQ(EAGAIN, say_to(calls[i].fd, 2, "x"));
		call_start(&calls[i]);
		EXPECT_TRUE(call_sleeps(&calls[i]));
	}
	take(self->l[1].fd);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, call_wait(&calls[i]));
}

/* POLLOUT needs room for this message, not just for any. */
TEST_F(poll, out_needs_room_enough)
{
	char buf[60000] = {};
	struct sockaddr_bus sb;
	struct tbus b;
	int i;

	ASSERT_EQ(0, tbus_listen(&b));
	ASSERT_EQ(0, bus_opt(b.listener, BUS_RCVBUF, 100000));
	ASSERT_EQ(0, tbus_clients(&b, 3));
	bus_to(&sb, 2);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(10000, sendto(b.link[2].fd, buf, 10000, MSG_DONTWAIT,
					(struct sockaddr *)&sb, BUS_NAME_MIN));
	EXPECT_EQ(EAGAIN, ERR(sendto(b.link[0].fd, buf, 60000, MSG_DONTWAIT,
				     (struct sockaddr *)&sb, BUS_NAME_MIN)));
	EXPECT_EQ(0, events(b.link[0].fd));
	take(b.link[1].fd);
	EXPECT_EQ(0, events(b.link[0].fd));
	/* a smaller message fits, the waiting one still does not */
	EXPECT_EQ(0, say_to(b.link[0].fd, 2, "small"));
	EXPECT_EQ(0, events(b.link[0].fd));
	for (i = 0; i < 4; i++)
		take(b.link[1].fd);
	EXPECT_EQ(OUT, events(b.link[0].fd));
	EXPECT_EQ(60000, sendto(b.link[0].fd, buf, 60000, MSG_DONTWAIT,
				(struct sockaddr *)&sb, BUS_NAME_MIN));
	tbus_close(&b);
}

/* A multicast that one recipient blocks */
TEST_F(poll, out_multicast)
{
	int i;

	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, bus_overflow(self->l[i].acc, BUS_OVERFLOW_BLOCK,
					  BUS_OVERFLOW_BLOCK));
	EXPECT_EQ(QLEN, fill(self->l[1].fd, 3));
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
	EXPECT_EQ(0, events(self->l[0].fd));
	take(self->l[2].fd);
	EXPECT_EQ(OUT, events(self->l[0].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
}

TEST_F(poll, epoll_edge_hang_up)
{
	int ep = epoll_on(self->l[0].fd, EPOLLIN | EPOLLRDHUP | EPOLLET);

	ASSERT_LE(0, ep);
	EXPECT_EQ(0, ready(ep));
	close(self->l[0].acc);
	self->l[0].acc = -1;
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, ready(ep));
	EXPECT_EQ(0, ready(ep));
	close(ep);
}

/* The recipient and the waiting sender are closed in any order. */
TEST_F(poll, close_while_blocked)
{
	int i;

	for (i = 1; i < 4; i++)
		EXPECT_EQ(QLEN, fill(self->l[0].fd, i + 1));
	EXPECT_EQ(0, events(self->l[0].fd));
	bus_link_close(&self->l[0]);
	bus_link_close(&self->l[3]);
	EXPECT_EQ(OUT | IN, events(self->l[1].fd));
}

TEST_HARNESS_MAIN
