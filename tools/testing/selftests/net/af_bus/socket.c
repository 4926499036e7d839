// SPDX-License-Identifier: GPL-2.0
/* socket(), and what a socket without a bus can do */
#include "../../kselftest_harness.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "bus_util.h"

/* The layout is ABI and the same on every architecture. */
static_assert(AF_BUS == 46, "AF_BUS");
static_assert(sizeof(struct bus_addr) == 8, "bus_addr");
static_assert(__alignof__(struct bus_addr) == 8, "bus_addr");
static_assert(sizeof(struct sockaddr_bus) == 128, "sockaddr_bus");
static_assert(offsetof(struct sockaddr_bus, sbus_addr) == 8, "sbus_addr");
static_assert(offsetof(struct sockaddr_bus, sbus_path) == 16, "sbus_path");
static_assert(sizeof(struct bus_overflow) == 16, "bus_overflow");
static_assert(sizeof(struct bus_reason) == 8, "bus_reason");
static_assert(sizeof(struct bus_info) == 56, "bus_info");

static int socket_err(int type, int protocol)
{
	int fd, err;

	errno = 0;
	fd = socket(AF_BUS, type, protocol);
	err = errno;
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : err;
}

static int get_opt(int fd, int opt)
{
	socklen_t len = sizeof(int);
	int value = -1;

	if (getsockopt(fd, SOL_SOCKET, opt, &value, &len) || len != sizeof(int))
		return -1;
	return value;
}

TEST(types)
{
	EXPECT_EQ(0, socket_err(SOCK_SEQPACKET, BUS_PROTO_NONE));
	EXPECT_EQ(ESOCKTNOSUPPORT, socket_err(SOCK_STREAM, BUS_PROTO_NONE));
	EXPECT_EQ(ESOCKTNOSUPPORT, socket_err(SOCK_DGRAM, BUS_PROTO_NONE));
	EXPECT_EQ(ESOCKTNOSUPPORT, socket_err(SOCK_RAW, BUS_PROTO_NONE));
	EXPECT_EQ(ESOCKTNOSUPPORT, socket_err(SOCK_RDM, BUS_PROTO_NONE));
	EXPECT_EQ(ESOCKTNOSUPPORT, socket_err(SOCK_DCCP, BUS_PROTO_NONE));
}

TEST(protocols)
{
	int err = socket_err(SOCK_SEQPACKET, BUS_PROTO_DBUS);

	/* the module may be absent */
	EXPECT_TRUE(!err || err == EPROTONOSUPPORT);
	EXPECT_EQ(EPROTONOSUPPORT,
		  socket_err(SOCK_SEQPACKET, BUS_PROTO_MAX + 1));
	EXPECT_EQ(EPROTONOSUPPORT, socket_err(SOCK_SEQPACKET, 255));
	EXPECT_EQ(EPROTONOSUPPORT, socket_err(SOCK_SEQPACKET, AF_BUS));
	EXPECT_EQ(EPROTONOSUPPORT, socket_err(SOCK_SEQPACKET, -1));
	EXPECT_EQ(EPROTONOSUPPORT, socket_err(SOCK_SEQPACKET, 0x7fffffff));
}

TEST(no_socketpair)
{
	int fds[2];

	EXPECT_EQ(EOPNOTSUPP,
		  ERR(socketpair(AF_BUS, SOCK_SEQPACKET, 0, fds)));
}

TEST(flags)
{
	int fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

TEST(sol_socket)
{
	int fd = bus_socket();

	ASSERT_LE(0, fd);
	EXPECT_EQ(AF_BUS, get_opt(fd, SO_DOMAIN));
	EXPECT_EQ(SOCK_SEQPACKET, get_opt(fd, SO_TYPE));
	EXPECT_EQ(BUS_PROTO_NONE, get_opt(fd, SO_PROTOCOL));
	EXPECT_EQ(0, get_opt(fd, SO_ACCEPTCONN));
	EXPECT_EQ(0, get_opt(fd, SO_ERROR));
	EXPECT_LT(0, get_opt(fd, SO_RCVBUF));
	close(fd);
}

TEST(acceptconn)
{
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 1));
	EXPECT_EQ(1, get_opt(b.listener, SO_ACCEPTCONN));
	EXPECT_EQ(0, get_opt(b.link[0].fd, SO_ACCEPTCONN));
	EXPECT_EQ(0, get_opt(b.link[0].acc, SO_ACCEPTCONN));
	EXPECT_EQ(AF_BUS, get_opt(b.link[0].acc, SO_DOMAIN));
	EXPECT_EQ(SOCK_SEQPACKET, get_opt(b.link[0].acc, SO_TYPE));
	tbus_close(&b);
}

