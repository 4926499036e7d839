// SPDX-License-Identifier: GPL-2.0
/* Tests of the checkers in bus_history.h, on correct and on wrong histories. */
#include "../../kselftest_harness.h"

#include "bus_history.h"
#include "bus_util.h"

FIXTURE(history) {
	struct history	*h;
	struct hist_msg	a, b, c;
};

#define KEY	1

FIXTURE_SETUP(history)
{
	self->h = hist_open(5, 10, 10, 10);
	ASSERT_NE(NULL, self->h);
	self->h->always[KEY] = 0x18;	/* nodes 3 and 4 */
	self->h->always[KEY + 1] = 0x8;
}

FIXTURE_TEARDOWN(history)
{
	hist_close(self->h);
}

static void sends(struct history *h, unsigned int node, unsigned int key,
		  struct hist_msg *msg, int err)
{
	hist_send(h, node, key == KEY ? HIST_MULTICAST : HIST_UNICAST, key,
		  msg);
	if (err != HIST_PENDING)
		hist_result(h, node, err);
}

#define EXPECT_BROKEN(fifo, total, causal, delivery, now) do {		\
	EXPECT_EQ(fifo, hist_fifo(self->h));				\
	EXPECT_EQ(total, hist_total(self->h));				\
	EXPECT_EQ(causal, hist_causal(self->h));			\
	EXPECT_EQ(delivery, hist_delivery(self->h));			\
	EXPECT_EQ(now, hist_now(self->h));				\
} while (0)

TEST_F(history, right)
{
	sends(self->h, 1, KEY, &self->a, 0);
	sends(self->h, 2, KEY, &self->b, 0);
	sends(self->h, 1, KEY + 1, &self->c, 0);
	EXPECT_TRUE(hist_receive(self->h, 3, &self->b, true));
	EXPECT_TRUE(hist_receive(self->h, 3, &self->a, true));
	EXPECT_TRUE(hist_receive(self->h, 3, &self->c, true));
	EXPECT_TRUE(hist_receive(self->h, 4, &self->b, true));
	EXPECT_TRUE(hist_receive(self->h, 4, &self->a, true));
	EXPECT_EQ(4, hist_multicasts(self->h));
	EXPECT_BROKEN(0, 0, 0, 0, 0);
}

TEST_F(history, never_sent)
{
	EXPECT_FALSE(hist_receive(self->h, 3, &self->a, true));
	sends(self->h, 1, KEY, &self->a, 0);
	self->a.seq++;
	EXPECT_FALSE(hist_receive(self->h, 3, &self->a, true));
	self->a.src = 5;
	EXPECT_FALSE(hist_receive(self->h, 3, &self->a, true));
}

TEST_F(history, fifo)
{
	sends(self->h, 1, KEY, &self->a, 0);
	sends(self->h, 1, KEY + 1, &self->b, 0);
	hist_receive(self->h, 3, &self->b, true);
	hist_receive(self->h, 3, &self->a, true);
	hist_receive(self->h, 4, &self->a, true);
	EXPECT_BROKEN(1, 0, 1, 0, 0);
}

TEST_F(history, twice)
{
	sends(self->h, 1, KEY + 1, &self->a, 0);
	hist_receive(self->h, 3, &self->a, true);
	hist_receive(self->h, 3, &self->a, true);
	EXPECT_BROKEN(1, 0, 0, 0, 0);
}

/* Two nodes disagree, so both heads are left. */
TEST_F(history, total)
{
	sends(self->h, 1, KEY, &self->a, 0);
	sends(self->h, 2, KEY, &self->b, 0);
	hist_receive(self->h, 3, &self->a, true);
	hist_receive(self->h, 3, &self->b, true);
	hist_receive(self->h, 4, &self->b, true);
	hist_receive(self->h, 4, &self->a, true);
	EXPECT_BROKEN(0, 2, 0, 0, 0);
}

/* No two nodes disagree, but all three do. */
TEST_F(history, total_of_three)
{
	sends(self->h, 1, KEY, &self->a, EAGAIN);
	sends(self->h, 2, KEY, &self->b, EAGAIN);
	sends(self->h, 3, KEY, &self->c, EAGAIN);
	hist_receive(self->h, 0, &self->a, true);
	hist_receive(self->h, 0, &self->b, true);
	hist_receive(self->h, 1, &self->b, true);
	hist_receive(self->h, 1, &self->c, true);
	hist_receive(self->h, 4, &self->c, true);
	hist_receive(self->h, 4, &self->a, true);
	EXPECT_BROKEN(0, 3, 0, 3, 0);
}

TEST_F(history, causal)
{
	sends(self->h, 1, KEY, &self->a, 0);
	hist_receive(self->h, 4, &self->a, true);
	sends(self->h, 4, KEY + 1, &self->b, 0);
	hist_receive(self->h, 3, &self->b, true);
	hist_receive(self->h, 3, &self->a, true);
	EXPECT_BROKEN(0, 0, 1, 0, 0);
}

/* Node 2 knows of the message only through others. */
TEST_F(history, causal_by_others)
{
	self->h->always[KEY + 2] = 0x4;
	sends(self->h, 1, KEY, &self->a, 0);
	hist_receive(self->h, 4, &self->a, true);
	sends(self->h, 4, KEY + 2, &self->b, 0);
	hist_receive(self->h, 2, &self->b, true);
	sends(self->h, 2, KEY + 1, &self->c, 0);
	hist_receive(self->h, 3, &self->c, true);
	hist_receive(self->h, 3, &self->a, true);
	EXPECT_BROKEN(0, 0, 1, 0, 0);
}

