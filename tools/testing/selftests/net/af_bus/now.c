// SPDX-License-Identifier: GPL-2.0
/*
 * When a change returns to the master, no message is delivered any more that
 * was decided by the state before it. Clients send all the time while the
 * master makes changes. The recipient has a slow filter, so that at any time
 * some send has decided and not yet delivered.
 */
#include "../../kselftest_harness.h"

#include <sched.h>

#include "nfdbus_util.h"

#define SENDERS	2
#define ADDR	BUS_ADDR(4, 4)

struct flood {
	int			(*send)(struct flood *f);
	struct bus_link		*l;
	atomic_ullong		*addr;
	atomic_bool		*stop;
	atomic_uint		done;
	pthread_t		thread;
};

/* link[0..1] send; the master changes the state of link[2] */
struct now {
	struct tbus		b;
	struct bus_link		*l;
	struct bus_link		*who;
	struct flood		f[SENDERS];
	atomic_ullong		addr;
	atomic_bool		stop;
	unsigned int		rounds;
	unsigned int		seen;		/* messages: some must come */
};

FIXTURE(now) {
	struct now	n;
};

static int flood_send(struct flood *f)
{
	return say_to(f->l->fd, atomic_load(f->addr), "x");
}

static void *flood(void *arg)
{
	struct flood *f = arg;
	int err = 0;

	while (!atomic_load(f->stop) && err != EPIPE && err != EHOSTUNREACH) {
		err = f->send(f);
		atomic_fetch_add(&f->done, 1);
	}
	return NULL;
}

FIXTURE_SETUP(now)
{
	int i;

	ASSERT_EQ(0, tbus_open(&self->n.b, SENDERS + 1));
	self->n.l = self->n.b.link;
	self->n.who = &self->n.l[SENDERS];
	self->n.rounds = 6 * bus_long(100);
	ASSERT_EQ(0, bus_slow(self->n.who->fd));
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, bus_slow(self->n.l[i].acc));
		self->n.f[i] = (struct flood) {
			.send = flood_send, .l = &self->n.l[i],
			.addr = &self->n.addr, .stop = &self->n.stop,
		};
	}
}

FIXTURE_TEARDOWN(now)
{
	tbus_close(&self->n.b);
}

static bool flood_start(struct flood *f)
{
	int i;

	for (i = 0; i < SENDERS; i++)
		if (pthread_create(&f[i].thread, NULL, flood, &f[i]))
			return false;
	return true;
}

static void flood_stop(struct flood *f)
{
	int i;

	atomic_store(f->stop, true);
	for (i = 0; i < SENDERS; i++)
		pthread_join(f[i].thread, NULL);
}

/* Takes no more than a queue holds: the senders may be faster than this loop.
 */
static unsigned int drain(int fd)
{
	const char *got = take(fd);
	unsigned int n;

	for (n = 0; n < 256 && strcmp("EAGAIN", got) && strcmp("EOF", got); n++)
		got = take(fd);
	return n;
}

/* Lets every sender begin and end some more sends, and empties what it fills.
 */
static unsigned int flood_on(struct flood *f, int fd, bool masters)
{
	unsigned int i, n = 0, from[SENDERS];

	for (i = 0; i < SENDERS; i++)
		from[i] = atomic_load(&f[i].done);
	for (i = 0; i < SENDERS; i++) {
		while (atomic_load(&f[i].done) - from[i] < 4) {
			drain(f[0].l->fd);
			if (masters)
				drain(f[i].l->acc);
			if (fd >= 0)
				n += drain(fd);
			sched_yield();
		}
	}
	return n;
}

/* Messages that are queued now are not late; later ones are. */
struct late {
	int		fd;
	unsigned int	n;
};

static void late_from_now(struct late *late, int fd)
{
	late->fd = fd;
	late->n = bus_get_info(fd).qlen;
}

static unsigned int late_count(struct late *late)
{
	while (late->n--)
		take(late->fd);
	late->n = 0;
	return drain(late->fd);
}

/* Changes in pairs: on must end the hand-overs, off must end the direct
 * delivery.
 */
struct change {
	int	(*on)(struct bus_link *who, struct tbus *b);
	int	(*off)(struct bus_link *who, struct tbus *b);
};

static unsigned int off_is_now(struct flood *f, struct bus_link *who,
			       struct tbus *b, const struct change *c,
			       unsigned int *seen)
{
	struct late late;

	*seen += flood_on(f, who->fd, true);
	if (c->off(who, b))
		return 1000;
	late_from_now(&late, who->fd);
	flood_on(f, -1, true);
	return late_count(&late);
}

static unsigned int on_is_now(struct flood *f, struct bus_link *who,
			      struct tbus *b, const struct change *c)
{
	struct late late[SENDERS];
	unsigned int i, n = 0;

