// SPDX-License-Identifier: GPL-2.0
/* Smack: tasks of different labels, on AF_BUS and AF_UNIX. A message needs
 * write access from the label of its sender to that of its recipient; a
 * connection needs it both ways.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <linux/capability.h>

#include "both.h"
#include "bus_util.h"

#define SMACKFS	"/sys/fs/smackfs"

/* A socket has the label of the task that makes it. Clients have the addresses
 * 1, 2 and 3.
 */
enum who { BOSS, A, B, C, ALL };

static const char * const labels[ALL] = {
	"af_bus_boss", "af_bus_a", "af_bus_b", "af_bus_c"
};

static int be(const char *label)
{
	return write_data("/proc/thread-self/attr/current", label,
			  strlen(label));
}

static int rule(const char *subject, const char *object, const char *access)
{
	char text[128];

	snprintf(text, sizeof(text), "%s %s %s\n", subject, object, access);
	return write_data(SMACKFS "/load2", text, strlen(text));
}

/* Switches the capability to override all rules. */
static int override(bool on)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct cap[2];

	if (syscall(SYS_capget, &head, cap))
		return errno;
	if (on)
		cap[1].effective |= CAP_TO_MASK(CAP_MAC_OVERRIDE);
	else
		cap[1].effective &= ~CAP_TO_MASK(CAP_MAC_OVERRIDE);
	return ERR(syscall(SYS_capset, &head, cap));
}

/* Every label may talk with the master; tests add other rules. */
static int init_rules(void)
{
	int i, k, err = 0;

	for (i = 0; i < ALL; i++)
		for (k = 0; k < ALL; k++)
			if (i != k)
				err = err ?: rule(labels[i], labels[k],
						  i && k ? "-" : "w");
	return err;
}

FIXTURE(lsm_smack) {
	struct tbus	b;
	struct bus_link	*link;		/* of A, B, C */
	int		dgram[ALL];
	union name	name[ALL];
	socklen_t	namelen[ALL];
};

