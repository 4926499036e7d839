// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: senders that wait for room in a queue
 *
 * Senders that wait for room in a queue stand in lines: one line for each user
 * whose share they need, and one for the senders that need no share. Whenever
 * there may be room, the first sender of each line is checked. If its message
 * fits it leaves the line, has its turn and is woken.
 *
 * A thread that sleeps sends its message now. When it has its result it wakes
 * the next sender in line, in bus_wait_leave(). A program that uses poll() may
 * never send its message, so the next sender in line is checked at once.
 *
 * A message that may wait never overtakes those in its line. If another sender
 * takes the room before the woken sender has used it, the woken one becomes the
 * first in line again. A thread then keeps this place until it has its result,
 * so it loses its turn only once.
 */

#include <linux/sched/signal.h>
#include <linux/sched/wake_q.h>
#include <linux/slab.h>
#include "queue.h"
#include "sock.h"
#include "user.h"

/* Number of waiters that are checked while the lock of the queue is held, and
 * by one recv()
 */
#define BUS_WAKE_BATCH	16

/* Number of recipients that a socket remembers for poll(). A socket with so
 * many is writable, because there may have been more.
 */
#define BUS_BLOCKED_MAX	16

/* Lines */

static struct bus_waiter *bus_line_first(const struct bus_sock *b,
					 const struct bus_user *user)
{
	struct bus_waiter *first;

	list_for_each_entry(first, &b->lines, line)
		if (bus_need_line(&first->need) == user)
			return first;
	return NULL;
}

static void bus_line_add(struct bus_sock *b, struct bus_waiter *w, bool front)
{
	struct bus_waiter *first = bus_line_first(b, bus_need_line(&w->need));

	lockdep_assert_held(&b->sk.sk_receive_queue.lock);

	w->listed = true;
	if (!first) {
		list_add_tail(&w->line, &b->lines);
		WRITE_ONCE(b->nr_lines, b->nr_lines + 1);
		return;
	}
	/* The last place of the ring is before the first. */
	list_add_tail(&w->behind, &first->behind);
	if (front)
		list_replace_init(&first->line, &w->line);
}

/* Returns the new first waiter of the line, or NULL. */
static struct bus_waiter *bus_line_del(struct bus_sock *b, struct bus_waiter *w)
{
	struct bus_waiter *next = NULL;

	lockdep_assert_held(&b->sk.sk_receive_queue.lock);

	if (!list_empty(&w->behind))
		next = list_next_entry(w, behind);
	if (!list_empty(&w->line) && next) {
		list_replace_init(&w->line, &next->line);
	} else if (!list_empty(&w->line)) {
		list_del_init(&w->line);
		WRITE_ONCE(b->nr_lines, b->nr_lines - 1);
	}
	list_del_init(&w->behind);
	w->listed = false;
	return next;
}

/* Tells whether @sk may send before those in line. Threads that share a socket
 * are not kept in order.
 */
static bool bus_line_open(const struct bus_sock *b, const struct sock *sk,
			  const struct bus_user *user)
{
	const struct bus_waiter *first = bus_line_first(b, user);

	return !first || first->sk == sk;
}

/* Waking */

/**
 * struct bus_wakeup - waiters to wake after the lock is released
 * @tasks: threads that sleep
 * @sks: sockets that poll() waits on; referenced
 * @nr_sks: number of @sks
 */
struct bus_wakeup {
	struct wake_q_head	tasks;
	struct sock		*sks[BUS_WAKE_BATCH];
	unsigned int		nr_sks;
};

/* Gives a waiter its turn. It leaves the line, unless it is a thread that has
 * lost a turn before. Returns the new first waiter of the line, or NULL.
 */
