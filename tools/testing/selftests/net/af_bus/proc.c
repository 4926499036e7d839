// SPDX-License-Identifier: GPL-2.0
/* /proc/net/bus. */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "bus_util.h"

#define MAX_ROWS	2000
#define NOBODY		65534

struct row {
	__u64		bus;
	char		role[16];
	char		state[16];
	__u64		addr;
	unsigned int	msgs;
	unsigned int	bytes;
	unsigned int	drops;
	unsigned int	uid;
	__u64		ino;
	__u64		peer;
	char		path[512];
};

static struct row rows[MAX_ROWS];
static int nr_rows;

/* The state begins with "?" if the line cannot be parsed. */
static struct row parse(const char *line)
{
	struct row r = {};
	unsigned int prefix;
	__u64 client;

	if (sscanf(line, "%llu %15s %15s %4x/%12llx %u %u %u %u %llu %llu %511s",
		   &r.bus, r.role, r.state, &prefix, &client, &r.msgs,
		   &r.bytes, &r.drops, &r.uid, &r.ino, &r.peer, r.path) < 11)
		r.state[0] = '?';
	r.addr = BUS_ADDR(prefix, client);
	return r;
}

/* Reads the file in parts of this size, and calls fn() between them. */
static int read_rows(size_t part, void (*fn)(void *arg), void *arg)
{
	static char text[MAX_ROWS * 256];
	char *line, *end;
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = open("/proc/net/bus", O_RDONLY);
	if (fd < 0)
		return errno;
	while ((n = read(fd, text + len, part)) > 0) {
		len += n;
		if (fn)
			fn(arg);
		if (len + part >= sizeof(text))
			break;
	}
	close(fd);
	text[len] = 0;

	nr_rows = 0;
	line = strchr(text, '\n');
	while (line && line[1] && nr_rows < MAX_ROWS) {
		line++;
		end = strchr(line, '\n');
		if (!end)
			break;
		*end = 0;
		rows[nr_rows++] = parse(line);
		line = end;
		*end = '\n';
	}
	return n < 0 ? errno : 0;
}

static int count_ino(__u64 ino)
{
	int i, n = 0;

	for (i = 0; i < nr_rows; i++)
		n += rows[i].ino == ino;
	return n;
}

/* Returns the row of a socket; zeros if it is not shown exactly once. */
static struct row show(int fd)
{
	struct row none = {};
	int i;

	if (read_rows(4096, NULL, NULL) || count_ino(inode_of(fd)) != 1)
		return none;
	for (i = 0; rows[i].ino != inode_of(fd); i++)
		;
	return rows[i];
}

FIXTURE(proc) {
	struct tbus	b;
	struct bus_link	*l;
	__u64		bus;
};

FIXTURE_SETUP(proc)
{
	ASSERT_EQ(0, tbus_open(&self->b, 2));
	self->l = self->b.link;
	self->bus = bus_get_info(self->b.listener).cookie;
}

FIXTURE_TEARDOWN(proc)
{
	tbus_close(&self->b);
}

TEST_F(proc, header)
{
	static const char *const names[] = {
		"Bus", "Role", "State", "Address", "Msgs", "Bytes", "Drops",
		"UID", "Inode", "Peer", "Path", NULL
	};
	char line[512], *word;
	FILE *f;
	int i;

	f = fopen("/proc/net/bus", "r");
	ASSERT_NE(NULL, f);
	ASSERT_NE(NULL, fgets(line, sizeof(line), f));
	word = strtok(line, "\n ");
	for (i = 0; names[i] && word; i++, word = strtok(NULL, "\n "))
		EXPECT_STREQ(names[i], word);
	EXPECT_EQ(11, i);
	EXPECT_EQ(NULL, word);
	fclose(f);
}

