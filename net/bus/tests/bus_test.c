// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: KUnit tests of what user space cannot reach: netfilter hooks,
 * protocols, more pages at a time than splice() sends, who wakes whom, and what
 * happens between two steps of an attempt
 */

#include <kunit/test.h>
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/netfilter.h>
#include <linux/poll.h>
#include <net/af_bus.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <trace/events/bus.h>
#include <trace/events/kmem.h>
#include "../bus.h"

#define NR_CLIENTS	3

struct fixture {
	struct socket	*listener;
	struct socket	*client[NR_CLIENTS];
	struct socket	*accepted[NR_CLIENTS];
};

static int set_opt(struct socket *sock, int opt, void *val, int len)
{
	return READ_ONCE(sock->ops)->setsockopt(sock, SOL_BUS, opt,
						KERNEL_SOCKPTR(val), len);
}

static void fill_name(struct sockaddr_bus *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sbus_family = AF_BUS;
	strscpy(addr->sbus_path + 1, "kunit", sizeof(addr->sbus_path) - 1);
}

static void open_listener(struct kunit *test, struct fixture *f, int protocol)
{
	struct sockaddr_bus addr;

	fill_name(&addr);
	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_BUS,
						  SOCK_SEQPACKET, protocol,
						  &f->listener));
	KUNIT_ASSERT_EQ(test, 0, kernel_bind(f->listener, (void *)&addr,
					     sizeof(addr)));
	KUNIT_ASSERT_EQ(test, 0, kernel_listen(f->listener, NR_CLIENTS));
}

static void open_client(struct kunit *test, struct fixture *f, int i,
			int protocol)
{
	u32 info = BUS_INFO_REASON;
	struct sockaddr_bus addr;

	fill_name(&addr);
	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_BUS,
						  SOCK_SEQPACKET, protocol,
						  &f->client[i]));
	KUNIT_ASSERT_EQ(test, 0, kernel_connect(f->client[i], (void *)&addr,
						sizeof(addr), 0));
	KUNIT_ASSERT_EQ(test, 0, kernel_accept(f->listener, &f->accepted[i],
					       0));
	KUNIT_ASSERT_EQ(test, 0, set_opt(f->accepted[i], BUS_JOIN_BUS, NULL,
					 0));
	KUNIT_ASSERT_EQ(test, 0, set_opt(f->accepted[i], BUS_RECV_INFO, &info,
					 sizeof(info)));
}

static struct fixture *open_bus(struct kunit *test, int protocol)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	open_listener(test, f, protocol);
	for (i = 0; i < NR_CLIENTS; i++)
		open_client(test, f, i, protocol);
	return f;
}

static void close_bus(struct kunit *test)
{
	struct fixture *f = test->priv;
	int i;

	if (!f)
		return;
	for (i = 0; i < NR_CLIENTS; i++) {
		if (f->client[i])
			sock_release(f->client[i]);
		if (f->accepted[i])
			sock_release(f->accepted[i]);
	}
	if (f->listener)
		sock_release(f->listener);
}

static int send_to(struct socket *sock, u64 addr)
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
	struct kvec data = { .iov_base = "x", .iov_len = 1 };

	return kernel_sendmsg(sock, &msg, &data, 1, 1);
}

/* How many messages there are, which are thrown away. */
static int drain(struct socket *sock)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec data;
	char buf[8];
	int n = 0;

	for (;;) {
		data.iov_base = buf;
		data.iov_len = sizeof(buf);
		if (kernel_recvmsg(sock, &msg, &data, 1, sizeof(buf),
				   MSG_DONTWAIT) <= 0)
			return n;
		n++;
	}
}

/* The reason of the next message, -1 if there is none. */
static int next_reason(struct socket *sock)
{
	char control[CMSG_SPACE(sizeof(struct bus_reason))] = {};
	struct msghdr msg = {
		.msg_control	= control,
		.msg_controllen	= sizeof(control),
	};
	struct kvec data;
	char buf[8];

	data.iov_base = buf;
	data.iov_len = sizeof(buf);
	if (kernel_recvmsg(sock, &msg, &data, 1, sizeof(buf),
			   MSG_DONTWAIT) <= 0)
		return -1;
	return ((struct bus_reason *)CMSG_DATA((struct cmsghdr *)control))->reason;
}

