// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tests of protocols
 */

#include <linux/completion.h>
#include "bus_test.h"

/* A protocol that does what the test tells it. */

static struct {
	int		parse_err;
	u32		hand_over;
	u64		to;
	bool		nobody;
	unsigned int	routes;
	unsigned int	staged;
	unsigned int	undone;
	u32		last_reason;
} script;

static int test_bus_init(struct bus *bus)
{
	return 0;
}

static DECLARE_COMPLETION(bus_gone);

static void test_bus_exit(struct bus *bus)
{
	complete(&bus_gone);
}

static int test_join(struct bus_client *client)
{
	return 0;
}

static void test_client(struct bus_client *client)
{
}

static int test_parse(struct bus_client *src, struct bus_msg *msg,
		      struct sk_buff *skb)
{
	if (script.hand_over)
		af_bus_msg_hand_over(msg, script.hand_over);
	return script.parse_err;
}

static void test_route(struct bus_client *src, struct bus_msg *msg,
		       struct bus_route *route)
{
	struct bus_client *client;

	script.routes++;
	if (script.nobody)
		af_bus_route_multicast(route);
	client = af_bus_lookup(af_bus_client_bus(src), script.to);
	if (client)
		af_bus_route_add(route, client);
}

static void test_settle(struct bus_client *src, struct bus_msg *msg,
			bool staged)
{
	if (staged)
		script.staged++;
	else
		script.undone++;
	script.last_reason = af_bus_msg_handed_over(msg);
}

static void test_msg_free(struct bus_msg *msg)
{
}

static const struct bus_proto test_proto = {
	.id		= BUS_PROTO_DBUS,
	.name		= "kunit",
	.bus_init	= test_bus_init,
	.bus_exit	= test_bus_exit,
	.join		= test_join,
	.leave		= test_client,
	.release	= test_client,
	.parse		= test_parse,
	.route		= test_route,
	.settle		= test_settle,
	.msg_free	= test_msg_free,
};

static struct test_bus *open_proto_bus(struct kunit *test)
{
	memset(&script, 0, sizeof(script));
	if (af_bus_register_proto(&test_proto))
		kunit_skip(test, "the protocol is registered by nfdbus");
	return test_open_bus(test, BUS_PROTO_DBUS);
}

/* The protocol must stay until the last bus is gone. */
static void close_proto_bus(struct kunit *test)
{
	test_close_bus(test);
	test->priv = NULL;
	KUNIT_EXPECT_NE(test, 0,
			wait_for_completion_timeout(&bus_gone, 30 * HZ));
	af_bus_unregister_proto(&test_proto);
}

static void proto_fails_closed(struct kunit *test)
{
	struct test_bus *f = open_proto_bus(test);

	/* The protocol ignores the address and decides nothing. */
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 0, test_drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, BUS_REASON_UNROUTED, test_reason(f->accepted[0]));
	KUNIT_EXPECT_EQ(test, 1, script.staged);
	KUNIT_EXPECT_EQ(test, BUS_REASON_UNROUTED, script.last_reason);

	/* The reason that parse() gave stays, whatever route() decides. */
	script.hand_over = BUS_REASON_PROTO;
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, BUS_REASON_PROTO, test_reason(f->accepted[0]));
	script.to = 2;
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 0, test_drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, BUS_REASON_PROTO, test_reason(f->accepted[0]));

	script.parse_err = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, -1, test_reason(f->accepted[0]));
	close_proto_bus(test);
}

static void proto_routes(struct kunit *test)
{
	struct test_bus *f = open_proto_bus(test);

	script.to = 2;
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, 0, test_drain(f->client[2]));
	KUNIT_EXPECT_EQ(test, BUS_REASON_NONE, script.last_reason);

	/* To choose nobody is a decision, too. */
	script.to = 0;
	script.nobody = true;
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, -1, test_reason(f->accepted[0]));
	KUNIT_EXPECT_EQ(test, 2, script.routes);
	KUNIT_EXPECT_EQ(test, 2, script.staged);
	close_proto_bus(test);
}

static void proto_settles_each_attempt(struct kunit *test)
{
	struct bus_overflow overflow = { .unicast = BUS_OVERFLOW_MASTER };
	struct test_bus *f = open_proto_bus(test);
	int n = 0;

	script.to = 2;
	while (test_send(f->client[0], 2) == 1)
		n++;
	KUNIT_EXPECT_GT(test, n, 0);
	KUNIT_EXPECT_EQ(test, n, script.staged);
	KUNIT_EXPECT_GT(test, script.undone, 0);
	KUNIT_EXPECT_EQ(test, script.routes, script.staged + script.undone);

	KUNIT_EXPECT_EQ(test, 0,
			test_set_opt(f->accepted[1], BUS_OVERFLOW, &overflow,
				     sizeof(overflow)));
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, BUS_REASON_FULL, script.last_reason);
	KUNIT_EXPECT_EQ(test, BUS_REASON_FULL, test_reason(f->accepted[0]));
	KUNIT_EXPECT_EQ(test, script.routes, script.staged + script.undone);
	close_proto_bus(test);
}

static struct kunit_case proto_cases[] = {
	KUNIT_CASE(proto_fails_closed),
	KUNIT_CASE(proto_routes),
	KUNIT_CASE(proto_settles_each_attempt),
	{}
};

struct kunit_suite bus_proto_suite = {
	.name		= "af_bus_proto",
	.exit		= test_close_bus,
	.test_cases	= proto_cases,
};
