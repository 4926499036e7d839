/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: receive queues, room in them, and senders that wait for it
 */
#ifndef _NET_BUS_QUEUE_H
#define _NET_BUS_QUEUE_H

#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/types.h>

struct bus_bill;
struct bus_user;
struct sock;
struct task_struct;

/* The room that a message needs */
struct bus_need {
	unsigned int		size;	/* truesize in bytes */
	struct bus_user		*user;	/* whose message it is */
	/* it needs room in the queue, and no share of it */
	bool			exempt;
	/* Nothing can be decided anew any more: what others have set aside and
	 * not used yet does not stand in its way.
	 */
	bool			late;
	/* of the recipient when it was chosen */
	unsigned int		reroutes;
};

/* Whose line a sender stands in that waits for room: all who need no share
 * stand in one.
 */
static inline const struct bus_user *bus_need_line(const struct bus_need *need)
{
	return need->exempt ? NULL : need->user;
}

/* A sender that waits for room in a queue. Under sk_receive_queue.lock of the
 * recipient. All in one line have the same bus_need_line().
 */
struct bus_waiter {
	/* in the lines of the recipient, if this is the first of a line */
	struct list_head	line;
	struct list_head	behind;		/* ring of those in a line */
	struct sock		*sk;		/* sender */
	/* referenced, NULL if there is none to wait for */
	struct sock		*recipient;
	/* thread that sleeps, NULL if it is poll() that waits */
	struct task_struct	*task;
	struct bus_need		need;		/* what does not fit */
	bool			listed;		/* it is in line */
	/* it has its turn; written under the lock, read locklessly */
	bool			woken;
	/* of a thread that lost a turn: it is in line until it is through */
	bool			again;
};

/**
 * enum bus_retry - why an attempt to deliver is not the last one
 * @BUS_NEED_MEMORY: what the route wants is to be prepared first
 * @BUS_LOST_RACE: a recipient went away
 * @BUS_TO_MASTER: the message goes to the master, in the same attempt
 * @BUS_UNSETTLED: room that others have set aside, maybe in vain, is missing in
 *	a queue
 * @BUS_USER_UNSETTLED: the same of what the user of a queue pays for;
 *	bus_recipient_full() makes it %BUS_UNSETTLED
 *
 * Functions of an attempt return one of these, 0 or an error of send().
 */
enum bus_retry {
	BUS_NEED_MEMORY = 1,
	BUS_LOST_RACE,
	BUS_TO_MASTER,
	BUS_UNSETTLED,
	BUS_USER_UNSETTLED,
};

/* queue.c */
bool bus_queue_has_room(struct sock *sk, const struct bus_need *need);
int bus_queue_reserve(struct sock *sk, const struct bus_need *need,
		      struct list_head *spare, struct bus_bill *bill);
void bus_queue_unreserve(struct sock *sk, unsigned int size,
			 const struct bus_bill *bill);
int bus_queue_add(struct sock *sk, struct sk_buff *skb,
		  const struct bus_need *need, struct list_head *spare);
int bus_queue_add_reserved(struct sock *sk, struct sk_buff *skb);
void bus_queue_lose(struct sock *sk);
void bus_queue_report_loss(struct sock *sk);
void bus_queue_close(struct sock *sk);
void bus_queue_reroute(struct sock *sk);
void bus_queue_drop(const struct sock *sk, struct sk_buff *skb,
		    enum skb_drop_reason reason);
void bus_queue_purge(struct sock *sk);
void bus_queue_collect(struct sock *sk, struct sk_buff_head *hitlist);
bool bus_queue_readable(struct sock *sk);
bool bus_queue_would_wait(struct sock *sk, int flags);
unsigned int bus_queue_first_len(struct sock *sk);
struct sk_buff *bus_queue_take(struct sock *sk, size_t size, int flags,
			       int *off, int *err);
void bus_queue_init(struct sock *sk);
void bus_queue_destroy(struct sock *sk);

/* wait.c */
void bus_wake_all(struct sock *sk);
void bus_wake_room(struct sock *sk);
int bus_wait_room(struct bus_waiter *w, struct sock *sk, struct sock *recipient,
		  const struct bus_need *need, long *timeo);
void bus_wait_leave(struct bus_waiter *w);
bool bus_block_on(struct sock *sk, struct sock *recipient,
		  const struct bus_need *need);
bool bus_block_has_turn(struct sock *sk, const struct sock *recipient);
void bus_block_sent(struct sock *sk, const struct sock *recipient);
void bus_unblock(struct sock *sk);
bool bus_writable(struct sock *sk);
bool bus_is_blocked(struct sock *sk);
bool bus_line_is_open(struct sock *recipient, const struct sock *sk,
		      const struct bus_user *user);
void bus_wait_init(struct sock *sk);

#endif /* _NET_BUS_QUEUE_H */