/* Netfilter */

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
	h->src = bus_msg_src(bus_skb_msg(skb));
	h->dst = bus_msg_dst(bus_skb_msg(skb));
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
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct hook_state h = {
		.send_verdict = NF_ACCEPT,
		.deliver_verdict = NF_ACCEPT,
	};
	struct nf_hook_ops ops[2];

	hook_add(test, &ops[0], NF_BUS_SEND, hook_send, &h);
	hook_add(test, &ops[1], NF_BUS_DELIVER, hook_deliver, &h);

	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, h.sent);
	KUNIT_EXPECT_EQ(test, 1, h.delivered);
	KUNIT_EXPECT_EQ(test, 1, h.src);
	KUNIT_EXPECT_EQ(test, 2, h.dst);
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], BUS_MULTICAST(0)));
	KUNIT_EXPECT_EQ(test, 2, h.sent);
	KUNIT_EXPECT_EQ(test, 1 + NR_CLIENTS, h.delivered);

	nf_unregister_net_hook(&init_net, &ops[0]);
	nf_unregister_net_hook(&init_net, &ops[1]);
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 2, h.sent);
	KUNIT_EXPECT_EQ(test, 3, drain(f->client[1]));
}

static void hook_send_refuses(struct kunit *test)
{
	const unsigned int verdicts[] = {
		NF_DROP, NF_QUEUE, NF_QUEUE_NR(3), NF_REPEAT, NF_STOP, 100,
	};
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct hook_state h = {};
	struct nf_hook_ops ops;
	int i;

	hook_add(test, &ops, NF_BUS_SEND, hook_send, &h);
	for (i = 0; i < ARRAY_SIZE(verdicts); i++) {
		h.send_verdict = verdicts[i];
		KUNIT_EXPECT_EQ(test, -EPERM, send_to(f->client[0], 2));
	}
	nf_unregister_net_hook(&init_net, &ops);
	KUNIT_EXPECT_EQ(test, 0, drain(f->client[1]));
}

static void hook_deliver_refuses_one(struct kunit *test)
{
	const unsigned int verdicts[] = {
		NF_DROP, NF_QUEUE, NF_STOLEN, NF_REPEAT, NF_STOP,
	};
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct hook_state h = { .refused = f->client[1]->sk };
	struct nf_hook_ops ops;
	int i;

	hook_add(test, &ops, NF_BUS_DELIVER, hook_deliver, &h);
	for (i = 0; i < ARRAY_SIZE(verdicts); i++) {
		h.deliver_verdict = verdicts[i];
		KUNIT_EXPECT_EQ(test, 1,
				send_to(f->client[0], BUS_MULTICAST(0)));
		KUNIT_EXPECT_EQ(test, 1, drain(f->client[0]));
		KUNIT_EXPECT_EQ(test, 0, drain(f->client[1]));
		KUNIT_EXPECT_EQ(test, 1, drain(f->client[2]));
	}
	nf_unregister_net_hook(&init_net, &ops);
}

/* Hooks that steal, and keep */

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

/* What was stolen is the thief's alone, and as it was. */
static void return_stolen(struct kunit *test, struct thief *t, u64 dst)
{
	struct sk_buff *skb;

	while (t->nr) {
		skb = t->skb[--t->nr];
		KUNIT_EXPECT_FALSE(test, skb_shared(skb));
		KUNIT_EXPECT_EQ(test, 1, skb->len);
		KUNIT_EXPECT_EQ(test, 1, bus_msg_src(bus_skb_msg(skb)));
		KUNIT_EXPECT_EQ(test, dst, bus_msg_dst(bus_skb_msg(skb)));
		KUNIT_EXPECT_EQ(test, 1, bus_msg_len(bus_skb_msg(skb)));
		consume_skb(skb);
	}
}

