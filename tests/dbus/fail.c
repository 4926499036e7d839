// SPDX-License-Identifier: MIT
/*
 * Preload this into a dbus-daemon. What the daemon tells the kernel fails while
 * the directory FAIL_DIR has a file of that name: netlink, for requests; or
 * flags, for those of the bus and its clients.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>

#include <linux/bus.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int fails(const char *what)
{
	const char *dir = getenv("FAIL_DIR");
	char name[1024];

	snprintf(name, sizeof(name), "%s/%s", dir ? dir : "/nonexistent", what);
	return !access(name, F_OK);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	int family = AF_UNSPEC;
	socklen_t len = sizeof(family);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	if (family == AF_NETLINK && fails("netlink")) {
		errno = ENOBUFS;
		return -1;
	}
	return REAL(sendmsg)(fd, msg, flags);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (level == SOL_BUS && name == BUS_FLAGS && fails("flags")) {
		errno = ENOMEM;
		return -1;
	}
	return REAL(setsockopt)(fd, level, name, value, len);
}
