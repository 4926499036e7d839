/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: clients
 */
#ifndef _NET_BUS_CLIENT_H
#define _NET_BUS_CLIENT_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include "bus.h"

/* A client that eavesdrops */
struct bus_eaves {
	struct list_head	link;		/* in bus->eavesdroppers, RCU */
	/* not referenced: it ends when the client leaves */
	struct bus_client	*client;
	struct rcu_head		rcu;
};

/* One connection: the client and its link to the master. Made by connect(). A
 * client leaves the bus once, when either socket is shut down or released; then
 * it cannot be found any more. It is freed an RCU grace period after the last
 * reference is dropped.
 */
struct bus_client {
	/* held by both sockets, and by who called af_bus_client_get() */
	refcount_t		ref;
	struct rcu_head		rcu;	/* senders find clients under RCU */
	struct bus		*bus;	/* referenced */
	u64			addr;	/* unique address; constant */
	/* who connected; referenced, constant */
	struct bus_user		*user;
	/* likewise, which may be one of many that are one user; constant */
	kuid_t			uid;
	/* NULL once the socket is released. Sockets are freed by RCU: under
	 * rcu_read_lock() it stays, but takes no messages once closed.
	 */
	struct sock __rcu	*sk;
	struct sock __rcu	*master_sk;	/* the accepted one, likewise */
	/* on the bus; under bus->lock, read locklessly */
	bool			joined;
	/* was put off or left, will not join again; under bus->lock */
	bool			left;
	/* leave() of the protocol is to be called; under bus->lock */
	bool			proto_joined;
	u32			flags;		/* BUS_F_VIA_MASTER */
	/* BUS_OVERFLOW_* */
	u32			overflow_unicast;
	u32			overflow_multicast;
	/* struct bus_holder, RCU; changed under bus->lock */
	struct list_head	holders;
	/* struct bus_member; under bus->lock */
	struct list_head	members;
	/* that it eavesdrops, or NULL; under bus->lock */
	struct bus_eaves	*eaves;
	void			*proto_data;	/* of the protocol */

	/* What messages write is apart from what every sender reads. */

	/* hand-overs that the master has not acknowledged */
	atomic_t		unacked ____cacheline_aligned_in_smp;
	/* those of them that nobody has claimed to acknowledge */
	atomic_t		ackable;
	/* What is queued for it is counted under the lock of the queue. */
	atomic64_t		count[BUS_STAT_MAX];
};

/* Counts a copy, under the lock of the queue that it is linked into. */
static inline void bus_count_queued(struct bus_client *client,
				    enum bus_stat stat)
{
	atomic64_t *count = &client->count[stat];

	atomic64_set(count, atomic64_read(count) + 1);
}

static inline void bus_count(struct bus_client *client, enum bus_stat stat)
{
	atomic64_inc(&client->count[stat]);
	bus_count_all(client->bus, stat, 1);
}

static inline void bus_client_unclaim_ack(struct bus_client *client, u32 n)
{
	atomic_add(n, &client->ackable);
}

static inline void bus_client_ack_claimed(struct bus_client *client, u32 n)
{
	/* A client that sees the count finds all copies of the message that
	 * acknowledges in their queues.
	 */
	smp_mb__before_atomic();
	atomic_sub(n, &client->unacked);
}

static inline void bus_client_handed_over(struct bus_client *client)
{
	atomic_inc(&client->unacked);
	atomic_inc(&client->ackable);
}

static inline void bus_client_not_handed_over(struct bus_client *client)
{
	atomic_dec(&client->ackable);
	atomic_dec(&client->unacked);
}

/* client.c */
struct bus_client *bus_client_alloc(struct bus *bus);
int bus_client_register(struct bus_client *client);
int bus_client_join(struct bus_client *client);
int bus_client_eavesdrop(struct bus_client *client, bool on);
int bus_client_claim_ack(struct bus_client *client, u32 n);
int bus_client_ack(struct bus_client *client, u32 n);
void bus_client_leave(struct bus_client *client);
void bus_client_detach(struct bus_client *client, const struct sock *sk);
void bus_client_cut(struct bus_client *client, bool by_master, int mode);
void bus_client_reroute(struct bus_client *client);
void bus_clients_reroute(struct bus *bus);
void bus_client_shutdown(struct bus_client *client, bool by_master, int mode);

#endif /* _NET_BUS_CLIENT_H */