static void hook_keeps_stolen(struct kunit *test)
{
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct thief t = { .from = f->client[0]->sk };
	struct nf_hook_ops ops = {
		.pf		= NFPROTO_BUS,
		.hooknum	= NF_BUS_SEND,
		.hook		= hook_steal,
		.priv		= &t,
	};

	/* Of all */
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));
	KUNIT_EXPECT_EQ(test, -EPERM, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, 2);
	nf_unregister_net_hook(&init_net, &ops);
	KUNIT_EXPECT_EQ(test, 0, drain(f->client[1]));

	/* Of the only recipient, and of one of several */
	t.from = f->client[1]->sk;
	ops.hooknum = NF_BUS_DELIVER;
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, 2);
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], BUS_MULTICAST(0)));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, BUS_MULTICAST(0));
	KUNIT_EXPECT_EQ(test, 1, drain(f->client[0]));
	KUNIT_EXPECT_EQ(test, 0, drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, 1, drain(f->client[2]));

	/* Of an eavesdropper: the recipient has its copy all the same. */
	KUNIT_EXPECT_EQ(test, 0, set_opt(f->accepted[1], BUS_SET_EAVESDROP,
					 NULL, 0));
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 1, t.nr);
	return_stolen(test, &t, 3);
	KUNIT_EXPECT_EQ(test, 1, drain(f->client[2]));
	nf_unregister_net_hook(&init_net, &ops);
}

struct drops {
	unsigned int		nr;
	u64			rcpt;
	enum skb_drop_reason	reason;
};

static void count_drop(void *priv, const struct bus *bus,
		       const struct bus_msg *msg, u64 rcpt,
		       enum skb_drop_reason reason)
{
	struct drops *d = priv;

	d->nr++;
	d->rcpt = rcpt;
	d->reason = reason;
}

static void hook_refusals_are_traced(struct kunit *test)
{
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
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

	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, d.nr);
	KUNIT_EXPECT_EQ(test, 2, d.rcpt);
	KUNIT_EXPECT_EQ(test, SKB_DROP_REASON_NETFILTER_DROP, d.reason);
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 1, d.nr);
	d.reason = SKB_NOT_DROPPED_YET;
	h.send_verdict = NF_DROP;
	KUNIT_EXPECT_EQ(test, -EPERM, send_to(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 2, d.nr);
	KUNIT_EXPECT_EQ(test, BUS_MULTICAST(0), d.rcpt);
	KUNIT_EXPECT_EQ(test, SKB_DROP_REASON_NETFILTER_DROP, d.reason);

	unregister_trace_bus_drop(count_drop, &d);
	tracepoint_synchronize_unregister();
	nf_unregister_net_hook(&init_net, &ops[0]);
	nf_unregister_net_hook(&init_net, &ops[1]);
}

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
		bus_msg_hand_over(msg, script.hand_over);
	return script.parse_err;
}

static void test_route(struct bus_client *src, struct bus_msg *msg,
		       struct bus_route *route)
{
	struct bus_client *client;

	script.routes++;
	if (script.nobody)
		bus_route_multicast(route);
	client = bus_lookup(bus_client_bus(src), script.to);
	if (client)
		bus_route_add(route, client);
}

static void test_settle(struct bus_client *src, struct bus_msg *msg,
			bool staged)
{
	if (staged)
		script.staged++;
	else
		script.undone++;
	script.last_reason = bus_msg_handed_over(msg);
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

static struct fixture *open_proto_bus(struct kunit *test)
{
	memset(&script, 0, sizeof(script));
	if (bus_register_proto(&test_proto))
		kunit_skip(test, "the protocol is registered by nfdbus");
	return open_bus(test, BUS_PROTO_DBUS);
}

/* The protocol must stay until the last bus is gone. */
static void close_proto_bus(struct kunit *test)
{
	close_bus(test);
	test->priv = NULL;
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&bus_gone, 30 * HZ));
	bus_unregister_proto(&test_proto);
}

