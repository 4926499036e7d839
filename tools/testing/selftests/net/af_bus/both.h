/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_UNIX is the oracle for AF_BUS: the same calls are made on both and must
 * give the same results.
 */
#ifndef BOTH_H
#define BOTH_H

#include <sys/socket.h>
#include <sys/un.h>
#include <linux/bus.h>

enum family { UNIX, BUS, FAMILIES };

union name {
	struct sockaddr		any;
	struct sockaddr_un	un;
	struct sockaddr_bus	bus;
};

/* A bus and an AF_UNIX socket of the same name; one socket listens on each. */
struct both {
	union name	name[FAMILIES];
	socklen_t	namelen[FAMILIES];
	int		listener[FAMILIES];
};

/* Without a path the names are abstract and unique. both_close() removes the
 * path if it is allowed to.
 */
int both_listen(struct both *s, const char *path);
void both_close(struct both *s);

int both_socket(enum family family);

/* Returns a connected socket, or -1. */
int both_dial(const struct both *s, enum family family);

/* Returns the error of connect(), or -1 if the families differ, which is
 * printed.
 */
int both_connect(const struct both *s);

/* The label that a security module shows, or the error if it shows none */
struct label {
	int	err;
	char	text[256];
};

struct label label_of_peer(int fd);

/* Returns the label of a message from one end to the other. */
struct label label_of_sender(int from, int to);

#define EXPECT_SAME(want, got) do { \
	struct label want_ = want, got_ = got; \
	EXPECT_EQ(want_.err, got_.err); \
	EXPECT_STREQ(want_.text, got_.text); \
} while (0)

#endif /* BOTH_H */
