// SPDX-License-Identifier: GPL-2.0
/*
 * Memory is charged to the memory cgroup of the process that sends a message,
 * opens a socket or adds an address, for about as much as that takes, until it
 * is freed. A group at its limit is stopped, and processes outside do not
 * notice.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <linux/sock_diag.h>

#include "nfdbus_util.h"

#define CGROUPS		"/sys/fs/cgroup"
#define KIB		1024L
#define MIB		(1024 * KIB)

/* Memory that the kernel uses for the process itself, and inaccuracy */
#define SLACK		(128 * KIB)

/* Parts of pages add up, and may only be returned with the group. */
#define PARTS		(128 * KIB)

#define RECEIVERS	6
#define SENDER		0	/* in link[]: held by the worker */
#define FIRST		1	/* the recipient of unicasts */
#define OUTSIDE		6	/* two clients that take no part */
#define MAX_LEN		(2 * MIB)

static char *chunk;

/* The group */

/* Returns the number after a key, or the only number if key is NULL. */
static long read_file(const char *dir, const char *name, const char *key)
{
	char path[128], word[64];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (!key && fscanf(f, "%ld", &n) != 1)
		n = -1;
	while (key && fscanf(f, "%63s %ld", word, &n) == 2 && strcmp(word, key))
		n = -1;
	fclose(f);
	return n;
}

static long current_bytes(const char *dir)
{
	return read_file(dir, "memory.current", NULL);
}

/* Each processor is charged up to 256 KiB in advance. It returns that when the
 * limit of the group is lowered, other processors when they get to it.
 */
static long charged(const char *dir)
{
	long now, last = -1;
	int i, same = 0;

	for (i = 0; i < 100 && same < 3; i++) {
		write_in(dir, "memory.high", "0");
		write_in(dir, "memory.high", "max");
		usleep(20000);
		now = current_bytes(dir);
		same = now == last ? same + 1 : 0;
		last = now;
	}
	return last;
}

/* Some memory is returned after a grace period, and a little later by other
 * processors. Returns the charge that is left.
 */
static long settle(const char *dir, long below)
{
	int i;

	for (i = 0; i < 600 && charged(dir) > below; i++)
		usleep(100000);
	return current_bytes(dir);
}

/* A process in the group, which executes jobs. Its results are in shared
 * memory, because it may be killed at any time.
 */
struct shared {
	atomic_ulong	done;
};

struct worker {
	pid_t		pid;
	int		fd;
	struct shared	*shared;
};

struct job {
	int	(*fn)(struct worker *w, const struct job *job);
	int	fd;
	long	n;
	long	len;
	__u64	addr;
};

static void work(struct worker *w, const char *dir)
{
	int err = write_in(dir, "cgroup.procs", "0");
	struct job job;

	do {
		if (write(w->fd, &err, sizeof(err)) != sizeof(err))
			break;
		if (read(w->fd, &job, sizeof(job)) != sizeof(job))
			break;
		err = job.fn(w, &job);
	} while (1);
	_exit(0);
}

/* Returns the errno of the job, or -1 if the process was killed. */
static int worker_result(struct worker *w)
{
	int err;

	return read(w->fd, &err, sizeof(err)) == sizeof(err) ? err : -1;
}

static void worker_tell(struct worker *w, const struct job *job)
{
	if (write(w->fd, job, sizeof(*job)) != sizeof(*job))
		abort();
}

static int worker_do(struct worker *w, const struct job *job)
{
	worker_tell(w, job);
	return worker_result(w);
}

static int worker_start(struct worker *w, const char *dir)
{
	int pair[2];

	w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (w->shared == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return errno;
	w->pid = fork();
	if (w->pid < 0)
		return errno;
	w->fd = pair[!w->pid];
	close(pair[!!w->pid]);
	if (!w->pid)
		work(w, dir);
	return worker_result(w);
}

static void worker_end(struct worker *w)
{
	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	close(w->fd);
	munmap(w->shared, sizeof(*w->shared));
}

FIXTURE(memcg) {
	char		dir[64];
	struct tbus	b;
	struct bus_link	*l;
	int		pair[2];	/* of AF_UNIX, for comparison */
	struct worker	w;
};

static int one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return ERR(sched_setaffinity(0, sizeof(set), &set));
}

