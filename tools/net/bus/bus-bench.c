// SPDX-License-Identifier: GPL-2.0
/*
 * bus-bench: what a message costs on AF_BUS, and on AF_UNIX beside it
 *
 * bus-bench ROW ours|peer [ROUNDS]
 *
 * Prints nanoseconds per round as one number. In a guest that counts one
 * instruction as one nanosecond these are instructions. A count of messages
 * that is off is an error and no figure.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/bpf.h>
#include <linux/bus.h>
#include <linux/filter.h>

#define PREFIX		1
#define MAX_RECEIVERS	4096
#define MAX_SAMPLES	4096
#define BATCH		10		/* rounds of a sample */

/* One bus, or as many pairs of AF_UNIX sockets as it would have receivers. */
struct bench {
	int	ours;
	int	listener;
	int	nr;			/* receivers */
	int	tx[MAX_RECEIVERS + 1];	/* on AF_BUS only the last one sends */
	int	rx[MAX_RECEIVERS + 1];
	int	acc[MAX_RECEIVERS + 1];
};

struct row {
	const char	*name;
	double		(*run)(const struct row *row, int ours, int rounds);
	int		size;		/* bytes of a message */
	int		receivers;
	int		rounds;
};

/* A tick or a refilled slab falls on some rounds: the median is without. */
struct samples {
	double	v[MAX_SAMPLES];
	int	nr;
};

/* Aligned, as where a page ends in it changes what a copy costs. */
static char *buf;
static struct sockaddr_bus bus_name;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void check(int ok, const char *what)
{
	if (!ok)
		err(1, "%s", what);
}