TEST_F(proc, new)
{
	int fd = bus_socket();
	struct row r = show(fd);

	EXPECT_STREQ("-", r.role);
	EXPECT_STREQ("NEW", r.state);
	EXPECT_EQ(inode_of(fd), r.ino);
	EXPECT_EQ(0, r.bus);
	EXPECT_EQ(0, r.addr);
	EXPECT_EQ(0, r.peer);
	EXPECT_EQ(geteuid(), r.uid);
	EXPECT_STREQ("", r.path);
	close(fd);
	ASSERT_EQ(0, read_rows(4096, NULL, NULL));
	EXPECT_EQ(0, count_ino(r.ino));
}

TEST_F(proc, listener)
{
	int fd = bus_socket(), other = bus_socket();
	struct sockaddr_bus sb;
	socklen_t len = bus_abstract(&sb, "af_bus.proc");
	struct row r;

	ASSERT_EQ(0, ERR(bind(fd, (struct sockaddr *)&sb, len)));
	r = show(fd);
	EXPECT_STREQ("listener", r.role);
	EXPECT_STREQ("BOUND", r.state);
	EXPECT_STREQ("@af_bus.proc", r.path);
	EXPECT_EQ(bus_get_info(fd).cookie, r.bus);
	EXPECT_NE(self->bus, r.bus);
	ASSERT_EQ(0, ERR(listen(fd, 5)));
	EXPECT_STREQ("LISTEN", show(fd).state);
	EXPECT_EQ(0, show(fd).msgs);
	ASSERT_EQ(0, ERR(connect(other, (struct sockaddr *)&sb, len)));
	EXPECT_EQ(1, show(fd).msgs);
	close(other);
	close(fd);
}

/* The accepted socket exists before accept(), but has no inode yet. */
TEST_F(proc, not_accepted)
{
	int fd = bus_socket(), acc, i, n = 0;

	ASSERT_EQ(0, ERR(connect(fd, (struct sockaddr *)&self->b.name,
				 self->b.namelen)));
	EXPECT_STREQ("CONNECTED", show(fd).state);
	EXPECT_EQ(0, show(fd).peer);
	for (i = 0; i < nr_rows; i++) {
		if (rows[i].bus != self->bus || rows[i].addr != 3 ||
		    strcmp(rows[i].role, "accepted"))
			continue;
		n++;
		EXPECT_EQ(0, rows[i].ino);
		EXPECT_EQ(inode_of(fd), rows[i].peer);
	}
	EXPECT_EQ(1, n);
	acc = accept(self->b.listener, NULL, NULL);
	ASSERT_LE(0, acc);
	EXPECT_EQ(inode_of(acc), show(fd).peer);
	EXPECT_EQ(inode_of(fd), show(acc).peer);
	close(acc);
	close(fd);
}

TEST_F(proc, link)
{
	struct row client = show(self->l[1].fd), acc = show(self->l[1].acc);

	EXPECT_STREQ("client", client.role);
	EXPECT_STREQ("accepted", acc.role);
	EXPECT_STREQ("JOINED", client.state);
	EXPECT_STREQ("JOINED", acc.state);
	EXPECT_EQ(self->bus, client.bus);
	EXPECT_EQ(self->bus, acc.bus);
	EXPECT_EQ(2, client.addr);
	EXPECT_EQ(2, acc.addr);
	EXPECT_EQ(acc.ino, client.peer);
	EXPECT_EQ(client.ino, acc.peer);
	EXPECT_EQ('@', client.path[0]);
	EXPECT_STREQ(self->b.name.sbus_path + 1, client.path + 1);
	EXPECT_STREQ(client.path, acc.path);
}

TEST_F(proc, leaving)
{
	ASSERT_EQ(0, tbus_link(&self->b, &self->l[2]));
	self->b.nr++;
	EXPECT_STREQ("CONNECTED", show(self->l[2].fd).state);
	ASSERT_EQ(0, tbus_join(&self->l[2]));
	EXPECT_STREQ("JOINED", show(self->l[2].acc).state);
	ASSERT_EQ(0, ERR(shutdown(self->l[2].acc, SHUT_RDWR)));
	EXPECT_STREQ("CLOSED", show(self->l[2].fd).state);
	EXPECT_STREQ("CLOSED", show(self->l[2].acc).state);
	EXPECT_STREQ("JOINED", show(self->l[1].fd).state);
	close(self->l[2].fd);
	self->l[2].fd = -1;
	EXPECT_STREQ("CLOSED", show(self->l[2].acc).state);
	EXPECT_EQ(0, show(self->l[2].acc).peer);
}