static int many_fds(void)
{
	struct rlimit rl = { 100000, 100000 };

	return ERR(setrlimit(RLIMIT_NOFILE, &rl));
}

FIXTURE_SETUP(memcg)
{
	int err = write_in(CGROUPS, "cgroup.subtree_control", "+memory");

	if (err)
		SKIP(return, "no memory cgroups: %s", strerror(err));
	snprintf(self->dir, sizeof(self->dir), CGROUPS "/af_bus.%d", getpid());
	ASSERT_EQ(0, mkdir(self->dir, 0755));
	ASSERT_EQ(0, one_cpu());
	ASSERT_EQ(0, many_fds());
	chunk = malloc(MAX_LEN);
	ASSERT_NE(NULL, chunk);
	memset(chunk, 'x', MAX_LEN);

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, 512 * MIB));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 1000000));
	ASSERT_EQ(0, tbus_clients(&self->b, RECEIVERS + 2));
	self->l = self->b.link;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, self->pair));
	ASSERT_EQ(0, sol_opt(self->pair[0], SO_SNDBUFFORCE, 512 * MIB));
	ASSERT_EQ(0, worker_start(&self->w, self->dir));
}

/* Everything is closed, so no charge may be left. */
FIXTURE_TEARDOWN(memcg)
{
	worker_end(&self->w);
	tbus_close(&self->b);
	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_GE(SLACK + PARTS, settle(self->dir, SLACK + PARTS));
	EXPECT_EQ(0, rmdir(self->dir));
	free(chunk);
}

/* Jobs run n times, or until something fails. */

static int job_send(struct worker *w, const struct job *job)
{
	struct sockaddr_bus sb;
	long i;

	bus_to(&sb, job->addr);
	for (i = 0; i < job->n; i++) {
		if (sendto(job->fd, chunk, job->len,
			   MSG_DONTWAIT | MSG_NOSIGNAL, (void *)&sb,
			   BUS_NAME_MIN) < 0)
			return errno;
		atomic_fetch_add(&w->shared->done, 1);
	}
	return 0;
}

static int job_send_unix(struct worker *w, const struct job *job)
{
	long i;

	for (i = 0; i < job->n; i++)
		if (send(job->fd, chunk, job->len, MSG_DONTWAIT) < 0)
			return errno;
	return 0;
}

/* Sends pipes that hold data and have no other descriptor. */
static int job_send_pipes(struct worker *w, const struct job *job)
{
	int pipe[2], err;
	long i;

	for (i = 0; i < job->n; i++) {
		if (pipe2(pipe, O_CLOEXEC))
			return errno;
		err = ERR(write(pipe[1], "x", 1));
		err = err ?: say_fds(job->fd, job->addr ? &job->addr : NULL,
				     "x", pipe, 1);
		close(pipe[0]);
		close(pipe[1]);
		if (err)
			return err;
		atomic_fetch_add(&w->shared->done, 1);
	}
	return 0;
}

static int job_sockets(struct worker *w, const struct job *job)
{
	long i;

	for (i = 0; i < job->n; i++)
		if (socket(job->len, SOCK_SEQPACKET, 0) < 0)
			return errno;
	return 0;
}

static int job_buses(struct worker *w, const struct job *job)
{
	struct tbus b;
	int err = 0;
	long i;

	for (i = 0; i < job->n && !err; i++)
		err = tbus_listen(&b);
	return err;
}

/* Opens both ends of links of a bus of its own. */
static int job_links(struct worker *w, const struct job *job)
{
	static struct tbus b;
	struct bus_link l;
	int err = 0;
	long i;

	if (!b.namelen)
		err = tbus_listen(&b);
	for (i = 0; i < job->n && !err; i++)
		err = tbus_client(&b, &l);
	return err;
}

/* Makes connections that are not accepted. */
static int job_connects(struct worker *w, const struct job *job)
{
	static int listener = -1;
	static struct sockaddr_bus sb;
	static socklen_t len;
	long i;

	if (listener < 0) {
		len = bus_abstract_unique(&sb);
		listener = bus_listen(&sb, len);
		if (listener < 0 || listen(listener, INT_MAX))
			return errno;
	}
	for (i = 0; i < job->n; i++) {
		int fd = bus_socket();

		if (fd < 0 ||
		    fcntl(fd, F_SETFL, O_NONBLOCK) ||
		    connect(fd, (struct sockaddr *)&sb, len))
			return errno;
	}
	return 0;
}

