// SPDX-License-Identifier: GPL-2.0
/* connect() and accept(). */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "bus_util.h"

FIXTURE(connect) {
	struct tbus	b;
	int		fd;
	struct tmp_dir	tmp;
};

FIXTURE_SETUP(connect)
{
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	ASSERT_EQ(0, tbus_listen(&self->b));
	self->fd = bus_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(connect)
{
	close(self->fd);
	tbus_close(&self->b);
	unlink("bus");
	tmp_leave(&self->tmp);
}

static int do_connect(int fd, const struct sockaddr_bus *sb, socklen_t len)
{
	return ERR(connect(fd, (const struct sockaddr *)sb, len));
}

static int connect_path(int fd, const char *path)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_path(&sb, path);

	return do_connect(fd, &sb, len);
}

static int connect_to(int fd, const struct tbus *b)
{
	return do_connect(fd, &b->name, b->namelen);
}

static __u64 addr_of(int fd)
{
	struct sockaddr_bus sb = {};
	socklen_t len = sizeof(sb);

	getsockname(fd, (struct sockaddr *)&sb, &len);
	return sb.sbus_addr.s_addr;
}

TEST_F(connect, twice)
{
	EXPECT_EQ(0, connect_to(self->fd, &self->b));
	EXPECT_EQ(EISCONN, connect_to(self->fd, &self->b));
	EXPECT_EQ(1, addr_of(self->fd));
}

TEST_F(connect, accepted_is_connected)
{
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	EXPECT_EQ(EISCONN, connect_to(self->b.link[0].acc, &self->b));
	EXPECT_EQ(EISCONN, connect_to(self->b.link[0].fd, &self->b));
}

TEST_F(connect, bound)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_abstract_unique(&sb);

	EXPECT_EQ(EINVAL, connect_to(self->b.listener, &self->b));
	ASSERT_EQ(0, bind(self->fd, (struct sockaddr *)&sb, len));
	EXPECT_EQ(EINVAL, connect_to(self->fd, &self->b));
	EXPECT_EQ(EINVAL, do_connect(self->fd, &sb, len));
}

TEST_F(connect, missing)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_abstract(&sb, "af_bus.nobody");

	EXPECT_EQ(ENOENT, connect_path(self->fd, "bus"));
	EXPECT_EQ(ENOENT, connect_path(self->fd, "missing/bus"));
	EXPECT_EQ(ENOTDIR, connect_path(self->fd, "/dev/null/bus"));
	EXPECT_EQ(ECONNREFUSED, do_connect(self->fd, &sb, len));
	/* failures leave the socket unchanged */
	EXPECT_EQ(0, connect_to(self->fd, &self->b));
}

TEST_F(connect, not_a_bus)
{
	struct sockaddr_un sun = { AF_UNIX, "bus" };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	EXPECT_EQ(ECONNREFUSED, connect_path(self->fd, "/tmp"));
	EXPECT_EQ(ECONNREFUSED, connect_path(self->fd, "/dev/null"));
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(ECONNREFUSED, connect_path(self->fd, "bus"));
	close(fd);
}

/* AF_UNIX does not mistake a bus for one of its own sockets. */
TEST_F(connect, unix_to_bus)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct sockaddr_un sun = { AF_UNIX, "bus" };
	struct sockaddr_bus sb;
	int i, fd, listener = bus_listen(&sb, bus_path(&sb, "bus"));

	ASSERT_LE(0, listener);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fd = socket(AF_UNIX, types[i], 0);
		EXPECT_EQ(ECONNREFUSED,
			  ERR(connect(fd, (struct sockaddr *)&sun,
				      sizeof(sun))));
		close(fd);
	}
	EXPECT_EQ(0, do_connect(self->fd, &sb, bus_path(&sb, "bus")));
	close(listener);
}

