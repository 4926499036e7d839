// SPDX-License-Identifier: GPL-2.0
/* bind() and listen(): paths, abstract names and bad addresses. */
#include "../../kselftest_harness.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bus_util.h"

FIXTURE(bind) {
	struct sockaddr_bus	sb;
	int			fd;
	struct tmp_dir		tmp;
};

FIXTURE_SETUP(bind)
{
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	umask(022);
	self->fd = bus_socket();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(bind)
{
	close(self->fd);
	unlink("bus");
	tmp_leave(&self->tmp);
}

static int do_bind(int fd, const struct sockaddr_bus *sb, socklen_t len)
{
	return ERR(bind(fd, (const struct sockaddr *)sb, len));
}

static int do_connect(int fd, const struct sockaddr_bus *sb, socklen_t len)
{
	return ERR(connect(fd, (const struct sockaddr *)sb, len));
}

/* Binds a new socket; returns it, or minus the error. */
static int bind_new(const struct sockaddr_bus *sb, socklen_t len)
{
	int fd = bus_socket();
	int err = do_bind(fd, sb, len);

	if (!err)
		return fd;
	close(fd);
	return -err;
}

static int bind_abstract(const char *name, size_t len)
{
	struct sockaddr_bus sb = { .sbus_family = AF_BUS };

	memcpy(sb.sbus_path, name, len);
	return bind_new(&sb, BUS_NAME_MIN + len);
}

TEST_F(bind, node)
{
	socklen_t len = bus_path(&self->sb, "bus");
	struct stat st;

	EXPECT_EQ(0, do_bind(self->fd, &self->sb, len));
	ASSERT_EQ(0, stat("bus", &st));
	EXPECT_TRUE(S_ISSOCK(st.st_mode));
	EXPECT_EQ(0755, st.st_mode & 07777);
}

TEST_F(bind, umask)
{
	socklen_t len = bus_path(&self->sb, "bus");
	struct stat st;

	umask(0177);
	EXPECT_EQ(0, do_bind(self->fd, &self->sb, len));
	ASSERT_EQ(0, stat("bus", &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
}

TEST_F(bind, node_exists)
{
	socklen_t len = bus_path(&self->sb, "bus");
	int fd = bind_new(&self->sb, len);

	ASSERT_LE(0, fd);
	EXPECT_EQ(EADDRINUSE, do_bind(self->fd, &self->sb, len));
	close(fd);
	/* the node outlives its socket */
	EXPECT_EQ(EADDRINUSE, do_bind(self->fd, &self->sb, len));
	ASSERT_EQ(0, unlink("bus"));
	/* the failures left the socket unchanged */
	EXPECT_EQ(0, do_bind(self->fd, &self->sb, len));
}

TEST_F(bind, no_directory)
{
	socklen_t len = bus_path(&self->sb, "missing/bus");

	EXPECT_EQ(ENOENT, do_bind(self->fd, &self->sb, len));
}

TEST_F(bind, not_a_directory)
{
	socklen_t len = bus_path(&self->sb, "/dev/null/bus");

	EXPECT_EQ(ENOTDIR, do_bind(self->fd, &self->sb, len));
}

TEST_F(bind, directory_permission)
{
	socklen_t len = bus_path(&self->sb, "bus");
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(seteuid(65534) ? 255 : do_bind(self->fd, &self->sb, len));
	EXPECT_EQ(EACCES, wait_status(pid));
}

TEST_F(bind, twice)
{
	socklen_t len = bus_abstract_unique(&self->sb);

	EXPECT_EQ(0, do_bind(self->fd, &self->sb, len));
	EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, len));
	len = bus_abstract_unique(&self->sb);
	EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, len));
	len = bus_path(&self->sb, "bus");
	EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, len));
	/* no node was left behind */
	EXPECT_EQ(ENOENT, ERR(access("bus", F_OK)));
}

TEST_F(bind, connected)
{
	socklen_t len = bus_abstract_unique(&self->sb);
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 1));
	EXPECT_EQ(EINVAL, do_bind(b.link[0].fd, &self->sb, len));
	EXPECT_EQ(EINVAL, do_bind(b.link[0].acc, &self->sb, len));
	EXPECT_EQ(EINVAL, do_bind(b.listener, &self->sb, len));
	EXPECT_EQ(EINVAL, ERR(listen(b.link[0].fd, 1)));
	EXPECT_EQ(EINVAL, ERR(listen(b.link[0].acc, 1)));
	EXPECT_EQ(EINVAL, ERR(accept(b.link[0].fd, NULL, NULL)));
	EXPECT_EQ(EINVAL, ERR(accept(b.link[0].acc, NULL, NULL)));
	tbus_close(&b);
}