static void sample(struct samples *s, double value)
{
	check(s->nr < MAX_SAMPLES, "room for samples");
	s->v[s->nr++] = value;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(struct samples *s)
{
	qsort(s->v, s->nr, sizeof(s->v[0]), compare);
	return s->v[s->nr / 2];
}

static void bus_to(struct sockaddr_bus *to, __u64 addr)
{
	memset(to, 0, sizeof(*to));
	to->sbus_family = AF_BUS;
	to->sbus_addr.s_addr = addr;
}

/* Client number i gets address PREFIX:i + 1. */
static void open_client(struct bench *b, int i)
{
	struct bus_addr addr = { BUS_ADDR(PREFIX, i + 1) };

	b->rx[i] = socket(AF_BUS, SOCK_SEQPACKET, 0);
	check(!connect(b->rx[i], (void *)&bus_name, sizeof(bus_name)),
	      "connect");
	b->acc[i] = accept(b->listener, NULL, NULL);
	check(b->acc[i] >= 0, "accept");
	check(!setsockopt(b->acc[i], SOL_BUS, BUS_JOIN_BUS, NULL, 0), "join");
	if (i < b->nr)
		check(!setsockopt(b->acc[i], SOL_BUS, BUS_ADD_ADDR, &addr,
				  sizeof(addr)), "add address");
}

/* The sender is client number nr and receives nothing. */
static void open_bus(struct bench *b)
{
	static int nr_buses;
	int i;

	bus_to(&bus_name, 0);
	snprintf(bus_name.sbus_path + 1, BUS_PATH_MAX - 1, "bench%d-%d",
		 getpid(), nr_buses++);
	b->listener = socket(AF_BUS, SOCK_SEQPACKET, 0);
	check(!bind(b->listener, (void *)&bus_name, sizeof(bus_name)), "bind");
	check(!listen(b->listener, 128), "listen");
	for (i = 0; i <= b->nr; i++)
		open_client(b, i);
}

static void open_unix(struct bench *b, int type)
{
	int i, fd[2];

	for (i = 0; i <= b->nr; i++) {
		check(!socketpair(AF_UNIX, type, 0, fd), "socketpair");
		b->tx[i] = fd[0];
		b->rx[i] = fd[1];
	}
}

static void open_bench(struct bench *b, int ours, int receivers)
{
	struct rlimit lim = { 16384, 16384 };

	setrlimit(RLIMIT_NOFILE, &lim);
	memset(b, 0, sizeof(*b));
	b->ours = ours;
	b->nr = receivers;
	if (ours)
		open_bus(b);
	else
		open_unix(b, SOCK_SEQPACKET);
}

static void send_one(struct bench *b, int to, int size)
{
	struct sockaddr_bus addr;
	ssize_t n;

	if (b->ours) {
		bus_to(&addr, BUS_ADDR(PREFIX, to + 1));
		n = sendto(b->rx[b->nr], buf, size, 0, (void *)&addr, 16);
	} else {
		n = send(b->tx[to], buf, size, 0);
	}
	check(n == size, "send");
}

static void recv_one(struct bench *b, int from, int size)
{
	check(recv(b->rx[from], buf, size, 0) == size, "recv");
}

static void nothing_left(struct bench *b)
{
	int i;

	for (i = 0; i <= b->nr; i++)
		if (recv(b->rx[i], buf, 1, MSG_DONTWAIT) >= 0)
			errx(1, "receiver %d got too much", i);
}

/* One process sends and receives. */
static double run_unicast(const struct row *row, int ours, int rounds)
{
	static struct samples s;
	struct bench b;
	double start;
	int i, n;

	open_bench(&b, ours, 1);
	for (n = -BATCH; n < rounds; n += BATCH) {
		start = now();
		for (i = 0; i < BATCH; i++) {
			send_one(&b, 0, row->size);
			recv_one(&b, 0, row->size);
		}
		if (n >= 0)
			sample(&s, (now() - start) / BATCH);
	}
	nothing_left(&b);
	return median(&s);
}

/* More than AF_UNIX takes in one packet goes through a stream, by a thread's
 * worth of buffer at a time.
 */
static double run_stream(const struct row *row, int ours, int rounds)
{
	static struct samples s;
	const int chunk = 64 << 10;
	struct bench b = { .nr = 0 };
	double start;
	int i, pos;

	if (ours)
		return run_unicast(row, ours, rounds);

	open_unix(&b, SOCK_STREAM);
	for (i = -1; i < rounds; i++) {
		start = now();
		for (pos = 0; pos < row->size; pos += chunk) {
			send_one(&b, 0, chunk);
			check(recv(b.rx[0], buf + pos, chunk, MSG_WAITALL) ==
			      chunk, "recv");
		}
		if (i >= 0)
			sample(&s, now() - start);
	}
	nothing_left(&b);
	return median(&s);
}

/* Two clients, one process each. */
static void pong(int fd, int ours, int size, int rounds)
{
	struct sockaddr_bus from;
	socklen_t len;

	while (rounds--) {
		len = sizeof(from);
		check(recvfrom(fd, buf, size, 0, ours ? (void *)&from : NULL,
			       ours ? &len : NULL) == size, "recv");
		check(sendto(fd, buf, size, 0, ours ? (void *)&from : NULL,
			     ours ? len : 0) == size, "send");
	}
	exit(0);
}

static double ping(struct bench *b, int size, int rounds)
{
	int i, n, fd = b->ours ? b->rx[b->nr] : b->tx[0];
	static struct samples s;
	double start;

	for (n = 0; n < rounds; n += BATCH) {
		start = now();
		for (i = 0; i < BATCH; i++) {
			send_one(b, 0, size);
			check(recv(fd, buf, size, 0) == size, "recv");
		}
		sample(&s, (now() - start) / BATCH);
	}
	return median(&s);
}

static double run_pingpong(const struct row *row, int ours, int rounds)
{
	struct bench b;
	double ns;
	int status;

	open_bench(&b, ours, 1);
	if (!fork())
		pong(b.rx[0], ours, row->size, rounds);
	ns = ping(&b, row->size, rounds);
	wait(&status);
	if (status)
		errx(1, "the other process failed");
	return ns;
}

static void send_many(struct bench *b, int size)
{
	struct sockaddr_bus addr;
	int i;

	if (!b->ours) {
		for (i = 0; i < b->nr; i++)
			send_one(b, i, size);
		return;
	}
	bus_to(&addr, BUS_MULTICAST(PREFIX));
	check(sendto(b->rx[b->nr], buf, size, 0, (void *)&addr, 16) == size,
	      "multicast");
}

/* Only the sender is measured; receivers read between the rounds. */
static double run_multicast(const struct row *row, int ours, int rounds)
{
	static struct samples s;
	struct bench b;
	double start;
	int i, n;

	open_bench(&b, ours, row->receivers);
	for (n = -1; n < rounds; n++) {
		start = now();
		send_many(&b, row->size);
		if (n >= 0)
			sample(&s, now() - start);
		for (i = 0; i < b.nr; i++)
			recv_one(&b, i, row->size);
	}
	nothing_left(&b);
	return median(&s);
}

static double run_multicast_recv(const struct row *row, int ours, int rounds)
{
	static struct samples s;
	struct bench b;
	double start;
	int i, n;

	open_bench(&b, ours, row->receivers);
	for (n = -1; n < rounds; n++) {
		send_many(&b, row->size);
		start = now();
		for (i = 0; i < b.nr; i++)
			recv_one(&b, i, row->size);
		if (n >= 0)
			sample(&s, now() - start);
	}
	nothing_left(&b);
	return median(&s) / b.nr;
}

/* All but one refuse; the peer is the same without filters. */
static double run_bpf(const struct row *row, int ours, int rounds)
{
	struct sock_filter refuse[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { 1, refuse };
	static struct samples s;
	struct bench b;
	double start;
	int i, n, get;

	open_bench(&b, 1, row->receivers);
	get = ours ? 1 : b.nr;
	for (i = get; i < b.nr; i++)
		check(!setsockopt(b.rx[i], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				  sizeof(prog)), "filter");
	for (n = -1; n < rounds; n++) {
		start = now();
		send_many(&b, row->size);
		if (n >= 0)
			sample(&s, now() - start);
		for (i = 0; i < get; i++)
			recv_one(&b, i, row->size);
	}
	nothing_left(&b);
	return median(&s);
}

/* Round trips on two pairs of one bus at once; the peer is one pair. */
static double run_pairs(const struct row *row, int ours, int rounds)
{
	double start;
	struct bench b;
	int i, pairs = ours ? 2 : 1, status;

	open_bench(&b, 1, 3);
	start = now();
	for (i = 0; i < pairs; i++) {
		if (!fork())
			pong(b.rx[2 * i], 1, row->size, rounds);
		if (fork())
			continue;
		for (; rounds; rounds--) {
			struct sockaddr_bus to;

			bus_to(&to, 1 + 2 * i);
			check(sendto(b.rx[2 * i + 1], buf, row->size, 0,
				     (void *)&to, 16) == row->size, "send");
			recv_one(&b, 2 * i + 1, row->size);
		}
		exit(0);
	}
	while (wait(&status) > 0)
		if (status)
			errx(1, "a process failed");
	return (now() - start) / rounds;
}

/* A reader that has stopped, its queue full; the peer is without it. */
static double run_stuck(const struct row *row, int ours, int rounds)
{
	struct sockaddr_bus to;
	struct bench b;
	double ns;

	open_bench(&b, 1, 2);
	bus_to(&to, BUS_ADDR(PREFIX, 2));
	while (ours && sendto(b.rx[b.nr], buf, row->size, MSG_DONTWAIT,
			      (void *)&to, 16) == row->size)
		;
	if (!fork())
		pong(b.rx[0], 1, row->size, rounds);
	ns = ping(&b, row->size, rounds);
	wait(NULL);
	return ns;
}

/* As many loads as a program of 4096 instructions has. */
static int load_longest(void)
{
	static struct bpf_insn insns[4096];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (__u64)(unsigned long)insns,
		.insn_cnt = 4096,
		.license = (__u64)(unsigned long)"GPL",
	};
	int i, prog;

	insns[0] = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0 };
	for (i = 1; i < 4094; i++)
		insns[i] = (struct bpf_insn){ BPF_LD | BPF_ABS | BPF_B, 0, 0,
					      0, i % 64 };
	insns[i++] = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0,
					1 };
	insns[i] = (struct bpf_insn){ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 };
	prog = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	check(prog >= 0, "BPF_PROG_LOAD");
	return prog;
}

