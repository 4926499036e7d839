// SPDX-License-Identifier: GPL-2.0
/* Messages of all sizes, and readers with buffers of other sizes. */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/uio.h>

#include "bus_util.h"

#define MIB	(1024 * 1024)

FIXTURE(large) {
	struct tbus	b;
	struct bus_link	*l;
	struct rnd	rnd;
};

FIXTURE_SETUP(large)
{
	self->rnd.s = rnd_seed();
	TH_LOG("seed %llu", (unsigned long long)self->rnd.s);
	ASSERT_EQ(0, tbus_open(&self->b, 4));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(large)
{
	tbus_close(&self->b);
}

static ssize_t send_to(int fd, __u64 addr, const void *buf, size_t len)
{
	struct sockaddr_bus sb;

	bus_to(&sb, addr);
	return sendto(fd, buf, len, MSG_DONTWAIT, (struct sockaddr *)&sb,
		      BUS_NAME_MIN);
}

static char *random_bytes(struct rnd *r, size_t len)
{
	__u32 *buf = malloc(len + 4);
	size_t i;

	for (i = 0; buf && i <= len / 4; i++)
		buf[i] = rnd_next(r);
	return (char *)buf;
}

static const size_t sizes[] = {
	1, 63, 64, 127, 128, 1000, 2048, 4095, 4096, 4097, 8191, 8192, 8193,
	16000, 16384, 16385, 32767, 32768, 32769, 65535, 65536, 65537, 69632,
	69633, 100000, 131072, 131073, 262143, 524288, 1000001, MIB, MIB + 1,
	3 * MIB + 7,
};

TEST_F(large, unicast)
{
	char *out = random_bytes(&self->rnd, 4 * MIB);
	char *in = malloc(4 * MIB);
	int i;

	ASSERT_TRUE(out && in);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i], send_to(self->l[0].fd, 2, out + i,
					    sizes[i]));
		memset(in, 0, sizes[i]);
		EXPECT_EQ(sizes[i], recv(self->l[1].fd, in, 4 * MIB,
					 MSG_DONTWAIT));
		EXPECT_EQ(0, memcmp(in, out + i, sizes[i]))
			TH_LOG("size %zu", sizes[i]);
	}
	free(out);
	free(in);
}

/* All recipients get the same pages, and all of them. */
TEST_F(large, multicast)
{
	char *out = random_bytes(&self->rnd, 4 * MIB);
	char *in = malloc(4 * MIB);
	int i, k;

	ASSERT_TRUE(out && in);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i], send_to(self->l[0].fd, BUS_MULTICAST(0),
					    out + i, sizes[i]));
		for (k = 0; k < 4; k++) {
			memset(in, 0, sizes[i]);
			EXPECT_EQ(sizes[i], recv(self->l[k].fd, in, 4 * MIB,
						 MSG_DONTWAIT));
			EXPECT_EQ(0, memcmp(in, out + i, sizes[i]))
				TH_LOG("size %zu", sizes[i]);
		}
	}
	free(out);
	free(in);
}

