// SPDX-License-Identifier: GPL-2.0
/* A record of the messages that were sent and received. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../kselftest.h"

#include "bus_history.h"

#define COMPLAIN_MAX	5

/* The rest is only counted. */
#define complain(n, fmt, ...) do {					\
	if ((n)++ < COMPLAIN_MAX)					\
		ksft_print_msg(fmt "\n", ##__VA_ARGS__);		\
} while (0)

static size_t node_size(unsigned int sent, unsigned int got)
{
	return sent * sizeof(struct hist_sent) + got * sizeof(struct hist_got);
}

struct history *hist_open(unsigned int nodes, unsigned int sent,
			  unsigned int got, unsigned int spans)
{
	size_t size = sizeof(struct history) + nodes * node_size(sent, got) +
		      spans * sizeof(struct hist_span);
	struct history *h;
	unsigned int i;
	char *p;

	h = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h == MAP_FAILED)
		return NULL;

	h->nr = nodes;
	h->max_sent = sent;
	h->max_got = got;
	h->max_spans = spans;
	h->size = size;
	p = (char *)(h + 1);
	h->span = (struct hist_span *)p;
	p += spans * sizeof(struct hist_span);
	for (i = 0; i < nodes; i++, p += node_size(sent, got)) {
		h->node[i].sent = (struct hist_sent *)p;
		h->node[i].got = (struct hist_got *)(h->node[i].sent + sent);
	}
	return h;
}

void hist_close(struct history *h)
{
	munmap(h, h->size);
}

/* Recording */

/* An event that ends before another begins has the smaller tick. */
__u64 hist_tick(struct history *h)
{
	return atomic_fetch_add(&h->clock, 1);
}

static void full(const char *what)
{
	ksft_print_msg("too many %s to write down\n", what);
	abort();
}

void hist_send(struct history *h, unsigned int node, enum hist_kind kind,
	       unsigned int key, struct hist_msg *msg)
{
	struct hist_node *n = &h->node[node];
	struct hist_sent *s = &n->sent[n->nr_sent];

	if (n->nr_sent == h->max_sent)
		full("messages");
	msg->src = node;
	msg->kind = kind;
	msg->key = key;
	msg->seq = n->nr_sent + 1;
	memcpy(msg->know, n->know, sizeof(msg->know));

	s->kind = kind;
	s->key = key;
	s->err = HIST_PENDING;
	memcpy(s->know, n->know, sizeof(s->know));
	n->know[node] = msg->seq;
	s->end = HIST_EVER;
	s->begin = hist_tick(h);
	n->nr_sent++;
}

static struct hist_sent *sent_of(const struct history *h, unsigned int src,
				 __u32 seq)
{
	return &h->node[src].sent[seq - 1];
}

/* Records the result of the last hist_send(). */
void hist_result(struct history *h, unsigned int node, int err)
{
	struct hist_sent *s = sent_of(h, node, h->node[node].nr_sent);

	s->end = hist_tick(h);
	s->err = err;
}

/* The master is about to send a message on. */
void hist_relay(struct history *h, const struct hist_msg *msg)
{
	struct hist_sent *s = sent_of(h, msg->src, msg->seq);

	s->relayed = true;
	s->relay_begin = hist_tick(h);
	s->relay_end = HIST_EVER;
}

/* The master has sent the message on. */
void hist_relayed(struct history *h, const struct hist_msg *msg)
{
	struct hist_sent *s = sent_of(h, msg->src, msg->seq);
	__u32 *know = h->node[HIST_MASTER].know;

	s->relay_end = hist_tick(h);
	if (know[msg->src] < msg->seq)
		know[msg->src] = msg->seq;
}

/* Returns false for a message that cannot have been sent. */
bool hist_receive(struct history *h, unsigned int node,
		  const struct hist_msg *msg, bool direct)
{
	struct hist_node *n = &h->node[node];
	unsigned int i;

	if (msg->src >= h->nr || !msg->seq ||
	    msg->seq > h->node[msg->src].nr_sent)
		return false;
	if (n->nr_got == h->max_got)
		full("receptions");
	n->got[n->nr_got] = (struct hist_got) {
		.src = msg->src, .direct = direct, .seq = msg->seq,
	};
	/* If the process is killed, everything counted has been written. */
	atomic_signal_fence(memory_order_release);
	n->nr_got++;
	for (i = 0; i < h->nr; i++)
		if (n->know[i] < msg->know[i])
			n->know[i] = msg->know[i];
	if (n->know[msg->src] < msg->seq)
		n->know[msg->src] = msg->seq;
	return true;
}