/* As the master, adds addresses to a client outside the group. */
static int job_addresses(struct worker *w, const struct job *job)
{
	struct bus_link l = { .acc = job->fd };
	static __u64 next = 1;
	int err = 0;
	long i;

	for (i = 0; i < job->n && !err; i++)
		err = bus_add(&l, BUS_ADDR(8, next++));
	return err;
}

static int job_groups(struct worker *w, const struct job *job)
{
	struct bus_link l = { .acc = job->fd };
	static __u16 next = 100;
	int err = 0;
	long i;

	for (i = 0; i < job->n && !err; i++)
		err = bus_add(&l, BUS_ADDR(next++, 1));
	return err;
}

static int dbus_begin(struct tbus *b, struct nfdbus_req *r)
{
	int err = dbus_open(b, 0);

	err = err ?: bus_opt(b->listener, BUS_RCVBUF, 16 * MIB);
	err = err ?: dbus_link(b);
	return err ?: nfdbus_open(r);
}

/* Returns the memory of the messages that are queued. */
static long queued(int fd)
{
	__u32 mem[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(mem);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
		return -1;
	return mem[SK_MEMINFO_RMEM_ALLOC];
}

/* Sends D-Bus signals with a long header to one recipient; counts the memory
 * that is queued.
 */
static int job_signals(struct worker *w, const struct job *job)
{
	static struct nfdbus_req r;
	static struct tbus b;
	static char path[3000];
	struct dbus_msg m = {
		.type = DBUS_SIGNAL, .path = path, .interface = "t.I",
		.member = "Sig",
	};
	int err = 0;
	long i;

	if (!b.nr) {
		memset(path, 'x', sizeof(path) - 1);
		path[0] = '/';
		err = dbus_begin(&b, &r);
		err = err ?: nfdbus_conf(&r, b.listener, NFDBUS_A_CONF_FLAGS,
					 NFDBUS_BUS_F_ALLOW_ALL);
		err = err ?: nfdbus_match(&r, b.listener,
					  NFDBUS_A_SET_MATCH_ADD,
					  b.link[0].acc, "type='signal'");
		err = err ?: dbus_link(&b);
	}
	for (i = 0; i < job->n && !err; i++)
		err = dbus_send(b.link[1].fd, &m);
	atomic_store(&w->shared->done, queued(b.link[0].fd));
	return err;
}

static int job_rules(struct worker *w, const struct job *job)
{
	static struct nfdbus_req r;
	static struct tbus b;
	static long next;
	char rule[64];
	int err = 0;
	long i;

	if (!b.nr)
		err = dbus_begin(&b, &r);
	for (i = 0; i < job->n && !err; i++) {
		snprintf(rule, sizeof(rule), "type='signal',member='M%ld'",
			 next++);
		err = nfdbus_match(&r, b.listener, NFDBUS_A_SET_MATCH_ADD,
				   b.link[0].acc, rule);
	}
	return err;
}

static int job_names(struct worker *w, const struct job *job)
{
	static struct nfdbus_req r;
	static struct tbus b;
	static long next;
	char name[64];
	int err = 0;
	long i;

	if (!b.nr)
		err = dbus_begin(&b, &r);
	for (i = 0; i < job->n && !err; i++) {
		snprintf(name, sizeof(name), "org.example.N%ld", next++);
		err = nfdbus_name(&r, b.listener, NFDBUS_A_SET_NAME_SET,
				  b.link[0].acc, name);
	}
	return err;
}

/* Returns the number of messages. */
static long drain(int fd)
{
	long n = 0;

	while (recv(fd, chunk, MAX_LEN, MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static int join_group(struct bus_link *l)
{
	int err = 0, i;

	for (i = FIRST; i < RECEIVERS && !err; i++)
		err = bus_add(&l[i], BUS_ADDR(7, i));
	return err;
}

#define FIRST_ADDR	2
#define GROUP		BUS_MULTICAST(7)

/* Linear, in page fragments, and in several skbs */
static const struct {
	long	len;
	long	n;
	bool	unix_too;
} sizes[] = {
	{ 1,		2000,	true },
	{ 3000,		400,	true },
	{ 14000,	100,	true },
	{ 200000,	10,	true },
	{ 2 * MIB,	3,	false },
};

/* Returns the charge for a job. */
static long cost(struct __test_metadata *_metadata,
		 struct _test_data_memcg *self, const struct job *job)
{
	long before = charged(self->dir);

	EXPECT_EQ(0, worker_do(&self->w, job));
	return charged(self->dir) - before;
}

static long cost_unix(struct __test_metadata *_metadata,
		      struct _test_data_memcg *self, int i)
{
	struct job job = {
		job_send_unix, self->pair[0], sizes[i].n, sizes[i].len,
	};
	long n = cost(_metadata, self, &job);

	EXPECT_EQ(sizes[i].n, drain(self->pair[1]));
	return n;
}

/* KASAN adds redzones as large as small objects. */
static bool have_kasan(void)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/kallsyms", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_report\n");
	if (f)
		fclose(f);
	return found;
}

TEST_F(memcg, messages)
{
	long n, there, by_unix, before = charged(self->dir);
	long most = have_kasan() ? 10 : 5;	/* quarters of what is queued */
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct job job = {
			job_send, self->l[SENDER].fd, sizes[i].n, sizes[i].len,
			FIRST_ADDR,
		};

		n = cost(_metadata, self, &job);
		there = queued(self->l[FIRST].fd);
		EXPECT_LE(sizes[i].n * sizes[i].len, there);
		EXPECT_LE(there - SLACK, n);
		EXPECT_GE(there * most / 4 + SLACK, n);
		EXPECT_EQ(sizes[i].n, drain(self->l[FIRST].fd));
		by_unix = 0;
		if (sizes[i].unix_too) {
			by_unix = cost_unix(_metadata, self, i);
			EXPECT_LE(by_unix - by_unix / 4 - SLACK, n);
			EXPECT_GE(by_unix + by_unix / 4 + SLACK, n);
		}
		TH_LOG("%ld of %ld bytes: %ld queued, %ld charged, AF_UNIX %ld",
		       sizes[i].n, sizes[i].len, there, n, by_unix);
		EXPECT_GE(before + SLACK, settle(self->dir, before + SLACK));
	}
}

static bool have_nfdbus(void)
{
	int fd = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_DBUS);
	struct sockaddr_bus sb;
	int err;

	err = ERR(bind(fd, (void *)&sb, bus_abstract_unique(&sb)));
	close(fd);
	return !err;
}

