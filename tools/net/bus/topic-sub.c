// SPDX-License-Identifier: GPL-2.0
/*
 * bus-topic sub: a subscriber has a filter for its patterns before it joins, so
 * that it is never woken for anything else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/sock_diag.h>

#include "bus-topic.h"

struct sub {
	const char	*path;
	char		**patterns;
	int		nr_patterns;
	long		count;		/* 0: no end */
	long		timeout;	/* seconds, 0: none */
	struct timespec	end;
	bool		verbose;
	bool		no_newline;
	bool		debug;
	bool		take_fds;
	int		bus;
	__u8		*buf;
	size_t		size;
	__u64		lost;		/* that were reported */
};

/* What came with a message. */
struct extras {
	int		fd;		/* or -1 */
	bool		truncated;	/* there were others, not for us */
};

static void say_lost(struct sub *s, __u64 n)
{
	s->lost += n;
	warnx("lost %llu messages, reading too slowly (serve --overflow, --queue)",
	      (unsigned long long)n);
}

static void subscribe(struct sub *s)
{
	__u32 info = BUS_INFO_LOST;
	int i, on = s->take_fds;
	struct sock_fprog prog;
	__u64 groups = 0;

	if (!topic_filter(&prog, s->patterns, s->nr_patterns))
		errx(EXIT_ERROR, "too many or too long patterns: use several subscribers");
	for (i = 0; i < s->nr_patterns; i++)
		groups |= topic_groups(s->patterns[i]);

	s->bus = connect_bus(s->path);
	if (setsockopt(s->bus, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)))
		err(EXIT_ERROR, "filter of %u instructions (sysctl net.core.optmem_max)",
		    prog.len);
	if (setsockopt(s->bus, SOL_BUS, BUS_RECV_INFO, &info, sizeof(info)) ||
	    setsockopt(s->bus, SOL_BUS, BUS_RECV_RIGHTS, &on, sizeof(on)))
		err(EXIT_ERROR, "BUS_RECV_INFO or BUS_RECV_RIGHTS");
	join_bus(s->bus, groups);
	if (s->debug)
		warnx("subscribed");
}

/* One is taken, and only if we want one. */
static void take_fds(const struct sub *s, struct extras *x,
		     struct cmsghdr *cmsg)
{
	size_t i, n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (s->take_fds && x->fd < 0)
			x->fd = fd;
		else
			close(fd);
	}
}

static void take_control(struct sub *s, struct extras *x, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	__u64 lost;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_BUS &&
		    cmsg->cmsg_type == SCM_BUS_LOST) {
			memcpy(&lost, CMSG_DATA(cmsg), sizeof(lost));
			say_lost(s, lost);
		} else if (cmsg->cmsg_level == SOL_SOCKET &&
			   cmsg->cmsg_type == SCM_RIGHTS) {
			take_fds(s, x, cmsg);
		}
	}
	x->truncated = msg->msg_flags & MSG_CTRUNC;
}

/* Milliseconds until the end, -1 for ever. */
static int time_left(const struct sub *s)
{
	struct timespec now;
	long long ms;

	if (!s->timeout)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (s->end.tv_sec - now.tv_sec) * 1000ll +
	     (s->end.tv_nsec - now.tv_nsec) / 1000000;
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : ms;
}

