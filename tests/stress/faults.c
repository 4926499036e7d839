// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and bad buffers: each operation is repeated, and each
 * time one more of its allocations and copies succeeds before one fails
 * (Documentation/fault-injection). The operation may fail then, as documented,
 * but it must have no effect: no recipient has a part of a message, and the
 * operation succeeds when it is repeated.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <linux/bus_diag.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "bus_util.h"
#include "fault_each.h"
#include "fault_util.h"

#define CLIENTS		3
#define BIG		(300 * 1024)
#define GROUP		BUS_MULTICAST(1)

struct env {
	struct tbus	b;
	struct bus_link	*l;
	int		fd;	/* made by the operation */
	int		acc;
	int		pipe[2];
	int		socks[2];
	char		*big;
	struct bus_got	got;
	char		text[64];
};

static bool is_empty(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool all_empty(struct env *e)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		if (!is_empty(e->l[i].fd) || !is_empty(e->l[i].acc))
			return false;
	return true;
}

static bool takes(int fd, const char *text)
{
	const char *got = take(fd);

	if (!strcmp(got, text))
		return true;
	printf("# got %s, expected %s\n", got, text);
	return false;
}

static void close_fd(struct env *e)
{
	close(e->fd);
	e->fd = -1;
	if (e->acc >= 0)
		close(e->acc);
	e->acc = -1;
}

static int no_prepare(struct env *e)
{
	return 0;
}

static bool no_check(struct env *e)
{
	return true;
}

static void no_cleanup(struct env *e)
{
}

/* Sockets */

static int new_socket(struct env *e)
{
	e->fd = bus_socket();
	return e->fd < 0 ? errno : 0;
}

static bool has_none(struct env *e)
{
	return e->fd < 0;
}

static bool has_state(struct env *e, enum bus_state state)
{
	return bus_get_info(e->fd).state == state;
}

static bool is_new(struct env *e)
{
	return has_state(e, BUS_STATE_NEW);
}

static const struct fault_op op_socket = {
	no_prepare, new_socket, has_none, is_new, close_fd, { ENOMEM, ENFILE },
};

static int bind_abstract(struct env *e)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_abstract(&sb, "faults");

	return ERR(bind(e->fd, (struct sockaddr *)&sb, len));
}

static int bind_path(struct env *e)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_path(&sb, "faults");

	return ERR(bind(e->fd, (struct sockaddr *)&sb, len));
}

static bool is_bound(struct env *e)
{
	return has_state(e, BUS_STATE_BOUND);
}

static bool is_new_without_node(struct env *e)
{
	return is_new(e) && access("faults", F_OK);
}

static void close_unlink(struct env *e)
{
	close_fd(e);
	unlink("faults");
}

static const struct fault_op op_bind = {
	new_socket, bind_abstract, is_new, is_bound, close_fd,
	{ ENOMEM, EFAULT },
};

static const struct fault_op op_bind_path = {
	new_socket, bind_path, is_new_without_node, is_bound, close_unlink,
	{ ENOMEM, EFAULT, ENOSPC },
};

static int bound_socket(struct env *e)
{
	return new_socket(e) ?: bind_abstract(e);
}

static int do_listen(struct env *e)
{
	return ERR(listen(e->fd, 5));
}

static bool is_listening(struct env *e)
{
	return has_state(e, BUS_STATE_LISTEN);
}

static const struct fault_op op_listen = {
	bound_socket, do_listen, is_bound, is_listening, close_fd, { ENOMEM },
};

static int do_connect(struct env *e)
{
	return ERR(connect(e->fd, (struct sockaddr *)&e->b.name, e->b.namelen));
}

static bool nobody_waits(struct env *e)
{
	return is_new(e) && !bus_get_info(e->b.listener).qlen &&
	       bus_get_info(e->b.listener).clients == CLIENTS;
}

static bool one_waits(struct env *e)
{
	return has_state(e, BUS_STATE_CONNECTED) &&
	       bus_get_info(e->b.listener).qlen == 1;
}

static void drop_connection(struct env *e)
{
	close_fd(e);
	close(accept4(e->b.listener, NULL, NULL, SOCK_CLOEXEC));
}

static const struct fault_op op_connect = {
	new_socket, do_connect, nobody_waits, one_waits, drop_connection,
	{ ENOMEM, EFAULT },
};

static int connection(struct env *e)
{
	return new_socket(e) ?: do_connect(e);
}