/* The result of parsing a message is not kept with it. */
TEST_F(memcg, signals)
{
	struct job job = { job_signals };
	long n, there;

	if (!have_nfdbus())
		SKIP(return, "no nfdbus");
	EXPECT_EQ(0, worker_do(&self->w, &job));
	job.n = 100;
	n = cost(_metadata, self, &job);
	there = atomic_load(&self->w.shared->done);
	TH_LOG("%ld signals: %ld queued, %ld charged", job.n, there, n);
	EXPECT_LE(job.n * 3000, there);
	EXPECT_LE(there - SLACK, n);
	EXPECT_GE(there * (have_kasan() ? 20 : 9) / 8 + SLACK, n);
}

/* A multicast is charged once, until its last recipient has read it. */
TEST_F(memcg, multicasts)
{
	struct job job = {
		job_send, self->l[SENDER].fd, 3, 2 * MIB, GROUP,
	};
	long before, after, n;
	int i;

	ASSERT_EQ(0, join_group(self->l));
	before = charged(self->dir);
	n = cost(_metadata, self, &job);
	EXPECT_LE(6 * MIB, n + SLACK);
	EXPECT_GE(6 * MIB + 2 * SLACK, n);
	for (i = FIRST; i < RECEIVERS - 1; i++)
		EXPECT_EQ(3, drain(self->l[i].fd));
	after = charged(self->dir);
	EXPECT_LE(before + 6 * MIB - SLACK, after);
	EXPECT_EQ(3, drain(self->l[i].fd));
	EXPECT_GE(before + SLACK, settle(self->dir, before + SLACK));
}

/* Also closes the descriptors of the messages. */
static long drain_fds(int fd)
{
	struct bus_got got;
	char text[16];
	long n = 0;

	while (bus_recv(fd, &got, text, sizeof(text), MSG_DONTWAIT) > 0) {
		n += got.nr_fds;
		bus_got_close(&got);
	}
	return n;
}

