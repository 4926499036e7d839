// SPDX-License-Identifier: GPL-2.0
/*
 * bus-chat - topics as multicast groups of AF_BUS
 *
 *	bus-chat serve PATH
 *	bus-chat read [-n COUNT] PATH TOPIC...
 *	bus-chat write PATH TOPIC TEXT...
 *
 * The master gives each topic a prefix. A reader tells it the topics it wants,
 * and gets an address with the prefix of each; a writer asks for the prefix.
 * Then both join, and what is written goes from the writer to the readers, the
 * master sees nothing of it. It ends when its last client has left, and says
 * what the kernel has counted.
 */
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

/* On the private link, before joining */
enum { ASK = '?', SUBSCRIBE = '+', JOIN = '.' };

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

static void subscribe(int fd, __u16 prefix)
{
	struct bus_info info;
	socklen_t len = sizeof(info);
	struct bus_addr addr;

	if (getsockopt(fd, SOL_BUS, BUS_INFO, &info, &len))
		die("BUS_INFO");
	addr.s_addr = BUS_ADDR(prefix, info.addr);
	if (setsockopt(fd, SOL_BUS, BUS_ADD_ADDR, &addr, sizeof(addr)) &&
	    errno != EADDRINUSE)
		die("BUS_ADD_ADDR");
}

static void answer(int fd, const char *request)
{
	__u16 prefix = 0;

	if (*request == JOIN && setsockopt(fd, SOL_BUS, BUS_JOIN_BUS, NULL, 0))
		die("BUS_JOIN_BUS");
	if (*request != JOIN)
		prefix = prefix_of(request + 1);
	if (*request == SUBSCRIBE && prefix)
		subscribe(fd, prefix);
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

static const char *topic_of(char **names, const __u16 *prefixes, int nr,
			    __u16 prefix)
{
	while (nr--)
		if (prefixes[nr] == prefix)
			return names[nr];
	return "?";
}

/* Receive and print one message; returns false at end-of-file. */
static int show(int fd, char **names, const __u16 *prefixes, int nr)
{
	char text[MAX_TEXT], control[CMSG_SPACE(sizeof(struct bus_addr))];
	struct iovec iov = { text, sizeof(text) };
	struct sockaddr_bus from;
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &msg, 0);

	if (len <= 0)
		return 0;
	printf("%s, from client %llu: %.*s\n",
	       topic_of(names, prefixes, nr, prefix_sent_to(&msg)),
	       (unsigned long long)from.sbus_addr.s_addr, (int)len, text);
	return 1;
}

static int read_topics(const char *path, char **names, int nr, long count)
{
	__u32 info = BUS_INFO_DST;
	int i, fd = connect_bus(path);
	__u16 prefixes[MAX_TOPICS];

	if (setsockopt(fd, SOL_BUS, BUS_RECV_INFO, &info, sizeof(info)))
		die("BUS_RECV_INFO");
	for (i = 0; i < nr; i++)
		prefixes[i] = request(fd, SUBSCRIBE, names[i]);
	request(fd, JOIN, "");
	printf("listening\n");
	while (count-- && show(fd, names, prefixes, nr))
		;
	close(fd);
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
	if (argc > 4 && !strcmp(argv[1], "write"))
		return write_topic(argv[2], argv[3], argv + 4, argc - 4);
	return print_usage();
}
