// SPDX-License-Identifier: GPL-2.0
/* AppArmor: what a confined task may do, on AF_BUS and AF_UNIX.
 *
 * The profiles are built here, because apparmor_parser does not know families
 * that it was not compiled with, and many versions do not know rules with paths
 * of AF_UNIX, which is the oracle.
 */
#include "../../kselftest_harness.h"

#include <endian.h>
#include <fcntl.h>

#include "both.h"
#include "bus_util.h"

#define APPARMORFS	"/sys/kernel/security/apparmor"
#define PROFILE		"af_bus_test"

/* The rules of a profile are an automaton that reads bytes; its final state has
 * the permissions. The bytes are the class, then the data of this class: a
 * path, or family, type and protocol.
 */

#define CLASS_FILE	"\x02"
#define CLASS_NET	"\x0e"
#define CLASS_NET_9	"\x0f"		/* with the details of AF_UNIX */

#define MAY_WRITE	0x02		/* or send */
#define MAY_READ	0x04		/* or receive */
#define MAY_CONNECT	0x40

enum { NO_MATCH, START, ANYTHING, FIRST_FREE };

struct state {
	__u16	next[256];
	__u32	allow;
};

struct rules {
	unsigned int	nr;
	struct state	state[512];
};

static void rules_init(struct rules *r)
{
	int c;

	memset(r, 0, sizeof(*r));
	r->nr = FIRST_FREE;
	for (c = 0; c < 256; c++)
		r->state[ANYTHING].next[c] = ANYTHING;
	r->state[ANYTHING].allow = ~0;
}

/* Sets a rule for exactly these bytes; longer inputs keep their rules. */
static struct state *rule(struct rules *r, const char *bytes, size_t len)
{
	struct state *at = &r->state[START];
	__u16 *next;

	while (len--) {
		next = &at->next[(unsigned char)*bytes++];
		if (*next < FIRST_FREE) {
			r->state[r->nr] = r->state[*next];
			*next = r->nr++;
		}
		at = &r->state[*next];
	}
	return at;
}

/* Allows all inputs that begin with these bytes. */
static void allow_all(struct rules *r, const char *bytes, size_t len)
{
	*rule(r, bytes, len) = r->state[ANYTHING];
}

static void mediate_net(struct rules *r, const char *class)
{
	rule(r, class, 1);
}

static void allow_family(struct rules *r, const char *class, int family)
{
	char bytes[] = { class[0], 0, family };

	allow_all(r, bytes, sizeof(bytes));
}

static void deny_path(struct rules *r, const char *path, __u32 what)
{
	char bytes[256];
	int len = snprintf(bytes, sizeof(bytes), CLASS_FILE "%s", path);

	rule(r, bytes, len)->allow = ~what;
}

/* The binary form of a profile */

struct blob {
	size_t	len;
	char	data[1 << 20];
};

enum { U32 = 2, NAME = 4, STRING, BLOB, STRUCT, STRUCTEND, ARRAY = 11, ARRAYEND };

