// SPDX-License-Identifier: GPL-2.0
/* BUS_ADD_ADDR and BUS_DEL_ADDR. */
#include "../../kselftest_harness.h"

#include "bus_util.h"

#define ADDR	BUS_ADDR(7, 0xabcdef)

FIXTURE(address) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(address)
{
	ASSERT_EQ(0, tbus_open(&self->b, 3));
	self->l = self->b.link;
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_RECV_INFO, BUS_INFO_REASON));
}

FIXTURE_TEARDOWN(address)
{
	tbus_close(&self->b);
}

TEST_F(address, add_and_del)
{
	EXPECT_EQ(0, bus_add(&self->l[1], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "one"));
	EXPECT_STREQ("1:one", take(self->l[1].fd));
	EXPECT_EQ(0, bus_del(&self->l[1], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "two"));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("1:two reason=NO_OWNER", take(self->l[0].acc));
}

/* An address on the bus, and no more: the path has no meaning here. */
TEST_F(address, no_sockaddr)
{
	struct sockaddr_bus sb;

	bus_to(&sb, ADDR);
	EXPECT_EQ(EINVAL, ERR(setsockopt(self->l[1].acc, SOL_BUS, BUS_ADD_ADDR,
					 &sb, sizeof(sb))));
	ASSERT_EQ(0, bus_add(&self->l[1], ADDR));
	EXPECT_EQ(EINVAL, ERR(setsockopt(self->l[1].acc, SOL_BUS, BUS_DEL_ADDR,
					 &sb, sizeof(sb))));
	EXPECT_EQ(0, bus_del(&self->l[1], ADDR));
}

/* Addresses may differ in any of their parts alone. */
TEST_F(address, many_alike)
{
	static const int shifts[] = { 0, 8, 16, 24, 32, 40, 48, 56 };
	__u64 i, base;
	int s;

	for (s = 0; s < ARRAY_SIZE(shifts); s++) {
		base = BUS_ADDR(0x2000 + s, 0);
		for (i = 1; i < 100; i++) {
			ASSERT_EQ(0, bus_add(&self->l[1],
					     base ^ (i << shifts[s])));
		}
		for (i = 1; i < 100; i++) {
			ASSERT_EQ(0, bus_del(&self->l[1],
					     base ^ (i << shifts[s])));
		}
	}
}

/* x with x * a == 1 modulo 2^64 */
static __u64 inverse(__u64 a)
{
	__u64 x = a;
	int i;

	for (i = 0; i < 5; i++)
		x *= 2 - a * x;
	return x;
}

/* All of them have the same hash if that is hash_64() without a secret. */
static __u64 addr_colliding(__u64 i)
{
	const __u64 golden_ratio = 0x61c8864680b583ebULL;

	return ((0x12345678ULL << 32) + i) * inverse(golden_ratio);
}

TEST_F(address, many_chosen_to_collide)
{
	unsigned int i, nr = 0;
	__u64 addr;

	for (i = 0; nr < 200; i++) {
		addr = addr_colliding(i);
		if (!BUS_PREFIX(addr) || BUS_CLIENT(addr) == BUS_CLIENT_MASK)
			continue;
		ASSERT_EQ(0, bus_add(&self->l[1], addr));
		nr++;
	}
	for (i = 0; nr; i++) {
		addr = addr_colliding(i);
		if (!BUS_PREFIX(addr) || BUS_CLIENT(addr) == BUS_CLIENT_MASK)
			continue;
		ASSERT_EQ(0, bus_del(&self->l[1], addr));
		nr--;
	}
}

