// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls, whose results must be documented.
 *
 *	fuzz [--seconds N] [--as root|user] [--seed N [--round N]] [--calls N]
 *	     [--hang SECONDS] [--verbose] [--replay FILE]
 *
 * It runs rounds of calls over a pool of sockets, some of them in several
 * threads, as root and as another user. Each round is a process; all rounds
 * share a network namespace. A round fails if
 *
 *   - a call returns an error that Documentation/networking/af_bus.rst does not
 *     document, or receives something that was not sent,
 *   - a contest has a wrong result: threads that race on a bus of their own,
 *     see fuzz_contest.c,
 *   - it does not end (60 s, or --hang),
 *   - it leaves sockets, or something in flight of its user,
 *   - the kernel reports an error.
 *
 * The list of calls is then made as short as possible and printed; --replay
 * executes what was printed. If the kernel crashes, the last line with "fuzz:"
 * in its log has the seed and the round, for --seed and --round.
 *
 * Without --seconds it runs for AF_BUS_FUZZ seconds, from the environment, or
 * 10.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>

#include "kselftest.h"
#include "fuzz.h"

/* Users: root disguised, another user, and one for each round that is repeated
 */
#define ROOT_UID	60001
#define USER_UID	60002
#define AGAIN_UID	60003
#define SHRINK_SECONDS	200	/* limit for making a list shorter */

enum outcome {
	FINE,
	BAD_RESULT,
	HANGS,
	DIED,
	LEFTOVER,
	REPORT,
};

struct result {
	enum outcome	outcome;
	int		op;
	int		err;
	char		text[512];
};

static struct fuzz_shared *shared;
static struct result *again;		/* of a process that repeated it */
static struct {
	unsigned int	seconds;
	unsigned int	hang;
	unsigned int	calls;
	__u64		seed;
	long		round;
	const char	*only;
	const char	*replay;
	bool		verbose;
} opt = { .seconds = 10, .hang = 60, .calls = 100, .round = -1 };

/* State of the process that starts rounds */
static bool as_root;
static uid_t uid;
static unsigned int left_seconds = 60;	/* until what was closed is freed */
static bool isolated;
static int kmsg = -1;
static int limit = -1;		/* net.bus.max_user_bytes */

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* The kernel's log */

static const char *const reports[] = {
	"WARNING:", "BUG:", "Oops", "general protection fault", "KASAN:",
	"UBSAN:", "refcount_t:", "ref_tracker:", "ODEBUG:",
	"list_add corruption", "list_del corruption", "possible circular",
	"possible recursive", "inconsistent lock", "bad unlock balance",
	"held lock freed", "suspicious RCU", "sleeping function called",
	"scheduling while atomic", "blocked for more than", "soft lockup",
	"rcu: INFO:", "unregister_netdevice:", "cut here",
};

static bool is_report(const char *line)
{
	unsigned int i;

	/* Any kernel has data races of its own. A person has to look where they
	 * are, and shortening the calls does not help.
	 */
	if (strstr(line, "BUG: KCSAN:"))
		return false;
	for (i = 0; i < ARRAY_SIZE(reports); i++)
		if (strstr(line, reports[i]))
			return true;
	return false;
}

static void kmsg_open(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg >= 0)
		lseek(kmsg, 0, SEEK_END);
}

