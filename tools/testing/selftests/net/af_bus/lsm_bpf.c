// SPDX-License-Identifier: GPL-2.0
/* LSM hooks: BPF programs deny each of them. */
#include "../../kselftest_harness.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/filter.h>

#include <linux/nfdbus.h>

#include "bus_util.h"
#include "nfdbus_util.h"

/* The second argument of each hook is a socket: the listener or the recipient.
 * The programs deny it if it has this mark.
 */
#define DENIED_MARK	0xb05
#define DENIED		EACCES

static int mark(int fd)
{
	int value = DENIED_MARK;

	return ERR(setsockopt(fd, SOL_SOCKET, SO_MARK, &value, sizeof(value)));
}

static int offset_of_mark(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_member *m;
	const struct btf_type *t;
	int id, i, offset = -1;

	id = btf__find_by_name_kind(btf, "sock", BTF_KIND_STRUCT);
	if (id < 0)
		return -1;
	t = btf__type_by_id(btf, id);
	m = btf_members(t);
	for (i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, m[i].name_off), "sk_mark"))
			offset = btf_member_bit_offset(t, i) / 8;
	btf__free(btf);
	return offset;
}

/* Returns a BPF link, which ends when it is closed, or -1. */
static int deny(const char *hook)
{
	struct bpf_insn prog[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 1,
		  .src_reg = 1, .off = 8 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 1,
		  .src_reg = 1, .off = offset_of_mark() },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 1, .off = 1,
		  .imm = DENIED_MARK },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -DENIED },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_LSM_MAC);
	int fd, link, id = libbpf_find_vmlinux_btf_id(hook, BPF_LSM_MAC);

	if (id < 0)
		return -1;
	opts.attach_btf_id = id;
	fd = bpf_prog_load(BPF_PROG_TYPE_LSM, hook, "GPL", prog,
			   ARRAY_SIZE(prog), &opts);
	link = bpf_raw_tracepoint_open(NULL, fd);
	close(fd);
	return link;
}

FIXTURE(lsm_bpf) {
	struct tmp_dir	tmp;
	struct tbus	b;
	struct bus_link	*l;
	int		hook;
};

FIXTURE_SETUP(lsm_bpf)
{
	if (!lsm_is_on("bpf"))
		SKIP(return, "no BPF programs as a security module (lsm=bpf)");
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	ASSERT_EQ(0, tbus_open(&self->b, 4));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(lsm_bpf)
{
	close(self->hook);
	tbus_close(&self->b);
	tmp_leave(&self->tmp);
}

TEST_F(lsm_bpf, find)
{
	struct sockaddr_bus name;
	socklen_t len = bus_path(&name, "bus");
	int fd = bus_listen(&name, len);

	self->hook = deny("bus_find");
	ASSERT_LE(0, self->hook);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, bus_try_connect(&name, len));
	ASSERT_EQ(0, mark(fd));
	EXPECT_EQ(DENIED, bus_try_connect(&name, len));
	/* A bus without a path is not looked up by path. */
	ASSERT_EQ(0, mark(self->b.listener));
	EXPECT_EQ(0, bus_try_connect(&self->b.name, self->b.namelen));
	close(self->hook);
	EXPECT_EQ(0, bus_try_connect(&name, len));
	close(fd);
}

/* Returns the address that a new client gets, or 0 if it cannot connect. */
static __u64 new_address(const struct tbus *b)
{
	struct sockaddr_bus sb = {};
	socklen_t len = sizeof(sb);
	int fd = bus_socket();

	if (!connect(fd, (struct sockaddr *)&b->name, b->namelen))
		getsockname(fd, (struct sockaddr *)&sb, &len);
	close(fd);
	return sb.sbus_addr.s_addr;
}

/* A connection that is denied uses up no address. */
TEST_F(lsm_bpf, connect)
{
	__u64 addr;

	self->hook = deny("bus_connect");
	ASSERT_LE(0, self->hook);
	addr = new_address(&self->b);
	EXPECT_NE(0, addr);
	ASSERT_EQ(0, mark(self->b.listener));
	EXPECT_EQ(DENIED, bus_try_connect(&self->b.name, self->b.namelen));
	close(self->hook);
	EXPECT_EQ(addr + 1, new_address(&self->b));
}

TEST_F(lsm_bpf, unicast)
{
	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "a"));
	ASSERT_EQ(0, mark(self->l[1].fd));
	EXPECT_EQ(DENIED, say_to(self->l[0].fd, 2, "b"));
	EXPECT_EQ(0, say_to(self->l[1].fd, 1, "back"));
	EXPECT_STREQ("1:a", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("2:back", take(self->l[0].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
	close(self->hook);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "c"));
	EXPECT_STREQ("1:c", take(self->l[1].fd));
}

/* Other recipients are not affected, and a recipient that is denied has not
 * lost anything.
 */
TEST_F(lsm_bpf, multicast)
{
	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	ASSERT_EQ(0, mark(self->l[1].fd));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("1:all", take(self->l[0].fd));
	EXPECT_STREQ("1:all", take(self->l[2].fd));
	EXPECT_STREQ("1:all", take(self->l[3].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	close(self->hook);
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "now"));
	EXPECT_STREQ("1:now", take(self->l[1].fd));
}

