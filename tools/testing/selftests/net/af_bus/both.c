// SPDX-License-Identifier: GPL-2.0
/* Runs the same calls on AF_BUS and AF_UNIX. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "both.h"
#include "bus_util.h"

#ifndef SCM_SECURITY
#define SCM_SECURITY	0x03
#endif

int both_socket(enum family family)
{
	return family == BUS ? bus_socket() :
	       socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static socklen_t unix_name(struct sockaddr_un *un, const char *path,
			   const char *abstract)
{
	const int max = sizeof(un->sun_path) - 1;

	un->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       (path ? snprintf(un->sun_path, max, "%s.unix", path) :
		       snprintf(un->sun_path + 1, max, "%s", abstract));
}

int both_listen(struct both *s, const char *path)
{
	struct sockaddr_bus *bus = &s->name[BUS].bus;
	int i, err = 0;

	memset(s, 0, sizeof(*s));
	s->namelen[BUS] = path ? bus_path(bus, path) : bus_abstract_unique(bus);
	s->namelen[UNIX] = unix_name(&s->name[UNIX].un, path,
				     bus->sbus_path + 1);
	for (i = 0; i < FAMILIES; i++) {
		s->listener[i] = both_socket(i);
		err = err ?: ERR(bind(s->listener[i], &s->name[i].any,
				      s->namelen[i]));
		err = err ?: ERR(listen(s->listener[i], 8));
	}
	return err;
}

void both_close(struct both *s)
{
	int i;

	for (i = 0; i < FAMILIES; i++) {
		if (s->listener[i] >= 0)
			close(s->listener[i]);
		s->listener[i] = -1;
	}
	if (s->name[BUS].bus.sbus_path[0]) {
		unlink(s->name[UNIX].un.sun_path);
		unlink(s->name[BUS].bus.sbus_path);
	}
}

int both_dial(const struct both *s, enum family family)
{
	int fd = both_socket(family), err;

	if (fd < 0)
		return -1;
	err = ERR(connect(fd, &s->name[family].any, s->namelen[family]));
	if (!err)
		return fd;
	close(fd);
	errno = err;
	return -1;
}

int both_connect(const struct both *s)
{
	int i, fd, err[FAMILIES];

	for (i = 0; i < FAMILIES; i++) {
		fd = both_dial(s, i);
		err[i] = fd < 0 ? errno : 0;
		close(fd);
	}
	if (err[UNIX] == err[BUS])
		return err[BUS];
	printf("# AF_UNIX: %s\n", strerror(err[UNIX]));
	printf("# AF_BUS: %s\n", strerror(err[BUS]));
	return -1;
}

struct label label_of_peer(int fd)
{
	struct label label = {};
	socklen_t len = sizeof(label.text) - 1;

	label.err = ERR(getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label.text,
				   &len));
	return label;
}

struct label label_of_sender(int from, int to)
{
	char control[512], text[8];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct label label = {};
	struct cmsghdr *cmsg;

	label.err = sol_opt(to, SO_PASSSEC, 1) ?: say(from, "x") ?:
		    ERR(recvmsg(to, &msg, MSG_DONTWAIT));
	if (label.err)
		return label;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_SECURITY)
			memcpy(label.text, CMSG_DATA(cmsg),
			       cmsg->cmsg_len - CMSG_LEN(0));
	return label;
}
