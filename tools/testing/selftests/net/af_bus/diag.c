// SPDX-License-Identifier: GPL-2.0
/* sock_diag. */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/bus_diag.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "bus_util.h"

#define MAX_SEEN	2000
#define NOBODY		65534
#define ALL		(~0U)

/* A socket as sock_diag shows it */
struct seen {
	struct bus_diag_msg	msg;
	__u32			attrs;		/* bits by BUS_DIAG_* */
	size_t			name_len;
	char			name[BUS_PATH_MAX];
	struct bus_diag_vfs	vfs;
	struct bus_diag_bus	bus;
	unsigned int		nr_addrs;
	__u64			addrs[BUS_DIAG_MAX_ADDRS];
	struct bus_diag_peer	peer;
	struct bus_diag_queue	queue;
	struct bus_info		info;
	__u64			stats[BUS_DIAG_STAT_MAX + 1];
	__u32			uid;
	__u32			meminfo[SK_MEMINFO_VARS];
	size_t			filter_len;
	struct sock_filter	filter[4];
	__u8			shutdown;
};

static struct seen seen[MAX_SEEN];
static int nr_seen, nr_parts;

#define HAS(s, attr)	((s)->attrs >> (attr) & 1)

static const struct bus_diag_req everything = {
	.sdiag_family	= AF_BUS,
	.bdiag_states	= ALL,
	.bdiag_roles	= ALL,
	.bdiag_show	= ALL,
};

static __u64 cookie(int fd)
{
	socklen_t len = sizeof(__u64);
	__u64 val = 0;

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &val, &len);
	return val;
}

static __u64 u64_of(const __u32 half[2])
{
	return half[0] | (__u64)half[1] << 32;
}

static void read_addrs(struct seen *s, const struct nlattr *attr, int len)
{
	while (len >= (int)sizeof(*attr)) {
		if (attr->nla_type == BUS_DIAG_ADDR &&
		    attr->nla_len == NLA_HDRLEN + sizeof(__u64) &&
		    s->nr_addrs < BUS_DIAG_MAX_ADDRS)
			memcpy(&s->addrs[s->nr_addrs++],
			       (char *)attr + NLA_HDRLEN, sizeof(__u64));
		len -= NLA_ALIGN(attr->nla_len);
		attr = (void *)((char *)attr + NLA_ALIGN(attr->nla_len));
	}
}

static void read_stats(struct seen *s, const struct nlattr *attr, int len)
{
	while (len >= (int)sizeof(*attr)) {
		if (attr->nla_type <= BUS_DIAG_STAT_MAX &&
		    attr->nla_len == NLA_HDRLEN + sizeof(__u64))
			memcpy(&s->stats[attr->nla_type],
			       (char *)attr + NLA_HDRLEN, sizeof(__u64));
		len -= NLA_ALIGN(attr->nla_len);
		attr = (void *)((char *)attr + NLA_ALIGN(attr->nla_len));
	}
}

static void read_attr(struct seen *s, const struct nlattr *attr)
{
	const struct {
		void	*to;
		size_t	size;
	} fixed[] = {
		[BUS_DIAG_VFS]		= { &s->vfs, sizeof(s->vfs) },
		[BUS_DIAG_BUS]		= { &s->bus, sizeof(s->bus) },
		[BUS_DIAG_PEER]		= { &s->peer, sizeof(s->peer) },
		[BUS_DIAG_QUEUE]	= { &s->queue, sizeof(s->queue) },
		[BUS_DIAG_INFO]		= { &s->info, sizeof(s->info) },
		[BUS_DIAG_UID]		= { &s->uid, sizeof(s->uid) },
		[BUS_DIAG_MEMINFO]	= { &s->meminfo, sizeof(s->meminfo) },
		[BUS_DIAG_SHUTDOWN]	= { &s->shutdown, 1 },
	};
	unsigned int type = attr->nla_type & NLA_TYPE_MASK;
	size_t len = attr->nla_len - NLA_HDRLEN;
	const void *data = (char *)attr + NLA_HDRLEN;

	if (type == BUS_DIAG_PAD)
		return;
	s->attrs |= 1u << type;
	if (type == BUS_DIAG_NAME && len <= sizeof(s->name)) {
		memcpy(s->name, data, len);
		s->name_len = len;
	} else if (type == BUS_DIAG_ADDRS) {
		read_addrs(s, data, len);
	} else if (type == BUS_DIAG_STATS) {
		read_stats(s, data, len);
	} else if (type == BUS_DIAG_FILTER) {
		s->filter_len = len;
		memcpy(s->filter, data, len < sizeof(s->filter) ?
					len : sizeof(s->filter));
	} else if (type <= BUS_DIAG_SHUTDOWN && fixed[type].size == len) {
		memcpy(fixed[type].to, data, len);
	} else {
		s->attrs = 0;	/* makes every check fail */
	}
}

