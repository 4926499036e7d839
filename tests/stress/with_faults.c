// SPDX-License-Identifier: GPL-2.0
/*
 * Runs other tests while allocations, and copies from and to user space, fail
 * at random.
 *
 *	with_faults [--seed N] [--rounds N] [--part N] [--seconds N] [--whole]
 *		    [--ours] [--verbose] PROGRAM...
 *
 * It runs every test of each PROGRAM, or one in --part of them, --rounds times.
 * With --whole it runs the program as it is; that may be any program. The
 * results of the tests are ignored, as many of them fail. It checks
 *
 *   - that each test can be ended, after --seconds by force,
 *   - that it leaves nothing: sockets, messages, namespaces, references to the
 *     module, or something in flight of the user.
 *
 * It writes a line to the kernel's log before each run; its caller checks that
 * log.
 *
 * Each run chooses a place for faults: below a function of net/bus, below one
 * of nfdbus, or anywhere. For each kind of fault it chooses a number, and one
 * in so many chances is a fault. "Anywhere" is not chosen with --whole, because
 * a script would not get far, nor with --ours, because other parts of the
 * kernel may warn when they have no memory. A seed repeats places and numbers
 * but not the faults, because the kernel's counters continue.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest.h"
#include "bus_util.h"
#include "fault_util.h"

#define MAX_TESTS	200
#define TO_DIE		120	/* seconds */
#define TO_BE_FREED	60

static struct {
	unsigned int	rounds;
	unsigned int	part;
	unsigned int	seconds;
	__u64		seed;
	bool		whole;
	bool		ours;
	bool		verbose;
} opt = { .rounds = 1, .part = 1, .seconds = 20 };

static struct rnd rnd;
static int own_pid_ns = -1;

struct place {
	const char		*name;
	unsigned int		least;	/* chances for a fault */
	unsigned int		most;
	struct text_range	range;
};

enum { CORE, NFDBUS, ANYWHERE };

static struct place places[] = {
	[CORE]		= { "net/bus", 32, 2000 },
	[NFDBUS]	= { "nfdbus", 8, 200 },
	[ANYWHERE]	= { "anywhere", 500, 10000 },
};

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static long read_number(const char *path)
{
	long n = -1;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* What exists when no test runs */

struct stock {
	long	sockets;
	long	messages;
	long	namespaces;
	long	uses;		/* of the module */
};

static struct stock before;
static long budget;	/* bytes that one message needs, or -1 */

/* Returns the number of objects in use, for which it shrinks the cache first;
 * -1 if the cache is merged with others.
 */
static long count_objects(const char *cache)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s", cache);
	if (lstat(path, &st) || !S_ISDIR(st.st_mode))
		return -1;
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	if (!write_text(path, "1"))
		return -1;
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
	return read_number(path);
}

static int set_limit(int fd, long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", bytes);
	return ERR(pwrite(fd, text, strlen(text), 0));
}

/* More than what is free in a queue */
#define BIG	20000

static int send_within(struct tbus *b, int limit, long bytes)
{
	static char text[BIG + 1];
	int err;

	if (set_limit(limit, bytes))
		return -1;
	memset(text, 'x', BIG);
	err = say_fds(b->link[0].fd, NULL, text, &b->listener, 1);
	if (!err)
		take(b->link[0].acc);
	return err;
}

/* Runs in a process, and writes the result because it does not fit into a
 * status.
 */
static void measure_budget(int out)
{
	int limit = open("/proc/sys/net/bus/max_user_bytes", O_WRONLY), err;
	long bytes = 0, step;
	struct tbus b;

	if (limit < 0 || unshare(CLONE_NEWNET) || tbus_open(&b, 1))
		_exit(1);
	for (step = 1 << 20; step; step >>= 1)
		if (send_within(&b, limit, bytes + step) == EAGAIN)
			bytes += step;
	bytes++;
	err = send_within(&b, limit, bytes);
	set_limit(limit, 512 << 20);
	if (err || write(out, &bytes, sizeof(bytes)) != sizeof(bytes))
		_exit(1);
	_exit(0);
}

