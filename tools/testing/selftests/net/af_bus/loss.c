// SPDX-License-Identifier: GPL-2.0
/*
 * No message is lost without being counted: several senders at once, and slow
 * recipients with different overflow policies.
 */
#include "../../kselftest_harness.h"

#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <linux/sock_diag.h>

#include "bus_util.h"

#define GROUP		BUS_MULTICAST(4)
#define QLEN		8
#define BYTES		16000
#define PADDING		3000
#define RECEIVERS	3
#define SENDERS		3
#define ALL		RECEIVERS
#define END		SENDERS

/* The seq of a message counts, for each recipient, the messages that this
 * sender meant for it.
 */
struct message {
	__u32	sender;
	__u32	to;			/* recipient, or ALL */
	__u32	seq[RECEIVERS];
	char	padding[PADDING];	/* some of it is sent */
};

#define MESSAGE_MIN	offsetof(struct message, padding)

struct sender {
	pthread_t	thread;
	int		fd;
	__u32		nr;
	unsigned int	rounds;
	struct rnd	rnd;
	__u32		sent[RECEIVERS];
	unsigned int	rejected;
	unsigned int	failed;
};

struct receiver {
	pthread_t	thread;
	int		fd;
	__u32		nr;
	struct rnd	rnd;
	__u32		last[SENDERS];
	__u64		got;
	__u64		lost;
	__u64		missed;		/* as the gaps in the seqs show */
	unsigned int	enobufs;
	unsigned int	bad;
};

/* Takes messages that are handed over, so that the links do not fill, and
 * watches the queues of the recipients.
 */
struct master {
	pthread_t	thread;
	struct bus_link	*senders;
	struct bus_link	*receivers;
	atomic_bool	stop;
	__u64		got[RECEIVERS];
	unsigned int	bad;
	unsigned int	above;		/* times over the budget */
	__u32		max_bytes;
	__u32		max_qlen;
};

FIXTURE(loss) {
	struct tbus	b;
	struct bus_link	*l;
	struct receiver	receivers[RECEIVERS];
	struct sender	senders[SENDERS];
	struct master	master;
};

FIXTURE_VARIANT(loss) {
	struct {
		__u32	unicast;
		__u32	multicast;
	}	policy[RECEIVERS];
	bool	gaps;		/* every gap must be a counted loss */
};

FIXTURE_VARIANT_ADD(loss, drop) {
	.policy = {
		{ BUS_OVERFLOW_DROP, BUS_OVERFLOW_DROP },
		{ BUS_OVERFLOW_DROP, BUS_OVERFLOW_DROP },
		{ BUS_OVERFLOW_DROP, BUS_OVERFLOW_DROP },
	},
	.gaps = true,
};

FIXTURE_VARIANT_ADD(loss, mixed) {
	.policy = {
		{ BUS_OVERFLOW_DROP, BUS_OVERFLOW_DROP },
		{ BUS_OVERFLOW_REJECT, BUS_OVERFLOW_DROP },
		{ BUS_OVERFLOW_BLOCK, BUS_OVERFLOW_BLOCK },
	},
	.gaps = true,
};

FIXTURE_VARIANT_ADD(loss, block) {
	.policy = {
		{ BUS_OVERFLOW_DROP, BUS_OVERFLOW_BLOCK },
		{ BUS_OVERFLOW_REJECT, BUS_OVERFLOW_BLOCK },
		{ BUS_OVERFLOW_BLOCK, BUS_OVERFLOW_BLOCK },
	},
	.gaps = true,
};

FIXTURE_VARIANT_ADD(loss, master) {
	.policy = {
		{ BUS_OVERFLOW_DROP, BUS_OVERFLOW_DROP },
		{ BUS_OVERFLOW_MASTER, BUS_OVERFLOW_MASTER },
		{ BUS_OVERFLOW_BLOCK, BUS_OVERFLOW_DROP },
	},
};