static void read_sock(const struct nlmsghdr *nlh)
{
	struct seen *s = &seen[nr_seen % MAX_SEEN];
	const struct nlattr *attr;
	int len;

	memset(s, 0, sizeof(*s));
	s->msg = *(struct bus_diag_msg *)NLMSG_DATA(nlh);
	len = NLMSG_PAYLOAD(nlh, sizeof(s->msg));
	attr = (void *)((char *)NLMSG_DATA(nlh) + NLMSG_ALIGN(sizeof(s->msg)));
	while (len >= (int)sizeof(*attr) && attr->nla_len >= NLA_HDRLEN) {
		read_attr(s, attr);
		len -= NLA_ALIGN(attr->nla_len);
		attr = (void *)((char *)attr + NLA_ALIGN(attr->nla_len));
	}
	nr_seen++;
}

/* Returns -1 if more is to come, otherwise 0 or errno. */
static int read_part(const struct nlmsghdr *nlh, int len)
{
	const int strange = EPROTO;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_DONE ||
		    nlh->nlmsg_type == NLMSG_ERROR)
			return -*(int *)NLMSG_DATA(nlh);
		if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY)
			return strange;
		read_sock(nlh);
		if (!(nlh->nlmsg_flags & NLM_F_MULTI))
			return 0;
	}
	return -1;
}

/* Sends a request and fills in seen[]. Calls fn() after each part of the
 * answer.
 */
static int ask(const struct bus_diag_req *what, size_t what_len, int flags,
	       void (*fn)(void *arg), void *arg)
{
	static __u64 buf[9000];
	struct {
		struct nlmsghdr		nlh;
		struct bus_diag_req	req;
	} req = {
		.nlh = {
			.nlmsg_len	= sizeof(req.nlh) + what_len,
			.nlmsg_type	= SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags	= NLM_F_REQUEST | flags,
		},
		.req = *what,
	};
	int fd, err = -1;
	ssize_t len;

	nr_seen = 0;
	nr_parts = 0;
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return errno;
	if (send(fd, &req, req.nlh.nlmsg_len, 0) < 0)
		err = errno;
	while (err < 0) {
		/* A small buffer makes a dump take many parts. */
		len = recv(fd, buf, flags & NLM_F_DUMP ? 8192 : sizeof(buf), 0);
		err = len < 0 ? errno : read_part((void *)buf, len);
		nr_parts++;
		if (fn && err < 0)
			fn(arg);
	}
	close(fd);
	return err;
}

static int dump(const struct bus_diag_req *req)
{
	return ask(req, sizeof(*req), NLM_F_DUMP, NULL, NULL);
}

static int count_ino(__u64 ino)
{
	int i, n = 0;

	for (i = 0; i < nr_seen && i < MAX_SEEN; i++)
		n += seen[i].msg.bdiag_ino == ino;
	return n;
}

static int ask_for(__u64 ino, __u64 cookie, __u32 what)
{
	struct bus_diag_req req = {
		.sdiag_family	= AF_BUS,
		.bdiag_show	= what,
		.bdiag_ino	= ino,
		.bdiag_cookie	= { cookie, cookie >> 32 },
	};

	return ask(&req, sizeof(req), 0, NULL, NULL);
}

static const struct seen nothing;

/* Asks for exactly this socket. */
static const struct seen *show_only(int fd, __u32 what)
{
	if (ask_for(inode_of(fd), cookie(fd), what) || nr_seen != 1)
		return &nothing;
	return &seen[0];
}

