// SPDX-License-Identifier: GPL-2.0
/* AF_BUS calls through io_uring. */
#include "../../kselftest_harness.h"

#include <sys/syscall.h>
#include <linux/io_uring.h>

#include "bus_util.h"

#define ENTRIES	8

/* The minimum of a ring */
struct ring {
	int			fd;
	struct io_uring_sqe	*sqes;
	atomic_uint		*sq_tail;
	unsigned int		*sq_array;
	atomic_uint		*cq_head;
	atomic_uint		*cq_tail;
	struct io_uring_cqe	*cqes;
	unsigned int		sq_mask;
	unsigned int		cq_mask;
	void			*maps[3];
	size_t			lens[3];
};

static void *ring_map(struct ring *r, int i, size_t len, off_t offset)
{
	r->lens[i] = len;
	r->maps[i] = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
			  offset);
	return r->maps[i];
}

static int ring_init(struct ring *r)
{
	struct io_uring_params p = {};
	char *sq, *cq;

	r->fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (r->fd < 0)
		return errno;
	sq = ring_map(r, 0, p.sq_off.array + p.sq_entries * 4,
		      IORING_OFF_SQ_RING);
	cq = ring_map(r, 1, p.cq_off.cqes + p.cq_entries * sizeof(*r->cqes),
		      IORING_OFF_CQ_RING);
	r->sqes = ring_map(r, 2, p.sq_entries * sizeof(*r->sqes),
			   IORING_OFF_SQES);
	r->sq_tail = (void *)(sq + p.sq_off.tail);
	r->sq_mask = *(unsigned int *)(sq + p.sq_off.ring_mask);
	r->sq_array = (void *)(sq + p.sq_off.array);
	r->cq_head = (void *)(cq + p.cq_off.head);
	r->cq_tail = (void *)(cq + p.cq_off.tail);
	r->cq_mask = *(unsigned int *)(cq + p.cq_off.ring_mask);
	r->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

/* Starts a request; returns 0 or errno. */
static int ring_submit(struct ring *r, const struct io_uring_sqe *sqe)
{
	unsigned int tail = atomic_load(r->sq_tail);
	unsigned int i = tail & r->sq_mask;

	r->sqes[i] = *sqe;
	r->sq_array[i] = i;
	atomic_store(r->sq_tail, tail + 1);
	return syscall(SYS_io_uring_enter, r->fd, 1, 0, 0, NULL, 0) == 1 ?
	       0 : errno;
}

static bool ring_pending(struct ring *r)
{
	return atomic_load(r->cq_head) == atomic_load(r->cq_tail);
}

struct result {
	__u64	user_data;
	int	res;
};

static struct result ring_wait_result(struct ring *r)
{
	unsigned int head = atomic_load(r->cq_head);
	const struct io_uring_cqe *cqe = &r->cqes[head & r->cq_mask];
	struct result result;

	while (ring_pending(r))
		syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS,
			NULL, 0);
	result = (struct result) { cqe->user_data, cqe->res };
	atomic_store(r->cq_head, head + 1);
	return result;
}

/* Waits for the result of a request. */
static int ring_wait(struct ring *r)
{
	return ring_wait_result(r).res;
}

/* The mappings hold the ring as well. */
static void ring_exit(struct ring *r)
{
	int i;

	for (i = 0; i < 3; i++)
		munmap(r->maps[i], r->lens[i]);
	close(r->fd);
	r->fd = -1;
}

/* Waits for end-of-file, because rings drop files in the background. */
static ssize_t wait_end(int fd)
{
	char c;

	return recv(fd, &c, 1, 0);
}

static int ring_do(struct ring *r, const struct io_uring_sqe *sqe)
{
	int err = ring_submit(r, sqe);

	return err ? -err : ring_wait(r);
}

static struct io_uring_sqe op(int opcode, int fd, const void *addr,
			      unsigned int len)
{
	return (struct io_uring_sqe) {
		.opcode = opcode, .fd = fd, .addr = (__u64)(unsigned long)addr,
		.len = len,
	};
}

FIXTURE(iouring) {
	struct tbus	b;
	struct bus_link	*l;
	struct ring	ring;
};

FIXTURE_SETUP(iouring)
{
	int err = ring_init(&self->ring);

	if (err)
		SKIP(return, "no io_uring: %s", strerror(err));
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 3));
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(iouring)
{
	if (self->ring.fd >= 0)
		ring_exit(&self->ring);
	tbus_close(&self->b);
}

TEST_F(iouring, send_and_recv)
{
	struct io_uring_sqe sqe;
	char buf[8] = {};

	sqe = op(IORING_OP_SEND, self->l[0].fd, "up", 2);
	EXPECT_EQ(2, ring_do(&self->ring, &sqe));
	sqe = op(IORING_OP_RECV, self->l[0].acc, buf, sizeof(buf));
	EXPECT_EQ(2, ring_do(&self->ring, &sqe));
	EXPECT_STREQ("up", buf);
}