static void proto_fails_closed(struct kunit *test)
{
	struct fixture *f = open_proto_bus(test);

	/* The address is ignored, and nothing was decided. */
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 0, drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, BUS_REASON_UNROUTED, next_reason(f->accepted[0]));
	KUNIT_EXPECT_EQ(test, 1, script.staged);
	KUNIT_EXPECT_EQ(test, BUS_REASON_UNROUTED, script.last_reason);

	/* The reason of the parser stays, whatever is decided then. */
	script.hand_over = BUS_REASON_PROTO;
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, BUS_REASON_PROTO, next_reason(f->accepted[0]));
	script.to = 2;
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 0, drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, BUS_REASON_PROTO, next_reason(f->accepted[0]));

	script.parse_err = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, -1, next_reason(f->accepted[0]));
	close_proto_bus(test);
}

static void proto_routes(struct kunit *test)
{
	struct fixture *f = open_proto_bus(test);

	script.to = 2;
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, 1, drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, 0, drain(f->client[2]));
	KUNIT_EXPECT_EQ(test, BUS_REASON_NONE, script.last_reason);

	/* To nobody is a decision as well. */
	script.to = 0;
	script.nobody = true;
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 3));
	KUNIT_EXPECT_EQ(test, -1, next_reason(f->accepted[0]));
	KUNIT_EXPECT_EQ(test, 2, script.routes);
	KUNIT_EXPECT_EQ(test, 2, script.staged);
	close_proto_bus(test);
}

static void proto_settles_each_attempt(struct kunit *test)
{
	struct bus_overflow overflow = { .unicast = BUS_OVERFLOW_MASTER };
	struct fixture *f = open_proto_bus(test);
	int n = 0;

	script.to = 2;
	while (send_to(f->client[0], 2) == 1)
		n++;
	KUNIT_EXPECT_GT(test, n, 0);
	KUNIT_EXPECT_EQ(test, n, script.staged);
	KUNIT_EXPECT_GT(test, script.undone, 0);
	KUNIT_EXPECT_EQ(test, script.routes, script.staged + script.undone);

	KUNIT_EXPECT_EQ(test, 0, set_opt(f->accepted[1], BUS_OVERFLOW,
					 &overflow, sizeof(overflow)));
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, BUS_REASON_FULL, script.last_reason);
	KUNIT_EXPECT_EQ(test, BUS_REASON_FULL, next_reason(f->accepted[0]));
	KUNIT_EXPECT_EQ(test, script.routes, script.staged + script.undone);
	close_proto_bus(test);
}

/* Spliced pages */

#define NR_PAGES	40

static struct page *page_of(struct kunit *test, u8 value)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page_address(page), value, PAGE_SIZE);
	return page;
}

static int send_pages(struct socket *sock, struct bio_vec *bvec, int nr)
{
	struct msghdr msg = { .msg_flags = MSG_SPLICE_PAGES | MSG_DONTWAIT };
	size_t len = 0;
	int i;

	for (i = 0; i < nr; i++)
		len += bvec[i].bv_len;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bvec, nr, len);
	return sock_sendmsg(sock, &msg);
}

static int receive(struct socket *sock, void *buf, size_t size)
{
	struct msghdr msg = {};
	struct kvec data = { .iov_base = buf, .iov_len = size };

	return kernel_recvmsg(sock, &msg, &data, 1, size, MSG_DONTWAIT);
}

