// SPDX-License-Identifier: GPL-2.0
/*
 * A large group: sending to all members takes time, and a send may fail after
 * it has served some of them.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "bus_history.h"
#include "bus_util.h"

#define GROUP	BUS_MULTICAST(4)
#define CROWD	24
#define FILLERS	60		/* members in the middle, which no test reads */
#define SENDERS	4
#define KEY	1		/* of the group, and of the last member */

struct crowd {
	struct tbus	b;		/* senders */
	struct bus_link	l[CROWD];
	struct bus_link	filler[FILLERS];
	struct history	*h;
	unsigned int	bad;
};

FIXTURE(crowd) {
	struct crowd	c;
};

static int add_members(struct tbus *b, struct bus_link *l, unsigned int nr,
		       unsigned int first)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr && !err; i++) {
		err = tbus_client(b, &l[i]);
		err = err ?: bus_add(&l[i], BUS_ADDR(4, first + i));
	}
	return err;
}

FIXTURE_SETUP(crowd)
{
	struct crowd *c = &self->c;

	ASSERT_EQ(0, tbus_open(&c->b, SENDERS));
	ASSERT_EQ(0, bus_opt(c->b.listener, BUS_RCVBUF, 1 << 24));
	ASSERT_EQ(0, add_members(&c->b, c->l, CROWD / 2, 0));
	ASSERT_EQ(0, add_members(&c->b, c->filler, FILLERS, CROWD));
	ASSERT_EQ(0, add_members(&c->b, c->l + CROWD / 2, CROWD / 2,
				 CROWD / 2));
}

FIXTURE_TEARDOWN(crowd)
{
	int i;

	for (i = 0; i < CROWD; i++)
		bus_link_close(&self->c.l[i]);
	for (i = 0; i < FILLERS; i++)
		bus_link_close(&self->c.filler[i]);
	tbus_close(&self->c.b);
}

static int put(int fd, __u64 addr, const struct hist_msg *msg, int flags)
{
	struct sockaddr_bus sb;

	bus_to(&sb, addr);
	return ERR(sendto(fd, msg, sizeof(*msg), flags | MSG_NOSIGNAL,
			  (struct sockaddr *)&sb, BUS_NAME_MIN));
}

/* Nodes 1 to SENDERS send, the others receive. */
#define NODE(member)	(1 + SENDERS + (member))
#define NODES		NODE(CROWD)

struct burst {
	struct crowd		*c;
	pthread_barrier_t	*barrier;
	unsigned int		node, rounds, messages, failed;
	pthread_t		thread;
};

static void *burst(void *arg)
{
	struct burst *b = arg;
	struct hist_msg msg;
	unsigned int i, k;
	int err;

	for (i = 0; i < b->rounds; i++) {
		pthread_barrier_wait(b->barrier);
		for (k = 0; k < b->messages; k++) {
			hist_send(b->c->h, b->node, HIST_MULTICAST, KEY, &msg);
			err = put(b->c->b.link[b->node - 1].fd, GROUP, &msg, 0);
			hist_result(b->c->h, b->node, err);
			b->failed += !!err;
		}
		pthread_barrier_wait(b->barrier);
	}
	return NULL;
}

static void crowd_read(struct crowd *c)
{
	struct hist_msg msg;
	int i;

	for (i = 0; i < CROWD; i++)
		while (recv(c->l[i].fd, &msg, sizeof(msg), MSG_DONTWAIT) ==
		       sizeof(msg))
			c->bad += !hist_receive(c->h, NODE(i), &msg, true);
}

/* Several senders at once, so that one may overtake another within the group.
 */
TEST_F(crowd, one_order)
{
	unsigned int rounds = 12 * bus_long(40), messages = 30, i;
	struct crowd *c = &self->c;
	pthread_barrier_t barrier;
	struct burst b[SENDERS];

	c->h = hist_open(NODES, rounds * messages, SENDERS * rounds * messages,
			 0);
	ASSERT_NE(NULL, c->h);
	c->h->always[KEY] = ((1U << CROWD) - 1) << NODE(0);
	pthread_barrier_init(&barrier, NULL, 1 + SENDERS);
	for (i = 0; i < SENDERS; i++) {
		b[i] = (struct burst) {
			.c = c, .barrier = &barrier, .node = 1 + i,
			.rounds = rounds, .messages = messages,
		};
		ASSERT_EQ(0, pthread_create(&b[i].thread, NULL, burst, &b[i]));
	}
	for (i = 0; i < rounds; i++) {
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		crowd_read(c);
	}
	for (i = 0; i < SENDERS; i++) {
		pthread_join(b[i].thread, NULL);
		EXPECT_EQ(0, b[i].failed);
	}
	EXPECT_EQ(0, c->bad);
	EXPECT_EQ(CROWD * SENDERS * rounds * messages,
		  hist_multicasts(c->h));
	EXPECT_EQ(0, hist_fifo(c->h));
	EXPECT_EQ(0, hist_total(c->h));
	EXPECT_EQ(0, hist_delivery(c->h));
	hist_close(c->h);
}

