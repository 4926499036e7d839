// SPDX-License-Identifier: GPL-2.0
/* BUS_INFO, BUS_FEATURES and counters. */
#include "../../kselftest_harness.h"

#include "bus_util.h"

FIXTURE(info) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(info)
{
	ASSERT_EQ(0, tbus_open(&self->b, 2));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(info)
{
	tbus_close(&self->b);
}

static int get(int fd, void *buf, socklen_t *len)
{
	return ERR(getsockopt(fd, SOL_BUS, BUS_INFO, buf, len));
}

/* An older program passes a shorter buffer, a newer one a longer. */
TEST_F(info, sizes)
{
	unsigned char buf[sizeof(struct bus_info) + 64];
	struct bus_info info = bus_get_info(self->l[0].fd);
	socklen_t len;

	for (len = 8; len <= sizeof(info); len += 8) {
		socklen_t n = len;

		memset(buf, 0xee, sizeof(buf));
		EXPECT_EQ(0, get(self->l[0].fd, buf, &n));
		EXPECT_EQ(len, n);
		EXPECT_EQ(0, memcmp(buf, &info, len));
		EXPECT_EQ(0xee, buf[len]);
	}
	len = sizeof(buf);
	memset(buf, 0xee, sizeof(buf));
	EXPECT_EQ(0, get(self->l[0].fd, buf, &len));
	EXPECT_EQ(sizeof(info), len);
	EXPECT_EQ(0, memcmp(buf, &info, sizeof(info)));
	EXPECT_EQ(0xee, buf[sizeof(info)]);
	len = -1;
	EXPECT_EQ(EINVAL, get(self->l[0].fd, buf, &len));
	len = sizeof(info);
	EXPECT_EQ(EFAULT, get(self->l[0].fd, (void *)8, &len));
	EXPECT_NE(0, ERR(setsockopt(self->l[0].fd, SOL_BUS, BUS_INFO, &info,
				    sizeof(info))));
}

TEST_F(info, new)
{
	int fd = bus_socket();
	struct bus_info info = bus_get_info(fd);

	EXPECT_EQ(0, info.cookie);
	EXPECT_EQ(0, info.addr);
	EXPECT_EQ(BUS_PROTO_NONE, info.protocol);
	EXPECT_EQ(BUS_STATE_NEW, info.state);
	EXPECT_EQ(0, info.clients);
	close(fd);
}

TEST_F(info, cookie)
{
	__u64 cookie = bus_get_info(self->b.listener).cookie;
	struct tbus other;

	EXPECT_NE(0, cookie);
	EXPECT_EQ(cookie, bus_get_info(self->l[0].fd).cookie);
	EXPECT_EQ(cookie, bus_get_info(self->l[1].acc).cookie);
	ASSERT_EQ(0, tbus_open(&other, 1));
	EXPECT_NE(0, bus_get_info(other.listener).cookie);
	EXPECT_NE(cookie, bus_get_info(other.listener).cookie);
	tbus_close(&other);
}

TEST_F(info, address_and_state)
{
	struct bus_link *l = &self->l[2];

	ASSERT_EQ(0, tbus_link(&self->b, l));
	self->b.nr++;
	EXPECT_EQ(0, bus_get_info(self->b.listener).addr);
	EXPECT_EQ(3, bus_get_info(l->fd).addr);
	EXPECT_EQ(3, bus_get_info(l->acc).addr);
	EXPECT_EQ(BUS_STATE_CONNECTED, bus_get_info(l->fd).state);
	ASSERT_EQ(0, tbus_join(l));
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(l->fd).state);
	close(l->fd);
	l->fd = -1;
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(l->acc).state);
	close(self->l[1].acc);
	self->l[1].acc = -1;
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[1].fd).state);
	EXPECT_EQ(BUS_STATE_JOINED, bus_get_info(self->l[0].fd).state);
	EXPECT_EQ(BUS_STATE_LISTEN, bus_get_info(self->b.listener).state);
}

TEST_F(info, clients)
{
	EXPECT_EQ(2, bus_get_info(self->b.listener).clients);
	EXPECT_EQ(2, bus_get_info(self->l[0].fd).clients);
	bus_link_close(&self->l[1]);
	EXPECT_EQ(1, bus_get_info(self->b.listener).clients);
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	EXPECT_EQ(2, bus_get_info(self->b.listener).clients);
}