static int dgram_bind(struct _test_data_lsm_smack *self, int i)
{
	struct sockaddr_un *un = &self->name[i].un;

	un->sun_family = AF_UNIX;
	self->namelen[i] = offsetof(struct sockaddr_un, sun_path) + 1 +
			   sprintf(un->sun_path + 1, "%s", labels[i]);
	self->dgram[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
	return ERR(bind(self->dgram[i], &self->name[i].any, self->namelen[i]));
}

FIXTURE_SETUP(lsm_smack)
{
	int i, err;

	if (!lsm_is_on("smack"))
		SKIP(return, "Smack is not on (lsm=smack)");
	err = ERR(mount("smackfs", SMACKFS, "smackfs", 0, NULL));
	ASSERT_TRUE(!err || err == EBUSY);
	ASSERT_EQ(0, init_rules());
	for (i = 0; i < ALL; i++) {
		ASSERT_EQ(0, be(labels[i]));
		ASSERT_EQ(0, dgram_bind(self, i));
		ASSERT_EQ(0, i == BOSS ? tbus_listen(&self->b) :
					 tbus_clients(&self->b, 1));
	}
	self->link = self->b.link - 1;
	ASSERT_EQ(0, be("_"));
	ASSERT_EQ(0, override(false));
}

FIXTURE_TEARDOWN(lsm_smack)
{
	int i;

	for (i = 0; i < ALL; i++)
		close(self->dgram[i]);
	tbus_close(&self->b);
}

static int send_dgram(struct _test_data_lsm_smack *self, int from, int to)
{
	int err = ERR(sendto(self->dgram[from], "x", 1, MSG_DONTWAIT,
			     &self->name[to].any, self->namelen[to]));
	char c;

	if (!err && recv(self->dgram[to], &c, 1, MSG_DONTWAIT) != 1)
		return -1;
	return err;
}

static int send_bus(struct _test_data_lsm_smack *self, int from, int to)
{
	int in = to == BOSS ? self->link[from].acc : self->link[to].fd, err;
	char want[16] = "EAGAIN";

	if (from == BOSS)
		err = say(self->link[to].acc, "x");
	else
		err = say_to(self->link[from].fd, to, "x");
	if (!err)
		snprintf(want, sizeof(want), "%d:x", from);
	return strcmp(want, take(in)) ? -1 : err;
}

/* Returns the error that both families give; -1 if they differ, or if a refused
 * message arrives.
 */
static int try_send(struct _test_data_lsm_smack *self, int from, int to)
{
	int unix_err = send_dgram(self, from, to);
	int err = send_bus(self, from, to);

	if (err == unix_err)
		return err;
	printf("# AF_UNIX: %d, AF_BUS: %d\n", unix_err, err);
	return -1;
}

TEST_F(lsm_smack, unicast)
{
	ASSERT_EQ(0, rule(labels[A], labels[B], "w"));
	EXPECT_EQ(0, try_send(self, A, B));
	EXPECT_EQ(EACCES, try_send(self, B, A));
	EXPECT_EQ(EACCES, try_send(self, A, C));
	EXPECT_EQ(0, try_send(self, A, A));
}

/* Sending needs write access, and a rule counts from when it is loaded. */
TEST_F(lsm_smack, rule)
{
	EXPECT_EQ(EACCES, try_send(self, A, B));
	ASSERT_EQ(0, rule(labels[A], labels[B], "rxat"));
	EXPECT_EQ(EACCES, try_send(self, A, B));
	ASSERT_EQ(0, rule(labels[A], labels[B], "w"));
	EXPECT_EQ(0, try_send(self, A, B));
	ASSERT_EQ(0, rule(labels[A], labels[B], "-"));
	EXPECT_EQ(EACCES, try_send(self, A, B));
}

/* The label is that of the socket, the privilege that of the task. */
TEST_F(lsm_smack, override)
{
	ASSERT_EQ(0, be(labels[B]));
	EXPECT_EQ(EACCES, try_send(self, A, B));
	ASSERT_EQ(0, override(true));
	EXPECT_EQ(0, try_send(self, A, B));
	EXPECT_EQ(0, try_send(self, B, C));
}

TEST_F(lsm_smack, master)
{
	EXPECT_EQ(0, try_send(self, A, BOSS));
	EXPECT_EQ(0, try_send(self, BOSS, A));
	ASSERT_EQ(0, rule(labels[A], labels[BOSS], "-"));
	EXPECT_EQ(EACCES, try_send(self, A, BOSS));
	EXPECT_EQ(0, try_send(self, BOSS, A));
	EXPECT_EQ(0, try_send(self, B, BOSS));
	ASSERT_EQ(0, rule(labels[A], labels[BOSS], "w"));
	ASSERT_EQ(0, rule(labels[BOSS], labels[A], "-"));
	EXPECT_EQ(0, try_send(self, A, BOSS));
	EXPECT_EQ(EACCES, try_send(self, BOSS, A));
}

/* A multicast leaves out recipients that may not get it. */
TEST_F(lsm_smack, multicast)
{
	struct bus_link *l = self->link;

	ASSERT_EQ(0, rule(labels[A], labels[B], "w"));
	EXPECT_EQ(0, say_to(l[A].fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("1:all", take(l[A].fd));
	EXPECT_STREQ("1:all", take(l[B].fd));
	EXPECT_STREQ("EAGAIN", take(l[C].fd));
	EXPECT_EQ(0, say_to(l[B].fd, BUS_MULTICAST(0), "me"));
	EXPECT_STREQ("EAGAIN", take(l[A].fd));
	EXPECT_STREQ("2:me", take(l[B].fd));
	EXPECT_STREQ("EAGAIN", take(l[C].fd));
}

TEST_F(lsm_smack, peer)
{
	EXPECT_STREQ(labels[BOSS], label_of_peer(self->link[A].fd).text);
	EXPECT_STREQ(labels[A], label_of_peer(self->link[A].acc).text);
	EXPECT_STREQ(labels[B], label_of_peer(self->link[B].acc).text);
}

TEST_F(lsm_smack, sender)
{
	struct bus_link *l = &self->link[A];

	EXPECT_STREQ(labels[BOSS], label_of_sender(l->acc, l->fd).text);
	EXPECT_STREQ(labels[A], label_of_sender(l->fd, l->acc).text);
}

/* Label BOSS listens, label A connects. */
FIXTURE(lsm_smack_connect) {
	struct tmp_dir	tmp;
	struct both	abstract, path;
};

FIXTURE_SETUP(lsm_smack_connect)
{
	int err;

	if (!lsm_is_on("smack"))
		SKIP(return, "Smack is not on (lsm=smack)");
	err = ERR(mount("smackfs", SMACKFS, "smackfs", 0, NULL));
	ASSERT_TRUE(!err || err == EBUSY);
	ASSERT_EQ(0, init_rules());
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	ASSERT_EQ(0, be(labels[BOSS]));
	ASSERT_EQ(0, both_listen(&self->abstract, NULL));
	ASSERT_EQ(0, both_listen(&self->path, "bus"));
	ASSERT_EQ(0, be(labels[A]));
	ASSERT_EQ(0, override(false));
}

FIXTURE_TEARDOWN(lsm_smack_connect)
{
	override(true);
	both_close(&self->abstract);
	both_close(&self->path);
	tmp_leave(&self->tmp);
}

TEST_F(lsm_smack_connect, allowed)
{
	EXPECT_EQ(0, both_connect(&self->abstract));
	EXPECT_EQ(0, both_connect(&self->path));
}

TEST_F(lsm_smack_connect, no_way_in)
{
	ASSERT_EQ(0, rule(labels[A], labels[BOSS], "rxat"));
	EXPECT_EQ(EACCES, both_connect(&self->abstract));
	EXPECT_EQ(EACCES, both_connect(&self->path));
}

TEST_F(lsm_smack_connect, no_way_back)
{
	ASSERT_EQ(0, rule(labels[BOSS], labels[A], "rxat"));
	EXPECT_EQ(EACCES, both_connect(&self->abstract));
	EXPECT_EQ(EACCES, both_connect(&self->path));
}

TEST_F(lsm_smack_connect, override)
{
	ASSERT_EQ(0, rule(labels[A], labels[BOSS], "-"));
	ASSERT_EQ(0, rule(labels[BOSS], labels[A], "-"));
	EXPECT_EQ(EACCES, both_connect(&self->path));
	ASSERT_EQ(0, override(true));
	EXPECT_EQ(0, both_connect(&self->abstract));
	EXPECT_EQ(0, both_connect(&self->path));
}

static int label_path(const char *path, const char *label)
{
	return ERR(setxattr(path, "security.SMACK64", label, strlen(label), 0));
}

/* The node of an AF_UNIX socket has the label "*", which all may write; so has
 * the node of a bus.
 */
TEST_F(lsm_smack_connect, node)
{
	ASSERT_EQ(0, override(true));
	EXPECT_EQ(EINVAL, label_path("bus.unix", labels[C]));
	EXPECT_EQ(EINVAL, label_path("bus", labels[C]));
	ASSERT_EQ(0, override(false));
	EXPECT_EQ(0, both_connect(&self->path));
}

/* A directory on the path may be closed to the task. */
TEST_F(lsm_smack_connect, directory)
{
	ASSERT_EQ(0, override(true));
	ASSERT_EQ(0, label_path(self->tmp.path, labels[C]));
	ASSERT_EQ(0, override(false));
	EXPECT_EQ(EACCES, both_connect(&self->path));
	EXPECT_EQ(0, both_connect(&self->abstract));
	ASSERT_EQ(0, rule(labels[A], labels[C], "x"));
	EXPECT_EQ(0, both_connect(&self->path));
}

TEST_HARNESS_MAIN