/* The first member answers a multicast at once, to the last member. */
struct quick {
	struct crowd		*c;
	unsigned int		messages;
	pthread_t		thread;
};

static void *quick(void *arg)
{
	struct quick *q = arg;
	struct hist_msg msg;
	unsigned int n = 0;
	int fd = q->c->l[0].fd;
	int err;

	while (n < q->messages) {
		if (recv(fd, &msg, sizeof(msg), MSG_DONTWAIT) < 0)
			continue;
		q->c->bad += !hist_receive(q->c->h, NODE(0), &msg, true);
		hist_send(q->c->h, NODE(0), HIST_UNICAST, KEY + 1, &msg);
		err = put(fd, BUS_ADDR(4, CROWD - 1), &msg, 0);
		hist_result(q->c->h, NODE(0), err);
		n++;
	}
	return NULL;
}

/* The last member must get the multicast before the answer to it. */
static void *last(void *arg)
{
	struct quick *q = arg;
	struct hist_msg msg;
	unsigned int n = 0;

	while (n < 2 * q->messages) {
		if (recv(q->c->l[CROWD - 1].fd, &msg, sizeof(msg), 0) < 0)
			break;
		q->c->bad += !hist_receive(q->c->h, NODE(CROWD - 1), &msg,
					   true);
		n++;
	}
	return NULL;
}

TEST_F(crowd, no_answer_overtakes)
{
	struct quick q = { &self->c, 500 * bus_long(50) };
	struct crowd *c = &self->c;
	struct hist_msg msg;
	pthread_t reader;
	unsigned int i;

	c->h = hist_open(NODES, q.messages, 2 * q.messages, 0);
	ASSERT_NE(NULL, c->h);
	c->h->always[KEY] = 1U << NODE(0) | 1U << NODE(CROWD - 1);
	c->h->always[KEY + 1] = 1U << NODE(CROWD - 1);
	for (i = 0; i < CROWD; i += CROWD - 1)
		ASSERT_EQ(0, bus_overflow(c->l[i].acc, BUS_OVERFLOW_BLOCK,
					  BUS_OVERFLOW_BLOCK));
	ASSERT_EQ(0, pthread_create(&q.thread, NULL, quick, &q));
	ASSERT_EQ(0, pthread_create(&reader, NULL, last, &q));
	for (i = 0; i < q.messages; i++) {
		hist_send(c->h, 1, HIST_MULTICAST, KEY, &msg);
		hist_result(c->h, 1, put(c->b.link[0].fd, GROUP, &msg, 0));
	}
	pthread_join(q.thread, NULL);
	pthread_join(reader, NULL);
	EXPECT_EQ(0, c->bad);
	EXPECT_EQ(0, hist_fifo(c->h));
	EXPECT_EQ(0, hist_causal(c->h));
	EXPECT_EQ(0, hist_delivery(c->h));
	hist_close(c->h);
}

/* All or nothing: a send that fails in the middle of the group */

static unsigned int queued(const struct bus_link *l)
{
	return bus_get_info(l->fd).qlen;
}

/* Every member has n messages, and no other client has any. */
static void expect_all_have(struct __test_metadata *_metadata,
			    const struct crowd *c, unsigned int n)
{
	int i;

	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(n, queued(&c->l[i]))
			TH_LOG("member %d", i);
}

static int status_of(pid_t pid)
{
	return pid < 0 ? -1 : wait_status(pid);
}

/* Sends until that fails as expected; exits with the number of successes. */
static void send_until(int fd, int expected, int (*fn)(int fd))
{
	int n = 0, err;

	do {
		err = fn(fd);
		n += !err;
	} while (!err && n < 200);
	_exit(err == expected ? n : 255);
}

static int send_descriptor(int fd)
{
	__u64 group = GROUP;
	int zero = 0;

	return say_fds(fd, &group, "x", &zero, 1);
}

/* Each copy of a descriptor counts; the message is refused if they are too
 * many.
 */