/* Reads new lines; returns whether there is a report, and its first line. */
static bool kmsg_report(char *text, size_t size)
{
	char line[2048], *message;
	bool found = false;
	ssize_t n;

	if (kmsg < 0)
		return false;
	for (;;) {
		n = read(kmsg, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;	/* overwritten meanwhile */
		if (n <= 0)
			return found;
		line[n] = 0;
		message = strchr(line, ';');
		if (found || !message || !is_report(message))
			continue;
		found = true;
		snprintf(text, size, "%.*s", (int)strcspn(message + 1, "\n"),
			 message + 1);
	}
}

static void kmsg_mark(long round)
{
	char text[128];

	snprintf(text, sizeof(text), "fuzz: --as %s --seed %#llx --round %ld\n",
		 as_root ? "root" : "user", (unsigned long long)opt.seed,
		 round);
	if (kmsg >= 0 && !write_text("/dev/kmsg", text))
		kmsg = -1;
}

/* Leftovers of a round */

/* Returns the sockets of both families in this namespace, -1 if unknown. */
static int count_sockets(void)
{
	char line[256], name[32];
	int n, sum = -1;
	FILE *f;

	f = fopen("/proc/self/net/protocols", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %*d %d", name, &n) != 2)
			continue;
		if (!strcmp(name, "BUS") || !strcmp(name, "UNIX") ||
		    !strcmp(name, "UNIX-STREAM"))
			sum = (sum < 0 ? 0 : sum) + n;
	}
	if (f)
		fclose(f);
	return sum;
}

static int count_lines(const char *path)
{
	int n = 0, c;
	FILE *f;

	f = fopen(path, "re");
	while (f && (c = fgetc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void become_user(bool keep)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = {};

	if (getuid())
		return;
	if (keep) {
		if (setreuid(uid, 0))
			abort();
		return;
	}
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) ||
	    syscall(SYS_capset, &head, none))
		abort();
	prctl(PR_SET_DUMPABLE, 1);
}

/* More than what is free in a queue */
#define BIG	20000

/* The user has nothing in flight if exactly one message with a descriptor fits.
 * Returns 0 or an errno.
 */
static int probe_user(void)
{
	const struct rlimit none = { 0, 0 };
	static char text[BIG + 1];
	struct bus_link *l;
	struct tbus b;
	int err;

	become_user(false);
	if (tbus_open(&b, 1) || setrlimit(RLIMIT_NOFILE, &none))
		return 1;
	l = &b.link[0];
	memset(text, 'x', BIG);
	err = say_fds(l->fd, NULL, text, &b.listener, 1);
	tbus_close(&b);
	return err;
}

static int set_limit(const char *bytes)
{
	return ERR(pwrite(limit, bytes, strlen(bytes), 0));
}

/* A user with nothing in flight can always send one message. */
static int probe(void)
{
	pid_t pid;
	int err;

	err = set_limit("0");
	if (err)
		return err;
	pid = fork();
	if (!pid)
		_exit(probe_user());
	err = wait_status(pid);
	set_limit("536870912");
	return err;
}

static bool left_now(char *text, size_t size)
{
	int sockets = count_sockets(), lines, err;

	if (sockets > 0) {
		snprintf(text, size, "%d sockets are left", sockets);
		return true;
	}
	lines = count_lines("/proc/self/net/bus");
	if (lines != 1) {
		snprintf(text, size, "/proc/net/bus has %d lines", lines);
		return true;
	}
	err = limit >= 0 ? probe() : 0;
	if (err)
		snprintf(text, size, "the user has something in flight: %s",
			 strerrorname_np(err) ?: "?");
	return err;
}

/* Memory is freed later, by RCU and by the collector. The collector runs when a
 * socket is released; the last close of a socket in flight does not release it.
 */
static bool left(char *text, size_t size)
{
	time_t end = now() + left_seconds;
	unsigned int tries;

	if (!isolated)
		return false;
	for (tries = 0; left_now(text, size); tries++) {
		if (now() > end)
			return true;
		if (tries % 100 == 10)
			close(socket(AF_UNIX, SOCK_DGRAM, 0));
		usleep(2000);
	}
	return false;
}

/* One round */

static pid_t round_start(const struct fuzz_prog *prog)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	become_user(as_root);
	_exit(fuzz_run(prog));
}

/* Returns the status of waitpid(), -1 if the round does not end. */
static int round_wait(pid_t pid, unsigned int seconds)
{
	time_t end = now() + seconds;
	int status, fd;

	fd = syscall(SYS_pidfd_open, pid, 0);
	while (!waitpid(pid, &status, WNOHANG)) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		if (now() > end) {
			status = -1;
			break;
		}
		poll(&pfd, 1, 1000);
	}
	close(fd);
	return status;
}

