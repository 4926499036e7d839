// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: from recipients to their queues
 *
 * An attempt to deliver a message runs under rcu_read_lock() from the first
 * look-up to the commit and does not sleep: so bus_synchronize() waits for
 * decisions taken by an old state of the bus. What has to sleep, for memory or
 * for room, ends the attempt; afterwards everything is decided again.
 */

#include <linux/filter.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "bus.h"

/* Internal result: go to the master instead. */
#define BUS_TO_MASTER	3

void bus_route_init(struct bus_route *route)
{
	__skb_queue_head_init(&route->spare);
	route->rcpt = route->few;
	route->max = ARRAY_SIZE(route->few);
}

static void bus_route_forget_rcpts(struct bus_route *route)
{
	struct bus_rcpt *rcpt;

	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++) {
		if (rcpt->reserved)
			bus_queue_unreserve(rcpt->sk, route->skb->truesize);
		if (rcpt->kick)
			bus_client_put(rcpt->client);
		if (rcpt->skb && rcpt->skb != route->skb)
			__skb_queue_tail(&route->spare, rcpt->skb);
	}
	route->nr = 0;
	route->missed = 0;
}

/**
 * bus_route_reset() - prepare for an attempt
 * @route: route
 *
 * What the last attempt chose and set aside is given back.
 *
 * Context: Under rcu_read_lock(), in which the recipients were added.
 */
void bus_route_reset(struct bus_route *route)
{
	bus_route_forget_rcpts(route);
	route->multicast = false;
	route->decided = false;
	route->reason = BUS_REASON_NONE;
	route->forced = BUS_REASON_NONE;
	route->flags = 0;
	route->err = 0;
}

void bus_route_free(struct bus_route *route)
{
	unsigned int i;

	/* Copies of those who had no room. */
	for (i = 0; i < route->nr; i++)
		if (route->rcpt[i].skb != route->skb)
			kfree_skb(route->rcpt[i].skb);
	__skb_queue_purge(&route->spare);
	while (route->nr_spare_fp)
		bus_scm_free_fds(route->spare_fp[--route->nr_spare_fp]);
	kfree(route->spare_fp);
	if (route->rcpt != route->few)
		kvfree(route->rcpt);
	kfree_skb(route->skb);
	if (route->fp)
		bus_scm_free_fds(route->fp);
}

static int bus_route_prepare_rcpts(struct bus_route *route)
{
	unsigned int max = route->want + route->want / 8;
	struct bus_rcpt *rcpt;

	if (route->want <= route->max)
		return 0;

	rcpt = kvmalloc_array(max, sizeof(*rcpt), GFP_KERNEL_ACCOUNT);
	if (!rcpt)
		return -ENOMEM;

	if (route->rcpt != route->few)
		kvfree(route->rcpt);
	route->rcpt = rcpt;
	route->max = max;
	return 0;
}

static int bus_route_prepare_clones(struct bus_route *route)
{
	struct sk_buff *skb;

	while (skb_queue_len(&route->spare) < route->want_skb) {
		skb = skb_clone(route->skb, GFP_KERNEL_ACCOUNT);
		if (!skb)
			return -ENOMEM;
		__skb_queue_tail(&route->spare, skb);
		cond_resched();
	}
	return 0;
}

static int bus_route_prepare_fds(struct bus_route *route)
{
	struct scm_fp_list **spare, *fp;
	int err;

	if (route->nr_spare_fp >= route->want_fp)
		return 0;

	err = bus_scm_check_fds(route->fp, route->want_fp - route->nr_spare_fp);
	if (err)
		return err;

	spare = krealloc_array(route->spare_fp, route->want_fp, sizeof(*spare),
			       GFP_KERNEL_ACCOUNT);
	if (!spare)
		return -ENOMEM;

	route->spare_fp = spare;
	while (route->nr_spare_fp < route->want_fp) {
		fp = scm_fp_dup(route->fp);
		if (!fp)
			return -ENOMEM;
		bus_scm_charge_fds(fp);
		spare[route->nr_spare_fp++] = fp;
		cond_resched();
	}
	return 0;
}

