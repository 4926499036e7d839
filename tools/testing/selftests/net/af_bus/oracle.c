// SPDX-License-Identifier: GPL-2.0
/*
 * AF_UNIX is the oracle for connected SOCK_SEQPACKET sockets. The same random
 * calls are made on a pair of each family and must give the same results.
 *
 * Intended differences are left out: SIOCINQ, close() with unread messages
 * (which has a test of its own), credentials of messages sent before they were
 * asked for, and how much fits into a queue.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <sys/ioctl.h>

#include "both.h"
#include "bus_util.h"

/* With more bytes than this AF_UNIX may not be writable. */
#define MAX_LEN		6000
#define MAX_BYTES	12000
#define MAX_QUEUED	10

/* A link of each family, and what is queued at each end */
struct pairs {
	struct tbus	b;
	int		fd[FAMILIES][2];
	unsigned int	queued[2];
	unsigned int	bytes[2];
	struct rnd	rnd;
};

/* All results of a call, which are compared */
struct result {
	long	ret;
	int	err;
	int	flags;
	int	fds;
	int	cred;
	int	others;		/* control messages */
	char	data[MAX_LEN];
};

static int pairs_open(struct pairs *p)
{
	int i, on = rnd_below(&p->rnd, 2), stamp = rnd_below(&p->rnd, 2);
	int err = tbus_listen(&p->b);

	err = err ?: tbus_link(&p->b, &p->b.link[0]);
	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p->fd[UNIX]))
		err = errno;
	if (!err && rnd_below(&p->rnd, 2))
		err = tbus_join(&p->b.link[0]);
	p->fd[BUS][0] = p->b.link[0].fd;
	p->fd[BUS][1] = p->b.link[0].acc;
	for (i = 0; i < 4; i++) {
		sol_opt(p->fd[i / 2][i % 2], SO_PASSCRED, on);
		sol_opt(p->fd[i / 2][i % 2], SO_TIMESTAMP, stamp);
	}
	memset(p->queued, 0, sizeof(p->queued));
	memset(p->bytes, 0, sizeof(p->bytes));
	return err;
}

static void pairs_close(struct pairs *p)
{
	int i;

	for (i = 0; i < 4; i++)
		if (p->fd[i / 2][i % 2] >= 0)
			close(p->fd[i / 2][i % 2]);
	close(p->b.listener);
}

/* One call. Its arguments are drawn once, so they are the same for both
 * families.
 */
struct op {
	const char	*name;
	void		(*draw)(struct pairs *p, struct op *op);
	void		(*call)(const struct op *op, int fd, struct result *r);
	void		(*after)(struct pairs *p, const struct op *op,
				 const struct result *r);
	int		end;
	int		flags;
	size_t		len;
	int		nr_fds;
	char		data[MAX_LEN];
};

static void set_result(struct result *r, long ret)
{
	r->ret = ret;
	r->err = ret < 0 ? errno : 0;
}

/* send */

static void draw_send(struct pairs *p, struct op *op)
{
	size_t i;

	op->len = rnd_below(&p->rnd, 3) ? rnd_below(&p->rnd, 50) :
					  rnd_below(&p->rnd, MAX_LEN);
	if (p->queued[!op->end] >= MAX_QUEUED ||
	    p->bytes[!op->end] + op->len > MAX_BYTES)
		op->len = 0;
	for (i = 0; i < op->len; i++)
		op->data[i] = rnd_next(&p->rnd);
	op->nr_fds = rnd_below(&p->rnd, 8) ? 0 : 1 + rnd_below(&p->rnd, 3);
	op->flags = rnd_below(&p->rnd, 30) ? 0 : MSG_OOB;
	if (p->queued[!op->end] >= 2 * MAX_QUEUED)
		op->flags = MSG_OOB;
}