/* A multicast to as many as there may be, each with the longest filter, or
 * without one.
 */
static double run_limit(const struct row *row, int ours, int rounds)
{
	static struct samples s;
	struct bench b;
	double start;
	int i, n, prog;

	open_bench(&b, 1, row->receivers);
	prog = ours ? load_longest() : -1;
	for (i = 0; ours && i < b.nr; i++)
		check(!setsockopt(b.rx[i], SOL_SOCKET, SO_ATTACH_BPF, &prog,
				  sizeof(prog)), "filter");
	for (n = -1; n < rounds; n++) {
		start = now();
		send_many(&b, row->size);
		if (n >= 0)
			sample(&s, now() - start);
		for (i = 0; i < b.nr; i++)
			recv_one(&b, i, row->size);
	}
	nothing_left(&b);
	return median(&s);
}

/* The master sends a message on to the recipient and acknowledges the hand-over. */
static void forward(struct bench *b, int size, int rides)
{
	__u32 done = 1;
	char control[CMSG_SPACE(sizeof(done))] = "";
	struct iovec iov = { buf, size };
	struct sockaddr_bus to;
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = 16,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = rides ? sizeof(control) : 0,
	};
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	int acc = b->acc[b->nr];

	bus_to(&to, BUS_ADDR(PREFIX, 1));
	cmsg->cmsg_level = SOL_BUS;
	cmsg->cmsg_type = SCM_BUS_ACK;
	cmsg->cmsg_len = CMSG_LEN(sizeof(done));
	memcpy(CMSG_DATA(cmsg), &done, sizeof(done));
	check(recv(acc, buf, size, 0) == size, "hand-over");
	check(sendmsg(acc, &msg, 0) == size, "forward");
	check(rides || !setsockopt(acc, SOL_BUS, BUS_ACK, &done, sizeof(done)),
	      "BUS_ACK");
}