/**
 * bus_route_prepare() - get the memory that an attempt lacked
 * @route: route without recipients
 *
 * Context: May sleep.
 * Return: 0, -ENOMEM, -ETOOMANYREFS.
 */
int bus_route_prepare(struct bus_route *route)
{
	int err;

	err = bus_route_prepare_rcpts(route);
	if (!err)
		err = bus_route_prepare_clones(route);
	if (!err && route->fp)
		err = bus_route_prepare_fds(route);
	return err;
}

static struct bus_rcpt *bus_route_new_rcpt(struct bus_route *route,
					   struct bus_client *client,
					   struct sock *sk)
{
	struct bus_rcpt *rcpt;

	if (route->nr == route->max) {
		route->missed++;
		return NULL;
	}

	rcpt = &route->rcpt[route->nr++];
	memset(rcpt, 0, sizeof(*rcpt));
	rcpt->client = client;
	rcpt->sk = sk;
	return rcpt;
}

/* A filter must not trim what others get as well. */
static bool bus_rcpt_admits(struct bus_route *route, struct bus_client *client,
			    struct sock *sk)
{
	if (!sk_filter_trim_cap(sk, route->skb, route->skb->len) &&
	    bus_hook_deliver(route->bus, sk, route->skb))
		return true;

	bus_count(client, BUS_STAT_FILTERED);
	return false;
}

/**
 * bus_route_add() - choose a recipient
 * @route: route
 * @client: recipient; one who is leaving is passed over
 *
 * Nobody gets anything if the message goes to the master in the end.
 *
 * Context: Under rcu_read_lock().
 */
void bus_route_add(struct bus_route *route, struct bus_client *client)
{
	struct sock *sk = rcu_dereference(client->sk);

	route->decided = true;
	if (route->reason || route->forced)
		return;

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
	if (bus_rcpt_admits(route, client, sk))
		bus_route_new_rcpt(route, client, sk);
}
EXPORT_SYMBOL_GPL(bus_route_add);

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

	route->multicast = true;
	route->decided = true;
	if (!group)
		return;

	list_for_each_entry_rcu(member, &group->members, group_link)
		if (READ_ONCE(member->client->joined))
			bus_route_add(route, member->client);
}

static int bus_rcpt_cmp(const void *a, const void *b)
{
	const struct bus_rcpt *x = a, *y = b;

	return x->client < y->client ? -1 : x->client > y->client;
}

/**
 * bus_route_uniq() - one copy for each recipient, however often it was chosen
 * @route: route to which recipients have been added, and nothing else
 *
 * Context: Under rcu_read_lock().
 */
void bus_route_uniq(struct bus_route *route)
{
	struct bus_rcpt *rcpt, *last = route->rcpt;

	if (route->nr < 2)
		return;

	sort(route->rcpt, route->nr, sizeof(*rcpt), bus_rcpt_cmp, NULL);
	for (rcpt = last + 1; rcpt < route->rcpt + route->nr; rcpt++)
		if (rcpt->client != last->client)
			*++last = *rcpt;
	route->nr = last - route->rcpt + 1;
}

/**
 * bus_route_master() - choose the master
 * @route: route
 * @reason: why
 *
 * Context: Under rcu_read_lock().
 */
void bus_route_master(struct bus_route *route, u32 reason)
{
	route->decided = true;
	route->reason = reason;
}
EXPORT_SYMBOL_GPL(bus_route_master);

/**
 * bus_route_set_flags() - tell the master more than the reason
 * @route: route
 * @flags: of the protocol
 */
void bus_route_set_flags(struct bus_route *route, u32 flags)
{
	route->flags = flags;
}
EXPORT_SYMBOL_GPL(bus_route_set_flags);

/**
 * bus_route_reason() - does the message go to the master anyway?
 * @route: route
 *
 * Return: The reason, or %BUS_REASON_NONE.
 */
u32 bus_route_reason(const struct bus_route *route)
{
	return route->reason ?: route->forced;
}
EXPORT_SYMBOL_GPL(bus_route_reason);

/**
 * bus_route_multicast() - the message is a multicast, be it to nobody
 * @route: route without recipients
 */
void bus_route_multicast(struct bus_route *route)
{
	route->multicast = true;
	route->decided = true;
}
EXPORT_SYMBOL_GPL(bus_route_multicast);