TEST_F(address, refused)
{
	static const __u64 addrs[] = {
		0, 1, 2, 99, BUS_CLIENT_MASK - 1, BUS_MULTICAST(0),
		BUS_MULTICAST(1), BUS_MULTICAST(0x8000), BUS_MULTICAST(0xffff),
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		EXPECT_EQ(EINVAL, bus_add(&self->l[1], addrs[i]));
}

TEST_F(address, extremes)
{
	static const __u64 addrs[] = {
		BUS_ADDR(1, 0), BUS_ADDR(1, 1), BUS_ADDR(0xffff, 0),
		BUS_ADDR(1, BUS_CLIENT_MASK - 1),
		BUS_ADDR(0xffff, BUS_CLIENT_MASK - 1), BUS_ADDR(0x8000, 1ULL << 47),
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		EXPECT_EQ(0, bus_add(&self->l[1], addrs[i]));
	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		EXPECT_EQ(0, say_to(self->l[0].fd, addrs[i], "x"));
		EXPECT_STREQ("1:x", take(self->l[1].fd));
	}
}

TEST_F(address, taken)
{
	EXPECT_EQ(0, bus_add(&self->l[1], ADDR));
	EXPECT_EQ(EADDRINUSE, bus_add(&self->l[1], ADDR));
	EXPECT_EQ(EADDRINUSE, bus_add(&self->l[2], ADDR));
	EXPECT_EQ(EADDRNOTAVAIL, bus_del(&self->l[2], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "x"));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[2].fd));
	EXPECT_EQ(0, bus_del(&self->l[1], ADDR));
	EXPECT_EQ(EADDRNOTAVAIL, bus_del(&self->l[1], ADDR));
	EXPECT_EQ(0, bus_add(&self->l[2], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "y"));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("1:y", take(self->l[2].fd));
}

