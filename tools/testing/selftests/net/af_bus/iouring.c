// SPDX-License-Identifier: GPL-2.0
/* The same calls through io_uring. */
#include "../../kselftest_harness.h"

#include <sys/syscall.h>
#include <linux/io_uring.h>

#include "bus_util.h"

#define ENTRIES	8

/* As little of a ring as it takes to use one. */
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
};

static void *ring_map(int fd, size_t len, off_t offset)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

static int ring_init(struct ring *r)
{
	struct io_uring_params p = {};
	char *sq, *cq;

	r->fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (r->fd < 0)
		return errno;
	sq = ring_map(r->fd, p.sq_off.array + p.sq_entries * 4,
		      IORING_OFF_SQ_RING);
	cq = ring_map(r->fd, p.cq_off.cqes + p.cq_entries * sizeof(*r->cqes),
		      IORING_OFF_CQ_RING);
	r->sqes = ring_map(r->fd, p.sq_entries * sizeof(*r->sqes),
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

/* Start a request; returns 0 or errno. */
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

/* Wait for a request's result. */
static int ring_wait(struct ring *r)
{
	unsigned int head = atomic_load(r->cq_head);
	int res;

	while (ring_pending(r))
		syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS,
			NULL, 0);
	res = r->cqes[head & r->cq_mask].res;
	atomic_store(r->cq_head, head + 1);
	return res;
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
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_SET_MAXQLEN, 3));
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(iouring)
{
	close(self->ring.fd);
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

/* A receive that has to wait ends when something comes. */
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

/* And a send when there is room. */
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

/* A closed ring gives up what waits. */
TEST_F(iouring, ring_closed)
{
	char buf[8];
	struct io_uring_sqe sqe = op(IORING_OP_RECV, self->l[1].fd, buf, 8);

	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	close(self->ring.fd);
	self->ring.fd = -1;
	bus_link_close(&self->l[1]);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
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