/**
 * bus_route_settle() - tell the protocol what became of its decision
 * @route: route
 * @staged: the message goes where it was routed to
 *
 * Context: Under rcu_read_lock().
 */
void bus_route_settle(struct bus_route *route, bool staged)
{
	struct bus_msg *msg = route->msg;
	u32 parsed = msg->hand_over;

	if (!route->routed)
		return;

	route->routed = false;
	msg->hand_over = route->reason;
	route->bus->proto->settle(route->src, msg, staged);
	msg->hand_over = parsed;
}

static bool bus_route_has(const struct bus_route *route,
			  const struct bus_client *client)
{
	unsigned int i;

	for (i = 0; i < route->nr; i++)
		if (route->rcpt[i].client == client && !route->rcpt[i].to_master)
			return true;
	return false;
}

static void bus_route_add_eavesdroppers(struct bus_route *route)
{
	struct bus_client *client;
	struct bus_rcpt *rcpt;
	struct sock *sk;

	if (!route->joined)
		return;

	list_for_each_entry_rcu(client, &route->bus->eavesdroppers,
				eaves_link) {
		sk = rcu_dereference(client->sk);
		if (!sk || bus_route_has(route, client) ||
		    !bus_rcpt_admits(route, client, sk))
			continue;
		rcpt = bus_route_new_rcpt(route, client, sk);
		if (rcpt)
			rcpt->eaves = true;
	}
}

static int bus_route_to_master(struct bus_route *route)
{
	struct bus_client *src = route->src;
	struct bus_rcpt *rcpt;
	struct sock *sk;

	bus_route_forget_rcpts(route);
	route->multicast = false;
	sk = rcu_dereference(src->master_sk);
	if (!sk)
		return -EPIPE;

	if (bus_rcpt_admits(route, src, sk)) {
		rcpt = bus_route_new_rcpt(route, src, sk);
		rcpt->to_master = true;
	}
	return 0;
}

/* Memory. */

static int bus_route_clone(struct bus_route *route)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT;
	struct bus_rcpt *rcpt;

	if (route->missed) {
		route->want = route->nr + route->missed;
		return BUS_NEED_MEMORY;
	}

	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++) {
		if (rcpt == route->rcpt)
			rcpt->skb = route->skb;
		else
			rcpt->skb = __skb_dequeue(&route->spare) ?:
				    skb_clone(route->skb, gfp);
		if (!rcpt->skb) {
			route->want_skb = route->nr - 1;
			return BUS_NEED_MEMORY;
		}
	}
	return 0;
}

static bool bus_rcpt_wants_fds(const struct bus_route *route,
			       const struct bus_rcpt *rcpt)
{
	return rcpt->to_master || (!route->multicast && !rcpt->eaves) ||
	       READ_ONCE(bus_sk(rcpt->sk)->recv_rights);
}

static int bus_route_count_fds(struct bus_route *route)
{
	unsigned int i, n = 0;

	if (!route->fp)
		return 0;

	for (i = 0; i < route->nr; i++)
		n += bus_rcpt_wants_fds(route, &route->rcpt[i]);
	if (n <= route->nr_spare_fp + 1)
		return 0;

	route->want_fp = n - 1;
	return BUS_NEED_MEMORY;
}

/* Room. */

static u32 bus_rcpt_policy(const struct bus_route *route,
			   const struct bus_rcpt *rcpt)
{
	u32 policy;

	if (rcpt->to_master)
		return BUS_OVERFLOW_BLOCK;
	if (rcpt->eaves)
		return BUS_OVERFLOW_DROP;

	policy = route->multicast ?
		 READ_ONCE(rcpt->client->overflow_multicast) :
		 READ_ONCE(rcpt->client->overflow_unicast);
	if (policy == BUS_OVERFLOW_MASTER && route->from_master)
		return BUS_OVERFLOW_BLOCK;
	return policy;
}

static int bus_route_block(struct bus_route *route, struct bus_rcpt *rcpt)
{
	if (!refcount_inc_not_zero(&rcpt->sk->sk_refcnt))
		return BUS_LOST_RACE;

	route->blocked = rcpt->sk;
	route->need = route->skb->truesize;
	return -EAGAIN;
}

