// SPDX-License-Identifier: GPL-2.0
/*
 * bus-chat - topics as multicast groups of AF_BUS
 *
 *	bus-chat serve PATH
 *	bus-chat read [-n COUNT] PATH TOPIC...
 *	bus-chat once PATH TOPIC...
 *	bus-chat spy PATH
 *	bus-chat write PATH TOPIC TEXT...
 *
 * The master gives each topic a prefix. A reader tells it the topics it wants,
 * and gets an address with the prefix of each; a writer asks for the prefix.
 * Then both join, and what is written goes from the writer to the readers, the
 * master sees nothing of it. "once" gives the address of a topic back with the
 * first message of the topic, and ends with the last topic. "spy" eavesdrops on
 * all topics; the master allows this to its own user. The master ends when its
 * last client has left, and says what the kernel has counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/bus.h>

#include "bus-counts.h"

#define MAX_CLIENTS	64
#define MAX_TOPICS	64
#define MAX_TEXT	256

/* Requests on the private link; the last two are for clients that have joined. */
enum { ASK = '?', SUBSCRIBE = '+', JOIN = '.', UNSUBSCRIBE = '-', SPY = '*' };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_bus(const char *path, struct sockaddr_bus *sb)
{
	int fd = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_NONE);

	if (fd < 0)
		die("socket");
	memset(sb, 0, sizeof(*sb));
	sb->sbus_family = AF_BUS;
	memcpy(sb->sbus_path, path, strnlen(path, sizeof(sb->sbus_path)));
	return fd;
}

/* Topics: each line of the table has the prefix that follows from its place. */

static char topics[MAX_TOPICS][MAX_TEXT];
static unsigned int nr_topics;

static __u16 prefix_of(const char *topic)
{
	unsigned int i;

	for (i = 0; i < nr_topics; i++)
		if (!strcmp(topics[i], topic))
			return i + 1;
	if (nr_topics == MAX_TOPICS)
		return 0;
	strcpy(topics[nr_topics++], topic);
	return nr_topics;
}

/* The master */

static struct pollfd fds[MAX_CLIENTS + 1];
static unsigned int nr_fds;

/* Gives the client an address with a prefix, or takes the address. */
static void subscribe(int fd, __u16 prefix, int option)
{
	struct bus_info info;
	socklen_t len = sizeof(info);
	struct bus_addr addr;

	if (getsockopt(fd, SOL_BUS, BUS_INFO, &info, &len))
		die("BUS_INFO");
	addr.s_addr = BUS_ADDR(prefix, info.addr);
	if (setsockopt(fd, SOL_BUS, option, &addr, sizeof(addr)) &&
	    errno != EADDRINUSE && errno != EADDRNOTAVAIL && errno != ENOTCONN)
		die("BUS_ADD_ADDR or BUS_DEL_ADDR");
}

static __u16 let_spy(int fd)
{
	struct ucred cred = { .uid = -1 };
	socklen_t len = sizeof(cred);
	int on = 1;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.uid == geteuid() &&
	       !setsockopt(fd, SOL_BUS, BUS_EAVESDROP, &on, sizeof(on));
}

static void answer(int fd, const char *request)
{
	__u16 prefix = 0;

	if (*request == JOIN && setsockopt(fd, SOL_BUS, BUS_JOIN_BUS, NULL, 0))
		die("BUS_JOIN_BUS");
	if (*request == SPY)
		prefix = let_spy(fd);
	else if (*request != JOIN)
		prefix = prefix_of(request + 1);
	if (*request == SUBSCRIBE && prefix)
		subscribe(fd, prefix, BUS_ADD_ADDR);
	if (*request == UNSUBSCRIBE && prefix)
		subscribe(fd, prefix, BUS_DEL_ADDR);
	send(fd, &prefix, sizeof(prefix), MSG_DONTWAIT);
}

/* Returns false at end-of-file. */
static int serve_client(int fd)
{
	char request[MAX_TEXT] = "";
	ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

	if (n <= 0)
		return 0;
	answer(fd, request);
	return 1;
}