/* The caller fills in the ticks after the call that gives the key. */
struct hist_span *hist_give(struct history *h, unsigned int node,
			    unsigned int key)
{
	struct hist_span *span = &h->span[h->nr_spans];

	if (h->nr_spans == h->max_spans)
		full("spans");
	*span = (struct hist_span) {
		.node = node, .key = key, .sure = true, .ask = hist_tick(h),
		.in = HIST_EVER, .out = HIST_EVER, .gone = HIST_EVER,
	};
	h->nr_spans++;
	return span;
}

/* Checking */

/* Skips what an eavesdropper heard of a message that also went to the master:
 * it may have heard it before the master sent it on.
 */
static const struct hist_sent *seen(const struct history *h,
				    const struct hist_node *n,
				    const struct hist_got *g)
{
	const struct hist_sent *s = sent_of(h, g->src, g->seq);

	return n->spy && (s->relayed || !g->direct) ? NULL : s;
}

unsigned int hist_multicasts(const struct history *h)
{
	const struct hist_node *n;
	unsigned int i, nr = 0;

	for (n = h->node; n < h->node + h->nr; n++)
		for (i = 0; i < n->nr_got; i++)
			nr += sent_of(h, n->got[i].src, n->got[i].seq)->kind ==
			      HIST_MULTICAST;
	return nr;
}

static unsigned int node_fifo(const struct history *h, unsigned int node,
			      unsigned int bad)
{
	const struct hist_node *n = &h->node[node];
	const struct hist_got *g;
	__u32 last[HIST_NODES] = {};

	for (g = n->got; g < n->got + n->nr_got; g++) {
		if (!seen(h, n, g))
			continue;
		if (g->seq <= last[g->src])
			complain(bad, "%u got %u of %u after %u", node, g->seq,
				 g->src, last[g->src]);
		last[g->src] = g->seq;
	}
	return bad;
}

/* Each node gets the messages of a sender in order, and none twice. */
unsigned int hist_fifo(const struct history *h)
{
	unsigned int i, bad = 0;

	for (i = 0; i < h->nr; i++)
		bad = node_fifo(h, i, bad);
	return bad;
}

static unsigned int node_causal(const struct history *h, unsigned int node,
				unsigned int bad)
{
	const struct hist_node *n = &h->node[node];
	__u32 known[HIST_NODES] = {};
	const struct hist_sent *s;
	const struct hist_got *g;
	unsigned int i;

	for (g = n->got; g < n->got + n->nr_got; g++) {
		s = seen(h, n, g);
		if (!s)
			continue;
		if (g->seq <= known[g->src])
			complain(bad, "%u got %u of %u after who knew of %u",
				 node, g->seq, g->src, known[g->src]);
		for (i = 0; i < h->nr; i++)
			if (known[i] < s->know[i])
				known[i] = s->know[i];
	}
	return bad;
}

/*
 * No effect before its cause: a node that has got a message must not get
 * another one later that the sender of the first knew of, directly or through
 * others.
 */
unsigned int hist_causal(const struct history *h)
{
	unsigned int i, bad = 0;

	for (i = 0; i < h->nr; i++)
		bad = node_causal(h, i, bad);
	return bad;
}

/*
 * One order for all: repeatedly take from the heads of all logs a multicast
 * that is at the head of each log that has it. If this gets stuck, each head
 * waits for one behind another head, so the relation "before" has a cycle.
 */
struct merge {
	const struct history	*h;
	unsigned int		base[HIST_NODES];	/* first id of each */
	unsigned int		at[HIST_NODES];		/* index into log */
	unsigned int		*logs;			/* logs that have it */
	unsigned int		*heads;			/* with it in front */
	unsigned int		*ready;
	unsigned int		nr_ready;
};

static bool merge_takes(const struct merge *m, unsigned int node,
			const struct hist_got *g)
{
	const struct hist_sent *s = seen(m->h, &m->h->node[node], g);

	return s && s->kind == HIST_MULTICAST;
}

static unsigned int merge_id(const struct merge *m, const struct hist_got *g)
{
	return m->base[g->src] + g->seq - 1;
}

/* Moves to the next multicast of a log. */
static void merge_head(struct merge *m, unsigned int node)
{
	const struct hist_node *n = &m->h->node[node];
	unsigned int id;

	while (m->at[node] < n->nr_got &&
	       !merge_takes(m, node, &n->got[m->at[node]]))
		m->at[node]++;
	if (m->at[node] == n->nr_got)
		return;
	id = merge_id(m, &n->got[m->at[node]]);
	if (++m->heads[id] == m->logs[id])
		m->ready[m->nr_ready++] = id;
}