TEST_F(iouring, sendmsg)
{
	struct iovec iov = { "hello", 5 };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct io_uring_sqe sqe = op(IORING_OP_SENDMSG, self->l[0].fd, &msg, 1);

	bus_to(&sb, 2);
	EXPECT_EQ(5, ring_do(&self->ring, &sqe));
	EXPECT_STREQ("1:hello", take(self->l[1].fd));
	bus_to(&sb, BUS_MULTICAST(0));
	EXPECT_EQ(5, ring_do(&self->ring, &sqe));
	EXPECT_STREQ("1:hello", take(self->l[0].fd));
	EXPECT_STREQ("1:hello", take(self->l[1].fd));
	EXPECT_STREQ("1:hello", take(self->l[2].fd));
	bus_to(&sb, 2);
	sb.sbus_family = AF_UNIX;
	EXPECT_EQ(-EINVAL, ring_do(&self->ring, &sqe));
}

/* A receive that waits completes when a message arrives, */
TEST_F(iouring, recvmsg_waits)
{
	char buf[8] = {};
	struct iovec iov = { buf, sizeof(buf) };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = sizeof(sb),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct io_uring_sqe sqe = op(IORING_OP_RECVMSG, self->l[1].fd, &msg, 1);

	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_TRUE(ring_pending(&self->ring));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "hello"));
	EXPECT_EQ(5, ring_wait(&self->ring));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(1, sb.sbus_addr.s_addr);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(iouring, recv_ends)
{
	char buf[8];
	struct io_uring_sqe sqe = op(IORING_OP_RECV, self->l[1].fd, buf, 8);

	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	close(self->l[1].acc);
	self->l[1].acc = -1;
	EXPECT_EQ(0, ring_wait(&self->ring));
}

/* and a send when there is room. */
TEST_F(iouring, send_waits)
{
	struct iovec iov = { "last", 4 };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct io_uring_sqe sqe = op(IORING_OP_SENDMSG, self->l[0].fd, &msg, 1);

	bus_to(&sb, 2);
	while (!say_to(self->l[0].fd, 2, "fill"))
		;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_TRUE(ring_pending(&self->ring));
	EXPECT_STREQ("1:fill", take(self->l[1].fd));
	EXPECT_EQ(4, ring_wait(&self->ring));
	EXPECT_STREQ("1:fill", take(self->l[1].fd));
	EXPECT_STREQ("1:fill", take(self->l[1].fd));
	EXPECT_STREQ("1:last", take(self->l[1].fd));
}

/* Closing a ring cancels requests that wait. */
TEST_F(iouring, ring_closed)
{
	char buf[8];
	struct io_uring_sqe sqe = op(IORING_OP_RECV, self->l[1].fd, buf, 8);

	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	ring_exit(&self->ring);
	bus_link_close(&self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
}

/* Cancels a request and returns its result. */
static int ring_cancel(struct ring *r, __u64 user_data)
{
	struct io_uring_sqe sqe = op(IORING_OP_ASYNC_CANCEL, -1, NULL, 0);
	struct result result[2];

	sqe.addr = user_data;
	if (ring_submit(r, &sqe))
		return -1;
	/* the two results come in either order */
	result[0] = ring_wait_result(r);
	result[1] = ring_wait_result(r);
	return result[result[1].user_data == user_data].res;
}

/* A worker that is about to wait is interrupted instead. */
static bool is_cancelled(int res)
{
	return res == -ECANCELED || res == -EINTR;
}

/* In the ring, or in a worker thread */
static const __u8 how[] = { 0, IOSQE_ASYNC };

TEST_F(iouring, recv_cancelled)
{
	char buf[8];
	struct io_uring_sqe sqe = op(IORING_OP_RECV, self->l[1].fd, buf, 8);
	int i;

	for (i = 0; i < ARRAY_SIZE(how); i++) {
		sqe.user_data = 7;
		sqe.flags = how[i];
		ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
		EXPECT_TRUE(ring_pending(&self->ring));
		EXPECT_TRUE(is_cancelled(ring_cancel(&self->ring, 7)));
		/* the cancelled request took no message */
		EXPECT_EQ(0, say_to(self->l[0].fd, 2, "hello"));
		EXPECT_STREQ("1:hello", take(self->l[1].fd));
		EXPECT_TRUE(ring_pending(&self->ring));
	}
}

TEST_F(iouring, send_cancelled)
{
	struct iovec iov = { "never", 5 };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct io_uring_sqe sqe = op(IORING_OP_SENDMSG, self->l[0].fd, &msg, 1);
	int i, n;

	bus_to(&sb, 2);
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		while (!say_to(self->l[2].fd, 2, "fill"))
			;
		sqe.user_data = 7;
		sqe.flags = how[i];
		ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
		EXPECT_TRUE(ring_pending(&self->ring));
		EXPECT_TRUE(is_cancelled(ring_cancel(&self->ring, 7)));
		for (n = 0; n < 3; n++)
			EXPECT_STREQ("3:fill", take(self->l[1].fd));
		EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
		EXPECT_TRUE(ring_pending(&self->ring));
	}
}