TEST_F(large, through_master)
{
	size_t len = MIB + 333;
	char *out = random_bytes(&self->rnd, len), *in = malloc(len);

	ASSERT_TRUE(out && in);
	EXPECT_EQ(len, send_to(self->l[0].fd, 99, out, len));
	EXPECT_EQ(len, recv(self->l[0].acc, in, len, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(in, out, len));
	memset(in, 0, len);
	EXPECT_EQ(len, send_to(self->l[0].acc, 2, out, len));
	EXPECT_EQ(len, recv(self->l[1].fd, in, len, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(in, out, len));
	free(out);
	free(in);
}

/* Sent from and received into many small pieces */
TEST_F(large, pieces)
{
	size_t len = 300000, at, n;
	char *out = random_bytes(&self->rnd, len), *in = malloc(len);
	struct iovec iov[1024];
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN, .msg_iov = iov,
	};

	ASSERT_TRUE(out && in);
	bus_to(&sb, 2);
	for (at = 0, n = 0; n < 1023; n++) {
		iov[n].iov_base = out + at;
		iov[n].iov_len = rnd_below(&self->rnd, 500);
		if (iov[n].iov_len > len - at)
			iov[n].iov_len = len - at;
		at += iov[n].iov_len;
	}
	iov[n].iov_base = out + at;
	iov[n++].iov_len = len - at;
	msg.msg_iovlen = n;
	EXPECT_EQ(len, sendmsg(self->l[0].fd, &msg, MSG_DONTWAIT));
	for (at = 0; n--; at += iov[n].iov_len)
		iov[n].iov_base = in + at;
	EXPECT_EQ(len, readv(self->l[1].fd, iov, msg.msg_iovlen));
	for (at = 0, n = 0; n < msg.msg_iovlen; at += iov[n++].iov_len)
		EXPECT_EQ(0, memcmp(iov[n].iov_base, out + at,
				    iov[n].iov_len));
	free(out);
	free(in);
}

static unsigned long mem_available_mib(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib / 1024;
}

/*
 * Each MiB has its own label and shares the rest, so that the program needs
 * little memory.
 */
#define PARTS	128

struct parts {
	__u64		label[PARTS];
	char		*rest;
	struct iovec	iov[2 * PARTS];
};

static bool parts_init(struct parts *p, int fill)
{
	int i;

	p->rest = malloc(MIB);
	if (!p->rest)
		return false;
	memset(p->rest, fill, MIB);
	for (i = 0; i < PARTS; i++) {
		p->label[i] = fill ? 0xabcdef0000000000ULL + i : 0;
		p->iov[2 * i].iov_base = &p->label[i];
		p->iov[2 * i].iov_len = 8;
		p->iov[2 * i + 1].iov_base = p->rest;
		p->iov[2 * i + 1].iov_len = MIB - 8;
	}
	return true;
}

TEST_F(large, max)
{
	struct parts out, in;
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = out.iov, .msg_iovlen = 2 * PARTS,
	};

	if (bus_get_info(self->l[0].fd).max_msg < PARTS * MIB)
		SKIP(return, "net.bus.max_msg is lower");
	if (mem_available_mib() < 2 * PARTS)
		SKIP(return, "needs %d MiB of memory", 2 * PARTS);
	ASSERT_TRUE(parts_init(&out, 'a') && parts_init(&in, 0));
	bus_to(&sb, 2);
	EXPECT_EQ(PARTS * MIB, sendmsg(self->l[0].fd, &msg, MSG_DONTWAIT));
	EXPECT_EQ(PARTS * MIB, readv(self->l[1].fd, in.iov, 2 * PARTS));
	EXPECT_EQ(0, memcmp(out.label, in.label, sizeof(out.label)));
	EXPECT_EQ(0, memcmp(out.rest, in.rest, MIB - 8));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	free(out.rest);
	free(in.rest);
}

/* A message of one byte more than any bus allows is refused before it is read.
 */
TEST_F(large, above_max)
{
	struct parts out;
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = out.iov, .msg_iovlen = 2 * PARTS,
	};
	char nine[9];

	ASSERT_TRUE(parts_init(&out, 'a'));
	out.iov[0].iov_base = nine;
	out.iov[0].iov_len = 9;
	bus_to(&sb, 2);
	EXPECT_EQ(EMSGSIZE, ERR(sendmsg(self->l[0].fd, &msg, MSG_DONTWAIT)));
	EXPECT_EQ(EINVAL, bus_opt(self->b.listener, BUS_MAX_MSG,
				  PARTS * MIB + 1));
	EXPECT_EQ(0, bus_opt(self->b.listener, BUS_MAX_MSG, PARTS * MIB));
	EXPECT_EQ(EMSGSIZE, ERR(sendmsg(self->l[0].fd, &msg, MSG_DONTWAIT)));
	free(out.rest);
}

/* sysctl net.bus.*, which each network namespace has */

static int set_sysctl(const char *name, const char *value)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/sys/net/bus/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	err = ERR(write(fd, value, strlen(value)));
	close(fd);
	return err;
}