/* A message by the master; the peer acknowledges in a call of its own. */
static double run_forward(const struct row *row, int ours, int rounds)
{
	__u32 flags = BUS_F_ORDERED | BUS_F_VIA_MASTER, features = 0;
	socklen_t len = sizeof(features);
	static struct samples s;
	struct bench b;
	double start;
	int i, n;

	open_bench(&b, 1, 1);
	check(!getsockopt(b.listener, SOL_BUS, BUS_FEATURES, &features, &len) &&
	      features & BUS_FEATURE_ACK, "BUS_FEATURE_ACK");
	check(!setsockopt(b.listener, SOL_BUS, BUS_FLAGS, &flags,
			  sizeof(flags)), "BUS_FLAGS");
	for (n = -BATCH; n < rounds; n += BATCH) {
		start = now();
		for (i = 0; i < BATCH; i++) {
			send_one(&b, 0, row->size);
			forward(&b, row->size, ours);
			recv_one(&b, 0, row->size);
		}
		if (n >= 0)
			sample(&s, (now() - start) / BATCH);
	}
	nothing_left(&b);
	return median(&s);
}

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The payload in sealed memory, whose descriptor is the message */
static void send_memfd(struct bench *b, __u64 addr, int size)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { buf, 64 };
	struct sockaddr_bus to;
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = 16,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	bus_to(&to, addr);
	check(write(fd, buf, size) == size, "write");
	check(!fcntl(fd, F_ADD_SEALS, SEALS), "seal");
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	check(sendmsg(b->rx[b->nr], &msg, 0) == 64, "sendmsg");
	close(fd);
}

static void recv_memfd(struct bench *b, int from, int size)
{
	static char in[64], control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { in, sizeof(in) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct stat st;
	void *data;
	int fd;

	check(recvmsg(b->rx[from], &msg, MSG_CMSG_CLOEXEC) == 64, "recvmsg");
	check(!!CMSG_FIRSTHDR(&msg), "descriptor");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	check((fcntl(fd, F_GET_SEALS) & SEALS) == SEALS, "seals");
	check(!fstat(fd, &st) && st.st_size == size, "size");
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	check(data != MAP_FAILED, "mmap");
	munmap(data, size);
	close(fd);
}

/* To all receivers and until all have it; the peer copies. */
static double run_memfd(const struct row *row, int ours, int rounds)
{
	__u64 to = row->receivers > 1 ? BUS_MULTICAST(PREFIX) :
					BUS_ADDR(PREFIX, 1);
	static struct samples s;
	struct bench b;
	double start;
	int i, n, on = 1;

	open_bench(&b, 1, row->receivers);
	for (i = 0; i < b.nr; i++)
		check(!setsockopt(b.rx[i], SOL_BUS, BUS_RECV_RIGHTS, &on,
				  sizeof(on)), "BUS_RECV_RIGHTS");
	for (n = -1; n < rounds; n++) {
		start = now();
		if (ours)
			send_memfd(&b, to, row->size);
		else
			send_many(&b, row->size);
		for (i = 0; i < b.nr; i++) {
			if (ours)
				recv_memfd(&b, i, row->size);
			else
				recv_one(&b, i, row->size);
		}
		if (n >= 0)
			sample(&s, now() - start);
	}
	nothing_left(&b);
	return median(&s);
}

static double slab_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long kb, sum = 0;
	char line[128];

	check(!!file, "/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Slab: %lu", &kb) == 1 ||
		    sscanf(line, "Percpu: %lu", &kb) == 1)
			sum += kb;
	fclose(file);
	return sum * 1024.0;
}