TEST_F(crowd, too_many_descriptors)
{
	struct rlimit lim = { 3 * CROWD + CROWD / 2, 3 * CROWD + CROWD / 2 };
	struct crowd *c = &self->c;
	pid_t pid;
	int i;

	if (geteuid())
		SKIP(return, "needs root");
	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, bus_opt(c->l[i].fd, BUS_RECV_RIGHTS, 1));
	pid = fork();
	if (!pid) {
		if (setrlimit(RLIMIT_NOFILE, &lim) || setuid(65534))
			_exit(255);
		send_until(c->b.link[0].fd, ETOOMANYREFS, send_descriptor);
	}
	EXPECT_EQ(3, status_of(pid));
	expect_all_have(_metadata, c, 3);
	for (i = 0; i < CROWD; i++)
		EXPECT_STREQ("1:x fds=1", take(c->l[i].fd));
}

static int call_send_descriptor(struct bus_call *call)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct sockaddr_bus to;
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	/* one descriptor, number 0 */
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	bus_to(&to, call->addr);
	return ERR(sendmsg(call->fd, &msg, 0));
}

/* Runs as a user that may have one and a half multicasts in flight. */
static void wait_and_send(const struct crowd *c)
{
	struct rlimit lim = { CROWD + CROWD / 2, CROWD + CROWD / 2 };
	struct bus_call call = {
		.fn = call_send_descriptor, .fd = c->b.link[0].fd,
		.addr = GROUP,
	};

	if (setuid(65534))
		_exit(255);
	call_start(&call);
	/* call_sleeps() opens a file, so the limit is set after it. */
	if (!call_sleeps(&call) || setrlimit(RLIMIT_NOFILE, &lim))
		_exit(254);
	if (send_descriptor(c->b.link[1].fd) != ETOOMANYREFS)
		_exit(1);
	take(c->l[CROWD - 1].fd);
	_exit(call_wait(&call));
}

/* Copies count when they are made, also while their sender waits. */
TEST_F(crowd, too_many_waiting_descriptors)
{
	struct crowd *c = &self->c;
	struct bus_link *full = &c->l[CROWD - 1];
	pid_t pid;
	int i;

	if (geteuid())
		SKIP(return, "needs root");
	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, bus_opt(c->l[i].fd, BUS_RECV_RIGHTS, 1));
	ASSERT_EQ(0, bus_overflow(full->acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_BLOCK));
	while (!say(full->acc, "y"))
		;
	pid = fork();
	if (!pid)
		wait_and_send(c);
	EXPECT_EQ(0, status_of(pid));
	EXPECT_STREQ("1:x fds=1", take(c->l[0].fd));
}

/* A control group with little memory */
#define CGROUP	"/sys/fs/cgroup/af_bus_order"

static bool cgroup_make(void)
{
	return (!access("/sys/fs/cgroup/cgroup.controllers", R_OK) &&
		write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory") &&
		(!mkdir(CGROUP, 0755) || errno == EEXIST));
}

/* The OOM killer finds no victim: this process is alone and protected. */
static bool cgroup_enter(const char *max)
{
	return write_text(CGROUP "/memory.max", max) &&
	       write_text("/proc/self/oom_score_adj", "-1000") &&
	       write_text(CGROUP "/cgroup.procs", "0");
}

static int send_large(int fd)
{
	static char buf[3000];
	struct sockaddr_bus sb;

	bus_to(&sb, GROUP);
	return ERR(sendto(fd, buf, sizeof(buf), MSG_DONTWAIT,
			  (struct sockaddr *)&sb, BUS_NAME_MIN));
}

TEST_F(crowd, no_memory)
{
	struct crowd *c = &self->c;
	pid_t pid;
	int n;

	if (geteuid() || !cgroup_make())
		SKIP(return, "needs a memory cgroup");
	pid = fork();
	if (!pid) {
		if (!cgroup_enter("1M"))
			_exit(255);
		send_until(c->b.link[0].fd, ENOMEM, send_large);
	}
	n = status_of(pid);
	EXPECT_LT(0, n);
	EXPECT_GT(128, n);
	expect_all_have(_metadata, c, n);
	rmdir(CGROUP);
}

/* All members block multicasts, and their queues are short. */
static int make_patient(const struct crowd *c)
{
	int i, err = 0;

	for (i = 0; i < CROWD; i++)
		err = err ?: bus_overflow(c->l[i].acc, BUS_OVERFLOW_BLOCK,
					  BUS_OVERFLOW_BLOCK);
	return err;
}

static unsigned int fill(const struct bus_link *l)
{
	unsigned int n = 0;

	while (!say(l->acc, "fill"))
		n++;
	return n;
}