/* Buses do not share addresses. */
TEST_F(address, per_bus)
{
	struct tbus other;

	ASSERT_EQ(0, tbus_open(&other, 2));
	EXPECT_EQ(0, bus_add(&self->l[1], ADDR));
	EXPECT_EQ(0, bus_add(&other.link[1], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "here"));
	EXPECT_EQ(0, say_to(other.link[0].fd, ADDR, "there"));
	EXPECT_EQ(0, say_to(other.link[0].fd, BUS_MULTICAST(7), "all"));
	EXPECT_STREQ("1:here", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_STREQ("1:there", take(other.link[1].fd));
	EXPECT_STREQ("1:all", take(other.link[1].fd));
	tbus_close(&other);
}

TEST_F(address, unique_stays)
{
	EXPECT_NE(0, bus_del(&self->l[1], 2));
	EXPECT_NE(0, bus_del(&self->l[1], 1));
	EXPECT_NE(0, bus_del(&self->l[1], 0));
	EXPECT_NE(0, bus_del(&self->l[1], BUS_MULTICAST(0)));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
}

TEST_F(address, wrong_socket)
{
	struct bus_link l = { .acc = self->l[1].fd };

	EXPECT_EQ(EINVAL, bus_add(&l, ADDR));
	EXPECT_EQ(EINVAL, bus_del(&l, ADDR));
	l.acc = self->b.listener;
	EXPECT_EQ(EINVAL, bus_add(&l, ADDR));
	l.acc = bus_socket();
	EXPECT_EQ(EINVAL, bus_add(&l, ADDR));
	close(l.acc);
	EXPECT_EQ(0, bus_add(&self->l[1], ADDR));
}

/* A client's addresses are freed when either end of its link closes. */
TEST_F(address, freed_by_client)
{
	EXPECT_EQ(0, bus_add(&self->l[1], ADDR));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	EXPECT_EQ(0, bus_add(&self->l[2], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "x"));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	EXPECT_STREQ("1:y reason=NO_OWNER", take(self->l[0].acc));
}

TEST_F(address, freed_by_master)
{
	EXPECT_EQ(0, bus_add(&self->l[1], ADDR));
	close(self->l[1].acc);
	self->l[1].acc = -1;
	EXPECT_EQ(0, bus_add(&self->l[2], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "x"));
	EXPECT_STREQ("1:x", take(self->l[2].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "y"));
	EXPECT_STREQ("1:y reason=NO_OWNER", take(self->l[0].acc));
	EXPECT_STREQ("EOF", take(self->l[1].fd));
}

/* Messages that were queued under the address can still be read. */
TEST_F(address, queued_before_del)
{
	EXPECT_EQ(0, bus_add(&self->l[1], ADDR));
	EXPECT_EQ(0, say_to(self->l[0].fd, ADDR, "x"));
	EXPECT_EQ(0, bus_del(&self->l[1], ADDR));
	EXPECT_STREQ("1:x", take(self->l[1].fd));
}

TEST_F(address, many)
{
	unsigned int nr = 500 * bus_long(20);
	unsigned int i, bad = 0;

	for (i = 0; i < nr; i++)
		bad += !!bus_add(&self->l[1 + i % 2], BUS_ADDR(1 + i % 7, i));
	EXPECT_EQ(0, bad);
	for (i = 0; i < nr; i++) {
		bad += !!say_to(self->l[0].fd, BUS_ADDR(1 + i % 7, i), "x");
		bad += !!strcmp("1:x", take(self->l[1 + i % 2].fd));
	}
	EXPECT_EQ(0, bad);
	for (i = 0; i < nr; i += 3)
		bad += !!bus_del(&self->l[1 + i % 2], BUS_ADDR(1 + i % 7, i));
	EXPECT_EQ(0, bad);
	for (i = 0; i < nr; i++) {
		bad += !!say_to(self->l[0].fd, BUS_ADDR(1 + i % 7, i), "x");
		if (i % 3)
			bad += !!strcmp("1:x", take(self->l[1 + i % 2].fd));
		else
			bad += !!strcmp("1:x reason=NO_OWNER",
					take(self->l[0].acc));
	}
	EXPECT_EQ(0, bad);
}

/* Addresses that differ in their high bits only */
TEST_F(address, many_prefixes)
{
	unsigned int nr = 800 * bus_long(20);
	unsigned int i, bad = 0;

	for (i = 0; i < nr; i++)
		bad += !!bus_add(&self->l[1], BUS_ADDR(1 + i % 100, i / 100));
	EXPECT_EQ(0, bad);
	for (i = 0; i < nr; i++) {
		bad += !!say_to(self->l[0].fd, BUS_ADDR(1 + i % 100, i / 100),
				"x");
		bad += !!strcmp("1:x", take(self->l[1].fd));
	}
	EXPECT_EQ(0, bad);
}

/* When two clients ask for one address at the same time, one gets it. */
struct race {
	pthread_barrier_t	*barrier;
	struct bus_link		*l;
	unsigned int		rounds;
	unsigned char		*won;
};

static void *race(void *arg)
{
	struct race *r = arg;
	unsigned int i;

	for (i = 0; i < r->rounds; i++) {
		pthread_barrier_wait(r->barrier);
		r->won[i] = !bus_add(r->l, BUS_ADDR(9, i));
	}
	return NULL;
}

TEST_F(address, add_race)
{
	enum { ROUNDS = 2000 };
	static unsigned char won[2][ROUNDS];
	pthread_barrier_t barrier;
	pthread_t threads[2];
	unsigned int i, bad = 0;
	struct race r[2];

	pthread_barrier_init(&barrier, NULL, 2);
	for (i = 0; i < 2; i++) {
		r[i].barrier = &barrier;
		r[i].l = &self->l[1 + i];
		r[i].rounds = 200 * bus_long(10);
		r[i].won = won[i];
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, race, &r[i]));
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < r[0].rounds; i++) {
		bad += won[0][i] + won[1][i] != 1;
		bad += !!say_to(self->l[0].fd, BUS_ADDR(9, i), "x");
		bad += !!strcmp("1:x", take(self->l[won[0][i] ? 1 : 2].fd));
	}
	EXPECT_EQ(0, bad);
}

TEST_HARNESS_MAIN
