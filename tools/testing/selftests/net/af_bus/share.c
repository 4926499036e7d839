// SPDX-License-Identifier: GPL-2.0
/* What one user may have in another user's queue, and what a user pays for */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "bus_util.h"

#define QLEN	8
#define GROUP	BUS_MULTICAST(4)
#define READER	2000
#define LIMIT	"/proc/sys/net/bus/max_user_bytes"

/* Without the number in its name the call has 16-bit ids there. */
#ifdef SYS_setresuid32
#define SETRESUID	SYS_setresuid32
#else
#define SETRESUID	SYS_setresuid
#endif

/* Credentials belong to a thread; those at connect() count. */
static int link_as(struct tbus *b, struct bus_link *l, uid_t uid)
{
	int err;

	if (syscall(SETRESUID, uid, -1, -1))
		return errno;
	err = tbus_client(b, l);
	if (syscall(SETRESUID, 0, -1, -1))
		return errno;
	return err;
}

/* link[0] is the reader. Each other link has a user of its own, but the second
 * link of READER; all but the senders are in GROUP.
 */
FIXTURE(share) {
	struct tbus	b;
	struct bus_link	*reader, *other;
	struct bus_link	*a, *c, *d, *e;
	int		limit;		/* net.bus.max_user_bytes */
	char		was[32];
};

FIXTURE_SETUP(share)
{
	static const uid_t uids[] = { READER, READER, 1001, 1002, 1003, 1004 };
	unsigned int i;

	/* The limit is that of the machine; abstract names are those of the
	 * namespace.
	 */
	self->limit = open(LIMIT, O_RDWR);
	ASSERT_LE(0, self->limit);
	ASSERT_LT(0, read(self->limit, self->was, sizeof(self->was) - 1));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, QLEN));
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, link_as(&self->b, &self->b.link[i], uids[i]));
	self->b.nr = 6;
	self->reader = &self->b.link[0];
	self->other = &self->b.link[1];
	self->a = &self->b.link[2];
	self->c = &self->b.link[3];
	self->d = &self->b.link[4];
	self->e = &self->b.link[5];
	ASSERT_EQ(0, bus_add(self->reader, BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(self->other, BUS_ADDR(4, 2)));
}

FIXTURE_TEARDOWN(share)
{
	EXPECT_LT(0, pwrite(self->limit, self->was, strlen(self->was), 0));
	tbus_close(&self->b);
}

/* Returns how many messages fit into the reader's queue. */
static int fill_from(const struct bus_link *l, int expected)
{
	int n = 0, err;

	while (!(err = say_to(l->fd, 1, "x")))
		n++;
	return err == expected ? n : -err;
}

static int fill_some(const struct bus_link *l, int n)
{
	int i = 0;

	while (i < n && !say_to(l->fd, 1, "x"))
		i++;
	return i;
}

TEST_F(share, messages)
{
	EXPECT_EQ(4, fill_from(self->a, EAGAIN));
	EXPECT_EQ(2, fill_from(self->c, EAGAIN));
	EXPECT_EQ(1, fill_from(self->d, EAGAIN));
	EXPECT_EQ(0, fill_from(self->e, EAGAIN));
	EXPECT_EQ(7, bus_get_info(self->reader->fd).qlen);
}

/* The share is a user's, not a socket's. */
TEST_F(share, of_a_user)
{
	struct bus_link *twin = &self->b.link[6];

	ASSERT_EQ(0, link_as(&self->b, twin, 1001));
	self->b.nr++;
	EXPECT_EQ(0, say_to(twin->fd, 1, "x"));
	EXPECT_EQ(3, fill_from(self->a, EAGAIN));
	EXPECT_EQ(0, fill_from(twin, EAGAIN));
	EXPECT_STREQ("7:x", take(self->reader->fd));
	EXPECT_EQ(1, fill_from(twin, EAGAIN));
}

