// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets in one network namespace that are used from another: abstract names
 * are those of the socket's namespace, and a namespace lives as long as its
 * sockets.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "bus_util.h"

#define NSID	4711

FIXTURE(netns) {
	struct tbus	b;		/* in the initial namespace */
	int		home;
};

FIXTURE_SETUP(netns)
{
	ASSERT_EQ(0, tbus_open(&self->b, 2));
	self->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->home);
}

FIXTURE_TEARDOWN(netns)
{
	tbus_close(&self->b);
	close(self->home);
}

static int connect_to(int fd, const struct tbus *b)
{
	return ERR(connect(fd, (struct sockaddr *)&b->name, b->namelen));
}

/* A name is looked up where the socket was made, not where it is used. */
TEST_F(netns, name_of_the_socket)
{
	int old = bus_socket(), young;
	struct tbus b;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	young = bus_socket();
	EXPECT_EQ(ECONNREFUSED, connect_to(young, &self->b));
	EXPECT_EQ(0, connect_to(old, &self->b));
	EXPECT_EQ(0, say(old, "from afar"));
	close(old);
	/* the same name is another bus now */
	b = self->b;
	b.nr = 0;
	b.listener = bus_listen(&b.name, b.namelen);
	ASSERT_LE(0, b.listener);
	ASSERT_EQ(0, tbus_clients(&b, 1));
	EXPECT_EQ(1, b.link[0].addr);
	EXPECT_NE(bus_get_info(b.listener).cookie,
		  bus_get_info(self->b.listener).cookie);
	close(young);
	tbus_close(&b);
}

/* A listener binds in the namespace where it was made. */
TEST_F(netns, listener_of_another)
{
	int listener = bus_socket(), fd;
	struct sockaddr_bus sb;
	socklen_t len = bus_abstract_unique(&sb);

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&sb, len));
	ASSERT_EQ(0, listen(listener, 1));
	fd = bus_socket();
	EXPECT_EQ(ECONNREFUSED, ERR(connect(fd, (struct sockaddr *)&sb, len)));
	close(fd);
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	fd = bus_socket();
	EXPECT_EQ(0, ERR(connect(fd, (struct sockaddr *)&sb, len)));
	close(fd);
	close(listener);
}

/* Netlink: give a namespace an id here, and see whether it still exists. */

static int nsid_talk(int type, int ns_fd, void *answer, size_t size)
{
	struct {
		struct nlmsghdr	nlh;
		struct rtgenmsg	gen;
		__u8		pad[3];
		struct nlattr	fd;
		__u32		fd_value;
		struct nlattr	id;
		__u32		id_value;
	} req = {
		.nlh = {
			sizeof(req), type,
			NLM_F_REQUEST | (type == RTM_GETNSID ? NLM_F_DUMP :
					 NLM_F_ACK), 1,
		},
		.fd = { 8, NETNSA_FD },
		.fd_value = ns_fd,
		.id = { 8, NETNSA_NSID },
		.id_value = NSID,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	if (type == RTM_GETNSID)
		req.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.gen));
	n = send(fd, &req, req.nlh.nlmsg_len, 0);
	if (n > 0)
		n = recv(fd, answer, size, 0);
	close(fd);
	return n;
}

static int nsid_give(int ns_fd)
{
	struct {
		struct nlmsghdr	nlh;
		struct nlmsgerr	err;
		char		more[256];
	} answer = { .err.error = -EIO };

	nsid_talk(RTM_NEWNSID, ns_fd, &answer, sizeof(answer));
	return -answer.err.error;
}

static bool nsid_in(const struct nlmsghdr *nlh)
{
	const struct nlattr *a = (void *)nlh + NLMSG_SPACE(1);

	for (; (char *)a + 8 <= (char *)nlh + nlh->nlmsg_len;
	     a = (void *)a + NLMSG_ALIGN(a->nla_len))
		if (a->nla_type == NETNSA_NSID &&
		    *(const __u32 *)(a + 1) == NSID)
			return true;
	return false;
}

static bool nsid_is_there(void)
{
	__u32 answer[2048];
	int len = nsid_talk(RTM_GETNSID, -1, answer, sizeof(answer));
	struct nlmsghdr *nlh = (void *)answer;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len))
		if (nlh->nlmsg_type == RTM_NEWNSID && nsid_in(nlh))
			return true;
	return false;
}

