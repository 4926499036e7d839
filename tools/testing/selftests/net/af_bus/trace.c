// SPDX-License-Identifier: GPL-2.0
/* Tracepoints, and the reasons for dropping messages */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <linux/filter.h>

#include "bus_util.h"

#define TRACEFS		"/sys/kernel/tracing"
#define MAX_LINES	64

/* A trace of this process, in its own instance */
struct trace {
	char	dir[64];
	int	nr;
	char	line[MAX_LINES][256];
};

static int trace_open(struct trace *t)
{
	char filter[32];
	int err;

	snprintf(t->dir, sizeof(t->dir), TRACEFS "/instances/af_bus.%d",
		 getpid());
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	err = ERR(mkdir(t->dir, 0700));
	/* set_event_pid would trace the scheduler, which this test does not
	 * need.
	 */
	if (!err)
		err = write_in(t->dir, "trace_options", "norecord-cmd");
	if (!err)
		err = write_in(t->dir, "events/bus/filter", filter);
	if (!err)
		err = write_in(t->dir, "events/skb/kfree_skb/filter", filter);
	if (!err)
		err = write_in(t->dir, "events/bus/enable", "1");
	if (!err)
		err = write_in(t->dir, "events/skb/kfree_skb/enable", "1");
	return err;
}

static void trace_close(const struct trace *t)
{
	write_in(t->dir, "events/enable", "0");
	rmdir(t->dir);
}

static void cut(char *text, const char *from, const char *to)
{
	char *a = strstr(text, from), *b = a ? strstr(a, to) : NULL;

	if (a && b)
		memmove(a, b, strlen(b) + 1);
}

/* Adds a line such as "send: ...", "deliver: ...", "drop: ..." without the
 * parts that differ from run to run, and "free: REASON".
 */
static void add_line(struct trace *t, char *text)
{
	char *event = strstr(text, ": bus_"), *reason;

	text[strcspn(text, "\n")] = 0;
	if (t->nr == MAX_LINES)
		return;
	if (event) {
		cut(event, "bus=", "src=");
		snprintf(t->line[t->nr++], 256, "%s", event + 6);
		return;
	}
	reason = strstr(text, "reason: ");
	if (strstr(text, ": kfree_skb: ") && reason)
		snprintf(t->line[t->nr++], 256, "free: %s", reason + 8);
}

/* Reads the events since the last call. */
static void trace_read(struct trace *t)
{
	char path[128], text[1024];
	FILE *f;

	t->nr = 0;
	snprintf(path, sizeof(path), "%s/trace", t->dir);
	f = fopen(path, "r");
	if (!f)
		return;
	while (fgets(text, sizeof(text), f))
		if (text[0] != '#')
			add_line(t, text);
	fclose(f);
	write_in(t->dir, "trace", "");
}

/* Expects exactly these lines in this order; prints all of them otherwise. */
static void expect_trace(struct __test_metadata *_metadata, struct trace *t,
			 const char *const *want)
{
	int i;

	trace_read(t);
	for (i = 0; want[i]; i++)
		EXPECT_STREQ(want[i], i < t->nr ? t->line[i] : "(nothing)");
	EXPECT_EQ(i, t->nr);
	for (; i < t->nr; i++)
		TH_LOG("and: %s", t->line[i]);
}

#define EXPECT_TRACE(...) \
	expect_trace(_metadata, &self->t, \
		     (const char *const[]) { __VA_ARGS__, NULL })
#define EXPECT_NO_TRACE() \
	expect_trace(_metadata, &self->t, (const char *const[]) { NULL })

#define A(n)		"0000/00000000000" #n
#define NOBODY		"0000/ffffffffffff"
#define GROUP		"0004/ffffffffffff"

FIXTURE(trace) {
	struct trace	t;
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(trace)
{
	if (access(TRACEFS "/events/bus", R_OK))
		SKIP(return, "no bus events in " TRACEFS);
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 2));
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
	ASSERT_EQ(0, trace_open(&self->t));
}

FIXTURE_TEARDOWN(trace)
{
	trace_close(&self->t);
	tbus_close(&self->b);
}

