/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: users, their shares of queues, and what they pay for
 */
#ifndef _NET_BUS_USER_H
#define _NET_BUS_USER_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct bus_need;
struct sock;

/* What one user's messages take of a queue, or of the budget of the user who
 * pays for the queue. Under the lock of that queue or payer.
 */
struct bus_share {
	struct list_head	link;	/* in the shares of queue or payer */
	struct bus_user		*user;	/* whose messages; referenced */
	struct bus_user		*payer;	/* NULL for a share of a queue */
	/* messages that are there or have room set aside, and their memory */
	unsigned int		nr;
	unsigned long		bytes;
};

/* At most half of what the others leave. */
static inline bool bus_share_fits(u64 held, u64 total, u64 more, u64 budget)
{
	u64 others = total - held;

	return others <= budget && held + more <= (budget - others) / 2;
}

/* The shares that a copy is charged to, beside its queue */
struct bus_bill {
	/* of its sender in the queue, until it leaves the queue, or NULL */
	struct bus_share	*share;
	/* Of its sender in what the user of the queue pays for, until the copy
	 * is freed. NULL if it is among the first in the queue, which are free.
	 */
	struct bus_share	*due;
};

/* A user who has clients or buses. The user of a client pays for the queues at
 * both ends of its link.
 */
struct bus_user {
	/* held by each client, bus and share, and by what the user pays for */
	refcount_t		ref;
	kuid_t			uid;	/* see bus_user_get(); constant */
	struct rhash_head	node;	/* in the table of users, RCU */
	struct rcu_head		rcu;
	/* that are about to be in flight, copies counted */
	atomic_long_t		descriptors;

	/* what it pays for, under the lock */
	spinlock_t		lock ____cacheline_aligned_in_smp;
	unsigned long		bytes;		/* of messages */
	/* of these, for attempts that may still fail */
	unsigned long		reserved;
	/* of the user's own messages; has no reference */
	struct bus_share	own;
	struct list_head	shares;		/* of other users */
	/* queues (struct bus_sock) that somebody waits for until this user can
	 * pay for more
	 */
	struct list_head	starved;
};

#define BUS_USER_BYTES	(512ul << 20)

/* user.c */
extern unsigned long bus_max_user_bytes;

struct bus_user *bus_user_get(void);
void bus_user_put(struct bus_user *user);
int bus_user_charge(struct bus_user *user, const struct bus_need *need,
		    bool reserve, struct list_head *spare,
		    struct bus_share **share);
void bus_user_uncharge(struct bus_share *share, unsigned int size);
void bus_user_unreserve(struct bus_share *share, unsigned int size);
void bus_user_settle(struct bus_share *share, unsigned int size);
int bus_user_check_or_starve(struct bus_user *user,
			     const struct bus_need *need, struct sock *sk);
void bus_user_forget(struct bus_user *user, struct sock *sk);
int __init bus_user_init(void);
void __init bus_user_exit(void);

#endif /* _NET_BUS_USER_H */
