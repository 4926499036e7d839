// SPDX-License-Identifier: GPL-2.0
/* Credentials, pidfds and descriptors that travel with messages. */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "bus_util.h"

#define GROUP	BUS_MULTICAST(4)

/* link[1..3] are members of GROUP; efd is an eventfd that tells copies apart */
FIXTURE(cmsg) {
	struct tbus	b;
	struct bus_link	*l;
	int		efd;
	__u64		two;
	__u64		group;
};

FIXTURE_SETUP(cmsg)
{
	int i;

	ASSERT_EQ(0, tbus_open(&self->b, 4));
	self->l = self->b.link;
	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
	self->efd = eventfd(0, EFD_NONBLOCK);
	ASSERT_LE(0, self->efd);
	self->two = 2;
	self->group = GROUP;
}

FIXTURE_TEARDOWN(cmsg)
{
	close(self->efd);
	tbus_close(&self->b);
}

/* Receives one descriptor; returns -1 unless there is exactly one. */
static int take_fd(int fd)
{
	struct bus_got got;
	char buf[64];

	bus_recv(fd, &got, buf, sizeof(buf), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got.nr_fds == 1)
		return got.fds[0];
	bus_got_close(&got);
	return -1;
}

static bool same_file(int a, int b)
{
	eventfd_t value = 0;

	return a != b && !eventfd_write(a, 5) && !eventfd_read(b, &value) &&
	       value == 5;
}

/* Descriptors */

TEST_F(cmsg, fd)
{
	int fd;

	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &self->efd, 1));
	fd = take_fd(self->l[1].fd);
	EXPECT_TRUE(same_file(self->efd, fd));
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

TEST_F(cmsg, fd_to_and_from_master)
{
	int fd;

	EXPECT_EQ(0, say_fds(self->l[0].fd, NULL, "x", &self->efd, 1));
	fd = take_fd(self->l[0].acc);
	EXPECT_TRUE(same_file(self->efd, fd));
	close(fd);
	EXPECT_EQ(0, say_fds(self->l[0].acc, NULL, "x", &self->efd, 1));
	fd = take_fd(self->l[0].fd);
	EXPECT_TRUE(same_file(self->efd, fd));
	close(fd);
	EXPECT_EQ(0, say_fds(self->l[0].acc, &self->two, "x", &self->efd, 1));
	fd = take_fd(self->l[1].fd);
	EXPECT_TRUE(same_file(self->efd, fd));
	close(fd);
}

TEST_F(cmsg, fd_handed_over)
{
	__u64 nobody = BUS_ADDR(9, 9);
	int fd;

	EXPECT_EQ(0, say_fds(self->l[0].fd, &nobody, "x", &self->efd, 1));
	fd = take_fd(self->l[0].acc);
	EXPECT_TRUE(same_file(self->efd, fd));
	close(fd);
}

/* Recipients that asked get their own copies; the others see MSG_CTRUNC. */
TEST_F(cmsg, fd_multicast)
{
	int a, b;

	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 1));
	ASSERT_EQ(0, bus_opt(self->l[2].fd, BUS_RECV_RIGHTS, 1));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->group, "x", &self->efd, 1));
	EXPECT_STREQ("1:x ctrunc", take(self->l[3].fd));
	a = take_fd(self->l[1].fd);
	b = take_fd(self->l[2].fd);
	EXPECT_TRUE(same_file(self->efd, a));
	EXPECT_TRUE(same_file(a, b));
	close(a);
	EXPECT_TRUE(same_file(b, self->efd));
	close(b);
}

TEST_F(cmsg, fd_multicast_off_again)
{
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 1));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 0));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->group, "x", &self->efd, 1));
	EXPECT_STREQ("1:x ctrunc", take(self->l[1].fd));
}