static void merge_count(struct merge *m)
{
	const struct hist_node *n;
	unsigned int i, k;

	for (i = 0; i < m->h->nr; i++) {
		n = &m->h->node[i];
		for (k = 0; k < n->nr_got; k++)
			if (merge_takes(m, i, &n->got[k]))
				m->logs[merge_id(m, &n->got[k])]++;
	}
}

static bool merge_is_head(const struct merge *m, unsigned int node,
			  unsigned int id)
{
	const struct hist_node *n = &m->h->node[node];

	return m->at[node] < n->nr_got &&
	       merge_id(m, &n->got[m->at[node]]) == id;
}

static void merge_run(struct merge *m)
{
	unsigned int i, id;

	for (i = 0; i < m->h->nr; i++)
		merge_head(m, i);
	while (m->nr_ready) {
		id = m->ready[--m->nr_ready];
		for (i = 0; i < m->h->nr; i++) {
			if (!merge_is_head(m, i, id))
				continue;
			m->at[i]++;
			merge_head(m, i);
		}
	}
}

static unsigned int merge_left(const struct merge *m)
{
	const struct hist_got *g;
	unsigned int i, bad = 0;

	for (i = 0; i < m->h->nr; i++) {
		if (m->at[i] == m->h->node[i].nr_got)
			continue;
		g = &m->h->node[i].got[m->at[i]];
		complain(bad, "in no order: %u waits for %u of %u", i, g->seq,
			 g->src);
	}
	return bad;
}

unsigned int hist_total(const struct history *h)
{
	struct merge m = { .h = h };
	unsigned int i, bad, nr = 0;

	for (i = 0; i < h->nr; i++) {
		m.base[i] = nr;
		nr += h->node[i].nr_sent;
	}
	m.logs = calloc(nr, sizeof(*m.logs));
	m.heads = calloc(nr, sizeof(*m.heads));
	m.ready = calloc(nr, sizeof(*m.ready));
	if (!m.logs || !m.heads || !m.ready)
		abort();
	merge_count(&m);
	merge_run(&m);
	bad = merge_left(&m);
	free(m.logs);
	free(m.heads);
	free(m.ready);
	return bad;
}

/* The nodes that must, and that may, have a message */
struct due {
	const struct history	*h;
	unsigned int		first;	/* earlier spans are over */
	__u32			must;
	__u32			may;
	bool			unsure;	/* some in @may did not read all */
};

/* Messages of one sender must be passed in the order of their ticks. */
static void due_of(struct due *d, const struct hist_sent *s)
{
	__u64 begin = s->relayed ? s->relay_begin : s->begin;
	__u64 end = s->relayed ? s->relay_end : s->end;
	const struct history *h = d->h;
	const struct hist_span *span;
	unsigned int i;

	d->must = h->always[s->key];
	d->may = d->must;
	d->unsure = false;
	while (d->first < h->nr_spans && h->span[d->first].gone < begin)
		d->first++;
	for (i = d->first; i < h->nr_spans; i++) {
		span = &h->span[i];
		if (span->ask > end)
			break;
		if (span->key != s->key || span->gone < begin)
			continue;
		d->may |= 1U << span->node;
		d->unsure |= !span->sure;
		if (span->sure && span->in < begin && end < span->out)
			d->must |= 1U << span->node;
	}
}

static unsigned int bits(__u32 mask)
{
	return __builtin_popcount(mask);
}

struct message {
	unsigned int		src;
	__u32			seq;
	const struct hist_sent	*s;
	__u32			got;	/* nodes that have it */
};

/* Prints what is known of a message. */
static void tell_about(const struct message *m, const struct due *d)
{
	const struct hist_sent *s = m->s;

	ksft_print_msg("%u of %u: %s, key %u, error %d, ticks %llu to %lld\n",
		       m->seq, m->src,
		       s->kind == HIST_MULTICAST ? "multicast" : "unicast",
		       s->key, s->err, s->begin, (long long)s->end);
	ksft_print_msg("got %#x, must %#x, may %#x\n", m->got, d->must,
		       d->may);
	if (s->relayed)
		ksft_print_msg("relayed from %llu to %lld\n", s->relay_begin,
			       (long long)s->relay_end);
}

/* A lossy node may miss multicasts, and a node its own, as no socket waits for
 * itself.
 */
static bool may_miss(const struct history *h, unsigned int node,
		     const struct message *m)
{
	return m->s->kind == HIST_MULTICAST &&
	       (h->node[node].lossy || (node == m->src && !m->s->relayed));
}

