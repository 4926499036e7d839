// SPDX-License-Identifier: GPL-2.0
/*
 * Order: what several senders say at once, in unicasts, multicasts and through
 * the master, is checked against what AF_BUS promises:
 *
 *  - each receiver gets the messages of each sender in order, none twice, none
 *    missing, whatever way they take;
 *  - any two receivers get the multicasts that both get in the same order;
 *  - who sends after having received a message is not overtaken by it;
 *  - a send that failed reached nobody.
 *
 * Each message carries how many its sender has sent to each receiver, and for
 * each other sender how many its sender knew had been sent to each receiver.
 */
#include "../../kselftest_harness.h"

#include <signal.h>
#include <sys/epoll.h>

#include "bus_util.h"

#define NR		5		/* clients */
#define ALL		((1U << NR) - 1)
#define PREFIX(g)	(16 + (g))	/* of groups */
#define GROUPS		3
#define ALIAS		15		/* prefix of addresses nobody holds */
#define FIN		1

struct payload {
	__u16	src;
	__u16	flags;
	__u32	to;			/* bits of receivers */
	__u32	id;			/* of a multicast, 0 in a unicast */
	__u32	sent[NR];		/* by src to each, this one included */
	__u32	seen[NR][NR];		/* seen[k][r]: sent by k to r, as known */
};

struct stress;

struct client {
	struct stress		*s;
	unsigned int		nr;
	struct bus_link		*l;
	pthread_t		sender;
	pthread_t		receiver;
	struct rnd		rnd;
	__u32			sent[NR];
	atomic_uint		seen[NR][NR];
	__u32			got[NR];	/* from each */
	__u32			*log;		/* multicasts, in order */
	unsigned int		nr_log;
	unsigned int		delivered, direct, failed, bad;
};

struct stress {
	struct tbus		b;
	struct client		c[NR];
	__u32			members[GROUPS];
	unsigned int		messages;	/* of each sender */
	unsigned int		relayed;
	unsigned int		master_bad;
	atomic_bool		stop;
	atomic_uint		running;
	pthread_t		master;
	__u64			seed;
};

/* Sending */

static void pick_unicast(struct client *c, struct payload *p, __u64 *addr)
{
	unsigned int r = rnd_below(&c->rnd, NR);

	p->to = 1U << r;
	switch (rnd_below(&c->rnd, 8)) {
	case 0:
		*addr = BUS_ADDR(ALIAS, r);
		break;
	case 1:
	case 2:
		*addr = BUS_ADDR(ALIAS - 1, r);
		break;
	default:
		*addr = c->s->b.link[r].addr;
	}
}

static void pick_multicast(struct client *c, struct payload *p, __u64 *addr)
{
	unsigned int g = rnd_below(&c->rnd, GROUPS + 1);

	p->to = g == GROUPS ? ALL : c->s->members[g];
	*addr = BUS_MULTICAST(g == GROUPS ? 0 : PREFIX(g));
	if (!rnd_below(&c->rnd, 10))
		*addr = BUS_ADDR(ALIAS, 1000);
}

static void stamp(struct client *c, struct payload *p, __u32 id)
{
	int k, r;

	p->src = c->nr;
	p->id = id;
	for (k = 0; k < NR; k++)
		for (r = 0; r < NR; r++)
			p->seen[k][r] = atomic_load(&c->seen[k][r]);
	for (r = 0; r < NR; r++)
		p->sent[r] = c->sent[r] + (p->to >> r & 1);
}

static int put(struct client *c, const struct payload *p, __u64 addr)
{
	int flags = MSG_NOSIGNAL;
	struct sockaddr_bus sb;

	if (!rnd_below(&c->rnd, 3))
		flags |= MSG_DONTWAIT;
	bus_to(&sb, addr);
	return ERR(sendto(c->l->fd, p, sizeof(*p), flags,
			  (struct sockaddr *)&sb, BUS_NAME_MIN));
}

static void send_one(struct client *c, __u32 n)
{
	struct payload p = {};
	__u64 addr;
	int err;

	if (rnd_below(&c->rnd, 2))
		pick_multicast(c, &p, &addr);
	else
		pick_unicast(c, &p, &addr);
	stamp(c, &p, p.to & (p.to - 1) ? n * NR + c->nr + 1 : 0);
	err = put(c, &p, addr);
	if (!err)
		memcpy(c->sent, p.sent, sizeof(p.sent));
	else if (err == EAGAIN || err == EINTR)
		c->failed++;
	else
		c->bad++;
}

static void send_fin(struct client *c)
{
	struct payload p = { .to = ALL, .flags = FIN };
	int err;

	do {
		stamp(c, &p, 0);
		err = put(c, &p, BUS_MULTICAST(0));
	} while (err == EAGAIN || err == EINTR);
	if (err)
		c->bad++;
	else
		memcpy(c->sent, p.sent, sizeof(p.sent));
}