static void quote_stacks(pid_t pid)
{
	char command[128];

	printf("# its stacks:\n");
	fflush(stdout);
	snprintf(command, sizeof(command),
		 "sed 's/^/#   /' /proc/%d/task/*/stack 2>/dev/null", pid);
	if (system(command))
		printf("#   cannot be read\n");
}

static void round_hangs(struct result *r, const struct fuzz_prog *prog,
			pid_t pid)
{
	unsigned int i, at;

	r->outcome = HANGS;
	for (i = 0; i < FUZZ_THREADS; i++) {
		at = atomic_load(&shared->at[i]);
		if (at < prog->nr && prog->call[at].thread == i)
			r->op = prog->call[at].op;
	}
	snprintf(r->text, sizeof(r->text), "does not end, maybe in %s",
		 fuzz_op_name(r->op));
	quote_stacks(pid);
	kill(-pid, SIGKILL);
	if (round_wait(pid, opt.hang) == -1) {
		printf("# all calls, for --replay:\n");
		fuzz_print(prog);
		ksft_exit_fail_msg("%s, and cannot be killed; %s\n", r->text,
				   "the kernel's log has seed and round");
	}
}

static void clean_directory(void)
{
	static const char *const names[] = { "p0", "u0" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		unlink(names[i]);
}

static struct result run_once(const struct fuzz_prog *prog, unsigned int hang)
{
	struct result r = { FINE };
	int status;
	pid_t pid;

	atomic_store(&shared->failed, 0);
	pid = round_start(prog);
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	status = round_wait(pid, hang);
	if (status == -1)
		round_hangs(&r, prog, pid);
	kill(-pid, SIGKILL);	/* its children */
	clean_directory();
	if (atomic_load(&shared->failed) == 2) {
		r.outcome = BAD_RESULT;
		r.op = shared->op;
		r.err = shared->err;
		snprintf(r.text, sizeof(r.text), "%s: %s",
			 fuzz_op_name(shared->op), shared->what);
	} else if (r.outcome == FINE && status) {
		r.outcome = DIED;
		snprintf(r.text, sizeof(r.text), "ended with status 0x%x",
			 status);
	}
	if (r.outcome == FINE && left(r.text, sizeof(r.text)))
		r.outcome = LEFTOVER;
	if (kmsg_report(r.text, sizeof(r.text)))
		r.outcome = REPORT;
	return r;
}

/* Shrinking */

struct shrink {
	struct result	want;
	unsigned int	tries;
	unsigned int	hang;
	time_t		end;
};

static bool same_failure(const struct result *a, const struct result *b)
{
	if (a->outcome != b->outcome)
		return false;
	return a->outcome != BAD_RESULT || (a->op == b->op && a->err == b->err);
}

/* Repeats a round in its own namespace and as its own user, so that leftovers
 * of earlier rounds do not count, and reports that the kernel makes once are
 * made again.
 */
static void run_again(const struct shrink *s, const struct fuzz_prog *prog)
{
	static uid_t next = AGAIN_UID;
	pid_t pid;

	write_text("/sys/kernel/debug/clear_warn_once", "1");
	memset(again, 0, sizeof(*again));
	next++;
	pid = fork();
	if (!pid) {
		uid = next;
		left_seconds = 10;
		isolated = isolated && !unshare(CLONE_NEWNET);
		*again = run_once(prog, s->hang);
		_exit(0);
	}
	wait_status(pid);
}

static bool fails_still(const struct shrink *s, const struct fuzz_prog *prog)
{
	unsigned int i;

	for (i = 0; i < s->tries && now() < s->end; i++) {
		run_again(s, prog);
		if (same_failure(again, &s->want))
			return true;
	}
	return false;
}

static bool try_instead(const struct shrink *s, struct fuzz_prog *prog,
			const struct fuzz_prog *other)
{
	if (!fails_still(s, other))
		return false;
	*prog = *other;
	return true;
}

static void without(struct fuzz_prog *to, const struct fuzz_prog *from,
		    unsigned int at, unsigned int nr)
{
	unsigned int i;

	to->nr = 0;
	for (i = 0; i < from->nr; i++)
		if (i < at || i >= at + nr)
			to->call[to->nr++] = from->call[i];
}

static void shrink_calls(const struct shrink *s, struct fuzz_prog *prog)
{
	struct fuzz_prog other;
	unsigned int size, at;

	for (size = prog->nr / 2; size; size /= 2) {
		for (at = 0; at < prog->nr;) {
			without(&other, prog, at, size);
			if (!other.nr || !try_instead(s, prog, &other))
				at += size;
		}
	}
}

static void shrink_args(const struct shrink *s, struct fuzz_prog *prog)
{
	struct fuzz_prog other;
	unsigned int i, k;

	for (i = 0; i < prog->nr; i++) {
		other = *prog;
		other.call[i].thread = 0;
		if (prog->call[i].thread)
			try_instead(s, prog, &other);
		for (k = 0; k < FUZZ_ARGS; k++) {
			other = *prog;
			other.call[i].arg[k] = 0;
			if (prog->call[i].arg[k])
				try_instead(s, prog, &other);
		}
	}
}

/* A list of calls that race may fail only sometimes. */
static void shrink(const struct result *want, struct fuzz_prog *prog)
{
	struct shrink s = {
		.want = *want,
		.tries = 1,
		.hang = opt.hang,
		.end = now() + SHRINK_SECONDS,
	};
	unsigned int i, hits = 0;

	for (i = 0; i < 5; i++)
		hits += fails_still(&s, prog);
	printf("# repeated, it fails %u times of 5\n", hits);
	if (hits) {
		s.tries = hits == 5 ? 1 : 10;
		shrink_calls(&s, prog);
		shrink_args(&s, prog);
		shrink_calls(&s, prog);
	}
	printf("# %s calls, for --replay:\n", hits ? "shortest list of" : "all");
	fuzz_print(prog);
}

/* Many rounds */

static void quote_counts(void)
{
	unsigned long n;
	unsigned int i;
	int err;

	for (i = 0; fuzz_op_name(i); i++) {
		printf("# %-10s %8lu worked %8lu refused:", fuzz_op_name(i),
		       atomic_load(&shared->worked[i]),
		       atomic_load(&shared->refused[i]));
		for (err = 0; err < FUZZ_ERRNOS; err++) {
			n = atomic_load(&shared->errnos[i][err]);
			if (n)
				printf(" %s %lu", strerrorname_np(err) ?: "?",
				       n);
		}
		printf("\n");
	}
}

static unsigned long sum(atomic_ulong *counts)
{
	unsigned long n = 0;
	int i;

	for (i = 0; i < FUZZ_OPS; i++)
		n += atomic_load(&counts[i]);
	return n;
}

static bool failed(const struct result *r, struct fuzz_prog *prog, long round)
{
	printf("# round %ld: %s\n", round, r->text);
	printf("# to repeat: %s --as %s --seed %#llx --round %ld --calls %u\n",
	       program_invocation_short_name, as_root ? "root" : "user",
	       (unsigned long long)opt.seed, round, opt.calls);
	fflush(stdout);
	shrink(r, prog);
	fflush(stdout);
	return false;
}

static bool run_rounds(unsigned int seconds)
{
	time_t end = now() + seconds;
	struct fuzz_prog prog;
	struct result r;
	long round;

	for (round = opt.round < 0 ? 0 : opt.round; now() < end; round++) {
		struct rnd mix = { opt.seed + round };

		fuzz_make(&prog, ((__u64)rnd_next(&mix) << 32) | rnd_next(&mix),
			  opt.calls);
		kmsg_mark(round);
		r = run_once(&prog, opt.hang);
		if (r.outcome != FINE)
			return failed(&r, &prog, round);
		if (opt.round >= 0)
			break;
	}
	printf("# %ld rounds, judged calls: %lu succeeded, %lu failed\n",
	       round, sum(shared->worked), sum(shared->refused));
	if (opt.verbose)
		quote_counts();
	fflush(stdout);
	return true;
}

static bool run_replay(void)
{
	struct fuzz_prog prog = {};
	char line[512];
	struct result r;
	FILE *f;

	f = fopen(opt.replay, "re");
	if (!f)
		ksft_exit_fail_msg("%s: %s\n", opt.replay, strerror(errno));
	while (prog.nr < FUZZ_CALLS && fgets(line, sizeof(line), f))
		prog.nr += fuzz_parse(&prog.call[prog.nr], line);
	fclose(f);
	printf("# %u calls\n", prog.nr);
	kmsg_mark(0);
	r = run_once(&prog, opt.hang);
	if (r.outcome == FINE)
		return true;
	printf("# %s\n", r.text);
	if (opt.verbose)
		shrink(&r, &prog);
	return false;
}

/* A namespace, a directory and a process for all rounds */

static int run_all(unsigned int seconds)
{
	struct tmp_dir tmp;
	bool ok;

	if (!getuid())
		limit = open("/proc/sys/net/bus/max_user_bytes",
			     O_WRONLY | O_CLOEXEC);
	isolated = !unshare(getuid() ? CLONE_NEWUSER | CLONE_NEWNET :
				       CLONE_NEWNET);
	if (tmp_enter(&tmp) || chmod(".", 0777) || mkdir("closed", 0))
		return 1;
	kmsg_open();
	printf("# as %s: %s namespace, %s log, %s limit\n",
	       as_root ? "root" : "user", isolated ? "own" : "no own",
	       kmsg < 0 ? "no" : "the kernel's", limit < 0 ? "no" : "its");
	fflush(stdout);
	ok = opt.replay ? run_replay() : run_rounds(seconds);
	clean_directory();
	rmdir("closed");
	tmp_leave(&tmp);
	fflush(stdout);
	return ok ? 0 : 1;
}

static void test(const char *name, bool root, unsigned int seconds)
{
	pid_t pid;

	if (opt.only && strcmp(opt.only, name)) {
		ksft_test_result_skip("%s\n", name);
		return;
	}
	if (root && getuid()) {
		ksft_test_result_skip("%s: not possible\n", name);
		return;
	}
	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		as_root = root;
		uid = root ? ROOT_UID : USER_UID;
		_exit(run_all(seconds));
	}
	ksft_test_result(!wait_status(pid), "%s\n", name);
}