TEST_F(large, max_msg_of_namespace)
{
	__u32 max = bus_get_info(self->b.listener).max_msg;
	struct tbus b;
	char *out = calloc(1, 5001);

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, set_sysctl("max_msg", "5000"));
	ASSERT_EQ(0, tbus_open(&b, 2));
	EXPECT_EQ(5000, bus_get_info(b.link[0].fd).max_msg);
	EXPECT_EQ(5000, send_to(b.link[0].fd, 2, out, 5000));
	EXPECT_EQ(EMSGSIZE, ERR(send_to(b.link[0].fd, 2, out, 5001)));
	EXPECT_EQ(EINVAL, bus_opt(b.listener, BUS_MAX_MSG, 5001));
	EXPECT_EQ(0, bus_opt(b.listener, BUS_MAX_MSG, 4999));
	EXPECT_EQ(EMSGSIZE, ERR(send_to(b.link[0].fd, 2, out, 5000)));
	/* a bus has the limit of its own namespace */
	EXPECT_EQ(max, bus_get_info(self->l[0].fd).max_msg);
	EXPECT_EQ(0, bus_opt(self->b.listener, BUS_MAX_MSG, 5001));
	EXPECT_EQ(5001, send_to(self->l[0].fd, 2, out, 5001));
	EXPECT_EQ(EINVAL, set_sysctl("max_msg", "0"));
	EXPECT_EQ(EINVAL, set_sysctl("max_msg", "134217729"));
	EXPECT_EQ(0, set_sysctl("max_msg", "134217728"));
	tbus_close(&b);
	free(out);
}

TEST_F(large, max_qlen_of_namespace)
{
	struct tbus b;
	int n = 0;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, set_sysctl("max_qlen", "5"));
	ASSERT_EQ(0, tbus_open(&b, 2));
	EXPECT_EQ(5, bus_get_info(b.link[1].fd).max_qlen);
	while (!say_to(b.link[0].fd, 2, "x"))
		n++;
	EXPECT_EQ(5, n);
	EXPECT_EQ(EINVAL, set_sysctl("max_qlen", "0"));
	tbus_close(&b);
}

TEST_F(large, limit)
{
	char *out = calloc(1, 5001);

	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_MAX_MSG, 5000));
	EXPECT_EQ(5000, bus_get_info(self->l[0].fd).max_msg);
	EXPECT_EQ(5000, send_to(self->l[0].fd, 2, out, 5000));
	EXPECT_EQ(EMSGSIZE, ERR(send_to(self->l[0].fd, 2, out, 5001)));
	EXPECT_EQ(EMSGSIZE, ERR(send_to(self->l[0].fd, 0, out, 5001)));
	EXPECT_EQ(EMSGSIZE, ERR(send_to(self->l[0].fd, 99, out, 5001)));
	EXPECT_EQ(EMSGSIZE, ERR(send_to(self->l[0].fd, BUS_MULTICAST(0), out,
					5001)));
	EXPECT_EQ(EMSGSIZE, ERR(send_to(self->l[0].acc, 2, out, 5001)));
	take(self->l[1].fd);
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
	free(out);
}

/* The kernel does not even try to read so much. */
/* A buffer on the stack could reach beyond the address space by chance. */
TEST_F(large, absurd)
{
	static char c;

	EXPECT_EQ(EMSGSIZE, ERR(send_to(self->l[0].fd, 2, &c, 1UL << 30)));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* Buffers that are too small */

TEST_F(large, truncated)
{
	struct bus_got got;
	char buf[8];

	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "a long message"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "next"));
	EXPECT_EQ(6, bus_recv(self->l[1].fd, &got, buf, 6, MSG_DONTWAIT));
	EXPECT_EQ(MSG_TRUNC, got.flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "a long", 6));
	/* the rest is gone */
	EXPECT_EQ(4, bus_recv(self->l[1].fd, &got, buf, 8, MSG_DONTWAIT));
	EXPECT_EQ(0, got.flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "next", 4));
}