static void *sender(void *arg)
{
	struct client *c = arg;
	__u32 n;

	for (n = 0; n < c->s->messages; n++)
		send_one(c, n);
	send_fin(c);
	atomic_fetch_sub(&c->s->running, 1);
	return NULL;
}

/* Receiving */

static bool fifo(struct client *c, const struct payload *p)
{
	return p->sent[c->nr] == ++c->got[p->src];
}

static bool causal(const struct client *c, const struct payload *p)
{
	int k;

	for (k = 0; k < NR; k++)
		if (c->got[k] < p->seen[k][c->nr])
			return false;
	return true;
}

static void know(struct client *c, const struct payload *p)
{
	int r;

	for (r = 0; r < NR; r++)
		atomic_store(&c->seen[p->src][r], p->sent[r]);
}

#define complain(fmt, ...)	ksft_print_msg(fmt "\n", ##__VA_ARGS__)

static void check(struct client *c, const struct payload *p, __u64 from)
{
	c->delivered++;
	c->direct += !!from;
	if (from && from != c->s->b.link[p->src].addr) {
		c->bad++;
		complain("from %llu, not %u", (unsigned long long)from,
			 p->src);
	}
	if (!(p->to >> c->nr & 1) || !fifo(c, p)) {
		c->bad++;
		complain("%u got %u from %u, not %u", c->nr, p->sent[c->nr],
			 p->src, c->got[p->src]);
	}
	if (!causal(c, p)) {
		c->bad++;
		complain("%u got a message of %u too early", c->nr, p->src);
	}
	if (p->id)
		c->log[c->nr_log++] = p->id;
	know(c, p);
}

/* After a failure let all come to an end. */
static void give_up(struct stress *s)
{
	int i;

	for (i = 0; i < NR; i++)
		shutdown(s->b.link[i].acc, SHUT_RDWR);
}

static void *receiver(void *arg)
{
	struct client *c = arg;
	unsigned int fins = 0;
	struct bus_got got;
	struct payload p;

	while (fins < NR && !c->bad) {
		if (bus_recv(c->l->fd, &got, &p, sizeof(p), 0) != sizeof(p)) {
			c->bad++;
			break;
		}
		check(c, &p, got.name.sbus_addr.s_addr);
		fins += p.flags & FIN;
	}
	if (c->bad)
		give_up(c->s);
	return NULL;
}

/* The master: sends on what comes to it, then acknowledges. */

static int forward(struct stress *s, int acc, const struct payload *p)
{
	char control[CMSG_SPACE(NR * sizeof(__u64))] = {};
	struct iovec iov = { (void *)p, sizeof(*p) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
	};
	struct cmsghdr *cmsg;
	__u64 to[NR];
	int r, n = 0;

	for (r = 0; r < NR; r++)
		if (p->to >> r & 1)
			to[n++] = s->b.link[r].addr;
	msg.msg_controllen = CMSG_SPACE(n * sizeof(__u64));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_BUS;
	cmsg->cmsg_type = SCM_BUS_LIST;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(__u64));
	memcpy(CMSG_DATA(cmsg), to, n * sizeof(__u64));
	return ERR(sendmsg(acc, &msg, MSG_NOSIGNAL));
}

static void relay(struct stress *s, int acc)
{
	struct payload p;

	if (recv(acc, &p, sizeof(p), MSG_DONTWAIT) != sizeof(p)) {
		s->master_bad++;
		return;
	}
	s->relayed++;
	if (forward(s, acc, &p) || bus_opt(acc, BUS_ACK, 1))
		s->master_bad++;
}

/* While at it, it changes what makes messages come to it. */
static void meddle(struct stress *s, struct rnd *rnd)
{
	int fd = s->b.link[rnd_below(rnd, NR)].acc;

	switch (rnd_below(rnd, 12)) {
	case 0:
		bus_opt(fd, BUS_FLAGS, BUS_F_VIA_MASTER);
		break;
	case 1:
		bus_opt(s->b.listener, BUS_FLAGS,
			BUS_F_ORDERED | BUS_F_VIA_MASTER);
		break;
	case 2:
	case 3:
		bus_opt(s->b.listener, BUS_FLAGS, BUS_F_ORDERED);
		break;
	default:
		bus_opt(fd, BUS_FLAGS, 0);
	}
}

static void *master(void *arg)
{
	struct stress *s = arg;
	struct rnd rnd = { s->seed + 77 };
	struct epoll_event ev;
	int i, ep = epoll_create1(0);

	for (i = 0; i < NR; i++) {
		ev.events = EPOLLIN;
		ev.data.fd = s->b.link[i].acc;
		epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
	}
	while (!atomic_load(&s->stop) && !s->master_bad) {
		if (epoll_wait(ep, &ev, 1, 100) == 1)
			relay(s, ev.data.fd);
		if (!rnd_below(&rnd, 20))
			meddle(s, &rnd);
	}
	close(ep);
	return NULL;
}