static int do_accept(struct env *e)
{
	e->acc = accept4(e->b.listener, NULL, NULL, SOCK_CLOEXEC);
	return e->acc < 0 ? errno : 0;
}

static bool is_linked(struct env *e)
{
	char c;

	return send(e->acc, "x", 1, 0) == 1 && recv(e->fd, &c, 1, 0) == 1;
}

static const struct fault_op op_accept = {
	connection, do_accept, one_waits, is_linked, close_fd,
	{ ENOMEM, ENFILE },
};

static int accepted(struct env *e)
{
	return connection(e) ?: do_accept(e);
}

/* Options */

static int do_join(struct env *e)
{
	return bus_opt0(e->acc, BUS_JOIN_BUS);
}

static bool is_unjoined(struct env *e)
{
	return has_state(e, BUS_STATE_CONNECTED);
}

static bool is_joined(struct env *e)
{
	return has_state(e, BUS_STATE_JOINED);
}

static const struct fault_op op_join = {
	accepted, do_join, is_unjoined, is_joined, close_fd, { ENOMEM },
};

static int do_add(struct env *e)
{
	return bus_add(&e->l[0], BUS_ADDR(7, 7));
}

static int do_del(struct env *e)
{
	return bus_del(&e->l[0], BUS_ADDR(7, 7));
}

static bool others_can_have_it(struct env *e)
{
	return !bus_add(&e->l[1], BUS_ADDR(7, 7)) &&
	       !bus_del(&e->l[1], BUS_ADDR(7, 7));
}

static bool others_cannot(struct env *e)
{
	return bus_add(&e->l[1], BUS_ADDR(7, 7)) == EADDRINUSE;
}

static void clean_add(struct env *e)
{
	do_del(e);
}

static const struct fault_op op_add = {
	no_prepare, do_add, others_can_have_it, others_cannot, clean_add,
	{ ENOMEM, EFAULT },
};

static const struct fault_op op_del = {
	do_add, do_del, others_cannot, others_can_have_it, no_cleanup,
	{ EFAULT },
};

static int do_overflow(struct env *e)
{
	return bus_overflow(e->l[0].acc, BUS_OVERFLOW_REJECT,
			    BUS_OVERFLOW_MASTER);
}

static bool rejects(struct env *e)
{
	return bus_get_info(e->l[0].acc).overflow_unicast ==
	       BUS_OVERFLOW_REJECT;
}

static bool blocks(struct env *e)
{
	return bus_get_info(e->l[0].acc).overflow_unicast ==
	       BUS_OVERFLOW_BLOCK;
}

static void clean_overflow(struct env *e)
{
	bus_overflow(e->l[0].acc, BUS_OVERFLOW_BLOCK, BUS_OVERFLOW_DROP);
}

static const struct fault_op op_overflow = {
	no_prepare, do_overflow, blocks, rejects, clean_overflow, { EFAULT },
};

static int do_eavesdrop(struct env *e)
{
	return bus_opt(e->l[2].acc, BUS_EAVESDROP, 1);
}

static void clean_eavesdrop(struct env *e)
{
	bus_opt(e->l[2].acc, BUS_EAVESDROP, 0);
}

static int do_filter(struct env *e)
{
	struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, -1);
	struct sock_fprog prog = { 1, &pass };

	return ERR(setsockopt(e->l[1].fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			      sizeof(prog)));
}

static void clean_filter(struct env *e)
{
	sol_opt(e->l[1].fd, SO_DETACH_FILTER, 0);
}

static const struct fault_op op_filter = {
	no_prepare, do_filter, no_check, no_check, clean_filter,
	{ ENOMEM, EFAULT },
};

/* Reading state */

static int do_info(struct env *e)
{
	struct bus_overflow o;
	struct sockaddr_bus sb;
	struct bus_info info;
	socklen_t len = sizeof(info);
	__u32 val;
	int err;

	err = ERR(getsockopt(e->l[0].fd, SOL_BUS, BUS_INFO, &info, &len));
	len = sizeof(o);
	err = err ?: ERR(getsockopt(e->l[0].fd, SOL_BUS, BUS_OVERFLOW, &o,
				    &len));
	len = sizeof(val);
	err = err ?: ERR(getsockopt(e->l[0].fd, SOL_BUS, BUS_MAX_MSG, &val,
				    &len));
	len = sizeof(sb);
	return err ?: ERR(getsockname(e->l[0].fd, (struct sockaddr *)&sb,
				      &len));
}

