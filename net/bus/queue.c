// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: receive queues
 *
 * A message is charged to the queue it is in. There may be room set aside for
 * messages that are about to come; it counts as if they were there.
 */

#include <linux/slab.h>
#include "client.h"
#include "msg.h"
#include "queue.h"
#include "sock.h"
#include "trace.h"
#include "user.h"

/* Shares that are kept although nothing is charged to them. */
#define BUS_IDLE_SHARES	4

/* Bytes up to which a queue costs its user nothing, so that most messages do not
 * touch what all queues of the user share, and small ones have a way to a user
 * that can pay for no more. What they take is like the memory of the socket.
 */
#define BUS_QUEUE_FREE	(16u << 10)

static struct bus_share *bus_share_find(const struct bus_sock *b,
					const struct bus_user *user)
{
	struct bus_share *share;

	list_for_each_entry(share, &b->shares, link)
		if (share->user == user)
			return share;
	return NULL;
}

static struct bus_share *bus_share_add(struct bus_sock *b,
				       struct bus_user *user,
				       struct list_head *spare)
{
	struct bus_share *share;

	share = list_first_entry_or_null(spare, struct bus_share, link);
	if (!share)
		return NULL;

	refcount_inc(&user->ref);
	share->user = user;
	share->payer = NULL;
	share->nr = 0;
	share->bytes = 0;
	list_move(&share->link, &b->shares);
	b->nr_shares++;
	return share;
}

static void bus_share_free(struct bus_sock *b, struct bus_share *share)
{
	list_del(&share->link);
	b->nr_shares--;
	bus_user_put(share->user);
	kfree(share);
}

static void bus_share_release(struct bus_sock *b, struct bus_share *share)
{
	if (!share->nr && b->nr_shares > BUS_IDLE_SHARES)
		bus_share_free(b, share);
}

static bool bus_queue_fits_share(const struct sock *sk, unsigned int size,
				 unsigned int n, u64 bytes,
				 const struct bus_user *user)
{
	const struct bus_sock *b = bus_sk(sk);
	const struct bus_share *share = bus_share_find(b, user);

	return bus_share_fits(share ? share->nr : 0, n, 1, b->max_qlen) &&
	       bus_share_fits(share ? share->bytes : 0, bytes, size,
			      READ_ONCE(sk->sk_rcvbuf));
}

static bool bus_queue_fits(const struct sock *sk, unsigned int size,
			   unsigned int n, u64 bytes)
{
	return n < bus_sk(sk)->max_qlen &&
	       bytes + size <= READ_ONCE(sk->sk_rcvbuf);
}

/* Without what is set aside. */
static bool bus_queue_fits_settled(const struct sock *sk, unsigned int size,
				   u64 bytes)
{
	unsigned int n = skb_queue_len(&sk->sk_receive_queue);

	return !n || bus_queue_fits(sk, size, n,
				    bytes - bus_sk(sk)->reserved_bytes);
}

static int bus_queue_check(const struct sock *sk, const struct bus_need *need)
{
	const struct bus_sock *b = bus_sk(sk);
	unsigned int n = skb_queue_len(&sk->sk_receive_queue) + b->reserved;
	u64 bytes = atomic_read(&sk->sk_rmem_alloc);

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	if (b->closed)
		return -EPIPE;
	/* An empty queue takes one message of any size. */
	if (!n)
		return 0;
	if (!bus_queue_fits(sk, need->size, n, bytes)) {
		if (!b->reserved ||
		    !bus_queue_fits_settled(sk, need->size, bytes))
			return -EAGAIN;
		return need->late ? 0 : BUS_UNSETTLED;
	}
	if (!need->exempt &&
	    !bus_queue_fits_share(sk, need->size, n, bytes, need->user))
		return b->reserved ? BUS_UNSETTLED : -EDQUOT;
	return 0;
}

static bool bus_queue_is_paid(const struct sock *sk, unsigned int size)
{
	return (u32)atomic_read(&sk->sk_rmem_alloc) + size > BUS_QUEUE_FREE;
}

/* Is there room for a message that needs no share, and that the user of the queue
 * does not pay for? Then neither has to be looked for.
 */