/* Setting up and checking */

static void on_signal(int sig)
{
}

static int give_addresses(struct stress *s)
{
	int i, g, err = 0;

	for (i = 0; i < NR; i++) {
		err = err ?: bus_add(&s->b.link[i], BUS_ADDR(ALIAS - 1, i));
		for (g = 0; g < GROUPS; g++)
			if (s->members[g] >> i & 1)
				err = err ?: bus_add(&s->b.link[i],
						     BUS_ADDR(PREFIX(g), i));
	}
	return err;
}

static int stress_open(struct stress *s, unsigned int messages)
{
	struct rnd rnd;
	int i, err;

	s->seed = rnd_seed();
	rnd.s = s->seed;
	s->messages = messages;
	err = tbus_listen(&s->b);
	if (err)
		return err;
	bus_opt(s->b.listener, BUS_FLAGS, BUS_F_ORDERED);
	bus_opt(s->b.listener, BUS_SET_MAXQLEN, 4 + rnd_below(&rnd, 20));
	bus_overflow(s->b.listener, BUS_OVERFLOW_BLOCK, BUS_OVERFLOW_BLOCK);
	err = tbus_clients(&s->b, NR);
	for (i = 0; i < GROUPS; i++)
		s->members[i] = 3 | rnd_below(&rnd, ALL + 1);
	for (i = 0; i < NR; i++) {
		s->c[i].s = s;
		s->c[i].nr = i;
		s->c[i].l = &s->b.link[i];
		s->c[i].rnd.s = s->seed + 1000 * i;
		s->c[i].log = calloc(NR * messages, sizeof(__u32));
	}
	return err ?: give_addresses(s);
}

static void stress_run(struct stress *s)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct rnd rnd = { s->seed + 99 };
	int i;

	sigaction(SIGUSR1, &sa, NULL);
	atomic_store(&s->running, NR);
	pthread_create(&s->master, NULL, master, s);
	for (i = 0; i < NR; i++) {
		pthread_create(&s->c[i].receiver, NULL, receiver, &s->c[i]);
		pthread_create(&s->c[i].sender, NULL, sender, &s->c[i]);
	}
	while (atomic_load(&s->running)) {
		usleep(5000);
		pthread_kill(s->c[rnd_below(&rnd, NR)].sender, SIGUSR1);
	}
	for (i = 0; i < NR; i++)
		pthread_join(s->c[i].sender, NULL);
	for (i = 0; i < NR; i++)
		pthread_join(s->c[i].receiver, NULL);
	atomic_store(&s->stop, true);
	pthread_join(s->master, NULL);
}

/* Multicasts that both got, in another order */
static unsigned int disorder(const struct client *a, const struct client *b)
{
	unsigned int nr = a->s->messages * NR + NR, i, last = 0, n = 0;
	__u32 *at = calloc(nr + 1, sizeof(*at));

	for (i = 0; i < a->nr_log; i++)
		at[a->log[i]] = i + 1;
	for (i = 0; i < b->nr_log; i++) {
		if (!at[b->log[i]])
			continue;
		n += at[b->log[i]] < last;
		last = at[b->log[i]];
	}
	free(at);
	return n;
}

static void stress_check(struct __test_metadata *_metadata, struct stress *s)
{
	unsigned int i, k, delivered = 0, direct = 0, failed = 0;

	for (i = 0; i < NR; i++) {
		delivered += s->c[i].delivered;
		direct += s->c[i].direct;
		failed += s->c[i].failed;
		EXPECT_EQ(0, s->c[i].bad);
		for (k = 0; k < NR; k++) {
			EXPECT_EQ(s->c[k].sent[i], s->c[i].got[k]);
			EXPECT_EQ(0, disorder(&s->c[i], &s->c[k]));
		}
	}
	EXPECT_EQ(0, s->master_bad);
	TH_LOG("seed %llu: %u delivered, %u directly, %u relayed, %u not sent",
	       (unsigned long long)s->seed, delivered, direct, s->relayed,
	       failed);
	EXPECT_LT(0, direct);
	EXPECT_LT(0, s->relayed);
	EXPECT_LT(0, failed);
}

TEST(stress)
{
	struct stress *s = calloc(1, sizeof(*s));

	ASSERT_NE(NULL, s);
	ASSERT_EQ(0, stress_open(s, 60 * bus_long(1000)));
	stress_run(s);
	stress_check(_metadata, s);
	tbus_close(&s->b);
}

TEST_HARNESS_MAIN