static void put(struct blob *b, const void *data, size_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put_be(struct blob *b, __u32 value, size_t len)
{
	value = htobe32(value << (32 - 8 * len));
	put(b, &value, len);
}

static void put_le(struct blob *b, __u32 value, size_t len)
{
	value = htole32(value);
	put(b, &value, len);
}

static void put_text(struct blob *b, int type, const char *text)
{
	put_be(b, type, 1);
	put_le(b, strlen(text) + 1, 2);
	put(b, text, strlen(text) + 1);
}

static void put_begin(struct blob *b, const char *name, int type)
{
	if (name)
		put_text(b, NAME, name);
	put_be(b, type, 1);
}

static void put_u32(struct blob *b, const char *name, __u32 value)
{
	put_begin(b, name, U32);
	put_le(b, value, 4);
}

static void put_align(struct blob *b)
{
	while (b->len % 8)
		put_be(b, 0, 1);
}

/* One set of permissions for each state */
static void put_perms(struct blob *b, const struct rules *r)
{
	unsigned int i, k;

	put_begin(b, "perms", STRUCT);
	put_u32(b, "version", 1);
	put_begin(b, NULL, ARRAY);
	put_le(b, r->nr, 2);
	for (i = 0; i < r->nr; i++)
		for (k = 0; k < 14; k++)
			put_u32(b, NULL, k == 1 ? r->state[i].allow : 0);
	put_begin(b, NULL, ARRAYEND);
	put_begin(b, NULL, STRUCTEND);
}

enum { ACCEPT = 1, BASE, CHECK, DEFAULT, NEXT = 8 };

static void put_table(struct blob *b, int id, int size, __u32 len)
{
	put_be(b, id, 2);
	put_be(b, size, 2);
	put_be(b, 0, 4);
	put_be(b, len, 4);
}

/* The tables have the format of flex. Each state has all transitions. */
static void put_states(struct blob *b, const struct rules *r)
{
	unsigned int i, c;

	put_be(b, 0x1b5e783d, 4);
	put_be(b, 16, 4);
	put_be(b, 0, 4);
	put_be(b, 0, 4);
	put_table(b, ACCEPT, 4, r->nr);
	for (i = 0; i < r->nr; i++)
		put_be(b, i, 4);
	put_align(b);
	put_table(b, BASE, 4, r->nr);
	for (i = 0; i < r->nr; i++)
		put_be(b, i * 256, 4);
	put_align(b);
	put_table(b, DEFAULT, 2, r->nr);
	for (i = 0; i < r->nr; i++)
		put_be(b, NO_MATCH, 2);
	put_align(b);
	put_table(b, NEXT, 2, r->nr * 256);
	for (i = 0; i < r->nr; i++)
		for (c = 0; c < 256; c++)
			put_be(b, r->state[i].next[c], 2);
	put_align(b);
	put_table(b, CHECK, 2, r->nr * 256);
	for (i = 0; i < r->nr; i++)
		for (c = 0; c < 256; c++)
			put_be(b, i, 2);
	put_align(b);
}

static void put_rules(struct blob *b, const struct rules *r)
{
	size_t len_at, start;
	__le32 len;

	put_begin(b, "policydb", STRUCT);
	put_perms(b, r);
	put_begin(b, "aadfa", BLOB);
	len_at = b->len;
	put_le(b, 0, 4);
	start = b->len;
	put_align(b);
	put_states(b, r);
	len = htole32(b->len - start);
	memcpy(b->data + len_at, &len, sizeof(len));
	put_begin(b, NULL, STRUCTEND);
}

static void put_profile(struct blob *b, const char *name, const struct rules *r)
{
	int i;

	b->len = 0;
	put_u32(b, "version", 8);
	put_begin(b, "profile", STRUCT);
	put_text(b, STRING, name);
	put_begin(b, "flags", STRUCT);
	for (i = 0; i < 3; i++)		/* no hat; enforce; no audit */
		put_u32(b, NULL, 0);
	put_begin(b, NULL, STRUCTEND);
	put_u32(b, NULL, ~0);		/* capabilities */
	for (i = 0; i < 3; i++)		/* which of them are audited ... */
		put_u32(b, NULL, 0);
	put_rules(b, r);
	put_begin(b, NULL, STRUCTEND);
}

/* Confines this task from now on. */
static int confine(const char *profile, const struct rules *r)
{
	static struct blob b;
	char text[64];
	int err;

	put_profile(&b, profile, r);
	err = write_data(APPARMORFS "/.replace", b.data, b.len);
	snprintf(text, sizeof(text), "changeprofile %s", profile);
	return err ?: write_data("/proc/thread-self/attr/apparmor/current",
				 text, strlen(text));
}

/* Returns whether the kernel mediates paths of AF_UNIX. If it does not, it does
 * not mediate paths of buses either.
 */
static bool mediates_paths(void)
{
	return !access(APPARMORFS "/features/network_v9/af_unix", F_OK);
}

FIXTURE(lsm_apparmor) {
	struct tmp_dir	tmp;
	struct both	abstract, path, other;
	char		bus[64], unix_path[64];
	struct rules	r;
};

/* The rules allow all files, and no family until a test adds one. */
FIXTURE_SETUP(lsm_apparmor)
{
	if (!lsm_is_on("apparmor"))
		SKIP(return, "AppArmor is not on (lsm=apparmor)");
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	ASSERT_EQ(0, both_listen(&self->abstract, NULL));
	ASSERT_EQ(0, both_listen(&self->path, "bus"));
	ASSERT_EQ(0, both_listen(&self->other, "other"));
	snprintf(self->bus, sizeof(self->bus), "%s/bus", self->tmp.path);
	snprintf(self->unix_path, sizeof(self->unix_path), "%s/bus.unix",
		 self->tmp.path);
	rules_init(&self->r);
	allow_all(&self->r, CLASS_FILE, 1);
	mediate_net(&self->r, CLASS_NET);
	mediate_net(&self->r, CLASS_NET_9);
}

FIXTURE_TEARDOWN(lsm_apparmor)
{
	both_close(&self->abstract);
	both_close(&self->path);
	both_close(&self->other);
	tmp_leave(&self->tmp);
}

static void allow_families(struct rules *r)
{
	allow_family(r, CLASS_NET, AF_UNIX);
	allow_family(r, CLASS_NET_9, AF_UNIX);
	allow_family(r, CLASS_NET, AF_BUS);
	allow_family(r, CLASS_NET_9, AF_BUS);
}

static int try_socket(enum family family)
{
	int fd = both_socket(family), err = fd < 0 ? errno : 0;

	close(fd);
	return err;
}

TEST_F(lsm_apparmor, allowed)
{
	struct both own;

	allow_families(&self->r);
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	EXPECT_EQ(0, both_connect(&self->abstract));
	EXPECT_EQ(0, both_connect(&self->path));
	EXPECT_EQ(0, both_connect(&self->other));
	ASSERT_EQ(0, both_listen(&own, "own"));
	EXPECT_EQ(0, both_connect(&own));
	both_close(&own);
}

/* A profile with network rules must name the family. */
TEST_F(lsm_apparmor, no_family)
{
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	EXPECT_EQ(EACCES, try_socket(UNIX));
	EXPECT_EQ(EACCES, try_socket(BUS));
}

TEST_F(lsm_apparmor, other_family)
{
	allow_family(&self->r, CLASS_NET, AF_UNIX);
	allow_family(&self->r, CLASS_NET_9, AF_UNIX);
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	EXPECT_EQ(0, try_socket(UNIX));
	EXPECT_EQ(EACCES, try_socket(BUS));
}

TEST_F(lsm_apparmor, family)
{
	allow_family(&self->r, CLASS_NET, AF_BUS);
	allow_family(&self->r, CLASS_NET_9, AF_BUS);
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	EXPECT_EQ(EACCES, try_socket(UNIX));
	EXPECT_EQ(0, try_socket(BUS));
	EXPECT_LE(0, both_dial(&self->abstract, BUS));
	EXPECT_LE(0, both_dial(&self->path, BUS));
}

/* A socket from before the confinement is of no use either. */
TEST_F(lsm_apparmor, socket_of_before)
{
	int i, fd[FAMILIES] = { both_socket(UNIX), both_socket(BUS) };
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 2));
	ASSERT_EQ(0, say_to(b.link[0].fd, 2, "before"));
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	for (i = 0; i < FAMILIES; i++)
		EXPECT_EQ(EACCES, ERR(connect(fd[i], &self->abstract.name[i].any,
					      self->abstract.namelen[i])));
	EXPECT_EQ(EACCES, say_to(b.link[0].fd, 2, "hi"));
	EXPECT_EQ(EACCES, say(b.link[0].fd, "boss"));
	EXPECT_EQ(EACCES, say(b.link[0].acc, "you"));
	EXPECT_STREQ("EACCES", take(b.link[1].fd));
	EXPECT_EQ(EACCES, ERR(accept(b.listener, NULL, NULL)));
	tbus_close(&b);
}