static long find_budget(void)
{
	long bytes = -1;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid)
		measure_budget(fds[1]);
	if (wait_status(pid) ||
	    read(fds[0], &bytes, sizeof(bytes)) != sizeof(bytes))
		bytes = -1;
	close(fds[0]);
	close(fds[1]);
	return bytes;
}

static struct stock take_stock(void)
{
	return (struct stock) {
		.sockets = count_objects("BUS"),
		.messages = count_objects("bus_msg"),
		.namespaces = count_objects("net_namespace"),
		.uses = read_number("/sys/module/nfdbus/refcnt"),
	};
}

/* Namespaces that went together are freed when the next one goes. */
static void pass_namespace(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(CLONE_NEWNET));
	wait_status(pid);
}

/* Memory is freed later, by RCU, by a work item, and by the collector, which
 * runs when a socket is released.
 */
static struct stock take_late_stock(void)
{
	time_t end = now() + TO_BE_FREED;
	unsigned int tries;
	struct stock s;

	for (tries = 1;; tries++) {
		s = take_stock();
		if ((s.sockets <= before.sockets &&
		     s.messages <= before.messages &&
		     s.namespaces <= before.namespaces &&
		     s.uses <= before.uses) || now() > end)
			return s;
		close(socket(AF_UNIX, SOCK_DGRAM, 0));
		if (tries % 20 == 0)
			pass_namespace();
		usleep(50000);
	}
}

static bool is_more(const char *what, long is, long was)
{
	if (is > was)
		ksft_print_msg("%s: %ld, before %ld\n", what, is, was);
	return is > was;
}

/* A leftover is reported once. */
static bool is_left(void)
{
	struct stock s = take_late_stock();
	long bytes = find_budget();
	bool left;

	left = is_more("sockets", s.sockets, before.sockets);
	left |= is_more("messages", s.messages, before.messages);
	left |= is_more("namespaces", s.namespaces, before.namespaces);
	left |= is_more("uses of nfdbus", s.uses, before.uses);
	left |= is_more("bytes needed to send", bytes, budget);
	if (left) {
		before = s;
		budget = bytes;
	}
	return left;
}

/* One run */

static void run_program(const char *program, const char *test)
{
	int fd;

	fd = open("/dev/null", O_RDWR);
	dup2(fd, 0);
	if (!opt.verbose) {
		dup2(fd, 1);
		dup2(fd, 2);
	}
	if (!write_text("/proc/self/make-it-fail", "1"))
		_exit(126);
	if (test)
		execl(program, program, "-t", test, NULL);
	else
		execl(program, program, NULL);
	_exit(127);
}

/* Runs as the first process of a PID namespace: all others end with it. */
static void run_first(const char *program, const char *test)
{
	pid_t pid, ended;

	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL))
		_exit(1);
	pid = fork();
	if (!pid)
		run_program(program, test);
	do
		ended = wait(NULL);
	while (ended > 0 && ended != pid);
	_exit(0);
}

/* Waits for a process to end; returns false if it does not. */
static bool wait_for(pid_t pid, unsigned int seconds)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	time_t end = now() + seconds;
	int n;

	do
		n = poll(&pfd, 1, 1000);
	while (n <= 0 && now() < end);
	close(fd);
	if (n > 0)
		waitpid(pid, NULL, 0);
	return n > 0;
}

struct run {
	const char		*program;
	const char		*test;
	const struct place	*place;
	unsigned int		chances[FAULT_KINDS];
	unsigned int		faults;
	bool			killed;
};

/* Chooses small numbers as often as large ones. */
static unsigned int between(unsigned int least, unsigned int most)
{
	unsigned int n = least;

	while (n * 2 < most && rnd_below(&rnd, 4))
		n *= 2;
	return n + rnd_below(&rnd, n);
}