TEST_F(lsm_bpf, list)
{
	const __u64 list[] = { 1, 2, 3 };

	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	ASSERT_EQ(0, mark(self->l[1].fd));
	EXPECT_EQ(0, say_list(self->l[0].acc, list, 3, "some"));
	EXPECT_STREQ("0:some", take(self->l[0].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("0:some", take(self->l[2].fd));
}

TEST_F(lsm_bpf, to_master)
{
	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	ASSERT_EQ(0, mark(self->l[0].acc));
	EXPECT_EQ(DENIED, say(self->l[0].fd, "boss"));
	/* Denied as well: a message that would be handed over, */
	EXPECT_EQ(DENIED, say_to(self->l[0].fd, 99, "nobody"));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
	EXPECT_EQ(0, say(self->l[1].fd, "boss"));
	EXPECT_STREQ("2:boss", take(self->l[1].acc));
}

TEST_F(lsm_bpf, from_master)
{
	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	ASSERT_EQ(0, mark(self->l[1].fd));
	EXPECT_EQ(DENIED, say(self->l[1].acc, "you"));
	EXPECT_EQ(DENIED, say_to(self->l[0].acc, 2, "you"));
	EXPECT_EQ(0, say(self->l[0].acc, "you"));
	EXPECT_STREQ("0:you", take(self->l[0].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

TEST_F(lsm_bpf, eavesdrop)
{
	ASSERT_EQ(0, bus_opt(self->l[3].acc, BUS_EAVESDROP, 1));
	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	ASSERT_EQ(0, mark(self->l[3].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "psst"));
	EXPECT_STREQ("1:psst", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
}

/* and a message that would go to the master because there is no room. */
TEST_F(lsm_bpf, full)
{
	struct bus_link *l = &self->l[4];

	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 1));
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	ASSERT_EQ(0, bus_overflow(l->acc, BUS_OVERFLOW_MASTER,
				  BUS_OVERFLOW_DROP));
	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	EXPECT_EQ(0, say_to(self->l[0].fd, 5, "fills"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 5, "too much"));
	EXPECT_STREQ("1:too much", take(self->l[0].acc));
	ASSERT_EQ(0, mark(self->l[0].acc));
	EXPECT_EQ(DENIED, say_to(self->l[0].fd, 5, "denied"));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
}

/* If a D-Bus message is denied it goes to the daemon, which can reply. */
TEST_F(lsm_bpf, protocol)
{
	const struct dbus_msg call = {
		.type = DBUS_CALL, .flags = DBUS_NO_REPLY, .path = "/a",
		.member = "Call", .destination = "t.Name",
	};
	struct nfdbus_req r;
	struct tbus b;

	ASSERT_EQ(0, dbus_open(&b, 2));
	ASSERT_EQ(0, nfdbus_open(&r));
	ASSERT_EQ(0, nfdbus_conf(&r, b.listener, NFDBUS_A_CONF_FLAGS,
				 NFDBUS_BUS_F_ALLOW_ALL));
	ASSERT_EQ(0, nfdbus_name(&r, b.listener, NFDBUS_A_SET_NAME_SET,
				 b.link[1].acc, "t.Name"));
	self->hook = deny("bus_may_send");
	ASSERT_LE(0, self->hook);
	EXPECT_EQ(0, dbus_send(b.link[0].fd, &call));
	EXPECT_STREQ("1", came(b.link[1].fd));
	ASSERT_EQ(0, mark(b.link[1].fd));
	EXPECT_EQ(0, dbus_send(b.link[0].fd, &call));
	EXPECT_STREQ("EAGAIN", came(b.link[1].fd));
	EXPECT_STREQ("0:8", came(b.link[0].acc));	/* BUS_REASON_DENIED */

	/* The hook also runs for messages that BUS_F_VIA_MASTER or
	 * BUS_F_ORDERED would hand over.
	 */
	ASSERT_EQ(0, bus_opt(b.link[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, dbus_send(b.link[0].fd, &call));
	EXPECT_STREQ("0:8", came(b.link[0].acc));
	ASSERT_EQ(0, bus_opt(b.link[1].acc, BUS_FLAGS, 0));
	ASSERT_EQ(0, bus_opt(b.listener, BUS_FLAGS, BUS_F_ORDERED));
	EXPECT_EQ(0, dbus_send(b.link[0].fd, &(struct dbus_msg) {
		.type = DBUS_CALL, .path = "/a", .member = "Call",
	}));
	EXPECT_STREQ("0:64", came(b.link[0].acc));
	EXPECT_EQ(0, dbus_send(b.link[0].fd, &call));
	EXPECT_STREQ("0:8", came(b.link[0].acc));
	close(self->hook);
	EXPECT_EQ(0, dbus_send(b.link[0].fd, &call));
	EXPECT_STREQ("0:6", came(b.link[0].acc));
	nfdbus_close(&r);
	tbus_close(&b);
}

TEST_HARNESS_MAIN