/* A profile without network rules */
TEST_F(lsm_apparmor, no_networks)
{
	rules_init(&self->r);
	allow_all(&self->r, CLASS_FILE, 1);
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	EXPECT_EQ(0, both_connect(&self->abstract));
	EXPECT_EQ(0, both_connect(&self->path));
}

/* Paths: each permission that is asked for is needed, */
static int confine_without(struct _test_data_lsm_apparmor *self, __u32 what)
{
	allow_families(&self->r);
	deny_path(&self->r, self->bus, what);
	deny_path(&self->r, self->unix_path, what);
	return confine(PROFILE, &self->r);
}

TEST_F(lsm_apparmor, path_write)
{
	ASSERT_EQ(0, confine_without(self, MAY_WRITE));
	EXPECT_EQ(mediates_paths() ? EACCES : 0, both_connect(&self->path));
	EXPECT_EQ(0, both_connect(&self->other));
	EXPECT_EQ(0, both_connect(&self->abstract));
}

TEST_F(lsm_apparmor, path_read)
{
	ASSERT_EQ(0, confine_without(self, MAY_READ));
	EXPECT_EQ(mediates_paths() ? EACCES : 0, both_connect(&self->path));
	EXPECT_EQ(0, both_connect(&self->other));
}

TEST_F(lsm_apparmor, path_connect)
{
	ASSERT_EQ(0, confine_without(self, MAY_CONNECT));
	EXPECT_EQ(mediates_paths() ? EACCES : 0, both_connect(&self->path));
	EXPECT_EQ(0, both_connect(&self->other));
}