static int bus_rcpt_full(struct bus_route *route, struct bus_rcpt *rcpt)
{
	switch (bus_rcpt_policy(route, rcpt)) {
	case BUS_OVERFLOW_REJECT:
		return -ENOBUFS;
	case BUS_OVERFLOW_DROP:
		rcpt->drop = true;
		return 0;
	case BUS_OVERFLOW_DISCONNECT:
		rcpt->drop = true;
		rcpt->kick = true;
		bus_client_get(rcpt->client);
		return 0;
	case BUS_OVERFLOW_MASTER:
		route->reason = BUS_REASON_FULL;
		return BUS_TO_MASTER;
	default:
		return bus_route_block(route, rcpt);
	}
}

static int bus_rcpt_closed(struct bus_route *route, struct bus_rcpt *rcpt)
{
	if (route->multicast || rcpt->eaves) {
		rcpt->drop = true;
		return 0;
	}
	/* On its own link the sender learns it; anybody else is gone. */
	if (rcpt->client == route->src)
		return -EPIPE;
	return BUS_LOST_RACE;
}

static int bus_rcpt_no_room(struct bus_route *route, struct bus_rcpt *rcpt,
			    int err)
{
	if (err == -EAGAIN)
		return bus_rcpt_full(route, rcpt);
	return bus_rcpt_closed(route, rcpt);
}

/* Whoever may lose the message needs no room in advance. */
static int bus_route_reserve(struct bus_route *route)
{
	struct bus_rcpt *rcpt;
	int err;

	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++) {
		if (bus_rcpt_policy(route, rcpt) == BUS_OVERFLOW_DROP)
			continue;
		err = bus_queue_reserve(rcpt->sk, route->skb->truesize);
		if (!err)
			rcpt->reserved = true;
		else
			err = bus_rcpt_no_room(route, rcpt, err);
		if (err)
			return err;
	}
	return 0;
}

/* Staging. */

static struct scm_fp_list *bus_route_take_fds(struct bus_route *route)
{
	struct scm_fp_list *fp = route->fp;

	if (route->nr_spare_fp)
		return route->spare_fp[--route->nr_spare_fp];
	route->fp = NULL;
	return fp;
}

static void bus_rcpt_dress(struct bus_route *route, struct bus_rcpt *rcpt)
{
	struct bus_skb_cb *cb = bus_cb(rcpt->skb);

	cb->msg = route->msg;
	cb->fp = NULL;
	cb->reason = BUS_REASON_NONE;
	cb->flags = 0;
	cb->ctrunc = false;
	if (rcpt->to_master && route->joined) {
		cb->reason = route->reason;
		cb->flags = route->flags;
	}
	if (route->msg->nr_fds) {
		if (bus_rcpt_wants_fds(route, rcpt))
			cb->fp = bus_route_take_fds(route);
		else
			cb->ctrunc = true;
	}
	bus_msg_own(rcpt->skb);
}

static void bus_rcpt_undress(struct bus_route *route, struct bus_rcpt *rcpt)
{
	rcpt->skb->destructor = NULL;
	bus_msg_put(route->msg);
	if (bus_cb(rcpt->skb)->fp)
		route->fp = bus_cb(rcpt->skb)->fp;
	bus_cb(rcpt->skb)->fp = NULL;
}

static int bus_rcpt_stage(struct bus_route *route, struct bus_rcpt *rcpt)
{
	bool reserved = rcpt->reserved;
	int err;

	err = bus_queue_add(rcpt->sk, rcpt->skb, reserved);
	rcpt->reserved = false;
	if (!err) {
		if (rcpt->skb == route->skb)
			route->skb = NULL;
		rcpt->skb = NULL;
		rcpt->queued = true;
	}
	return err;
}

static void bus_rcpt_count(struct bus_route *route, struct bus_rcpt *rcpt)
{
	if (rcpt->to_master)
		bus_count(rcpt->client, BUS_STAT_HANDOVERS);
	else if (route->from_master)
		bus_count(rcpt->client, BUS_STAT_FROM_MASTER);
	else
		bus_count(rcpt->client, BUS_STAT_COPIES);
}