TEST_F(connect, not_listening)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_path(&sb, "bus");
	int fd = bus_socket();

	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&sb, len));
	EXPECT_EQ(ECONNREFUSED, do_connect(self->fd, &sb, len));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(0, do_connect(self->fd, &sb, len));
	close(fd);
	fd = bus_socket();
	EXPECT_EQ(ECONNREFUSED, do_connect(fd, &sb, len));
	close(fd);
}

TEST_F(connect, renamed)
{
	struct sockaddr_bus sb;
	int listener = bus_listen(&sb, bus_path(&sb, "bus"));

	ASSERT_LE(0, listener);
	ASSERT_EQ(0, rename("bus", "moved"));
	EXPECT_EQ(ENOENT, connect_path(self->fd, "bus"));
	EXPECT_EQ(0, connect_path(self->fd, "moved"));
	unlink("moved");
	close(listener);
}

TEST_F(connect, hard_link_and_symlink)
{
	struct sockaddr_bus sb;
	int listener = bus_listen(&sb, bus_path(&sb, "bus"));
	int fd = bus_socket();

	ASSERT_LE(0, listener);
	ASSERT_EQ(0, symlink("bus", "soft"));
	EXPECT_EQ(0, connect_path(self->fd, "soft"));
	ASSERT_EQ(0, link("bus", "hard"));
	EXPECT_EQ(0, connect_path(fd, "hard"));
	EXPECT_EQ(bus_get_info(listener).cookie, bus_get_info(fd).cookie);
	unlink("soft");
	unlink("hard");
	close(fd);
	close(listener);
}

TEST_F(connect, protocol_mismatch)
{
	int dbus = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_DBUS);
	struct sockaddr_bus sb;
	socklen_t len = bus_path(&sb, "bus");

	if (dbus < 0)
		SKIP(return, "no D-Bus protocol");
	EXPECT_EQ(EPROTOTYPE, connect_to(dbus, &self->b));
	ASSERT_EQ(0, bind(dbus, (struct sockaddr *)&sb, len));
	ASSERT_EQ(0, listen(dbus, 1));
	EXPECT_EQ(EPROTOTYPE, do_connect(self->fd, &sb, len));
	EXPECT_EQ(0, connect_to(self->fd, &self->b));
	close(dbus);
}

static int connect_as_nobody(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(255);
		_exit(connect_path(bus_socket(), path));
	}
	return wait_status(pid);
}

TEST_F(connect, permission)
{
	struct sockaddr_bus sb;
	int listener = bus_listen(&sb, bus_path(&sb, "bus"));

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, chmod("bus", 0755));
	EXPECT_EQ(EACCES, connect_as_nobody("bus"));
	ASSERT_EQ(0, chmod("bus", 0002));
	EXPECT_EQ(0, connect_as_nobody("bus"));
	ASSERT_EQ(0, chmod(self->tmp.path, 0700));
	EXPECT_EQ(EACCES, connect_as_nobody("bus"));
	close(listener);
}

/* Permission is checked at connect() and never again. */
TEST_F(connect, permission_taken_away)
{
	struct sockaddr_bus sb;
	struct tbus b = { .nr = 0 };

	b.namelen = bus_path(&b.name, "bus");
	b.listener = bus_listen(&b.name, b.namelen);
	ASSERT_LE(0, b.listener);
	ASSERT_EQ(0, tbus_clients(&b, 2));
	ASSERT_EQ(0, chmod("bus", 0));
	ASSERT_EQ(0, unlink("bus"));
	bus_to(&sb, 2);
	EXPECT_EQ(0, say_to(b.link[0].fd, 2, "hello"));
	EXPECT_STREQ("1:hello", take(b.link[1].fd));
	tbus_close(&b);
}

