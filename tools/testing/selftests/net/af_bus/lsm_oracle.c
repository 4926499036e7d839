// SPDX-License-Identifier: GPL-2.0
/* Under whatever security module is on, AF_BUS beside AF_UNIX: run it with
 * lsm=apparmor, lsm=smack ...
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/un.h>

#include "bus_util.h"

#ifndef SCM_SECURITY
#define SCM_SECURITY	0x03
#endif

/* A connection of each family; [0] is the one that was accepted. */
FIXTURE(lsm_oracle) {
	struct tbus		b;
	struct sockaddr_un	un;
	socklen_t		unlen;
	int			unix_listener;
	int			bus[2], un_fd[2];
};

FIXTURE_SETUP(lsm_oracle)
{
	ASSERT_EQ(0, tbus_open(&self->b, 1));
	self->bus[0] = self->b.link[0].acc;
	self->bus[1] = self->b.link[0].fd;

	self->un = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(self->un.sun_path + 1, 64, "lsm.%d", getpid());
	self->unlen = offsetof(struct sockaddr_un, sun_path) + 1 +
		      strlen(self->un.sun_path + 1);
	self->unix_listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ASSERT_EQ(0, ERR(bind(self->unix_listener,
			      (struct sockaddr *)&self->un, self->unlen)));
	ASSERT_EQ(0, ERR(listen(self->unix_listener, 4)));
	self->un_fd[1] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ASSERT_EQ(0, ERR(connect(self->un_fd[1], (struct sockaddr *)&self->un,
				 self->unlen)));
	self->un_fd[0] = accept(self->unix_listener, NULL, NULL);
	ASSERT_LE(0, self->un_fd[0]);
}

FIXTURE_TEARDOWN(lsm_oracle)
{
	tbus_close(&self->b);
	close(self->unix_listener);
	close(self->un_fd[0]);
	close(self->un_fd[1]);
}

struct context {
	int	err;
	char	text[256];
};

static struct context peer_of(int fd)
{
	struct context c = {};
	socklen_t len = sizeof(c.text) - 1;

	c.err = ERR(getsockopt(fd, SOL_SOCKET, SO_PEERSEC, c.text, &len));
	return c;
}

/* The label that comes with a message from one end to the other. */
static struct context sender_of(int from, int to)
{
	char control[512], text[8];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct context c = {};
	struct cmsghdr *cmsg;

	c.err = sol_opt(to, SO_PASSSEC, 1) ?: say(from, "x");
	if (c.err || recvmsg(to, &msg, MSG_DONTWAIT) < 0)
		return c;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_SECURITY)
			memcpy(c.text, CMSG_DATA(cmsg),
			       cmsg->cmsg_len - CMSG_LEN(0));
	return c;
}

#define EXPECT_SAME(want, got) do { \
	struct context want_ = want, got_ = got; \
	EXPECT_EQ(want_.err, got_.err); \
	EXPECT_STREQ(want_.text, got_.text); \
} while (0)

TEST_F(lsm_oracle, peer)
{
	EXPECT_SAME(peer_of(self->un_fd[0]), peer_of(self->bus[0]));
	EXPECT_SAME(peer_of(self->un_fd[1]), peer_of(self->bus[1]));
}

TEST_F(lsm_oracle, sender)
{
	EXPECT_SAME(sender_of(self->un_fd[0], self->un_fd[1]),
		    sender_of(self->bus[0], self->bus[1]));
	EXPECT_SAME(sender_of(self->un_fd[1], self->un_fd[0]),
		    sender_of(self->bus[1], self->bus[0]));
}

/* As a task with another label and no capabilities, where that can be had. */
static void become_other(void)
{
	int fd = open("/proc/thread-self/attr/current", O_WRONLY);

	if (write(fd, "other", 5) != 5)
		printf("# has no label \"other\": %s\n", strerror(errno));
	close(fd);
	if (setuid(65534))
		_exit(100);
}

TEST_F(lsm_oracle, other)
{
	int err, unix_err, fd;

	become_other();
	/* What is connected already */
	unix_err = say(self->un_fd[1], "x");
	EXPECT_EQ(unix_err, say(self->bus[1], "x"));
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	unix_err = ERR(connect(fd, (struct sockaddr *)&self->un, self->unlen));
	close(fd);
	fd = bus_socket();
	err = ERR(connect(fd, (struct sockaddr *)&self->b.name,
			  self->b.namelen));
	close(fd);
	EXPECT_EQ(unix_err, err);
	printf("# connect: %s\n", strerror(err));
}

TEST_HARNESS_MAIN