static void serve_fds(void)
{
	unsigned int i = 1;

	while (i < nr_fds) {
		if (!fds[i].revents || serve_client(fds[i].fd)) {
			i++;
			continue;
		}
		close(fds[i].fd);
		fds[i] = fds[--nr_fds];
	}
	if (!(fds[0].revents & POLLIN) || nr_fds > MAX_CLIENTS)
		return;
	fds[nr_fds].fd = accept(fds[0].fd, NULL, NULL);
	fds[nr_fds].events = POLLIN;
	fds[nr_fds].revents = 0;
	nr_fds += fds[nr_fds].fd >= 0;
}

static void show_counters(int fd)
{
	struct bus_counts counts;

	if (!bus_counts_get(fd, &counts))
		die("sock_diag");
	printf("counted by the kernel: %llu multicasts made %llu copies, ",
	       counts.nr[BUS_DIAG_STAT_MULTICASTS],
	       counts.nr[BUS_DIAG_STAT_COPIES]);
	printf("%llu messages went to the master\n",
	       counts.nr[BUS_DIAG_STAT_HANDOVERS]);
}

static int serve(const char *path)
{
	struct sockaddr_bus sb;

	fds[0].fd = open_bus(path, &sb);
	fds[0].events = POLLIN;
	nr_fds = 1;
	if (bind(fds[0].fd, (struct sockaddr *)&sb, sizeof(sb)))
		die(path);
	if (listen(fds[0].fd, MAX_CLIENTS))
		die("listen");
	do {
		if (poll(fds, nr_fds, -1) < 0)
			die("poll");
		serve_fds();
	} while (nr_fds > 1);
	show_counters(fds[0].fd);
	unlink(path);
	return 0;
}

/* Clients */

static int connect_bus(const char *path)
{
	struct sockaddr_bus sb;
	int fd = open_bus(path, &sb);

	if (connect(fd, (struct sockaddr *)&sb, sizeof(sb)))
		die(path);
	return fd;
}

/* Returns the prefix of the topic. */
static __u16 request(int fd, char what, const char *topic)
{
	char buf[MAX_TEXT];
	__u16 prefix;

	snprintf(buf, sizeof(buf), "%c%s", what, topic);
	if (send(fd, buf, strlen(buf), 0) < 0)
		die("send");
	if (recv(fd, &prefix, sizeof(prefix), 0) != sizeof(prefix))
		die("recv");
	return prefix;
}

static __u16 prefix_sent_to(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	struct bus_addr dst = {};

	if (cmsg && cmsg->cmsg_level == SOL_BUS &&
	    cmsg->cmsg_type == SCM_BUS_DST)
		memcpy(&dst, CMSG_DATA(cmsg), sizeof(dst));
	return BUS_PREFIX(dst.s_addr);
}

/* Topics of a reader; a prefix is 0 when the reader has given it back. */
struct reader {
	int	fd;
	char	**names;
	__u16	prefixes[MAX_TOPICS];
	int	nr;
};

static int topic_of(const struct reader *r, __u16 prefix)
{
	int i;

	for (i = 0; i < r->nr; i++)
		if (r->prefixes[i] == prefix)
			return i;
	return -1;
}

/* Receives a message and prints it. Returns false at end-of-file; *topic is the
 * number of its topic, -1 if it has none of the reader's.
 */
static int show(const struct reader *r, int *topic)
{
	char text[MAX_TEXT], control[CMSG_SPACE(sizeof(struct bus_addr))];
	struct iovec iov = { text, sizeof(text) };
	struct sockaddr_bus from;
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(r->fd, &msg, 0);
	unsigned long long sender;
	__u16 prefix;

	if (len <= 0)
		return 0;
	prefix = prefix_sent_to(&msg);
	sender = from.sbus_addr.s_addr;
	*topic = prefix ? topic_of(r, prefix) : -1;
	if (*topic >= 0)
		printf("%s, from client %llu: %.*s\n", r->names[*topic], sender,
		       (int)len, text);
	else if (!r->nr && prefix)
		printf("prefix %u, from client %llu: %.*s\n", prefix, sender,
		       (int)len, text);
	return 1;
}