	if (c->on(who, b))
		return 1000;
	for (i = 0; i < SENDERS; i++)
		late_from_now(&late[i], f[i].l->acc);
	flood_on(f, who->fd, false);
	for (i = 0; i < SENDERS; i++)
		n += late_count(&late[i]);
	return n;
}

static void run(struct __test_metadata *_metadata, struct now *n,
		const struct change *c)
{
	unsigned int late_off = 0, late_on = 0;

	ASSERT_TRUE(flood_start(n->f));
	while (n->rounds--) {
		late_off += off_is_now(n->f, n->who, &n->b, c,
				       &n->seen);
		late_on += on_is_now(n->f, n->who, &n->b, c);
	}
	flood_stop(n->f);
	EXPECT_EQ(0, late_off);
	EXPECT_EQ(0, late_on);
	EXPECT_LT(0, n->seen);
}

static int addr_on(struct bus_link *who, struct tbus *b)
{
	return bus_add(who, ADDR);
}

static int addr_off(struct bus_link *who, struct tbus *b)
{
	return bus_del(who, ADDR);
}

TEST_F(now, address)
{
	static const struct change c = { addr_on, addr_off };

	atomic_store(&self->n.addr, ADDR);
	ASSERT_EQ(0, bus_add(self->n.who, ADDR));
	run(_metadata, &self->n, &c);
}

TEST_F(now, group)
{
	static const struct change c = { addr_on, addr_off };

	atomic_store(&self->n.addr, BUS_MULTICAST(4));
	ASSERT_EQ(0, bus_add(self->n.who, ADDR));
	ASSERT_EQ(0, bus_add(&self->n.l[0], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->n.l[1], BUS_ADDR(4, 2)));
	run(_metadata, &self->n, &c);
}

static int direct(struct bus_link *who, struct tbus *b)
{
	return bus_opt(who->acc, BUS_FLAGS, 0);
}

static int via_master(struct bus_link *who, struct tbus *b)
{
	return bus_opt(who->acc, BUS_FLAGS, BUS_F_VIA_MASTER);
}

TEST_F(now, via_master_receiver)
{
	static const struct change c = { direct, via_master };

	atomic_store(&self->n.addr, SENDERS + 1);
	run(_metadata, &self->n, &c);
}

TEST_F(now, via_master_multicast)
{
	static const struct change c = { direct, via_master };

	atomic_store(&self->n.addr, BUS_MULTICAST(0));
	run(_metadata, &self->n, &c);
}

static int bus_direct(struct bus_link *who, struct tbus *b)
{
	return bus_opt(b->listener, BUS_FLAGS, 0);
}

static int bus_via_master(struct bus_link *who, struct tbus *b)
{
	return bus_opt(b->listener, BUS_FLAGS, BUS_F_VIA_MASTER);
}

TEST_F(now, via_master_bus)
{
	static const struct change c = { bus_direct, bus_via_master };

	atomic_store(&self->n.addr, SENDERS + 1);
	run(_metadata, &self->n, &c);
}

static int sender_direct(struct bus_link *who, struct tbus *b)
{
	return bus_opt(b->link[0].acc, BUS_FLAGS, 0) ?:
	       bus_opt(b->link[1].acc, BUS_FLAGS, 0);
}