FIXTURE_SETUP(loss)
{
	__u64 seed = rnd_seed();
	int i;

	TH_LOG("seed %llu", (unsigned long long)seed);
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, QLEN));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, BYTES));
	ASSERT_EQ(0, tbus_clients(&self->b, RECEIVERS + SENDERS));
	self->l = self->b.link;
	for (i = 0; i < RECEIVERS; i++) {
		self->receivers[i].fd = self->l[i].fd;
		self->receivers[i].nr = i;
		self->receivers[i].rnd.s = seed + i;
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
		ASSERT_EQ(0, bus_opt(self->l[i].fd, BUS_RECV_INFO,
				     BUS_INFO_LOST));
		ASSERT_EQ(0, bus_overflow(self->l[i].acc,
					  variant->policy[i].unicast,
					  variant->policy[i].multicast));
	}
	for (i = 0; i < SENDERS; i++) {
		self->senders[i].fd = self->l[RECEIVERS + i].fd;
		self->senders[i].nr = i;
		self->senders[i].rounds = 2000 * bus_long(15);
		self->senders[i].rnd.s = seed + 100 + i;
	}
	self->master.senders = &self->l[RECEIVERS];
	self->master.receivers = self->l;
}

FIXTURE_TEARDOWN(loss)
{
	tbus_close(&self->b);
}

static void sender_count(struct sender *s, __u32 to)
{
	int i;

	for (i = 0; i < RECEIVERS; i++)
		if (to == ALL || to == i)
			s->sent[i]++;
}

static void sender_round(struct sender *s)
{
	size_t len = MESSAGE_MIN + rnd_below(&s->rnd, PADDING);
	struct message m = { .sender = s->nr };
	struct sockaddr_bus sb;
	int i, err;

	m.to = rnd_below(&s->rnd, 2) ? ALL : rnd_below(&s->rnd, RECEIVERS);
	for (i = 0; i < RECEIVERS; i++)
		m.seq[i] = s->sent[i] + 1;
	bus_to(&sb, m.to == ALL ? GROUP : m.to + 1);
	err = ERR(sendto(s->fd, &m, len, 0, (struct sockaddr *)&sb,
			 BUS_NAME_MIN));
	if (!err)
		sender_count(s, m.to);
	else if (err == ENOBUFS)
		s->rejected++;
	else
		s->failed++;
	if (!rnd_below(&s->rnd, 16))
		sched_yield();
}

static void *sender(void *arg)
{
	struct sender *s = arg;

	while (s->rounds--)
		sender_round(s);
	return NULL;
}

static void receiver_got(struct receiver *r, const struct message *m)
{
	__u32 *last = &r->last[m->sender];

	r->got++;
	if (m->seq[r->nr] <= *last)
		r->bad++;
	r->missed += m->seq[r->nr] - *last - 1;
	*last = m->seq[r->nr];
}

/* Returns false at end-of-file. */
static bool receiver_step(struct receiver *r, bool gaps)
{
	struct bus_got got;
	struct message m;

	bus_recv(r->fd, &got, &m, MESSAGE_MIN, 0);
	if (got.err == ENOBUFS) {
		r->enobufs++;
		return true;
	}
	if (got.len != MESSAGE_MIN) {
		r->bad++;
		return false;
	}
	if (got.has_lost)
		r->lost += got.lost;
	if (m.sender == END)
		return false;
	receiver_got(r, &m);
	/* a loss is told with the next message, or earlier */
	if (gaps && r->missed > r->lost)
		r->bad++;
	if (!rnd_below(&r->rnd, 8))
		sched_yield();
	return true;
}

static void *receiver_of_gaps(void *arg)
{
	while (receiver_step(arg, true))
		;
	return NULL;
}

static void *receiver(void *arg)
{
	while (receiver_step(arg, false))
		;
	return NULL;
}