static const struct seen *show(int fd)
{
	return show_only(fd, ALL);
}

FIXTURE(diag) {
	struct tbus	b;
	struct bus_link	*l;
	__u64		bus;
};

FIXTURE_SETUP(diag)
{
	ASSERT_EQ(0, tbus_open(&self->b, 2));
	self->l = self->b.link;
	self->bus = bus_get_info(self->b.listener).cookie;
}

FIXTURE_TEARDOWN(diag)
{
	tbus_close(&self->b);
}

/* Checks the whole answer for a socket whose state is known. */
static void expect_sock(struct __test_metadata *_metadata,
			const struct seen *s, int fd, __u8 role, __u8 state,
			__u64 addr)
{
	EXPECT_EQ(AF_BUS, s->msg.bdiag_family);
	EXPECT_EQ(SOCK_SEQPACKET, s->msg.bdiag_type);
	EXPECT_EQ(role, s->msg.bdiag_role);
	EXPECT_EQ(state, s->msg.bdiag_state);
	EXPECT_EQ(inode_of(fd), s->msg.bdiag_ino);
	EXPECT_EQ(cookie(fd), u64_of(s->msg.bdiag_cookie));
	EXPECT_EQ(bus_get_info(fd).cookie, s->bus.cookie);
	EXPECT_EQ(addr, s->bus.addr);
}

TEST_F(diag, roles_and_states)
{
	int new = bus_socket();

	expect_sock(_metadata, show(new), new, BUS_ROLE_NONE, BUS_STATE_NEW, 0);
	EXPECT_FALSE(HAS(&seen[0], BUS_DIAG_BUS));
	EXPECT_FALSE(HAS(&seen[0], BUS_DIAG_NAME));
	EXPECT_FALSE(HAS(&seen[0], BUS_DIAG_PEER));
	EXPECT_FALSE(HAS(&seen[0], BUS_DIAG_STATS));
	close(new);
	expect_sock(_metadata, show(self->b.listener), self->b.listener,
		    BUS_ROLE_LISTENER, BUS_STATE_LISTEN, 0);
	EXPECT_FALSE(HAS(&seen[0], BUS_DIAG_PEER));
	expect_sock(_metadata, show(self->l[1].fd), self->l[1].fd,
		    BUS_ROLE_CLIENT, BUS_STATE_JOINED, 2);
	expect_sock(_metadata, show(self->l[1].acc), self->l[1].acc,
		    BUS_ROLE_ACCEPTED, BUS_STATE_JOINED, 2);
	ASSERT_EQ(0, tbus_link(&self->b, &self->l[2]));
	self->b.nr++;
	expect_sock(_metadata, show(self->l[2].fd), self->l[2].fd,
		    BUS_ROLE_CLIENT, BUS_STATE_CONNECTED, 3);
	EXPECT_EQ(3, seen[0].bus.clients);
	EXPECT_EQ(BUS_PROTO_NONE, seen[0].bus.protocol);
	EXPECT_EQ(0, seen[0].shutdown);
	ASSERT_EQ(0, ERR(shutdown(self->l[2].fd, SHUT_RD)));
	EXPECT_EQ(1, show(self->l[2].fd)->shutdown);
	EXPECT_EQ(2, show(self->l[2].acc)->shutdown);
	ASSERT_EQ(0, ERR(shutdown(self->l[2].fd, SHUT_RDWR)));
	expect_sock(_metadata, show(self->l[2].acc), self->l[2].acc,
		    BUS_ROLE_ACCEPTED, BUS_STATE_CLOSED, 3);
	EXPECT_EQ(3, seen[0].shutdown);
}

TEST_F(diag, peer)
{
	const struct seen *s = show(self->l[0].fd);

	EXPECT_EQ(inode_of(self->l[0].acc), s->peer.ino);
	EXPECT_EQ(cookie(self->l[0].acc), u64_of(s->peer.cookie));
	s = show(self->l[0].acc);
	EXPECT_EQ(inode_of(self->l[0].fd), s->peer.ino);
	EXPECT_EQ(cookie(self->l[0].fd), u64_of(s->peer.cookie));
	close(self->l[0].fd);
	self->l[0].fd = -1;
	EXPECT_FALSE(HAS(show(self->l[0].acc), BUS_DIAG_PEER));
	EXPECT_EQ(1, nr_seen);
}

