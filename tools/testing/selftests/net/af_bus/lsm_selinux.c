// SPDX-License-Identifier: GPL-2.0
/* SELinux, with the policy of lsm_selinux.cil: which tasks may connect and
 * send, and which labels sockets and messages have.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "bus_util.h"

#ifndef SCM_SECURITY
#define SCM_SECURITY	0x03
#endif

#define SELINUXFS	"/sys/fs/selinux"

static int load_policy(void)
{
	char path[4096], data[65536];
	ssize_t len;
	int fd;

	len = readlink("/proc/self/exe", path, sizeof(path) - 32);
	if (len < 0)
		return errno;
	path[len] = 0;
	strcat(path, ".policy");
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return errno;
	len = read(fd, data, sizeof(data));
	close(fd);
	return write_data(SELINUXFS "/load", data, len);
}

static bool enforcing(void)
{
	int fd = open(SELINUXFS "/enforce", O_RDONLY);
	char c = '0';

	if (read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return c == '1';
}

/* Done once for all tests. */
static int be_strict(void)
{
	int err;

	if (enforcing())
		return 0;
	err = ERR(mount("selinuxfs", SELINUXFS, "selinuxfs", 0, NULL));
	if (!err)
		err = load_policy();
	if (!err)
		err = write_data(SELINUXFS "/enforce", "1", 1);
	return err;
}

/* Sockets that are made from now on get this label. */
static int label(const char *type)
{
	char context[64];

	snprintf(context, sizeof(context), "user:role:%s", type);
	return write_data("/proc/thread-self/attr/sockcreate", context,
			  strlen(context));
}

FIXTURE(lsm_selinux) {
	struct tbus	b;
	struct bus_link	*client, *other, *mute;
};

FIXTURE_SETUP(lsm_selinux)
{
	struct bus_link *l = self->b.link;

	if (!lsm_is_on("selinux"))
		SKIP(return, "SELinux is not on (lsm=selinux)");
	ASSERT_EQ(0, be_strict());
	ASSERT_EQ(0, label("master"));
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, label("client"));
	ASSERT_EQ(0, tbus_clients(&self->b, 2));
	ASSERT_EQ(0, label("mute"));
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	self->client = &l[0];
	self->other = &l[1];
	self->mute = &l[2];
}

FIXTURE_TEARDOWN(lsm_selinux)
{
	tbus_close(&self->b);
}

static int try_unix(const struct sockaddr_un *un, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), err;

	err = ERR(connect(fd, (struct sockaddr *)un, len));
	close(fd);
	return err;
}

/* SELinux has a class for each socket type of AF_UNIX, so there is no oracle
 * here.
 */