static struct bus_waiter *bus_wake_one(struct bus_sock *b, struct bus_waiter *w,
				       struct bus_wakeup *wake)
{
	/* Pairs with the read in bus_wait_turn(). */
	WRITE_ONCE(w->woken, true);
	if (w->task) {
		wake_q_add(&wake->tasks, w->task);
		if (w->again)
			return w;
	} else {
		sock_hold(w->sk);
		wake->sks[wake->nr_sks++] = w->sk;
	}
	return bus_line_del(b, w);
}

static void bus_wake_tell(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	rcu_read_unlock();
	sock_put(sk);
}

/* Checks up to @todo lines in order, and moves each to the end of the list.
 * Returns the number of lines that were not checked.
 */
static unsigned int bus_wake_lines(struct bus_sock *b, unsigned int todo,
				   struct bus_wakeup *wake)
{
	struct bus_waiter *first;
	unsigned int i;
	bool ends;

	lockdep_assert_held(&b->sk.sk_receive_queue.lock);

	for (i = 0; i < BUS_WAKE_BATCH && todo; i++) {
		first = list_first_entry_or_null(&b->lines, struct bus_waiter,
						 line);
		if (!first)
			return 0;
		ends = first->woken || !bus_queue_has_room(&b->sk, &first->need);
		if (!ends) {
			/* Behind a thread, wait until it has its result. */
			ends = first->task && !b->closed &&
			       first->need.reroutes == b->reroutes;
			first = bus_wake_one(b, first, wake);
		}
		if (first && ends)
			list_move_tail(&first->line, &b->lines);
		if (!first || ends)
			todo--;
	}
	return todo;
}

static unsigned int bus_wake_some(struct sock *sk, unsigned int todo)
{
	struct bus_wakeup wake __uninitialized;

	wake_q_init(&wake.tasks);
	wake.nr_sks = 0;
	spin_lock(&sk->sk_receive_queue.lock);
	todo = bus_wake_lines(bus_sk(sk), todo, &wake);
	spin_unlock(&sk->sk_receive_queue.lock);

	wake_up_q(&wake.tasks);
	while (wake.nr_sks)
		bus_wake_tell(wake.sks[--wake.nr_sks]);
	return todo;
}

/**
 * bus_wake_all() - wake all senders that wait for room in a queue
 * @sk: recipient, which is closed or is reached in another way from now on
 *
 * Context: May sleep.
 */
void bus_wake_all(struct sock *sk)
{
	unsigned int todo = READ_ONCE(bus_sk(sk)->nr_lines);

	while (todo) {
		todo = bus_wake_some(sk, todo);
		cond_resched();
	}
}

static void bus_wake_work(struct work_struct *work)
{
	struct bus_sock *b = container_of(work, struct bus_sock, wake_work);

	bus_wake_all(&b->sk);
	sock_put(&b->sk);
}

/**
 * bus_wake_room() - wake senders that wait for room, if there is some
 * @sk: recipient
 *
 * The caller wakes only some of many senders. A work item wakes the others,
 * because those that were woken may never get to do so.
 *
 * Context: Any, without locks. @sk is referenced, or under rcu_read_lock().
 */
void bus_wake_room(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);
	unsigned int todo = READ_ONCE(b->nr_lines);

	if (!todo || !bus_wake_some(sk, todo))
		return;

	/* Waiters in line hold references: without any, none is in line. */
	if (refcount_inc_not_zero(&sk->sk_refcnt) &&
	    !schedule_work(&b->wake_work))
		sock_put(sk);
}

/* Waiting */

static void bus_waiter_init(struct bus_waiter *w, struct sock *sk,
			    struct sock *recipient, struct task_struct *task)
{
	INIT_LIST_HEAD(&w->line);
	INIT_LIST_HEAD(&w->behind);
	sock_hold(recipient);
	w->sk = sk;
	w->recipient = recipient;
	w->task = task;
	w->listed = false;
	w->woken = false;
	w->again = false;
}

/* Tells whether there is room and it is the turn of this waiter. If not, puts
 * it in line; it is the first if it has had its turn in vain.
 */