static bool bus_queue_has_free_room(const struct sock *sk,
				    const struct bus_need *need)
{
	const struct bus_sock *b = bus_sk(sk);

	return need->exempt && !b->closed && !bus_queue_is_paid(sk, need->size) &&
	       bus_queue_fits(sk, need->size,
			      skb_queue_len(&sk->sk_receive_queue) + b->reserved,
			      atomic_read(&sk->sk_rmem_alloc));
}

/**
 * bus_queue_has_room() - would a message fit, or is waiting of no use?
 * @sk: recipient
 * @need: what it needs
 *
 * Context: Under the lock of the queue.
 * Return: true if there is nothing to wait for.
 */
bool bus_queue_has_room(struct sock *sk, const struct bus_need *need)
{
	int err;

	if (bus_sk(sk)->reroutes != need->reroutes)
		return true;

	err = bus_queue_check(sk, need);
	if (!err && bus_queue_is_paid(sk, need->size))
		err = bus_user_check_or_starve(bus_sk(sk)->client->user, need,
					       sk);
	return !err || err == -EPIPE;
}

/* All changes are under the lock of the queue. */
static void bus_queue_add_bytes(struct sock *sk, int bytes)
{
	lockdep_assert_held(&sk->sk_receive_queue.lock);

	atomic_set(&sk->sk_rmem_alloc, atomic_read(&sk->sk_rmem_alloc) + bytes);
}

static int
bus_queue_charge(struct sock *sk, const struct bus_need *need, bool reserve,
		 struct list_head *spare, struct bus_bill *bill)
{
	struct bus_sock *b = bus_sk(sk);
	struct bus_share *share = NULL, *due = NULL;
	int err;

	err = bus_queue_check(sk, need);
	if (err)
		return err;

	if (!need->exempt) {
		share = bus_share_find(b, need->user) ?:
			bus_share_add(b, need->user, spare);
		if (!share)
			return BUS_NEED_MEMORY;
	}
	if (bus_queue_is_paid(sk, need->size))
		err = bus_user_charge(b->client->user, need, reserve, spare,
				      &due);
	if (err) {
		if (share)
			bus_share_release(b, share);
		return err;
	}
	if (share) {
		share->nr++;
		share->bytes += need->size;
	}
	bus_queue_add_bytes(sk, need->size);
	bill->share = share;
	bill->due = due;
	return 0;
}

static void bus_queue_uncharge(struct sock *sk, unsigned int size,
			       struct bus_share *share)
{
	if (share) {
		share->bytes -= size;
		share->nr--;
		bus_share_release(bus_sk(sk), share);
	}
	bus_queue_add_bytes(sk, -size);
}

/**
 * bus_queue_reserve() - set room aside for a message
 * @sk: recipient
 * @need: what the message needs
 * @spare: shares to take from if its user has none here
 * @bill: returns what it is charged to
 *
 * Return: 0, -EPIPE if the queue is closed, -EAGAIN if it is full, -EDQUOT if
 * the share is, %BUS_UNSETTLED instead of either if what is set aside is to
 * blame, %BUS_NEED_MEMORY without a share, or an error of bus_user_charge().
 */
int bus_queue_reserve(struct sock *sk, const struct bus_need *need,
		      struct list_head *spare, struct bus_bill *bill)
{
	struct bus_sock *b = bus_sk(sk);
	int err;