static void master_take(struct master *t, int fd)
{
	struct message m;
	int i;

	while (recv(fd, &m, MESSAGE_MIN, MSG_DONTWAIT) > 0) {
		if (m.sender >= SENDERS)
			t->bad++;
		for (i = 0; i < RECEIVERS; i++)
			if (m.to == ALL || m.to == i)
				t->got[i]++;
	}
}

static __u32 queued_bytes(int fd)
{
	__u32 info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return info[SK_MEMINFO_RMEM_ALLOC];
}

static void master_look(struct master *t)
{
	__u32 bytes, qlen;
	int i;

	for (i = 0; i < RECEIVERS; i++) {
		bytes = queued_bytes(t->receivers[i].fd);
		qlen = bus_get_info(t->receivers[i].fd).qlen;
		if (bytes > BYTES || qlen > QLEN)
			t->above++;
		if (bytes > t->max_bytes)
			t->max_bytes = bytes;
		if (qlen > t->max_qlen)
			t->max_qlen = qlen;
	}
}

static void *master(void *arg)
{
	struct master *t = arg;
	bool last;
	int i;

	do {
		last = atomic_load(&t->stop);
		for (i = 0; i < SENDERS; i++)
			master_take(t, t->senders[i].acc);
		master_look(t);
		usleep(200);
	} while (!last);
	return NULL;
}

static void end_receiver(struct __test_metadata *_metadata, struct bus_link *l,
			 struct receiver *r)
{
	struct message m = { .sender = END };

	/* the queue may still be full, and the last message must not be lost */
	EXPECT_EQ(0, bus_overflow(l->acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_BLOCK));
	EXPECT_EQ(MESSAGE_MIN, send(l->acc, &m, MESSAGE_MIN, 0));
	pthread_join(r->thread, NULL);
	/* nothing is queued or reserved any more */
	EXPECT_EQ(0, queued_bytes(l->fd));
	EXPECT_EQ(0, bus_get_info(l->fd).qlen);
}

static __u64 sent_to(const struct _test_data_loss *self, int receiver)
{
	__u64 n = 0;
	int i;

	for (i = 0; i < SENDERS; i++)
		n += self->senders[i].sent[receiver];
	return n;
}

static void run(struct __test_metadata *_metadata,
		struct _test_data_loss *self, bool gaps)
{
	int i;

	for (i = 0; i < RECEIVERS; i++)
		ASSERT_EQ(0, pthread_create(&self->receivers[i].thread, NULL,
					    gaps ? receiver_of_gaps : receiver,
					    &self->receivers[i]));
	ASSERT_EQ(0, pthread_create(&self->master.thread, NULL, master,
				    &self->master));
	for (i = 0; i < SENDERS; i++)
		ASSERT_EQ(0, pthread_create(&self->senders[i].thread, NULL,
					    sender, &self->senders[i]));
	for (i = 0; i < SENDERS; i++)
		pthread_join(self->senders[i].thread, NULL);
	atomic_store(&self->master.stop, true);
	pthread_join(self->master.thread, NULL);
	for (i = 0; i < RECEIVERS; i++)
		end_receiver(_metadata, &self->l[i], &self->receivers[i]);
}

/* received + lost + handed over = sent, exactly, for each recipient */
TEST_F(loss, adds_up)
{
	struct receiver *r;
	__u64 lost = 0;
	int i;

	run(_metadata, self, variant->gaps);
	for (i = 0; i < RECEIVERS; i++) {
		r = &self->receivers[i];
		TH_LOG("receiver %d: %llu received, %llu lost, %llu handed over, told %u times",
		       i, r->got, r->lost, self->master.got[i], r->enobufs);
		EXPECT_EQ(sent_to(self, i),
			  r->got + r->lost + self->master.got[i]);
		EXPECT_EQ(r->lost, bus_counts(self->l[i].fd).lost);
		EXPECT_EQ(0, r->bad);
		EXPECT_EQ(!r->lost, !r->enobufs);
		EXPECT_GE(r->lost, r->enobufs);
		lost += r->lost;
		if (variant->policy[i].unicast != BUS_OVERFLOW_DROP &&
		    variant->policy[i].multicast != BUS_OVERFLOW_DROP)
			EXPECT_EQ(0, r->lost);
	}
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, self->senders[i].failed);
	/* the queues are short, so there must have been losses */
	EXPECT_LT(0, lost);
	EXPECT_EQ(lost, bus_counts(self->b.listener).lost);
	EXPECT_EQ(0, self->master.bad);
	/* queues were full, and never over their budget */
	TH_LOG("at most %u messages, %u bytes in a queue",
	       self->master.max_qlen, self->master.max_bytes);
	EXPECT_EQ(0, self->master.above);
	EXPECT_LT(BYTES / 2, self->master.max_bytes);
}