/* Files that are sent and closed exist only in flight. */
TEST_F(memcg, descriptors)
{
	long before = charged(self->dir), n, by_unix;
	struct job job = {
		job_send_pipes, self->l[SENDER].fd, 200, 0, FIRST_ADDR,
	};

	n = cost(_metadata, self, &job);
	EXPECT_EQ(job.n, drain_fds(self->l[FIRST].fd));
	EXPECT_GE(before + SLACK, settle(self->dir, before + SLACK));
	job.fd = self->pair[0];
	job.addr = 0;
	by_unix = cost(_metadata, self, &job);
	EXPECT_EQ(job.n, drain_fds(self->pair[1]));
	TH_LOG("%ld charged, AF_UNIX %ld", n, by_unix);
	EXPECT_LE(job.n * sysconf(_SC_PAGESIZE), n + SLACK);
	EXPECT_LE(by_unix - by_unix / 4 - SLACK, n);
	EXPECT_GE(by_unix + by_unix / 4 + SLACK, n);
}

/* Charges of other objects: the second batch costs as much as the first, and no
 * less than the minimum per object. Returns the charge of the first batch.
 */
static long linear(struct __test_metadata *_metadata,
		   struct _test_data_memcg *self, const char *what,
		   const struct job *job, long least)
{
	long first, second;

	first = cost(_metadata, self, job);
	second = cost(_metadata, self, job);
	TH_LOG("%ld %s: %ld charged, for as many more %ld", job->n, what, first,
	       second);
	EXPECT_LE(job->n * least, first + SLACK);
	EXPECT_LE(job->n * least, second + SLACK);
	EXPECT_GE(first + first / 2 + SLACK, second);
	return first;
}

TEST_F(memcg, sockets)
{
	struct job job = { job_sockets, -1, 500, AF_UNIX };
	long n, by_unix;

	by_unix = linear(_metadata, self, "sockets of AF_UNIX", &job, 0);
	job.len = AF_BUS;
	n = linear(_metadata, self, "sockets", &job, 2 * KIB);
	EXPECT_LE(by_unix, n + SLACK);
}

TEST_F(memcg, buses)
{
	struct job job = { job_buses, -1, 200 };

	linear(_metadata, self, "buses", &job, 3 * KIB);
}

TEST_F(memcg, links)
{
	struct job job = { job_links, -1, 100 };

	linear(_metadata, self, "clients that joined", &job, 5 * KIB);
}

/* The master does not pay for ends that it has yet to accept. */
TEST_F(memcg, backlog)
{
	struct job job = { job_connects, -1, 200 };

	linear(_metadata, self, "clients that wait", &job, 4 * KIB);
}

/* The master pays for addresses of clients outside. */
TEST_F(memcg, addresses)
{
	struct job job = { job_addresses, self->l[FIRST].acc, 4000 };

	linear(_metadata, self, "addresses", &job, 64);
}

TEST_F(memcg, groups)
{
	struct job job = { job_groups, self->l[FIRST].acc, 2000 };

	linear(_metadata, self, "groups", &job, 192);
}

TEST_F(memcg, rules)
{
	struct job job = { job_rules, -1, 1000 };

	if (!have_nfdbus())
		SKIP(return, "no nfdbus");
	linear(_metadata, self, "rules", &job, 512);
}

TEST_F(memcg, names)
{
	struct job job = { job_names, -1, 2000 };

	if (!have_nfdbus())
		SKIP(return, "no nfdbus");
	linear(_metadata, self, "names", &job, 192);
}

/* A group at its limit: the OOM killer picks a process in it, or a call fails.
 */

#define MAX		(8 * MIB)
#define MAX_TEXT	"8388608"

/* Two clients outside keep talking, to each other and to the flooded client. */
static void outside_talks(struct __test_metadata *_metadata,
			  const struct bus_link *l)
{
	EXPECT_EQ(0, say_to(l[OUTSIDE].fd, OUTSIDE + 2, "a"));
	EXPECT_STREQ("7:a", take(l[OUTSIDE + 1].fd));
	EXPECT_EQ(0, say_to(l[OUTSIDE + 1].fd, 0, "b"));
	EXPECT_STREQ("8:b", take(l[OUTSIDE + 1].acc));
	EXPECT_EQ(0, say_to(l[FIRST].fd, OUTSIDE + 1, "c"));
	EXPECT_STREQ("2:c", take(l[OUTSIDE].fd));
}

static bool answers(const struct worker *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	return poll(&p, 1, 20);
}