/* A message that is received is not dropped. */
TEST_F(trace, unicast)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "hello"));
	EXPECT_TRACE("send: src=" A(1) " dst=" A(2) " len=5 fds=0",
		     "deliver: src=" A(1) " recipient=" A(2) " len=5 reason=NONE");
	EXPECT_STREQ("1:hello", peek(self->l[1].fd));
	EXPECT_STREQ("1:hello", take(self->l[1].fd));
	EXPECT_NO_TRACE();
}

TEST_F(trace, multicast)
{
	int fd = open("/dev/null", O_RDONLY);
	__u64 group = BUS_MULTICAST(4);

	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, 2)));
	EXPECT_EQ(0, say_fds(self->l[0].fd, &group, "all", &fd, 1));
	EXPECT_TRACE("send: src=" A(1) " dst=" GROUP " len=3 fds=1",
		     "deliver: src=" A(1) " recipient=" A(2) " len=3 reason=NONE",
		     "deliver: src=" A(1) " recipient=" A(3) " len=3 reason=NONE");
	take(self->l[1].fd);
	take(self->l[2].fd);
	EXPECT_NO_TRACE();
	close(fd);
}

TEST_F(trace, master)
{
	EXPECT_EQ(0, say(self->l[0].fd, "a"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 9, "bb"));
	EXPECT_EQ(0, say(self->l[1].acc, "ccc"));
	EXPECT_TRACE("send: src=" A(1) " dst=" A(0) " len=1 fds=0",
		     "deliver: src=" A(1) " recipient=" A(0)
		     " len=1 reason=ADDRESSED",
		     "send: src=" A(1) " dst=" A(9) " len=2 fds=0",
		     "deliver: src=" A(1) " recipient=" A(0)
		     " len=2 reason=NO_OWNER",
		     "send: src=" A(0) " dst=" A(2) " len=3 fds=0",
		     "deliver: src=" A(0) " recipient=" A(2) " len=3 reason=NONE");
	take(self->l[0].acc);
	take(self->l[0].acc);
	take(self->l[1].fd);
	EXPECT_NO_TRACE();
}

/* Copies of one message have one id, other messages have others. */
TEST_F(trace, message)
{
	char path[128], text[1024], msg[4][32] = {};
	FILE *f;
	int n = 0;

	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
	snprintf(path, sizeof(path), "%s/trace", self->t.dir);
	f = fopen(path, "r");
	ASSERT_NE(NULL, f);
	while (n < 4 && fgets(text, sizeof(text), f))
		if (strstr(text, " msg="))
			sscanf(strstr(text, " msg="), " msg=%31s", msg[n++]);
	fclose(f);
	ASSERT_EQ(4, n);
	EXPECT_STREQ(msg[0], msg[1]);
	EXPECT_STREQ(msg[0], msg[2]);
	EXPECT_STREQ(msg[0], msg[3]);
	EXPECT_LT(4, strlen(msg[0]));
}

TEST_F(trace, no_room)
{
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, 2)));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "1"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "2"));
	trace_read(&self->t);
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(4), "one"));
	EXPECT_TRACE("send: src=" A(1) " dst=" GROUP " len=3 fds=0",
		     "drop: src=" A(1) " recipient=" A(2)
		     " len=3 reason=SOCKET_RCVBUFF",
		     "deliver: src=" A(1) " recipient=" A(3) " len=3 reason=NONE",
		     "free: SOCKET_RCVBUFF");
	EXPECT_EQ(EAGAIN, say_to(self->l[0].fd, 2, "none"));
	EXPECT_TRACE("send: src=" A(1) " dst=" A(2) " len=4 fds=0",
		     "drop: src=" A(1) " recipient=" NOBODY
		     " len=4 reason=SOCKET_RCVBUFF",
		     "free: SOCKET_RCVBUFF");
	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_REJECT,
				  BUS_OVERFLOW_DROP));
	EXPECT_EQ(ENOBUFS, say_to(self->l[0].fd, 2, "none"));
	EXPECT_TRACE("send: src=" A(1) " dst=" A(2) " len=4 fds=0",
		     "drop: src=" A(1) " recipient=" NOBODY
		     " len=4 reason=SOCKET_RCVBUFF",
		     "free: SOCKET_RCVBUFF");
}

