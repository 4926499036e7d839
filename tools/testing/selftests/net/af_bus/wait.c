// SPDX-License-Identifier: GPL-2.0
/* What ends a wait for room, what does not, and what is reserved meanwhile */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

#include "bus_util.h"

#define QLEN	3
#define ADDR	BUS_ADDR(6, 6)
#define GROUP	BUS_MULTICAST(6)

/* link[0] sends to link[1], which owns ADDR and is full */
FIXTURE(wait) {
	struct tbus	b;
	struct bus_link	*l;
	struct bus_call	call;
};

FIXTURE_SETUP(wait)
{
	int i;

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, QLEN));
	ASSERT_EQ(0, tbus_clients(&self->b, 4));
	self->l = self->b.link;
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, bus_opt(self->l[i].acc, BUS_RECV_INFO,
				     BUS_INFO_REASON));
	ASSERT_EQ(0, bus_add(&self->l[1], ADDR));
	for (i = 0; i < QLEN; i++)
		ASSERT_EQ(0, say(self->l[1].acc, "fill"));
	self->call.fd = self->l[0].fd;
	self->call.addr = ADDR;
	self->call.text = "waited";
}

FIXTURE_TEARDOWN(wait)
{
	tbus_close(&self->b);
}

static void drain(struct __test_metadata *_metadata, const struct bus_link *l)
{
	int i;

	for (i = 0; i < QLEN; i++)
		EXPECT_STREQ("0:fill", take(l->fd));
}

static void close_fd(int *fd)
{
	close(*fd);
	*fd = -1;
}

#define EXPECT_SLEEPING()	EXPECT_TRUE(call_sleeps(&self->call))

#define START() do {				\
	call_start(&self->call);		\
	EXPECT_SLEEPING();			\
} while (0)

/* The sender's link ends, so the wait ends without room. */
TEST_F(wait, sender_is_put_off)
{
	START();
	close_fd(&self->l[0].acc);
	EXPECT_EQ(EPIPE, call_wait(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(wait, sender_shuts_down)
{
	START();
	EXPECT_EQ(0, ERR(shutdown(self->l[0].fd, SHUT_WR)));
	EXPECT_EQ(EPIPE, call_wait(&self->call));
}

TEST_F(wait, sender_stops_reading)
{
	START();
	EXPECT_EQ(0, ERR(shutdown(self->l[0].fd, SHUT_RD)));
	/* off the bus, the sender reaches no address */
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(EHOSTUNREACH, call_wait(&self->call));
}

TEST_F(wait, master_sends_and_shuts_down)
{
	self->call.fd = self->l[0].acc;
	START();
	EXPECT_EQ(0, ERR(shutdown(self->l[0].acc, SHUT_RDWR)));
	EXPECT_EQ(EPIPE, call_wait(&self->call));
}

/* Messages for the sender do not end its wait. */
TEST_F(wait, sender_receives)
{
	START();
	EXPECT_EQ(0, say_to(self->l[2].fd, 1, "x"));
	EXPECT_EQ(0, say(self->l[0].acc, "y"));
	EXPECT_SLEEPING();
	EXPECT_STREQ("3:x", take(self->l[0].fd));
	EXPECT_STREQ("0:y", take(self->l[0].fd));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[1].fd));
}

/* The recipient leaves the bus, but its queue stays open and full. */
TEST_F(wait, receiver_leaves)
{
	START();
	EXPECT_EQ(0, ERR(shutdown(self->l[1].fd, SHUT_WR)));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited reason=NO_OWNER", take(self->l[0].acc));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(wait, master_shuts_half)
{
	START();
	EXPECT_EQ(0, ERR(shutdown(self->l[1].acc, SHUT_RD)));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited reason=NO_OWNER", take(self->l[0].acc));
}

static int call_say(struct bus_call *call)
{
	return ERR(send(call->fd, call->text, strlen(call->text),
			MSG_NOSIGNAL));
}

/* The private link outlasts this, so a wait for it continues. */
TEST_F(wait, link_outlives_leaving)
{
	self->call.fn = call_say;
	self->call.fd = self->l[1].acc;
	START();
	EXPECT_EQ(0, ERR(shutdown(self->l[1].fd, SHUT_WR)));
	EXPECT_SLEEPING();
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("0:waited", take(self->l[1].fd));
}

/* The address has another owner now, or none. */
TEST_F(wait, address_goes)
{
	START();
	ASSERT_EQ(0, bus_del(&self->l[1], ADDR));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited reason=NO_OWNER", take(self->l[0].acc));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(wait, receiver_via_master)
{
	START();
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited reason=VIA_MASTER", take(self->l[0].acc));
}

TEST_F(wait, bus_via_master)
{
	START();
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited reason=VIA_MASTER", take(self->l[0].acc));
}

/* When the policy changes, a waiting send follows the new one. */
TEST_F(wait, policy_changes)
{
	START();
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_REJECT,
				  BUS_OVERFLOW_DROP));
	EXPECT_EQ(ENOBUFS, call_wait(&self->call));
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_BLOCK));
	START();
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_DROP));
	EXPECT_SLEEPING();
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_DISCONNECT,
				  BUS_OVERFLOW_DROP));
	EXPECT_EQ(0, call_wait(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EOF", take(self->l[1].fd));
}

/* Changes that do not affect this message do not end the wait. */
TEST_F(wait, other_changes)
{
	START();
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(6, 7)));
	ASSERT_EQ(0, bus_del(&self->l[1], BUS_ADDR(6, 7)));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(6, 8)));
	ASSERT_EQ(0, bus_del(&self->l[2], BUS_ADDR(6, 8)));
	EXPECT_EQ(0, ERR(shutdown(self->l[3].fd, SHUT_WR)));
	EXPECT_SLEEPING();
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