	spin_lock(&sk->sk_receive_queue.lock);
	err = bus_queue_charge(sk, need, true, spare, bill);
	if (!err) {
		b->reserved++;
		b->reserved_bytes += need->size;
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	return err;
}

/**
 * bus_queue_unreserve() - give back room that was set aside
 * @sk: recipient
 * @size: truesize
 * @bill: as returned by bus_queue_reserve()
 */
void bus_queue_unreserve(struct sock *sk, unsigned int size,
			 const struct bus_bill *bill)
{
	struct bus_sock *b = bus_sk(sk);

	spin_lock(&sk->sk_receive_queue.lock);
	b->reserved--;
	b->reserved_bytes -= size;
	bus_queue_uncharge(sk, size, bill->share);
	spin_unlock(&sk->sk_receive_queue.lock);
	if (bill->due)
		bus_user_unreserve(bill->due, size);
	bus_wake_room(sk);
}

static enum bus_stat bus_queue_stat(const struct bus_sock *b,
				    const struct sk_buff *skb)
{
	if (b->accepted)
		return BUS_STAT_HANDOVERS;
	return bus_cb(skb)->msg->src == BUS_MASTER_ADDR ? BUS_STAT_FROM_MASTER :
							  BUS_STAT_COPIES;
}

static void bus_queue_link(struct bus_sock *b, struct sk_buff *skb)
{
	bus_cb(skb)->lost = b->lost;
	b->lost = 0;
	bus_count_queued(b->client, bus_queue_stat(b, skb));
	__skb_queue_tail(&b->sk.sk_receive_queue, skb);
}

/**
 * bus_queue_add() - put a message into a queue
 * @sk: recipient
 * @skb: message, charged to nothing; recipients do not see it before it is
 *	committed
 * @need: what it needs
 * @spare: shares to take from if its user has none here
 *
 * Return: As bus_queue_reserve().
 */
int bus_queue_add(struct sock *sk, struct sk_buff *skb,
		  const struct bus_need *need, struct list_head *spare)
{
	int err = 0;

	spin_lock(&sk->sk_receive_queue.lock);
	if (likely(bus_queue_has_free_room(sk, need)))
		bus_queue_add_bytes(sk, need->size);
	else
		err = bus_queue_charge(sk, need, false, spare,
				       &bus_cb(skb)->bill);
	if (likely(!err))
		bus_queue_link(bus_sk(sk), skb);
	spin_unlock(&sk->sk_receive_queue.lock);
	return err;
}

/**
 * bus_queue_add_reserved() - put a message into the room set aside for it
 * @sk: recipient
 * @skb: message; its cb has what it is charged to
 *
 * Return: 0, -EPIPE if the queue is closed; the room is given back, but what the
 * user of the queue pays for until the message is freed.
 */
int bus_queue_add_reserved(struct sock *sk, struct sk_buff *skb)
{
	struct bus_sock *b = bus_sk(sk);
	int err = 0;

	spin_lock(&sk->sk_receive_queue.lock);
	b->reserved--;
	b->reserved_bytes -= skb->truesize;
	if (bus_cb(skb)->bill.due)
		bus_user_settle(bus_cb(skb)->bill.due, skb->truesize);
	if (!b->closed) {
		bus_queue_link(b, skb);
	} else {
		bus_queue_uncharge(sk, skb->truesize, bus_cb(skb)->bill.share);
		err = -EPIPE;
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	return err;
}

/**
 * bus_queue_lose() - a recipient loses a message for lack of room
 * @sk: recipient
 *
 * Context: Where the message would have been queued, so that it is counted in
 * its place.
 */
void bus_queue_lose(struct sock *sk)
{
	spin_lock(&sk->sk_receive_queue.lock);
	bus_sk(sk)->lost++;
	spin_unlock(&sk->sk_receive_queue.lock);
	atomic_inc(&sk->sk_drops);
}

/**
 * bus_queue_report_loss() - tell a recipient who asked for it
 * @sk: recipient
 */
void bus_queue_report_loss(struct sock *sk)
{
	if (READ_ONCE(bus_sk(sk)->recv_info) & BUS_INFO_LOST) {
		WRITE_ONCE(sk->sk_err, ENOBUFS);
		sk_error_report(sk);
	}
}

/**
 * bus_queue_close() - a queue takes no more messages
 * @sk: recipient, which still reads what is there
 */
void bus_queue_close(struct sock *sk)
{
	spin_lock(&sk->sk_receive_queue.lock);
	/* Of a listener it is read locklessly. */
	WRITE_ONCE(bus_sk(sk)->closed, true);
	spin_unlock(&sk->sk_receive_queue.lock);
	if (bus_sk(sk)->client)
		bus_user_forget(bus_sk(sk)->client->user, sk);
	wake_up_interruptible_all(&bus_sk(sk)->space_wait);
	bus_wake_all(sk);
}

static void bus_queue_empty(struct sock *sk, struct sk_buff_head *list)
{
	struct sk_buff *skb;

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	/* One by one: there are lockless readers of the queue's head, which a
	 * splice changes without a mark.
	 */
	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		bus_queue_uncharge(sk, skb->truesize, bus_cb(skb)->bill.share);
		__skb_queue_tail(list, skb);
	}
}

/**
 * bus_queue_reroute() - who waits for room is to choose its recipient anew
 * @sk: recipient, which can be reached in other ways than before
 *
 * Context: Nobody chooses by the old state any more.
 */
void bus_queue_reroute(struct sock *sk)
{
	spin_lock(&sk->sk_receive_queue.lock);
	WRITE_ONCE(bus_sk(sk)->reroutes, bus_sk(sk)->reroutes + 1);
	spin_unlock(&sk->sk_receive_queue.lock);
	bus_wake_all(sk);
}

/**
 * bus_queue_drop() - free a message that was in a queue and was not received
 * @sk: recipient
 * @skb: message
 * @reason: why
 *
 * Context: May sleep.
 */
void bus_queue_drop(const struct sock *sk, struct sk_buff *skb,
		    enum skb_drop_reason reason)
{
	bus_trace_drop(bus_sk_client(sk), sk, bus_cb(skb)->msg, reason);
	kfree_skb_reason(skb, reason);
}

/**
 * bus_queue_purge() - free what is in a closed queue
 * @sk: recipient
 *
 * A sender that has linked a copy and not committed it yet does not look at
 * the copy again, so it may go.
 *
 * Context: May sleep.
 */
void bus_queue_purge(struct sock *sk)
{
	struct sk_buff_head list;
	struct sk_buff *skb;

	__skb_queue_head_init(&list);
	spin_lock(&sk->sk_receive_queue.lock);
	bus_queue_empty(sk, &list);
	spin_unlock(&sk->sk_receive_queue.lock);
	while ((skb = __skb_dequeue(&list)))
		bus_queue_drop(sk, skb, SKB_DROP_REASON_QUEUE_PURGE);
}

static void __bus_queue_collect(struct sock *sk, struct sk_buff_head *hitlist)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		if (bus_cb(skb)->fp)
			bus_cb(skb)->fp->dead = true;
	bus_queue_empty(sk, hitlist);
}

