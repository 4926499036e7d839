// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: receive queues
 *
 * A message is charged to the queue it is in. There may be room set aside for
 * messages that are about to come; it counts as if they were there.
 */

#include "bus.h"

static bool bus_queue_fits(const struct sock *sk, unsigned int size)
{
	const struct bus_sock *b = bus_sk(sk);
	unsigned int n = skb_queue_len(&sk->sk_receive_queue) + b->reserved;

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	/* An empty queue takes one message of any size. */
	if (!n)
		return true;
	return n < b->max_qlen &&
	       (u64)atomic_read(&sk->sk_rmem_alloc) + size <=
	       READ_ONCE(sk->sk_rcvbuf);
}

/**
 * bus_queue_has_room() - would a message fit, or find the queue closed?
 * @sk: receiver
 * @size: its truesize
 *
 * Return: true if there is nothing to wait for.
 */
bool bus_queue_has_room(struct sock *sk, unsigned int size)
{
	bool room;

	spin_lock(&sk->sk_receive_queue.lock);
	room = bus_sk(sk)->closed || bus_queue_fits(sk, size);
	spin_unlock(&sk->sk_receive_queue.lock);
	return room;
}

static int bus_queue_check(const struct sock *sk, unsigned int size)
{
	if (bus_sk(sk)->closed)
		return -EPIPE;
	return bus_queue_fits(sk, size) ? 0 : -EAGAIN;
}

/**
 * bus_queue_reserve() - set room aside for a message
 * @sk: receiver
 * @size: its truesize
 *
 * Return: 0, -EPIPE if the queue is closed, -EAGAIN if it is full.
 */
int bus_queue_reserve(struct sock *sk, unsigned int size)
{
	int err;

	spin_lock(&sk->sk_receive_queue.lock);
	err = bus_queue_check(sk, size);
	if (!err) {
		bus_sk(sk)->reserved++;
		atomic_add(size, &sk->sk_rmem_alloc);
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	return err;
}

static void bus_queue_wake_writers(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);

	if (wq_has_sleeper(&b->space_wait))
		wake_up_interruptible_poll(&b->space_wait, EPOLLOUT |
					   EPOLLWRNORM | EPOLLWRBAND);
}

/**
 * bus_queue_unreserve() - give back room that was set aside
 * @sk: receiver
 * @size: truesize
 */
void bus_queue_unreserve(struct sock *sk, unsigned int size)
{
	spin_lock(&sk->sk_receive_queue.lock);
	bus_sk(sk)->reserved--;
	atomic_sub(size, &sk->sk_rmem_alloc);
	spin_unlock(&sk->sk_receive_queue.lock);
	bus_queue_wake_writers(sk);
}

/**
 * bus_queue_add() - put a message into a queue
 * @sk: receiver
 * @skb: message; receivers do not see it before it is committed
 * @reserved: there is room set aside for it
 *
 * Return: 0, -EPIPE if the queue is closed, -EAGAIN if it is full.
 */
int bus_queue_add(struct sock *sk, struct sk_buff *skb, bool reserved)
{
	struct bus_sock *b = bus_sk(sk);
	int err = 0;

	spin_lock(&sk->sk_receive_queue.lock);
	if (!reserved) {
		err = bus_queue_check(sk, skb->truesize);
		if (!err)
			atomic_add(skb->truesize, &sk->sk_rmem_alloc);
	} else {
		b->reserved--;
		if (b->closed) {
			atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
			err = -EPIPE;
		}
	}
	if (!err) {
		bus_cb(skb)->lost = b->lost;
		b->lost = 0;
		__skb_queue_tail(&sk->sk_receive_queue, skb);
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	return err;
}

/**
 * bus_queue_lose() - a receiver loses a message for lack of room
 * @sk: receiver
 */
void bus_queue_lose(struct sock *sk)
{
	spin_lock(&sk->sk_receive_queue.lock);
	bus_sk(sk)->lost++;
	spin_unlock(&sk->sk_receive_queue.lock);

	if (READ_ONCE(bus_sk(sk)->recv_info) & BUS_INFO_LOST) {
		WRITE_ONCE(sk->sk_err, ENOBUFS);
		sk_error_report(sk);
	}
}

/**
 * bus_queue_close() - a queue takes no more messages
 * @sk: receiver, which still reads what is there
 */
void bus_queue_close(struct sock *sk)
{
	spin_lock(&sk->sk_receive_queue.lock);
	bus_sk(sk)->closed = true;
	spin_unlock(&sk->sk_receive_queue.lock);
	wake_up_interruptible_all(&bus_sk(sk)->space_wait);
}

/**
 * bus_queue_purge() - free what is in a closed queue
 * @sk: receiver
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
	skb_queue_walk(&sk->sk_receive_queue, skb)
		atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
	skb_queue_splice_init(&sk->sk_receive_queue, &list);
	spin_unlock(&sk->sk_receive_queue.lock);
	__skb_queue_purge(&list);
}

static struct sk_buff *bus_queue_first(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	/* Pairs with the release in bus_route_deliver(): whoever sees the
	 * message sees all of its copies in their queues.
	 */
	if (skb && !smp_load_acquire(&bus_cb(skb)->msg->committed))
		skb = NULL;
	return skb;
}

/**
 * bus_queue_readable() - is there a message to read?
 * @sk: receiver
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
 * bus_queue_ended() - has everything been read, and is nothing to come?
 * @sk: receiver
 */
bool bus_queue_ended(struct sock *sk)
{
	bool ended;

	spin_lock(&sk->sk_receive_queue.lock);
	ended = bus_sk(sk)->closed && skb_queue_empty(&sk->sk_receive_queue);
	spin_unlock(&sk->sk_receive_queue.lock);
	return ended;
}

/**
 * bus_queue_first_len() - the length of the first message
 * @sk: receiver
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
 * @sk: receiver; its recv_lock is held
 * @size: bytes of the reader's buffer
 * @flags: with MSG_PEEK the message stays
 * @err: returns 0 at end-of-file, -EAGAIN, -EMSGSIZE, or a pending error
 *
 * Return: The message, referenced, or NULL.
 */
struct sk_buff *bus_queue_take(struct sock *sk, size_t size, int flags,
			       int *err)
{
	struct bus_sock *b = bus_sk(sk);
	struct sk_buff *skb = NULL;

	lockdep_assert_held(&b->recv_lock);

	*err = sock_error(sk);
	if (*err)
		return NULL;

	spin_lock(&sk->sk_receive_queue.lock);
	skb = bus_queue_first(sk);
	if (!skb) {
		*err = skb_queue_empty(&sk->sk_receive_queue) && b->closed ?
		       0 : -EAGAIN;
	} else if (flags & MSG_PEEK) {
		skb_get(skb);
	} else if (b->recv_notrunc && skb->len > size) {
		*err = -EMSGSIZE;
		skb = NULL;
	} else {
		__skb_unlink(skb, &sk->sk_receive_queue);
		atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
	}
	spin_unlock(&sk->sk_receive_queue.lock);

	if (skb && !(flags & MSG_PEEK))
		bus_queue_wake_writers(sk);
	return skb;
}