static void choose(struct run *r)
{
	unsigned int i;

	do
		r->place = &places[rnd_below(&rnd, ARRAY_SIZE(places))];
	while (!r->place->range.end);
	for (i = 0; i < FAULT_KINDS; i++)
		r->chances[i] = between(r->place->least, r->place->most);
}

static void describe(const struct run *r, char *text, size_t size)
{
	snprintf(text, size, "with_faults: %s %s: %s, after %u, %u, %u chances\n",
		 r->program, r->test ?: "all", r->place->name, r->chances[0],
		 r->chances[1], r->chances[2]);
}

static void tell(const struct run *r)
{
	char text[256];

	describe(r, text, sizeof(text));
	printf("# %s#   %u faults%s\n", text, r->faults,
	       r->killed ? ", killed" : "");
}

/* Returns whether the run could be ended. */
static bool run_once(struct run *r)
{
	char text[256];
	bool ended;
	pid_t pid;

	describe(r, text, sizeof(text));
	write_text("/dev/kmsg", text);
	if (setns(own_pid_ns, CLONE_NEWPID) || unshare(CLONE_NEWPID))
		ksft_exit_fail_msg("namespaces: %s\n", strerror(errno));
	if (!faults_within(r->place->range) || !faults_start(r->chances))
		ksft_exit_fail_msg("faults: %s\n", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid)
		run_first(r->program, r->test);
	ended = wait_for(pid, opt.seconds);
	r->faults = faults_stop();
	r->killed = !ended;
	if (!ended) {
		kill(pid, SIGKILL);
		ended = wait_for(pid, TO_DIE);
	}
	setns(own_pid_ns, CLONE_NEWPID);
	return ended;
}

/* Removes names that the next run may want. */
static void remove_groups(void)
{
	glob_t g;
	size_t i;

	if (glob("/sys/fs/cgroup/af_bus*", 0, NULL, &g))
		return;
	for (i = 0; i < g.gl_pathc; i++)
		rmdir(g.gl_pathv[i]);
	globfree(&g);
}

/* All runs */

/* Parses the list that the test harness prints, in its third column; a test of
 * a fixture with variants stands for all of them.
 */
static unsigned int list_tests(const char *program, char (*names)[64])
{
	char command[512], line[256];
	unsigned int nr = 0;
	int status;
	FILE *f;

	snprintf(command, sizeof(command), "%s -l 2>&1", program);
	f = popen(command, "re");
	if (!f)
		ksft_exit_fail_msg("%s: %s\n", command, strerror(errno));
	line[0] = '\0';
	while (nr < MAX_TESTS && fgets(line, sizeof(line), f))
		if (line[0] != '#' && line[0] != '-' && strlen(line) > 47 &&
		    sscanf(line + 47, "%63s", names[nr]) == 1)
			nr++;
	status = pclose(f);
	if (!nr)
		ksft_exit_fail_msg("%s: status 0x%x: %s\n", command, status,
				   line);
	return nr;
}

struct sum {
	unsigned int	runs;
	unsigned int	faults;
	unsigned int	killed;
};

static void run_test(struct sum *sum, const char *program, const char *test)
{
	struct run r = { .program = program, .test = test };

	choose(&r);
	if (!run_once(&r)) {
		tell(&r);
		write_text("/proc/sysrq-trigger", "w");
		ksft_exit_fail_msg("a test cannot be killed\n");
	}
	if (opt.verbose || r.killed)
		tell(&r);
	remove_groups();
	sum->runs++;
	sum->faults += r.faults;
	sum->killed += r.killed;
}

static struct sum run_all(const char *program)
{
	static char tests[MAX_TESTS][64];
	unsigned int i, k, nr;
	struct sum sum = {};

