// SPDX-License-Identifier: GPL-2.0
/*
 * Contests: races on a bus of their own whose result is known, whichever thread
 * wins. Random calls meet such races but cannot judge them.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/epoll.h>

#include "fuzz.h"

#define GROUP		5
#define VICTIM		BUS_ADDR(7, 1)
#define WORKERS		4

/* A contest: links of one bus, and threads that repeat a step */
struct contest {
	struct rnd	rnd;
	struct tbus	b;
	struct bus_link	*l;
	unsigned int	nr;		/* links that take part */
	unsigned int	qlen;
	atomic_bool	over;
	char		*what;		/* what is wrong */
	size_t		size;
	unsigned long	count;		/* messages sent */
	unsigned long	last[TBUS_LINKS];
	int		passed[2];	/* sockets that are passed */
	int		way[2];		/* another way to pass them */
	int		epoll;		/* of senders that wait */
};

typedef void (*contest_step)(struct contest *c, unsigned int nr);

struct worker {
	struct contest	*c;
	contest_step	step;
	unsigned int	nr;
	pthread_t	thread;
};

static void complain(struct contest *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->what, c->size, fmt, args);
	va_end(args);
	atomic_store(&c->over, true);
}

static bool open_bus(struct contest *c, unsigned int nr)
{
	c->nr = nr;
	c->qlen = 1 + rnd_below(&c->rnd, 3);
	c->l = c->b.link;
	return !tbus_listen(&c->b) &&
	       !bus_opt(c->b.listener, BUS_QLEN, c->qlen) &&
	       !tbus_clients(&c->b, nr);
}

/* Receives a message and drops its descriptors; returns false if there is none.
 */
static bool receive(int fd, char *text, size_t size)
{
	struct bus_got got;
	ssize_t len;

	len = bus_recv(fd, &got, text, size - 1, MSG_DONTWAIT);
	bus_got_close(&got);
	if (len < 0)
		return false;
	text[len] = 0;
	return true;
}

static bool fill(struct contest *c, const struct bus_link *l, unsigned int nr)
{
	while (nr--)
		if (say(l->acc, "fill"))
			return false;
	return true;
}

static void drain(struct contest *c, const struct bus_link *l)
{
	char text[32];

	while (receive(l->fd, text, sizeof(text)))
		;
}

/* The user may have too much in flight, which is no failure. */
static bool over_limit(struct contest *c, const struct bus_link *l)
{
	char text[32];
	int err = say(l->fd, "probe");

	while (receive(l->acc, text, sizeof(text)))
		;
	return err;
}

/*
 * A member gains and loses two addresses of a group while another client
 * multicasts: it gets each message at most once, and in order.
 */

static bool twice_begin(struct contest *c)
{
	unsigned int i;

	if (!open_bus(c, TBUS_LINKS - rnd_below(&c->rnd, 4)))
		return false;
	/* The longer it takes to visit the members, the more can change. */
	for (i = 1; i < c->nr; i++)
		if (bus_add(&c->l[i], BUS_ADDR(GROUP, i)) ||
		    (i % 2 && bus_slow(c->l[i].fd)))
			return false;
	return !bus_add(&c->l[1], BUS_ADDR(GROUP, c->nr));
}

static void twice_send(struct contest *c, unsigned int nr)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", ++c->count);
	say_to(c->l[0].fd, BUS_MULTICAST(GROUP), text);
}

static void twice_flip(struct contest *c, unsigned int nr)
{
	__u64 addr = BUS_ADDR(GROUP, nr == 1 ? 1 : c->nr);

	bus_del(&c->l[1], addr);
	bus_add(&c->l[1], addr);
}

/* A member that is added is visited last: let the others be so in turn. */
static void twice_others(struct contest *c, unsigned int nr)
{
	unsigned int i;

	for (i = 2; i < c->nr; i++) {
		bus_del(&c->l[i], BUS_ADDR(GROUP, i));
		bus_add(&c->l[i], BUS_ADDR(GROUP, i));
	}
}

static void twice_judge(struct contest *c, unsigned int nr)
{
	unsigned long count;
	unsigned int i;
	char text[32];

	for (i = 1; i < c->nr; i++) {
		while (receive(c->l[i].fd, text, sizeof(text))) {
			count = strtoul(text, NULL, 10);
			if (count <= c->last[i])
				complain(c, "multicast %lu after %lu", count,
					 c->last[i]);
			c->last[i] = count;
		}
	}
}