TEST_F(cmsg, fd_peek)
{
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &self->efd, 1));
	EXPECT_STREQ("1:x fds=1", peek(self->l[1].fd));
	EXPECT_STREQ("1:x fds=1", peek(self->l[1].fd));
	EXPECT_STREQ("1:x fds=1", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(cmsg, fds_many)
{
	int fds[254], i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = self->efd;
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", fds, 253));
	EXPECT_EQ(EINVAL, say_fds(self->l[0].fd, &self->two, "x", fds, 254));
	EXPECT_STREQ("1:x fds=253", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(cmsg, fd_bad)
{
	int fds[2] = { self->efd, -1 };

	EXPECT_EQ(EBADF, say_fds(self->l[0].fd, &self->two, "x", fds, 2));
	fds[1] = 9999;
	EXPECT_EQ(EBADF, say_fds(self->l[0].fd, &self->group, "x", fds, 2));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[2].fd));
}

/* Sockets can be passed as well; collect.c tests cycles of them. */
TEST_F(cmsg, fd_of_socket)
{
	int bus = bus_socket(), pair[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &pair[0], 1));
	fd = take_fd(self->l[1].fd);
	EXPECT_EQ(1, send(fd, "u", 1, 0));
	EXPECT_STREQ("0:u", take(pair[1]) + strlen("badname(0) "));
	close(fd);

	EXPECT_EQ(0, say_fds(self->l[0].fd, NULL, "x", &self->l[1].fd, 1));
	fd = take_fd(self->l[0].acc);
	EXPECT_EQ(0, say_to(fd, 3, "b"));
	EXPECT_STREQ("2:b", take(self->l[2].fd));
	close(fd);

	EXPECT_EQ(0, say_fds(pair[0], NULL, "x", &self->l[1].acc, 1));
	fd = take_fd(pair[1]);
	EXPECT_EQ(0, say(fd, "m"));
	EXPECT_STREQ("0:m", take(self->l[1].fd));
	close(fd);

	EXPECT_EQ(0, say_fds(pair[0], NULL, "x", &bus, 1));
	EXPECT_STREQ("0:x fds=1", take(pair[1]) + strlen("badname(0) "));
	close(bus);
	close(pair[0]);
	close(pair[1]);
}

/* Descriptors of unread messages are closed with the queue. */
TEST_F(cmsg, fd_unread)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, bus_opt(self->l[2].fd, BUS_RECV_RIGHTS, 1));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &p[1], 1));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->group, "x", &p[1], 1));
	EXPECT_EQ(0, say_fds(self->l[0].fd, NULL, "x", &p[1], 1));
	close(p[1]);
	EXPECT_FALSE(reader_sees_eof(p[0]));
	bus_link_close(&self->l[1]);
	EXPECT_FALSE(reader_sees_eof(p[0]));
	close(self->l[2].fd);
	self->l[2].fd = -1;
	EXPECT_FALSE(reader_sees_eof(p[0]));
	close(self->l[0].acc);
	self->l[0].acc = -1;
	EXPECT_TRUE(reader_sees_eof(p[0]));
	close(p[0]);
}

/* They are also closed if there was no room for control messages, */
TEST_F(cmsg, fd_without_room)
{
	int p[2];
	char c;

	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &p[1], 1));
	close(p[1]);
	EXPECT_FALSE(reader_sees_eof(p[0]));
	EXPECT_EQ(1, recv(self->l[1].fd, &c, 1, MSG_DONTWAIT));
	EXPECT_TRUE(reader_sees_eof(p[0]));
	close(p[0]);
}

/* or if the message was refused. */
TEST_F(cmsg, fd_refused)
{
	__u64 nobody = 99;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(EHOSTUNREACH,
		  say_fds(self->l[0].acc, &nobody, "x", &p[1], 1));
	nobody = BUS_MULTICAST(9);
	EXPECT_EQ(0, say_fds(self->l[0].fd, &nobody, "x", &p[1], 1));
	close(p[1]);
	EXPECT_TRUE(reader_sees_eof(p[0]));
	close(p[0]);
}

TEST_F(cmsg, fd_room_for_some)
{
	char control[CMSG_SPACE(2 * sizeof(int))];
	int fds[3] = { self->efd, self->efd, self->efd };
	struct iovec iov;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	char buf[8];

	iov.iov_base = buf;
	iov.iov_len = sizeof(buf);
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", fds, 3));
	EXPECT_EQ(1, recvmsg(self->l[1].fd, &msg, MSG_DONTWAIT));
	EXPECT_TRUE(msg.msg_flags & MSG_CTRUNC);
	ASSERT_NE(NULL, CMSG_FIRSTHDR(&msg));
	EXPECT_EQ(CMSG_LEN(2 * sizeof(int)), CMSG_FIRSTHDR(&msg)->cmsg_len);
}

/* Sets SO_PASSRIGHTS, which either both families have or neither has. */
static int passrights_like_unix(int fd, int value)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	int err = sol_opt(sock, SO_PASSRIGHTS, value);

	close(sock);
	return sol_opt(fd, SO_PASSRIGHTS, value) == err ? err : -1;
}