TEST_F(share, own_user_and_master_are_exempt)
{
	EXPECT_EQ(0, say_to(self->a->fd, 1, "x"));
	EXPECT_EQ(0, say_to(self->b.link[0].acc, 1, "m"));
	EXPECT_EQ(0, say(self->reader->acc, "m"));
	EXPECT_EQ(5, fill_from(self->other, EAGAIN));
	EXPECT_EQ(EAGAIN, say(self->reader->acc, "m"));
}

/* The queue of an accepted socket serves one client, so it has no shares. */
TEST_F(share, not_of_hand_overs)
{
	int n = 0;

	while (!say(self->a->fd, "up"))
		n++;
	EXPECT_EQ(QLEN, n);
}

TEST_F(share, an_empty_queue_takes_one)
{
	struct bus_link *tiny = &self->b.link[6];

	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 1));
	ASSERT_EQ(0, link_as(&self->b, tiny, READER));
	self->b.nr++;
	EXPECT_EQ(0, say_to(self->a->fd, 7, "x"));
	EXPECT_EQ(EAGAIN, say_to(self->a->fd, 7, "x"));
	EXPECT_STREQ("3:x", take(tiny->fd));
	EXPECT_EQ(0, say_to(self->c->fd, 7, "x"));
}

static int send_bytes(int fd, __u64 addr, size_t len)
{
	static char buf[1 << 20];
	struct sockaddr_bus to;

	bus_to(&to, addr);
	return ERR(sendto(fd, buf, len, MSG_DONTWAIT, (void *)&to,
			  BUS_NAME_MIN));
}

TEST_F(share, bytes)
{
	struct bus_link *l = &self->b.link[6];
	int n = 0, m = 0;

	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 1000));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, 64 << 10));
	ASSERT_EQ(0, link_as(&self->b, l, READER));
	self->b.nr++;
	while (!send_bytes(self->a->fd, 7, 1000))
		n++;
	while (!send_bytes(self->other->fd, 7, 1000))
		m++;
	/* One user gets half, and the reader's own user what is left. */
	EXPECT_LE(8, n);
	EXPECT_LE(n, m);
	EXPECT_GE(n + 1, m);
}

static int policy(const struct bus_link *l, __u32 unicast, __u32 multicast)
{
	return bus_overflow(l->acc, unicast, multicast);
}

TEST_F(share, policy_reject)
{
	ASSERT_EQ(0, policy(self->reader, BUS_OVERFLOW_REJECT,
			    BUS_OVERFLOW_DROP));
	EXPECT_EQ(4, fill_from(self->a, ENOBUFS));
	EXPECT_EQ(2, fill_from(self->c, ENOBUFS));
}

TEST_F(share, policy_drop)
{
	int i;

	ASSERT_EQ(0, policy(self->reader, BUS_OVERFLOW_DROP,
			    BUS_OVERFLOW_DROP));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, say_to(self->a->fd, 1, "x"));
	EXPECT_EQ(2, bus_counts(self->reader->fd).lost);
	EXPECT_EQ(4, bus_get_info(self->reader->fd).qlen);
}

/* A sender cannot get its recipient disconnected by sending too much. */
TEST_F(share, policy_disconnect)
{
	int i;

	ASSERT_EQ(0, policy(self->reader, BUS_OVERFLOW_DISCONNECT,
			    BUS_OVERFLOW_DISCONNECT));
	EXPECT_EQ(4, fill_from(self->a, ENOBUFS));
	EXPECT_EQ(0, say_to(self->a->fd, GROUP, "all"));
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->reader->fd).state);
	EXPECT_EQ(1, bus_counts(self->reader->fd).lost);
	EXPECT_STREQ("3:all", take(self->other->fd));

	/* The recipient's own user can. */
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, say_to(self->other->fd, 1, "x"));
	EXPECT_EQ(0, say_to(self->other->fd, 1, "x"));
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->reader->fd).state);
}

TEST_F(share, policy_master)
{
	ASSERT_EQ(0, bus_opt(self->a->acc, BUS_RECV_INFO, BUS_INFO_REASON));
	ASSERT_EQ(0, policy(self->reader, BUS_OVERFLOW_MASTER,
			    BUS_OVERFLOW_DROP));
	EXPECT_EQ(4 + QLEN, fill_from(self->a, EAGAIN));
	EXPECT_STREQ("3:x reason=FULL", take(self->a->acc));
}