TEST_F(lsm_selinux, connect)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "\0sel" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 4;
	int fd;

	ASSERT_EQ(0, label("master"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_EQ(0, ERR(bind(fd, (struct sockaddr *)&un, len)));
	ASSERT_EQ(0, ERR(listen(fd, 4)));

	ASSERT_EQ(0, label("client"));
	EXPECT_EQ(0, try_unix(&un, len));
	EXPECT_EQ(0, bus_try_connect(&self->b.name, self->b.namelen));
	ASSERT_EQ(0, label("stranger"));
	EXPECT_EQ(EACCES, try_unix(&un, len));
	EXPECT_EQ(EACCES, bus_try_connect(&self->b.name, self->b.namelen));
	close(fd);
}

TEST_F(lsm_selinux, send)
{
	EXPECT_EQ(0, say_to(self->client->fd, 2, "hi"));
	EXPECT_STREQ("1:hi", take(self->other->fd));
	EXPECT_EQ(0, say_to(self->client->fd, 3, "hi"));
	EXPECT_STREQ("1:hi", take(self->mute->fd));
	EXPECT_EQ(EACCES, say_to(self->mute->fd, 1, "hm"));
	EXPECT_STREQ("EAGAIN", take(self->client->fd));
}

TEST_F(lsm_selinux, multicast)
{
	EXPECT_EQ(0, say_to(self->client->fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("1:all", take(self->client->fd));
	EXPECT_STREQ("1:all", take(self->other->fd));
	EXPECT_STREQ("1:all", take(self->mute->fd));
	EXPECT_EQ(0, say_to(self->mute->fd, BUS_MULTICAST(0), "none"));
	EXPECT_STREQ("EAGAIN", take(self->client->fd));
	EXPECT_STREQ("EAGAIN", take(self->other->fd));
	EXPECT_STREQ("EAGAIN", take(self->mute->fd));
}

TEST_F(lsm_selinux, master)
{
	EXPECT_EQ(0, say(self->client->fd, "boss"));
	EXPECT_STREQ("1:boss", take(self->client->acc));
	EXPECT_EQ(EACCES, say(self->mute->fd, "boss"));
	EXPECT_EQ(EACCES, say_to(self->mute->fd, 99, "nobody"));
	EXPECT_STREQ("EAGAIN", take(self->mute->acc));
	EXPECT_EQ(0, say(self->mute->acc, "you"));
	EXPECT_STREQ("0:you", take(self->mute->fd));
}

/* The accepted socket has its label before it is accepted. */
TEST_F(lsm_selinux, before_accept)
{
	int fd, acc;

	ASSERT_EQ(0, label("mute"));
	fd = bus_socket();
	ASSERT_EQ(0, ERR(connect(fd, (struct sockaddr *)&self->b.name,
				 self->b.namelen)));
	EXPECT_EQ(EACCES, say(fd, "early"));
	close(fd);
	ASSERT_EQ(0, label("client"));
	fd = bus_socket();
	ASSERT_EQ(0, ERR(connect(fd, (struct sockaddr *)&self->b.name,
				 self->b.namelen)));
	EXPECT_EQ(0, say(fd, "early"));
	acc = accept(self->b.listener, NULL, NULL);
	EXPECT_STREQ("EOF", take(acc));
	close(acc);
	acc = accept(self->b.listener, NULL, NULL);
	EXPECT_STREQ("5:early", take(acc));
	close(acc);
	close(fd);
}

#define EXPECT_PEER(type, fd) do { \
	char context_[64] = ""; \
	socklen_t len_ = sizeof(context_); \
	EXPECT_EQ(0, ERR(getsockopt(fd, SOL_SOCKET, SO_PEERSEC, context_, \
				    &len_))); \
	EXPECT_STREQ("user:role:" type, context_); \
} while (0)

TEST_F(lsm_selinux, peersec)
{
	EXPECT_PEER("master", self->client->fd);
	EXPECT_PEER("client", self->client->acc);
	EXPECT_PEER("master", self->mute->fd);
	EXPECT_PEER("mute", self->mute->acc);
}

#define EXPECT_LABEL(type, fd) do { \
	char context_[64] = ""; \
	EXPECT_LT(0, fgetxattr(fd, "security.selinux", context_, \
			       sizeof(context_))); \
	EXPECT_STREQ("user:role:" type, context_); \
} while (0)

TEST_F(lsm_selinux, labels)
{
	EXPECT_LABEL("master", self->b.listener);
	EXPECT_LABEL("master", self->client->acc);
	EXPECT_LABEL("client", self->client->fd);
	EXPECT_LABEL("mute", self->mute->fd);
}

/* The label of the sender, as SCM_SECURITY */
TEST_F(lsm_selinux, passsec)
{
	char text[16], control[256];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	ASSERT_EQ(0, sol_opt(self->other->fd, SO_PASSSEC, 1));
	ASSERT_EQ(0, say_to(self->client->fd, 2, "hi"));
	ASSERT_EQ(2, recvmsg(self->other->fd, &msg, MSG_DONTWAIT));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	EXPECT_EQ(SOL_SOCKET, cmsg->cmsg_level);
	EXPECT_EQ(SCM_SECURITY, cmsg->cmsg_type);
	EXPECT_EQ(0, strncmp("user:role:client", (char *)CMSG_DATA(cmsg),
			     cmsg->cmsg_len - CMSG_LEN(0)));
}

TEST_HARNESS_MAIN
