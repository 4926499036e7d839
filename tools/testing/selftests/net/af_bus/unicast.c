// SPDX-License-Identifier: GPL-2.0
/* Unicasts: one message to one recipient */
#include "../../kselftest_harness.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <linux/sockios.h>

#include "bus_util.h"

FIXTURE(unicast) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(unicast)
{
	ASSERT_EQ(0, tbus_open(&self->b, 3));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(unicast)
{
	tbus_close(&self->b);
}

TEST_F(unicast, reaches_one)
{
	int i;

	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "hello"));
	EXPECT_STREQ("1:hello", take(self->l[1].fd));
	for (i = 0; i < 3; i++) {
		EXPECT_STREQ("EAGAIN", take(self->l[i].fd));
		EXPECT_STREQ("EAGAIN", take(self->l[i].acc));
	}
}

TEST_F(unicast, both_ways)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "ping"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "pong"));
	EXPECT_STREQ("1:ping", take(self->l[1].fd));
	EXPECT_STREQ("2:pong", take(self->l[0].fd));
}

TEST_F(unicast, to_oneself)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 1, "note"));
	EXPECT_STREQ("1:note", take(self->l[0].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

TEST_F(unicast, boundaries_and_order)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "one"));
	EXPECT_EQ(0, say_to(self->l[2].fd, 2, "two"));
	EXPECT_EQ(0, say(self->l[1].acc, "three"));
	EXPECT_EQ(0, say_to(self->l[2].acc, 2, "four"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "five"));
	EXPECT_STREQ("1:one", take(self->l[1].fd));
	EXPECT_STREQ("3:two", take(self->l[1].fd));
	EXPECT_STREQ("0:three", take(self->l[1].fd));
	EXPECT_STREQ("0:four", take(self->l[1].fd));
	EXPECT_STREQ("1:five", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(unicast, empty)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, ""));
	EXPECT_EQ(0, say(self->l[1].acc, ""));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("1:", take(self->l[1].fd));
	EXPECT_STREQ("0:", take(self->l[1].fd));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
}

TEST_F(unicast, private_link)
{
	EXPECT_EQ(0, say(self->l[0].fd, "up"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 0, "up too"));
	EXPECT_EQ(0, say(self->l[0].acc, "down"));
	EXPECT_STREQ("1:up", take(self->l[0].acc));
	EXPECT_STREQ("1:up too", take(self->l[0].acc));
	EXPECT_STREQ("0:down", take(self->l[0].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].acc));
}

/* The master can send to any client through any accepted socket. */
TEST_F(unicast, from_accepted)
{
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(2, 2)));
	EXPECT_EQ(0, say_to(self->l[0].acc, 2, "a"));
	EXPECT_EQ(0, say_to(self->l[0].acc, BUS_ADDR(2, 2), "b"));
	EXPECT_EQ(0, say_to(self->l[0].acc, 1, "c"));
	EXPECT_STREQ("0:a", take(self->l[1].fd));
	EXPECT_STREQ("0:b", take(self->l[2].fd));
	EXPECT_STREQ("0:c", take(self->l[0].fd));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->l[0].acc, 4, "d"));
	EXPECT_EQ(EHOSTUNREACH, say_to(self->l[0].acc, BUS_ADDR(2, 3), "d"));
}

static ssize_t send_path(int fd, const struct sockaddr_bus *sb, socklen_t len)
{
	return sendto(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)sb, len);
}

TEST_F(unicast, path)
{
	struct sockaddr_bus sb = self->b.name;
	socklen_t len = self->b.namelen;

	sb.sbus_addr.s_addr = 2;
	EXPECT_EQ(0, ERR(send_path(self->l[0].fd, &sb, len)));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
	EXPECT_EQ(0, ERR(send_path(self->l[0].fd, &sb, sizeof(sb))));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
	EXPECT_EQ(EHOSTUNREACH, ERR(send_path(self->l[0].fd, &sb, len - 1)));
	sb.sbus_path[len - BUS_NAME_MIN] = 'x';
	EXPECT_EQ(EHOSTUNREACH, ERR(send_path(self->l[0].fd, &sb, len + 1)));
	sb.sbus_path[0] = 'x';
	EXPECT_EQ(EHOSTUNREACH, ERR(send_path(self->l[0].fd, &sb, len)));
	/* an empty path of any length */
	bus_to(&sb, 2);
	EXPECT_EQ(0, ERR(send_path(self->l[0].fd, &sb, sizeof(sb))));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

static int send_named(int fd, const char *path)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_path(&sb, path);

	sb.sbus_addr.s_addr = 2;
	return ERR(send_path(fd, &sb, len));
}