static void call_send_op(const struct op *op, int fd, struct result *r)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = {};
	struct iovec iov = { (void *)op->data, op->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	int i, zero = 0;

	if (op->nr_fds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(op->nr_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(op->nr_fds * sizeof(int));
		for (i = 0; i < op->nr_fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &zero,
			       sizeof(int));
	}
	set_result(r, sendmsg(fd, &msg,
			      MSG_DONTWAIT | MSG_NOSIGNAL | op->flags));
}

static void after_send(struct pairs *p, const struct op *op,
		       const struct result *r)
{
	if (r->ret < 0)
		return;
	p->queued[!op->end]++;
	p->bytes[!op->end] += op->len;
}

/* recv */

static void draw_recv(struct pairs *p, struct op *op)
{
	static const int flags[] = {
		0, 0, 0, 0, MSG_PEEK, MSG_TRUNC, MSG_PEEK | MSG_TRUNC,
		MSG_OOB, MSG_CMSG_CLOEXEC, MSG_WAITALL,
	};

	op->flags = flags[rnd_below(&p->rnd, ARRAY_SIZE(flags))];
	op->len = rnd_below(&p->rnd, 3) ? MAX_LEN : rnd_below(&p->rnd, 30);
}

static void call_recv_op(const struct op *op, int fd, struct result *r)
{
	struct bus_got got;

	memset(r->data, 0, sizeof(r->data));
	set_result(r, bus_recv(fd, &got, r->data, op->len,
			       MSG_DONTWAIT | op->flags));
	r->flags = got.flags;
	r->fds = got.nr_fds;
	r->cred = got.has_cred ? got.cred.pid : 0;
	r->others = got.unknown;
	bus_got_close(&got);
}

static void after_recv(struct pairs *p, const struct op *op,
		       const struct result *r)
{
	if (r->ret < 0 || op->flags & MSG_PEEK || !p->queued[op->end])
		return;
	p->queued[op->end]--;
	if (!p->queued[op->end])
		p->bytes[op->end] = 0;
}

/* poll */

static void draw_poll(struct pairs *p, struct op *op)
{
	op->flags = rnd_below(&p->rnd, 2) ? 0x7fff : rnd_next(&p->rnd) & 0x7fff;
	/* POLLNVAL and bits that poll() does not know */
	op->flags &= ~0x1820;
}

static void call_poll(const struct op *op, int fd, struct result *r)
{
	struct pollfd pfd = { fd, op->flags, 0 };

	set_result(r, poll(&pfd, 1, 0));
	r->flags = pfd.revents;
}

/* shutdown and close */

static void draw_shutdown(struct pairs *p, struct op *op)
{
	op->flags = rnd_below(&p->rnd, 20) ? 99 : rnd_below(&p->rnd, 4);
}

static void call_shutdown(const struct op *op, int fd, struct result *r)
{
	set_result(r, shutdown(fd, op->flags));
}

static void draw_close(struct pairs *p, struct op *op)
{
	op->flags = rnd_below(&p->rnd, 20) || p->queued[op->end];
}

static void call_close(const struct op *op, int fd, struct result *r)
{
	if (!op->flags)
		set_result(r, close(fd));
}

static void after_close(struct pairs *p, const struct op *op,
			const struct result *r)
{
	if (op->flags)
		return;
	p->fd[UNIX][op->end] = -1;
	p->fd[BUS][op->end] = -1;
}

/* Others */

static void draw_sockopt(struct pairs *p, struct op *op)
{
	static const int opts[] = {
		SO_ERROR, SO_TYPE, SO_ACCEPTCONN, SO_PASSCRED, SO_REUSEADDR,
		SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_PROTOCOL,
		SO_RCVLOWAT, SO_SNDLOWAT, SO_RCVBUF, SO_PEEK_OFF, SO_TIMESTAMP,
		12345,
	};

	op->flags = opts[rnd_below(&p->rnd, ARRAY_SIZE(opts))];
}

static void call_sockopt(const struct op *op, int fd, struct result *r)
{
	socklen_t len = sizeof(int);

	set_result(r, getsockopt(fd, SOL_SOCKET, op->flags, r->data, &len));
	r->flags = len;
}

static void draw_peek_off(struct pairs *p, struct op *op)
{
	static const int offs[] = { -1, 0, 0, 1, 20, 3000, MAX_BYTES, -7 };

	op->flags = offs[rnd_below(&p->rnd, ARRAY_SIZE(offs))];
}

static void call_peek_off(const struct op *op, int fd, struct result *r)
{
	set_result(r, setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &op->flags,
				 sizeof(op->flags)));
}

static void draw_wrong(struct pairs *p, struct op *op)
{
	op->flags = rnd_below(&p->rnd, 5);
}

static void call_wrong(const struct op *op, int fd, struct result *r)
{
	int value = 0;

	switch (op->flags) {
	case 0:
		return set_result(r, listen(fd, 1));
	case 1:
		return set_result(r, accept(fd, NULL, NULL));
	case 2:
		return set_result(r, lseek(fd, 0, SEEK_SET));
	case 3:
		return set_result(r, ioctl(fd, 0x5413 /* TIOCGWINSZ */, &value));
	default:
		return set_result(r, fcntl(fd, F_GETFL));
	}
}

static void draw_write(struct pairs *p, struct op *op)
{
	draw_send(p, op);
	op->flags = 0;
	if (op->len == 0)
		op->len = 1;
}

static void call_write(const struct op *op, int fd, struct result *r)
{
	set_result(r, write(fd, op->data, op->len));
}