	nr = opt.whole ? 0 : list_tests(program, tests);
	for (k = 0; k < opt.rounds; k++) {
		if (!nr)
			run_test(&sum, program, NULL);
		for (i = 0; i < nr; i++)
			if (!rnd_below(&rnd, opt.part))
				run_test(&sum, program, tests[i]);
	}
	return sum;
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(name, *names))
		names++;
	return *names;
}

/* Programs that do not use the module meet no faults there. */
static bool uses_nfdbus(const char *name)
{
	static const char *const names[] = { "nfdbus", "now", "memcg", NULL };

	return opt.whole || is_one_of(name, names);
}

/* tracefs warns when it cannot allocate the buffer of an instance. */
static bool fails_anywhere(const char *name)
{
	static const char *const names[] = { "memory", "trace", NULL };

	return !opt.whole && !opt.ours && !is_one_of(name, names);
}

static struct sum test(const char *path, struct text_range nfdbus)
{
	char *program = realpath(path, NULL);
	const char *name, *c;
	struct sum sum;

	if (!program)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	name = strrchr(program, '/') + 1;
	places[NFDBUS].range = uses_nfdbus(name) ? nfdbus :
						   (struct text_range) {};
	places[ANYWHERE].range.end = fails_anywhere(name) ? ~0UL : 0;
	/* The same numbers, whatever ran before */
	rnd.s = opt.seed;
	for (c = name; *c; c++)
		rnd.s = rnd.s * 31 + *c;
	sum = run_all(program);
	ksft_print_msg("%s: %u runs, %u faults, %u runs killed\n", name,
		       sum.runs, sum.faults, sum.killed);
	ksft_test_result(!is_left(), "%s: ends and leaves nothing\n", name);
	free(program);
	return sum;
}

static void read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 'S' },
		{ "rounds", required_argument, NULL, 'R' },
		{ "part", required_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 's' },
		{ "whole", no_argument, NULL, 'w' },
		{ "ours", no_argument, NULL, 'o' },
		{ "verbose", no_argument, NULL, 'v' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", names, NULL)) >= 0) {
		switch (c) {
		case 'S':
			opt.seed = strtoull(optarg, NULL, 0);
			break;
		case 'R':
			opt.rounds = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			opt.part = strtoul(optarg, NULL, 0);
			break;
		case 's':
			opt.seconds = strtoul(optarg, NULL, 0);
			break;
		case 'w':
			opt.whole = true;
			break;
		case 'o':
			opt.ours = true;
			break;
		case 'v':
			opt.verbose = true;
			break;
		default:
			ksft_exit_fail_msg("options are at the head of with_faults.c\n");
		}
	}
	if (optind == argc || !opt.part)
		ksft_exit_fail_msg("options are at the head of with_faults.c\n");
}

int main(int argc, char **argv)
{
	unsigned int runs = 0, faults = 0;
	struct text_range nfdbus;
	struct sum sum;
	int i;

	opt.seed = rnd_seed();
	ksft_print_header();
	read_options(argc, argv);
	if (getuid() || !faults_open())
		ksft_exit_skip("no fault injection\n");
	if (system("modprobe -q nfdbus"))
		ksft_print_msg("no nfdbus\n");
	nfdbus = text_of_module("nfdbus");
	places[CORE].range = text_of_core();
	if (!places[CORE].range.end)
		ksft_exit_fail_msg("/proc/kallsyms does not have net/bus\n");
	own_pid_ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	before = take_stock();
	/* One namespace always waits for the next to go. */
	before.namespaces++;
	budget = find_budget();
	ksft_set_plan(argc - optind + 1);
	ksft_print_msg("seed %#llx, %ld bytes are one message\n",
		       (unsigned long long)opt.seed, budget);
	for (i = optind; i < argc; i++) {
		sum = test(argv[i], nfdbus);
		runs += sum.runs;
		faults += sum.faults;
	}
	/* A program with short tests may meet no fault, but all together must.
	 */
	ksft_test_result(runs < 10 || faults, "%u faults in %u runs\n", faults,
			 runs);
	ksft_finished();
}