static void bus_route_finish(struct bus_route *route)
{
	struct bus_rcpt *rcpt;

	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++) {
		if (rcpt->queued) {
			bus_rcpt_count(route, rcpt);
			rcpt->sk->sk_data_ready(rcpt->sk);
		} else if (rcpt->drop) {
			bus_count(rcpt->client, BUS_STAT_LOST);
			bus_queue_lose(rcpt->sk);
		}
	}
	if (route->from_master || route->reason)
		return;
	bus_count(route->src, route->multicast ? BUS_STAT_MULTICASTS :
						 BUS_STAT_UNICASTS);
}

static void bus_route_commit(struct bus_route *route)
{
	/* Pairs with the acquire in bus_queue_first(). */
	smp_store_release(&route->msg->committed, true);
}

static int bus_route_stage_one(struct bus_route *route)
{
	struct bus_rcpt *rcpt = route->rcpt;
	int err;

	bus_rcpt_dress(route, rcpt);
	err = bus_rcpt_stage(route, rcpt);
	if (err) {
		bus_rcpt_undress(route, rcpt);
		err = bus_rcpt_no_room(route, rcpt, err);
		if (err)
			return err;
	}
	bus_route_settle(route, true);
	bus_route_commit(route);
	return 0;
}

static int bus_route_stage_many(struct bus_route *route)
{
	struct bus *bus = route->bus;
	struct bus_rcpt *rcpt;
	int err;

	err = bus_route_reserve(route);
	if (err)
		return err;

	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++)
		if (!rcpt->drop)
			bus_rcpt_dress(route, rcpt);
	bus_route_settle(route, true);

	spin_lock(&bus->order_lock);
	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++)
		if (!rcpt->drop && bus_rcpt_stage(route, rcpt))
			rcpt->drop = true;
	bus_route_commit(route);
	spin_unlock(&bus->order_lock);
	return 0;
}

static int bus_route_stage(struct bus_route *route)
{
	int err;

	err = bus_route_clone(route);
	if (!err)
		err = bus_route_count_fds(route);
	if (err)
		return err;

	if (route->nr == 1 && !route->multicast)
		return bus_route_stage_one(route);
	return bus_route_stage_many(route);
}

/* The master may acknowledge a hand-over as soon as it sees it. */
static int bus_route_stage_master(struct bus_route *route)
{
	struct bus_client *src = route->src;
	bool counts;
	int err;

	err = bus_route_to_master(route);
	if (err)
		return err;

	counts = route->nr && route->joined &&
		 (READ_ONCE(route->bus->flags) & BUS_F_ORDERED);
	bus_route_add_eavesdroppers(route);
	if (counts)
		atomic_inc(&src->unacked);
	err = bus_route_stage(route);
	if (err && counts)
		atomic_dec(&src->unacked);
	return err;
}

/**
 * bus_route_deliver() - carry out what was decided
 * @route: route with recipients
 *
 * Context: Under rcu_read_lock(), in which it was decided.
 * Return: 0 if the message is delivered; an error of send(); -EAGAIN with
 * route->blocked if the sender has to wait; %BUS_NEED_MEMORY or
 * %BUS_LOST_RACE.
 */
int bus_route_deliver(struct bus_route *route)
{
	int err = 0;

	if (route->err)
		return route->err;
	if (!route->reason)
		route->reason = route->forced;
	if (!route->reason && !route->decided && !route->from_master)
		route->reason = BUS_REASON_UNROUTED;

	if (!route->reason) {
		bus_route_add_eavesdroppers(route);
		err = bus_route_stage(route);
	}
	if (err == BUS_TO_MASTER || (!err && route->reason))
		err = bus_route_stage_master(route);
	if (!err)
		bus_route_finish(route);
	return err;
}

/**
 * bus_route_kick() - disconnect those who are to be disconnected
 * @route: route of a message that was delivered
 *
 * Context: May sleep.
 */
void bus_route_kick(struct bus_route *route)
{
	struct bus_rcpt *rcpt;

	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++) {
		if (!rcpt->kick)
			continue;
		bus_client_disconnect(rcpt->client);
		bus_client_put(rcpt->client);
		rcpt->kick = false;
	}
}