TEST_F(bind, path_without_nul)
{
	struct sockaddr_bus c = { .sbus_family = AF_BUS };
	int i, cfd = bus_socket();
	char path[BUS_PATH_MAX + 1] = {};

	for (i = 0; i < BUS_PATH_MAX; i++)
		path[i] = 'a' + i % 26;
	memcpy(c.sbus_path, path, BUS_PATH_MAX);
	EXPECT_EQ(0, do_bind(self->fd, &c, sizeof(c)));
	EXPECT_EQ(0, access(path, F_OK));
	EXPECT_EQ(0, ERR(listen(self->fd, 1)));
	EXPECT_EQ(0, do_connect(cfd, &c, BUS_NAME_MIN + BUS_PATH_MAX));
	unlink(path);
	close(cfd);
}

/* A NUL ends a path; the bytes after it are ignored. */
TEST_F(bind, path_with_nul)
{
	socklen_t len = bus_path(&self->sb, "bus");
	int cfd = bus_socket();

	EXPECT_EQ(0, do_bind(self->fd, &self->sb, sizeof(self->sb)));
	EXPECT_EQ(0, access("bus", F_OK));
	EXPECT_EQ(0, ERR(listen(self->fd, 1)));
	EXPECT_EQ(0, do_connect(cfd, &self->sb, len + 1));
	close(cfd);
}

TEST_F(bind, abstract_in_use)
{
	int a = bind_abstract("\0af_bus.use", 11);

	ASSERT_LE(0, a);
	EXPECT_EQ(-EADDRINUSE, bind_abstract("\0af_bus.use", 11));
	/* trailing NULs are not part of it */
	EXPECT_EQ(-EADDRINUSE, bind_abstract("\0af_bus.use\0\0\0", 14));
	close(a);
	a = bind_abstract("\0af_bus.use\0\0", 13);
	EXPECT_LE(0, a);
	EXPECT_EQ(-EADDRINUSE, bind_abstract("\0af_bus.use", 11));
	close(a);
}

TEST_F(bind, abstract_distinct)
{
	int fds[5], i;

	fds[0] = bind_abstract("\0af_bus.a", 9);
	fds[1] = bind_abstract("\0af_bus.", 8);
	fds[2] = bind_abstract("\0af_bus.ab", 10);
	fds[3] = bind_abstract("\0af_bus.a\0b", 11);
	fds[4] = bind_abstract("\0\0af_bus.a", 10);
	for (i = 0; i < 5; i++) {
		EXPECT_LE(0, fds[i]);
		close(fds[i]);
	}
}

static socklen_t one_of_many(struct sockaddr_bus *sb, int i)
{
	char name[32];

	snprintf(name, sizeof(name), "many.%d.%d", getpid(), i);
	return i % 2 ? bus_abstract(sb, name) : bus_path(sb, name);
}

static __u64 cookie_of(const struct sockaddr_bus *sb, socklen_t len, int *err)
{
	int fd = bus_socket();
	__u64 cookie;

	*err = do_connect(fd, sb, len);
	cookie = bus_get_info(fd).cookie;
	close(fd);
	return cookie;
}

/* Each bus is found by its name until it is gone. */
TEST_F(bind, many)
{
	enum { MANY = 300 };
	struct sockaddr_bus sb;
	int i, fd[MANY], err;
	socklen_t len;

	for (i = 0; i < MANY; i++) {
		len = one_of_many(&sb, i);
		fd[i] = bus_listen(&sb, len);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < MANY; i++) {
		len = one_of_many(&sb, i);
		EXPECT_EQ(bus_get_info(fd[i]).cookie, cookie_of(&sb, len, &err));
		EXPECT_EQ(0, err);
		EXPECT_EQ(-EADDRINUSE, bind_new(&sb, len));
	}
	for (i = 0; i < MANY; i++) {
		close(fd[i]);
		len = one_of_many(&sb, i);
		EXPECT_EQ(0, cookie_of(&sb, len, &err));
		EXPECT_EQ(ECONNREFUSED, err);
		if (i % 2 == 0)
			unlink(sb.sbus_path);
	}
}

/* The same string names another bus in the file system, and in AF_UNIX. */
TEST_F(bind, abstract_is_not_a_path)
{
	int a = bind_abstract("\0bus", 4);
	socklen_t len = bus_path(&self->sb, "bus");

	ASSERT_LE(0, a);
	EXPECT_EQ(0, do_bind(self->fd, &self->sb, len));
	EXPECT_EQ(0, access("bus", F_OK));
	close(a);
}

TEST_F(bind, abstract_is_not_unix)
{
	struct sockaddr_un sun = { AF_UNIX, "\0af_bus.unix" };
	int unix_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	socklen_t len = bus_abstract(&self->sb, "af_bus.unix");
	int a;

	ASSERT_LE(0, unix_fd);
	ASSERT_EQ(0, bind(unix_fd, (struct sockaddr *)&sun,
			  offsetof(struct sockaddr_un, sun_path) + 12));
	ASSERT_EQ(0, listen(unix_fd, 1));
	EXPECT_EQ(ECONNREFUSED, do_connect(self->fd, &self->sb, len));
	a = bind_abstract("\0af_bus.unix", 12);
	EXPECT_LE(0, a);
	close(a);
	close(unix_fd);
}