static unsigned int check_succeeded(struct history *h, const struct message *m,
				    const struct due *d, unsigned int bad)
{
	__u32 miss = d->must & ~m->got;
	unsigned int i;

	for (i = 0; i < h->nr; i++) {
		if (!(miss >> i & 1))
			continue;
		if (may_miss(h, i, m))
			h->node[i].missed++;
		else
			complain(bad, "%u misses %u of %u", i, m->seq, m->src);
	}
	if (m->got & ~d->may)
		complain(bad, "%u of %u reached %#x, not only %#x", m->seq,
			 m->src, m->got, d->may);
	if (m->s->kind == HIST_UNICAST &&
	    (bits(m->got) > 1 || (!m->got && !d->unsure)))
		complain(bad, "unicast %u of %u reached %#x", m->seq, m->src,
			 m->got);
	return bad;
}

/* If the sender was killed in the send, all recipients have the multicast or
 * none.
 */
static unsigned int check_pending(struct history *h, const struct message *m,
				  const struct due *d, unsigned int bad)
{
	__u32 must = d->must;
	unsigned int i;

	for (i = 0; i < h->nr; i++)
		if (may_miss(h, i, m))
			must &= ~(1U << i);
	if (m->got && must & ~m->got)
		complain(bad, "%u of %u reached %#x of %#x", m->seq, m->src,
			 m->got, must);
	return bad;
}

static unsigned int check_sent(struct history *h, const struct message *m,
			       const struct due *d, unsigned int bad)
{
	if (!m->s->err || (m->s->err == HIST_PENDING && m->s->relayed))
		return check_succeeded(h, m, d, bad);
	if (m->s->err == HIST_PENDING)
		return check_pending(h, m, d, bad);
	if (m->got || m->s->relayed)
		complain(bad, "%u of %u failed with %d and reached %#x%s",
			 m->seq, m->src, m->s->err, m->got,
			 m->s->relayed ? " and the master" : "");
	return bad;
}

static unsigned int check_message(struct history *h, const struct message *m,
				  struct due *d, unsigned int bad)
{
	unsigned int was = bad;

	due_of(d, m->s);
	if (m->s->kind > HIST_MULTICAST)
		return bad;
	bad = check_sent(h, m, d, bad);
	if (bad != was && was < COMPLAIN_MAX)
		tell_about(m, d);
	return bad;
}

static void note_got(const struct history *h, unsigned int src, __u32 *got)
{
	const struct hist_node *n;
	unsigned int i, k;

	for (i = 0; i < h->nr; i++) {
		n = &h->node[i];
		for (k = 0; !n->spy && k < n->nr_got; k++)
			if (n->got[k].src == src)
				got[n->got[k].seq - 1] |= 1U << i;
	}
}

/*
 * A message that failed reached no node. A message that succeeded reached all
 * nodes that had its key throughout, and no node that did not have it at all.
 * Permitted gaps are counted.
 */
unsigned int hist_delivery(struct history *h)
{
	unsigned int src, k, nr, bad = 0;
	struct message m;
	struct due d;
	__u32 *got;

	for (src = 0; src < h->nr; src++) {
		nr = h->node[src].nr_sent;
		got = calloc(nr + 1, sizeof(*got));
		if (!got)
			abort();
		note_got(h, src, got);
		d = (struct due) { .h = h };
		for (k = 0; k < nr; k++) {
			m = (struct message) {
				src, k + 1, &h->node[src].sent[k], got[k],
			};
			bad = check_message(h, &m, &d, bad);
		}
		free(got);
	}
	return bad;
}

static unsigned int node_now(const struct history *h, unsigned int node,
			     unsigned int bad)
{
	const struct hist_node *n = &h->node[node];
	bool on[HIST_KEYS] = {};
	const struct hist_sent *s;
	const struct hist_got *g;

	for (g = n->got; g < n->got + n->nr_got; g++) {
		s = sent_of(h, g->src, g->seq);
		if (s->kind == HIST_ON || s->kind == HIST_OFF)
			on[s->key] = s->kind == HIST_ON;
		else if (g->direct && h->guarded[s->key] && !on[s->key])
			complain(bad, "%u got %u of %u, to %u, too late", node,
				 g->seq, g->src, s->key);
		else if (g->direct && h->guarded[0] && !on[0])
			complain(bad, "%u got %u of %u directly", node, g->seq,
				 g->src);
	}
	return bad;
}

/*
 * No node gets a message directly to a guarded key after the master has
 * announced that there will be none. Key 0 stands for all messages.
 */
unsigned int hist_now(const struct history *h)
{
	unsigned int i, bad = 0;

	for (i = 0; i < h->nr; i++)
		if (!h->node[i].spy)
			bad = node_now(h, i, bad);
	return bad;
}