/*
 * Multicasts fail because the last member is full. The first member does not
 * get them, so a unicast must find its room free.
 */

static bool full_begin(struct contest *c)
{
	static const __u32 policies[] = { BUS_OVERFLOW_REJECT,
					  BUS_OVERFLOW_DISCONNECT };
	unsigned int i;

	if (!open_bus(c, 4 + rnd_below(&c->rnd, 4)))
		return false;
	for (i = 2; i < c->nr; i++)
		if (bus_add(&c->l[i], BUS_ADDR(GROUP, i)) ||
		    bus_overflow(c->l[i].acc, policies[rnd_below(&c->rnd, 2)],
				 BUS_OVERFLOW_BLOCK))
			return false;
	return fill(c, &c->l[2], c->qlen - 1) &&
	       fill(c, &c->l[c->nr - 1], c->qlen);
}

static void full_multicast(struct contest *c, unsigned int nr)
{
	int err = say_to(c->l[0].fd, BUS_MULTICAST(GROUP), "multicast");

	if (err != EAGAIN && err != ENOBUFS)
		complain(c, "error %d of a multicast with a full member", err);
}

static void full_judge(struct contest *c, unsigned int nr)
{
	int err = say_to(c->l[1].fd, 3, "unicast");
	char text[32];

	if (!err)
		receive(c->l[2].fd, text, sizeof(text));
	else if (err != ENOBUFS || !over_limit(c, &c->l[1]))
		complain(c, "error %d of a unicast for which there is room",
			 err);
	if (bus_get_info(c->l[2].fd).state != BUS_STATE_JOINED)
		complain(c, "a receiver that had room is disconnected");
}

/*
 * A socket is passed to a client that closes, and in other ways at once. Only
 * the kernel's own checks see an error.
 */

static bool passed_begin(struct contest *c)
{
	unsigned int i;

	if (!open_bus(c, TBUS_LINKS - rnd_below(&c->rnd, 4)) ||
	    socketpair(AF_UNIX, SOCK_DGRAM, 0, c->passed) ||
	    socketpair(AF_UNIX, SOCK_DGRAM, 0, c->way))
		return false;
	for (i = 1; i < c->nr; i++)
		if (bus_opt(c->l[i].acc, BUS_EAVESDROP, 1) ||
		    bus_opt(c->l[i].fd, BUS_RECV_RIGHTS, rnd_below(&c->rnd, 2)))
			return false;
	/* This makes the second attempt longer, like eavesdroppers do. */
	return !bus_slow(c->l[0].acc);
}

static void passed_send(struct contest *c, unsigned int nr)
{
	const __u64 addr = VICTIM;

	say_fds(c->l[0].fd, &addr, "x", c->passed, 1);
}

static void passed_victim(struct contest *c, unsigned int nr)
{
	static const __u32 policies[] = { BUS_OVERFLOW_DROP,
					  BUS_OVERFLOW_BLOCK };
	struct bus_link l;

	if (tbus_link(&c->b, &l)) {
		atomic_store(&c->over, true);
		return;
	}
	bus_overflow(l.acc, policies[rnd_below(&c->rnd, 2)], BUS_OVERFLOW_DROP);
	if (rnd_below(&c->rnd, 3))
		bus_slow(l.fd);
	tbus_join(&l);
	bus_add(&l, VICTIM);
	usleep(rnd_below(&c->rnd, 1000));
	bus_link_close(&l);
}

static void passed_otherwise(struct contest *c, unsigned int nr)
{
	char text[32];

	say_fds(c->way[0], NULL, "x", c->passed, 1);
	receive(c->way[1], text, sizeof(text));
}

static void passed_receive(struct contest *c, unsigned int nr)
{
	unsigned int i;
	char text[32];

	receive(c->l[0].acc, text, sizeof(text));
	for (i = 1; i < c->nr; i++)
		drain(c, &c->l[i]);
}

static void passed_end(struct contest *c)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(c->passed[i]);
		close(c->way[i]);
	}
}

/*
 * Senders met a full queue that is empty now. An edge-triggered epoll reports each
 * time that one of them is told so: once.
 */