/* read() of no bytes does not look at the socket. */
static void draw_read(struct pairs *p, struct op *op)
{
	draw_recv(p, op);
	op->flags = 0;
	if (op->len == 0)
		op->len = 1;
}

static void call_read(const struct op *op, int fd, struct result *r)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	memset(r->data, 0, sizeof(r->data));
	set_result(r, read(fd, r->data, op->len));
	fcntl(fd, F_SETFL, 0);
}

static const struct op ops[] = {
	{ "send", draw_send, call_send_op, after_send },
	{ "send", draw_send, call_send_op, after_send },
	{ "recv", draw_recv, call_recv_op, after_recv },
	{ "recv", draw_recv, call_recv_op, after_recv },
	{ "recv", draw_recv, call_recv_op, after_recv },
	{ "poll", draw_poll, call_poll },
	{ "poll", draw_poll, call_poll },
	{ "shutdown", draw_shutdown, call_shutdown },
	{ "close", draw_close, call_close, after_close },
	{ "getsockopt", draw_sockopt, call_sockopt },
	{ "peek_off", draw_peek_off, call_peek_off },
	{ "wrong", draw_wrong, call_wrong },
	{ "write", draw_write, call_write, after_send },
	{ "read", draw_read, call_read, after_recv },
};

static void show(const char *family, const struct result *r)
{
	ksft_print_msg("%s: %ld %s flags %x fds %d cred %d others %d\n", family,
		       r->ret, strerror(r->err), r->flags, r->fds, r->cred,
		       r->others);
}

static bool same(const struct op *op, const struct result *u,
		 const struct result *b)
{
	if (!memcmp(u, b, sizeof(*u)))
		return true;
	ksft_print_msg("%s end %d flags %x len %zu fds %d\n", op->name, op->end,
		       op->flags, op->len, op->nr_fds);
	show("AF_UNIX", u);
	show("AF_BUS", b);
	return false;
}

static bool step(struct pairs *p)
{
	static struct op op;
	static struct result u, b;

	op = ops[rnd_below(&p->rnd, ARRAY_SIZE(ops))];
	op.end = rnd_below(&p->rnd, 2);
	if (p->fd[UNIX][op.end] < 0)
		return true;
	op.draw(p, &op);
	memset(&u, 0, sizeof(u));
	memset(&b, 0, sizeof(b));
	op.call(&op, p->fd[UNIX][op.end], &u);
	op.call(&op, p->fd[BUS][op.end], &b);
	if (op.after)
		op.after(p, &op, &u);
	return same(&op, &u, &b);
}

static bool run_pair(struct pairs *p, unsigned int steps)
{
	bool ok = !pairs_open(p);

	while (ok && steps--)
		ok = step(p);
	pairs_close(p);
	return ok;
}

TEST(pair)
{
	unsigned int i, nr = 50 * bus_long(200);
	__u64 seed = rnd_seed();
	struct pairs p = {};

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < nr; i++) {
		p.rnd.s = seed + i;
		ASSERT_TRUE(run_pair(&p, 10 + rnd_below(&p.rnd, 60))) {
			TH_LOG("seed %llu", (unsigned long long)seed + i);
		}
	}
}

static int events(int fd, int wanted)
{
	struct pollfd pfd = { fd, wanted, 0 };

	return poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents;
}

/* Both families give the same events for any request. */
static bool same_events(const int *fd)
{
	static const int wanted[] = { 0x67df, POLLIN, POLLOUT, 0 };
	unsigned int i;
	int u, b;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		u = events(fd[UNIX], wanted[i]);
		b = events(fd[BUS], wanted[i]);
		if (u == b)
			continue;
		ksft_print_msg("AF_UNIX: %#x AF_BUS: %#x\n", u, b);
		return false;
	}
	return true;
}

/* poll() on a socket that is not connected, or not any more */
TEST(poll_without_link)
{
	int f, fd[FAMILIES], bound[FAMILIES];
	struct sockaddr_bus sb;
	struct both s;

	ASSERT_EQ(0, both_listen(&s, NULL));
	for (f = 0; f < FAMILIES; f++) {
		fd[f] = both_socket(f);
		bound[f] = both_socket(f);
	}
	ASSERT_EQ(0, ERR(bind(bound[BUS], (struct sockaddr *)&sb,
			      bus_abstract_unique(&sb))));
	ASSERT_EQ(0, ERR(bind(bound[UNIX], &(struct sockaddr){ AF_UNIX },
			      sizeof(sa_family_t))));
	EXPECT_TRUE(same_events(fd));
	EXPECT_TRUE(same_events(bound));
	EXPECT_TRUE(same_events(s.listener));
	for (f = 0; f < FAMILIES; f++) {
		close(fd[f]);
		close(bound[f]);
		fd[f] = both_dial(&s, f);
		ASSERT_LE(0, fd[f]);
	}
	EXPECT_TRUE(same_events(fd));
	EXPECT_TRUE(same_events(s.listener));
	both_close(&s);
	EXPECT_TRUE(same_events(fd));
	for (f = 0; f < FAMILIES; f++)
		close(fd[f]);
}