/* A request holds the socket, so the client stays while it is pending. */
TEST_F(iouring, recv_outlives_close)
{
	char buf[8] = {};
	struct io_uring_sqe sqe = op(IORING_OP_RECV, self->l[1].fd, buf, 8);

	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_STREQ("EAGAIN", take(self->l[1].acc));
	EXPECT_TRUE(ring_pending(&self->ring));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "hello"));
	EXPECT_EQ(5, ring_wait(&self->ring));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(0, wait_end(self->l[1].acc));
}

TEST_F(iouring, send_outlives_close)
{
	struct iovec iov = { "last", 4 };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct io_uring_sqe sqe = op(IORING_OP_SENDMSG, self->l[0].fd, &msg, 1);
	int n;

	bus_to(&sb, 2);
	while (!say_to(self->l[2].fd, 2, "fill"))
		;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	close(self->l[0].fd);
	self->l[0].fd = -1;
	for (n = 0; n < 3; n++)
		EXPECT_STREQ("3:fill", take(self->l[1].fd));
	EXPECT_EQ(4, ring_wait(&self->ring));
	EXPECT_STREQ("1:last", take(self->l[1].fd));
	EXPECT_EQ(0, wait_end(self->l[0].acc));
}

/* Pending requests end with the ring, and so do their sockets. */
TEST_F(iouring, ring_holds_sockets)
{
	char buf[8];
	struct iovec iov = { "never", 5 };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct io_uring_sqe recv = op(IORING_OP_RECV, self->l[0].fd, buf, 8);
	struct io_uring_sqe send = op(IORING_OP_SENDMSG, self->l[0].fd, &msg,
				      1);
	int n;

	bus_to(&sb, 2);
	while (!say_to(self->l[2].fd, 2, "fill"))
		;
	ASSERT_EQ(0, ring_submit(&self->ring, &recv));
	ASSERT_EQ(0, ring_submit(&self->ring, &send));
	close(self->l[0].fd);
	self->l[0].fd = -1;
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
	ring_exit(&self->ring);
	EXPECT_EQ(0, wait_end(self->l[0].acc));
	for (n = 0; n < 3; n++)
		EXPECT_STREQ("3:fill", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* Both requests complete when the master ends the link. */
TEST_F(iouring, link_ends)
{
	char buf[8];
	struct iovec iov = { "never", 5 };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct io_uring_sqe recv = op(IORING_OP_RECV, self->l[0].fd, buf, 8);
	struct io_uring_sqe send = op(IORING_OP_SENDMSG, self->l[0].fd, &msg,
				      1);
	int res[2];

	bus_to(&sb, 2);
	while (!say_to(self->l[2].fd, 2, "fill"))
		;
	ASSERT_EQ(0, ring_submit(&self->ring, &recv));
	ASSERT_EQ(0, ring_submit(&self->ring, &send));
	EXPECT_TRUE(ring_pending(&self->ring));
	close(self->l[0].acc);
	self->l[0].acc = -1;
	res[0] = ring_wait(&self->ring);
	res[1] = ring_wait(&self->ring);
	EXPECT_EQ(-EPIPE, res[0] + res[1]);
	EXPECT_TRUE(!res[0] || !res[1]);
}

TEST_F(iouring, connect_and_accept)
{
	struct io_uring_sqe sqe;
	int fd = bus_socket();
	int acc;

	sqe = op(IORING_OP_ACCEPT, self->b.listener, NULL, 0);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_TRUE(ring_pending(&self->ring));
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&self->b.name,
			     self->b.namelen));
	acc = ring_wait(&self->ring);
	ASSERT_LE(0, acc);
	EXPECT_EQ(0, say(fd, "x"));
	EXPECT_STREQ("4:x", take(acc));
	close(acc);
	close(fd);
	fd = bus_socket();
	sqe = op(IORING_OP_CONNECT, fd, &self->b.name, 0);
	sqe.off = self->b.namelen;
	EXPECT_EQ(0, ring_do(&self->ring, &sqe));
	acc = accept(self->b.listener, NULL, NULL);
	ASSERT_LE(0, acc);
	EXPECT_EQ(0, say(acc, "y"));
	EXPECT_STREQ("0:y", take(fd));
	close(acc);
	close(fd);
}

TEST_F(iouring, shutdown)
{
	struct io_uring_sqe sqe = op(IORING_OP_SHUTDOWN, self->l[0].fd, NULL,
				     SHUT_RDWR);

	EXPECT_EQ(0, ring_do(&self->ring, &sqe));
	EXPECT_STREQ("EOF", take(self->l[0].acc));
}

TEST_HARNESS_MAIN