static bool woken_begin(struct contest *c)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	unsigned int i;

	if (!open_bus(c, 2 + rnd_below(&c->rnd, 4)) ||
	    !fill(c, &c->l[0], c->qlen))
		return false;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 1; i < c->nr; i++)
		if (say_to(c->l[i].fd, 1, "x") != EAGAIN ||
		    epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->l[i].fd, &ev))
			return false;
	return true;
}

static void woken_judge(struct contest *c, unsigned int nr)
{
	struct epoll_event evs[TBUS_LINKS];
	unsigned int i, told = 0;
	char text[32];

	drain(c, &c->l[0]);
	for (i = 0; i < 20; i++) {
		told += epoll_wait(c->epoll, evs, TBUS_LINKS, 0);
		say(c->l[0].acc, "x");
		receive(c->l[0].fd, text, sizeof(text));
	}
	if (told != c->nr - 1)
		complain(c, "%u senders were told %u times", c->nr - 1, told);
	atomic_store(&c->over, true);
}

static void woken_end(struct contest *c)
{
	close(c->epoll);
}

/*
 * A socket met several full queues. When one of them has room the socket is
 * writable.
 */

static bool several_begin(struct contest *c)
{
	unsigned int i;

	if (!open_bus(c, 3 + rnd_below(&c->rnd, 3)))
		return false;
	for (i = 1; i < c->nr; i++)
		if (!fill(c, &c->l[i], c->qlen))
			return false;
	for (i = 1; i < c->nr; i++)
		if (say_to(c->l[0].fd, i + 1, "x") != EAGAIN)
			return false;
	return true;
}

static void several_judge(struct contest *c, unsigned int nr)
{
	struct pollfd pfd = { .fd = c->l[0].fd, .events = POLLOUT };
	unsigned int i = 1 + rnd_below(&c->rnd, c->nr - 1);

	drain(c, &c->l[i]);
	if (!poll(&pfd, 1, 0))
		complain(c, "no POLLOUT, but receiver %u of %u has room", i,
			 c->nr - 1);
	atomic_store(&c->over, true);
}

/* The judge runs in the thread that started the contest. */
static const struct {
	bool		(*begin)(struct contest *c);
	contest_step	work[WORKERS];
	contest_step	judge;
	void		(*end)(struct contest *c);
} contests[FUZZ_CONTESTS] = {
	[FUZZ_TWICE] = {
		twice_begin,
		{ twice_send, twice_flip, twice_flip, twice_others },
		twice_judge
	},
	[FUZZ_FULL] = { full_begin, { full_multicast }, full_judge },
	[FUZZ_PASSED] = {
		passed_begin, { passed_send, passed_victim, passed_otherwise },
		passed_receive, passed_end
	},
	[FUZZ_WOKEN] = { woken_begin, {}, woken_judge, woken_end },
	[FUZZ_SEVERAL] = { several_begin, {}, several_judge },
};

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&w->c->over))
		w->step(w->c, w->nr);
	return NULL;
}

static void run(struct contest *c, enum fuzz_contest kind, unsigned int ms)
{
	struct worker workers[WORKERS] = {};
	long long end = now_ms() + ms;
	unsigned int i, nr = 0;

	for (; nr < WORKERS && contests[kind].work[nr]; nr++) {
		struct worker *w = &workers[nr];

		*w = (struct worker) { c, contests[kind].work[nr], nr };
		if (pthread_create(&w->thread, NULL, work, w))
			break;
	}
	while (now_ms() < end && !atomic_load(&c->over))
		contests[kind].judge(c, 0);
	atomic_store(&c->over, true);
	for (i = 0; i < nr; i++)
		pthread_join(workers[i].thread, NULL);
}

/**
 * fuzz_contest() - run a contest, in a process of its own
 * @kind: the contest
 * @seed: seed of its random numbers
 * @ms: its duration
 * @what: returns a description of the failure, or ""
 * @size: size of @what
 *
 * Return: false if it could not begin.
 */
bool fuzz_contest(enum fuzz_contest kind, __u64 seed, unsigned int ms, char *what,
		  size_t size)
{
	struct contest c = {
		.rnd = { seed },
		.what = what,
		.size = size,
		.passed = { -1, -1 },
		.way = { -1, -1 },
		.epoll = -1,
	};

	bool begins;

	what[0] = 0;
	begins = contests[kind].begin(&c);
	if (begins)
		run(&c, kind, ms);
	if (contests[kind].end)
		contests[kind].end(&c);
	tbus_close(&c.b);
	return begins;
}
