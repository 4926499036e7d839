// SPDX-License-Identifier: GPL-2.0
/* BUS_EAVESDROP: a client that hears what others say to each other. */
#include "../../kselftest_harness.h"

#include "bus_util.h"

/* link[2] is the eavesdropper */
FIXTURE(eavesdrop) {
	struct tbus	b;
	struct bus_link	*l;
	struct bus_link	*spy;
};

FIXTURE_SETUP(eavesdrop)
{
	ASSERT_EQ(0, tbus_open(&self->b, 4));
	self->l = self->b.link;
	self->spy = &self->l[2];
	ASSERT_EQ(0, bus_opt(self->spy->fd, BUS_RECV_INFO, BUS_INFO_DST));
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_opt(self->spy->acc, BUS_EAVESDROP, 1));
}

FIXTURE_TEARDOWN(eavesdrop)
{
	tbus_close(&self->b);
}

TEST_F(eavesdrop, unicast)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "psst"));
	EXPECT_STREQ("1:psst", take(self->l[1].fd));
	EXPECT_STREQ("1:psst dst=2", take(self->spy->fd));
	EXPECT_STREQ("EAGAIN", take(self->spy->fd));
	EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
}

/* An eavesdropper gets no second copy of a message that is sent to it. */
TEST_F(eavesdrop, own)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 3, "hello spy"));
	EXPECT_STREQ("1:hello spy dst=3", take(self->spy->fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "all"));
	EXPECT_STREQ("1:all dst=*", take(self->spy->fd));
	EXPECT_STREQ("EAGAIN", take(self->spy->fd));
	EXPECT_STREQ("1:all", take(self->l[0].fd));
	EXPECT_STREQ("1:all", take(self->l[1].fd));
}

TEST_F(eavesdrop, multicast)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(4), "group"));
	EXPECT_STREQ("1:group", take(self->l[1].fd));
	EXPECT_STREQ("1:group dst=4:*", take(self->spy->fd));
	EXPECT_STREQ("EAGAIN", take(self->spy->fd));
	EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
}

/* It hears messages of clients on every way, and those of the master. */
TEST_F(eavesdrop, through_master)
{
	EXPECT_EQ(0, say_to(self->l[0].fd, 99, "nobody"));
	EXPECT_EQ(0, say(self->l[0].fd, "boss"));
	EXPECT_STREQ("1:nobody", take(self->l[0].acc));
	EXPECT_STREQ("1:boss", take(self->l[0].acc));
	EXPECT_STREQ("1:nobody dst=63", take(self->spy->fd));
	EXPECT_STREQ("1:boss dst=0", take(self->spy->fd));
	EXPECT_EQ(0, say(self->l[1].acc, "you"));
	EXPECT_EQ(0, say_to(self->l[0].acc, 2, "too"));
	EXPECT_STREQ("0:you", take(self->l[1].fd));
	EXPECT_STREQ("0:too", take(self->l[1].fd));
	EXPECT_STREQ("0:you dst=2", take(self->spy->fd));
	EXPECT_STREQ("0:too dst=2", take(self->spy->fd));
	EXPECT_STREQ("EAGAIN", take(self->spy->fd));
}

/* It does not hear a client that has not joined. */
TEST_F(eavesdrop, not_before_join)
{
	struct bus_link *l = &self->l[4];

	ASSERT_EQ(0, tbus_link(&self->b, l));
	self->b.nr++;
	EXPECT_EQ(0, say(l->fd, "secret"));
	EXPECT_EQ(0, say(l->acc, "answer"));
	EXPECT_STREQ("5:secret", take(l->acc));
	EXPECT_STREQ("0:answer", take(l->fd));
	EXPECT_STREQ("EAGAIN", take(self->spy->fd));
}

/* Several eavesdroppers, one of which is also a recipient */
TEST_F(eavesdrop, two)
{
	ASSERT_EQ(0, bus_opt(self->l[3].acc, BUS_EAVESDROP, 1));
	EXPECT_EQ(0, say_to(self->l[0].fd, 4, "x"));
	EXPECT_STREQ("1:x", take(self->l[3].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[3].fd));
	EXPECT_STREQ("1:x dst=4", take(self->spy->fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	EXPECT_STREQ("1:y", take(self->l[3].fd));
	EXPECT_STREQ("1:y dst=2", take(self->spy->fd));
	EXPECT_STREQ("1:y", take(self->l[1].fd));
}

TEST_F(eavesdrop, unset)
{
	ASSERT_EQ(0, bus_opt(self->spy->acc, BUS_EAVESDROP, 0));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "psst"));
	EXPECT_STREQ("1:psst", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->spy->fd));
	ASSERT_EQ(0, bus_opt(self->spy->acc, BUS_EAVESDROP, 1));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "again"));
	EXPECT_STREQ("1:again dst=2", take(self->spy->fd));
}

TEST_F(eavesdrop, leaves)
{
	close(self->spy->fd);
	self->spy->fd = -1;
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "psst"));
	EXPECT_STREQ("1:psst", take(self->l[1].fd));
	EXPECT_STREQ("EOF", take(self->spy->acc));
}

