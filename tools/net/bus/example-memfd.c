// SPDX-License-Identifier: GPL-2.0
/*
 * example-memfd PATH - write what is passed to the group, or to this client
 * example-memfd PATH FILE [CLIENT] - pass FILE to the group, or to one client
 *
 * For a bus of example-master. What is large is not copied into the queue of
 * each receiver: it is in memory that all share, a memfd, of which the message
 * has the descriptor. The seals promise the receivers that it does not change
 * while they read, and does not become shorter under their mapping.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <linux/bus.h>

#define GROUP	1
#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int connect_bus(const char *path)
{
	struct sockaddr_bus sb = { .sbus_family = AF_BUS };
	int fd = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_NONE), on = 1;

	if (fd < 0)
		err(1, "socket");
	if (setsockopt(fd, SOL_BUS, BUS_RECV_RIGHTS, &on, sizeof(on)))
		err(1, "BUS_RECV_RIGHTS");
	memcpy(sb.sbus_path, path, strnlen(path, sizeof(sb.sbus_path)));
	if (connect(fd, (struct sockaddr *)&sb, sizeof(sb)))
		err(1, "%s", path);
	return fd;
}

static void write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len; data += n, len -= n) {
		n = write(fd, data, len);
		if (n < 0)
			err(1, "write");
	}
}

/* The sender makes its payload in the memory itself; here it is a file's. */
static int sealed_copy(const char *file)
{
	int fd = memfd_create("payload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int from = open(file, O_RDONLY);
	char buf[65536];
	ssize_t n;

	if (from < 0)
		err(1, "%s", file);
	if (fd < 0)
		err(1, "memfd_create");
	while ((n = read(from, buf, sizeof(buf))) > 0)
		write_all(fd, buf, n);
	if (n < 0)
		err(1, "%s", file);
	if (fcntl(fd, F_ADD_SEALS, SEALS))
		err(1, "F_ADD_SEALS");
	close(from);
	return fd;
}

static void pass(int fd, __u64 addr, int memfd)
{
	struct sockaddr_bus to = {
		.sbus_family = AF_BUS,
		.sbus_addr.s_addr = addr,
	};
	char text[] = "payload", control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { text, strlen(text) };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(memfd));
	memcpy(CMSG_DATA(cmsg), &memfd, sizeof(memfd));
	if (sendmsg(fd, &msg, 0) < 0)
		err(1, "sendmsg");
}

/* Only what is sealed: any other file can change, or become shorter, which ends
 * who reads its mapping by a signal.
 */
static void show(int memfd)
{
	int seals = fcntl(memfd, F_GET_SEALS);
	struct stat st;
	char *data;

	if (seals < 0 || (seals & SEALS) != SEALS) {
		warnx("what came is not sealed");
		return;
	}
	if (fstat(memfd, &st))
		err(1, "fstat");
	if (!st.st_size)
		return;
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
	if (data == MAP_FAILED)
		err(1, "mmap");
	write_all(STDOUT_FILENO, data, st.st_size);
	munmap(data, st.st_size);
}

/* Returns 0 at end-of-file: the master is gone, or does not want us. */
static int receive(int fd)
{
	char text[256], control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int memfd;

	if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return 0;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(&memfd, CMSG_DATA(cmsg), sizeof(memfd));
		show(memfd);
		close(memfd);
	}
	return 1;
}

int main(int argc, char **argv)
{
	__u64 to = BUS_MULTICAST(GROUP);
	int fd;

	if (argc < 2 || argc > 4)
		errx(2, "usage: example-memfd PATH [FILE [CLIENT]]");
	if (argc > 3)
		to = strtoull(argv[3], NULL, 0);
	fd = connect_bus(argv[1]);
	if (!receive(fd))			/* welcome: we have joined */
		errx(1, "the master does not want us");
	if (argc > 2)
		pass(fd, to, sealed_copy(argv[2]));
	else
		while (receive(fd))
			;
	return 0;
}