static const struct fault_op op_info = {
	no_prepare, do_info, no_check, no_check, no_cleanup, { EFAULT },
};

static int do_proc(struct env *e)
{
	char line[4096];
	ssize_t n;
	int fd, err = 0;

	fd = open("/proc/thread-self/net/bus", O_RDONLY);
	if (fd < 0)
		return errno;
	do {
		n = read(fd, line, sizeof(line));
		if (n < 0)
			err = errno;
	} while (n > 0);
	close(fd);
	return err;
}

static const struct fault_op op_proc = {
	no_prepare, do_proc, no_check, no_check, no_cleanup,
	{ ENOMEM, EFAULT, ENOENT },
};

/* Returns 0 or an error from the last message of a dump, -EAGAIN if this is not
 * the last.
 */
static int diag_end(const struct nlmsghdr *nlh, int len)
{
	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return *(int *)NLMSG_DATA(nlh);
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(nlh))->error;
	}
	return -EAGAIN;
}

static int do_diag(struct env *e)
{
	struct {
		struct nlmsghdr		nlh;
		struct bus_diag_req	req;
	} msg = {
		.nlh = {
			.nlmsg_len = sizeof(msg),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = AF_BUS,
			.bdiag_states = ~0u,
			.bdiag_roles = ~0u,
			.bdiag_show = ~0u,
		},
	};
	int n, err = -EAGAIN;

	if (send(e->fd, &msg, sizeof(msg), 0) < 0)
		return errno;
	while (err == -EAGAIN) {
		n = recv(e->fd, e->big, BIG, MSG_DONTWAIT);
		if (n < 0)
			return errno;
		err = diag_end((void *)e->big, n);
	}
	return -err;
}

static int diag_socket(struct env *e)
{
	e->fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	return e->fd < 0 ? errno : 0;
}

/* A dump that was cut short would continue with the next recv(), so each dump
 * has a socket of its own.
 */
static const struct fault_op op_diag = {
	diag_socket, do_diag, no_check, no_check, close_fd,
	{ ENOMEM, EFAULT, ENOBUFS, EAGAIN }, .once = true,
};

/* Messages */

static int send_one(struct env *e)
{
	return say_to(e->l[0].fd, 2, "hello");
}

static bool one_came(struct env *e)
{
	return takes(e->l[1].fd, "1:hello") && all_empty(e);
}

static const struct fault_op op_unicast = {
	no_prepare, send_one, all_empty, one_came, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS },
};

static int send_to_master(struct env *e)
{
	return say(e->l[0].fd, "hello");
}

static bool master_has_it(struct env *e)
{
	return takes(e->l[0].acc, "1:hello") && all_empty(e);
}

static const struct fault_op op_handover = {
	no_prepare, send_to_master, all_empty, master_has_it, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS },
};

static int send_big(struct env *e)
{
	struct sockaddr_bus sb;

	bus_to(&sb, 2);
	return ERR(sendto(e->l[0].fd, e->big, BIG, MSG_DONTWAIT,
			  (struct sockaddr *)&sb, BUS_NAME_MIN));
}

static bool big_came(struct env *e)
{
	return recv(e->l[1].fd, e->big, BIG, MSG_DONTWAIT) == BIG &&
	       all_empty(e);
}

static const struct fault_op op_large = {
	no_prepare, send_big, all_empty, big_came, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS },
};

static int send_group(struct env *e)
{
	return say_to(e->l[0].fd, GROUP, "all");
}

static bool group_has(struct env *e, const char *text)
{
	return takes(e->l[1].fd, text) && takes(e->l[2].fd, text) &&
	       all_empty(e);
}

static bool all_came(struct env *e)
{
	return group_has(e, "1:all");
}

static const struct fault_op op_multicast = {
	no_prepare, send_group, all_empty, all_came, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS },
};

static int send_group_fds(struct env *e)
{
	const __u64 to = GROUP;

	return say_fds(e->l[0].fd, &to, "fds", e->socks, 2);
}

static bool fds_came(struct env *e)
{
	return group_has(e, "1:fds fds=2");
}

static const struct fault_op op_multicast_fds = {
	no_prepare, send_group_fds, all_empty, fds_came, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS },
};

static int send_to_list(struct env *e)
{
	const __u64 list[] = { 2, 3, 3, 99 };

	return say_list(e->l[0].acc, list, 4, "all");
}