/* A multicast waits for a recipient that blocks, while that is a recipient. One
 * before and one after it in the group have room.
 */
static void make_group(struct __test_metadata *_metadata,
		       struct _test_data_wait *self)
{
	int i;

	ASSERT_EQ(0, bus_del(&self->l[1], ADDR));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(6, 2)));
	ASSERT_EQ(0, bus_add(&self->l[1], ADDR));
	ASSERT_EQ(0, bus_add(&self->l[3], BUS_ADDR(6, 3)));
	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, bus_overflow(self->l[i].acc, BUS_OVERFLOW_BLOCK,
					  BUS_OVERFLOW_BLOCK));
}

static void start_multicast(struct __test_metadata *_metadata,
			    struct _test_data_wait *self)
{
	make_group(_metadata, self);
	self->call.addr = GROUP;
	START();
	EXPECT_STREQ("EAGAIN", take(self->l[2].fd));
}

TEST_F(wait, multicast_member_dies)
{
	start_multicast(_metadata, self);
	bus_link_close(&self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[2].fd));
}

TEST_F(wait, multicast_member_loses_address)
{
	start_multicast(_metadata, self);
	ASSERT_EQ(0, bus_del(&self->l[1], ADDR));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[2].fd));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* A waiting send reserves nothing: others may use all of the room. */
TEST_F(wait, holds_no_room)
{
	int i;

	start_multicast(_metadata, self);
	for (i = 0; i < QLEN; i++) {
		EXPECT_EQ(0, say_to(self->l[0].fd, 4, "x"));
		EXPECT_EQ(0, say_to(self->l[3].fd, 3, "x"));
	}
	EXPECT_EQ(EAGAIN, say_to(self->l[3].fd, 3, "x"));
	EXPECT_STREQ("1:x", take(self->l[3].fd));
	/* and now it waits for the other recipient */
	drain(_metadata, &self->l[1]);
	EXPECT_SLEEPING();
	EXPECT_EQ(0, bus_get_info(self->l[1].fd).qlen);
	EXPECT_STREQ("4:x", take(self->l[2].fd));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[1].fd));
}

/* It leaves nothing reserved after it gave up. */
TEST_F(wait, leaves_no_room_behind)
{
	int i;

	make_group(_metadata, self);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, GROUP, "x"));
	for (i = 0; i < QLEN; i++)
		EXPECT_EQ(0, say_to(self->l[3].fd, 3, "x"));
	drain(_metadata, &self->l[1]);
	for (i = 0; i < QLEN; i++)
		EXPECT_EQ(0, say_to(self->l[3].fd, 2, "x"));
}

/* One thread waits while another uses the same socket. */
TEST_F(wait, other_thread)
{
	START();
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	EXPECT_EQ(0, say(self->l[0].fd, "up"));
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "no"));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	EXPECT_STREQ("1:up reason=ADDRESSED", take(self->l[0].acc));
	EXPECT_SLEEPING();
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("1:waited", take(self->l[1].fd));
}