/*
 * One recipient gets all multicasts, so it knows their order. Another gets
 * some, and learns from each its own place in that order.
 */
struct watcher {
	pthread_t	thread;
	int		fd;
	bool		slow;
	__u32		*place;		/* of each sender's messages, from 1 */
	__u64		seen;		/* received or reported as lost */
	unsigned int	got;
	unsigned int	bad;
};

#define WATCHED	2500

static bool watch_step(struct watcher *w)
{
	struct bus_got got;
	struct message m;

	bus_recv(w->fd, &got, &m, MESSAGE_MIN, 0);
	if (got.err == ENOBUFS)
		return true;
	if (got.len != MESSAGE_MIN) {
		w->bad++;
		return false;
	}
	w->seen += 1 + (got.has_lost ? got.lost : 0);
	if (m.sender == END)
		return false;
	w->got++;
	w->place[m.sender * WATCHED + m.seq[0]] = w->seen;
	if (w->slow && !(w->got % 8))
		usleep(100);
	return true;
}

static void *watch(void *arg)
{
	while (watch_step(arg))
		;
	return NULL;
}

static void *send_watched(void *arg)
{
	struct sender *s = arg;
	struct message m = { .sender = s->nr };
	struct sockaddr_bus sb;

	bus_to(&sb, GROUP);
	while (m.seq[0]++ < s->rounds)
		if (sendto(s->fd, &m, MESSAGE_MIN, 0, (struct sockaddr *)&sb,
			   BUS_NAME_MIN) != MESSAGE_MIN)
			s->failed++;
	return NULL;
}

static void watch_start(struct __test_metadata *_metadata, struct watcher *w,
			const struct bus_link *l, __u32 multicast)
{
	w->fd = l->fd;
	w->place = calloc(SENDERS * WATCHED + 1, sizeof(*w->place));
	ASSERT_NE(NULL, w->place);
	ASSERT_EQ(0, bus_opt(l->fd, BUS_RECV_INFO, BUS_INFO_LOST));
	ASSERT_EQ(0, bus_add(l, BUS_ADDR(4, l->addr)));
	ASSERT_EQ(0, bus_overflow(l->acc, BUS_OVERFLOW_BLOCK, multicast));
	ASSERT_EQ(0, pthread_create(&w->thread, NULL, watch, w));
}