TEST_F(info, queue)
{
	EXPECT_EQ(0, bus_get_info(self->l[1].fd).qlen);
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "a"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "b"));
	EXPECT_EQ(2, bus_get_info(self->l[1].fd).qlen);
	EXPECT_EQ(0, bus_get_info(self->l[0].fd).qlen);
	take(self->l[1].fd);
	EXPECT_EQ(1, bus_get_info(self->l[1].fd).qlen);
	EXPECT_EQ(0, say(self->l[0].fd, "c"));
	EXPECT_EQ(1, bus_get_info(self->l[0].acc).qlen);
	EXPECT_LT(0, bus_get_info(self->l[0].fd).max_qlen);
	EXPECT_LT(0, bus_get_info(self->l[0].fd).max_msg);
}

TEST_F(info, flags_in_force)
{
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_ORDERED));
	EXPECT_EQ(BUS_F_ORDERED, bus_get_info(self->b.listener).flags);
	EXPECT_EQ(BUS_F_ORDERED, bus_get_info(self->l[0].fd).flags);
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(BUS_F_ORDERED | BUS_F_VIA_MASTER,
		  bus_get_info(self->l[0].fd).flags);
	EXPECT_EQ(BUS_F_ORDERED, bus_get_info(self->l[1].fd).flags);
	EXPECT_EQ(BUS_F_ORDERED, bus_get_info(self->b.listener).flags);
}

TEST_F(info, overflow)
{
	struct bus_info info;

	info = bus_get_info(self->l[0].fd);
	EXPECT_EQ(BUS_OVERFLOW_BLOCK, info.overflow_unicast);
	EXPECT_EQ(BUS_OVERFLOW_DROP, info.overflow_multicast);
	ASSERT_EQ(0, bus_overflow(self->l[0].acc, BUS_OVERFLOW_REJECT,
				  BUS_OVERFLOW_DISCONNECT));
	info = bus_get_info(self->l[0].acc);
	EXPECT_EQ(BUS_OVERFLOW_REJECT, info.overflow_unicast);
	EXPECT_EQ(BUS_OVERFLOW_DISCONNECT, info.overflow_multicast);
	info = bus_get_info(self->b.listener);
	EXPECT_EQ(BUS_OVERFLOW_BLOCK, info.overflow_unicast);
	EXPECT_EQ(BUS_OVERFLOW_DROP, info.overflow_multicast);
}

/* Reads a counter by its name. */
TEST_F(info, counters)
{
	struct bus_counts sender, receiver, bus;

	ASSERT_EQ(0, bus_add(&self->l[0], BUS_ADDR(4, 1)));
	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(4, 2)));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "unicast"));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(4), "multicast"));
	EXPECT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(5), "to no one"));
	EXPECT_EQ(0, say_to(self->l[0].fd, 9, "handover"));
	EXPECT_EQ(0, say(self->l[1].acc, "from master"));
	EXPECT_EQ(0, say_to(self->l[1].acc, BUS_MULTICAST(4), "to both"));
	sender = bus_counts(self->l[0].fd);
	receiver = bus_counts(self->l[1].fd);
	bus = bus_counts(self->b.listener);
	EXPECT_EQ(1, sender.unicasts);
	EXPECT_EQ(2, sender.multicasts);
	EXPECT_EQ(1, sender.copies);
	EXPECT_EQ(1, sender.handovers);
	EXPECT_EQ(1, sender.from_master);
	EXPECT_EQ(0, receiver.unicasts);
	EXPECT_EQ(0, receiver.multicasts);
	EXPECT_EQ(2, receiver.copies);
	EXPECT_EQ(2, receiver.from_master);
	EXPECT_EQ(1, bus.unicasts);
	EXPECT_EQ(2, bus.multicasts);
	EXPECT_EQ(3, bus.copies);
	EXPECT_EQ(1, bus.handovers);
	EXPECT_EQ(3, bus.from_master);
	EXPECT_EQ(0, bus.lost);
	EXPECT_EQ(0, bus.filtered);
}

TEST_HARNESS_MAIN