static bool bus_waiter_try(struct bus_waiter *w)
{
	struct bus_sock *b = bus_sk(w->recipient);
	bool turn;

	lockdep_assert_held(&b->sk.sk_receive_queue.lock);

	turn = w->woken || bus_line_open(b, w->sk, bus_need_line(&w->need));
	if (turn && bus_queue_has_room(&b->sk, &w->need)) {
		if (w->listed && !w->again)
			bus_line_del(b, w);
		w->woken = true;
		return true;
	}
	if (!w->listed)
		bus_line_add(b, w, w->woken);
	w->woken = false;
	return false;
}

static bool bus_waiter_get(struct bus_waiter *w)
{
	bool room;

	spin_lock(&w->recipient->sk_receive_queue.lock);
	room = bus_waiter_try(w);
	spin_unlock(&w->recipient->sk_receive_queue.lock);
	return room;
}

static bool bus_waiter_listed(struct bus_waiter *w)
{
	bool listed;

	spin_lock(&w->recipient->sk_receive_queue.lock);
	listed = w->listed;
	spin_unlock(&w->recipient->sk_receive_queue.lock);
	return listed;
}

/* Returns true if it was in line: then there may be a new first waiter. */
static bool bus_waiter_leave(struct bus_waiter *w)
{
	bool listed;

	spin_lock(&w->recipient->sk_receive_queue.lock);
	listed = w->listed;
	if (listed)
		bus_line_del(bus_sk(w->recipient), w);
	spin_unlock(&w->recipient->sk_receive_queue.lock);
	return listed;
}

/**
 * bus_wait_leave() - a thread has its result, or stops waiting
 * @w: waiter; nothing happens if w->recipient is NULL
 *
 * Wakes the next waiter in line if there is room.
 *
 * Context: Any, without locks.
 */
void bus_wait_leave(struct bus_waiter *w)
{
	struct sock *recipient = w->recipient;

	if (!recipient)
		return;

	bus_waiter_leave(w);
	bus_wake_room(recipient);
	w->recipient = NULL;
	sock_put(recipient);
}

/* A wake-up for a message that arrives has a key. One for the end of the link
 * has none, and only that one ends the wait.
 */
static int bus_wait_shutdown(wait_queue_entry_t *wait, unsigned int mode,
			     int flags, void *key)
{
	return key ? 0 : autoremove_wake_function(wait, mode, flags, key);
}