static void splice_more_than_one_skb(struct kunit *test)
{
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct bio_vec bvec[NR_PAGES];
	size_t size = NR_PAGES * PAGE_SIZE, at = 0;
	char *buf;
	int i;

	buf = kvzalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (i = 0; i < NR_PAGES; i++)
		bvec_set_page(&bvec[i], page_of(test, i), PAGE_SIZE - 10 * i, i);
	size -= 10 * NR_PAGES * (NR_PAGES - 1) / 2;
	KUNIT_EXPECT_EQ(test, size, send_pages(f->client[0], bvec, NR_PAGES));

	for (i = 0; i < NR_PAGES; i++) {
		KUNIT_EXPECT_EQ(test, 1, page_ref_count(bvec[i].bv_page));
		memset(page_address(bvec[i].bv_page), 100 + i, PAGE_SIZE);
	}
	KUNIT_EXPECT_EQ(test, size, receive(f->accepted[0], buf, size + 1));
	for (i = 0; i < NR_PAGES; at += bvec[i++].bv_len) {
		KUNIT_EXPECT_EQ(test, i, buf[at]);
		KUNIT_EXPECT_NULL(test, memchr_inv(buf + at, i,
						   bvec[i].bv_len));
		put_page(bvec[i].bv_page);
	}
	kvfree(buf);
}

/* Waking those that wait for room. */

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
 * struct crowd - senders that met EAGAIN at one receiver
 * @receiver: it has the address after those of the fixture
 * @accepted: its other end
 * @reader: thread that makes room
 * @by_reader: wake-ups in this thread
 * @all: all wake-ups
 * @waiter: senders
 */
struct crowd {
	struct socket		*receiver;
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

static void open_link(struct kunit *test, struct socket *listener,
		      struct socket **client, struct socket **accepted)
{
	struct sockaddr_bus addr;

	fill_name(&addr);
	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_BUS,
						  SOCK_SEQPACKET,
						  BUS_PROTO_NONE, client));
	KUNIT_ASSERT_EQ(test, 0, kernel_connect(*client, (void *)&addr,
						sizeof(addr), 0));
	KUNIT_ASSERT_EQ(test, 0, kernel_accept(listener, accepted, 0));
	KUNIT_ASSERT_EQ(test, 0, set_opt(*accepted, BUS_JOIN_BUS, NULL, 0));
}

static void open_waiter(struct kunit *test, struct fixture *f, struct crowd *c,
			struct waiter *w)
{
	open_link(test, f->listener, &w->sock, &w->accepted);
	w->crowd = c;
	init_waitqueue_func_entry(&w->entry, count_wake_up);
	add_wait_queue(sk_sleep(w->sock->sk), &w->entry);
}

static struct crowd *open_crowd(struct kunit *test)
{
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	int i, qlen = WAITERS_QLEN;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_EQ(test, 0, set_opt(f->listener, BUS_SET_MAXQLEN, &qlen,
					 sizeof(qlen)));
	open_link(test, f->listener, &c->receiver, &c->accepted);
	for (i = 0; i < NR_WAITERS; i++)
		open_waiter(test, f, c, &c->waiter[i]);
	for (i = 0; i < WAITERS_QLEN; i++)
		KUNIT_ASSERT_EQ(test, 1, send_to(f->client[0], NR_CLIENTS + 1));
	for (i = 0; i < NR_WAITERS; i++)
		KUNIT_ASSERT_EQ(test, -EAGAIN,
				send_to(c->waiter[i].sock, NR_CLIENTS + 1));
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
	sock_release(c->receiver);
	sock_release(c->accepted);
}

/* As long as it takes: a work item is not waited for in another way. */
static void wait_for_wake_ups(struct crowd *c)
{
	int i;

	for (i = 0; i < 3000 && atomic_read(&c->all) < NR_WAITERS; i++)
		msleep(20);
}

/* However many do not come back, nobody is woken twice for one message. */
static void wake_each_once(struct kunit *test)
{
	struct crowd *c = open_crowd(test);
	char buf[8];
	int i;

	KUNIT_EXPECT_EQ(test, 1, receive(c->receiver, buf, sizeof(buf)));
	wait_for_wake_ups(c);
	for (i = 1; i < WAITERS_QLEN; i++)
		KUNIT_EXPECT_EQ(test, 1, receive(c->receiver, buf,
						 sizeof(buf)));
	for (i = 0; i < NR_WAITERS; i++)
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&c->waiter[i].woken));
	close_crowd(c);
}

static bool pollout(struct socket *sock)
{
	return READ_ONCE(sock->ops)->poll(NULL, sock, NULL) & EPOLLOUT;
}