/* Namespaces are dismantled in the background. */
static bool nsid_goes(void)
{
	int i;

	for (i = 0; i < 3000 && nsid_is_there(); i++)
		usleep(10000);
	return !nsid_is_there();
}

/* Makes a bus in a namespace that nothing else keeps, and returns home. */
static void make_there(struct __test_metadata *_metadata, int home,
		       struct tbus *b, unsigned int nr)
{
	int there;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, tbus_open(b, nr));
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, there);
	ASSERT_EQ(0, setns(home, CLONE_NEWNET));
	ASSERT_EQ(0, nsid_give(there));
	close(there);
}

/* Each socket in turn is the last one of its namespace. */
static void expect_last(struct __test_metadata *_metadata, int home,
			bool client, bool accepted, bool listener)
{
	struct tbus b;
	int last;

	make_there(_metadata, home, &b, 2);
	last = client ? dup(b.link[1].fd) : accepted ? dup(b.link[1].acc) :
	       dup(b.listener);
	ASSERT_LE(0, last);
	EXPECT_EQ(0, say_to(b.link[0].fd, BUS_MULTICAST(0), "x"));
	EXPECT_EQ(0, say(b.link[1].fd, "y"));
	tbus_close(&b);
	usleep(200000);
	EXPECT_TRUE(nsid_is_there());
	if (client)
		EXPECT_STREQ("1:x", take(last));
	if (accepted)
		EXPECT_STREQ("2:y", take(last));
	close(last);
	EXPECT_TRUE(nsid_goes());
}

TEST_F(netns, client_is_last)
{
	expect_last(_metadata, self->home, true, false, false);
}

TEST_F(netns, accepted_is_last)
{
	expect_last(_metadata, self->home, false, true, false);
}

TEST_F(netns, listener_is_last)
{
	expect_last(_metadata, self->home, false, false, true);
}

/* A client whose socket is in another namespace than the bus, by a path */
TEST_F(netns, client_of_another)
{
	struct tmp_dir tmp;
	struct tbus b = {};
	int there;

	ASSERT_EQ(0, tmp_enter(&tmp));
	b.namelen = bus_path(&b.name, "bus");
	b.listener = bus_listen(&b.name, b.namelen);
	ASSERT_LE(0, b.listener);
	ASSERT_EQ(0, tbus_clients(&b, 1));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, tbus_clients(&b, 1));
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	ASSERT_EQ(0, nsid_give(there));
	close(there);
	EXPECT_EQ(0, say_to(b.link[0].fd, 2, "over"));
	EXPECT_EQ(0, say_to(b.link[1].fd, BUS_MULTICAST(0), "back"));
	EXPECT_STREQ("1:over", take(b.link[1].fd));
	EXPECT_STREQ("2:back", take(b.link[0].fd));
	EXPECT_TRUE(nsid_is_there());
	/* the accepted socket is in the namespace of the bus */
	close(b.link[1].fd);
	b.link[1].fd = -1;
	EXPECT_TRUE(nsid_goes());
	EXPECT_STREQ("EOF", take(b.link[1].acc));
	tbus_close(&b);
	unlink("bus");
	tmp_leave(&tmp);
}

/* A socket taken from a process in another namespace */
TEST_F(netns, taken_by_pidfd)
{
	int p[2], pidfd, fds[2], i;
	struct tbus b;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(p));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (unshare(CLONE_NEWNET) || tbus_open(&b, 2) ||
		    write(p[1], &b, sizeof(b)) != sizeof(b))
			_exit(1);
		pause();
		_exit(0);
	}
	ASSERT_EQ(sizeof(b), read(p[0], &b, sizeof(b)));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);
	for (i = 0; i < 2; i++) {
		fds[i] = syscall(SYS_pidfd_getfd, pidfd, b.link[i].fd, 0);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(0, say_to(fds[0], 2, "here"));
	EXPECT_STREQ("1:here", take(fds[1]));
	EXPECT_EQ(0, say_to(fds[0], 2, "last"));
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, wait_status(pid));
	EXPECT_STREQ("1:last", take(fds[1]));
	EXPECT_EQ(0, recv(fds[1], &c, 1, 0));
	EXPECT_EQ(EPIPE, say_to(fds[0], 2, "x"));
	close(fds[0]);
	close(fds[1]);
	close(pidfd);
	close(p[0]);
	close(p[1]);
}

TEST_HARNESS_MAIN
