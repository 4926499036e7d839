/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was sent and what came of it: recorded while many talk at once, and
 * checked afterwards against what AF_BUS promises.
 *
 * A node is one who sends and receives, and does one thing after the other.
 * What it writes down lies in memory that survives it, so a node may be a
 * process that is killed. Node 0 is the master.
 */
#ifndef BUS_HISTORY_H
#define BUS_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <linux/types.h>

#define HIST_NODES	32
#define HIST_KEYS	32
#define HIST_MASTER	0
#define HIST_PENDING	-1		/* the call has not returned */
#define HIST_EVER	~0ULL

/* Of a key, or of an on or off that is announced with it. */
enum hist_kind {
	HIST_UNICAST,
	HIST_MULTICAST,
	HIST_ON,			/* may come from now on */
	HIST_OFF,			/* must not come any more */
};

/* A message as it travels. */
struct hist_msg {
	__u16	src;			/* node */
	__u16	kind;
	__u32	key;			/* address or group, as a number */
	__u32	seq;			/* of src, from 1 */
	__u32	know[HIST_NODES];	/* the last that src knew of each */
};

/* A message as its sender wrote it down. */
struct hist_sent {
	__u16	kind;
	__u16	key;
	bool	relayed;		/* the master sent it on */
	int	err;			/* or HIST_PENDING */
	__u64	begin;			/* ticks, of the call */
	__u64	end;
	__u64	relay_begin;		/* of the master's */
	__u64	relay_end;
	__u32	know[HIST_NODES];
};

/* A message as its receiver wrote it down. */
struct hist_got {
	__u16	src;
	bool	direct;
	__u32	seq;
};

/* A node that has a key for a while. */
struct hist_span {
	__u16	node;
	__u16	key;
	bool	sure;			/* it read all there was */
	__u64	ask;			/* ticks before and after the call */
	__u64	in;			/* that gave it, */
	__u64	out;			/* and that took it */
	__u64	gone;
};

struct hist_node {
	__u32			know[HIST_NODES];
	unsigned int		nr_sent;
	struct hist_sent	*sent;		/* by seq - 1 */
	unsigned int		nr_got;
	struct hist_got		*got;
	bool			lossy;		/* may lose multicasts */
	unsigned int		missed;		/* did so: hist_delivery() */
	bool			spy;		/* eavesdrops */
};

struct history {
	atomic_ullong		clock;
	unsigned int		nr;		/* nodes */
	unsigned int		max_sent;	/* of a node */
	unsigned int		max_got;
	unsigned int		max_spans;
	unsigned int		nr_spans;	/* by ask */
	struct hist_span	*span;
	__u32			always[HIST_KEYS];	/* nodes that keep it */
	bool			guarded[HIST_KEYS];	/* HIST_ON and OFF tell */
	struct hist_node	node[HIST_NODES];
	size_t			size;
};

struct history *hist_open(unsigned int nodes, unsigned int sent,
			  unsigned int got, unsigned int spans);
void hist_close(struct history *h);

/* Recording */
__u64 hist_tick(struct history *h);
void hist_send(struct history *h, unsigned int node, enum hist_kind kind,
	       unsigned int key, struct hist_msg *msg);
void hist_result(struct history *h, unsigned int node, int err);
void hist_relay(struct history *h, const struct hist_msg *msg);
void hist_relayed(struct history *h, const struct hist_msg *msg);
bool hist_receive(struct history *h, unsigned int node,
		  const struct hist_msg *msg, bool direct);
struct hist_span *hist_give(struct history *h, unsigned int node,
			    unsigned int key);
unsigned int hist_multicasts(const struct history *h);

/* Checking: how often the promise was broken; the first are printed. */
unsigned int hist_fifo(const struct history *h);
unsigned int hist_causal(const struct history *h);
unsigned int hist_total(const struct history *h);
unsigned int hist_delivery(struct history *h);
unsigned int hist_now(const struct history *h);

#endif /* BUS_HISTORY_H */
