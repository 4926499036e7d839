// SPDX-License-Identifier: GPL-2.0
/*
 * bus-topic serve: the server only lets clients join, each with an address in
 * the groups that it wants. The server sees nothing of what is published.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "bus-counts.h"
#include "bus-topic.h"

struct server {
	const char	*path;
	bool		verbose;
	struct bus_overflow overflow;
	int		qlen;		/* 0 is the system's */
	int		rcvbuf;		/* 0 is the system's */
	int		listener;
	int		signals;
	int		epoll;
};

static void watch(const struct server *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) && errno != EEXIST)
		err(EXIT_ERROR, "epoll_ctl");
}

static noreturn void no_bind(const char *path)
{
	switch (errno) {
	case EADDRINUSE:
		if (*path == '@')
			errx(EXIT_ERROR, "%s: another server has this name",
			     path);
		errx(EXIT_ERROR, "%s exists: remove it if no server uses it any more",
		     path);
	case EACCES:
		errx(EXIT_ERROR, "%s: no permission to create it; choose a directory of yours",
		     path);
	case ENOENT:
		errx(EXIT_ERROR, "%s: its directory does not exist; create it first",
		     path);
	default:
		err(EXIT_ERROR, "%s", path);
	}
}

static void open_server(struct server *s)
{
	struct sockaddr_bus sb;

	set_path(&sb, s->path);
	s->listener = open_bus();
	if (bind(s->listener, (struct sockaddr *)&sb, sizeof(sb)))
		no_bind(s->path);
	if (setsockopt(s->listener, SOL_BUS, BUS_OVERFLOW, &s->overflow,
		       sizeof(s->overflow)))
		err(EXIT_ERROR, "BUS_OVERFLOW");
	if (s->qlen && setsockopt(s->listener, SOL_BUS, BUS_QLEN, &s->qlen,
				  sizeof(s->qlen)))
		err(EXIT_ERROR, "BUS_QLEN");
	if (s->rcvbuf && setsockopt(s->listener, SOL_BUS, BUS_RCVBUF, &s->rcvbuf,
				    sizeof(s->rcvbuf)))
		err(EXIT_ERROR, "BUS_RCVBUF");
	if (listen(s->listener, SOMAXCONN))
		err(EXIT_ERROR, "listen");
}

static void catch_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->signals < 0 || s->epoll < 0)
		err(EXIT_ERROR, "signalfd or epoll_create1");
}

static void show_client(const struct server *s, int fd, bool leaves)
{
	struct ucred cred = {};
	socklen_t len = sizeof(cred);
	struct bus_counts counts;
	struct bus_info info;

	if (!s->verbose || !get_info(fd, &info))
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	printf("client %llu, pid %d, uid %u", (unsigned long long)info.addr,
	       cred.pid, cred.uid);
	if (leaves && bus_counts_get(fd, &counts))
		printf(": %llu sent, %llu received, %llu filtered, %llu lost",
		       counts.nr[BUS_DIAG_STAT_MULTICASTS],
		       counts.nr[BUS_DIAG_STAT_COPIES],
		       counts.nr[BUS_DIAG_STAT_FILTERED],
		       counts.nr[BUS_DIAG_STAT_LOST]);
	printf("\n");
}

/* An address with each prefix; its client part is any that is unique. */
static bool join(int fd, __u64 groups)
{
	struct bus_info info;
	struct bus_addr addr;
	int i;

	if (!get_info(fd, &info))
		return false;
	for (i = 0; i < TOPIC_GROUPS; i++) {
		if (!(groups >> i & 1))
			continue;
		addr.s_addr = BUS_ADDR(i + 1, info.addr);
		if (setsockopt(fd, SOL_BUS, BUS_ADD_ADDR, &addr, sizeof(addr)))
			return false;
	}
	return !setsockopt(fd, SOL_BUS, BUS_JOIN_BUS, NULL, 0);
}

/* A client sends its groups, once. False if it is to go. */
static bool serve_client(const struct server *s, int fd)
{
	static const __u8 answer = TOPIC_ANSWER;
	__u64 groups;
	ssize_t n = recv(fd, &groups, sizeof(groups), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n != sizeof(groups) || !join(fd, groups))
		return false;
	show_client(s, fd, false);
	/* A client whose queue is full by now knows that it has joined. */
	return send(fd, &answer, sizeof(answer), MSG_DONTWAIT) == 1 ||
	       errno == EAGAIN;
}

/* While there are no descriptors left, nobody new is accepted. */
static void serve_listener(const struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		watch(s, fd);
	} else if (errno == EMFILE || errno == ENFILE) {
		warn("no new clients until one goes");
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
	} else if (errno != EINTR && errno != EAGAIN) {
		warn("accept");
	}
}

static bool serve_event(const struct server *s, int fd)
{
	if (fd == s->signals)
		return false;
	if (fd == s->listener) {
		serve_listener(s);
	} else if (!serve_client(s, fd)) {
		show_client(s, fd, true);
		close(fd);
		watch(s, s->listener);
	}
	return true;
}

static void run_server(struct server *s)
{
	struct epoll_event event;
	int n;

	do {
		n = epoll_wait(s->epoll, &event, 1, -1);
		if (n < 0 && errno != EINTR)
			err(EXIT_ERROR, "epoll_wait");
	} while (n < 1 || serve_event(s, event.data.fd));
}

static __u32 parse_policy(const char *text)
{
	if (!strcmp(text, "drop"))
		return BUS_OVERFLOW_DROP;
	if (!strcmp(text, "block"))
		return BUS_OVERFLOW_BLOCK;
	if (!strcmp(text, "disconnect"))
		return BUS_OVERFLOW_DISCONNECT;
	bad_usage("the policy is drop, block or disconnect, not '%s'", text);
}

int run_serve(int argc, char **argv)
{
	static const struct option options[] = {
		{ "overflow", required_argument, NULL, 'o' },
		{ "queue", required_argument, NULL, 'q' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "verbose", no_argument, NULL, 'v' },
		{}
	};
	struct server s = { .overflow.multicast = BUS_OVERFLOW_DROP };
	int opt;

	while ((opt = getopt_long(argc, argv, "o:q:b:v", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			s.overflow.multicast = parse_policy(optarg);
			break;
		case 'q':
			s.qlen = parse_number(optarg, "--queue", INT_MAX);
			break;
		case 'b':
			s.rcvbuf = parse_number(optarg, "--bytes", INT_MAX);
			break;
		case 'v':
			s.verbose = true;
			break;
		default:
			bad_usage("serve has no such option, or it lacks its argument");
		}
	}
	if (optind != argc - 1)
		bad_usage("serve needs one PATH");
	s.path = argv[optind];

	setlinebuf(stdout);
	catch_signals(&s);
	open_server(&s);
	watch(&s, s.signals);
	watch(&s, s.listener);
	run_server(&s);
	if (*s.path != '@')
		unlink(s.path);
	return 0;
}