TEST_F(proc, queue)
{
	unsigned int bytes;
	int i;

	EXPECT_EQ(0, show(self->l[1].fd).msgs);
	EXPECT_EQ(0, show(self->l[1].fd).bytes);
	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
		EXPECT_EQ(i, show(self->l[1].fd).msgs);
	}
	bytes = show(self->l[1].fd).bytes;
	EXPECT_LT(0, bytes);
	EXPECT_EQ(0, show(self->l[0].fd).bytes);
	EXPECT_STREQ("1:x", take(self->l[1].fd));
	EXPECT_EQ(2, show(self->l[1].fd).msgs);
	EXPECT_EQ(bytes / 3 * 2, show(self->l[1].fd).bytes);
	EXPECT_EQ(0, say(self->l[0].fd, "y"));
	EXPECT_EQ(1, show(self->l[0].acc).msgs);
	take(self->l[1].fd);
	take(self->l[1].fd);
	EXPECT_EQ(0, show(self->l[1].fd).bytes);
}

TEST_F(proc, drops)
{
	int i;

	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 2));
	ASSERT_EQ(0, tbus_clients(&self->b, 2));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->l[3], BUS_ADDR(4, 2)));
	for (i = 0; i < 7; i++) {
		EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(4), "x"));
		take(self->l[3].fd);
	}
	EXPECT_EQ(2, show(self->l[2].fd).msgs);
	EXPECT_EQ(5, show(self->l[2].fd).drops);
	EXPECT_EQ(0, show(self->l[2].acc).drops);
	EXPECT_EQ(0, show(self->l[3].fd).drops);
}

/* An odd path is one word, from which the path can be recovered. */
TEST_F(proc, odd_paths)
{
	struct sockaddr_bus sb;
	struct tmp_dir tmp;
	socklen_t len;
	int fd;

	ASSERT_EQ(0, tmp_enter(&tmp));
	len = bus_path(&sb, "a b\tc\nd\\e");
	fd = bus_listen(&sb, len);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("a\\040b\\011c\\012d\\134e", show(fd).path);
	close(fd);
	unlink(sb.sbus_path);
	tmp_leave(&tmp);

	len = bus_abstract(&sb, "a?b");
	sb.sbus_path[2] = 0;
	fd = bus_listen(&sb, len);
	ASSERT_LE(0, fd);
	EXPECT_STREQ("@a\\000b", show(fd).path);
	close(fd);
}

TEST_F(proc, longest_path)
{
	char path[BUS_PATH_MAX + 1];
	struct sockaddr_bus sb;
	int fd;

	memset(path, 'p', BUS_PATH_MAX);
	path[BUS_PATH_MAX] = 0;
	bus_abstract(&sb, path + 1);
	fd = bus_listen(&sb, BUS_NAME_MIN + BUS_PATH_MAX);
	ASSERT_LE(0, fd);
	path[0] = '@';
	EXPECT_STREQ(path, show(fd).path);
	close(fd);
}

/* All users see all sockets, and their owners. */
TEST_F(proc, other_user)
{
	__u64 ino = inode_of(self->l[1].fd);
	int fd, before;

	ASSERT_EQ(0, geteuid());
	ASSERT_EQ(0, read_rows(4096, NULL, NULL));
	before = nr_rows;
	ASSERT_EQ(0, ERR(setresuid(NOBODY, NOBODY, NOBODY)));
	ASSERT_EQ(0, read_rows(4096, NULL, NULL));
	EXPECT_EQ(before, nr_rows);
	EXPECT_EQ(1, count_ino(ino));
	EXPECT_EQ(0, show(self->l[1].fd).uid);
	fd = bus_socket();
	EXPECT_EQ(NOBODY, show(fd).uid);
	close(fd);
}