/* A socket that waited for itself could wait for ever, so its copy of its own
 * multicast is lost.
 */
TEST_F(wait, not_for_oneself)
{
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(6, 2)));
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_BLOCK));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	self->call.fd = self->l[1].fd;
	self->call.addr = GROUP;
	EXPECT_EQ(0, call_send(&self->call));
	EXPECT_STREQ("2:waited", take(self->l[2].fd));
	EXPECT_STREQ("ENOBUFS", take(self->l[1].fd));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_send(&self->call));
	EXPECT_STREQ("2:waited lost=1", take(self->l[1].fd));
	EXPECT_STREQ("2:waited", take(self->l[2].fd));
	/* it waits for other recipients as usual */
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	ASSERT_EQ(0, bus_overflow(self->l[2].acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_BLOCK));
	EXPECT_EQ(EAGAIN, say_to(self->l[1].fd, GROUP, "y"));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* A unicast to itself is refused even if the socket may wait; POLLOUT reports
 * when there is room.
 */
TEST_F(wait, unicast_to_oneself)
{
	struct pollfd pfd = { self->l[1].fd, POLLOUT, 0 };

	self->call.fd = self->l[1].fd;
	call_start(&self->call);
	ASSERT_FALSE(call_sleeps(&self->call));
	EXPECT_EQ(EAGAIN, call_wait(&self->call));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(0, call_send(&self->call));
	EXPECT_STREQ("2:waited", take(self->l[1].fd));
}

/* Time and signals */

/* A timeout is observed, however often the sender was woken. */
TEST_F(wait, timeout)
{
	long start = now_ms();

	set_send_timeout(self->l[0].fd, 1000);
	START();
	EXPECT_EQ(0, bus_add(&self->l[1], BUS_ADDR(6, 7)));
	EXPECT_EQ(0, bus_del(&self->l[1], BUS_ADDR(6, 7)));
	EXPECT_EQ(EAGAIN, call_wait(&self->call));
	EXPECT_LE(990, now_ms() - start);
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_EQ(0, call_send(&self->call));
}

TEST_F(wait, dontwait_ignores_timeout)
{
	set_send_timeout(self->l[0].fd, 100000);
	self->call.flags = MSG_DONTWAIT;
	EXPECT_EQ(EAGAIN, call_send(&self->call));
	fcntl(self->l[0].fd, F_SETFL, O_NONBLOCK);
	self->call.flags = 0;
	EXPECT_EQ(EAGAIN, call_send(&self->call));
}

/* A call with a timeout is not restarted, as in other families. */
TEST_F(wait, signal_and_timeout)
{
	catch_signal(SIGUSR1, SA_RESTART);
	set_send_timeout(self->l[0].fd, 100000);
	START();
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(EINTR, call_wait(&self->call));
	drain(_metadata, &self->l[1]);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* poll(): the same events end POLLOUT being withheld */

/* EAGAIN withholds POLLOUT, also after a wait. */
TEST_F(wait, poll_after_timeout)
{
	set_send_timeout(self->l[0].fd, 20);
	EXPECT_EQ(EAGAIN, call_send(&self->call));
	EXPECT_FALSE(is_writable(self->l[0].fd));
	take(self->l[1].fd);
	EXPECT_TRUE(is_writable(self->l[0].fd));
	EXPECT_EQ(0, call_send(&self->call));
}

static int call_poll(struct bus_call *call)
{
	struct pollfd p = { call->fd, POLLOUT, 0 };

	return poll(&p, 1, -1) == 1 && p.revents & POLLOUT ? 0 : EIO;
}

static void start_poll(struct __test_metadata *_metadata,
		       struct _test_data_wait *self)
{
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, ADDR, "x"));
	EXPECT_FALSE(is_writable(self->l[0].fd));
	self->call.fn = call_poll;
	START();
}

TEST_F(wait, poll_address_goes)
{
	start_poll(_metadata, self);
	ASSERT_EQ(0, bus_del(&self->l[1], ADDR));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "x"));
	EXPECT_STREQ("1:x reason=NO_OWNER", take(self->l[0].acc));
}

TEST_F(wait, poll_receiver_leaves)
{
	start_poll(_metadata, self);
	EXPECT_EQ(0, ERR(shutdown(self->l[1].fd, SHUT_WR)));
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "x"));
	EXPECT_STREQ("1:x reason=NO_OWNER", take(self->l[0].acc));
}