/* No call that needs a link works, and none hangs. */
static void expect_no_link(struct __test_metadata *_metadata, int fd)
{
	struct sockaddr_bus sb;
	socklen_t len = sizeof(sb);

	EXPECT_EQ(ENOTCONN, say(fd, "x"));
	EXPECT_EQ(ENOTCONN, say_to(fd, 0, "x"));
	EXPECT_EQ(ENOTCONN, say_to(fd, 1, "x"));
	EXPECT_EQ(ENOTCONN, say_to(fd, BUS_MULTICAST(0), "x"));
	EXPECT_STREQ("ENOTCONN", take(fd));
	EXPECT_STREQ("ENOTCONN", peek(fd));
	EXPECT_EQ(ENOTCONN,
		  ERR(getpeername(fd, (struct sockaddr *)&sb, &len)));
}

TEST(new)
{
	int fd = bus_socket();

	ASSERT_LE(0, fd);
	expect_no_link(_metadata, fd);
	EXPECT_EQ(ENOTCONN, ERR(shutdown(fd, SHUT_RDWR)));
	EXPECT_EQ(EINVAL, ERR(listen(fd, 1)));
	EXPECT_EQ(EINVAL, ERR(accept(fd, NULL, NULL)));
	EXPECT_EQ(BUS_STATE_NEW, bus_get_info(fd).state);
	close(fd);
}

TEST(bound)
{
	struct sockaddr_bus sb;
	int fd = bus_socket();

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ERR(bind(fd, (struct sockaddr *)&sb,
			      bus_abstract_unique(&sb))));
	expect_no_link(_metadata, fd);
	EXPECT_EQ(EINVAL, ERR(accept(fd, NULL, NULL)));
	EXPECT_EQ(BUS_STATE_BOUND, bus_get_info(fd).state);
	close(fd);
}

TEST(listening)
{
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 1));
	expect_no_link(_metadata, b.listener);
	EXPECT_EQ(BUS_STATE_LISTEN, bus_get_info(b.listener).state);
	tbus_close(&b);
}

TEST(oob)
{
	struct tbus b;
	char c;

	ASSERT_EQ(0, tbus_open(&b, 2));
	EXPECT_EQ(EOPNOTSUPP, ERR(send(b.link[0].fd, "x", 1, MSG_OOB)));
	EXPECT_EQ(EOPNOTSUPP, ERR(send(b.link[0].acc, "x", 1, MSG_OOB)));
	EXPECT_EQ(EOPNOTSUPP,
		  ERR(recv(b.link[0].fd, &c, 1, MSG_OOB | MSG_DONTWAIT)));
	EXPECT_STREQ("EAGAIN", take(b.link[0].fd));
	EXPECT_STREQ("EAGAIN", take(b.link[0].acc));
	tbus_close(&b);
}

TEST(no_mmap)
{
	int fd = bus_socket();

	ASSERT_LE(0, fd);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	close(fd);
}

/* AF_BUS lacks SIOCOUTQ of AF_UNIX: messages are charged to their recipients.
 */
TEST(no_outq)
{
	struct tbus b;
	int value;

	ASSERT_EQ(0, tbus_open(&b, 1));
	EXPECT_EQ(ENOTTY, ERR(ioctl(b.link[0].fd, TIOCOUTQ, &value)));
	EXPECT_EQ(ENOTTY, ERR(ioctl(b.link[0].acc, TIOCOUTQ, &value)));
	EXPECT_EQ(ENOTTY, ERR(ioctl(b.listener, TIOCOUTQ, &value)));
	tbus_close(&b);
}

/* It also lacks SO_RIGHTS_NOTRUNC. */
TEST(no_rights_notrunc)
{
	int fd = bus_socket();

	ASSERT_LE(0, fd);
	EXPECT_EQ(ENOPROTOOPT, sol_opt(fd, 85 /* SO_RIGHTS_NOTRUNC */, 1));
	EXPECT_EQ(-1, get_opt(fd, 85));
	EXPECT_EQ(ENOPROTOOPT, errno);
	close(fd);
}

TEST(unknown_ioctl)
{
	int fd = bus_socket();
	int value;

	ASSERT_LE(0, fd);
	EXPECT_EQ(ENOTTY, ERR(ioctl(fd, TIOCGWINSZ, &value)));
	close(fd);
}

TEST_HARNESS_MAIN