/* The bookkeeping of one that fails everywhere has an end. */
static void pollout_of_many(struct kunit *test)
{
	struct crowd *c = open_crowd(test);
	struct fixture *f = test->priv;
	int i, j;

	for (i = 0; i < 16; i++) {
		KUNIT_EXPECT_EQ(test, !i, pollout(f->client[0]));
		for (j = 0; j < WAITERS_QLEN; j++)
			KUNIT_EXPECT_EQ(test, 1, send_to(f->client[1],
							 NR_CLIENTS + 2 + i));
		KUNIT_EXPECT_EQ(test, -EAGAIN, send_to(f->client[0],
						       NR_CLIENTS + 2 + i));
	}
	KUNIT_EXPECT_TRUE(test, pollout(f->client[0]));
	close_crowd(c);
}

/* The reader wakes a few; all are woken in the end. */
static void wake_few_at_once(struct kunit *test)
{
	struct crowd *c = open_crowd(test);
	char buf[8];

	KUNIT_EXPECT_EQ(test, 1, receive(c->receiver, buf, sizeof(buf)));
	KUNIT_EXPECT_GE(test, 16, atomic_read(&c->by_reader));
	wait_for_wake_ups(c);
	KUNIT_EXPECT_EQ(test, NR_WAITERS, atomic_read(&c->all));
	close_crowd(c);
}

/* Between two steps of an attempt */

/* A socket of AF_UNIX as a descriptor of this task */
static int open_unix_fd(struct kunit *test)
{
	struct socket *sock;
	struct file *file;
	int fd;

	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_UNIX,
						  SOCK_DGRAM, 0, &sock));
	file = sock_alloc_file(sock, 0, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	fd = get_unused_fd_flags(0);
	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, file);
	return fd;
}

/* To an address, or over the link. */
static int send_fd(struct socket *sock, u64 addr, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {};
	struct sockaddr_bus name = {
		.sbus_family	= AF_BUS,
		.sbus_addr	= { .s_addr = addr },
	};
	struct msghdr msg = {
		.msg_name	= &name,
		.msg_namelen	= offsetof(struct sockaddr_bus, sbus_path),
		.msg_control	= control,
		.msg_controllen	= sizeof(control),
		.msg_flags	= MSG_DONTWAIT,
	};
	struct kvec data = { .iov_base = "x", .iov_len = 1 };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return kernel_sendmsg(sock, &msg, &data, 1, 1);
}

/* A receiver that is closed after there was room in its queue, where a sender
 * makes the copy of an eavesdropper, and not any more when the sender has
 * decided anew.
 */
struct closing {
	struct task_struct	*sender;
	struct sock		*receiver;
	struct sock		*other;
	unsigned int		attempts;
	bool			armed;
	bool			closed;
};

static void close_while_reserving(void *priv, unsigned long call_site,
				  const void *ptr, struct kmem_cache *s,
				  gfp_t gfp, int node)
{
	struct closing *c = priv;

	if (current != c->sender || !c->armed || gfpflags_allow_blocking(gfp))
		return;

	c->armed = false;
	c->closed = true;
	bus_queue_close(c->receiver);
}

/* With the second attempt the other message that the socket was in flight with
 * is not there any more.
 */
static unsigned int between_attempts(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct closing *c = priv;
	struct sk_buff *other;

	c->attempts++;
	if (c->attempts == 1)
		c->armed = true;
	if (c->attempts != 2)
		return NF_ACCEPT;

	other = skb_peek(&c->other->sk_receive_queue);
	bus_scm_uncharge_fds(bus_cb(other)->fp);
	spin_lock(&c->receiver->sk_receive_queue.lock);
	WRITE_ONCE(bus_sk(c->receiver)->closed, false);
	spin_unlock(&c->receiver->sk_receive_queue.lock);
	return NF_ACCEPT;
}