TEST_F(wait, poll_other_changes)
{
	start_poll(_metadata, self);
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(6, 8)));
	ASSERT_EQ(0, bus_del(&self->l[2], BUS_ADDR(6, 8)));
	bus_link_close(&self->l[3]);
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "x"));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	EXPECT_SLEEPING();
	take(self->l[1].fd);
	EXPECT_EQ(0, call_wait(&self->call));
}

/* Lines of waiting senders: link[1] has a budget in bytes, most of it used */
#define BUDGET	100000
#define LARGE	60000

FIXTURE(line) {
	struct tbus	b;
	struct bus_link	*l;
	struct bus_call	large;		/* from link[0] */
	struct bus_call	small;		/* from link[2] */
};

static int call_large(struct bus_call *call)
{
	static char buf[LARGE];
	struct sockaddr_bus sb;

	bus_to(&sb, call->addr);
	return ERR(sendto(call->fd, buf, LARGE, call->flags | MSG_NOSIGNAL,
			  (struct sockaddr *)&sb, BUS_NAME_MIN));
}

#define FILLERS	4

FIXTURE_SETUP(line)
{
	char buf[10000] = {};
	int i;

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, BUDGET));
	ASSERT_EQ(0, tbus_clients(&self->b, 4));
	self->l = self->b.link;
	for (i = 0; i < FILLERS; i++)
		ASSERT_EQ(sizeof(buf), send(self->l[1].acc, buf, sizeof(buf),
					    0));
	self->large.fn = call_large;
	self->large.fd = self->l[0].fd;
	self->large.addr = 2;
	self->small.fd = self->l[2].fd;
	self->small.addr = 2;
	self->small.text = "small";
}

FIXTURE_TEARDOWN(line)
{
	tbus_close(&self->b);
}

static int received(int fd)
{
	static char buf[LARGE];

	return recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
}

/* There is room for the small message, but a large one was first. */
TEST_F(line, small_does_not_overtake)
{
	int i;

	call_start(&self->large);
	EXPECT_TRUE(call_sleeps(&self->large));
	self->small.flags = MSG_DONTWAIT;
	EXPECT_EQ(EAGAIN, call_send(&self->small));
	EXPECT_FALSE(is_writable(self->l[2].fd));
	self->small.flags = 0;
	call_start(&self->small);
	EXPECT_TRUE(call_sleeps(&self->small));
	for (i = 0; i < FILLERS; i++)
		EXPECT_EQ(10000, received(self->l[1].fd));
	EXPECT_EQ(0, call_wait(&self->large));
	EXPECT_EQ(0, call_wait(&self->small));
	EXPECT_EQ(LARGE, received(self->l[1].fd));
	EXPECT_STREQ("3:small", take(self->l[1].fd));
	EXPECT_TRUE(is_writable(self->l[2].fd));
}

/* The same if the large one waits in poll(). */
TEST_F(line, small_does_not_overtake_poll)
{
	int i;

	self->large.flags = MSG_DONTWAIT;
	EXPECT_EQ(EAGAIN, call_large(&self->large));
	call_start(&self->small);
	EXPECT_TRUE(call_sleeps(&self->small));
	for (i = 0; i < FILLERS; i++)
		EXPECT_EQ(10000, received(self->l[1].fd));
	/* the sender that was woken may never send, so others do not depend on
	 * it
	 */
	EXPECT_EQ(0, call_wait(&self->small));
	EXPECT_TRUE(is_writable(self->l[0].fd));
}

/* A send that must not wait takes the room that there is. */
TEST_F(line, others_do)
{
	call_start(&self->large);
	EXPECT_TRUE(call_sleeps(&self->large));
	EXPECT_EQ(0, say_to(self->l[2].fd, BUS_MULTICAST(0), "m"));
	EXPECT_EQ(FILLERS + 1, bus_get_info(self->l[1].fd).qlen);
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_REJECT,
				  BUS_OVERFLOW_DROP));
	EXPECT_EQ(ENOBUFS, call_wait(&self->large));
	EXPECT_EQ(0, call_send(&self->small));
}

/* Threads that share a socket have no order. */
TEST_F(line, same_socket)
{
	call_start(&self->large);
	EXPECT_TRUE(call_sleeps(&self->large));
	self->small.fd = self->l[0].fd;
	EXPECT_EQ(0, call_send(&self->small));
	shutdown(self->l[0].fd, SHUT_WR);
	EXPECT_EQ(EPIPE, call_wait(&self->large));
}