/* A multicast is lost for recipients in whose queues the sender has too much.
 */
TEST_F(share, multicast_drop)
{
	int i;

	EXPECT_EQ(4, fill_from(self->a, EAGAIN));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, say_to(self->a->fd, GROUP, "y"));
	EXPECT_EQ(4, bus_counts(self->reader->fd).lost);
	EXPECT_EQ(0, bus_counts(self->other->fd).lost);
	EXPECT_EQ(0, say_to(self->c->fd, GROUP, "z"));
	EXPECT_EQ(4, bus_counts(self->reader->fd).lost);
}

TEST_F(share, multicast_block)
{
	struct bus_counts before;

	ASSERT_EQ(0, policy(self->reader, BUS_OVERFLOW_BLOCK,
			    BUS_OVERFLOW_BLOCK));
	EXPECT_EQ(4, fill_from(self->a, EAGAIN));
	before = bus_counts(self->other->fd);
	EXPECT_EQ(EAGAIN, say_to(self->a->fd, GROUP, "y"));
	EXPECT_EQ(before.copies, bus_counts(self->other->fd).copies);
	EXPECT_EQ(0, say_to(self->c->fd, GROUP, "z"));
	EXPECT_STREQ("3:x", take(self->reader->fd));
	EXPECT_EQ(EAGAIN, say_to(self->a->fd, GROUP, "y"));
	EXPECT_STREQ("3:x", take(self->reader->fd));
	EXPECT_EQ(0, say_to(self->a->fd, GROUP, "y"));
}

/* POLLOUT needs room in the share, not just in the queue. */
TEST_F(share, poll)
{
	EXPECT_EQ(0, say_to(self->c->fd, 1, "x"));
	EXPECT_EQ(0, say_to(self->c->fd, 1, "x"));
	EXPECT_EQ(3, fill_from(self->a, EAGAIN));
	EXPECT_FALSE(is_writable(self->a->fd));
	EXPECT_STREQ("4:x", take(self->reader->fd));
	EXPECT_FALSE(is_writable(self->a->fd));
	EXPECT_STREQ("4:x", take(self->reader->fd));
	EXPECT_TRUE(is_writable(self->a->fd));
	EXPECT_EQ(1, fill_from(self->a, EAGAIN));
}

TEST_F(share, wait)
{
	struct bus_call call = {
		.fn = call_send, .fd = self->a->fd, .addr = 1, .text = "last",
	};

	EXPECT_EQ(4, fill_from(self->a, EAGAIN));
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_STREQ("3:x", take(self->reader->fd));
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_EQ(4, bus_get_info(self->reader->fd).qlen);
}

/* More users than a queue remembers, one after another and at once; their ids
 * are gone afterwards.
 */
TEST_F(share, many_users)
{
	struct bus_link l;
	int i, fds[6];

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, link_as(&self->b, &l, 3000 + i));
		EXPECT_EQ(0, say_to(l.fd, 1, "x"));
		bus_link_close(&l);
		EXPECT_NE(0, strcmp("EAGAIN", take(self->reader->fd)));
	}
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, link_as(&self->b, &l, 4000 + i));
		EXPECT_EQ(0, say_to(l.fd, 2, "x"));
		close(l.acc);
		fds[i] = l.fd;
	}
	for (i = 0; i < 6; i++) {
		EXPECT_NE(0, strcmp("EAGAIN", take(self->other->fd)));
		close(fds[i]);
	}
}

/* Messages that a user pays for */

#define BIG	(100 << 10)	/* and some overhead */

static int set_limit(int fd, unsigned long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu\n", bytes);
	return ERR(pwrite(fd, text, strlen(text), 0));
}

