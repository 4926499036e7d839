// SPDX-License-Identifier: GPL-2.0
/* Functions that serve, pub and sub share. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus-topic.h"

void exit_usage(void)
{
	fprintf(stderr, "'bus-topic -h' tells how to use it\n");
	exit(EXIT_USAGE);
}

long parse_number(const char *text, const char *what, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 1 || n > max)
		bad_usage("%s has to be a number from 1 to %ld, not '%s'",
			  what, max, text);
	return n;
}

/* The bus */

int open_bus(void)
{
	int fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_CLOEXEC, BUS_PROTO_NONE);

	if (fd < 0 && errno == EAFNOSUPPORT)
		errx(EXIT_ERROR, "this kernel has no AF_BUS (CONFIG_AF_BUS)");
	if (fd < 0)
		err(EXIT_ERROR, "socket");
	return fd;
}

/* Trailing NULs are not part of a name, so it may have the full length. */
void set_path(struct sockaddr_bus *sb, const char *path)
{
	size_t len = strlen(path);

	if (!len || len > BUS_PATH_MAX)
		bad_usage("PATH has to have 1 to %d bytes", BUS_PATH_MAX);
	if (!strcmp(path, "@"))
		bad_usage("an abstract PATH needs a name after the @");
	memset(sb, 0, sizeof(*sb));
	sb->sbus_family = AF_BUS;
	memcpy(sb->sbus_path, path, len);
	if (*path == '@')
		sb->sbus_path[0] = '\0';
}

bool get_info(int fd, struct bus_info *info)
{
	socklen_t len = sizeof(*info);

	return !getsockopt(fd, SOL_BUS, BUS_INFO, info, &len);
}

/* Clients */

static noreturn void no_connection(const char *path)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		errx(EXIT_ERROR, "no server at %s: start one with 'bus-topic serve %s'",
		     path, path);
	case EACCES:
		errx(EXIT_ERROR, "%s: no permission to write to it: its owner may chmod it",
		     path);
	case EPROTOTYPE:
		errx(EXIT_ERROR, "%s is a bus of another protocol", path);
	default:
		err(EXIT_ERROR, "%s", path);
	}
}

void no_server(void)
{
	errx(EXIT_SERVER, "the server has ended, or has put us off the bus (--overflow)");
}

int connect_bus(const char *path)
{
	struct sockaddr_bus sb;
	int fd;

	set_path(&sb, path);
	fd = open_bus();
	if (connect(fd, (struct sockaddr *)&sb, sizeof(sb)))
		no_connection(path);
	return fd;
}

/* A filter is in place by now: it lets the answer pass. The server is sender 0;
 * whatever others send comes to those who have joined.
 */
void join_bus(int fd, __u64 groups)
{
	__u8 answer[TOPIC_HEAD_MAX];
	struct sockaddr_bus from = {};
	socklen_t len;
	ssize_t n;

	if (send(fd, &groups, sizeof(groups), 0) < 0)
		no_server();
	do {
		len = sizeof(from);
		n = recvfrom(fd, answer, sizeof(answer), MSG_PEEK,
			     (struct sockaddr *)&from, &len);
		if (!n || (n < 0 && errno == ECONNRESET))
			no_server();
		if (n < 0 && errno != ENOBUFS)
			err(EXIT_ERROR, "recv");
	} while (n < 0);
	if (!from.sbus_addr.s_addr)
		recv(fd, answer, sizeof(answer), 0);
}