/* Sockets in another network namespace are not shown. */
TEST_F(proc, namespaces)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY);
	__u64 ino = inode_of(self->l[1].fd);
	int fd;

	ASSERT_EQ(0, ERR(unshare(CLONE_NEWNET)));
	ASSERT_EQ(0, read_rows(4096, NULL, NULL));
	EXPECT_EQ(0, nr_rows);
	fd = bus_socket();
	ASSERT_EQ(0, read_rows(4096, NULL, NULL));
	EXPECT_EQ(1, nr_rows);
	EXPECT_STREQ("NEW", show(fd).state);
	ASSERT_EQ(0, ERR(setns(here, CLONE_NEWNET)));
	ASSERT_EQ(0, read_rows(4096, NULL, NULL));
	EXPECT_EQ(1, count_ino(ino));
	EXPECT_EQ(0, count_ino(inode_of(fd)));
	close(fd);
	close(here);
}

/* A link between two namespaces has one end in each. */
TEST_F(proc, between_namespaces)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY);
	struct tmp_dir tmp;
	struct tbus b = {};

	ASSERT_EQ(0, tmp_enter(&tmp));
	b.namelen = bus_path(&b.name, "bus");
	b.listener = bus_listen(&b.name, b.namelen);
	ASSERT_LE(0, b.listener);
	ASSERT_EQ(0, ERR(unshare(CLONE_NEWNET)));
	ASSERT_EQ(0, tbus_clients(&b, 1));
	EXPECT_STREQ("JOINED", show(b.link[0].fd).state);
	EXPECT_EQ(1, nr_rows);
	EXPECT_EQ(inode_of(b.link[0].acc), rows[0].peer);
	ASSERT_EQ(0, ERR(setns(here, CLONE_NEWNET)));
	EXPECT_STREQ("JOINED", show(b.link[0].acc).state);
	EXPECT_EQ(inode_of(b.link[0].fd), show(b.link[0].acc).peer);
	EXPECT_EQ(0, count_ino(inode_of(b.link[0].fd)));
	tbus_close(&b);
	unlink("bus");
	tmp_leave(&tmp);
	close(here);
}

#define NR_STAY	120

static void let_one_go(void *arg)
{
	bus_crowd_go(arg, 1);
}

/* Sockets that close have already been shown, so no other socket may be missed.
 */
TEST_F(proc, some_go)
{
	struct bus_crowd c;
	int i;

	bus_crowd_open(&c, NR_STAY);
	ASSERT_EQ(0, read_rows(200, let_one_go, &c));
	for (i = 0; i < NR_STAY; i++)
		EXPECT_EQ(1, count_ino(c.ino[i]));
	EXPECT_LT(50, c.gone);
	bus_crowd_close(&c);
}

static atomic_bool stop;

static void *come_and_go(void *arg)
{
	struct rnd *rnd = arg;
	int fd[32], i;

	for (i = 0; i < 32; i++)
		fd[i] = bus_socket();
	while (!atomic_load(&stop)) {
		i = rnd_below(rnd, 32);
		close(fd[i]);
		fd[i] = bus_socket();
	}
	for (i = 0; i < 32; i++)
		close(fd[i]);
	return NULL;
}

TEST_F(proc, many_come_and_go)
{
	struct rnd rnd = { rnd_seed() };
	pthread_t thread;
	struct bus_crowd c;
	int i, turn;

	TH_LOG("AF_BUS_SEED=%#llx", rnd.s);
	bus_crowd_open(&c, NR_STAY);
	atomic_store(&stop, false);
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &rnd));
	for (turn = 0; turn < 20 * bus_long(20); turn++) {
		ASSERT_EQ(0, read_rows(100 + 50 * turn % 4000, NULL, NULL));
		for (i = 0; i < NR_STAY; i++)
			ASSERT_EQ(1, count_ino(c.ino[i]));
		for (i = 0; i < nr_rows; i++)
			ASSERT_NE('?', rows[i].state[0]);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	bus_crowd_close(&c);
}

TEST_HARNESS_MAIN