/* Adds recipients of READER: links 6 and on, with addresses from 7 on. */
static int more_readers(struct tbus *b, int n)
{
	int err;

	while (n--) {
		err = link_as(b, &b->link[b->nr], READER);
		if (err)
			return err;
		b->nr++;
	}
	return 0;
}

/* The reader's user pays; each sender gets at most half of what the others
 * leave.
 */
TEST_F(share, unread_bytes)
{
	ASSERT_EQ(0, more_readers(&self->b, 3));
	ASSERT_EQ(0, set_limit(self->limit, 5 * BIG));
	EXPECT_EQ(0, send_bytes(self->a->fd, 1, BIG));
	EXPECT_EQ(0, send_bytes(self->a->fd, 2, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->a->fd, 7, BIG));
	EXPECT_EQ(0, send_bytes(self->c->fd, 7, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->c->fd, 8, BIG));
	EXPECT_EQ(0, send_bytes(self->other->fd, 8, BIG));

	/* Small messages fit, and other users get theirs. */
	EXPECT_EQ(0, send_bytes(self->a->fd, 9, 1000));
	EXPECT_EQ(0, send_bytes(self->b.link[8].acc, 9, 1000));
	EXPECT_EQ(EAGAIN, send_bytes(self->a->acc, 9, BIG));
	EXPECT_EQ(0, send_bytes(self->a->fd, 4, BIG));
	EXPECT_EQ(0, send_bytes(self->a->fd, 0, BIG));

	EXPECT_NE(0, strcmp("EAGAIN", take(self->b.link[8].fd)));
	EXPECT_NE(0, strcmp("EAGAIN", take(self->b.link[8].fd)));
	EXPECT_NE(0, strcmp("EAGAIN", take(self->reader->fd)));
	EXPECT_NE(0, strcmp("EAGAIN", take(self->other->fd)));
	EXPECT_EQ(0, send_bytes(self->a->fd, 9, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->a->fd, 1, BIG));
}

/* Messages of the master count as well. */
TEST_F(share, unread_bytes_of_master)
{
	ASSERT_EQ(0, set_limit(self->limit, 3 * BIG));
	EXPECT_EQ(0, say(self->reader->acc, "small"));
	EXPECT_EQ(0, send_bytes(self->reader->acc, 1, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->other->acc, 2, BIG));
}

/* A client pays for messages that the master does not read. */
TEST_F(share, unread_bytes_to_master)
{
	ASSERT_EQ(0, set_limit(self->limit, 2 * BIG));
	EXPECT_EQ(0, send_bytes(self->reader->fd, 0, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->other->fd, 0, BIG));
	EXPECT_EQ(0, send_bytes(self->a->fd, 0, BIG));
	EXPECT_NE(0, strcmp("EAGAIN", take(self->reader->acc)));
	EXPECT_EQ(0, send_bytes(self->other->fd, 0, BIG));
}

/* No user is stuck: one that pays for nothing may send one message of any size.
 */
TEST_F(share, nothing_unread)
{
	ASSERT_EQ(0, set_limit(self->limit, 1));
	EXPECT_EQ(0, send_bytes(self->a->fd, 1, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->c->fd, 2, BIG));
	EXPECT_NE(0, strcmp("EAGAIN", take(self->reader->fd)));
	EXPECT_EQ(0, send_bytes(self->c->fd, 2, BIG));
}

/* A user pays for all its buses together. */
TEST_F(share, unread_bytes_on_two_buses)
{
	struct bus_link l, to;
	struct tbus second;

	ASSERT_EQ(0, set_limit(self->limit, 1));
	ASSERT_EQ(0, tbus_listen(&second));
	ASSERT_EQ(0, link_as(&second, &to, READER));
	ASSERT_EQ(0, link_as(&second, &l, 1002));
	EXPECT_EQ(0, send_bytes(l.fd, 1, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->a->fd, 1, BIG));
	bus_link_close(&to);
	EXPECT_EQ(0, send_bytes(self->a->fd, 1, BIG));
	bus_link_close(&l);
	close(second.listener);
}