/* It has no inode yet, but a cookie. */
TEST_F(diag, not_accepted)
{
	int fd = bus_socket();
	__u64 acc;

	ASSERT_EQ(0, ERR(connect(fd, (struct sockaddr *)&self->b.name,
				 self->b.namelen)));
	EXPECT_EQ(1, show(self->b.listener)->queue.messages);
	EXPECT_EQ(128, seen[0].queue.max_messages);
	EXPECT_EQ(0, show(fd)->peer.ino);
	acc = u64_of(seen[0].peer.cookie);
	ASSERT_NE(0, acc);
	ASSERT_EQ(0, ask_for(0, acc, ALL));
	ASSERT_EQ(1, nr_seen);
	EXPECT_EQ(0, seen[0].msg.bdiag_ino);
	EXPECT_EQ(BUS_ROLE_ACCEPTED, seen[0].msg.bdiag_role);
	EXPECT_EQ(BUS_STATE_CONNECTED, seen[0].msg.bdiag_state);
	EXPECT_EQ(inode_of(fd), seen[0].peer.ino);
	EXPECT_EQ(3, seen[0].bus.addr);
	close(fd);
}

TEST_F(diag, name)
{
	const struct seen *s = show(self->l[0].acc);
	struct sockaddr_bus sb;
	struct tmp_dir tmp;
	struct statfs fs;
	struct stat st;
	int fd;

	EXPECT_EQ(self->b.namelen - BUS_NAME_MIN, s->name_len);
	EXPECT_EQ(0, memcmp(self->b.name.sbus_path, s->name, s->name_len));
	EXPECT_FALSE(HAS(s, BUS_DIAG_VFS));

	ASSERT_EQ(0, tmp_enter(&tmp));
	fd = bus_listen(&sb, bus_path(&sb, "node"));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, stat("node", &st));
	ASSERT_EQ(0, statfs(".", &fs));
	s = show(fd);
	EXPECT_EQ(4, s->name_len);
	EXPECT_EQ(0, memcmp("node", s->name, 4));
	EXPECT_EQ(st.st_ino, s->vfs.bdiag_vfs_ino);
	/* On overlayfs, stat() shows the device of a layer. */
	if (fs.f_type != OVERLAYFS_SUPER_MAGIC)
		EXPECT_EQ(st.st_dev, s->vfs.bdiag_vfs_dev);
	EXPECT_EQ(0, s->vfs.reserved);
	close(fd);
	unlink("node");
	tmp_leave(&tmp);
}

TEST_F(diag, addresses)
{
	const struct seen *s = show(self->l[0].fd);
	int i;

	EXPECT_TRUE(HAS(s, BUS_DIAG_ADDRS));
	EXPECT_EQ(0, s->nr_addrs);
	ASSERT_EQ(0, bus_add(&self->l[0], BUS_ADDR(7, 0xf00ddeadbeefULL)));
	EXPECT_EQ(1, show(self->l[0].fd)->nr_addrs);
	EXPECT_EQ(BUS_ADDR(7, 0xf00ddeadbeefULL), seen[0].addrs[0]);
	EXPECT_EQ(1, show(self->l[0].acc)->nr_addrs);
	EXPECT_EQ(0, show(self->l[1].fd)->nr_addrs);
	for (i = 1; i < BUS_DIAG_MAX_ADDRS; i++)
		ASSERT_EQ(0, bus_add(&self->l[0], BUS_ADDR(8, i)));
	EXPECT_EQ(BUS_DIAG_MAX_ADDRS, show(self->l[0].fd)->nr_addrs);
	EXPECT_FALSE(seen[0].msg.bdiag_flags & BUS_DIAG_F_MORE_ADDRS);
	ASSERT_EQ(0, bus_add(&self->l[0], BUS_ADDR(9, 1)));
	EXPECT_EQ(BUS_DIAG_MAX_ADDRS, show(self->l[0].fd)->nr_addrs);
	EXPECT_TRUE(seen[0].msg.bdiag_flags & BUS_DIAG_F_MORE_ADDRS);
	ASSERT_EQ(0, bus_del(&self->l[0], BUS_ADDR(7, 0xf00ddeadbeefULL)));
	ASSERT_EQ(0, bus_del(&self->l[0], BUS_ADDR(8, 1)));
	EXPECT_EQ(BUS_DIAG_MAX_ADDRS - 1, show(self->l[0].fd)->nr_addrs);
	for (i = 0; i < (int)seen[0].nr_addrs; i++) {
		EXPECT_NE(7, BUS_PREFIX(seen[0].addrs[i]));
		EXPECT_NE(BUS_ADDR(8, 1), seen[0].addrs[i]);
	}
	close(self->l[0].fd);
	self->l[0].fd = -1;
	EXPECT_EQ(0, show(self->l[0].acc)->nr_addrs);
}