/* Kernel memory of one connection, both ends, in bytes. */
static double run_idle_mem(const struct row *row, int ours, int rounds)
{
	struct bench b;
	double before;

	open_bench(&b, ours, 64);
	before = slab_bytes();
	open_bench(&b, ours, row->receivers);
	return (slab_bytes() - before) / (row->receivers + 1);
}

/* A master that closes its clients one by one, and is done with each. */
static double run_close(const struct row *row, int ours, int rounds)
{
	struct bench b;
	double start;
	int i;

	open_bench(&b, ours, row->receivers - 1);
	start = now();
	for (i = 0; i <= b.nr; i++)
		close(ours ? b.acc[i] : b.tx[i]);
	return (now() - start) / row->receivers;
}

static const struct row rows[] = {
	{ "unicast-64", run_unicast, 64, 1, 2000 },
	{ "unicast-1k", run_unicast, 1 << 10, 1, 1000 },
	{ "unicast-4k", run_unicast, 4 << 10, 1, 1000 },
	{ "unicast-16k", run_unicast, 16 << 10, 1, 500 },
	{ "unicast-64k", run_unicast, 64 << 10, 1, 200 },
	{ "unicast-256k", run_stream, 256 << 10, 1, 50 },
	{ "unicast-1m", run_stream, 1 << 20, 1, 20 },
	{ "pingpong-64", run_pingpong, 64, 1, 1000 },
	{ "multicast-1", run_multicast, 64, 1, 500 },
	{ "multicast-2", run_multicast, 64, 2, 500 },
	{ "multicast-4", run_multicast, 64, 4, 500 },
	{ "multicast-8", run_multicast, 64, 8, 200 },
	{ "multicast-16", run_multicast, 64, 16, 100 },
	{ "multicast-64", run_multicast, 64, 64, 100 },
	{ "multicast-128", run_multicast, 64, 128, 30 },
	{ "multicast-512", run_multicast, 64, 512, 20 },
	{ "multicast-recv", run_multicast_recv, 64, 8, 200 },
	{ "bpf-64", run_bpf, 64, 64, 50 },
	{ "pairs", run_pairs, 64, 2, 20000 },
	{ "stuck", run_stuck, 64, 2, 20000 },
	{ "forward", run_forward, 64, 1, 1000 },
	{ "idle-mem", run_idle_mem, 0, 2000, 1 },
	{ "close-500", run_close, 0, 500, 1 },
	{ "limit", run_limit, 64, 4096, 3 },
	{ "memfd-4k", run_memfd, 4 << 10, 1, 50 },
	{ "memfd-16k", run_memfd, 16 << 10, 1, 50 },
	{ "memfd-64k", run_memfd, 64 << 10, 1, 50 },
	{ "memfd-256k", run_memfd, 256 << 10, 1, 20 },
	{ "memfd-1m", run_memfd, 1 << 20, 1, 10 },
	{ "memfd8-4k", run_memfd, 4 << 10, 8, 50 },
	{ "memfd8-16k", run_memfd, 16 << 10, 8, 50 },
	{ "memfd8-64k", run_memfd, 64 << 10, 8, 50 },
	{ "memfd8-256k", run_memfd, 256 << 10, 8, 20 },
	{ "memfd8-1m", run_memfd, 1 << 20, 8, 10 },
};

int main(int argc, char **argv)
{
	const struct row *row;
	int ours, rounds;

	if (argc < 3 || argc > 4)
		errx(2, "usage: bus-bench ROW ours|peer [ROUNDS]");
	ours = !strcmp(argv[2], "ours");
	buf = aligned_alloc(4096, 1 << 20);
	check(!!buf, "memory");
	memset(buf, 0, 1 << 20);
	for (row = rows; row < rows + sizeof(rows) / sizeof(*rows); row++) {
		if (strcmp(row->name, argv[1]))
			continue;
		rounds = argc > 3 ? atoi(argv[3]) : row->rounds;
		if (rounds < 1)
			errx(2, "rounds: a number from 1");
		printf("%.1f\n", row->run(row, ours, rounds));
		return 0;
	}
	errx(2, "no row %s", argv[1]);
}
