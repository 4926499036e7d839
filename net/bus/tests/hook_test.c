// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tests of the netfilter hooks
 */

#include <linux/netfilter.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <trace/events/bus.h>
#include "bus_test.h"

struct hook_state {
	unsigned int	sent;
	unsigned int	delivered;
	unsigned int	send_verdict;
	unsigned int	deliver_verdict;
	struct sock	*refused;
	u64		src;
	u64		dst;
};

static unsigned int hook_send(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	struct hook_state *h = priv;

	h->sent++;
	h->src = af_bus_msg_src(af_bus_skb_msg(skb));
	h->dst = af_bus_msg_dst(af_bus_skb_msg(skb));
	return h->send_verdict;
}

static unsigned int hook_deliver(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct hook_state *h = priv;

	h->delivered++;
	if (state->sk != h->refused)
		return NF_ACCEPT;
	if (h->deliver_verdict == NF_STOLEN)
		consume_skb(skb);
	return h->deliver_verdict;
}

static void hook_add(struct kunit *test, struct nf_hook_ops *ops,
		     unsigned int hooknum, nf_hookfn *fn, struct hook_state *h)
{
	memset(ops, 0, sizeof(*ops));
	ops->pf = NFPROTO_BUS;
	ops->hooknum = hooknum;
	ops->hook = fn;
	ops->priv = h;
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, ops));
}

static void hook_runs_once_each(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct hook_state h = {
		.send_verdict = NF_ACCEPT,
		.deliver_verdict = NF_ACCEPT,
	};
	struct nf_hook_ops ops[2];

	hook_add(test, &ops[0], NF_BUS_SEND, hook_send, &h);
	hook_add(test, &ops[1], NF_BUS_DELIVER, hook_deliver, &h);

	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, h.sent);
	KUNIT_EXPECT_EQ(test, 1, h.delivered);
	KUNIT_EXPECT_EQ(test, 1, h.src);
	KUNIT_EXPECT_EQ(test, 2, h.dst);
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], BUS_MULTICAST(0)));
	KUNIT_EXPECT_EQ(test, 2, h.sent);
	KUNIT_EXPECT_EQ(test, 1 + NR_CLIENTS, h.delivered);

	nf_unregister_net_hook(&init_net, &ops[0]);
	nf_unregister_net_hook(&init_net, &ops[1]);
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 2, h.sent);
	KUNIT_EXPECT_EQ(test, 3, test_drain(f->client[1]));
}

static void hook_send_refuses(struct kunit *test)
{
	const unsigned int verdicts[] = {
		NF_DROP, NF_QUEUE, NF_QUEUE_NR(3), NF_REPEAT, NF_STOP, 100,
	};
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct hook_state h = {};
	struct nf_hook_ops ops;
	int i;

	hook_add(test, &ops, NF_BUS_SEND, hook_send, &h);
	for (i = 0; i < ARRAY_SIZE(verdicts); i++) {
		h.send_verdict = verdicts[i];
		KUNIT_EXPECT_EQ(test, -EPERM, test_send(f->client[0], 2));
	}
	nf_unregister_net_hook(&init_net, &ops);
	KUNIT_EXPECT_EQ(test, 0, test_drain(f->client[1]));
}

static void hook_deliver_refuses_one(struct kunit *test)
{
	const unsigned int verdicts[] = {
		NF_DROP, NF_QUEUE, NF_STOLEN, NF_REPEAT, NF_STOP,
	};
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct hook_state h = { .refused = f->client[1]->sk };
	struct nf_hook_ops ops;
	int i;

	hook_add(test, &ops, NF_BUS_DELIVER, hook_deliver, &h);
	for (i = 0; i < ARRAY_SIZE(verdicts); i++) {
		h.deliver_verdict = verdicts[i];
		KUNIT_EXPECT_EQ(test, 1,
				test_send(f->client[0], BUS_MULTICAST(0)));
		KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[0]));
		KUNIT_EXPECT_EQ(test, 0, test_drain(f->client[1]));
		KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[2]));
	}
	nf_unregister_net_hook(&init_net, &ops);
}

/* Hooks that steal a message and keep it */

struct thief {
	struct sock	*from;
	struct sk_buff	*skb[8];
	unsigned int	nr;
};

static unsigned int hook_steal(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct thief *t = priv;

	if (state->sk != t->from || t->nr == ARRAY_SIZE(t->skb))
		return NF_ACCEPT;
	t->skb[t->nr++] = skb;
	return NF_STOLEN;
}