/* Runs a job until it is stopped. Returns how often it succeeded. */
static long stopped(struct __test_metadata *_metadata,
		    struct _test_data_memcg *self, const struct job *job)
{
	long times = 0, killed, most = 0, now;
	int err;

	ASSERT_EQ(0, write_in(self->dir, "memory.max", MAX_TEXT)) {
		return 0;
	}
	worker_tell(&self->w, job);
	do {
		outside_talks(_metadata, self->l);
		now = current_bytes(self->dir);
		most = now > most ? now : most;
		times++;
	} while (!answers(&self->w));
	err = worker_result(&self->w);
	killed = read_file(self->dir, "memory.events", "oom_kill");
	TH_LOG("error %d, killed %ld, %lu done, %ld charged, talked %ld times",
	       err, killed, atomic_load(&self->w.shared->done), most, times);
	EXPECT_TRUE(err == -1 || err == ENOMEM || err == ENOBUFS);
	if (err == -1)
		EXPECT_LE(1, killed);
	EXPECT_GE(MAX, most);
	outside_talks(_metadata, self->l);
	return atomic_load(&self->w.shared->done);
}

/* All messages that were sent are there, and no others; the sender may have
 * been killed before it counted the last. They stay charged until they are
 * read, even if the sender is dead.
 */
static void all_there(struct __test_metadata *_metadata,
		      struct _test_data_memcg *self, int fd, long sent)
{
	long held = queued(fd), got;

	EXPECT_LE(held - SLACK, charged(self->dir));
	got = drain(fd);
	EXPECT_LT(0, sent);
	EXPECT_LE(sent, got);
	EXPECT_GE(sent + 1, got);
}

TEST_F(memcg, stopped_small)
{
	struct job job = {
		job_send, self->l[SENDER].fd, LONG_MAX, 1, FIRST_ADDR,
	};
	long n = stopped(_metadata, self, &job);

	all_there(_metadata, self, self->l[FIRST].fd, n);
}

TEST_F(memcg, stopped_large)
{
	struct job job = {
		job_send, self->l[SENDER].fd, LONG_MAX, MIB, FIRST_ADDR,
	};
	long n = stopped(_metadata, self, &job);

	all_there(_metadata, self, self->l[FIRST].fd, n);
}

TEST_F(memcg, stopped_hand_overs)
{
	struct job job = {
		job_send, self->l[SENDER].fd, LONG_MAX, 3000, 0,
	};
	long n = stopped(_metadata, self, &job);

	all_there(_metadata, self, self->l[SENDER].acc, n);
}

/* Every recipient has the same messages. */
TEST_F(memcg, stopped_multicasts)
{
	struct job job = {
		job_send, self->l[SENDER].fd, LONG_MAX, 3000, GROUP,
	};
	long n, rest;
	int i;

	ASSERT_EQ(0, join_group(self->l));
	n = stopped(_metadata, self, &job);
	rest = drain(self->l[FIRST + 1].fd);
	for (i = FIRST + 2; i < RECEIVERS; i++)
		EXPECT_EQ(rest, drain(self->l[i].fd));
	EXPECT_LE(n, rest);
	EXPECT_GE(n + 1, rest);
	all_there(_metadata, self, self->l[FIRST].fd, n);
}

TEST_F(memcg, stopped_descriptors)
{
	struct job job = {
		job_send_pipes, self->l[SENDER].fd, LONG_MAX, 0, FIRST_ADDR,
	};
	long n = stopped(_metadata, self, &job), got;

	got = drain_fds(self->l[FIRST].fd);
	EXPECT_LT(0, n);
	EXPECT_LE(n, got);
	EXPECT_GE(n + 1, got);
}

TEST_F(memcg, stopped_sockets)
{
	struct job job = { job_sockets, -1, LONG_MAX, AF_BUS };

	stopped(_metadata, self, &job);
}

TEST_F(memcg, stopped_buses)
{
	struct job job = { job_buses, -1, LONG_MAX };

	stopped(_metadata, self, &job);
}

TEST_F(memcg, stopped_links)
{
	struct job job = { job_links, -1, LONG_MAX };

	stopped(_metadata, self, &job);
}

TEST_F(memcg, stopped_backlog)
{
	struct job job = { job_connects, -1, LONG_MAX };

	stopped(_metadata, self, &job);
}

TEST_HARNESS_MAIN
