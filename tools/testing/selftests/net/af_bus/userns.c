// SPDX-License-Identifier: GPL-2.0
/* User namespaces: each side reads the ids of the other as they are mapped for
 * it, on AF_BUS and AF_UNIX.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "both.h"
#include "bus_util.h"

#define OUTSIDE_ID	4321	/* of the process in the namespace */
#define INSIDE_ID	7	/* the same process, seen from inside */
#define UNMAPPED_ID	65534

/* Each side learns about the other from the socket and from a message. */
struct seen {
	struct ucred	peer, sender;
};

struct inside {
	int		err;
	int		connect[FAMILIES];
	int		mapped[FAMILIES], unmapped[FAMILIES];
	struct seen	seen[FAMILIES];
};

FIXTURE(userns) {
	struct both	both;
	struct inside	*in;
	int		sent[2], go[2];
	pid_t		pid;
};

static int write_map(const char *name, int inside, int outside)
{
	char path[64], text[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	snprintf(text, sizeof(text), "%d %d 1", inside, outside);
	fd = open(path, O_WRONLY);
	err = ERR(write(fd, text, strlen(text)));
	close(fd);
	return err;
}

static int deny_setgroups(void)
{
	int fd = open("/proc/self/setgroups", O_WRONLY);
	int err = ERR(write(fd, "deny", 4));

	close(fd);
	return err;
}

static int enter_userns(void)
{
	/* Without this the new uid cannot write its files in /proc. */
	return ERR(setgid(OUTSIDE_ID)) ?: ERR(setuid(OUTSIDE_ID)) ?:
	       ERR(prctl(PR_SET_DUMPABLE, 1)) ?:
	       ERR(unshare(CLONE_NEWUSER)) ?: deny_setgroups() ?:
	       write_map("uid_map", INSIDE_ID, OUTSIDE_ID) ?:
	       write_map("gid_map", INSIDE_ID, OUTSIDE_ID);
}

static int say_as(int fd, int id)
{
	struct ucred cred = { getpid(), id, id };

	return send_cmsg(fd, NULL, "x", SOL_SOCKET, SCM_CREDENTIALS, &cred,
			 sizeof(cred));
}

static void look(int fd, struct seen *seen)
{
	socklen_t len = sizeof(seen->peer);
	struct bus_got got;
	char text[8];

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &seen->peer, &len);
	if (bus_recv(fd, &got, text, sizeof(text), 0) > 0 && got.has_cred)
		seen->sender = got.cred;
	bus_got_close(&got);
}

/* Runs in the namespace: connects, sends, and receives. */
static void be_inside(const struct _test_data_userns *self)
{
	struct inside *in = self->in;
	int fd[FAMILIES], i;
	char c;

	for (i = 0; i < FAMILIES; i++) {
		fd[i] = both_dial(&self->both, i);
		in->connect[i] = fd[i] < 0 ? errno : 0;
		sol_opt(fd[i], SO_PASSCRED, 1);
		in->mapped[i] = say_as(fd[i], INSIDE_ID);
		in->unmapped[i] = say_as(fd[i], OUTSIDE_ID);
	}
	/* Wait until the other side has accepted and sent. */
	if (write(self->sent[1], "x", 1) != 1 ||
	    read(self->go[0], &c, 1) != 1)
		in->err = errno;
	for (i = 0; i < FAMILIES; i++)
		look(fd[i], &in->seen[i]);
}

FIXTURE_SETUP(userns)
{
	if (geteuid())
		SKIP(return, "needs root");
	self->in = mmap(NULL, sizeof(*self->in), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->in);
	ASSERT_EQ(0, pipe(self->sent));
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, both_listen(&self->both, NULL));

	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (!self->pid) {
		self->in->err = enter_userns();
		if (!self->in->err)
			be_inside(self);
		_exit(0);
	}
	close(self->sent[1]);
}

FIXTURE_TEARDOWN(userns)
{
	both_close(&self->both);
	munmap(self->in, sizeof(*self->in));
}

#define EXPECT_CRED(want_pid, want_id, cred) do { \
	struct ucred cred_ = cred; \
	unsigned int id_ = want_id; \
	EXPECT_EQ((want_pid), cred_.pid); \
	EXPECT_EQ(id_, cred_.uid); \
	EXPECT_EQ(id_, cred_.gid); \
} while (0)

TEST_F(userns, ids)
{
	struct seen seen[FAMILIES] = {};
	struct inside *in = self->in;
	int fd[FAMILIES], i;
	char c;

	ASSERT_EQ(1, read(self->sent[0], &c, 1)) {
		TH_LOG("in the namespace: %s", strerror(in->err));
	}
	for (i = 0; i < FAMILIES; i++) {
		fd[i] = accept(self->both.listener[i], NULL, NULL);
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(0, sol_opt(fd[i], SO_PASSCRED, 1));
		look(fd[i], &seen[i]);
		EXPECT_EQ(0, say_as(fd[i], 0));
	}
	ASSERT_EQ(1, write(self->go[1], "x", 1));
	ASSERT_EQ(0, wait_status(self->pid));
	ASSERT_EQ(0, in->err);

	for (i = 0; i < FAMILIES; i++) {
		TH_LOG("%s", i == BUS ? "AF_BUS" : "AF_UNIX");
		EXPECT_EQ(0, in->connect[i]);
		EXPECT_EQ(0, in->mapped[i]);
		EXPECT_EQ(EINVAL, in->unmapped[i]);
		EXPECT_CRED(self->pid, OUTSIDE_ID, seen[i].peer);
		EXPECT_CRED(self->pid, OUTSIDE_ID, seen[i].sender);
		EXPECT_CRED(getpid(), UNMAPPED_ID, in->seen[i].peer);
		EXPECT_CRED(getpid(), UNMAPPED_ID, in->seen[i].sender);
		close(fd[i]);
	}
}

TEST_HARNESS_MAIN
