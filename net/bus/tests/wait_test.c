// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tests of who is woken when there is room
 */

#include <linux/delay.h>
#include <linux/poll.h>
#include <net/sock.h>
#include "bus_test.h"

#define NR_WAITERS	40
#define WAITERS_QLEN	4

struct waiter {
	struct socket		*sock;
	struct socket		*accepted;
	wait_queue_entry_t	entry;
	struct crowd		*crowd;
	atomic_t		woken;
};

/**
 * struct crowd - senders that got EAGAIN from one recipient
 * @recipient: a client; its address is NR_CLIENTS + 1
 * @accepted: the other end of its link
 * @reader: thread that makes room
 * @by_reader: wake-ups in this thread
 * @all: all wake-ups
 * @waiter: senders
 */
struct crowd {
	struct socket		*recipient;
	struct socket		*accepted;
	struct task_struct	*reader;
	atomic_t		by_reader;
	atomic_t		all;
	struct waiter		waiter[NR_WAITERS];
};

static int count_wake_up(wait_queue_entry_t *entry, unsigned int mode,
			 int flags, void *key)
{
	struct waiter *w = container_of(entry, struct waiter, entry);

	if (!(key_to_poll(key) & EPOLLOUT))
		return 0;
	atomic_inc(&w->woken);
	atomic_inc(&w->crowd->all);
	if (current == w->crowd->reader)
		atomic_inc(&w->crowd->by_reader);
	return 0;
}

static void open_waiter(struct kunit *test, struct test_bus *f, struct crowd *c,
			struct waiter *w)
{
	test_open_link(test, f->listener, &w->sock, &w->accepted);
	w->crowd = c;
	init_waitqueue_func_entry(&w->entry, count_wake_up);
	add_wait_queue(sk_sleep(w->sock->sk), &w->entry);
}

static struct crowd *open_crowd(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	int i, qlen = WAITERS_QLEN;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_EQ(test, 0,
			test_set_opt(f->listener, BUS_QLEN, &qlen,
				     sizeof(qlen)));
	test_open_link(test, f->listener, &c->recipient, &c->accepted);
	for (i = 0; i < NR_WAITERS; i++)
		open_waiter(test, f, c, &c->waiter[i]);
	for (i = 0; i < WAITERS_QLEN; i++)
		KUNIT_ASSERT_EQ(test, 1,
				test_send(f->client[0], NR_CLIENTS + 1));
	for (i = 0; i < NR_WAITERS; i++)
		KUNIT_ASSERT_EQ(test, -EAGAIN,
				test_send(c->waiter[i].sock, NR_CLIENTS + 1));
	c->reader = current;
	return c;
}

static void close_crowd(struct crowd *c)
{
	int i;

	for (i = 0; i < NR_WAITERS; i++) {
		remove_wait_queue(sk_sleep(c->waiter[i].sock->sk),
				  &c->waiter[i].entry);
		sock_release(c->waiter[i].sock);
		sock_release(c->waiter[i].accepted);
	}
	sock_release(c->recipient);
	sock_release(c->accepted);
}

/* There is no other way to wait for the work item that wakes the rest. */
static void wait_for_wake_ups(struct crowd *c)
{
	int i;

	for (i = 0; i < 3000 && atomic_read(&c->all) < NR_WAITERS; i++)
		msleep(20);
}

/* No sender is woken twice for one message, whether others send or not. */
static void wake_each_once(struct kunit *test)
{
	struct crowd *c = open_crowd(test);
	char buf[8];
	int i;

	KUNIT_EXPECT_EQ(test, 1, test_receive(c->recipient, buf, sizeof(buf)));
	wait_for_wake_ups(c);
	for (i = 1; i < WAITERS_QLEN; i++)
		KUNIT_EXPECT_EQ(test, 1,
				test_receive(c->recipient, buf, sizeof(buf)));
	for (i = 0; i < NR_WAITERS; i++)
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&c->waiter[i].woken));
	close_crowd(c);
}

static bool pollout(struct socket *sock)
{
	return READ_ONCE(sock->ops)->poll(NULL, sock, NULL) & EPOLLOUT;
}

/* A sender remembers a limited number of recipients that had no room. */
static void pollout_of_many(struct kunit *test)
{
	struct crowd *c = open_crowd(test);
	struct test_bus *f = test->priv;
	int i, j;

	for (i = 0; i < 16; i++) {
		KUNIT_EXPECT_EQ(test, !i, pollout(f->client[0]));
		for (j = 0; j < WAITERS_QLEN; j++)
			KUNIT_EXPECT_EQ(test, 1,
					test_send(f->client[1],
						  NR_CLIENTS + 2 + i));
		KUNIT_EXPECT_EQ(test, -EAGAIN,
				test_send(f->client[0], NR_CLIENTS + 2 + i));
	}
	KUNIT_EXPECT_TRUE(test, pollout(f->client[0]));
	close_crowd(c);
}

/* The reader wakes a few; a work item wakes the others. */
static void wake_few_at_once(struct kunit *test)
{
	struct crowd *c = open_crowd(test);
	char buf[8];

	KUNIT_EXPECT_EQ(test, 1, test_receive(c->recipient, buf, sizeof(buf)));
	KUNIT_EXPECT_GE(test, 16, atomic_read(&c->by_reader));
	wait_for_wake_ups(c);
	KUNIT_EXPECT_EQ(test, NR_WAITERS, atomic_read(&c->all));
	close_crowd(c);
}

static struct kunit_case wait_cases[] = {
	KUNIT_CASE(wake_each_once),
	KUNIT_CASE(wake_few_at_once),
	KUNIT_CASE(pollout_of_many),
	{}
};

struct kunit_suite bus_wait_suite = {
	.name		= "af_bus_wait",
	.exit		= test_close_bus,
	.test_cases	= wait_cases,
};
