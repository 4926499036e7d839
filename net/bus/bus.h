/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: buses, their counters, and the attempts to deliver on them
 */
#ifndef _NET_BUS_BUS_H
#define _NET_BUS_BUS_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/af_bus.h>
#include <net/net_trackers.h>
#include "path.h"

struct bus_net;
struct bus_user;

enum bus_stat {
	BUS_STAT_UNICASTS,
	BUS_STAT_MULTICASTS,
	BUS_STAT_COPIES,
	BUS_STAT_HANDOVERS,
	BUS_STAT_FROM_MASTER,
	BUS_STAT_FILTERED,
	BUS_STAT_LOST,
	BUS_STAT_MAX
};

/* Counters of a bus, on one CPU */
struct bus_stats {
	/* lets others read a count in one piece where 64 bits are two words */
	struct u64_stats_sync	syncp;
	u64_stats_t		count[BUS_STAT_MAX];	/* by enum bus_stat */
};

/* Attempts to deliver a message, on one CPU, by the phase of the bus */
struct bus_attempts {
	unsigned long		begun[2];
	unsigned long		ended[2];	/* on whatever CPU they began */
};

/* A bus. Made by bind(). It outlives its listener while there are clients, and
 * goes when the last reference is dropped.
 */
struct bus {
	/* read by every message, rarely written */

	/* namespace of the listener, in which the hooks run; referenced */
	struct net		*net;
	const struct bus_net	*limits;	/* the sysctls of net */
	/* its module is pinned; NULL for BUS_PROTO_NONE */
	const struct bus_proto	*proto;
	void			*proto_data;	/* of the protocol */
	/* who called bind(), whose messages those of the master are;
	 * referenced, constant
	 */
	struct bus_user		*user;
	struct bus_attempts __percpu *attempts;	/* see af_bus_synchronize() */
	struct bus_stats __percpu *stats;	/* of all clients together */
	/* that attempts begin in, 0 or 1; written under sync_lock */
	unsigned int		phase;
	u32			proto_id;	/* BUS_PROTO_* */
	u32			flags;		/* BUS_F_* */
	u32			max_msg;	/* bytes */
	/* A recipient has asked for credentials, so senders take theirs before
	 * they look for recipients. A hint, set once.
	 */
	bool			takes_creds;
	/* struct bus_eaves, RCU; changed under lock */
	struct list_head	eavesdroppers;
	/* prefix to struct bus_group; they live as long as the bus */
	struct xarray		groups;
	/* address to struct bus_holder */
	struct rhashtable	addrs;

	/* written by every multicast */

	/* held while the copies of a multicast are linked into queues, so that
	 * all queues see multicasts in one order
	 */
	spinlock_t		order_lock ____cacheline_aligned_in_smp;

	/* of no concern to a message */

	/* held by the listener, each client, and who called af_bus_get() */
	refcount_t		ref ____cacheline_aligned_in_smp;
	/* bytes, for links made from now on; 0 is the default of sockets */
	int			rcvbuf;
	/* unique on this machine until it is rebooted */
	u64			cookie;
	netns_tracker		ns_tracker;	/* of the reference to net */
	/* as given to bind(); constant */
	struct bus_path		path;
	/* of node, by which it is found; NULL if the path is abstract */
	struct inode		*inode;
	/* in the table of nodes or of the abstract paths of net, RCU */
	struct rhash_head	path_link;
	/* it is in there; the listener's, as it is bound and released */
	bool			hashed;
	spinlock_t		path_lock;	/* node, listener */
	struct path		node;		/* in the file system */
	/* not referenced, its release takes it out */
	struct sock		*listener;
	/* Serialises joins, leaves and changes of addresses and groups, which
	 * are read under RCU.
	 */
	struct mutex		lock;
	/* one waits for attempts at a time; innermost of mutexes */
	struct mutex		sync_lock;
	atomic64_t		last_addr;	/* unique address given last */
	/* messages, for links made from now on */
	int			max_qlen;
	/* BUS_OVERFLOW_*, of clients that connect from now on */
	u32			overflow_unicast;
	u32			overflow_multicast;
	atomic_t		nr_clients;	/* connected ones */
	/* frees the bus where it may sleep */
	struct work_struct	free_work;
};

/**
 * bus_attempt_begin() - let changes of the bus wait for the caller
 * @bus: bus
 *
 * Context: Process. Until bus_attempt_end() the caller must not sleep.
 * Return: The phase, for bus_attempt_end().
 */
static inline unsigned int bus_attempt_begin(struct bus *bus)
{
	unsigned int phase = READ_ONCE(bus->phase);

	this_cpu_inc(bus->attempts->begun[phase]);
	/* Pairs with the barrier in bus_phase_is_over(). */
	smp_mb();
	return phase;
}

/**
 * bus_attempt_end() - an attempt to deliver is over
 * @bus: bus
 * @phase: as bus_attempt_begin() returned it
 */
static inline void bus_attempt_end(struct bus *bus, unsigned int phase)
{
	/* Pairs with the barrier in bus_phase_is_over(). */
	smp_mb();
	this_cpu_inc(bus->attempts->ended[phase]);
}

/* Counts for the bus what has been counted for its clients. */
static inline void bus_count_all(struct bus *bus, enum bus_stat stat,
				 unsigned int n)
{
	struct bus_stats *stats = get_cpu_ptr(bus->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->count[stat], n);
	u64_stats_update_end(&stats->syncp);
	put_cpu_ptr(bus->stats);
}

/* bus.c */
struct bus_stats __percpu *bus_stats_alloc(void);
u64 bus_stat_sum(const struct bus *bus, enum bus_stat stat);
struct bus *bus_alloc(struct net *net, u32 proto_id,
		      const struct bus_path *path);

/* proto.c */
const struct bus_proto *bus_proto_get(u32 id);
void bus_proto_put(const struct bus_proto *proto);

#endif /* _NET_BUS_BUS_H */