TEST_F(diag, queue_and_drops)
{
	const struct seen *s;
	int i;

	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 3));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, 123456));
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	s = show(self->l[2].fd);
	EXPECT_EQ(0, s->queue.messages);
	EXPECT_EQ(0, s->queue.bytes);
	EXPECT_EQ(3, s->queue.max_messages);
	EXPECT_EQ(123456, s->queue.max_bytes);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
	s = show(self->l[2].fd);
	EXPECT_EQ(3, s->queue.messages);
	EXPECT_LT(0, s->queue.bytes);
	EXPECT_EQ(2, s->queue.drops);
	EXPECT_EQ(s->queue.bytes, s->meminfo[SK_MEMINFO_RMEM_ALLOC]);
	EXPECT_EQ(123456, s->meminfo[SK_MEMINFO_RCVBUF]);
	EXPECT_EQ(2, s->meminfo[SK_MEMINFO_DROPS]);
	EXPECT_EQ(2, s->stats[BUS_DIAG_STAT_LOST]);
	EXPECT_EQ(0, show(self->l[1].fd)->queue.drops);
	EXPECT_EQ(5, seen[0].queue.messages);
}

/* The answer is the same as that of BUS_INFO. */
TEST_F(diag, info)
{
	struct bus_info info;
	int fd[4] = { self->b.listener, self->l[0].fd, self->l[1].fd,
		      self->l[1].acc };
	int i;

	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "unicast"));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "multicast"));
	EXPECT_EQ(0, say(self->l[1].fd, "handover"));
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_REJECT,
				  BUS_OVERFLOW_BLOCK));
	for (i = 0; i < 4; i++) {
		info = bus_get_info(fd[i]);
		EXPECT_EQ(0, memcmp(&info, &show(fd[i])->info, sizeof(info)));
	}
	EXPECT_EQ(2, show(self->l[1].fd)->stats[BUS_DIAG_STAT_COPIES]);
	EXPECT_EQ(1, seen[0].stats[BUS_DIAG_STAT_HANDOVERS]);
}

TEST_F(diag, flags)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, -1);
	struct sock_fprog prog = { 1, &insn };
	int on = 1;

	EXPECT_EQ(0, show(self->l[1].fd)->msg.bdiag_flags);
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_EAVESDROP, 1));
	EXPECT_EQ(BUS_DIAG_F_EAVESDROP, show(self->l[1].fd)->msg.bdiag_flags);
	EXPECT_EQ(BUS_DIAG_F_EAVESDROP, show(self->l[1].acc)->msg.bdiag_flags);
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_EAVESDROP, 0));
	EXPECT_EQ(0, show(self->l[1].fd)->msg.bdiag_flags);
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(BUS_DIAG_F_VIA_MASTER, show(self->l[1].fd)->msg.bdiag_flags);
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, 0));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_NOTRUNC, on));
	EXPECT_EQ(BUS_DIAG_F_NOTRUNC, show(self->l[1].fd)->msg.bdiag_flags);
	EXPECT_EQ(0, show(self->l[1].acc)->msg.bdiag_flags);
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_NOTRUNC, 0));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, on));
	EXPECT_EQ(BUS_DIAG_F_RIGHTS, show(self->l[1].fd)->msg.bdiag_flags);
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 0));
	ASSERT_EQ(0, ERR(setsockopt(self->l[1].fd, SOL_SOCKET, SO_ATTACH_FILTER,
				    &prog, sizeof(prog))));
	EXPECT_EQ(BUS_DIAG_F_FILTER, show(self->l[1].fd)->msg.bdiag_flags);
}

