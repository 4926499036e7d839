// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: whom a message goes to
 *
 * An attempt to deliver a message runs under rcu_read_lock() from the first
 * look-up to the commit, does not sleep, and is counted: so
 * af_bus_synchronize() waits for decisions taken by an old state of the bus.
 * An attempt that would have to sleep, for memory or for room, ends; afterwards
 * everything is decided again.
 */

#include <linux/bsearch.h>
#include <linux/filter.h>
#include <linux/mm.h>
#include <linux/netfilter.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <trace/events/bus.h>
#include "addr.h"
#include "bus.h"
#include "client.h"
#include "msg.h"
#include "netns.h"
#include "queue.h"
#include "route.h"
#include "trace.h"
#include "user.h"

static void bus_route_undecide(struct bus_route *route)
{
	route->multicast = false;
	route->decided = false;
	route->kick = false;
	route->reason = BUS_REASON_NONE;
	route->forced = BUS_REASON_NONE;
	route->flags = 0;
	route->err = 0;
	route->denied = 0;
	route->nr = 0;
	route->asked = 0;
	route->missed = 0;
}

/* Field by field: clearing the whole costs more than a small message. */
void bus_route_init(struct bus_route *route, struct sock *sk,
		    struct bus_client *src, bool from_master)
{
	route->sk = sk;
	route->bus = src->bus;
	route->src = src;
	route->ack = 0;
	route->msg = NULL;
	route->skb = NULL;
	route->fp = NULL;
	route->from_master = from_master;
	route->routed = false;
	route->refused = SKB_NOT_DROPPED_YET;
	route->blocked = NULL;
	route->turn = NULL;
	route->need.user = from_master ? src->bus->user : src->user;
	route->to = route->few;
	route->max = ARRAY_SIZE(route->few);
	__skb_queue_head_init(&route->spare.skbs);
	INIT_LIST_HEAD(&route->spare.shares);
	route->spare.fps = NULL;
	route->spare.nr_fps = 0;
	route->spare.nr_spent = 0;
	route->coming_fds = 0;
	route->want = (struct bus_want) {};
	bus_route_undecide(route);
}

/**
 * bus_route_forget_recipients() - nobody was chosen
 * @route: route
 *
 * Context: Under rcu_read_lock(), in which the recipients were added.
 */
void bus_route_forget_recipients(struct bus_route *route)
{
	struct bus_recipient *to;

	for (to = route->to; to < route->to + route->nr; to++) {
		if (to->reserved)
			bus_queue_unreserve(to->sk, route->skb->truesize,
					    &to->bill);
		if (to->kick)
			af_bus_client_put(to->client);
		if (to->skb && to->skb != route->skb)
			__skb_queue_tail(&route->spare.skbs, to->skb);
	}
	route->nr = 0;
	route->asked = 0;
	route->missed = 0;
	route->kick = false;
}

/**
 * bus_route_reset() - prepare for an attempt
 * @route: route
 *
 * Gives back everything that the last attempt chose and set aside.
 *
 * Context: Under rcu_read_lock(), in which the recipients were added.
 */
void bus_route_reset(struct bus_route *route)
{
	bus_route_forget_recipients(route);
	bus_route_undecide(route);
}

/**
 * bus_route_free_spent() - drop descriptors that cannot be used again
 * @route: route, after an attempt
 *
 * Context: May sleep.
 */
void bus_route_free_spent(struct bus_route *route)
{
	struct scm_fp_list **spent = route->spare.fps + route->spare.nr_fps;

	while (route->spare.nr_spent)
		bus_scm_free_fds(spent[--route->spare.nr_spent]);
}

static void bus_route_free_spare(struct bus_route *route)
{
	struct bus_share *share, *next;
	struct sk_buff *skb;

	/* A clone that holds the message is of one who had no room. */
	while ((skb = __skb_dequeue(&route->spare.skbs))) {
		if (skb->destructor)
			kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
		else
			consume_skb(skb);
	}
	list_for_each_entry_safe(share, next, &route->spare.shares, link)
		kfree(share);
	while (route->spare.nr_fps)
		bus_scm_free_fds(route->spare.fps[--route->spare.nr_fps]);
	kvfree(route->spare.fps);
	if (route->fp)
		bus_scm_free_fds(route->fp);
}