TEST_F(bind, abstract_of_namespace)
{
	socklen_t len = bus_abstract(&self->sb, "af_bus.netns");
	int listener = bus_listen(&self->sb, len);
	int fd;

	ASSERT_LE(0, listener);
	if (unshare(CLONE_NEWNET))
		SKIP(return, "no network namespaces: %s", strerror(errno));
	/* this socket still belongs to the first namespace */
	EXPECT_EQ(0, do_connect(self->fd, &self->sb, len));
	fd = bus_socket();
	EXPECT_EQ(ECONNREFUSED, do_connect(fd, &self->sb, len));
	EXPECT_EQ(0, do_bind(fd, &self->sb, len));
	close(fd);
	close(listener);
}

/* A path leads to the same bus from every network namespace. */
TEST_F(bind, path_across_namespaces)
{
	socklen_t len = bus_path(&self->sb, "bus");
	int listener = bus_listen(&self->sb, len);
	int fd;

	ASSERT_LE(0, listener);
	if (unshare(CLONE_NEWNET))
		SKIP(return, "no network namespaces: %s", strerror(errno));
	fd = bus_socket();
	EXPECT_EQ(0, do_connect(fd, &self->sb, len));
	close(fd);
	close(listener);
}

TEST_F(bind, empty_path)
{
	socklen_t len;

	bus_to(&self->sb, 0);
	for (len = BUS_NAME_MIN; len <= sizeof(self->sb); len++)
		EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, len));
	for (len = BUS_NAME_MIN; len <= sizeof(self->sb); len++)
		EXPECT_EQ(EINVAL, do_connect(self->fd, &self->sb, len));
}

TEST_F(bind, lengths)
{
	char buf[sizeof(struct sockaddr_bus) + 8] = {};
	struct sockaddr_bus *sb = (struct sockaddr_bus *)buf;
	socklen_t len;

	bus_path(sb, "bus");
	for (len = 0; len < BUS_NAME_MIN; len++) {
		EXPECT_EQ(EINVAL, do_bind(self->fd, sb, len));
		EXPECT_EQ(EINVAL, do_connect(self->fd, sb, len));
	}
	EXPECT_EQ(EINVAL, do_bind(self->fd, sb, sizeof(*sb) + 1));
	EXPECT_EQ(EINVAL, do_bind(self->fd, sb, sizeof(*sb) + 8));
	EXPECT_EQ(EINVAL, do_bind(self->fd, sb, -1));
	EXPECT_EQ(EINVAL, do_connect(self->fd, sb, sizeof(*sb) + 1));
	EXPECT_EQ(ENOENT, ERR(access("bus", F_OK)));
}

TEST_F(bind, family)
{
	static const int families[] = { AF_UNSPEC, AF_UNIX, AF_INET, 255 };
	socklen_t len = bus_path(&self->sb, "bus");
	int i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		self->sb.sbus_family = families[i];
		EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, len));
		EXPECT_EQ(EINVAL, do_connect(self->fd, &self->sb, len));
	}
	EXPECT_EQ(ENOENT, ERR(access("bus", F_OK)));
}

TEST_F(bind, address)
{
	static const __u64 addrs[] = {
		1, BUS_ADDR(1, 0), BUS_ADDR(2, 5), BUS_MULTICAST(0), ~0ULL
	};
	socklen_t len = bus_path(&self->sb, "bus");
	int i;

	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		self->sb.sbus_addr.s_addr = addrs[i];
		EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, len));
		EXPECT_EQ(EINVAL, do_connect(self->fd, &self->sb, len));
	}
	EXPECT_EQ(ENOENT, ERR(access("bus", F_OK)));
}

TEST_F(bind, padding)
{
	socklen_t len = bus_path(&self->sb, "bus");
	int i;

	for (i = 0; i < 3; i++) {
		self->sb.__pad[i] = 1;
		EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, len));
		EXPECT_EQ(EINVAL, do_connect(self->fd, &self->sb, len));
		self->sb.__pad[i] = 0;
	}
	self->sb.__pad2 = 1;
	EXPECT_EQ(EINVAL, do_bind(self->fd, &self->sb, sizeof(self->sb)));
	EXPECT_EQ(EINVAL, do_connect(self->fd, &self->sb, sizeof(self->sb)));
	EXPECT_EQ(ENOENT, ERR(access("bus", F_OK)));
	/* not covered by the length, so ignored */
	EXPECT_EQ(0, do_bind(self->fd, &self->sb, len));
}

TEST_F(bind, fault)
{
	EXPECT_EQ(EFAULT, do_bind(self->fd, (void *)8, sizeof(self->sb)));
	EXPECT_EQ(EFAULT, do_connect(self->fd, (void *)8, sizeof(self->sb)));
}

TEST_F(bind, listen_again)
{
	socklen_t len = bus_abstract_unique(&self->sb);

	EXPECT_EQ(0, do_bind(self->fd, &self->sb, len));
	EXPECT_EQ(0, ERR(listen(self->fd, 1)));
	EXPECT_EQ(0, ERR(listen(self->fd, 5)));
	EXPECT_EQ(BUS_STATE_LISTEN, bus_get_info(self->fd).state);
}

TEST_HARNESS_MAIN