static void descriptors_charged_once(struct kunit *test)
{
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct closing c = {
		.sender = current,
		.receiver = f->client[1]->sk,
		.other = f->accepted[1]->sk,
	};
	struct nf_hook_ops ops = {
		.pf		= NFPROTO_BUS,
		.hooknum	= NF_BUS_SEND,
		.hook		= between_attempts,
		.priv		= &c,
	};
	int fd;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "no tracepoints");

	fd = open_unix_fd(test);
	KUNIT_EXPECT_EQ(test, 1, send_fd(f->client[1], 0, fd));
	KUNIT_EXPECT_EQ(test, 0, set_opt(f->accepted[2], BUS_SET_EAVESDROP,
					 NULL, 0));
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));
	KUNIT_EXPECT_EQ(test, 0,
			register_trace_kmem_cache_alloc(close_while_reserving,
							&c));

	KUNIT_EXPECT_EQ(test, 1, send_fd(f->client[0], 2, fd));
	KUNIT_EXPECT_TRUE(test, c.closed);
	KUNIT_EXPECT_GT(test, c.attempts, 1);

	unregister_trace_kmem_cache_alloc(close_while_reserving, &c);
	tracepoint_synchronize_unregister();
	nf_unregister_net_hook(&init_net, &ops);
	KUNIT_EXPECT_EQ(test, 1, drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, 1, drain(f->client[2]));
	close_fd(fd);
}

/* A client that goes to the end of a group while a sender walks it. Both calls
 * of the master wait for the sender, so each has a thread of its own.
 */
struct moving {
	struct work_struct	del;
	struct work_struct	add;
	struct workqueue_struct	*wq;
	struct socket		*accepted;
	struct sock		*when;
	struct bus_group	*group;
	u16			prefix;
	unsigned int		moved;
};

static void set_addr(struct socket *accepted, int opt, u64 addr)
{
	struct bus_addr arg = { .s_addr = addr };

	set_opt(accepted, opt, &arg, sizeof(arg));
}

static void moving_del(struct work_struct *work)
{
	struct moving *m = container_of(work, struct moving, del);

	set_addr(m->accepted, BUS_DEL_ADDR, BUS_ADDR(m->prefix, 1));
}

static void moving_add(struct work_struct *work)
{
	struct moving *m = container_of(work, struct moving, add);

	set_addr(m->accepted, BUS_ADD_ADDR, BUS_ADDR(m->prefix, 9));
}

static bool group_gets(struct bus_group *group, unsigned int nr)
{
	unsigned int ms;

	for (ms = 0; READ_ONCE(group->nr) != nr && ms < 20000; ms++)
		mdelay(1);
	return READ_ONCE(group->nr) == nr;
}

static unsigned int move_while_walking(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	struct moving *m = priv;

	if (state->sk != m->when || m->moved)
		return NF_ACCEPT;

	queue_work(m->wq, &m->del);
	if (!group_gets(m->group, NR_CLIENTS - 1))
		return NF_ACCEPT;
	queue_work(m->wq, &m->add);
	m->moved = group_gets(m->group, NR_CLIENTS);
	return NF_ACCEPT;
}

static void one_copy_for_who_moves(struct kunit *test)
{
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct moving m = {
		.accepted = f->accepted[0],
		.when = f->client[1]->sk,
		.prefix = 4,
	};
	struct nf_hook_ops ops = {
		.pf		= NFPROTO_BUS,
		.hooknum	= NF_BUS_DELIVER,
		.hook		= move_while_walking,
		.priv		= &m,
	};
	int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one processor");

	for (i = 0; i < NR_CLIENTS; i++)
		set_addr(f->accepted[i], BUS_ADD_ADDR, BUS_ADDR(4, 1 + i));
	m.group = bus_group_find(bus_sk_client(f->client[0]->sk)->bus, 4);
	m.wq = alloc_workqueue("bus_kunit", WQ_UNBOUND, 0);
	KUNIT_ASSERT_NOT_NULL(test, m.wq);
	INIT_WORK_ONSTACK(&m.del, moving_del);
	INIT_WORK_ONSTACK(&m.add, moving_add);
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));

	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[1], BUS_MULTICAST(4)));
	KUNIT_EXPECT_EQ(test, 1, m.moved);

	nf_unregister_net_hook(&init_net, &ops);
	destroy_workqueue(m.wq);
	destroy_work_on_stack(&m.del);
	destroy_work_on_stack(&m.add);
	for (i = 0; i < NR_CLIENTS; i++)
		KUNIT_EXPECT_EQ(test, 1, drain(f->client[i]));
}