TEST_F(share, unread_bytes_policies)
{
	ASSERT_EQ(0, set_limit(self->limit, 1));
	EXPECT_EQ(0, send_bytes(self->a->fd, 1, BIG));
	ASSERT_EQ(0, policy(self->other, BUS_OVERFLOW_REJECT,
			    BUS_OVERFLOW_DROP));
	EXPECT_EQ(ENOBUFS, send_bytes(self->a->fd, 2, BIG));
	ASSERT_EQ(0, policy(self->other, BUS_OVERFLOW_DROP,
			    BUS_OVERFLOW_DROP));
	EXPECT_EQ(0, send_bytes(self->a->fd, 2, BIG));
	EXPECT_EQ(1, bus_counts(self->other->fd).lost);
	/* The recipient has not filled its queue, so it is not disconnected. */
	ASSERT_EQ(0, policy(self->other, BUS_OVERFLOW_DISCONNECT,
			    BUS_OVERFLOW_DISCONNECT));
	EXPECT_EQ(ENOBUFS, send_bytes(self->a->fd, 2, BIG));
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->other->fd).state);
	ASSERT_EQ(0, bus_opt(self->a->acc, BUS_RECV_INFO, BUS_INFO_REASON));
	ASSERT_EQ(0, policy(self->other, BUS_OVERFLOW_MASTER,
			    BUS_OVERFLOW_DROP));
	EXPECT_EQ(0, send_bytes(self->a->fd, 2, BIG));
	EXPECT_NE(NULL, strstr(take(self->a->acc), "reason=FULL"));
}

/* Each copy is paid for. A send does not wait because of other copies of the
 * same message.
 */
TEST_F(share, unread_bytes_of_multicast)
{
	ASSERT_EQ(0, set_limit(self->limit, BIG + BIG / 2));
	EXPECT_EQ(0, send_bytes(self->a->fd, GROUP, BIG));
	EXPECT_EQ(1, bus_get_info(self->reader->fd).qlen);
	EXPECT_EQ(0, bus_get_info(self->other->fd).qlen);
	EXPECT_EQ(1, bus_counts(self->other->fd).lost);
	EXPECT_NE(0, strcmp("EAGAIN", take(self->reader->fd)));

	ASSERT_EQ(0, policy(self->reader, BUS_OVERFLOW_BLOCK,
			    BUS_OVERFLOW_BLOCK));
	ASSERT_EQ(0, policy(self->other, BUS_OVERFLOW_BLOCK,
			    BUS_OVERFLOW_BLOCK));
	EXPECT_EQ(ENOBUFS, send_bytes(self->a->fd, GROUP, BIG));
	EXPECT_EQ(0, bus_get_info(self->reader->fd).qlen);
	EXPECT_EQ(0, send_bytes(self->a->fd, 2, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->a->fd, GROUP, BIG));
}

/* Reading from one socket makes room for a message to another. */
TEST_F(share, unread_bytes_poll)
{
	ASSERT_EQ(0, set_limit(self->limit, 1));
	EXPECT_EQ(0, send_bytes(self->a->fd, 1, BIG));
	EXPECT_EQ(EAGAIN, send_bytes(self->a->fd, 2, BIG));
	EXPECT_FALSE(is_writable(self->a->fd));
	EXPECT_NE(0, strcmp("EAGAIN", take(self->reader->fd)));
	EXPECT_TRUE(is_writable(self->a->fd));
	EXPECT_EQ(0, send_bytes(self->a->fd, 2, BIG));
}

static int call_send_big(struct bus_call *call)
{
	struct sockaddr_bus to;
	char *buf = calloc(1, BIG);
	int err;

	bus_to(&to, call->addr);
	err = ERR(sendto(call->fd, buf, BIG, 0, (void *)&to, BUS_NAME_MIN));
	free(buf);
	return err;
}