/**
 * bus_queue_collect() - hand over to the collector what can never be read
 * @sk: socket that is reached only from sockets that are reached only from it
 * @hitlist: to be freed
 *
 * From a listener, it is what waits for the sockets that nobody accepted.
 *
 * Context: Under the lock of the collector.
 */
void bus_queue_collect(struct sock *sk, struct sk_buff_head *hitlist)
{
	struct sk_buff *skb;

	spin_lock(&sk->sk_receive_queue.lock);
	if (bus_sk(sk)->bus) {
		skb_queue_walk(&sk->sk_receive_queue, skb) {
			spin_lock_nested(&skb->sk->sk_receive_queue.lock,
					 SINGLE_DEPTH_NESTING);
			__bus_queue_collect(skb->sk, hitlist);
			spin_unlock(&skb->sk->sk_receive_queue.lock);
		}
	} else {
		__bus_queue_collect(sk, hitlist);
	}
	spin_unlock(&sk->sk_receive_queue.lock);
}

static bool bus_skb_is_committed(const struct sk_buff *skb)
{
	/* Pairs with the release in bus_route_commit(): a reader that sees the
	 * message sees all of its copies in their queues.
	 */
	return smp_load_acquire(&bus_cb(skb)->msg->committed);
}

static struct sk_buff *bus_queue_first(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	return skb && bus_skb_is_committed(skb) ? skb : NULL;
}

/* With SO_PEEK_OFF, the first that has not been looked at to its end. An empty
 * one has been if it is marked, as in __skb_try_recv_from_queue().
 */
static struct sk_buff *bus_queue_peek_off(struct sock *sk, int *off)
{
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	while (skb && bus_skb_is_committed(skb) && *off >= (int)skb->len &&
	       (*off || skb->peeked)) {
		*off -= skb->len;
		skb = skb_peek_next(skb, &sk->sk_receive_queue);
	}
	return skb;
}

/* The message that a reader gets next, maybe not committed yet. */
static struct sk_buff *bus_queue_next(struct sock *sk, int flags, int *off)
{
	lockdep_assert_held(&sk->sk_receive_queue.lock);