static void read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "round", required_argument, NULL, 'R' },
		{ "as", required_argument, NULL, 'a' },
		{ "calls", required_argument, NULL, 'c' },
		{ "hang", required_argument, NULL, 'H' },
		{ "replay", required_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		switch (c) {
		case 's':
			opt.seconds = strtoul(optarg, NULL, 0);
			break;
		case 'S':
			opt.seed = strtoull(optarg, NULL, 0);
			break;
		case 'R':
			opt.round = strtol(optarg, NULL, 0);
			break;
		case 'a':
			opt.only = optarg;
			break;
		case 'c':
			opt.calls = strtoul(optarg, NULL, 0);
			break;
		case 'H':
			opt.hang = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			opt.replay = optarg;
			break;
		case 'v':
			opt.verbose = true;
			break;
		default:
			ksft_exit_fail_msg("options are at the head of fuzz.c\n");
		}
	}
	if (opt.calls < 8 || opt.calls > FUZZ_CALLS)
		ksft_exit_fail_msg("--calls: 8 to %d\n", FUZZ_CALLS);
}

static void *map_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return p;
}

int main(int argc, char **argv)
{
	const char *seconds = getenv("AF_BUS_FUZZ");

	opt.seed = rnd_seed();
	if (seconds)
		opt.seconds = strtoul(seconds, NULL, 0);
	read_options(argc, argv);
	shared = map_shared(sizeof(*shared));
	again = map_shared(sizeof(*again));
	fuzz_init(shared);

	ksft_print_header();
	ksft_set_plan(2);
	ksft_print_msg("seed %#llx\n", (unsigned long long)opt.seed);
	test("root", true, opt.only ? opt.seconds : opt.seconds / 2);
	test("user", false, opt.only ? opt.seconds : opt.seconds / 2);
	ksft_finished();
}