/* A multicast for which no recipient has room */
TEST_F(trace, no_room_at_all)
{
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "1"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "2"));
	trace_read(&self->t);
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(4), "one"));
	EXPECT_TRACE("send: src=" A(1) " dst=" GROUP " len=3 fds=0",
		     "drop: src=" A(1) " recipient=" A(2)
		     " len=3 reason=SOCKET_RCVBUFF",
		     "free: SOCKET_RCVBUFF");
}

TEST_F(trace, nobody_there)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(4), "one"));
	EXPECT_TRACE("send: src=" A(1) " dst=" GROUP " len=3 fds=0",
		     "drop: src=" A(1) " recipient=" NOBODY " len=3 reason=NO_SOCKET",
		     "free: NO_SOCKET");
	EXPECT_EQ(EHOSTUNREACH, say_to(self->l[0].acc, 9, "one"));
	EXPECT_TRACE("send: src=" A(0) " dst=" A(9) " len=3 fds=0",
		     "drop: src=" A(0) " recipient=" NOBODY " len=3 reason=NO_SOCKET",
		     "free: NO_SOCKET");
}

static int refuse_all(int fd)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { 1, &insn };

	return ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			      sizeof(prog)));
}

TEST_F(trace, filter)
{
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->l[2], BUS_ADDR(4, 2)));
	ASSERT_EQ(0, refuse_all(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "one"));
	EXPECT_TRACE("send: src=" A(1) " dst=" A(2) " len=3 fds=0",
		     "drop: src=" A(1) " recipient=" A(2)
		     " len=3 reason=SOCKET_FILTER",
		     "free: SOCKET_FILTER");
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(4), "one"));
	EXPECT_TRACE("send: src=" A(1) " dst=" GROUP " len=3 fds=0",
		     "drop: src=" A(1) " recipient=" A(2)
		     " len=3 reason=SOCKET_FILTER",
		     "deliver: src=" A(1) " recipient=" A(3) " len=3 reason=NONE");
	take(self->l[2].fd);
	EXPECT_NO_TRACE();
}

/* Messages in the queue of a socket that is closed */
TEST_F(trace, unread)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "1"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "22"));
	EXPECT_EQ(0, say(self->l[1].fd, "333"));
	trace_read(&self->t);
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_TRACE("drop: src=" A(1) " recipient=" A(2) " len=1 reason=QUEUE_PURGE",
		     "free: QUEUE_PURGE",
		     "drop: src=" A(1) " recipient=" A(2) " len=2 reason=QUEUE_PURGE",
		     "free: QUEUE_PURGE");
	close(self->l[1].acc);
	self->l[1].acc = -1;
	EXPECT_TRACE("drop: src=" A(2) " recipient=" A(0) " len=3 reason=QUEUE_PURGE",
		     "free: QUEUE_PURGE");
}

TEST_F(trace, fault)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	struct bus_got got;

	ASSERT_NE(MAP_FAILED, bad);
	EXPECT_EQ(EFAULT, ERR(send(self->l[0].fd, bad, 7, MSG_DONTWAIT)));
	EXPECT_TRACE("free: SKB_UCOPY_FAULT");
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "hello"));
	trace_read(&self->t);
	EXPECT_GT(0, bus_recv(self->l[1].fd, &got, bad, 5,
			      MSG_DONTWAIT | MSG_PEEK));
	EXPECT_EQ(EFAULT, got.err);
	EXPECT_NO_TRACE();
	EXPECT_GT(0, bus_recv(self->l[1].fd, &got, bad, 5, MSG_DONTWAIT));
	EXPECT_EQ(EFAULT, got.err);
	EXPECT_TRACE("drop: src=" A(1) " recipient=" A(2)
		     " len=5 reason=SKB_UCOPY_FAULT",
		     "free: SKB_UCOPY_FAULT");
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
}

/* The master sends to a client that has gone. */
TEST_F(trace, peer_gone)
{
	int fd = self->l[1].acc;

	close(self->l[1].fd);
	self->l[1].fd = -1;
	trace_read(&self->t);
	EXPECT_EQ(EPIPE, say(fd, "late"));
	EXPECT_NO_TRACE();
}

/* Connecting, accepting and closing are no messages. */
TEST_F(trace, no_messages)
{
	struct bus_link *l = &self->l[3];

	ASSERT_EQ(0, tbus_client(&self->b, l));
	bus_link_close(l);
	EXPECT_NO_TRACE();
}

TEST_HARNESS_MAIN