/* Returns the error of sending descriptors to a socket without SO_PASSRIGHTS.
 */
static int passrights_error(struct __test_metadata *_metadata, int fd)
{
	int err = passrights_like_unix(fd, 0);

	EXPECT_TRUE(!err || err == ENOPROTOOPT);
	return err ? 0 : EPERM;
}

TEST_F(cmsg, passrights)
{
	int err = passrights_error(_metadata, self->l[1].fd);

	EXPECT_EQ(err, say_fds(self->l[0].fd, &self->two, "x", &self->efd, 1));
	EXPECT_EQ(err, say_fds(self->l[1].acc, NULL, "x", &self->efd, 1));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "without"));
	if (!err) {
		EXPECT_STREQ("1:x fds=1", take(self->l[1].fd));
		EXPECT_STREQ("0:x fds=1", take(self->l[1].fd));
	}
	EXPECT_STREQ("1:without", take(self->l[1].fd));
	passrights_like_unix(self->l[1].fd, 1);
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &self->efd, 1));
	EXPECT_STREQ("1:x fds=1", take(self->l[1].fd));
}

TEST_F(cmsg, passrights_master)
{
	int err = passrights_error(_metadata, self->l[0].acc);
	__u64 nobody = BUS_ADDR(9, 9);

	EXPECT_EQ(err, say_fds(self->l[0].fd, NULL, "x", &self->efd, 1));
	EXPECT_EQ(err, say_fds(self->l[0].fd, &nobody, "x", &self->efd, 1));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &self->efd, 1));
	EXPECT_STREQ(err ? "EAGAIN" : "1:x fds=1", take(self->l[0].acc));
}

/* A recipient that refuses descriptors does not keep a multicast from others.
 */
TEST_F(cmsg, passrights_multicast)
{
	int err = passrights_error(_metadata, self->l[1].fd);

	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 1));
	ASSERT_EQ(0, bus_opt(self->l[2].fd, BUS_RECV_RIGHTS, 1));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->group, "x", &self->efd, 1));
	EXPECT_STREQ(err ? "1:x ctrunc" : "1:x fds=1", take(self->l[1].fd));
	EXPECT_STREQ("1:x fds=1", take(self->l[2].fd));
}

/* Before accept(), the settings of the listener apply. */
TEST_F(cmsg, passrights_listener)
{
	int err = passrights_error(_metadata, self->b.listener);
	struct bus_link l = { bus_socket(), -1 };

	ASSERT_EQ(0, ERR(connect(l.fd, (struct sockaddr *)&self->b.name,
				 self->b.namelen)));
	EXPECT_EQ(err, say_fds(l.fd, NULL, "x", &self->efd, 1));
	passrights_like_unix(self->b.listener, 1);
	EXPECT_EQ(err, say_fds(l.fd, NULL, "x", &self->efd, 1));
	l.acc = accept(self->b.listener, NULL, NULL);
	EXPECT_EQ(err, say_fds(l.fd, NULL, "x", &self->efd, 1));
	passrights_like_unix(l.acc, 1);
	EXPECT_EQ(0, say_fds(l.fd, NULL, "y", &self->efd, 1));
	EXPECT_STREQ(err ? "5:y fds=1" : "5:x fds=1", take(l.acc));
	bus_link_close(&l);
}

/* Credentials */

static struct ucred take_cred(int fd)
{
	struct ucred none = { -1, -1, -1 };
	struct bus_got got;
	char buf[64];

	bus_recv(fd, &got, buf, sizeof(buf), MSG_DONTWAIT);
	bus_got_close(&got);
	return got.has_cred ? got.cred : none;
}

static void expect_cred(struct __test_metadata *_metadata, int fd, pid_t pid,
			uid_t uid)
{
	struct ucred cred = take_cred(fd);

	EXPECT_EQ(pid, cred.pid);
	EXPECT_EQ(uid, cred.uid);
}