static int bus_wait_turn(struct bus_waiter *w, long *timeo)
{
	DEFINE_WAIT_FUNC(end, bus_wait_shutdown);
	struct sock *sk = w->sk;
	int err = 0;

	for (;;) {
		prepare_to_wait(sk_sleep(sk), &end, TASK_INTERRUPTIBLE);
		if ((READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) ||
		    READ_ONCE(w->woken))
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
	finish_wait(sk_sleep(sk), &end);
	return err;
}

/**
 * bus_wait_room() - sleep until a recipient has room or is closed
 * @w: waiter; w->recipient is NULL, or it has had its turn in vain. It keeps
 *	its place and its turn until bus_wait_leave()
 * @sk: sender; a shutdown of it ends the wait, too
 * @recipient: recipient, referenced by the caller
 * @need: room that the message needs
 * @timeo: maximum number of jiffies to wait; returns the rest
 *
 * Context: Sleeps, so the caller must have no room set aside.
 * Return: 0, -EAGAIN when the time is over, -EINTR or -ERESTARTSYS.
 */
int bus_wait_room(struct bus_waiter *w, struct sock *sk, struct sock *recipient,
		  const struct bus_need *need, long *timeo)
{
	if (w->recipient != recipient) {
		bus_wait_leave(w);
		bus_waiter_init(w, sk, recipient, current);
	}
	w->again = w->woken;
	w->need = *need;
	if (bus_waiter_get(w))
		return 0;
	return bus_wait_turn(w, timeo);
}

/* poll() */

/**
 * struct bus_blocked - a recipient that had no room for a send that may not
 * wait
 * @link: in bus_sock.blocked of the sender
 * @wait: in line at the recipient, until it is woken
 * @told: poll() has reported that there is room
 * @since: jiffies when poll() did
 */
struct bus_blocked {
	struct list_head	link;
	struct bus_waiter	wait;
	bool			told;
	unsigned long		since;
};

static struct bus_blocked *bus_blocked_find(const struct bus_sock *b,
					    const struct sock *recipient)
{
	struct bus_blocked *e;

	lockdep_assert_held(&b->blocked_lock);

	list_for_each_entry(e, &b->blocked, link)
		if (e->wait.recipient == recipient)
			return e;
	return NULL;
}

static void bus_blocked_del(struct bus_sock *b, struct bus_blocked *e)
{
	lockdep_assert_held(&b->blocked_lock);

	list_del(&e->link);
	b->nr_blocked--;
}

static void bus_blocked_free(struct bus_blocked *e)
{
	sock_put(e->wait.recipient);
	kfree(e);
}

/* Forgets recipients whose room was not used within a second after poll()
 * reported it.
 */
static void bus_blocked_expire(struct bus_sock *b)
{
	struct bus_blocked *e, *next;

	list_for_each_entry_safe(e, next, &b->blocked, link) {
		if (!e->told || time_before(jiffies, e->since + HZ))
			continue;
		bus_blocked_del(b, e);
		bus_blocked_free(e);
	}
}

/* A sender in line waits for the smaller one of two messages. */
static bool bus_blocked_try(struct bus_blocked *e, const struct bus_need *need)
{
	struct sock *recipient = e->wait.recipient;
	bool room;

	spin_lock(&recipient->sk_receive_queue.lock);
	if (!e->wait.listed || need->size < e->wait.need.size)
		e->wait.need = *need;
	e->told = false;
	room = bus_waiter_try(&e->wait);
	spin_unlock(&recipient->sk_receive_queue.lock);
	return room;
}

/**
 * bus_block_on() - withhold EPOLLOUT until a recipient has room
 * @sk: sender
 * @recipient: recipient, referenced by the caller
 * @need: room that the message needs
 *
 * Does not withhold EPOLLOUT if memory is short or too many recipients had no
 * room: a useless wake-up is better than none.
 *
 * Context: May sleep.
 * Return: false if there is room now.
 */
bool bus_block_on(struct sock *sk, struct sock *recipient,
		  const struct bus_need *need)
{
	struct bus_blocked *new = kmalloc_obj(*new, GFP_KERNEL_ACCOUNT);
	struct bus_sock *b = bus_sk(sk);
	struct bus_blocked *e;
	bool room = false;

	spin_lock(&b->blocked_lock);
	bus_blocked_expire(b);
	e = bus_blocked_find(b, recipient);
	if (!e && new && b->nr_blocked < BUS_BLOCKED_MAX) {
		e = new;
		new = NULL;
		bus_waiter_init(&e->wait, sk, recipient, NULL);
		e->wait.need = *need;
		e->told = false;
		list_add_tail(&e->link, &b->blocked);
		b->nr_blocked++;
	}
	if (e)
		room = bus_blocked_try(e, need);
	if (room)
		bus_blocked_del(b, e);
	spin_unlock(&b->blocked_lock);

	if (room) {
		bus_blocked_free(e);
		/* It may have been in line before one that needs less. */
		bus_wake_room(recipient);
	}
	kfree(new);
	return !room;
}

/**
 * bus_block_has_turn() - was a sender woken because a recipient has room?
 * @sk: sender, which uses poll()
 * @recipient: recipient
 *
 * Return: true if it was woken since its last attempt to send to @recipient.
 */
bool bus_block_has_turn(struct sock *sk, const struct sock *recipient)
{
	struct bus_sock *b = bus_sk(sk);
	struct bus_blocked *e;
	bool turn;

	spin_lock(&b->blocked_lock);
	e = bus_blocked_find(b, recipient);
	turn = e && READ_ONCE(e->wait.woken);
	spin_unlock(&b->blocked_lock);
	return turn;
}

/**
 * bus_block_sent() - a recipient that had no room has got a message
 * @sk: sender
 * @recipient: recipient
 *
 * If another message to @recipient waits for room, EPOLLOUT is withheld as
 * before.
 *
 * Context: Any.
 */
void bus_block_sent(struct sock *sk, const struct sock *recipient)
{
	struct bus_sock *b = bus_sk(sk);
	struct bus_blocked *e;

	spin_lock(&b->blocked_lock);
	e = bus_blocked_find(b, recipient);
	/* A waiter that is not in line cannot be found by others. */
	if (e && bus_waiter_listed(&e->wait))
		e = NULL;
	if (e)
		bus_blocked_del(b, e);
	spin_unlock(&b->blocked_lock);
	if (e)
		bus_blocked_free(e);
}

/**
 * bus_unblock() - forget the recipients that had no room
 * @sk: sender
 *
 * Context: In the release of @sk.
 */
void bus_unblock(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);
	struct bus_blocked *e;

	for (;;) {
		spin_lock(&b->blocked_lock);
		e = list_first_entry_or_null(&b->blocked, struct bus_blocked,
					     link);
		if (e)
			bus_blocked_del(b, e);
		spin_unlock(&b->blocked_lock);
		if (!e)
			return;
		if (bus_waiter_leave(&e->wait))
			bus_wake_room(e->wait.recipient);
		bus_blocked_free(e);
	}
}

