// SPDX-License-Identifier: GPL-2.0
/*
 * A bus with BUS_F_ORDERED under load, while the ways of messages change:
 * whatever mixture of direct path and master the messages of a client take,
 * each is processed once, in the order in which the client sent them.
 */
#include "../../kselftest_harness.h"

#include <poll.h>

#include "bus_util.h"

#define RECEIVERS	3
#define SENDERS		3
#define END		SENDERS

#define GROUP		BUS_MULTICAST(4)
#define MOVING		BUS_ADDR(5, 5)	/* held by one recipient or none */
#define NOBODY		BUS_ADDR(9, 9)

enum kind { UNIQUE, MOVES, MULTI, MASTER, ABSENT, KINDS };

struct message {
	__u32	sender;
	__u32	seq;
	__u32	kind;
};

/* The fate of one message, in times of one clock */
struct fate {
	__u64	done;		/* when the master was done with it, or 0 */
	__u64	direct;		/* when it was first received directly, or 0 */
};

struct run;

struct sender {
	struct run	*run;
	pthread_t	thread;
	__u32		nr;
	unsigned int	total;
	__u64		sent[KINDS];
	__u64		to[RECEIVERS];	/* unique addresses */
	struct rnd	rnd;
	unsigned int	burst;		/* messages that may go directly */
	unsigned int	failed;
	struct fate	*fate;
};

struct receiver {
	struct run	*run;
	pthread_t	thread;
	__u32		nr;
	__u32		last[SENDERS];
	__u64		got[SENDERS][KINDS];
	struct rnd	rnd;
	unsigned int	disorder;
	unsigned int	bad;
};

struct run {
	struct tbus	b;
	struct sender	senders[SENDERS];
	struct receiver	receivers[RECEIVERS];
	struct bus_link	*l;
	atomic_ullong	clock;
	atomic_bool	sent, stop;

	/* the master */
	pthread_t	master, chaos;
	struct rnd	rnd, chaos_rnd;
	__u32		last[SENDERS];
	__u64		reasons[BUS_REASON_UNROUTED + 1];
	__u64		got[KINDS];
	__u64		unreachable;
	unsigned int	disorder;
	unsigned int	bad;
	unsigned int	changes;
};

/* The threads find it here. */
FIXTURE(handover) {
	struct run	*run;
};

static __u64 tick(struct run *run)
{
	return atomic_fetch_add(&run->clock, 1) + 1;
}

static struct bus_link *sender_link(struct run *run, unsigned int nr)
{
	return &run->l[RECEIVERS + nr];
}

static void init_sender(struct run *run, unsigned int nr, __u64 seed)
{
	struct sender *s = &run->senders[nr];

	s->run = run;
	s->nr = nr;
	s->total = 1000 * bus_long(20);
	s->rnd.s = seed + nr;
	s->fate = calloc(s->total + 1, sizeof(*s->fate));
}

FIXTURE_SETUP(handover)
{
	struct run *run = calloc(1, sizeof(*run));
	__u64 seed = rnd_seed();
	int i;

	ASSERT_NE(NULL, run);
	TH_LOG("seed %llu", (unsigned long long)seed);
	self->run = run;
	run->rnd.s = seed + 100;
	run->chaos_rnd.s = seed + 200;
	ASSERT_EQ(0, tbus_listen(&run->b));
	ASSERT_EQ(0, bus_opt(run->b.listener, BUS_FLAGS, BUS_F_ORDERED));
	ASSERT_EQ(0, bus_opt(run->b.listener, BUS_QLEN, 2));
	ASSERT_EQ(0, tbus_clients(&run->b, RECEIVERS));
	ASSERT_EQ(0, bus_opt(run->b.listener, BUS_QLEN, 10));
	ASSERT_EQ(0, tbus_clients(&run->b, SENDERS));
	run->l = run->b.link;
	for (i = 0; i < RECEIVERS; i++) {
		run->receivers[i].run = run;
		run->receivers[i].nr = i;
		run->receivers[i].rnd.s = seed + 300 + i;
		ASSERT_EQ(0, bus_add(&run->l[i], BUS_ADDR(4, i)));
		ASSERT_EQ(0, bus_overflow(run->l[i].acc, BUS_OVERFLOW_BLOCK,
					  BUS_OVERFLOW_BLOCK));
	}
	for (i = 0; i < SENDERS; i++) {
		init_sender(run, i, seed);
		ASSERT_NE(NULL, run->senders[i].fate);
		ASSERT_EQ(0, bus_opt(sender_link(run, i)->acc, BUS_RECV_INFO,
				     BUS_INFO_REASON | BUS_INFO_DST));
	}
}