/* An eavesdropper that does not read hinders no sender. */
TEST_F(eavesdrop, does_not_hinder)
{
	int i, bad = 0;

	for (i = 0; i < 500; i++) {
		bad += say_to(self->l[0].fd, 2, "psst");
		bad += !!strcmp("1:psst", take(self->l[1].fd));
	}
	EXPECT_EQ(0, bad);
	EXPECT_STREQ("1:psst dst=2", take(self->spy->fd));
}

TEST_F(eavesdrop, wrong)
{
	int fd = bus_socket();

	EXPECT_EQ(EINVAL, bus_opt(self->l[0].fd, BUS_EAVESDROP, 1));
	EXPECT_EQ(EINVAL, bus_opt(self->b.listener, BUS_EAVESDROP, 1));
	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_EAVESDROP, 1));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_EAVESDROP, 2));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].fd, BUS_EAVESDROP, 0));
	EXPECT_EQ(EINVAL, bus_opt0(self->l[0].acc, BUS_EAVESDROP));
	EXPECT_EQ(EINVAL, bus_opt(self->l[0].acc, BUS_EAVESDROP, -1));
	ASSERT_EQ(0, tbus_link(&self->b, &self->l[4]));
	self->b.nr++;
	EXPECT_EQ(EINVAL, bus_opt(self->l[4].acc, BUS_EAVESDROP, 1));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "psst"));
	EXPECT_STREQ("EAGAIN", take(self->l[4].fd));
	close(fd);
}

/*
 * A recipient shuts down while a send is under way: if the sender was told that
 * the message was delivered, it can be read, though several copies were to be
 * queued.
 */
#define CLOSING_ROUNDS	(600 * bus_long(5))

/* Each copy takes time, in which the recipient may close. */
#define CLOSING_SPIES	24

struct talker {
	int		fd;
	__u64		addr;		/* or 0: to the master */
	unsigned int	sent;
	atomic_bool	stop;
};

static void *talk(void *arg)
{
	struct talker *t = arg;
	int err = 0;

	while (err != EPIPE && !atomic_load(&t->stop)) {
		err = t->addr ? say_to(t->fd, t->addr, "x") : say(t->fd, "x");
		t->sent += !err;
	}
	return NULL;
}

static unsigned int drain(int fd)
{
	unsigned int n = 0;
	char c;

	while (recv(fd, &c, 1, MSG_DONTWAIT) == 1)
		n++;
	return n;
}

/* Returns how many messages were counted as sent but are at neither end. */
static unsigned int close_while(struct talker *t, struct rnd *rnd, int closing,
				int other)
{
	unsigned int got, spin;
	pthread_t thread;

	pthread_create(&thread, NULL, talk, t);
	do
		got = drain(closing);
	while (!got);
	/* at any moment of one of the next sends */
	for (spin = rnd_below(rnd, 20000); spin; spin--)
		atomic_load(&t->stop);
	shutdown(closing, SHUT_RDWR);
	got += drain(closing);
	atomic_store(&t->stop, true);
	pthread_join(thread, NULL);
	return t->sent - got - drain(closing) - drain(other);
}

static int spies_open(struct tbus *b, struct bus_link *spies)
{
	int i, err = 0;

	for (i = 0; i < CLOSING_SPIES && !err; i++)
		err = tbus_client(b, &spies[i]) ?:
		      bus_opt(spies[i].acc, BUS_EAVESDROP, 1);
	return err;
}

static void spies_close(struct bus_link *spies)
{
	int i;

	for (i = 0; i < CLOSING_SPIES; i++)
		bus_link_close(&spies[i]);
}

TEST_F(eavesdrop, master_shuts_down)
{
	struct bus_link l, spies[CLOSING_SPIES];
	struct rnd rnd = { rnd_seed() };
	unsigned int i;

	ASSERT_EQ(0, spies_open(&self->b, spies));
	for (i = 0; i < CLOSING_ROUNDS; i++) {
		struct talker t = {};

		ASSERT_EQ(0, tbus_client(&self->b, &l));
		t.fd = l.fd;
		EXPECT_EQ(0, close_while(&t, &rnd, l.acc, -1)) {
			i = CLOSING_ROUNDS;
		}
		bus_link_close(&l);
	}
	spies_close(spies);
}

/* A message that is no longer for the recipient goes to the sender's master. */
TEST_F(eavesdrop, receiver_shuts_down)
{
	struct bus_link l, spies[CLOSING_SPIES];
	struct rnd rnd = { rnd_seed() };
	unsigned int i;

	ASSERT_EQ(0, spies_open(&self->b, spies));
	for (i = 0; i < CLOSING_ROUNDS; i++) {
		struct talker t = { .fd = self->l[0].fd };

		ASSERT_EQ(0, tbus_client(&self->b, &l));
		t.addr = l.addr;
		EXPECT_EQ(0, close_while(&t, &rnd, l.fd, self->l[0].acc)) {
			i = CLOSING_ROUNDS;
		}
		bus_link_close(&l);
	}
	spies_close(spies);
}

TEST_HARNESS_MAIN