/* Any path to the node will do, not just that of bind(). */
TEST(other_paths)
{
	struct tbus b = { .listener = bus_socket() };
	struct bus_link *l = b.link;
	struct tmp_dir tmp;

	ASSERT_EQ(0, tmp_enter(&tmp));
	b.namelen = bus_path(&b.name, "bus");
	ASSERT_EQ(0, ERR(bind(b.listener, (struct sockaddr *)&b.name,
			      b.namelen)));
	ASSERT_EQ(0, ERR(listen(b.listener, 4)));
	ASSERT_EQ(0, tbus_clients(&b, 2));
	EXPECT_EQ(0, link("bus", "hard"));
	EXPECT_EQ(0, symlink("hard", "soft"));
	EXPECT_EQ(0, send_named(l[0].fd, "bus"));
	EXPECT_EQ(0, send_named(l[0].fd, "./bus"));
	EXPECT_EQ(0, send_named(l[0].fd, "hard"));
	EXPECT_EQ(0, send_named(l[0].fd, "soft"));
	EXPECT_EQ(EHOSTUNREACH, send_named(l[0].fd, "none"));
	EXPECT_EQ(EHOSTUNREACH, send_named(l[0].fd, "."));
	/* the path of bind() is removed, the node's other names stay */
	EXPECT_EQ(0, unlink("bus"));
	EXPECT_EQ(EHOSTUNREACH, send_named(l[0].fd, "./bus"));
	EXPECT_EQ(0, send_named(l[0].fd, "bus"));
	EXPECT_EQ(0, send_named(l[0].fd, "soft"));
	close(b.listener);
	b.listener = -1;
	EXPECT_EQ(EHOSTUNREACH, send_named(l[0].fd, "soft"));
	EXPECT_EQ(0, send_named(l[0].fd, "bus"));
	unlink("soft");
	unlink("hard");
	tbus_close(&b);
	tmp_leave(&tmp);
}

TEST_F(unicast, bad_address)
{
	char buf[sizeof(struct sockaddr_bus) + 8] = {};
	struct sockaddr_bus *sb = (struct sockaddr_bus *)buf;
	int i, fd = self->l[0].fd;

	bus_to(sb, 2);
	for (i = 1; i < BUS_NAME_MIN; i++)
		EXPECT_EQ(EINVAL, ERR(send_path(fd, sb, i)));
	sb->sbus_family = AF_UNIX;
	EXPECT_EQ(EINVAL, ERR(send_path(fd, sb, sizeof(*sb))));
	sb->sbus_family = AF_UNSPEC;
	EXPECT_EQ(EINVAL, ERR(send_path(fd, sb, sizeof(*sb))));
	sb->sbus_family = AF_BUS;
	for (i = 0; i < 3; i++) {
		sb->__pad[i] = 1;
		EXPECT_EQ(EINVAL, ERR(send_path(fd, sb, sizeof(*sb))));
		sb->__pad[i] = 0;
	}
	sb->__pad2 = 1;
	EXPECT_EQ(EINVAL, ERR(send_path(fd, sb, sizeof(*sb))));
	EXPECT_EQ(EFAULT, ERR(send_path(fd, (void *)8, sizeof(*sb))));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

TEST_F(unicast, bad_buffer)
{
	struct sockaddr_bus sb;

	bus_to(&sb, 2);
	EXPECT_EQ(EFAULT, ERR(sendto(self->l[0].fd, (void *)8, 100,
				     MSG_DONTWAIT, (struct sockaddr *)&sb,
				     BUS_NAME_MIN)));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(EFAULT, ERR(recv(self->l[1].fd, (void *)8, 100,
				   MSG_DONTWAIT)));
}

TEST_F(unicast, read_and_write)
{
	struct iovec iov[3] = { { "a", 1 }, { "", 0 }, { "bc", 2 } };
	char buf[2][4] = {};
	struct iovec in[2] = { { buf[0], 2 }, { buf[1], 3 } };

	EXPECT_EQ(1, write(self->l[0].fd, "x", 1));
	EXPECT_EQ(3, writev(self->l[0].fd, iov, 3));
	EXPECT_EQ(1, read(self->l[0].acc, buf[0], 4));
	EXPECT_EQ(3, readv(self->l[0].acc, in, 2));
	EXPECT_STREQ("ab", buf[0]);
	EXPECT_STREQ("c", buf[1]);
}

TEST_F(unicast, mmsg)
{
	struct iovec iov[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } };
	struct mmsghdr msgs[3] = {};
	struct sockaddr_bus to[3];
	char buf[3][8] = {};
	int i;

	for (i = 0; i < 3; i++) {
		bus_to(&to[i], i == 1 ? 3 : 2);
		msgs[i].msg_hdr.msg_name = &to[i];
		msgs[i].msg_hdr.msg_namelen = BUS_NAME_MIN;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(3, sendmmsg(self->l[0].fd, msgs, 3, MSG_DONTWAIT));
	EXPECT_EQ(3, msgs[2].msg_len);
	EXPECT_STREQ("1:bb", take(self->l[2].fd));
	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < 3; i++) {
		iov[i].iov_base = buf[i];
		iov[i].iov_len = 8;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(2, recvmmsg(self->l[1].fd, msgs, 3, MSG_DONTWAIT, NULL));
	EXPECT_EQ(1, msgs[0].msg_len);
	EXPECT_EQ(3, msgs[1].msg_len);
	EXPECT_STREQ("ccc", buf[1]);
}

TEST_F(unicast, peek)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "one"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "two"));
	EXPECT_STREQ("1:one", peek(self->l[1].fd));
	EXPECT_STREQ("1:one", peek(self->l[1].fd));
	EXPECT_STREQ("1:one", take(self->l[1].fd));
	EXPECT_STREQ("1:two", peek(self->l[1].fd));
	EXPECT_STREQ("1:two", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", peek(self->l[1].fd));
}