TEST(place_of_losses)
{
	struct watcher all = {}, some = { .slow = true };
	struct message end = { .sender = END };
	struct sender senders[SENDERS] = {};
	unsigned int i, bad = 0;
	struct tbus b;

	ASSERT_EQ(0, tbus_listen(&b));
	ASSERT_EQ(0, bus_opt(b.listener, BUS_QLEN, QLEN));
	ASSERT_EQ(0, tbus_clients(&b, 2 + SENDERS));
	watch_start(_metadata, &all, &b.link[0], BUS_OVERFLOW_BLOCK);
	watch_start(_metadata, &some, &b.link[1], BUS_OVERFLOW_DROP);
	for (i = 0; i < SENDERS; i++) {
		senders[i].fd = b.link[2 + i].fd;
		senders[i].nr = i;
		senders[i].rounds = WATCHED;
		ASSERT_EQ(0, pthread_create(&senders[i].thread, NULL,
					    send_watched, &senders[i]));
	}
	for (i = 0; i < SENDERS; i++) {
		pthread_join(senders[i].thread, NULL);
		EXPECT_EQ(0, senders[i].failed);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(MESSAGE_MIN, send(b.link[i].acc, &end, MESSAGE_MIN,
					    0));
	pthread_join(all.thread, NULL);
	pthread_join(some.thread, NULL);
	EXPECT_EQ(SENDERS * WATCHED, all.got);
	EXPECT_EQ(SENDERS * WATCHED + 1, some.seen);
	EXPECT_LT(some.got, all.got);
	EXPECT_EQ(0, all.bad + some.bad);
	for (i = 1; i <= SENDERS * WATCHED; i++)
		bad += some.place[i] && some.place[i] != all.place[i];
	EXPECT_EQ(0, bad);
	TH_LOG("%u of %u received", some.got, all.got);
	free(all.place);
	free(some.place);
	tbus_close(&b);
}

/* Without BUS_RECV_INFO, or before it is set, a loss is no socket error, but it
 * is counted.
 */
FIXTURE(told) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(told)
{
	int i;

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 2));
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, say(self->l[1].acc, "fill"));
}

FIXTURE_TEARDOWN(told)
{
	tbus_close(&self->b);
}

static void lose(struct __test_metadata *_metadata, const struct bus_link *l,
		 int nr)
{
	while (nr--)
		EXPECT_EQ(0, say_to(l[0].fd, BUS_MULTICAST(0), "x"));
}

static short events(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

TEST_F(told, late_interest)
{
	lose(_metadata, self->l, 2);
	EXPECT_EQ(POLLIN, events(self->l[1].fd));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_EQ(0, say(self->l[1].acc, "y"));
	EXPECT_STREQ("0:y lost=2", take(self->l[1].fd));
}

/* The error wakes a sleeper, on an edge too, and is cleared when it is read. */
TEST_F(told, error_wakes)
{
	struct epoll_event ev = { .events = EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->l[1].fd, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	lose(_metadata, self->l, 1);
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
	EXPECT_EQ(EPOLLERR, ev.events);
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	EXPECT_EQ(POLLIN | POLLERR, events(self->l[1].fd));
	EXPECT_STREQ("ENOBUFS", take(self->l[1].fd));
	EXPECT_EQ(POLLIN, events(self->l[1].fd));
	lose(_metadata, self->l, 1);
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
	close(ep);
}

/* A socket has one error, however it is read and however much was lost. */
TEST_F(told, once)
{
	int err = 0;
	socklen_t len = sizeof(err);

	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	lose(_metadata, self->l, 3);
	ASSERT_EQ(0, getsockopt(self->l[1].fd, SOL_SOCKET, SO_ERROR, &err,
				&len));
	EXPECT_EQ(ENOBUFS, err);
	/* nor does it keep the recipient from sending */
	lose(_metadata, self->l, 1);
	EXPECT_EQ(0, say(self->l[1].fd, "up"));
	EXPECT_STREQ("ENOBUFS", peek(self->l[1].fd));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	/* with nothing queued, the count waits for the next message */
	EXPECT_EQ(0, events(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	EXPECT_STREQ("1:y lost=4", take(self->l[1].fd));
}

/* A loss between two queued messages is reported with the later one. */
TEST_F(told, where_the_gap_is)
{
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_INFO, BUS_INFO_LOST));
	lose(_metadata, self->l, 1);
	EXPECT_STREQ("ENOBUFS", take(self->l[1].fd));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	lose(_metadata, self->l, 2);
	EXPECT_STREQ("ENOBUFS", take(self->l[1].fd));
	EXPECT_STREQ("0:fill", take(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "z"));
	EXPECT_STREQ("1:y lost=1", take(self->l[1].fd));
	EXPECT_STREQ("1:z lost=2", take(self->l[1].fd));
}

TEST_HARNESS_MAIN