static void start_both(struct __test_metadata *_metadata,
		       struct _test_data_line *self)
{
	call_start(&self->large);
	EXPECT_TRUE(call_sleeps(&self->large));
	call_start(&self->small);
	EXPECT_TRUE(call_sleeps(&self->small));
}

/* The first in line gives up, and there is room for the next one without any
 * reader.
 */
TEST_F(line, first_gives_up)
{
	set_send_timeout(self->l[0].fd, 300);
	call_start(&self->large);
	call_sleeps(&self->large);
	call_start(&self->small);
	EXPECT_EQ(EAGAIN, call_wait(&self->large));
	/* it waits for POLLOUT now, behind the other one */
	EXPECT_EQ(0, call_wait(&self->small));
	EXPECT_FALSE(is_writable(self->l[0].fd));
}

TEST_F(line, first_is_interrupted)
{
	catch_signal(SIGUSR1, 0);
	start_both(_metadata, self);
	pthread_kill(self->large.thread, SIGUSR1);
	EXPECT_EQ(EINTR, call_wait(&self->large));
	EXPECT_EQ(0, call_wait(&self->small));
}

TEST_F(line, first_is_put_off)
{
	start_both(_metadata, self);
	close_fd(&self->l[0].acc);
	EXPECT_EQ(EPIPE, call_wait(&self->large));
	EXPECT_EQ(0, call_wait(&self->small));
}

TEST_F(line, first_closes)
{
	self->large.flags = MSG_DONTWAIT;
	EXPECT_EQ(EAGAIN, call_large(&self->large));
	call_start(&self->small);
	EXPECT_TRUE(call_sleeps(&self->small));
	close_fd(&self->l[0].fd);
	EXPECT_EQ(0, call_wait(&self->small));
}

/* All senders in a line return when there is no need to wait, however many they
 * are.
 */
TEST_F(line, receiver_dies)
{
	struct bus_call more[40];
	int i;

	call_start(&self->large);
	EXPECT_TRUE(call_sleeps(&self->large));
	for (i = 0; i < 40; i++) {
		more[i] = self->small;
		call_start(&more[i]);
		EXPECT_TRUE(call_sleeps(&more[i]));
	}
	bus_link_close(&self->l[1]);
	EXPECT_EQ(0, call_wait(&self->large));
	for (i = 0; i < 40; i++)
		EXPECT_EQ(0, call_wait(&more[i]));
}

/* All senders in a line send in turn when there is room for all. */
TEST_F(line, moves_on)
{
	struct bus_call more[40];
	int i;

	call_start(&self->large);
	EXPECT_TRUE(call_sleeps(&self->large));
	for (i = 0; i < 40; i++) {
		more[i] = self->small;
		call_start(&more[i]);
		EXPECT_TRUE(call_sleeps(&more[i]));
	}
	shutdown(self->l[0].fd, SHUT_WR);
	EXPECT_EQ(EPIPE, call_wait(&self->large));
	for (i = 0; i < 40; i++)
		EXPECT_EQ(0, call_wait(&more[i]));
}

/* Descriptors of a message that is decided again, with fewer recipients */

static int call_send_fd(struct bus_call *call)
{
	return send_fd(call->fd, call->addr, call->text, *(int *)call->arg, 0);
}

TEST_F(wait, descriptors_of_fewer)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, bus_opt(self->l[2].acc, BUS_EAVESDROP, 1));
	ASSERT_EQ(0, bus_opt(self->l[2].fd, BUS_RECV_RIGHTS, 1));
	self->call.fn = call_send_fd;
	self->call.arg = &p[1];
	START();
	ASSERT_EQ(0, bus_opt(self->l[2].acc, BUS_EAVESDROP, 0));
	/* it is still full */
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(6, 7)));
	ASSERT_EQ(0, bus_del(&self->l[1], BUS_ADDR(6, 7)));
	EXPECT_SLEEPING();
	drain(_metadata, &self->l[1]);
	EXPECT_EQ(0, call_wait(&self->call));
	EXPECT_STREQ("EAGAIN", take(self->l[2].fd));
	close(p[1]);
	EXPECT_FALSE(reader_sees_eof(p[0]));
	EXPECT_STREQ("1:waited fds=1", take(self->l[1].fd));
	EXPECT_TRUE(reader_sees_eof(p[0]));
	close(p[0]);
}

TEST_HARNESS_MAIN
