// SPDX-License-Identifier: GPL-2.0
/* Socket filters choose which messages a recipient gets. */
#include "../../kselftest_harness.h"

#include <sys/syscall.h>
#include <linux/bpf.h>
#include <linux/filter.h>

#include "bus_util.h"

#define GROUP	BUS_MULTICAST(4)

/* link[1..3] are members of GROUP */
FIXTURE(filter) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(filter)
{
	int i;

	ASSERT_EQ(0, tbus_open(&self->b, 4));
	self->l = self->b.link;
	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
}

FIXTURE_TEARDOWN(filter)
{
	tbus_close(&self->b);
}

static int attach(int fd, struct sock_filter *insns, int nr)
{
	struct sock_fprog prog = { nr, insns };

	return ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			      sizeof(prog)));
}

/* Accepts len bytes of any message; 0 refuses it. */
static int attach_ret(int fd, __u32 len)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_RET | BPF_K, len),
	};

	return attach(fd, insns, 1);
}

/* Accepts messages that have this byte at offset. */
static int attach_byte(int fd, __u32 offset, __u8 byte)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offset),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, byte, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, -1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, insns, 4);
}

TEST_F(filter, by_content)
{
	ASSERT_EQ(0, attach_byte(self->l[1].fd, 0, 'a'));
	ASSERT_EQ(0, attach_byte(self->l[2].fd, 1, 'b'));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "aa"));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "bb"));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "ab"));
	/* a message that is too short for the load is refused */
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "a"));
	EXPECT_STREQ("1:aa", take(self->l[1].fd));
	EXPECT_STREQ("1:ab", take(self->l[1].fd));
	EXPECT_STREQ("1:a", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("1:bb", take(self->l[2].fd));
	EXPECT_STREQ("1:ab", take(self->l[2].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[2].fd));
	EXPECT_STREQ("1:aa", take(self->l[3].fd));
	EXPECT_STREQ("1:bb", take(self->l[3].fd));
	EXPECT_STREQ("1:ab", take(self->l[3].fd));
	EXPECT_STREQ("1:a", take(self->l[3].fd));
}

/* The sender is not told, as on AF_UNIX. */
TEST_F(filter, unicast)
{
	ASSERT_EQ(0, attach_ret(self->l[1].fd, 0));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_EQ(0, say(self->l[1].acc, "x"));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
	EXPECT_EQ(2, bus_counts(self->l[1].fd).filtered);
	EXPECT_EQ(0, bus_counts(self->l[0].fd).filtered);
	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_DETACH_FILTER, 0));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	EXPECT_STREQ("1:y", take(self->l[1].fd));
}

/* A filter on the accepted socket applies to what the master receives. */
TEST_F(filter, accepted)
{
	ASSERT_EQ(0, attach_byte(self->l[0].acc, 0, 'a'));
	EXPECT_EQ(0, say(self->l[0].fd, "a"));
	EXPECT_EQ(0, say(self->l[0].fd, "b"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 99, "ab"));
	EXPECT_STREQ("1:a", take(self->l[0].acc));
	EXPECT_STREQ("1:ab", take(self->l[0].acc));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

/* Each recipient gets all of a message or nothing; no filter shortens it. */
TEST_F(filter, does_not_trim)
{
	static const __u32 lens[] = { 1, 4, 7, 0x10000, 0xffffffff };
	int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(0, attach_ret(self->l[1].fd, lens[i]));
		EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "multicast"));
		EXPECT_EQ(0, say_to(self->l[0].fd, 2, "unicast"));
		EXPECT_EQ(0, say(self->l[1].acc, "master"));
		EXPECT_STREQ("1:multicast", take(self->l[1].fd));
		EXPECT_STREQ("1:unicast", take(self->l[1].fd));
		EXPECT_STREQ("0:master", take(self->l[1].fd));
		EXPECT_STREQ("1:multicast", take(self->l[2].fd));
		EXPECT_STREQ("1:multicast", take(self->l[3].fd));
	}
}

/* The same for a message that does not fit into one piece of memory */
#define LARGE	(600 * 1024)

static bool all(const char *buf, size_t len, char c)
{
	while (len--)
		if (buf[len] != c)
			return false;
	return true;
}

TEST_F(filter, large)
{
	char *buf = malloc(LARGE), *in = malloc(LARGE + 1);
	struct sockaddr_bus sb;

	ASSERT_TRUE(buf && in);
	memset(buf, 'q', LARGE);
	ASSERT_EQ(0, attach_ret(self->l[1].fd, 100));
	ASSERT_EQ(0, attach_byte(self->l[2].fd, BUS_FILTER_LEN - 1, 'q'));
	ASSERT_EQ(0, attach_byte(self->l[3].fd, BUS_FILTER_LEN - 1, 'r'));
	bus_to(&sb, GROUP);
	EXPECT_EQ(LARGE, sendto(self->l[0].fd, buf, LARGE, MSG_DONTWAIT,
				(struct sockaddr *)&sb, BUS_NAME_MIN));
	memset(in, 0, LARGE);
	EXPECT_EQ(LARGE, recv(self->l[1].fd, in, LARGE + 1, MSG_DONTWAIT));
	EXPECT_TRUE(all(in, LARGE, 'q'));
	memset(in, 0, LARGE);
	EXPECT_EQ(LARGE, recv(self->l[2].fd, in, LARGE + 1, MSG_DONTWAIT));
	EXPECT_TRUE(all(in, LARGE, 'q'));
	EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
	free(buf);
	free(in);
}

