// SPDX-License-Identifier: GPL-2.0
/* Landlock treats a bus as it treats an AF_UNIX socket of that name. */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "both.h"
#include "bus_util.h"

/* From linux/landlock.h, which may be older on this machine */
struct ruleset {
	__u64	handled_access_fs;
	__u64	handled_access_net;
	__u64	scoped;
};

struct path_beneath {
	__u64	allowed_access;
	__s32	parent_fd;
} __packed;

#define RESOLVE_UNIX		0x10000
#define SCOPE_ABSTRACT		1
#define RULE_PATH_BENEATH	1
#define CREATE_VERSION		1

static int landlock_abi(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
}

/* Restricts this process from now on. */
static int restrict_self(const struct ruleset *attr, const char *allowed)
{
	int fd = syscall(SYS_landlock_create_ruleset, attr, sizeof(*attr), 0);
	struct path_beneath beneath = { .allowed_access = RESOLVE_UNIX };
	int err = fd < 0 ? errno : 0;

	if (!err && allowed) {
		beneath.parent_fd = open(allowed, O_PATH | O_CLOEXEC);
		err = ERR(syscall(SYS_landlock_add_rule, fd, RULE_PATH_BENEATH,
				  &beneath, 0));
		close(beneath.parent_fd);
	}
	if (!err)
		err = ERR(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (!err)
		err = ERR(syscall(SYS_landlock_restrict_self, fd, 0));
	close(fd);
	return err;
}

FIXTURE(landlock) {
	struct tmp_dir	tmp;
	struct both	abstract, path;
};

FIXTURE_SETUP(landlock)
{
	if (landlock_abi() < 6)
		SKIP(return, "no Landlock that scopes abstract sockets");
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	ASSERT_EQ(0, both_listen(&self->abstract, NULL));
	ASSERT_EQ(0, both_listen(&self->path, "bus"));
}

FIXTURE_TEARDOWN(landlock)
{
	both_close(&self->abstract);
	both_close(&self->path);
	tmp_leave(&self->tmp);
}

static const struct ruleset scope = { .scoped = SCOPE_ABSTRACT };
static const struct ruleset resolve = { .handled_access_fs = RESOLVE_UNIX };

TEST_F(landlock, unrestricted)
{
	EXPECT_EQ(0, both_connect(&self->abstract));
	EXPECT_EQ(0, both_connect(&self->path));
}

TEST_F(landlock, scope)
{
	ASSERT_EQ(0, restrict_self(&scope, NULL));
	EXPECT_EQ(EPERM, both_connect(&self->abstract));
	EXPECT_EQ(0, both_connect(&self->path));
}

/* A socket that is made in a domain can be used in it, */
TEST_F(landlock, own)
{
	struct both own;

	ASSERT_EQ(0, restrict_self(&scope, NULL));
	ASSERT_EQ(0, both_listen(&own, NULL));
	EXPECT_EQ(0, both_connect(&own));
	both_close(&own);
}

/* and one that is made in a nested domain too, but not the other way round. */
TEST_F(landlock, nested)
{
	struct both own;
	pid_t pid;

	ASSERT_EQ(0, restrict_self(&scope, NULL));
	ASSERT_EQ(0, both_listen(&own, NULL));
	pid = fork();
	if (!pid) {
		if (restrict_self(&scope, NULL))
			_exit(100);
		_exit(both_connect(&own));
	}
	EXPECT_EQ(EPERM, wait_status(pid));
	both_close(&own);
}

static int child_listens(struct both *s, int report, int end)
{
	char c = 0;

	if (restrict_self(&scope, NULL) || both_listen(s, NULL))
		return 100;
	if (write(report, s, sizeof(*s)) != sizeof(*s) ||
	    read(end, &c, 1) != 0)
		return 101;
	return 0;
}

TEST_F(landlock, from_outside)
{
	int report[2], end[2];
	struct both own;
	pid_t pid;

	ASSERT_EQ(0, pipe(report));
	ASSERT_EQ(0, pipe(end));
	pid = fork();
	if (!pid) {
		close(end[1]);
		_exit(child_listens(&own, report[1], end[0]));
	}
	ASSERT_EQ(sizeof(own), read(report[0], &own, sizeof(own)));
	EXPECT_EQ(0, both_connect(&own));
	close(end[1]);
	EXPECT_EQ(0, wait_status(pid));
}

/* A client that has connected may send, and gets messages of others. */
TEST_F(landlock, connected)
{
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 2));
	ASSERT_EQ(0, restrict_self(&scope, NULL));
	EXPECT_EQ(0, say_to(b.link[0].fd, 2, "hi"));
	EXPECT_STREQ("1:hi", take(b.link[1].fd));
	EXPECT_EQ(0, say_to(b.link[0].fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("1:all", take(b.link[1].fd));
	EXPECT_EQ(0, say(b.link[0].fd, "boss"));
	EXPECT_STREQ("1:boss", take(b.link[0].acc));
	EXPECT_EQ(0, say(b.link[0].acc, "you"));
	EXPECT_STREQ("1:all", take(b.link[0].fd));
	EXPECT_STREQ("0:you", take(b.link[0].fd));
	tbus_close(&b);
}

/* Without a listener there is no domain to compare with. */
TEST_F(landlock, closed_listener)
{
	both_close(&self->abstract);
	ASSERT_EQ(0, restrict_self(&scope, NULL));
	EXPECT_EQ(ECONNREFUSED, both_connect(&self->abstract));
}

/* Paths, for which not all kernels have a right. Where Landlock cannot restrict
 * AF_UNIX it does not restrict AF_BUS.
 */
TEST_F(landlock, path)
{
	int err = restrict_self(&resolve, NULL);

	ASSERT_TRUE(!err || err == EINVAL);
	EXPECT_EQ(err ? 0 : EACCES, both_connect(&self->path));
	EXPECT_EQ(0, both_connect(&self->abstract));
}

TEST_F(landlock, allowed_path)
{
	struct both other;
	int err;

	ASSERT_EQ(0, mkdir("d", 0700));
	ASSERT_EQ(0, both_listen(&other, "d/bus"));
	err = restrict_self(&resolve, "d");
	ASSERT_TRUE(!err || err == EINVAL);
	EXPECT_EQ(0, both_connect(&other));
	EXPECT_EQ(err ? 0 : EACCES, both_connect(&self->path));
	both_close(&other);
	rmdir("d");
}

TEST_HARNESS_MAIN
