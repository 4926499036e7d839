// SPDX-License-Identifier: GPL-2.0
/*
 * example-master PATH - the least that a master of a bus does
 *
 * The master gives each client an address with prefix 1, which makes the client a
 * member of the group BUS_MULTICAST(1), lets it join, and says so. After that the
 * master does nothing, but it has to keep its end of each link.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/bus.h>

#define GROUP		1
#define MAX_CLIENTS	100

static int bind_bus(const char *path)
{
	struct sockaddr_bus sb = { .sbus_family = AF_BUS };
	int fd = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_NONE);

	if (fd < 0)
		err(1, "socket");
	memcpy(sb.sbus_path, path, strnlen(path, sizeof(sb.sbus_path)));
	if (bind(fd, (struct sockaddr *)&sb, sizeof(sb)))
		err(1, "bind");
	if (listen(fd, 16))
		err(1, "listen");
	return fd;
}

/* All of this holds for the client at the other end of fd. */
static void join(int fd)
{
	struct sockaddr_bus sb;
	socklen_t len = sizeof(sb);
	struct bus_addr addr;

	if (getpeername(fd, (struct sockaddr *)&sb, &len))
		err(1, "getpeername");
	addr.s_addr = BUS_ADDR(GROUP, sb.sbus_addr.s_addr);
	if (setsockopt(fd, SOL_BUS, BUS_ADD_ADDR, &addr, sizeof(addr)) ||
	    setsockopt(fd, SOL_BUS, BUS_JOIN_BUS, NULL, 0)) {
		if (errno != ENOTCONN)		/* else it has left already */
			err(1, "BUS_ADD_ADDR or BUS_JOIN_BUS");
		return;
	}
	send(fd, "welcome", 7, MSG_DONTWAIT);
}

int main(int argc, char **argv)
{
	struct pollfd fds[1 + MAX_CLIENTS];
	unsigned int i, nr = 1;
	char buf[256];

	if (argc != 2)
		errx(2, "usage: example-master PATH");
	fds[0].fd = bind_bus(argv[1]);
	fds[0].events = POLLIN;
	for (;;) {
		if (poll(fds, nr, -1) < 0)
			err(1, "poll");
		for (i = nr - 1; i > 0; i--) {
			/* 0 is the end of the link; messages are ignored. */
			if (fds[i].revents &&
			    recv(fds[i].fd, buf, sizeof(buf), 0) <= 0) {
				close(fds[i].fd);
				fds[i] = fds[--nr];
			}
		}
		if ((fds[0].revents & POLLIN) && nr <= MAX_CLIENTS) {
			fds[nr].fd = accept(fds[0].fd, NULL, NULL);
			fds[nr].events = POLLIN;
			if (fds[nr].fd < 0)
				err(1, "accept");
			join(fds[nr++].fd);
		}
	}
}
