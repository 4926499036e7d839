/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A record of what was sent and received while many processes talk at once. It
 * is checked afterwards against the promises of AF_BUS.
 *
 * A node sends and receives, one call after another. Its record lies in shared
 * memory that survives it, so a node may be a process that is killed. Node 0 is
 * the master.
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

/* The kind of a message to a key. HIST_ON and HIST_OFF announce a change of it.
 */
enum hist_kind {
	HIST_UNICAST,
	HIST_MULTICAST,
	HIST_ON,			/* messages may arrive from now on */
	HIST_OFF,			/* messages must not arrive any more */
};

/* The content of a message. */
struct hist_msg {
	__u16	src;			/* node */
	__u16	kind;
	__u32	key;			/* address or group, as a number */
	__u32	seq;			/* of src, from 1 */
	__u32	know[HIST_NODES];	/* latest of each node that src knew */
};

/* A message as its sender recorded it. */
struct hist_sent {
	__u16	kind;
	__u16	key;
	bool	relayed;		/* the master sent it on */
	int	err;			/* or HIST_PENDING */
	__u64	begin;			/* ticks around the send */
	__u64	end;
	__u64	relay_begin;		/* ticks around the master's send */
	__u64	relay_end;
	__u32	know[HIST_NODES];
};

/* A message as its recipient recorded it. */
struct hist_got {
	__u16	src;
	bool	direct;
	__u32	seq;
};

/* A period in which a node has a key. */
struct hist_span {
	__u16	node;
	__u16	key;
	bool	sure;			/* the node read all that arrived */
	__u64	ask;			/* ticks around the call that */
	__u64	in;			/* adds the key, */
	__u64	out;			/* and the call that deletes it */
	__u64	gone;
};

struct hist_node {
	__u32			know[HIST_NODES];
	unsigned int		nr_sent;
	struct hist_sent	*sent;		/* by seq - 1 */
	unsigned int		nr_got;
	struct hist_got		*got;
	bool			lossy;		/* may lose multicasts */
	unsigned int		missed;		/* so many: hist_delivery() */
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
	bool			guarded[HIST_KEYS];	/* HIST_ON, OFF tell */
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

/* Checking. Each returns how often a promise was broken, and prints the first
 * cases.
 */
unsigned int hist_fifo(const struct history *h);
unsigned int hist_causal(const struct history *h);
unsigned int hist_total(const struct history *h);
unsigned int hist_delivery(struct history *h);
unsigned int hist_now(const struct history *h);

#endif /* BUS_HISTORY_H */