/* A message that is sent before accept() is received after it. */
TEST_F(connect, send_before_accept)
{
	int acc;

	ASSERT_EQ(0, connect_to(self->fd, &self->b));
	EXPECT_EQ(0, say(self->fd, "early"));
	EXPECT_EQ(0, say_to(self->fd, 0, "bird"));
	acc = accept(self->b.listener, NULL, NULL);
	ASSERT_LE(0, acc);
	EXPECT_STREQ("1:early", take(acc));
	EXPECT_STREQ("1:bird", take(acc));
	EXPECT_EQ(0, say(acc, "worm"));
	EXPECT_STREQ("0:worm", take(self->fd));
	close(acc);
}

TEST_F(connect, accept_order_and_name)
{
	struct sockaddr_bus sb;
	int fds[3], i, acc;
	socklen_t len;

	for (i = 0; i < 3; i++) {
		fds[i] = bus_socket();
		ASSERT_EQ(0, connect_to(fds[i], &self->b));
	}
	for (i = 0; i < 3; i++) {
		memset(&sb, 0xff, sizeof(sb));
		len = sizeof(sb);
		acc = accept(self->b.listener, (struct sockaddr *)&sb, &len);
		ASSERT_LE(0, acc);
		EXPECT_EQ(AF_BUS, sb.sbus_family);
		EXPECT_EQ(i + 1, sb.sbus_addr.s_addr);
		EXPECT_EQ(0, sb.__pad[0] | sb.__pad[1] | sb.__pad[2]);
		EXPECT_LE(BUS_NAME_MIN, len);
		EXPECT_EQ(0, say(acc, "you"));
		EXPECT_STREQ("0:you", take(fds[i]));
		close(acc);
		close(fds[i]);
	}
}