/* close() with unread messages: AF_UNIX resets their sender at once. On a bus
 * any client may have sent them, so this is an ordinary end of file; see
 * af_bus.rst.
 */
TEST(close_with_unread)
{
	struct pairs p = { .rnd = { rnd_seed() } };
	int i, end;

	for (end = 0; end < 2; end++) {
		ASSERT_TRUE(!pairs_open(&p));
		for (i = 0; i < FAMILIES; i++) {
			EXPECT_EQ(0, say(p.fd[i][!end], "unread"));
			EXPECT_EQ(0, say(p.fd[i][end], "last"));
			close(p.fd[i][end]);
			p.fd[i][end] = -1;
		}
		EXPECT_EQ(POLLERR, events(p.fd[UNIX][!end], 0) & POLLERR);
		EXPECT_STREQ("ECONNRESET", take(p.fd[UNIX][!end]));
		EXPECT_EQ(0, events(p.fd[BUS][!end], 0) & POLLERR);
		EXPECT_NE(NULL, strstr(take(p.fd[UNIX][!end]), ":last"));
		EXPECT_NE(NULL, strstr(take(p.fd[BUS][!end]), ":last"));
		EXPECT_STREQ("EOF", take(p.fd[UNIX][!end]));
		EXPECT_STREQ("EOF", take(p.fd[BUS][!end]));
		pairs_close(&p);
	}
}

/* Returns SO_TIMESTAMPNS in nanoseconds, 0 if there is none. */
static long long stamp_of(int fd)
{
	char control[256], text[8];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	struct timespec ts;

	if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
		return 0;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(cmsg), sizeof(ts));
		return ts.tv_sec * 1000000000LL + ts.tv_nsec;
	}
	return 0;
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* The timestamp is the time of queueing, not of reading. */
TEST(timestamp)
{
	long long before, after, stamp;
	struct pairs p = {};
	int f;

	ASSERT_TRUE(!pairs_open(&p));
	for (f = 0; f < FAMILIES; f++) {
		sol_opt(p.fd[f][1], SO_TIMESTAMPNS, 1);
		before = now();
		EXPECT_EQ(0, say(p.fd[f][0], "x"));
		after = now();
		usleep(10000);
		stamp = stamp_of(p.fd[f][1]);
		EXPECT_LE(before, stamp);
		EXPECT_LE(stamp, after);
		sol_opt(p.fd[f][1], SO_TIMESTAMPNS, 0);
		EXPECT_EQ(0, say(p.fd[f][0], "x"));
		EXPECT_EQ(0, stamp_of(p.fd[f][1]));
	}
	pairs_close(&p);
}

/* Each recipient of a multicast has its own setting. */
TEST(timestamp_of_multicast)
{
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 3));
	ASSERT_EQ(0, sol_opt(b.link[0].fd, SO_TIMESTAMPNS, 1));
	ASSERT_EQ(0, sol_opt(b.link[2].fd, SO_TIMESTAMPNS, 1));
	EXPECT_EQ(0, say_to(b.link[0].fd, BUS_MULTICAST(0), "x"));
	EXPECT_NE(0, stamp_of(b.link[0].fd));
	EXPECT_EQ(0, stamp_of(b.link[1].fd));
	EXPECT_NE(0, stamp_of(b.link[2].fd));
	tbus_close(&b);
}

/* A reader that has peeked at everything waits for more, and sees the end. */
TEST(peek_off_waits)
{
	struct bus_call call = { .fn = call_recv, .flags = MSG_PEEK };
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 1));
	ASSERT_EQ(0, sol_opt(b.link[0].fd, SO_PEEK_OFF, 0));
	EXPECT_EQ(0, say(b.link[0].acc, "one"));
	EXPECT_STREQ("0:one", peek(b.link[0].fd));
	EXPECT_STREQ("EAGAIN", peek(b.link[0].fd));
	call.fd = b.link[0].fd;
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_EQ(0, say(b.link[0].acc, "two"));
	EXPECT_EQ(0, call_wait(&call));
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	close(b.link[0].acc);
	b.link[0].acc = -1;
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_STREQ("EOF", peek(b.link[0].fd));
	EXPECT_STREQ("0:one", take(b.link[0].fd));
	EXPECT_STREQ("0:two", take(b.link[0].fd));
	EXPECT_STREQ("EOF", take(b.link[0].fd));
	tbus_close(&b);
}

TEST_HARNESS_MAIN