static void start_reading(struct reader *r, const char *path, char **names,
			  int nr)
{
	__u32 info = BUS_INFO_DST;
	int i;

	r->fd = connect_bus(path);
	r->names = names;
	r->nr = nr;
	if (setsockopt(r->fd, SOL_BUS, BUS_RECV_INFO, &info, sizeof(info)))
		die("BUS_RECV_INFO");
	for (i = 0; i < nr; i++)
		r->prefixes[i] = request(r->fd, SUBSCRIBE, names[i]);
	request(r->fd, JOIN, "");
}

static int read_topics(const char *path, char **names, int nr, long count)
{
	struct reader r;
	int topic;

	start_reading(&r, path, names, nr);
	printf("listening\n");
	while (count && show(&r, &topic))
		count -= topic >= 0;
	close(r.fd);
	return 0;
}

/* The answer of the master is a message without a topic, which show() skips. */
static int read_once(const char *path, char **names, int nr)
{
	char buf[MAX_TEXT];
	struct reader r;
	int topic;

	start_reading(&r, path, names, nr);
	printf("listening\n");
	while (nr && show(&r, &topic)) {
		if (topic < 0)
			continue;
		snprintf(buf, sizeof(buf), "%c%s", UNSUBSCRIBE, names[topic]);
		if (send(r.fd, buf, strlen(buf), 0) < 0)
			die("send");
		r.prefixes[topic] = 0;
		nr--;
	}
	close(r.fd);
	return 0;
}

static int spy(const char *path)
{
	struct reader r;
	int topic;

	start_reading(&r, path, NULL, 0);
	if (!request(r.fd, SPY, "")) {
		fprintf(stderr, "the master does not allow it\n");
		return 1;
	}
	printf("listening\n");
	while (show(&r, &topic))
		;
	close(r.fd);
	return 0;
}

static int write_topic(const char *path, const char *topic, char **texts,
		       int nr)
{
	struct sockaddr_bus sb = { .sbus_family = AF_BUS };
	int i, fd = connect_bus(path);

	sb.sbus_addr.s_addr = BUS_MULTICAST(request(fd, ASK, topic));
	request(fd, JOIN, "");
	for (i = 0; i < nr; i++)
		if (sendto(fd, texts[i], strlen(texts[i]), 0,
			   (struct sockaddr *)&sb, sizeof(sb)) < 0)
			die("sendto");
	close(fd);
	return 0;
}

static int print_usage(void)
{
	fprintf(stderr, "usage: bus-chat serve PATH\n"
		"       bus-chat read [-n COUNT] PATH TOPIC...\n"
		"       bus-chat once PATH TOPIC...\n"
		"       bus-chat spy PATH\n"
		"       bus-chat write PATH TOPIC TEXT...\n");
	return 2;
}

int main(int argc, char **argv)
{
	long count = -1;

	setlinebuf(stdout);
	if (argc > 4 && !strcmp(argv[1], "read") && !strcmp(argv[2], "-n")) {
		count = atol(argv[3]);
		argv[3] = argv[1];
		argv += 2;
		argc -= 2;
	}
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc > 3 && !strcmp(argv[1], "read") && argc - 3 <= MAX_TOPICS)
		return read_topics(argv[2], argv + 3, argc - 3, count);
	if (argc > 3 && !strcmp(argv[1], "once") && argc - 3 <= MAX_TOPICS)
		return read_once(argv[2], argv + 3, argc - 3);
	if (argc == 3 && !strcmp(argv[1], "spy"))
		return spy(argv[2]);
	if (argc > 4 && !strcmp(argv[1], "write"))
		return write_topic(argv[2], argv[3], argv + 4, argc - 4);
	return print_usage();
}