static int sender_via_master(struct bus_link *who, struct tbus *b)
{
	return bus_opt(b->link[0].acc, BUS_FLAGS, BUS_F_VIA_MASTER) ?:
	       bus_opt(b->link[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER);
}

TEST_F(now, via_master_sender)
{
	static const struct change c = { sender_direct, sender_via_master };

	atomic_store(&self->n.addr, SENDERS + 1);
	run(_metadata, &self->n, &c);
}

/* Messages are handed over until join(), and not after; none comes after
 * close().
 */
static int new_client(struct bus_link *who, struct tbus *b)
{
	int i, err;

	close(who->fd);
	err = tbus_link(b, who) ?: bus_slow(who->fd);
	/* Full queues would hide late messages. */
	for (i = 0; i < SENDERS; i++)
		drain(b->link[i].acc);
	return err ?: tbus_join(who);
}

static int put_off(struct bus_link *who, struct tbus *b)
{
	int acc = who->acc;

	who->acc = -1;
	return ERR(close(acc));
}

TEST_F(now, join_and_close)
{
	static const struct change c = { new_client, put_off };
	unsigned int late_off = 0, late_on = 0;

	atomic_store(&self->n.addr, self->n.who->addr);
	ASSERT_TRUE(flood_start(self->n.f));
	while (self->n.rounds--) {
		late_off += off_is_now(self->n.f, self->n.who, &self->n.b, &c,
				       &self->n.seen);
		atomic_store(&self->n.addr, self->n.who->addr + 1);
		flood_on(self->n.f, -1, true);
		late_on += on_is_now(self->n.f, self->n.who, &self->n.b, &c);
	}
	flood_stop(self->n.f);
	EXPECT_EQ(0, late_off);
	EXPECT_EQ(0, late_on);
	EXPECT_LT(0, self->n.seen);
}

/* However a sender ends, it has sent nothing afterwards. */
static int end_of(struct bus_link *l, unsigned int how)
{
	if (how < 3)
		return ERR(shutdown(l->acc, how));
	return put_off(l, NULL);
}

static unsigned int end_is_now(struct now *n, unsigned int how)
{
	struct bus_link l;
	struct flood f = {
		.send = flood_send, .l = &l, .addr = &n->addr, .stop = &n->stop,
	};
	struct late late;

	if (tbus_client(&n->b, &l) ||
	    pthread_create(&f.thread, NULL, flood, &f))
		return 1000;
	while (atomic_load(&f.done) < 4)
		n->seen += drain(n->who->fd);
	if (end_of(&l, how))
		return 1000;
	late_from_now(&late, n->who->fd);
	pthread_join(f.thread, NULL);
	bus_link_close(&l);
	return late_count(&late);
}

TEST_F(now, end_of_sender)
{
	unsigned int i, late = 0;

	atomic_store(&self->n.addr, self->n.who->addr);
	for (i = 0; i < 2 * self->n.rounds; i++)
		late += end_is_now(&self->n, i % 4);
	EXPECT_EQ(0, late);
	EXPECT_LT(0, self->n.seen);
}

static int hear(struct bus_link *who, struct tbus *b)
{
	return bus_opt(who->acc, BUS_EAVESDROP, 1);
}

static int deaf(struct bus_link *who, struct tbus *b)
{
	return bus_opt(who->acc, BUS_EAVESDROP, 0);
}

TEST_F(now, eavesdrop)
{
	static const struct change c = { hear, deaf };

	atomic_store(&self->n.addr, 1);
	ASSERT_EQ(0, hear(self->n.who, &self->n.b));
	run(_metadata, &self->n, &c);
}

/* A D-Bus name moves back and forth between two clients. */

FIXTURE(now_name) {
	struct tbus		b;
	struct nfdbus_req	r;
	struct flood		f[SENDERS];
	atomic_bool		stop;
	unsigned int		seen;
};

static int flood_signal(struct flood *f)
{
	static const struct dbus_msg msg = {
		.type = DBUS_SIGNAL, .path = "/a", .interface = "t.I",
		.member = "Sig", .destination = "t.Name",
	};

	return dbus_send(f->l->fd, &msg);
}

FIXTURE_SETUP(now_name)
{
	int i, err = dbus_open(&self->b, SENDERS + 2);

	if (err == EPROTONOSUPPORT)
		SKIP(return, "no nfdbus");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, nfdbus_open(&self->r));
	ASSERT_EQ(0, nfdbus_conf(&self->r, self->b.listener,
				 NFDBUS_A_CONF_FLAGS, NFDBUS_BUS_F_ALLOW_ALL));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, bus_slow(self->b.link[SENDERS + i].fd));
		ASSERT_EQ(0, bus_overflow(self->b.link[SENDERS + i].acc,
					  BUS_OVERFLOW_DROP,
					  BUS_OVERFLOW_DROP));
	}
	for (i = 0; i < SENDERS; i++)
		self->f[i] = (struct flood) {
			.send = flood_signal, .l = &self->b.link[i],
			.stop = &self->stop,
		};
}

FIXTURE_TEARDOWN(now_name)
{
	nfdbus_close(&self->r);
	tbus_close(&self->b);
}

static int own(struct nfdbus_req *r, const struct tbus *b,
	       const struct bus_link *l)
{
	return nfdbus_name(r, b->listener, NFDBUS_A_SET_NAME_SET, l->acc,
			   "t.Name");
}

TEST_F(now_name, owner)
{
	struct bus_link *l = &self->b.link[SENDERS];
	unsigned int i, rounds = 12 * bus_long(100), late = 0;
	struct late old;

	ASSERT_EQ(0, own(&self->r, &self->b, &l[0]));
	ASSERT_TRUE(flood_start(self->f));
	for (i = 0; i < rounds; i++) {
		self->seen += flood_on(self->f, l[i % 2].fd, true);
		EXPECT_EQ(0, own(&self->r, &self->b, &l[(i + 1) % 2]));
		late_from_now(&old, l[i % 2].fd);
		flood_on(self->f, l[(i + 1) % 2].fd, true);
		late += late_count(&old);
	}
	flood_stop(self->f);
	EXPECT_EQ(0, late);
	EXPECT_LT(0, self->seen);
}

TEST_HARNESS_MAIN