/* Accepts messages of this length. */
static int attach_len(int fd, __u32 len)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, len, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, -1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return attach(fd, insns, 4);
}

/* A filter sees the beginning of a message and its length, whether the message
 * lies in one piece of memory, in pages, or in several lists of pages.
 */
TEST_F(filter, sees_beginning)
{
	static const size_t lens[] = { 4095, 4096, 4097, 9000, 30000, LARGE };
	char *buf = malloc(LARGE), *in = malloc(LARGE);
	struct sockaddr_bus sb;
	size_t len;
	int i;

	ASSERT_TRUE(buf && in);
	memset(buf, 'q', LARGE);
	bus_to(&sb, GROUP);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		len = lens[i];
		ASSERT_EQ(0, attach_byte(self->l[1].fd, BUS_FILTER_LEN - 1,
					 'q'));
		ASSERT_EQ(0, attach_byte(self->l[2].fd, BUS_FILTER_LEN, 'q'));
		ASSERT_EQ(0, attach_len(self->l[3].fd, len));
		ASSERT_EQ(len, sendto(self->l[0].fd, buf, len, MSG_DONTWAIT,
				      (struct sockaddr *)&sb, BUS_NAME_MIN));
		EXPECT_EQ(len < BUS_FILTER_LEN ? -1 : len,
			  recv(self->l[1].fd, in, LARGE, MSG_DONTWAIT))
			TH_LOG("%zu", len);
		EXPECT_EQ(-1, recv(self->l[2].fd, in, LARGE, MSG_DONTWAIT))
			TH_LOG("%zu", len);
		memset(in, 0, len);
		EXPECT_EQ(len, recv(self->l[3].fd, in, LARGE, MSG_DONTWAIT));
		EXPECT_TRUE(all(in, len, 'q'));
	}
	free(buf);
	free(in);
}

/* A message that a filter refuses takes no room and wakes no reader, */
TEST_F(filter, takes_no_room)
{
	int i, bad = 0;

	ASSERT_EQ(0, attach_ret(self->l[1].fd, 0));
	for (i = 0; i < 1000; i++)
		bad += !!say_to(self->l[0].fd, 2, "x");
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, bus_get_info(self->l[1].fd).qlen);
	EXPECT_EQ(1000, bus_counts(self->l[1].fd).filtered);
	EXPECT_EQ(0, bus_counts(self->l[1].fd).lost);
}

/* and its descriptors are closed. */
TEST_F(filter, descriptors)
{
	__u64 to = GROUP;
	int p[2];
	char c;

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 1));
	ASSERT_EQ(0, attach_ret(self->l[1].fd, 0));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &to, "x", &p[1], 1));
	to = 2;
	EXPECT_EQ(0, say_fds(self->l[0].fd, &to, "x", &p[1], 1));
	EXPECT_STREQ("1:x ctrunc", take(self->l[2].fd));
	EXPECT_STREQ("1:x ctrunc", take(self->l[3].fd));
	close(p[1]);
	EXPECT_EQ(0, read(p[0], &c, 1));
	close(p[0]);
}

TEST_F(filter, lock)
{
	ASSERT_EQ(0, attach_ret(self->l[1].fd, 0));
	ASSERT_EQ(0, sol_opt(self->l[1].fd, SO_LOCK_FILTER, 1));
	EXPECT_EQ(EPERM, attach_ret(self->l[1].fd, 1));
	EXPECT_EQ(EPERM, sol_opt(self->l[1].fd, SO_DETACH_FILTER, 0));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* eBPF: r0 = *(u8 *)(skb + 0) == 'a' ? len : 0 */
static int load_bpf(void)
{
	struct bpf_insn insns[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0 },
		{ BPF_LD | BPF_ABS | BPF_B, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 'a' },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
		{ BPF_LDX | BPF_MEM | BPF_W, 0, 6, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (__u64)(unsigned long)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (__u64)(unsigned long)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

TEST_F(filter, bpf)
{
	int prog = load_bpf();

	if (prog < 0 && errno != EINVAL)
		SKIP(return, "no eBPF: %s", strerror(errno));
	ASSERT_LE(0, prog);
	ASSERT_EQ(0, ERR(setsockopt(self->l[1].fd, SOL_SOCKET, SO_ATTACH_BPF,
				    &prog, sizeof(prog))));
	close(prog);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "apple"));
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "pear"));
	EXPECT_STREQ("1:apple", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("1:apple", take(self->l[2].fd));
	EXPECT_STREQ("1:pear", take(self->l[2].fd));
}

TEST_HARNESS_MAIN