static bool list_came(struct env *e)
{
	return group_has(e, "0:all");
}

static const struct fault_op op_list = {
	no_prepare, send_to_list, all_empty, list_came, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS },
};

/* More addresses than a message has room for at first */
static int send_to_many(struct env *e)
{
	struct bus_addr list[300];
	int i;

	for (i = 0; i < 300; i++)
		list[i].s_addr = i < 298 ? 100 + i : i - 296;
	return send_cmsg(e->l[0].acc, NULL, "all", SOL_BUS, SCM_BUS_LIST, list,
			 sizeof(list));
}

static bool many_came(struct env *e)
{
	return takes(e->l[1].fd, "0:all") && takes(e->l[2].fd, "0:all") &&
	       all_empty(e);
}

static const struct fault_op op_long_list = {
	no_prepare, send_to_many, all_empty, many_came, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS },
};

static const struct fault_op op_eavesdrop = {
	no_prepare, do_eavesdrop, no_check, no_check, clean_eavesdrop,
	{ ENOMEM, EFAULT },
};

static int splice_prepare(struct env *e)
{
	char c;

	while (read(e->pipe[0], &c, 1) == 1)
		;
	return write(e->pipe[1], "hello", 5) == 5 ? 0 : errno;
}

/* The contents of the pipe are lost if they cannot be sent. */
static int do_splice(struct env *e)
{
	return ERR(splice(e->pipe[0], NULL, e->l[0].fd, NULL, 5,
			  SPLICE_F_NONBLOCK));
}

static const struct fault_op op_splice = {
	splice_prepare, do_splice, all_empty, master_has_it, no_cleanup,
	{ ENOMEM, EFAULT, ENOBUFS }, .once = true,
};

/* After a fault the control messages may be missing, and a message that was
 * read is gone.
 */

static int message_with_fds(struct env *e)
{
	const __u64 to = 2;

	return say_fds(e->l[0].fd, &to, "fds", e->socks, 2);
}

static int receive(struct env *e, int flags)
{
	return bus_recv(e->l[1].fd, &e->got, e->text, sizeof(e->text),
			MSG_DONTWAIT | flags) < 0 ? e->got.err : 0;
}

static int do_recv(struct env *e)
{
	return receive(e, 0);
}

static int do_peek(struct env *e)
{
	return receive(e, MSG_PEEK);
}

static bool is_whole(struct env *e)
{
	bool ok = e->got.len == 3 && !memcmp(e->text, "fds", 3) &&
		  (e->got.nr_fds == 2 || e->got.flags & MSG_CTRUNC);

	bus_got_close(&e->got);
	return ok;
}

static void drain(struct env *e)
{
	while (!is_empty(e->l[1].fd))
		take(e->l[1].fd);
}

static const struct fault_op op_recv = {
	message_with_fds, do_recv, no_check, is_whole, drain,
	{ EFAULT, ENOMEM }, .once = true,
};

static bool is_there_still(struct env *e)
{
	return !is_empty(e->l[1].fd);
}

static bool is_whole_and_there(struct env *e)
{
	return e->got.len == 3 && is_there_still(e);
}

static void peek_cleanup(struct env *e)
{
	bus_got_close(&e->got);
	drain(e);
}

static const struct fault_op op_peek = {
	message_with_fds, do_peek, is_there_still, is_whole_and_there,
	peek_cleanup, { EFAULT, ENOMEM },
};

/* shutdown() and close() must always succeed. */
static int do_close(struct env *e)
{
	return ERR(shutdown(e->fd, SHUT_RDWR)) ?: ERR(close(e->fd));
}

static bool other_end_ends(struct env *e)
{
	return takes(e->acc, "EOF");
}

static void close_acc(struct env *e)
{
	e->fd = -1;
	close_fd(e);
}

static const struct fault_op op_close = {
	accepted, do_close, no_check, other_end_ends, close_acc, {}
};

/* Running them */

FIXTURE(faults) {
	struct env	e;
	struct tmp_dir	tmp;
};

FIXTURE_VARIANT(faults) {
	const struct fault_op	*op;
};