FIXTURE_TEARDOWN(handover)
{
	int i;

	tbus_close(&self->run->b);
	for (i = 0; i < SENDERS; i++)
		free(self->run->senders[i].fate);
	free(self->run);
}

/* Senders */

static __u64 sender_choose(struct sender *s, struct message *m)
{
	__u32 to = rnd_below(&s->rnd, RECEIVERS);

	m->kind = rnd_below(&s->rnd, 16);
	if (s->burst && s->burst-- && (m->kind == MASTER || m->kind == ABSENT))
		m->kind = UNIQUE;
	switch (m->kind) {
	case MASTER:
		return 0;
	case ABSENT:
		return NOBODY;
	case MOVES:
	case MOVES + 4:
		m->kind = MOVES;
		return MOVING;
	case MULTI:
	case MULTI + 4:
	case MULTI + 8:
		m->kind = MULTI;
		return GROUP;
	default:
		m->kind = UNIQUE;
		s->to[to]++;
		return to + 1;
	}
}

/* The sender sometimes pauses, as for a reply, and the master catches up. */
static void sender_pause(struct sender *s)
{
	while (bus_get_info(sender_link(s->run, s->nr)->fd).unacked)
		usleep(200);
	s->burst = rnd_below(&s->rnd, 20);
}

static void *sender(void *arg)
{
	struct sender *s = arg;
	struct message m = { .sender = s->nr };
	struct sockaddr_bus sb;
	int fd = sender_link(s->run, s->nr)->fd;

	for (m.seq = 1; m.seq <= s->total; m.seq++) {
		bus_to(&sb, sender_choose(s, &m));
		s->sent[m.kind]++;
		if (sendto(fd, &m, sizeof(m), MSG_NOSIGNAL,
			   (struct sockaddr *)&sb, BUS_NAME_MIN) != sizeof(m))
			s->failed++;
		if (!rnd_below(&s->rnd, 10))
			sender_pause(s);
	}
	return NULL;
}

/* Receivers */

static void receiver_got(struct receiver *r, const struct message *m,
			 bool direct)
{
	struct fate *fate = &r->run->senders[m->sender].fate[m->seq];
	__u64 now = tick(r->run);

	if (m->seq <= r->last[m->sender])
		r->disorder++;
	r->last[m->sender] = m->seq;
	r->got[m->sender][m->kind]++;
	/* if there are several recipients, any of them will do */
	if (direct)
		__atomic_store_n(&fate->direct, now, __ATOMIC_RELAXED);
}

static void *receiver(void *arg)
{
	struct receiver *r = arg;
	struct bus_got got;
	struct message m;

	for (;;) {
		bus_recv(r->run->l[r->nr].fd, &got, &m, sizeof(m), 0);
		if (got.len != sizeof(m) || m.sender > END) {
			r->bad++;
			return NULL;
		}
		if (m.sender == END)
			return NULL;
		receiver_got(r, &m, got.name.sbus_addr.s_addr);
		if (!rnd_below(&r->rnd, 20))
			usleep(rnd_below(&r->rnd, 2000));
	}
}

/* The master sends on messages that have a destination, then acknowledges. */

/* Acknowledges so many hand-overs, if it succeeds. */
static int master_send(int acc, const struct message *m, __u64 dst, __u32 ack)
{
	char control[CMSG_SPACE(sizeof(ack))] = {};
	struct iovec iov = { (void *)m, sizeof(*m) };
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	bus_to(&sb, dst);
	cmsg->cmsg_level = SOL_BUS;
	cmsg->cmsg_type = SCM_BUS_ACK;
	cmsg->cmsg_len = CMSG_LEN(sizeof(ack));
	memcpy(CMSG_DATA(cmsg), &ack, sizeof(ack));
	if (!ack)
		msg.msg_controllen = 0;
	return ERR(sendmsg(acc, &msg, MSG_NOSIGNAL));
}