TEST_F(connect, accept_flags)
{
	int acc;

	fcntl(self->b.listener, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(EAGAIN, ERR(accept(self->b.listener, NULL, NULL)));
	ASSERT_EQ(0, connect_to(self->fd, &self->b));
	acc = accept4(self->b.listener, NULL, NULL,
		      SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, acc);
	EXPECT_TRUE(fcntl(acc, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(acc, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(EAGAIN, ERR(accept(self->b.listener, NULL, NULL)));
	close(acc);
}

/* Each bus counts its unique addresses up from 1 and never reuses one. */
TEST_F(connect, unique_addresses)
{
	struct tbus other;
	__u64 last = 0;
	int i;

	ASSERT_EQ(0, tbus_open(&other, 3));
	for (i = 0; i < 20; i++) {
		struct bus_link l;

		ASSERT_EQ(0, tbus_link(&self->b, &l));
		EXPECT_EQ(0, BUS_PREFIX(l.addr));
		EXPECT_EQ(last + 1, l.addr);
		EXPECT_EQ(l.addr, bus_get_info(l.fd).addr);
		EXPECT_EQ(l.addr, bus_get_info(l.acc).addr);
		last = l.addr;
		bus_link_close(&l);
	}
	tbus_close(&other);
}

/* Returns how many connections AF_UNIX takes before EAGAIN, or -1. */
static int fill_unix(int backlog)
{
	int fds[32], n, i, err = 0, l = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct sockaddr_un sun = { AF_UNIX, "unix" };

	if (bind(l, (struct sockaddr *)&sun, sizeof(sun)) || listen(l, backlog))
		return -1;
	for (n = 0; !err && n < ARRAY_SIZE(fds); n++) {
		fds[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		err = ERR(connect(fds[n], (struct sockaddr *)&sun,
				  sizeof(sun)));
	}
	for (i = 0; i < n; i++)
		close(fds[i]);
	close(l);
	unlink("unix");
	return err == EAGAIN ? n - 1 : -1;
}

/* Returns the same for a bus; the sockets stay open. */
static int fill_bus(const struct tbus *b, int *fds, int max)
{
	int n, err;

	for (n = 0; n < max; n++) {
		fds[n] = bus_socket();
		fcntl(fds[n], F_SETFL, O_NONBLOCK);
		err = connect_to(fds[n], b);
		if (!err)
			continue;
		close(fds[n]);
		return err == EAGAIN ? n : -err;
	}
	return -1;
}

TEST_F(connect, backlog)
{
	int fds[32], n, i, backlog;

	for (backlog = 0; backlog < 4; backlog += 3) {
		ASSERT_EQ(0, listen(self->b.listener, backlog));
		n = fill_bus(&self->b, fds, ARRAY_SIZE(fds));
		EXPECT_EQ(fill_unix(backlog), n);
		EXPECT_EQ(0, fill_bus(&self->b, fds + n, 1));
		for (i = 0; i < n; i++)
			close(accept(self->b.listener, NULL, NULL));
		for (i = 0; i < n; i++)
			close(fds[i]);
	}
}

TEST_F(connect, room_after_accept)
{
	int fds[32], n;

	ASSERT_EQ(0, listen(self->b.listener, 1));
	n = fill_bus(&self->b, fds, ARRAY_SIZE(fds));
	ASSERT_LT(0, n);
	close(accept(self->b.listener, NULL, NULL));
	EXPECT_EQ(1, fill_bus(&self->b, fds + n, 2));
}

static int call_connect(struct bus_call *call)
{
	return connect_to(call->fd, call->arg);
}

FIXTURE(full) {
	struct tbus	b;
	int		fds[32];
	int		n;
	struct bus_call	call;
};

FIXTURE_SETUP(full)
{
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, listen(self->b.listener, 0));
	self->n = fill_bus(&self->b, self->fds, ARRAY_SIZE(self->fds));
	ASSERT_LT(0, self->n);
	self->call.fn = call_connect;
	self->call.arg = &self->b;
	self->call.fd = bus_socket();
}

FIXTURE_TEARDOWN(full)
{
	while (self->n--)
		close(self->fds[self->n]);
	close(self->call.fd);
	tbus_close(&self->b);
}

TEST_F(full, sleeps)
{
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	close(accept(self->b.listener, NULL, NULL));
	EXPECT_EQ(0, call_wait(&self->call));
}

TEST_F(full, listener_closes)
{
	int fd = self->b.listener;

	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	self->b.listener = -1;
	close(fd);
	EXPECT_EQ(ECONNREFUSED, call_wait(&self->call));
}

TEST_F(full, timeout)
{
	ASSERT_EQ(0, set_send_timeout(self->call.fd, 20));
	EXPECT_EQ(EAGAIN, connect_to(self->call.fd, &self->b));
}

TEST_F(full, signal)
{
	catch_signal(SIGUSR1, 0);
	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(EINTR, call_wait(&self->call));
}

/* A thread that was woken and no longer wants the room leaves it to others. */
TEST_F(full, next_gets_room)
{
	struct bus_call next = {
		.fn = call_connect, .fd = bus_socket(), .arg = &self->b,
	};
	struct tbus other;

	call_start(&self->call);
	EXPECT_TRUE(call_sleeps(&self->call));
	call_start(&next);
	EXPECT_TRUE(call_sleeps(&next));
	ASSERT_EQ(0, tbus_listen(&other));
	ASSERT_EQ(0, connect_to(self->call.fd, &other));
	close(accept(self->b.listener, NULL, NULL));
	EXPECT_EQ(EISCONN, call_wait(&self->call));
	EXPECT_EQ(0, call_wait(&next));
	close(next.fd);
	tbus_close(&other);
}

/* Connections that were never accepted lose their link with the listener. */
TEST_F(full, never_accepted)
{
	EXPECT_EQ(0, say(self->fds[0], "hello?"));
	close(self->b.listener);
	self->b.listener = -1;
	EXPECT_EQ(EPIPE, say(self->fds[0], "hello?"));
	EXPECT_STREQ("ECONNRESET", take(self->fds[0]));
	EXPECT_STREQ("EOF", take(self->fds[0]));
}

TEST_HARNESS_MAIN