TEST_F(diag, blocked)
{
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 1));
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	ASSERT_EQ(0, say_to(self->l[0].fd, 3, "a"));
	EXPECT_EQ(0, show(self->l[0].fd)->msg.bdiag_flags);
	ASSERT_EQ(EAGAIN, say_to(self->l[0].fd, 3, "b"));
	EXPECT_EQ(BUS_DIAG_F_BLOCKED, show(self->l[0].fd)->msg.bdiag_flags);
	EXPECT_EQ(0, show(self->l[1].fd)->msg.bdiag_flags);
}

static int attach_long(int fd, int len, __u32 last)
{
	struct sock_filter insns[BPF_MAXINSNS];
	struct sock_fprog prog = { len, insns };
	int i;

	for (i = 0; i < len; i++)
		insns[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, last);
	return ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			      sizeof(prog)));
}

TEST_F(diag, filter)
{
	const struct seen *s = show(self->l[0].fd);

	EXPECT_FALSE(HAS(s, BUS_DIAG_FILTER));
	ASSERT_EQ(0, attach_long(self->l[0].fd, 2, 77));
	s = show(self->l[0].fd);
	EXPECT_EQ(2 * sizeof(struct sock_filter), s->filter_len);
	EXPECT_EQ(BPF_RET | BPF_K, s->filter[1].code);
	EXPECT_EQ(77, s->filter[1].k);
}

/* A dump continues when a filter does not fit into one part. */
TEST_F(diag, long_filter)
{
	ASSERT_EQ(0, attach_long(self->l[0].fd, BPF_MAXINSNS, 77));
	EXPECT_EQ(BPF_MAXINSNS * sizeof(struct sock_filter),
		  show(self->l[0].fd)->filter_len);
	ASSERT_EQ(0, dump(&everything));
	EXPECT_EQ(1, count_ino(inode_of(self->b.listener)));
	EXPECT_EQ(1, count_ino(inode_of(self->l[0].fd)));
	EXPECT_EQ(1, count_ino(inode_of(self->l[0].acc)));
	EXPECT_EQ(1, count_ino(inode_of(self->l[1].acc)));
}

/* Only root sees filters; all users see the rest. */
TEST_F(diag, other_user)
{
	__u64 ino = inode_of(self->l[0].fd);
	int before, fd;

	ASSERT_EQ(0, geteuid());
	ASSERT_EQ(0, attach_long(self->l[0].fd, 2, 77));
	ASSERT_EQ(0, dump(&everything));
	before = nr_seen;
	ASSERT_EQ(0, ERR(setresuid(NOBODY, NOBODY, NOBODY)));
	ASSERT_EQ(0, dump(&everything));
	EXPECT_EQ(before, nr_seen);
	EXPECT_EQ(1, count_ino(ino));
	expect_sock(_metadata, show(self->l[0].fd), self->l[0].fd,
		    BUS_ROLE_CLIENT, BUS_STATE_JOINED, 1);
	EXPECT_EQ(0, seen[0].uid);
	EXPECT_TRUE(seen[0].msg.bdiag_flags & BUS_DIAG_F_FILTER);
	EXPECT_EQ(0, seen[0].filter_len);
	fd = bus_socket();
	EXPECT_EQ(NOBODY, show(fd)->uid);
	close(fd);
}

/* A user that is not mapped in the reader's user namespace is shown as nobody.
 */
TEST_F(diag, user_namespace)
{
	EXPECT_EQ(0, show(self->l[0].fd)->uid);
	ASSERT_EQ(0, ERR(unshare(CLONE_NEWUSER)));
	EXPECT_EQ(NOBODY, show(self->l[0].fd)->uid);
	EXPECT_TRUE(HAS(&seen[0], BUS_DIAG_UID));
}