TEST_F(history, delivery)
{
	sends(self->h, 1, KEY, &self->a, 0);		/* 4 misses it */
	sends(self->h, 1, KEY, &self->b, EAGAIN);	/* 4 has it */
	sends(self->h, 1, KEY + 1, &self->c, 0);	/* none, not 2 */
	hist_receive(self->h, 3, &self->a, true);
	hist_receive(self->h, 4, &self->b, true);
	hist_receive(self->h, 2, &self->c, true);
	EXPECT_BROKEN(0, 0, 0, 4, 0);
}

TEST_F(history, lossy)
{
	self->h->node[4].lossy = true;
	sends(self->h, 1, KEY, &self->a, 0);
	hist_receive(self->h, 3, &self->a, true);
	EXPECT_BROKEN(0, 0, 0, 0, 0);
	EXPECT_EQ(1, self->h->node[4].missed);
}

/* But it must get the messages that others send. */
TEST_F(history, own)
{
	sends(self->h, 3, KEY, &self->a, 0);
	hist_receive(self->h, 4, &self->a, true);
	EXPECT_BROKEN(0, 0, 0, 0, 0);
	EXPECT_EQ(1, self->h->node[3].missed);
	hist_relay(self->h, &self->a);
	hist_relayed(self->h, &self->a);
	EXPECT_BROKEN(0, 0, 0, 1, 0);
}

/* A sender that is killed reaches all or none. */
TEST_F(history, killed)
{
	sends(self->h, 1, KEY, &self->a, HIST_PENDING);
	EXPECT_BROKEN(0, 0, 0, 0, 0);
	hist_receive(self->h, 3, &self->a, true);
	EXPECT_BROKEN(0, 0, 0, 1, 0);
	hist_receive(self->h, 4, &self->a, true);
	EXPECT_BROKEN(0, 0, 0, 0, 0);
}

/* A send that failed although the message came to the master */
TEST_F(history, relayed)
{
	sends(self->h, 1, KEY, &self->a, EAGAIN);
	EXPECT_BROKEN(0, 0, 0, 0, 0);
	hist_relay(self->h, &self->a);
	hist_relayed(self->h, &self->a);
	EXPECT_BROKEN(0, 0, 0, 1, 0);
}

/* Sends before, across the beginning of, within, across the end of, and after a
 * span
 */
TEST_F(history, spans)
{
	struct hist_span *span;
	struct hist_msg m[5];
	int i;

	sends(self->h, 1, KEY, &m[0], 0);
	span = hist_give(self->h, 2, KEY);
	hist_send(self->h, 1, HIST_MULTICAST, KEY, &m[1]);
	span->in = hist_tick(self->h);
	hist_result(self->h, 1, 0);
	sends(self->h, 1, KEY, &m[2], 0);
	hist_send(self->h, 1, HIST_MULTICAST, KEY, &m[3]);
	span->out = hist_tick(self->h);
	hist_result(self->h, 1, 0);
	span->gone = hist_tick(self->h);
	sends(self->h, 1, KEY, &m[4], 0);
	for (i = 0; i < 5; i++) {
		hist_receive(self->h, 3, &m[i], true);
		hist_receive(self->h, 4, &m[i], true);
	}
	EXPECT_BROKEN(0, 0, 0, 1, 0);	/* m[2] is missing */
	hist_receive(self->h, 2, &m[1], true);
	hist_receive(self->h, 2, &m[2], true);
	hist_receive(self->h, 2, &m[3], true);
	EXPECT_BROKEN(0, 0, 0, 0, 0);
	hist_receive(self->h, 2, &m[4], true);
	EXPECT_BROKEN(0, 0, 0, 1, 0);
	self->h->node[2].nr_got = 0;
	span->sure = false;
	EXPECT_BROKEN(0, 0, 0, 0, 0);
	hist_receive(self->h, 2, &m[0], true);
	EXPECT_BROKEN(0, 0, 0, 1, 0);
}

TEST_F(history, now)
{
	struct hist_msg token[3];

	self->h->guarded[KEY] = true;
	hist_send(self->h, HIST_MASTER, HIST_ON, KEY, &token[0]);
	sends(self->h, 1, KEY, &self->a, 0);
	sends(self->h, 1, KEY, &self->b, 0);
	hist_send(self->h, HIST_MASTER, HIST_OFF, KEY, &token[1]);
	hist_receive(self->h, 3, &token[0], false);
	hist_receive(self->h, 3, &self->a, true);
	hist_receive(self->h, 3, &token[1], false);
	hist_receive(self->h, 3, &self->b, false);
	EXPECT_EQ(0, hist_now(self->h));
	sends(self->h, 1, KEY, &self->c, 0);
	hist_receive(self->h, 3, &self->c, true);
	EXPECT_EQ(1, hist_now(self->h));
	self->h->guarded[KEY] = false;
	self->h->guarded[0] = true;
	hist_send(self->h, HIST_MASTER, HIST_ON, 0, &token[2]);
	hist_receive(self->h, 4, &token[2], false);
	hist_receive(self->h, 4, &self->a, true);
	EXPECT_EQ(2, hist_now(self->h));	/* of node 3, before any */
}

TEST_HARNESS_MAIN