TEST_F(cmsg, cred)
{
	__u64 list[] = { 2, 3 };
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, sol_opt(self->l[i].fd, SO_PASSCRED, 1));
		ASSERT_EQ(0, sol_opt(self->l[i].acc, SO_PASSCRED, 1));
	}
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "unicast"));
	expect_cred(_metadata, self->l[1].fd, getpid(), getuid());
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "multicast"));
	for (i = 1; i < 4; i++)
		expect_cred(_metadata, self->l[i].fd, getpid(), getuid());
	EXPECT_EQ(0, say_to(self->l[0].fd, 99, "hand-over"));
	expect_cred(_metadata, self->l[0].acc, getpid(), getuid());
	EXPECT_EQ(0, say(self->l[0].acc, "from master"));
	expect_cred(_metadata, self->l[0].fd, getpid(), getuid());
	EXPECT_EQ(0, say_list(self->l[0].acc, list, 2, "list"));
	expect_cred(_metadata, self->l[1].fd, getpid(), getuid());
	expect_cred(_metadata, self->l[2].fd, getpid(), getuid());
}

TEST_F(cmsg, cred_only_if_asked)
{
	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_PASSCRED, 1));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	EXPECT_STREQ("1:x cred", take(self->l[1].fd));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_PASSCRED, 0));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
}

/* As on AF_UNIX, a message that is in the queue by then has no credentials. The
 * first message to a recipient that asks is sent like the ones after it.
 */
TEST_F(cmsg, cred_asked_late)
{
	int i;

	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_PASSCRED, 1));
	expect_cred(_metadata, self->l[1].fd, 0, 65534);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
		expect_cred(_metadata, self->l[1].fd, getpid(), getuid());
		EXPECT_STREQ("1:x", take(self->l[2].fd));
	}
}

/* The credentials are those of the process that sends, not of the one that
 * connected.
 */
TEST_F(cmsg, cred_of_sender)
{
	pid_t pid;

	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_PASSCRED, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (!geteuid() && setuid(1234))
			_exit(255);
		_exit(say_to(self->l[0].fd, 2, "x"));
	}
	EXPECT_EQ(0, wait_status(pid));
	expect_cred(_metadata, self->l[1].fd, pid,
		    geteuid() ? getuid() : 1234);
}

static int say_cred(int fd, __u64 addr, const struct ucred *cred)
{
	return send_cmsg(fd, &addr, "x", SOL_SOCKET, SCM_CREDENTIALS, cred,
			 sizeof(*cred));
}

TEST_F(cmsg, cred_explicit)
{
	struct ucred cred = { getpid(), getuid(), getgid() };

	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_PASSCRED, 1));
	EXPECT_EQ(0, say_cred(self->l[0].fd, 2, &cred));
	expect_cred(_metadata, self->l[1].fd, getpid(), getuid());
	cred.uid = -1;
	EXPECT_EQ(EINVAL, say_cred(self->l[0].fd, 2, &cred));
	EXPECT_EQ(EINVAL, send_cmsg(self->l[0].fd, &self->two, "x", SOL_SOCKET,
				    SCM_CREDENTIALS, &cred, 4));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(cmsg, cred_privileged)
{
	struct ucred cred = { 1, 4321, 4321 };

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_PASSCRED, 1));
	EXPECT_EQ(0, say_cred(self->l[0].fd, 2, &cred));
	expect_cred(_metadata, self->l[1].fd, 1, 4321);
}

static int forge(int fd, const struct ucred *cred)
{
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(255);
		_exit(say_cred(fd, 2, cred) ?: say_cred(fd, GROUP, cred));
	}
	return wait_status(pid);
}

TEST_F(cmsg, cred_forged)
{
	struct ucred cred = { getpid(), 65534, 65534 };

	if (geteuid())
		SKIP(return, "needs root");
	EXPECT_EQ(EPERM, forge(self->l[0].fd, &cred));
	cred.pid = 1;
	EXPECT_EQ(EPERM, forge(self->l[0].fd, &cred));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* Credentials of the peer */

static struct ucred peer_cred(int fd)
{
	struct ucred cred = { -1, -1, -1 };
	socklen_t len = sizeof(cred);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred;
}

static int connect_as(const struct tbus *b, uid_t uid)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = bus_socket();

		if (setgid(uid) || setuid(uid))
			_exit(255);
		_exit(ERR(connect(fd, (struct sockaddr *)&b->name,
				  b->namelen)));
	}
	return pid;
}