/* The thief holds the only reference, and the message has not changed. */
static void return_stolen(struct kunit *test, struct thief *t, u64 dst)
{
	struct sk_buff *skb;

	while (t->nr) {
		skb = t->skb[--t->nr];
		KUNIT_EXPECT_FALSE(test, skb_shared(skb));
		KUNIT_EXPECT_EQ(test, 1, skb->len);
		KUNIT_EXPECT_EQ(test, 1, af_bus_msg_src(af_bus_skb_msg(skb)));
		KUNIT_EXPECT_EQ(test, dst, af_bus_msg_dst(af_bus_skb_msg(skb)));
		KUNIT_EXPECT_EQ(test, 1, af_bus_msg_len(af_bus_skb_msg(skb)));
		consume_skb(skb);
	}
}

static void hook_keeps_stolen(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct thief t = { .from = f->client[0]->sk };
	struct nf_hook_ops ops = {
		.pf		= NFPROTO_BUS,
		.hooknum	= NF_BUS_SEND,
		.hook		= hook_steal,
		.priv		= &t,
	};

	/* Stolen from the sender */
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));
	KUNIT_EXPECT_EQ(test, -EPERM, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, 2);
	nf_unregister_net_hook(&init_net, &ops);
	KUNIT_EXPECT_EQ(test, 0, test_drain(f->client[1]));

	/* Stolen from the only recipient, and from one of several */
	t.from = f->client[1]->sk;
	ops.hooknum = NF_BUS_DELIVER;
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, 2);
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], BUS_MULTICAST(0)));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, BUS_MULTICAST(0));
	KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[0]));
	KUNIT_EXPECT_EQ(test, 0, test_drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[2]));

	/* Stolen from an eavesdropper: the recipient still gets its copy. */
	KUNIT_EXPECT_EQ(test, 0, test_eavesdrop(f->accepted[1]));
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, 3);
	KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[2]));
	nf_unregister_net_hook(&init_net, &ops);
}

struct drops {
	unsigned int		nr;
	u64			recipient;
	enum skb_drop_reason	reason;
};

static void count_drop(void *priv, const struct bus *bus,
		       const struct bus_msg *msg, u64 recipient,
		       enum skb_drop_reason reason)
{
	struct drops *d = priv;

	d->nr++;
	d->recipient = recipient;
	d->reason = reason;
}

static void hook_refusals_are_traced(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct hook_state h = {
		.send_verdict = NF_ACCEPT,
		.deliver_verdict = NF_DROP,
		.refused = f->client[1]->sk,
	};
	struct nf_hook_ops ops[2];
	struct drops d = {};

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "no tracepoints");

	hook_add(test, &ops[0], NF_BUS_SEND, hook_send, &h);
	hook_add(test, &ops[1], NF_BUS_DELIVER, hook_deliver, &h);
	KUNIT_EXPECT_EQ(test, 0, register_trace_bus_drop(count_drop, &d));

	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, d.nr);
	KUNIT_EXPECT_EQ(test, 2, d.recipient);
	KUNIT_EXPECT_EQ(test, SKB_DROP_REASON_NETFILTER_DROP, d.reason);
	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 1, d.nr);
	d.reason = SKB_NOT_DROPPED_YET;
	h.send_verdict = NF_DROP;
	KUNIT_EXPECT_EQ(test, -EPERM, test_send(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 2, d.nr);
	KUNIT_EXPECT_EQ(test, BUS_MULTICAST(0), d.recipient);
	KUNIT_EXPECT_EQ(test, SKB_DROP_REASON_NETFILTER_DROP, d.reason);

	unregister_trace_bus_drop(count_drop, &d);
	tracepoint_synchronize_unregister();
	nf_unregister_net_hook(&init_net, &ops[0]);
	nf_unregister_net_hook(&init_net, &ops[1]);
}

static struct kunit_case hook_cases[] = {
	KUNIT_CASE(hook_runs_once_each),
	KUNIT_CASE(hook_send_refuses),
	KUNIT_CASE(hook_deliver_refuses_one),
	KUNIT_CASE(hook_keeps_stolen),
	KUNIT_CASE(hook_refusals_are_traced),
	{}
};

struct kunit_suite bus_hook_suite = {
	.name		= "af_bus_hook",
	.exit		= test_close_bus,
	.test_cases	= hook_cases,
};
