// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tests of room that is set aside, and given back in the end
 */

#include <linux/workqueue.h>
#include <net/sock.h>
#include "../client.h"
#include "../queue.h"
#include "../sock.h"
#include "../user.h"
#include "bus_test.h"

struct aside {
	struct delayed_work	work;
	struct sock		*sk;
	struct bus_need		need;
	struct bus_bill		bill;
};

static void aside_give_back(struct work_struct *work)
{
	struct aside *a = container_of(to_delayed_work(work), struct aside,
				       work);

	bus_queue_unreserve(a->sk, a->need.size, &a->bill);
}

static void aside_start(struct kunit *test, struct aside *a,
			struct socket *sock, unsigned int size)
{
	LIST_HEAD(spare);

	a->sk = sock->sk;
	a->need = (struct bus_need) {
		.size	= size,
		.user	= bus_sk(sock->sk)->client->user,
		.exempt	= true,
	};
	KUNIT_EXPECT_EQ(test, 0, bus_queue_reserve(a->sk, &a->need, &spare,
						   &a->bill));
	INIT_DELAYED_WORK_ONSTACK(&a->work, aside_give_back);
	schedule_delayed_work(&a->work, HZ / 20);
}

static void aside_end(struct aside *a)
{
	flush_delayed_work(&a->work);
	destroy_delayed_work_on_stack(&a->work);
}

static void set_policy(struct kunit *test, struct socket *accepted, u32 policy)
{
	struct bus_overflow overflow = { policy, BUS_OVERFLOW_DROP };

	KUNIT_ASSERT_EQ(test, 0,
			test_set_opt(accepted, BUS_OVERFLOW, &overflow,
				     sizeof(overflow)));
}

static void reserved_room_is_no_verdict(struct kunit *test)
{
	const u32 policies[] = {
		BUS_OVERFLOW_REJECT, BUS_OVERFLOW_DROP, BUS_OVERFLOW_DISCONNECT,
		BUS_OVERFLOW_MASTER,
	};
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct aside a;
	int i;

	bus_sk(f->client[1]->sk)->max_qlen = 1;
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		set_policy(test, f->accepted[1], policies[i]);
		aside_start(test, &a, f->client[1], 1);
		KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
		aside_end(&a);
		KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[1]));
		KUNIT_EXPECT_EQ(test, 0, test_drain(f->accepted[0]));

		/* A multicast does not wait where it cannot decide again. */
		aside_start(test, &a, f->client[1], 1);
		KUNIT_EXPECT_EQ(test, 1,
				test_send(f->client[0], BUS_MULTICAST(0)));
		KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[1]));
		aside_end(&a);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->client[1]->sk->sk_drops));

	/* A message in the queue is a verdict. */
	set_policy(test, f->accepted[1], BUS_OVERFLOW_REJECT);
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, -ENOBUFS, test_send(f->client[0], 2));
}

/* Sends more than a queue takes without charging a user. */
static int send_big_to(struct kunit *test, struct socket *sock, u64 addr)
{
	struct sockaddr_bus name = {
		.sbus_family	= AF_BUS,
		.sbus_addr	= { .s_addr = addr },
	};
	struct msghdr msg = {
		.msg_name	= &name,
		.msg_namelen	= offsetof(struct sockaddr_bus, sbus_path),
		.msg_flags	= MSG_DONTWAIT,
	};
	size_t size = 20000;
	struct kvec data = {
		.iov_base	= kunit_kzalloc(test, size, GFP_KERNEL),
		.iov_len	= size,
	};

	KUNIT_ASSERT_NOT_NULL(test, data.iov_base);
	return kernel_sendmsg(sock, &msg, &data, 1, size);
}

static void reserved_budget_is_no_verdict(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	unsigned long limit = bus_max_user_bytes;
	struct aside a;

	set_policy(test, f->accepted[1], BUS_OVERFLOW_REJECT);
	WRITE_ONCE(bus_max_user_bytes, 1);
	aside_start(test, &a, f->client[2], 20000);
	KUNIT_EXPECT_EQ(test, 20000, send_big_to(test, f->client[0], 2));
	aside_end(&a);
	KUNIT_EXPECT_EQ(test, -ENOBUFS, send_big_to(test, f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 3));
	WRITE_ONCE(bus_max_user_bytes, limit);
}

static struct kunit_case reserve_cases[] = {
	KUNIT_CASE(reserved_room_is_no_verdict),
	KUNIT_CASE(reserved_budget_is_no_verdict),
	{}
};

struct kunit_suite bus_reserve_suite = {
	.name		= "af_bus_reserve",
	.exit		= test_close_bus,
	.test_cases	= reserve_cases,
};
