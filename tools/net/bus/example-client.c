// SPDX-License-Identifier: GPL-2.0
/*
 * example-client PATH - print what is sent to the group
 * example-client PATH TEXT [FILE] - send TEXT, and FILE as a descriptor
 *
 * For a bus of example-master. A client that only prints has a filter: it gets
 * messages that do not begin with '#'.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/bus.h>
#include <linux/filter.h>

#define GROUP	1

static int connect_bus(const char *path)
{
	struct sockaddr_bus sb = { .sbus_family = AF_BUS };
	int fd = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_NONE);

	if (fd < 0)
		err(1, "socket");
	memcpy(sb.sbus_path, path, strnlen(path, sizeof(sb.sbus_path)));
	if (connect(fd, (struct sockaddr *)&sb, sizeof(sb)))
		err(1, "%s", path);
	return fd;
}

static void send_text(int fd, char *text, const char *file)
{
	struct sockaddr_bus to = {
		.sbus_family = AF_BUS,
		.sbus_addr.s_addr = BUS_MULTICAST(GROUP),
	};
	struct iovec iov = { text, strlen(text) };
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct cmsghdr *cmsg;
	int passed;

	if (file) {
		passed = open(file, O_RDONLY);
		if (passed < 0)
			err(1, "%s", file);
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(passed));
		memcpy(CMSG_DATA(cmsg), &passed, sizeof(passed));
	}
	if (sendmsg(fd, &msg, 0) < 0)
		err(1, "sendmsg");
}

static void listen_to_group(int fd)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, '#', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, -1),
	};
	struct sock_fprog prog = { 4, insns };
	__u32 info = BUS_INFO_LOST;
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		err(1, "SO_ATTACH_FILTER");
	if (setsockopt(fd, SOL_BUS, BUS_RECV_INFO, &info, sizeof(info)) ||
	    setsockopt(fd, SOL_BUS, BUS_RECV_RIGHTS, &on, sizeof(on)))
		err(1, "BUS_RECV_INFO or BUS_RECV_RIGHTS");
}

static void show_control(struct cmsghdr *cmsg)
{
	char text[256];
	__u64 lost;
	ssize_t n;
	int fd;

	if (cmsg->cmsg_level == SOL_BUS && cmsg->cmsg_type == SCM_BUS_LOST) {
		memcpy(&lost, CMSG_DATA(cmsg), sizeof(lost));
		printf("(lost %llu before this)\n", (unsigned long long)lost);
	}
	if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
		n = pread(fd, text, sizeof(text), 0);
		if (n >= 0)
			printf("(with a file: %.*s)\n", (int)n, text);
		close(fd);
	}
}

/* Returns 0 at end-of-file: the master is gone, or does not want us. */
static int show_message(int fd)
{
	char text[256], control[CMSG_SPACE(sizeof(__u64)) +
				CMSG_SPACE(sizeof(int))];
	struct iovec iov = { text, sizeof(text) };
	struct sockaddr_bus from;
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t len = recvmsg(fd, &msg, 0);

	if (len < 0 && errno == ENOBUFS)	/* something was lost */
		return 1;
	if (len <= 0)
		return 0;
	printf("%llu: %.*s\n", (unsigned long long)from.sbus_addr.s_addr,
	       (int)len, text);
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		show_control(cmsg);
	return 1;
}

int main(int argc, char **argv)
{
	int fd;

	setlinebuf(stdout);
	if (argc < 2 || argc > 4)
		errx(2, "usage: example-client PATH [TEXT [FILE]]");
	fd = connect_bus(argv[1]);
	if (argc == 2)
		listen_to_group(fd);
	if (!show_message(fd))			/* welcome: we have joined */
		errx(1, "the master does not want us");
	if (argc > 2)
		send_text(fd, argv[2], argv[3]);
	else
		while (show_message(fd))
			;
	return 0;
}