/* and no permission that is not asked for. */
TEST_F(lsm_apparmor, path_rest)
{
	ASSERT_EQ(0, confine_without(self,
				     ~(MAY_WRITE | MAY_READ | MAY_CONNECT)));
	EXPECT_EQ(0, both_connect(&self->path));
}

/* Rules without the newer class, as of older kernels, have no paths of sockets.
 */
TEST_F(lsm_apparmor, path_old)
{
	rules_init(&self->r);
	allow_all(&self->r, CLASS_FILE, 1);
	allow_family(&self->r, CLASS_NET, AF_UNIX);
	allow_family(&self->r, CLASS_NET, AF_BUS);
	deny_path(&self->r, self->bus, MAY_WRITE);
	deny_path(&self->r, self->unix_path, MAY_WRITE);
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	EXPECT_EQ(0, both_connect(&self->path));
}

/* A client that has connected may send, and gets messages of others. */
TEST_F(lsm_apparmor, path_connected)
{
	int i, fd[FAMILIES], acc[FAMILIES];
	char c;

	for (i = 0; i < FAMILIES; i++) {
		fd[i] = both_dial(&self->path, i);
		acc[i] = accept(self->path.listener[i], NULL, NULL);
	}
	ASSERT_EQ(0, confine_without(self, ~0));
	for (i = 0; i < FAMILIES; i++) {
		EXPECT_EQ(0, say(fd[i], "x"));
		EXPECT_EQ(0, say(acc[i], "y"));
		EXPECT_EQ(1, recv(fd[i], &c, 1, MSG_DONTWAIT));
		EXPECT_EQ('y', c);
		EXPECT_EQ(1, recv(acc[i], &c, 1, MSG_DONTWAIT));
		EXPECT_EQ('x', c);
		close(fd[i]);
		close(acc[i]);
	}
}

/* A socket has the label of the task that made it; the accepted socket that of
 * the listener. Older kernels have no such labels.
 */
static struct label peer(const char *text)
{
	struct label label = {};

	if (mediates_paths())
		strcpy(label.text, text);
	else
		label.err = ENOPROTOOPT;
	return label;
}

TEST_F(lsm_apparmor, peer)
{
	int i, fd, acc;

	allow_families(&self->r);
	ASSERT_EQ(0, confine(PROFILE, &self->r));
	for (i = 0; i < FAMILIES; i++) {
		fd = both_dial(&self->path, i);
		acc = accept(self->path.listener[i], NULL, NULL);
		EXPECT_SAME(peer("unconfined"), label_of_peer(fd));
		EXPECT_SAME(peer(PROFILE " (enforce)"), label_of_peer(acc));
		close(fd);
		close(acc);
	}
}

/* The same with the roles exchanged */
static int child_listens(const struct rules *r, int report, int end)
{
	struct both own;
	char c;

	if (confine(PROFILE ".child", r) || both_listen(&own, NULL))
		return 100;
	if (write(report, &own, sizeof(own)) != sizeof(own) ||
	    read(end, &c, 1) != 0)
		return 101;
	return 0;
}

TEST_F(lsm_apparmor, peer_is_confined)
{
	int report[2], end[2], i, fd;
	struct both own;
	pid_t pid;

	allow_families(&self->r);
	ASSERT_EQ(0, pipe(report));
	ASSERT_EQ(0, pipe(end));
	pid = fork();
	if (!pid) {
		close(end[1]);
		_exit(child_listens(&self->r, report[1], end[0]));
	}
	close(report[1]);
	ASSERT_EQ(sizeof(own), read(report[0], &own, sizeof(own)));
	for (i = 0; i < FAMILIES; i++) {
		fd = both_dial(&own, i);
		EXPECT_LE(0, fd);
		EXPECT_SAME(peer(PROFILE ".child (enforce)"), label_of_peer(fd));
		close(fd);
	}
	close(end[1]);
	EXPECT_EQ(0, wait_status(pid));
}

TEST_HARNESS_MAIN