static int master_send_on(struct run *run, int acc, const struct message *m,
			  __u64 dst, __u32 ack)
{
	int err = master_send(acc, m, dst, ack);

	if (err == EHOSTUNREACH && m->kind == MOVES)
		run->unreachable++;
	else if (err && (err != EHOSTUNREACH || m->kind != ABSENT))
		run->bad++;
	return err;
}

/* Returns how many hand-overs are still to be acknowledged, of those before and
 * this one: now and then that goes with the message.
 */
static __u32 master_process(struct run *run, int acc, const struct bus_got *got,
			    const struct message *m, __u32 before)
{
	bool rides = !rnd_below(&run->rnd, 2);

	if (!got->has_reason || got->reason.reason > BUS_REASON_UNROUTED ||
	    !got->has_dst || m->sender >= SENDERS) {
		run->bad++;
		return before + 1;
	}
	run->reasons[got->reason.reason]++;
	run->got[m->kind]++;
	if (m->seq <= run->last[m->sender])
		run->disorder++;
	run->last[m->sender] = m->seq;
	if (!got->dst || !rides) {
		if (got->dst)
			master_send_on(run, acc, m, got->dst, 0);
		run->senders[m->sender].fate[m->seq].done = tick(run);
		return before + 1;
	}
	run->senders[m->sender].fate[m->seq].done = tick(run);
	return master_send_on(run, acc, m, got->dst, before + 1) ?
	       before + 1 : 0;
}

/* Takes a few messages, which are acknowledged together. */
static bool master_take(struct run *run, int acc)
{
	__u32 n, max = 1 + rnd_below(&run->rnd, 4), unacked = 0;
	struct bus_got got;
	struct message m;

	for (n = 0; n < max; n++) {
		bus_recv(acc, &got, &m, sizeof(m), MSG_DONTWAIT);
		if (got.len != sizeof(m))
			break;
		unacked = master_process(run, acc, &got, &m, unacked);
	}
	if (unacked && bus_opt(acc, BUS_ACK, unacked))
		run->bad++;
	return n;
}

static void *master(void *arg)
{
	struct run *run = arg;
	struct pollfd p[SENDERS];
	bool last, some;
	int i;

	for (i = 0; i < SENDERS; i++)
		p[i] = (struct pollfd) { sender_link(run, i)->acc, POLLIN, 0 };
	do {
		last = atomic_load(&run->sent);
		poll(p, SENDERS, 10);
		some = false;
		for (i = 0; i < SENDERS; i++)
			some |= master_take(run, p[i].fd);
	} while (!last || some);
	return NULL;
}

/* Changes while messages are under way */

static void chaos_step(struct run *run, int *holder)
{
	struct rnd *r = &run->chaos_rnd;
	__u32 any = rnd_below(r, RECEIVERS + SENDERS);
	__u32 receiver = rnd_below(r, RECEIVERS);
	__u32 policy = rnd_below(r, 2) ? BUS_OVERFLOW_MASTER :
					 BUS_OVERFLOW_BLOCK;

	switch (rnd_below(r, 8)) {
	case 0:
		bus_opt(run->b.listener, BUS_FLAGS,
			BUS_F_ORDERED | BUS_F_VIA_MASTER);
		usleep(rnd_below(r, 1000));
		bus_opt(run->b.listener, BUS_FLAGS, BUS_F_ORDERED);
		break;
	case 1:
		bus_opt(run->l[any].acc, BUS_FLAGS, BUS_F_VIA_MASTER);
		usleep(rnd_below(r, 1000));
		bus_opt(run->l[any].acc, BUS_FLAGS, 0);
		break;
	case 2:
	case 3:
		bus_overflow(run->l[receiver].acc, policy, policy);
		break;
	case 4:
		if (*holder >= 0 && bus_del(&run->l[*holder], MOVING))
			run->bad++;
		*holder = -1;
		break;
	default:
		if (*holder >= 0 && bus_del(&run->l[*holder], MOVING))
			run->bad++;
		if (bus_add(&run->l[receiver], MOVING))
			run->bad++;
		*holder = receiver;
	}
	run->changes++;
}