TEST_F(share, unread_bytes_wait)
{
	struct bus_call call[2];
	int i;

	ASSERT_EQ(0, set_limit(self->limit, 1));
	ASSERT_EQ(0, more_readers(&self->b, 1));
	EXPECT_EQ(0, send_bytes(self->a->fd, 1, BIG));
	for (i = 0; i < 2; i++) {
		call[i] = (struct bus_call) {
			.fn = call_send_big, .fd = self->b.link[3 + i].fd,
			.addr = i ? 7 : 2,
		};
		call_start(&call[i]);
		EXPECT_TRUE(call_sleeps(&call[i]));
	}
	/* One sender gets the room, and the other what is left of it. */
	EXPECT_NE(0, strcmp("EAGAIN", take(self->reader->fd)));
	while (!call_done(&call[0]) && !call_done(&call[1]))
		usleep(1000);
	i = call_done(&call[0]) ? 0 : 1;
	EXPECT_TRUE(call_sleeps(&call[!i]));
	bus_link_close(i ? &self->b.link[6] : self->other);
	EXPECT_EQ(0, call_wait(&call[i]));
	EXPECT_EQ(0, call_wait(&call[!i]));
}

/* Other namespaces do not have this limit, not even to read. */
TEST_F(share, limit_of_the_machine)
{
	EXPECT_EQ(ENOENT, open(LIMIT, O_RDONLY) < 0 ? errno : 0);
	EXPECT_EQ(0, access("/proc/sys/net/bus/max_qlen", R_OK | W_OK));
}

/* User namespaces */

static int write_map(pid_t pid, const char *name, const char *map)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return write_text(path, map) ? 0 : -1;
}

/* Signals that a step is done, and waits for the other side. */
static int step(int done, int go)
{
	char c;

	return write(done, "x", 1) == 1 && read(go, &c, 1) == 1 ? 0 : -1;
}

/* Runs in a namespace within a namespace of 1001, with an id that is neither's.
 * Exits with the number of messages that it sent.
 */
static void be_nested(const struct tbus *b, int done, int go)
{
	int n = 0, fd, err;

	if (setuid(1001) || prctl(PR_SET_DUMPABLE, 1) ||
	    unshare(CLONE_NEWUSER) || step(done, go))
		_exit(101);
	if (setuid(5) || prctl(PR_SET_DUMPABLE, 1) ||
	    unshare(CLONE_NEWUSER) || write_map(getpid(), "uid_map", "0 5 1"))
		_exit(102);
	fd = bus_socket();
	if (fd < 0 || connect(fd, (void *)&b->name, b->namelen) ||
	    step(done, go))
		_exit(103);
	while (!(err = say_to(fd, 1, "x")))
		n++;
	_exit(err == EAGAIN ? n : 104);
}

/* A user that maps ids into its own namespace is the same user with each of
 * them.
 */
TEST_F(share, ids_of_a_namespace)
{
	struct bus_link l = {};
	int done[2], go[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(done));
	ASSERT_EQ(0, pipe(go));
	EXPECT_EQ(3, fill_some(self->a, 3));
	pid = fork();
	if (!pid)
		be_nested(&self->b, done[1], go[0]);
	close(done[1]);

	ASSERT_EQ(1, read(done[0], &c, 1)) {
		TH_LOG("status %d", wait_status(pid));
	}
	ASSERT_EQ(0, write_map(pid, "uid_map", "0 100000 10"));
	/* A process whose group is not mapped must not make namespaces. */
	ASSERT_EQ(0, write_map(pid, "gid_map", "0 0 1"));
	ASSERT_EQ(1, write(go[1], "x", 1));
	ASSERT_EQ(1, read(done[0], &c, 1)) {
		TH_LOG("status %d", wait_status(pid));
	}
	l.acc = accept(self->b.listener, NULL, NULL);
	ASSERT_LE(0, l.acc);
	ASSERT_EQ(0, tbus_join(&l));
	ASSERT_EQ(1, write(go[1], "x", 1));
	EXPECT_EQ(1, wait_status(pid));
	EXPECT_EQ(0, fill_from(self->a, EAGAIN));
	EXPECT_EQ(2, fill_from(self->c, EAGAIN));
	close(l.acc);
}

TEST_HARNESS_MAIN