FIXTURE_VARIANT_ADD(faults, socket) { .op = &op_socket };
FIXTURE_VARIANT_ADD(faults, bind) { .op = &op_bind };
FIXTURE_VARIANT_ADD(faults, bind_path) { .op = &op_bind_path };
FIXTURE_VARIANT_ADD(faults, listen) { .op = &op_listen };
FIXTURE_VARIANT_ADD(faults, connect) { .op = &op_connect };
FIXTURE_VARIANT_ADD(faults, accept) { .op = &op_accept };
FIXTURE_VARIANT_ADD(faults, join) { .op = &op_join };
FIXTURE_VARIANT_ADD(faults, add) { .op = &op_add };
FIXTURE_VARIANT_ADD(faults, del) { .op = &op_del };
FIXTURE_VARIANT_ADD(faults, overflow) { .op = &op_overflow };
FIXTURE_VARIANT_ADD(faults, eavesdrop) { .op = &op_eavesdrop };
FIXTURE_VARIANT_ADD(faults, filter) { .op = &op_filter };
FIXTURE_VARIANT_ADD(faults, info) { .op = &op_info };
FIXTURE_VARIANT_ADD(faults, proc) { .op = &op_proc };
FIXTURE_VARIANT_ADD(faults, diag) { .op = &op_diag };
FIXTURE_VARIANT_ADD(faults, unicast) { .op = &op_unicast };
FIXTURE_VARIANT_ADD(faults, handover) { .op = &op_handover };
FIXTURE_VARIANT_ADD(faults, large) { .op = &op_large };
FIXTURE_VARIANT_ADD(faults, multicast) { .op = &op_multicast };
FIXTURE_VARIANT_ADD(faults, multicast_fds) { .op = &op_multicast_fds };
FIXTURE_VARIANT_ADD(faults, list) { .op = &op_list };
FIXTURE_VARIANT_ADD(faults, long_list) { .op = &op_long_list };
FIXTURE_VARIANT_ADD(faults, splice) { .op = &op_splice };
FIXTURE_VARIANT_ADD(faults, recv) { .op = &op_recv };
FIXTURE_VARIANT_ADD(faults, peek) { .op = &op_peek };
FIXTURE_VARIANT_ADD(faults, close) { .op = &op_close };

FIXTURE_SETUP(faults)
{
	struct env *e = &self->e;
	int i;

	memset(e, 0, sizeof(*e));
	e->fd = -1;
	e->acc = -1;
	self->tmp.path[0] = 0;
	if (!faults_open())
		SKIP(return, "no fault injection");
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	ASSERT_EQ(0, tbus_listen(&e->b));
	ASSERT_EQ(0, bus_opt(e->b.listener, BUS_RCVBUF, 4 * BIG));
	ASSERT_EQ(0, tbus_clients(&e->b, CLIENTS));
	e->l = e->b.link;
	for (i = 1; i < CLIENTS; i++) {
		ASSERT_EQ(0, bus_add(&e->l[i], BUS_ADDR(1, i)));
		ASSERT_EQ(0, bus_opt(e->l[i].fd, BUS_RECV_RIGHTS, 1));
	}
	e->big = calloc(1, BIG);
	ASSERT_NE(NULL, e->big);
	ASSERT_EQ(0, pipe2(e->pipe, O_NONBLOCK));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e->socks));
}

FIXTURE_TEARDOWN(faults)
{
	if (!self->tmp.path[0])
		return;
	free(self->e.big);
	tbus_close(&self->e.b);
	tmp_leave(&self->tmp);
}

/* Injects each fault in turn until there is no further one. */
TEST_F(faults, each)
{
	struct fault_count c = fault_each(variant->op, &self->e);

	TH_LOG("%d faults, %d errors", c.faults, c.errors);
	EXPECT_EQ(0, c.wrong);
}

/* A network namespace whose initialisation of AF_BUS fails */

TEST(faults_of_a_namespace)
{
	struct text_range init = text_of_function("bus_net_init");
	int n, err, errors = 0;
	bool fault = true;

	if (!faults_open() || !init.start || !faults_within(init))
		SKIP(return, "no fault injection in one function");
	for (n = 1; fault && n < MAX_FAULTS; n++) {
		ASSERT_TRUE(fault_at(n));
		err = ERR(unshare(CLONE_NEWNET));
		fault = fault_end();
		errors += !!err;
		EXPECT_TRUE(!err || (fault && err == ENOMEM));
	}
	faults_anywhere();
	TH_LOG("%d faults, %d errors", n - 2, errors);
	EXPECT_FALSE(fault);
	EXPECT_LT(0, errors);
	EXPECT_EQ(0, fault_sockets());
}

TEST_HARNESS_MAIN
