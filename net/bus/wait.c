// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: waiting for room in somebody else's queue
 */

#include <linux/sched/signal.h>
#include "bus.h"

/* What comes for the sender meanwhile has a key, the end of its link has none. */
static int bus_wait_shutdown(wait_queue_entry_t *wait, unsigned int mode,
			     int flags, void *key)
{
	return key ? 0 : autoremove_wake_function(wait, mode, flags, key);
}

/**
 * bus_wait_room() - sleep until a receiver has room or takes no more
 * @sk: sender; that it is shut down ends the wait as well
 * @receiver: receiver, referenced by the caller
 * @need: what the message needs
 * @timeo: jiffies to wait at most; returns what is left
 *
 * Context: Sleeps, so nothing must be reserved.
 * Return: 0, -EAGAIN when the time is over, -EINTR or -ERESTARTSYS.
 */
int bus_wait_room(struct sock *sk, struct sock *receiver,
		  const struct bus_need *need, long *timeo)
{
	wait_queue_head_t *wq = &bus_sk(receiver)->space_wait;
	DEFINE_WAIT_FUNC(end, bus_wait_shutdown);
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait(sk_sleep(sk), &end, TASK_INTERRUPTIBLE);
		prepare_to_wait(wq, &wait, TASK_INTERRUPTIBLE);
		if ((READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) ||
		    bus_queue_has_room(receiver, need))
			break;
		if (!*timeo) {
			err = -EAGAIN;
			break;
		}
		if (signal_pending(current)) {
			err = sock_intr_errno(*timeo);
			break;
		}
		*timeo = schedule_timeout(*timeo);
	}
	finish_wait(wq, &wait);
	finish_wait(sk_sleep(sk), &end);
	return err;
}

static int bus_blocked_wake(wait_queue_entry_t *wait, unsigned int mode,
			    int flags, void *key)
{
	struct bus_sock *b = container_of(wait, struct bus_sock, blocked_wake);
	wait_queue_head_t *wq;

	/* The entry is taken out before the socket loses its wait queue. */
	wq = sk_sleep(&b->sk);
	if (wq)
		wake_up_interruptible_poll(wq, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	return 0;
}

void bus_wait_init(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);

	init_waitqueue_head(&b->space_wait);
	spin_lock_init(&b->blocked_lock);
	init_waitqueue_func_entry(&b->blocked_wake, bus_blocked_wake);
}

static struct sock *__bus_unblock(struct bus_sock *b)
{
	struct sock *receiver = b->blocked_on;

	lockdep_assert_held(&b->blocked_lock);

	if (receiver)
		remove_wait_queue(&bus_sk(receiver)->space_wait,
				  &b->blocked_wake);
	WRITE_ONCE(b->blocked_on, NULL);
	return receiver;
}

/**
 * bus_block_on() - withhold EPOLLOUT until a receiver has room
 * @sk: sender
 * @receiver: receiver
 * @need: what did not fit
 */
void bus_block_on(struct sock *sk, struct sock *receiver,
		  const struct bus_need *need)
{
	struct bus_sock *b = bus_sk(sk);
	struct sock *old;

	sock_hold(receiver);
	spin_lock(&b->blocked_lock);
	old = __bus_unblock(b);
	WRITE_ONCE(b->blocked_on, receiver);
	b->blocked_need = *need;
	add_wait_queue(&bus_sk(receiver)->space_wait, &b->blocked_wake);
	spin_unlock(&b->blocked_lock);
	if (old)
		sock_put(old);
}

/**
 * bus_unblock() - do not wait for anybody's room any more
 * @sk: sender
 */
void bus_unblock(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);
	struct sock *old;

	spin_lock(&b->blocked_lock);
	old = __bus_unblock(b);
	spin_unlock(&b->blocked_lock);
	if (old)
		sock_put(old);
}

/**
 * bus_writable() - may a send succeed?
 * @sk: sender
 *
 * Return: false after a send that failed with EAGAIN, until its receiver has
 * room, takes no more or is to be chosen anew.
 */
bool bus_writable(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);
	struct sock *old = NULL;
	bool writable = true;

	if (!READ_ONCE(b->blocked_on))
		return true;

	spin_lock(&b->blocked_lock);
	if (b->blocked_on) {
		writable = bus_queue_has_room(b->blocked_on, &b->blocked_need);
		if (writable)
			old = __bus_unblock(b);
	}
	spin_unlock(&b->blocked_lock);
	if (old)
		sock_put(old);
	return writable;
}