TEST_F(unicast, siocinq)
{
	int n = -1;

	EXPECT_EQ(0, ERR(ioctl(self->l[1].fd, SIOCINQ, &n)));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "first"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "the second"));
	EXPECT_EQ(0, ERR(ioctl(self->l[1].fd, SIOCINQ, &n)));
	EXPECT_EQ(5, n);
	take(self->l[1].fd);
	EXPECT_EQ(0, ERR(ioctl(self->l[1].fd, SIOCINQ, &n)));
	EXPECT_EQ(10, n);
}

TEST_F(unicast, receive_sleeps)
{
	struct bus_call call = { .fn = call_recv, .fd = self->l[1].fd };

	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "not you"));
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "you"));
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(unicast, receive_timeout)
{
	struct timeval tv = { .tv_usec = 20000 };
	char c;

	ASSERT_EQ(0, setsockopt(self->l[1].fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	EXPECT_EQ(EAGAIN, ERR(recv(self->l[1].fd, &c, 1, 0)));
}

TEST_F(unicast, receive_signal)
{
	struct bus_call call = { .fn = call_recv, .fd = self->l[1].fd };

	catch_signal(SIGUSR1, 0);
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	pthread_kill(call.thread, SIGUSR1);
	EXPECT_EQ(EINTR, call_wait(&call));
}

/* Several threads sleep in recv() on one socket: each message wakes one. */
TEST_F(unicast, several_receivers)
{
	struct bus_call calls[3] = {};
	int i;

	for (i = 0; i < 3; i++) {
		calls[i].fn = call_recv;
		calls[i].fd = self->l[1].fd;
		call_start(&calls[i]);
		EXPECT_TRUE(call_sleeps(&calls[i]));
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, call_wait(&calls[i]));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(unicast, peer_is_gone)
{
	close(self->l[0].acc);
	self->l[0].acc = -1;
	EXPECT_EQ(EPIPE, say(self->l[0].fd, "x"));
	EXPECT_EQ(EPIPE, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(EPIPE, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_EQ(EPIPE, say(self->l[1].acc, "x"));
}

/* AF_UNIX sockets of this type raise no SIGPIPE either. */
TEST_F(unicast, no_sigpipe)
{
	signal(SIGPIPE, SIG_DFL);
	close(self->l[0].acc);
	self->l[0].acc = -1;
	EXPECT_EQ(EPIPE, ERR(send(self->l[0].fd, "x", 1, 0)));
}

TEST_HARNESS_MAIN