/* A send that failed leaves no room reserved, however often it failed, */
TEST_F(crowd, failure_leaves_no_trace)
{
	struct crowd *c = &self->c;
	struct bus_link *full = &c->l[CROWD / 2];
	unsigned int n, i;

	ASSERT_EQ(0, make_patient(c));
	n = fill(full);
	EXPECT_LT(1, n);
	for (i = 0; i < 2 * n; i++)
		EXPECT_EQ(EAGAIN, say_to(c->b.link[0].fd, GROUP, "x"));
	while (strcmp("EAGAIN", take(full->fd)))
		;
	EXPECT_EQ(0, say_to(c->b.link[0].fd, GROUP, "y"));
	expect_all_have(_metadata, c, 1);
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(n - 1, fill(&c->l[i]));
}

/* nor does a send that waits for another recipient. */
TEST_F(crowd, waiting_takes_no_room)
{
	struct crowd *c = &self->c;
	struct bus_link *full = &c->l[CROWD / 2];
	struct bus_call call = {
		.fd = c->b.link[0].fd, .addr = GROUP, .text = "x",
	};
	unsigned int n, i;

	ASSERT_EQ(0, make_patient(c));
	n = fill(full);
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	for (i = 0; i < CROWD; i++)
		if (&c->l[i] != full)
			EXPECT_EQ(n, fill(&c->l[i]))
				TH_LOG("member %d", i);
	shutdown(c->b.link[0].acc, SHUT_RDWR);
	take(full->fd);
	EXPECT_EQ(EPIPE, call_wait(&call));
}

/* A list from the master follows the overflow policy for multicasts. */
TEST_F(crowd, list_is_a_multicast)
{
	struct crowd *c = &self->c;
	struct bus_link *full = &c->l[1];
	__u64 to[] = { c->l[0].addr, full->addr, c->l[2].addr };
	unsigned int n = fill(full);

	EXPECT_EQ(0, say_list(c->b.link[0].acc, to, 3, "x"));
	EXPECT_EQ(1, queued(&c->l[0]));
	EXPECT_EQ(n, queued(full));
	EXPECT_EQ(1, queued(&c->l[2]));
	EXPECT_EQ(1, bus_counts(full->fd).lost);
	ASSERT_EQ(0, bus_overflow(full->acc, BUS_OVERFLOW_DROP,
				  BUS_OVERFLOW_BLOCK));
	EXPECT_EQ(EAGAIN, say_list(c->b.link[0].acc, to, 3, "x"));
	EXPECT_EQ(1, queued(&c->l[0]));
}

/* The master acknowledges while the sender is still in send(), because other
 * recipients have yet to be served.
 */
struct acks {
	struct bus_link	*l;
	unsigned int	messages;
	unsigned int	bad;
};

static void *acknowledge(void *arg)
{
	struct acks *a = arg;
	unsigned int n = 0;
	char c;

	while (n < a->messages) {
		if (recv(a->l->acc, &c, 1, MSG_DONTWAIT) != 1)
			continue;
		a->bad += !!bus_opt(a->l->acc, BUS_ACK, 1);
		n++;
	}
	return NULL;
}

TEST_F(crowd, acknowledged_at_once)
{
	struct acks a = { &self->c.b.link[0], 500 * bus_long(50) };
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, bus_opt(self->c.b.listener, BUS_FLAGS, BUS_F_ORDERED));
	for (i = 0; i < FILLERS; i++)
		ASSERT_EQ(0, bus_opt(self->c.filler[i].acc, BUS_EAVESDROP,
				     1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, acknowledge, &a));
	for (i = 0; i < a.messages; i++)
		a.bad += send(a.l->fd, "x", 1, 0) != 1;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, a.bad);
	EXPECT_EQ(0, bus_get_info(a.l->fd).unacked);
}

/* A client that is off the bus sends to no one, though its link is half open.
 */
TEST_F(crowd, half_closed_sends_nothing)
{
	struct crowd *c = &self->c;
	struct bus_link *l = &c->b.link[0];

	ASSERT_EQ(0, ERR(shutdown(l->acc, SHUT_WR)));
	EXPECT_EQ(EHOSTUNREACH, say_to(l->fd, GROUP, "x"));
	EXPECT_EQ(EHOSTUNREACH, say_to(l->fd, 2, "x"));
	EXPECT_EQ(0, say(l->fd, "last words"));
	EXPECT_STREQ("1:last words", take(l->acc));
	EXPECT_STREQ("EAGAIN", take(c->b.link[1].fd));
	expect_all_have(_metadata, c, 0);
}

TEST_HARNESS_MAIN