/* No message reports the losses after the last message. */
static void show_rest(struct sub *s)
{
	__u32 mem[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(mem);

	getsockopt(s->bus, SOL_SOCKET, SO_MEMINFO, mem, &len);
	if (mem[SK_MEMINFO_DROPS] > s->lost)
		say_lost(s, mem[SK_MEMINFO_DROPS] - s->lost);
	if (fflush(stdout))
		err(EXIT_ERROR, "standard output");
}

/* Waits for a message and makes room for it; returns its length. */
static size_t wait_message(struct sub *s)
{
	struct pollfd pfd = { s->bus, POLLIN };
	ssize_t len;

	for (;;) {
		if (!poll(&pfd, 1, time_left(s)) && !time_left(s)) {
			show_rest(s);
			errx(EXIT_TIMEOUT, "%ld seconds are over", s->timeout);
		}
		len = recv(s->bus, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
		if (len > 0)
			break;
		/* An error that tells of loss; how much comes with a message. */
		if (len < 0 && (errno == EAGAIN || errno == ENOBUFS ||
				errno == EINTR))
			continue;
		show_rest(s);
		no_server();
	}
	if ((size_t)len > s->size) {
		s->buf = realloc(s->buf, len);
		if (!s->buf)
			err(EXIT_ERROR, "a message of %zd bytes", len);
		s->size = len;
	}
	return len;
}

/* All who got the descriptor share its offset, so where there is one it is left
 * alone.
 */
static void copy_fd(int fd)
{
	bool seekable = lseek(fd, 0, SEEK_CUR) >= 0;
	char buf[BUFSIZ];
	off_t offset = 0;
	ssize_t n;

	for (;;) {
		n = seekable ? pread(fd, buf, sizeof(buf), offset) :
			       read(fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		fwrite(buf, 1, n, stdout);
		offset += n;
	}
	if (n < 0)
		warn("the descriptor that came with the message");
}

static void print_message(const struct sub *s, const char *topic,
			  const __u8 *data, size_t len, const struct extras *x)
{
	if (s->verbose)
		printf("%s ", topic);
	fwrite(data, 1, len, stdout);
	if (!s->no_newline)
		putchar('\n');
	if (x->fd >= 0)
		copy_fd(x->fd);
	if (fflush(stdout))
		err(EXIT_ERROR, "standard output");
	if (x->truncated && !s->take_fds)
		warnx("a descriptor came with it: sub --fd takes it");
}

/* False if it was no publication. */
static bool take_message(struct sub *s)
{
	union {
		struct cmsghdr	align;
		char		buf[CMSG_SPACE(sizeof(__u64)) +
				    CMSG_SPACE(sizeof(int))];
	} control;
	char topic[TOPIC_HEAD_MAX];
	struct iovec iov;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct extras x = { .fd = -1 };
	ssize_t head, len;

	iov.iov_len = wait_message(s);
	iov.iov_base = s->buf;
	len = recvmsg(s->bus, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0)
		return false;
	take_control(s, &x, &msg);
	head = topic_decode(s->buf, len, topic);
	if (head > 0)
		print_message(s, topic, s->buf + head, len - head, &x);
	if (x.fd >= 0)
		close(x.fd);
	return head > 0;
}

static void add_pattern(struct sub *s, char *pattern)
{
	const char *reason = topic_reason(pattern, true);

	if (reason)
		bad_usage("topic '%s': %s", pattern, reason);
	s->patterns = reallocarray(s->patterns, s->nr_patterns + 1,
				   sizeof(*s->patterns));
	if (!s->patterns)
		err(EXIT_ERROR, "patterns");
	s->patterns[s->nr_patterns++] = pattern;
}

static void parse_sub(struct sub *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "topic", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'C' },
		{ "timeout", required_argument, NULL, 'W' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "no-newline", no_argument, NULL, 'N' },
		{ "debug", no_argument, NULL, 'd' },
		{ "fd", no_argument, NULL, 'F' },
		{}
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "t:C:W:vNd", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			add_pattern(s, optarg);
			break;
		case 'C':
			s->count = parse_number(optarg, "--count", LONG_MAX);
			break;
		case 'W':
			s->timeout = parse_number(optarg, "--timeout", INT_MAX);
			break;
		case 'v':
			s->verbose = true;
			break;
		case 'N':
			s->no_newline = true;
			break;
		case 'd':
			s->debug = true;
			break;
		case 'F':
			s->take_fds = true;
			break;
		default:
			bad_usage("sub has no such option, or it lacks its argument");
		}
	}
	if (optind != argc - 1)
		bad_usage("sub needs one PATH");
	s->path = argv[optind];
}

int run_sub(int argc, char **argv)
{
	struct sub s = {};
	long n = 0;

	parse_sub(&s, argc, argv);
	if (!s.nr_patterns)
		bad_usage("sub needs -t PATTERN");

	clock_gettime(CLOCK_MONOTONIC, &s.end);
	s.end.tv_sec += s.timeout;
	subscribe(&s);
	while (!s.count || n < s.count)
		n += take_message(&s);
	show_rest(&s);
	return 0;
}
