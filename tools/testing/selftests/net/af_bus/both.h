/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS beside AF_UNIX, which knows how it should be: the same is done with
 * both, and has to give the same.
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

/* A bus, and a socket of AF_UNIX with such a name; one listens on each. */
struct both {
	union name	name[FAMILIES];
	socklen_t	namelen[FAMILIES];
	int		listener[FAMILIES];
};

/* Without a path the names are abstract, and unique. Closing removes the path,
 * if it may.
 */
int both_listen(struct both *s, const char *path);
void both_close(struct both *s);

int both_socket(enum family family);

/* A connected socket, or -1 */
int both_dial(const struct both *s, enum family family);

/* The error of connect(), or -1 if the families differ, which is printed. */
int both_connect(const struct both *s);

/* Labels of a security module, the error for want of one. */
struct label {
	int	err;
	char	text[256];
};

struct label label_of_peer(int fd);

/* The label that comes with a message from one end to the other. */
struct label label_of_sender(int from, int to);

#define EXPECT_SAME(want, got) do { \
	struct label want_ = want, got_ = got; \
	EXPECT_EQ(want_.err, got_.err); \
	EXPECT_STREQ(want_.text, got_.text); \
} while (0)

#endif /* BOTH_H */