TEST_F(diag, namespaces)
{
	__u64 ino = inode_of(self->l[0].fd), val = cookie(self->l[0].fd);
	int fd;

	EXPECT_EQ(0, ask_for(ino, val, ALL));
	ASSERT_EQ(0, ERR(unshare(CLONE_NEWNET)));
	ASSERT_EQ(0, dump(&everything));
	EXPECT_EQ(0, nr_seen);
	EXPECT_EQ(ENOENT, ask_for(ino, val, ALL));
	EXPECT_EQ(ENOENT, ask_for(0, val, ALL));
	fd = bus_socket();
	ASSERT_EQ(0, dump(&everything));
	EXPECT_EQ(1, nr_seen);
	EXPECT_EQ(1, count_ino(inode_of(fd)));
	close(fd);
}

TEST_F(diag, exact)
{
	__u64 ino = inode_of(self->l[0].fd), val = cookie(self->l[0].fd);

	EXPECT_EQ(0, ask_for(ino, val, 0));
	EXPECT_EQ(1, count_ino(ino));
	EXPECT_EQ(0, ask_for(ino, -1, 0));
	EXPECT_EQ(1, count_ino(ino));
	EXPECT_EQ(0, ask_for(0, val, 0));
	EXPECT_EQ(1, count_ino(ino));
	EXPECT_EQ(ESTALE, ask_for(ino, val + 1000, 0));
	EXPECT_EQ(ESTALE, ask_for(ino, val ^ 1ULL << 40, 0));
	EXPECT_EQ(ENOENT, ask_for(0, val ^ 1ULL << 40, 0));
	EXPECT_EQ(ENOENT, ask_for(1ULL << 40 | ino, val, 0));
	EXPECT_EQ(EINVAL, ask_for(0, -1, 0));
	close(self->l[0].fd);
	self->l[0].fd = -1;
	EXPECT_EQ(ENOENT, ask_for(ino, val, 0));
	EXPECT_EQ(ENOENT, ask_for(0, val, 0));
}

TEST_F(diag, malformed)
{
	struct bus_diag_req req = everything;

	EXPECT_EQ(0, dump(&req));
	EXPECT_EQ(EINVAL, ask(&req, sizeof(req) - 4, NLM_F_DUMP, NULL, NULL));
	EXPECT_EQ(EINVAL, ask(&req, 4, 0, NULL, NULL));
	req.sdiag_protocol = 1;
	EXPECT_EQ(EINVAL, dump(&req));
	req.sdiag_protocol = 0;
	req.pad = 1;
	EXPECT_EQ(EINVAL, dump(&req));
}

/* Selects by state, role and bus. */
TEST_F(diag, which)
{
	struct bus_diag_req req = everything;
	struct tbus other;
	int new = bus_socket();

	ASSERT_EQ(0, tbus_open(&other, 1));
	ASSERT_EQ(0, tbus_link(&other, &other.link[1]));
	other.nr++;
	req.bdiag_bus = self->bus;
	ASSERT_EQ(0, dump(&req));
	EXPECT_EQ(5, nr_seen);
	EXPECT_EQ(0, count_ino(inode_of(other.listener)));
	EXPECT_EQ(0, count_ino(inode_of(new)));
	req.bdiag_roles = 1 << BUS_ROLE_CLIENT;
	ASSERT_EQ(0, dump(&req));
	EXPECT_EQ(2, nr_seen);
	EXPECT_EQ(1, count_ino(inode_of(self->l[0].fd)));
	EXPECT_EQ(1, count_ino(inode_of(self->l[1].fd)));
	req.bdiag_bus = bus_get_info(other.listener).cookie;
	req.bdiag_states = 1 << BUS_STATE_CONNECTED;
	ASSERT_EQ(0, dump(&req));
	EXPECT_EQ(1, nr_seen);
	EXPECT_EQ(1, count_ino(inode_of(other.link[1].fd)));
	req.bdiag_roles = ALL;
	ASSERT_EQ(0, dump(&req));
	EXPECT_EQ(2, nr_seen);
	req.bdiag_states = 1 << BUS_STATE_LISTEN | 1 << BUS_STATE_JOINED;
	ASSERT_EQ(0, dump(&req));
	EXPECT_EQ(3, nr_seen);
	req.bdiag_bus = 0;
	req.bdiag_states = 1 << BUS_STATE_NEW;
	ASSERT_EQ(0, dump(&req));
	EXPECT_EQ(1, count_ino(inode_of(new)));
	EXPECT_EQ(0, count_ino(inode_of(self->l[0].fd)));
	req.bdiag_bus = -1;
	req.bdiag_states = ALL;
	ASSERT_EQ(0, dump(&req));
	EXPECT_EQ(0, nr_seen);
	close(new);
	tbus_close(&other);
}

