// SPDX-License-Identifier: GPL-2.0
/* BPF programs on the netfilter hooks: nf_bpf.bpf.c counts and drops messages
 * by D-Bus interface.
 */
#include "../../kselftest_harness.h"

#include <libgen.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bus_util.h"
#include "nfdbus_util.h"

/* Headers and libraries of this machine may be older than these. */
#define PROG_TYPE_NETFILTER	32
#define ATTACH_NETFILTER	45
#define NFPROTO_BUS		13
#define NF_BUS_SEND		0
#define NF_BUS_DELIVER		1
#define NF_BUS_NUMHOOKS		2
#define DEFRAG			1

struct interface {
	char name[256];
};

struct verdict {
	__u64 count;
	__u32 drop;
	__u32 pad;
};

/* The attributes of bpf() that create such a link */
struct link_attr {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 flags;
	__u32 pf;
	__u32 hooknum;
	__s32 priority;
	__u32 nf_flags;
};

FIXTURE(nf_bpf) {
	struct tbus		b;
	struct bus_link		*l;
	struct bpf_object	*object;
	int			prog;
	int			map;
	int			link;
};

static struct bpf_object *load(int *prog)
{
	char path[4096] = {};
	struct bpf_object *object;
	struct bpf_program *p;

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return NULL;
	strcpy(dirname(path) + strlen(path), "/nf_bpf.bpf.o");
	object = bpf_object__open(path);
	if (!object)
		return NULL;
	p = bpf_object__find_program_by_name(object, "by_interface");
	bpf_program__set_type(p, PROG_TYPE_NETFILTER);
	bpf_program__set_expected_attach_type(p, ATTACH_NETFILTER);
	if (bpf_object__load(object)) {
		bpf_object__close(object);
		return NULL;
	}
	*prog = bpf_program__fd(p);
	return object;
}

static int attach(int prog, __u32 hook, __u32 nf_flags)
{
	struct link_attr attr = {
		.prog_fd = prog, .attach_type = ATTACH_NETFILTER,
		.pf = NFPROTO_BUS, .hooknum = hook, .nf_flags = nf_flags,
	};

	return syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

FIXTURE_SETUP(nf_bpf)
{
	ASSERT_EQ(0, tbus_open(&self->b, 3));
	self->l = self->b.link;
	self->link = -1;
	self->object = load(&self->prog);
	ASSERT_NE(NULL, self->object);
	self->map = bpf_object__find_map_fd_by_name(self->object, "interfaces");
	ASSERT_LE(0, self->map);
}

FIXTURE_TEARDOWN(nf_bpf)
{
	if (self->link >= 0)
		close(self->link);
	bpf_object__close(self->object);
	tbus_close(&self->b);
}

/* The bus has no protocol, so that all messages are sent by address. */
static int send_to(struct bus_link *from, __u64 addr, const char *interface)
{
	struct dbus_msg m = {
		.type = DBUS_SIGNAL, .serial = 1, .path = "/",
		.interface = interface, .member = "M", .arg0 = "hello",
	};
	struct sockaddr_bus to;
	char buf[1024];
	size_t len = dbus_build(&m, buf, sizeof(buf));

	bus_to(&to, addr);
	return ERR(sendto(from->fd, buf, len, MSG_DONTWAIT,
			  (struct sockaddr *)&to, sizeof(to)));
}

static struct verdict verdict_of(int map, const char *name)
{
	struct interface key = {};
	struct verdict v = {};

	strcpy(key.name, name);
	bpf_map_lookup_elem(map, &key, &v);
	return v;
}

static int drop(int map, const char *name)
{
	struct verdict v = { .drop = 1 };
	struct interface key = {};

	strcpy(key.name, name);
	return ERR(bpf_map_update_elem(map, &key, &v, BPF_ANY));
}

static int queued(int fd)
{
	return bus_get_info(fd).qlen;
}

TEST_F(nf_bpf, send)
{
	self->link = attach(self->prog, NF_BUS_SEND, 0);
	ASSERT_LE(0, self->link);
	EXPECT_EQ(0, send_to(&self->l[0], 2, "a.b"));
	EXPECT_EQ(0, send_to(&self->l[0], 2, "a.b"));
	EXPECT_EQ(0, send_to(&self->l[0], 3, "c.d"));
	EXPECT_EQ(2, verdict_of(self->map, "a.b").count);
	EXPECT_EQ(1, verdict_of(self->map, "c.d").count);
	EXPECT_EQ(2, queued(self->l[1].fd));

	ASSERT_EQ(0, drop(self->map, "a.b"));
	EXPECT_EQ(EPERM, send_to(&self->l[0], 2, "a.b"));
	EXPECT_EQ(0, send_to(&self->l[0], 2, "c.d"));
	EXPECT_EQ(3, queued(self->l[1].fd));

	close(self->link);
	self->link = -1;
	EXPECT_EQ(0, send_to(&self->l[0], 2, "a.b"));
	EXPECT_EQ(4, queued(self->l[1].fd));
}

/* Bytes that are no D-Bus message are let through. */
TEST_F(nf_bpf, other_bytes)
{
	self->link = attach(self->prog, NF_BUS_SEND, 0);
	ASSERT_LE(0, self->link);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, ""));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "l"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "lllllllllllllllllllllllllllllllll"));
	EXPECT_EQ(3, queued(self->l[1].fd));
}

/* The hook runs for each recipient, and a drop loses that copy only. */
TEST_F(nf_bpf, deliver)
{
	self->link = attach(self->prog, NF_BUS_DELIVER, 0);
	ASSERT_LE(0, self->link);
	EXPECT_EQ(0, send_to(&self->l[0], BUS_MULTICAST(0), "a.b"));
	EXPECT_EQ(3, verdict_of(self->map, "a.b").count);
	ASSERT_EQ(0, drop(self->map, "a.b"));
	EXPECT_EQ(0, send_to(&self->l[0], BUS_MULTICAST(0), "a.b"));
	EXPECT_EQ(1, queued(self->l[1].fd));
	EXPECT_EQ(1, bus_counts(self->l[1].fd).filtered);
}

TEST_F(nf_bpf, attach_errors)
{
	EXPECT_EQ(EPROTO, ERR(attach(self->prog, NF_BUS_NUMHOOKS, 0)));
	EXPECT_EQ(EOPNOTSUPP, ERR(attach(self->prog, NF_BUS_SEND, DEFRAG)));
	EXPECT_EQ(EOPNOTSUPP, ERR(attach(self->prog, NF_BUS_SEND, 2)));
}

TEST_HARNESS_MAIN