/* Room that is set aside, and given back in the end */

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

	KUNIT_ASSERT_EQ(test, 0, set_opt(accepted, BUS_OVERFLOW, &overflow,
					 sizeof(overflow)));
}

static void reserved_room_is_no_verdict(struct kunit *test)
{
	const u32 policies[] = {
		BUS_OVERFLOW_REJECT, BUS_OVERFLOW_DROP, BUS_OVERFLOW_DISCONNECT,
		BUS_OVERFLOW_MASTER,
	};
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	struct aside a;
	int i;

	bus_sk(f->client[1]->sk)->max_qlen = 1;
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		set_policy(test, f->accepted[1], policies[i]);
		aside_start(test, &a, f->client[1], 1);
		KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
		aside_end(&a);
		KUNIT_EXPECT_EQ(test, 1, drain(f->client[1]));
		KUNIT_EXPECT_EQ(test, 0, drain(f->accepted[0]));

		/* A multicast that cannot be decided anew does not wait. */
		aside_start(test, &a, f->client[1], 1);
		KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0],
						 BUS_MULTICAST(0)));
		KUNIT_EXPECT_EQ(test, 1, drain(f->client[1]));
		aside_end(&a);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&f->client[1]->sk->sk_drops));

	/* What is there is a verdict. */
	set_policy(test, f->accepted[1], BUS_OVERFLOW_REJECT);
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 2));
	KUNIT_EXPECT_EQ(test, -ENOBUFS, send_to(f->client[0], 2));
}

/* As much as is not free in a queue */
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
	struct fixture *f = open_bus(test, BUS_PROTO_NONE);
	unsigned long limit = bus_max_user_bytes;
	struct aside a;

	set_policy(test, f->accepted[1], BUS_OVERFLOW_REJECT);
	WRITE_ONCE(bus_max_user_bytes, 1);
	aside_start(test, &a, f->client[2], 20000);
	KUNIT_EXPECT_EQ(test, 20000, send_big_to(test, f->client[0], 2));
	aside_end(&a);
	KUNIT_EXPECT_EQ(test, -ENOBUFS, send_big_to(test, f->client[0], 2));
	KUNIT_EXPECT_EQ(test, 1, send_to(f->client[0], 3));
	WRITE_ONCE(bus_max_user_bytes, limit);
}

static struct kunit_case bus_cases[] = {
	KUNIT_CASE(hook_runs_once_each),
	KUNIT_CASE(hook_send_refuses),
	KUNIT_CASE(hook_deliver_refuses_one),
	KUNIT_CASE(hook_keeps_stolen),
	KUNIT_CASE(hook_refusals_are_traced),
	KUNIT_CASE(proto_fails_closed),
	KUNIT_CASE(proto_routes),
	KUNIT_CASE(proto_settles_each_attempt),
	KUNIT_CASE(splice_more_than_one_skb),
	KUNIT_CASE(wake_each_once),
	KUNIT_CASE(wake_few_at_once),
	KUNIT_CASE(pollout_of_many),
	KUNIT_CASE(descriptors_charged_once),
	KUNIT_CASE(one_copy_for_who_moves),
	KUNIT_CASE(reserved_room_is_no_verdict),
	KUNIT_CASE(reserved_budget_is_no_verdict),
	{}
};

static struct kunit_suite bus_suite = {
	.name		= "af_bus",
	.exit		= close_bus,
	.test_cases	= bus_cases,
};

kunit_test_suite(bus_suite);

MODULE_DESCRIPTION("KUnit tests of AF_BUS");
MODULE_LICENSE("GPL");