static void *chaos(void *arg)
{
	struct run *run = arg;
	int holder = -1;

	while (!atomic_load(&run->stop)) {
		chaos_step(run, &holder);
		usleep(rnd_below(&run->chaos_rnd, 500));
	}
	return NULL;
}

/* Counts direct messages that overtook one the master had not finished. */
static unsigned int overtaken(const struct sender *s, __u64 *direct)
{
	unsigned int bad = 0, i;
	__u64 done = 0;

	for (i = 1; i <= s->total; i++) {
		const struct fate *f = &s->fate[i];

		if (f->done > done)
			done = f->done;
		if (!f->direct)
			continue;
		(*direct)++;
		/* one message does not take both ways */
		if (f->done || f->direct < done)
			bad++;
	}
	return bad;
}

static void start(struct __test_metadata *_metadata, struct run *run)
{
	int i;

	for (i = 0; i < RECEIVERS; i++)
		ASSERT_EQ(0, pthread_create(&run->receivers[i].thread, NULL,
					    receiver, &run->receivers[i]));
	ASSERT_EQ(0, pthread_create(&run->master, NULL, master, run));
	ASSERT_EQ(0, pthread_create(&run->chaos, NULL, chaos, run));
	for (i = 0; i < SENDERS; i++)
		ASSERT_EQ(0, pthread_create(&run->senders[i].thread, NULL,
					    sender, &run->senders[i]));
}

static void finish(struct __test_metadata *_metadata, struct run *run)
{
	struct message m = { .sender = END };
	int i;

	for (i = 0; i < SENDERS; i++)
		pthread_join(run->senders[i].thread, NULL);
	atomic_store(&run->stop, true);
	pthread_join(run->chaos, NULL);
	atomic_store(&run->sent, true);
	pthread_join(run->master, NULL);
	for (i = 0; i < RECEIVERS; i++) {
		EXPECT_EQ(sizeof(m), send(run->l[i].acc, &m, sizeof(m), 0));
		pthread_join(run->receivers[i].thread, NULL);
	}
}

/* Each message was processed once, by a recipient that it was for. */
static void expect_all(struct __test_metadata *_metadata, struct run *run)
{
	__u64 moved = 0, sent[KINDS] = {};
	int i, s;

	for (s = 0; s < SENDERS; s++) {
		const struct sender *from = &run->senders[s];

		EXPECT_EQ(0, from->failed);
		for (i = 0; i < KINDS; i++)
			sent[i] += from->sent[i];
		for (i = 0; i < RECEIVERS; i++) {
			const __u64 *got = run->receivers[i].got[s];

			EXPECT_EQ(from->to[i], got[UNIQUE]);
			EXPECT_EQ(from->sent[MULTI], got[MULTI]);
			EXPECT_EQ(0, got[MASTER] + got[ABSENT]);
			moved += got[MOVES];
		}
		EXPECT_EQ(0, bus_get_info(sender_link(run, s)->fd).unacked);
	}
	EXPECT_EQ(sent[MOVES], moved + run->unreachable);
	EXPECT_EQ(sent[MASTER], run->got[MASTER]);
	EXPECT_EQ(sent[ABSENT], run->got[ABSENT]);
}

TEST_F(handover, ordered)
{
	static const int reasons[] = {
		BUS_REASON_ADDRESSED, BUS_REASON_NO_OWNER, BUS_REASON_FULL,
		BUS_REASON_VIA_MASTER, BUS_REASON_ORDER,
	};
	struct run *run = self->run;
	__u64 direct = 0;
	int i;

	start(_metadata, run);
	finish(_metadata, run);
	expect_all(_metadata, run);
	for (i = 0; i < RECEIVERS; i++) {
		EXPECT_EQ(0, run->receivers[i].disorder);
		EXPECT_EQ(0, run->receivers[i].bad);
	}
	EXPECT_EQ(0, run->disorder);
	EXPECT_EQ(0, run->bad);
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, overtaken(&run->senders[i], &direct));
	/* all ways have been taken */
	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		TH_LOG("reason %d: %llu", reasons[i], run->reasons[reasons[i]]);
		EXPECT_LT(0, run->reasons[reasons[i]]);
	}
	TH_LOG("%llu direct, %u changes", direct, run->changes);
	EXPECT_LT(0, direct);
}

TEST_HARNESS_MAIN