/**
 * bus_writable() - may a send succeed?
 * @sk: sender
 *
 * Return: false after sends that failed with EAGAIN, until one of the
 * recipients has room, is closed, or is reached in another way.
 */
bool bus_writable(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);
	struct bus_blocked *e;
	bool writable;

	if (list_empty(&b->blocked))
		return true;

	spin_lock(&b->blocked_lock);
	writable = list_empty(&b->blocked) ||
		   b->nr_blocked == BUS_BLOCKED_MAX;
	list_for_each_entry(e, &b->blocked, link) {
		if (!e->told && bus_waiter_get(&e->wait)) {
			e->told = true;
			e->since = jiffies;
		}
		writable |= e->told;
	}
	spin_unlock(&b->blocked_lock);
	return writable;
}

/**
 * bus_is_blocked() - is EPOLLOUT withheld?
 * @sk: sender
 *
 * Return: As !bus_writable(), but without effect on the waiters: only poll()
 * must call that.
 */
bool bus_is_blocked(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);
	struct bus_blocked *e;
	bool blocked;

	spin_lock(&b->blocked_lock);
	blocked = b->nr_blocked && b->nr_blocked < BUS_BLOCKED_MAX;
	list_for_each_entry(e, &b->blocked, link)
		blocked &= !READ_ONCE(e->wait.woken);
	spin_unlock(&b->blocked_lock);
	return blocked;
}

/**
 * bus_line_is_open() - may a message that may wait be queued now?
 * @recipient: recipient
 * @sk: sender
 * @user: user whose share the message needs, or NULL
 *
 * Return: false if other senders wait in the same line.
 */
bool bus_line_is_open(struct sock *recipient, const struct sock *sk,
		      const struct bus_user *user)
{
	bool open;

	spin_lock(&recipient->sk_receive_queue.lock);
	open = bus_line_open(bus_sk(recipient), sk, user);
	spin_unlock(&recipient->sk_receive_queue.lock);
	return open;
}

void bus_wait_init(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);

	INIT_LIST_HEAD(&b->lines);
	b->nr_lines = 0;
	INIT_WORK(&b->wake_work, bus_wake_work);
	init_waitqueue_head(&b->space_wait);
	spin_lock_init(&b->blocked_lock);
	INIT_LIST_HEAD(&b->blocked);
	b->nr_blocked = 0;
}
