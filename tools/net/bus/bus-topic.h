/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of bus-topic */
#ifndef BUS_TOPIC_H
#define BUS_TOPIC_H

#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>
#include <sys/socket.h>
#include <linux/bus.h>

#include "topic.h"

/* How it ends, beside 0. That of a timeout is the one of mosquitto_sub. */
enum {
	EXIT_ERROR	= 1,
	EXIT_USAGE	= 2,
	EXIT_SERVER	= 3,	/* the server ended, or put us off the bus */
	EXIT_TIMEOUT	= 27,
};

/* topic-common.c */
noreturn void exit_usage(void);
long parse_number(const char *text, const char *what, long max);

#define bad_usage(...) do {		\
		warnx(__VA_ARGS__);	\
		exit_usage();		\
	} while (0)

/* A socket; if there is none, they do not return, like all here. */
int open_bus(void);

/* The address of the bus. A path that begins with @ is abstract. */
void set_path(struct sockaddr_bus *sb, const char *path);

bool get_info(int fd, struct bus_info *info);

/* A client, not on the bus yet. */
int connect_bus(const char *path);

/* Become a member of groups, see topic_groups(). */
void join_bus(int fd, __u64 groups);

/* The other end of the link is gone. */
noreturn void no_server(void);

/* topic-serve.c, topic-pub.c, topic-sub.c: the commands */
int run_serve(int argc, char **argv);
int run_pub(int argc, char **argv);
int run_sub(int argc, char **argv);

#endif /* BUS_TOPIC_H */