static enum skb_drop_reason bus_route_drop_reason(const struct bus_route *route,
						  int err)
{
	switch (err) {
	case 0:
		if (route->nr)
			return SKB_DROP_REASON_SOCKET_RCVBUFF;
		return route->refused ?: SKB_DROP_REASON_NO_SOCKET;
	case -EPERM:
		return route->refused ?: SKB_DROP_REASON_NOT_SPECIFIED;
	case -ENOBUFS:
	case -EAGAIN:
	case -EINTR:
	case -ERESTARTSYS:
		return SKB_DROP_REASON_SOCKET_RCVBUFF;
	case -EHOSTUNREACH:
	case -EPIPE:
		return SKB_DROP_REASON_NO_SOCKET;
	case -ENOMEM:
	case -ETOOMANYREFS:
		return SKB_DROP_REASON_NOMEM;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}

/* Frees what no recipient took over. */
static void bus_route_drop(struct bus_route *route, int err)
{
	enum skb_drop_reason reason = bus_route_drop_reason(route, err);

	/* A send that succeeded has traced each recipient that lost the message. */
	if (err || (!route->nr && !route->refused))
		trace_bus_drop(route->bus, route->msg, BUS_MULTICAST(0),
			       reason);
	kfree_skb_reason(route->skb, reason);
	route->skb = NULL;
}

/**
 * bus_route_free() - a message was sent, or was not
 * @route: route
 * @err: which
 *
 * Context: May sleep.
 */
void bus_route_free(struct bus_route *route, int err)
{
	if (!skb_queue_empty(&route->spare.skbs) || route->fp ||
	    !list_empty(&route->spare.shares) || route->spare.fps)
		bus_route_free_spare(route);
	if (route->to != route->few)
		kvfree(route->to);
	if (route->coming_fds)
		atomic_long_sub(route->coming_fds,
				&bus_route_user(route)->descriptors);
	if (route->skb)
		bus_route_drop(route, err);
}

static int bus_route_prepare_recipients(struct bus_route *route)
{
	unsigned int max = route->want.recipients + route->want.recipients / 8;
	struct bus_recipient *to;

	if (route->want.recipients <= route->max)
		return 0;

	to = kvmalloc_array(max, sizeof(*to), GFP_KERNEL_ACCOUNT);
	if (!to)
		return -ENOMEM;

	if (route->to != route->few)
		kvfree(route->to);
	route->to = to;
	route->max = max;
	return 0;
}

static int bus_route_prepare_clones(struct bus_route *route)
{
	struct sk_buff *skb;

	while (skb_queue_len(&route->spare.skbs) < route->want.skbs) {
		skb = skb_clone(route->skb, GFP_KERNEL_ACCOUNT);
		if (!skb)
			return -ENOMEM;
		__skb_queue_tail(&route->spare.skbs, skb);
		cond_resched();
	}
	return 0;
}

/* Copies of descriptors are counted before they are made. */
static int bus_route_announce_fds(struct bus_route *route)
{
	unsigned long copies = route->want.fps + !bus_route_keeps_fds(route);
	unsigned long nr = copies * route->fp->count;
	int err;

	if (nr <= route->coming_fds)
		return 0;

	err = bus_scm_announce_fds(bus_route_user(route), route->fp,
				   nr - route->coming_fds);
	if (!err)
		route->coming_fds = nr;
	return err;
}

static int bus_route_prepare_fds(struct bus_route *route)
{
	struct scm_fp_list **spare, *fp;
	int err;

	if (route->spare.nr_fps >= route->want.fps)
		return 0;

	err = bus_route_announce_fds(route);
	if (err)
		return err;

	spare = kvrealloc(route->spare.fps,
			  array_size(route->want.fps, sizeof(*spare)),
			  GFP_KERNEL_ACCOUNT);
	if (!spare)
		return -ENOMEM;

	route->spare.fps = spare;
	while (route->spare.nr_fps < route->want.fps) {
		fp = bus_scm_dup_fds(route->fp);
		if (!fp)
			return -ENOMEM;
		spare[route->spare.nr_fps++] = fp;
		cond_resched();
	}
	return 0;
}

static int bus_route_prepare_shares(struct bus_route *route)
{
	struct bus_share *share;

	for (; route->want.shares; route->want.shares--) {
		share = kmalloc_obj(*share, GFP_KERNEL_ACCOUNT);
		if (!share)
			return -ENOMEM;
		list_add(&share->link, &route->spare.shares);
	}
	return 0;
}

/**
 * bus_route_prepare() - get what an attempt lacked
 * @route: route without recipients
 *
 * Context: May sleep.
 * Return: 0, -ENOMEM, -ETOOMANYREFS, or an error of bus_msg_add_creds().
 */
int bus_route_prepare(struct bus_route *route)
{
	int err;

	err = bus_route_prepare_recipients(route);
	if (!err)
		err = bus_route_prepare_clones(route);
	if (!err)
		err = bus_route_prepare_shares(route);
	if (!err && route->fp)
		err = bus_route_prepare_fds(route);
	if (!err && route->want.creds)
		err = bus_msg_add_creds(route->msg);
	return err;
}

static __always_inline struct bus_recipient *
__bus_route_new_recipient(struct bus_route *route, struct bus_client *client,
			  struct sock *sk)
{
	struct bus_recipient *to;

	if (route->nr == route->max) {
		route->missed++;
		return NULL;
	}

	to = &route->to[route->nr++];
	to->client = client;
	to->sk = sk;
	to->skb = NULL;
	to->bill = (struct bus_bill) {};
	to->is_master = false;
	to->eaves = false;
	to->fds = false;
	to->exempt = false;
	to->reserved = false;
	to->drop = false;
	to->kick = false;
	to->queued = false;
	return to;
}

/**
 * bus_route_new_recipient() - add a recipient
 * @route: route
 * @client: it
 * @sk: the one of its sockets that gets the message
 *
 * Context: Under rcu_read_lock().
 * Return: The recipient, or NULL if there is no place for it: to be prepared
 * for.
 */
struct bus_recipient *bus_route_new_recipient(struct bus_route *route,
					      struct bus_client *client,
				    struct sock *sk)
{
	return __bus_route_new_recipient(route, client, sk);
}

#ifdef CONFIG_NETFILTER
/**
 * bus_hook_run() - what do the hooks say?
 * @bus: bus, in whose namespace they run
 * @hook: %NF_BUS_SEND, or %NF_BUS_DELIVER for each recipient
 * @sk: sender, or recipient
 * @skb: message
 *
 * Verdicts other than NF_ACCEPT mean no. A hook may keep what it has stolen: the
 * data with its message, of which recipients get clones.
 *
 * Context: Under rcu_read_lock().
 * Return: true for yes.
 */
bool bus_hook_run(struct bus *bus, unsigned int hook, struct sock *sk,
		  struct sk_buff *skb)
{
	const struct nf_hook_entries *hooks;
	struct nf_hook_state state;
	unsigned int i, verdict;

	hooks = rcu_dereference(bus->net->nf.hooks_bus[hook]);
	if (!hooks)
		return true;

	nf_hook_state_init(&state, hook, NFPROTO_BUS, NULL, NULL, sk, bus->net,
			   NULL);
	for (i = 0; i < hooks->num_hook_entries; i++) {
		/* What a hook steals, it steals a reference to. A message does
		 * not wait for a verdict: NF_QUEUE is a refusal as any other.
		 */
		skb_get(skb);
		verdict = nf_hook_entry_hookfn(&hooks->hooks[i], skb, &state) &
			  NF_VERDICT_MASK;
		if (verdict != NF_STOLEN)
			refcount_dec(&skb->users);
		if (verdict != NF_ACCEPT)
			return false;
	}
	return true;
}
#endif

/* The message ends for a filter after BUS_FILTER_LEN bytes, which are linear, but
 * for its length. So a load never walks fragments, of which a large message has
 * thousands. Nobody else has this data yet.
 */
static u32 bus_filter_run(const struct sk_filter *filter, struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct sk_buff *frag_list = shinfo->frag_list;
	unsigned int data_len = skb->data_len;
	u8 nr_frags = shinfo->nr_frags;
	u32 verdict;

	if (skb->len <= BUS_FILTER_LEN)
		return bpf_prog_run_save_cb(filter->prog, skb);

	skb->data_len = skb->len - BUS_FILTER_LEN;
	shinfo->nr_frags = 0;
	shinfo->frag_list = NULL;
	verdict = bpf_prog_run_save_cb(filter->prog, skb);
	shinfo->frag_list = frag_list;
	shinfo->nr_frags = nr_frags;
	skb->data_len = data_len;
	return verdict;
}

/* As sk_filter(), but for what it does to packets: a message that others get as
 * well must not be trimmed. Security modules are asked by a hook that knows both
 * sides, instead of sock_rcv_skb.
 */
static noinline bool bus_filter_admits(const struct sk_filter *filter,
				       struct sock *sk, struct sk_buff *skb)
{
	struct sock *owner = skb->sk;
	bool admits;

	skb->sk = sk;
	admits = bus_filter_run(filter, skb);
	skb->sk = owner;
	return admits;
}

static noinline bool bus_recipient_refuses(struct bus_route *route,
					   struct bus_client *client,
				      const struct sock *sk,
				      enum skb_drop_reason reason)
{
	bus_count(client, BUS_STAT_FILTERED);
	route->refused = reason;
	bus_trace_drop(client, sk, route->msg, reason);
	return false;
}

/* Inlined where it runs for each client of a group. */
static __always_inline bool __bus_recipient_admits(struct bus_route *route,
						   struct bus_client *client,
					      struct sock *sk)
{
	const struct sk_filter *filter;
	enum skb_drop_reason reason;

	reason = SKB_DROP_REASON_SECURITY_HOOK;
	route->denied = security_bus_may_send(route->sk, sk, route->skb);
	if (unlikely(route->denied))
		goto refuse;

	reason = SKB_DROP_REASON_SOCKET_FILTER;
	filter = rcu_dereference(sk->sk_filter);
	if (filter && !bus_filter_admits(filter, sk, route->skb))
		goto refuse;

	reason = SKB_DROP_REASON_NETFILTER_DROP;
	if (!bus_hook(route->bus, NF_BUS_DELIVER, sk, route->skb))
		goto refuse;
	return true;

refuse:
	return bus_recipient_refuses(route, client, sk, reason);
}

/**
 * bus_recipient_admits() - does a recipient get the message?
 * @route: route
 * @client: recipient
 * @sk: the one of its sockets that would get it
 *
 * Context: Under rcu_read_lock().
 * Return: false if a filter, a hook or a security module says no; the error of
 * the latter is in route->denied.
 */
bool bus_recipient_admits(struct bus_route *route, struct bus_client *client,
			  struct sock *sk)
{
	return __bus_recipient_admits(route, client, sk);
}

/* The sender of a unicast is told that a security module denies it, by the daemon if
 * a protocol chose the recipient.
 */
static void bus_route_deny(struct bus_route *route)
{
	if (!route->denied || route->multicast)
		return;
	if (bus_route_by_proto(route))
		route->reason = BUS_REASON_DENIED;
	else
		route->err = route->denied;
}

/**
 * bus_route_may_ask() - count one more client that a message is meant for
 * @route: route
 *
 * The time that a message takes in one read section grows with the number of
 * clients.
 *
 * Context: Under rcu_read_lock().
 * Return: false if there are too many.
 */
bool bus_route_may_ask(struct bus_route *route)
{
	return route->asked++ < READ_ONCE(route->bus->limits->max_recipients);
}

/* If a protocol chose them, the master may know what to do. */
static void bus_route_too_many(struct bus_route *route)
{
	if (route->bus->proto && !route->from_master)
		route->reason = BUS_REASON_RECIPIENTS;
	else
		route->err = -E2BIG;
}

static __always_inline void __bus_route_add(struct bus_route *route,
					    struct bus_client *client)
{
	struct sock *sk = rcu_dereference(client->sk);

	route->decided = true;
	if (route->reason || route->forced)
		return;

	if (!bus_route_may_ask(route)) {
		bus_route_too_many(route);
		return;
	}
	if (!sk || (!READ_ONCE(client->joined) && !route->from_master)) {
		if (!route->multicast)
			route->reason = BUS_REASON_NO_OWNER;
		return;
	}
	if (!route->from_master &&
	    (READ_ONCE(client->flags) & BUS_F_VIA_MASTER)) {
		route->reason = BUS_REASON_VIA_MASTER;
		return;
	}
	if (likely(__bus_recipient_admits(route, client, sk)))
		__bus_route_new_recipient(route, client, sk);
	else
		bus_route_deny(route);
}

/**
 * af_bus_route_add() - choose a recipient
 * @route: route
 * @client: recipient; one that is leaving is passed over
 *
 * No client gets a copy if the message goes to the master in the end.
 *
 * Context: Under rcu_read_lock().
 */
void af_bus_route_add(struct bus_route *route, struct bus_client *client)
{
	__bus_route_add(route, client);
}
EXPORT_SYMBOL_GPL(af_bus_route_add);

static int bus_recipient_cmp(const void *a, const void *b)
{
	const struct bus_recipient *x = a, *y = b;

	return x->client < y->client ? -1 : x->client > y->client;
}

static void bus_route_sort_from(struct bus_route *route, unsigned int first)
{
	sort(route->to + first, route->nr - first, sizeof(*route->to),
	     bus_recipient_cmp, NULL);
}

/**
 * bus_route_sort() - let recipients be found by bus_route_has()
 * @route: route to which recipients have been added, and nothing else
 *
 * Context: Under rcu_read_lock().
 */
void bus_route_sort(struct bus_route *route)
{
	bus_route_sort_from(route, 0);
}

/**
 * bus_route_has() - is a client one of the first recipients?
 * @route: route
 * @nr: so many have been sorted
 * @client: client
 *
 * Context: Under rcu_read_lock().
 * Return: true if it is.
 */
bool bus_route_has(const struct bus_route *route, unsigned int nr,
		   const struct bus_client *client)
{
	struct bus_recipient key = { .client = (struct bus_client *)client };

	return bsearch(&key, route->to, nr, sizeof(key), bus_recipient_cmp);
}

/**
 * bus_route_uniq() - one copy for each recipient, however often it was chosen
 * @route: route to which recipients have been added, and nothing else
 * @first: where to begin
 *
 * Context: Under rcu_read_lock().
 */
void bus_route_uniq(struct bus_route *route, unsigned int first)
{
	struct bus_recipient *to, *last = route->to + first;

	if (route->nr < first + 2)
		return;

	bus_route_sort_from(route, first);
	for (to = last + 1; to < route->to + route->nr; to++)
		if (to->client != last->client)
			*++last = *to;
	route->nr = last - route->to + 1;
}

/**
 * bus_route_add_group() - choose everyone who has an address with a prefix
 * @route: route
 * @prefix: prefix
 *
 * Context: Under rcu_read_lock().
 */
void bus_route_add_group(struct bus_route *route, u16 prefix)
{
	struct bus_group *group = bus_group_find(route->bus, prefix);
	struct bus_member *member;
	unsigned int additions;

	route->multicast = true;
	route->decided = true;
	if (!group)
		return;

	/* Pairs with the release of the count in bus_group_link(). */
	additions = smp_load_acquire(&group->additions);
	list_for_each_entry_rcu(member, &group->members, group_link) {
		if (route->err)
			return;
		if (READ_ONCE(member->client->joined))
			__bus_route_add(route, member->client);
	}
	/* Pairs with the release of the member in bus_group_link(). */
	smp_rmb();
	if (READ_ONCE(group->additions) != additions)
		bus_route_uniq(route, 0);
}

/**
 * af_bus_route_master() - choose the master
 * @route: route
 * @reason: why
 *
 * Context: Under rcu_read_lock().
 */
void af_bus_route_master(struct bus_route *route, u32 reason)
{
	route->decided = true;
	route->reason = reason;
}
EXPORT_SYMBOL_GPL(af_bus_route_master);

/**
 * af_bus_route_set_flags() - tell the master more than the reason
 * @route: route
 * @flags: of the protocol
 */
void af_bus_route_set_flags(struct bus_route *route, u32 flags)
{
	route->flags = flags;
}
EXPORT_SYMBOL_GPL(af_bus_route_set_flags);

/**
 * af_bus_route_reason() - does the message go to the master anyway?
 * @route: route
 *
 * Return: The reason, or %BUS_REASON_NONE.
 */
u32 af_bus_route_reason(const struct bus_route *route)
{
	return route->reason ?: route->forced;
}
EXPORT_SYMBOL_GPL(af_bus_route_reason);

/**
 * af_bus_route_denies() - does a security module deny a recipient the message?
 * @route: route
 * @client: recipient of a message that goes to the master for another reason
 *
 * The master must not deliver what the sender could not.
 *
 * Context: Under rcu_read_lock().
 * Return: true if it does.
 */
bool af_bus_route_denies(struct bus_route *route, struct bus_client *client)
{
	struct sock *sk = rcu_dereference(client->sk);

	return sk && security_bus_may_send(route->sk, sk, route->skb);
}
EXPORT_SYMBOL_GPL(af_bus_route_denies);

/**
 * af_bus_route_multicast() - the message is a multicast, be it to nobody
 * @route: route without recipients
 */
void af_bus_route_multicast(struct bus_route *route)
{
	route->multicast = true;
	route->decided = true;
}
EXPORT_SYMBOL_GPL(af_bus_route_multicast);

void __bus_route_settle(struct bus_route *route, bool staged)
{
	struct bus_msg *msg = route->msg;
	u32 parsed = msg->hand_over;

	route->routed = false;
	msg->hand_over = route->reason;
	route->bus->proto->settle(route->src, msg, staged);
	msg->hand_over = parsed;
}