/* The answer has the attributes that were asked for and no others. */
TEST_F(diag, what)
{
	static const struct {
		__u32	show;
		__u32	attrs;
	} tests[] = {
		{ 0, 0 },
		{ BUS_DIAG_SHOW_NAME, 1 << BUS_DIAG_NAME },
		{ BUS_DIAG_SHOW_BUS, 1 << BUS_DIAG_BUS },
		{ BUS_DIAG_SHOW_ADDRS, 1 << BUS_DIAG_ADDRS },
		{ BUS_DIAG_SHOW_PEER, 1 << BUS_DIAG_PEER },
		{ BUS_DIAG_SHOW_QUEUE, 1 << BUS_DIAG_QUEUE },
		{ BUS_DIAG_SHOW_INFO, 1 << BUS_DIAG_INFO },
		{ BUS_DIAG_SHOW_UID, 1 << BUS_DIAG_UID },
		{ BUS_DIAG_SHOW_MEMINFO, 1 << BUS_DIAG_MEMINFO },
		{ BUS_DIAG_SHOW_FILTER, 1 << BUS_DIAG_FILTER },
		{ 1u << 31, 0 },
	};
	unsigned int i;

	ASSERT_EQ(0, attach_long(self->l[0].fd, 1, 77));
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		EXPECT_EQ(1 << BUS_DIAG_SHUTDOWN | tests[i].attrs,
			  show_only(self->l[0].fd, tests[i].show)->attrs);
}

#define NR_STAY	200

static void let_some_go(void *arg)
{
	bus_crowd_go(arg, 5);
}

/* Sockets that close have already been shown, so no other socket may be missed.
 */
TEST_F(diag, some_go)
{
	struct bus_crowd c;
	int i;

	bus_crowd_open(&c, NR_STAY);
	ASSERT_EQ(0, ask(&everything, sizeof(everything), NLM_F_DUMP,
			 let_some_go, &c));
	EXPECT_LT(5, nr_parts);
	EXPECT_LT(20, c.gone);
	for (i = 0; i < NR_STAY; i++)
		EXPECT_EQ(1, count_ino(c.ino[i]));
	bus_crowd_close(&c);
}

static atomic_bool stop;

static void *come_and_go(void *arg)
{
	struct tbus *b = arg;
	struct bus_link l;

	while (!atomic_load(&stop)) {
		if (tbus_client(b, &l) || bus_add(&l, BUS_ADDR(5, l.addr)))
			return "failed";
		bus_link_close(&l);
	}
	return NULL;
}

/* Clients come and go at once, some not accepted, some without addresses. */
TEST_F(diag, many_come_and_go)
{
	struct bus_diag_req req = everything;
	pthread_t thread;
	struct bus_crowd c;
	void *ret;
	int i, turn;

	bus_crowd_open(&c, NR_STAY);
	atomic_store(&stop, false);
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &self->b));
	for (turn = 0; turn < 10 * bus_long(30); turn++) {
		ASSERT_EQ(0, dump(&req));
		for (i = 0; i < NR_STAY; i++)
			ASSERT_EQ(1, count_ino(c.ino[i]));
		for (i = 0; i < nr_seen; i++) {
			ASSERT_NE(0, seen[i].attrs);
			if (seen[i].msg.bdiag_role == BUS_ROLE_CLIENT)
				ASSERT_NE(0, seen[i].bus.addr);
		}
	}
	atomic_store(&stop, true);
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
	bus_crowd_close(&c);
}

TEST_HARNESS_MAIN