TEST_F(cmsg, peercred)
{
	pid_t pid;
	int acc;

	EXPECT_EQ(getpid(), peer_cred(self->l[0].fd).pid);
	EXPECT_EQ(getuid(), peer_cred(self->l[0].fd).uid);
	EXPECT_EQ(getpid(), peer_cred(self->l[0].acc).pid);
	if (geteuid())
		SKIP(return, "needs root");
	pid = connect_as(&self->b, 1234);
	acc = accept(self->b.listener, NULL, NULL);
	EXPECT_EQ(0, wait_status(pid));
	EXPECT_EQ(pid, peer_cred(acc).pid);
	EXPECT_EQ(1234, peer_cred(acc).uid);
	EXPECT_EQ(1234, peer_cred(acc).gid);
	close(acc);
}

TEST_F(cmsg, peergroups)
{
	gid_t groups[64], want[64];
	socklen_t len = sizeof(groups);
	int n = getgroups(64, want);

	ASSERT_LE(0, n);
	EXPECT_EQ(0, ERR(getsockopt(self->l[0].acc, SOL_SOCKET, SO_PEERGROUPS,
				    groups, &len)));
	EXPECT_EQ(n * sizeof(gid_t), len);
	EXPECT_EQ(0, memcmp(groups, want, len));
}

/* Returns the process id that a pidfd stands for, 0 if none. */
static pid_t pidfd_pid(int pidfd)
{
	char path[64], line[128];
	pid_t pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "r");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	fclose(f);
	return pid;
}

TEST_F(cmsg, peerpidfd)
{
	socklen_t len = sizeof(int);
	int pidfd = -1;

	EXPECT_EQ(0, ERR(getsockopt(self->l[0].acc, SOL_SOCKET, SO_PEERPIDFD,
				    &pidfd, &len)));
	EXPECT_EQ(getpid(), pidfd_pid(pidfd));
	close(pidfd);
}

TEST_F(cmsg, pidfd)
{
	struct bus_got got;
	char buf[8];
	pid_t pid;
	int i;

	for (i = 1; i < 3; i++)
		ASSERT_EQ(0, sol_opt(self->l[i].fd, SO_PASSPIDFD, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(say_to(self->l[0].fd, GROUP, "x") ?: (pause(), 0));
	for (i = 1; i < 3; i++) {
		EXPECT_EQ(1, bus_recv(self->l[i].fd, &got, buf, 8, 0));
		EXPECT_EQ(pid, pidfd_pid(got.pidfd));
		bus_got_close(&got);
	}
	EXPECT_STREQ("1:x", take(self->l[3].fd));
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, wait_status(pid));
}

/* Control messages that do not exist, or not in this direction */
TEST_F(cmsg, unknown)
{
	__u64 data = 0;
	int type;

	for (type = 0; type < 16; type++) {
		if (type == SCM_BUS_LIST)
			continue;
		EXPECT_EQ(EINVAL, send_cmsg(self->l[0].fd, &self->two, "x",
					    SOL_BUS, type, &data, 8));
		EXPECT_EQ(EINVAL, send_cmsg(self->l[0].acc, NULL, "x", SOL_BUS,
					    type, &data, 8));
	}
	EXPECT_EQ(EINVAL, send_cmsg(self->l[0].fd, &self->two, "x", SOL_SOCKET,
				    99, &data, 8));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].fd));
}

/* Control messages of other levels are ignored, as on AF_UNIX. */
TEST_F(cmsg, other_level)
{
	__u64 data = 0;

	EXPECT_EQ(0, send_cmsg(self->l[0].fd, &self->two, "x", 12345, 1, &data,
			       8));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
}

TEST_F(cmsg, malformed)
{
	static const size_t lens[] = { 0, 1, sizeof(struct cmsghdr) - 1, 1000 };
	union {
		struct cmsghdr	hdr;
		char		buf[CMSG_SPACE(4)];
	} c = { .hdr = { .cmsg_level = SOL_BUS, .cmsg_type = SCM_BUS_LIST } };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c),
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		c.hdr.cmsg_len = lens[i];
		EXPECT_EQ(EINVAL, ERR(sendmsg(self->l[0].fd, &msg,
					      MSG_DONTWAIT)));
	}
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

/* All control messages at once */
TEST_F(cmsg, everything)
{
	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_PASSCRED, 1));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_DST |
			     BUS_INFO_LOST | BUS_INFO_REASON));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &self->two, "x", &self->efd, 1));
	EXPECT_STREQ("1:x dst=2 cred fds=1", take(self->l[1].fd));
}

TEST_HARNESS_MAIN