TEST_F(large, real_length)
{
	struct bus_got got;
	char buf[8];

	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "a long message"));
	EXPECT_EQ(14, bus_recv(self->l[1].fd, &got, buf, 6,
			       MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(MSG_TRUNC, got.flags & MSG_TRUNC);
	EXPECT_EQ(14, bus_recv(self->l[1].fd, &got, NULL, 0,
			       MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(6, bus_recv(self->l[1].fd, &got, buf, 6,
			      MSG_DONTWAIT | MSG_PEEK));
	EXPECT_EQ(14, bus_recv(self->l[1].fd, &got, buf, 6,
			       MSG_DONTWAIT | MSG_TRUNC));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* Any length into any buffer, on AF_BUS and AF_UNIX */
struct reading {
	ssize_t	len;
	int	flags;
	char	data[70000];
};

static void read_as(int fd, size_t size, int flags, struct reading *r)
{
	struct iovec iov = { r->data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(r->data, 0, sizeof(r->data));
	r->len = recvmsg(fd, &msg, MSG_DONTWAIT | flags);
	r->flags = msg.msg_flags;
}

TEST_F(large, buffers)
{
	static const int flags[] = {
		0, MSG_PEEK, MSG_TRUNC, MSG_PEEK | MSG_TRUNC
	};
	struct reading *bus = malloc(sizeof(*bus));
	struct reading *un = malloc(sizeof(*un));
	char *out = random_bytes(&self->rnd, 70000);
	int i, k, fds[2], rounds = 100 * bus_long(50);
	size_t len, size;

	ASSERT_TRUE(bus && un && out);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
	for (i = 0; i < rounds; i++) {
		len = rnd_below(&self->rnd, 70000);
		ASSERT_EQ(len, send_to(self->l[0].fd, 2, out, len));
		ASSERT_EQ(len, send(fds[0], out, len, 0));
		for (k = 0; k < 4; k++) {
			size = rnd_below(&self->rnd, 70000);
			read_as(self->l[1].fd, size, flags[k ^ 3], bus);
			read_as(fds[1], size, flags[k ^ 3], un);
			EXPECT_EQ(un->len, bus->len);
			EXPECT_EQ(un->flags, bus->flags);
			EXPECT_EQ(0, memcmp(un->data, bus->data, 70000));
		}
		EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	}
	close(fds[0]);
	close(fds[1]);
	free(bus);
	free(un);
	free(out);
}

TEST_F(large, notrunc)
{
	struct bus_got got;
	char buf[32];

	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_NOTRUNC, 1));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "a long message"));
	EXPECT_EQ(EMSGSIZE, ERR(recv(self->l[1].fd, buf, 13, MSG_DONTWAIT)));
	EXPECT_EQ(EMSGSIZE, ERR(recv(self->l[1].fd, buf, 0, MSG_DONTWAIT)));
	EXPECT_EQ(EMSGSIZE, ERR(recv(self->l[1].fd, buf, 13,
				     MSG_DONTWAIT | MSG_TRUNC)));
	/* the size of the message can still be asked for */
	EXPECT_EQ(14, bus_recv(self->l[1].fd, &got, NULL, 0,
			       MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(1, bus_get_info(self->l[1].fd).qlen);
	EXPECT_EQ(14, bus_recv(self->l[1].fd, &got, buf, 14, MSG_DONTWAIT));
	EXPECT_EQ(0, got.flags & MSG_TRUNC);
	EXPECT_EQ(0, memcmp(buf, "a long message", 14));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_NOTRUNC, 0));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "a long message"));
	EXPECT_EQ(13, recv(self->l[1].fd, buf, 13, MSG_DONTWAIT));
}

/* A message that did not fit brings no descriptors. */
TEST_F(large, notrunc_keeps_descriptors)
{
	__u64 two = 2;
	int fd = dup(0);
	char buf[2];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_NOTRUNC, 1));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &two, "message", &fd, 1));
	EXPECT_EQ(EMSGSIZE, ERR(recv(self->l[1].fd, buf, 2, MSG_DONTWAIT)));
	EXPECT_STREQ("1:message fds=1", take(self->l[1].fd));
	close(fd);
}

TEST_HARNESS_MAIN