	*off = sk_peek_offset(sk, flags);
	if (unlikely(*off >= 0 && flags & MSG_PEEK))
		return bus_queue_peek_off(sk, off);
	*off = 0;
	return skb_peek(&sk->sk_receive_queue);
}

/**
 * bus_queue_readable() - is there a message to read?
 * @sk: recipient
 *
 * Return: true if the first message in the queue is committed.
 */
bool bus_queue_readable(struct sock *sk)
{
	bool readable;

	if (skb_queue_empty_lockless(&sk->sk_receive_queue))
		return false;

	spin_lock(&sk->sk_receive_queue.lock);
	readable = bus_queue_first(sk);
	spin_unlock(&sk->sk_receive_queue.lock);
	return readable;
}

/**
 * bus_queue_would_wait() - has a reader to wait?
 * @sk: recipient
 * @flags: of the reader, as for bus_queue_take()
 *
 * Return: false if there is a message for it, or nothing is to come.
 */
bool bus_queue_would_wait(struct sock *sk, int flags)
{
	struct sk_buff *skb;
	bool wait;
	int off;

	spin_lock(&sk->sk_receive_queue.lock);
	skb = bus_queue_next(sk, flags, &off);
	wait = skb ? !bus_skb_is_committed(skb) : !bus_sk(sk)->closed;
	spin_unlock(&sk->sk_receive_queue.lock);
	return wait;
}

/**
 * bus_queue_first_len() - the length of the first message
 * @sk: recipient
 *
 * Return: Bytes, 0 if there is none.
 */
unsigned int bus_queue_first_len(struct sock *sk)
{
	struct sk_buff *skb;
	unsigned int len;

	spin_lock(&sk->sk_receive_queue.lock);
	skb = bus_queue_first(sk);
	len = skb ? skb->len : 0;
	spin_unlock(&sk->sk_receive_queue.lock);
	return len;
}

/**
 * bus_queue_take() - take the first message
 * @sk: recipient; its recv_lock is held
 * @size: bytes of the reader's buffer
 * @flags: with MSG_PEEK the message stays
 * @off: returns how much of it the reader has seen, by SO_PEEK_OFF
 * @err: returns 0 at end-of-file, -EAGAIN, -EMSGSIZE, or a pending error
 *
 * Return: The message, referenced, or NULL.
 */
struct sk_buff *bus_queue_take(struct sock *sk, size_t size, int flags,
			       int *off, int *err)
{
	struct bus_sock *b = bus_sk(sk);
	struct sk_buff *skb = NULL;

	lockdep_assert_held(&b->recv_lock);

	*err = sock_error(sk);
	if (*err)
		return NULL;

	spin_lock(&sk->sk_receive_queue.lock);
	skb = bus_queue_next(sk, flags, off);
	if (!skb) {
		*err = b->closed ? 0 : -EAGAIN;
	} else if (!bus_skb_is_committed(skb)) {
		*err = -EAGAIN;
		skb = NULL;
	} else if (flags & MSG_PEEK) {
		skb->peeked = 1;
		skb_get(skb);
	} else if (READ_ONCE(b->recv_notrunc) && skb->len > size) {
		*err = -EMSGSIZE;
		skb = NULL;
	} else {
		__skb_unlink(skb, &sk->sk_receive_queue);
		bus_queue_uncharge(sk, skb->truesize, bus_cb(skb)->bill.share);
	}
	spin_unlock(&sk->sk_receive_queue.lock);

	if (skb && !(flags & MSG_PEEK))
		bus_wake_room(sk);
	return skb;
}

void bus_queue_init(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);

	b->closed = false;
	b->reserved = 0;
	b->reserved_bytes = 0;
	b->lost = 0;
	b->reroutes = 0;
	b->nr_shares = 0;
	INIT_LIST_HEAD(&b->shares);
	INIT_LIST_HEAD(&b->starved);
}

/**
 * bus_queue_destroy() - free what a queue that nobody sees has kept
 * @sk: socket
 */
void bus_queue_destroy(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);
	struct bus_share *share, *next;

	list_for_each_entry_safe(share, next, &b->shares, link)
		bus_share_free(b, share);
}
