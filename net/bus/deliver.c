// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: from recipients to their queues
 *
 * Everything here runs in the attempt that chose the recipients, see route.c.
 */

#include <linux/slab.h>
#include <trace/events/bus.h>
#include "bus.h"
#include "client.h"
#include "msg.h"
#include "queue.h"
#include "route.h"
#include "sock.h"
#include "trace.h"
#include "user.h"

static void bus_route_add_eavesdropper(struct bus_route *route,
				       struct bus_client *client)
{
	struct sock *sk = rcu_dereference(client->sk);
	struct bus_recipient *to;

	if (!bus_route_may_ask(route)) {
		route->err = -E2BIG;
		return;
	}
	if (!sk || !bus_recipient_admits(route, client, sk))
		return;
	to = bus_route_new_recipient(route, client, sk);
	if (to)
		to->eaves = true;
}

static noinline int __bus_route_add_eavesdroppers(struct bus_route *route)
{
	struct bus_eaves *eaves;
	unsigned int first = route->nr, nr = 0;

	if (!route->joined)
		return 0;

	/* The master's socket is not that of its client, which may eavesdrop. */
	if (!route->nr || !route->to->is_master) {
		bus_route_sort(route);
		nr = route->nr;
	}
	list_for_each_entry_rcu(eaves, &route->bus->eavesdroppers, link) {
		if (!bus_route_has(route, nr, eaves->client))
			bus_route_add_eavesdropper(route, eaves->client);
		if (route->err)
			return route->err;
	}
	/* One that stopped and began again meanwhile is met twice. */
	bus_route_uniq(route, first);
	return 0;
}

/* Most buses have none. */
static int bus_route_add_eavesdroppers(struct bus_route *route)
{
	if (list_empty(&route->bus->eavesdroppers))
		return 0;
	return __bus_route_add_eavesdroppers(route);
}

static int bus_route_to_master(struct bus_route *route)
{
	struct bus_client *src = route->src;
	struct bus_recipient *to;
	struct sock *sk;

	bus_route_forget_recipients(route);
	route->multicast = false;
	sk = rcu_dereference(src->master_sk);
	if (!sk)
		return -EPIPE;

	if (!bus_recipient_admits(route, src, sk))
		return route->denied;

	to = bus_route_new_recipient(route, src, sk);
	to->is_master = true;
	return 0;
}

/* Memory. */

static int bus_recipient_clone(struct bus_route *route,
			       struct bus_recipient *to)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT;

	if (unlikely(!skb_queue_empty(&route->spare.skbs)))
		to->skb = __skb_dequeue(&route->spare.skbs);
	else
		to->skb = skb_clone(route->skb, gfp);
	if (likely(to->skb))
		return 0;

	route->want.skbs = route->nr - (route->to->skb == route->skb);
	return BUS_NEED_MEMORY;
}

/* As on AF_UNIX, a recipient that asks for credentials later finds none in the
 * messages that are queued. They are taken between attempts, as that may sleep;
 * where a recipient has asked, other senders take them before the first one.
 */
static bool bus_recipient_lacks_creds(struct bus_route *route,
				      const struct bus_recipient *to)
{
	if (route->msg->pid || likely(!bus_scm_takes_creds(to->sk)))
		return false;

	/* A socket that has not been accepted yet has not asked. */
	if (READ_ONCE(to->sk->sk_socket))
		WRITE_ONCE(route->bus->takes_creds, true);
	route->want.creds = true;
	return true;
}

static bool bus_recipient_wants_fds(const struct bus_route *route,
				    const struct bus_recipient *to)
{
	return to->is_master || (!route->multicast && !to->eaves) ||
	       (READ_ONCE(bus_sk(to->sk)->recv_rights) &&
		scm_takes_rights(to->sk));
}

static int bus_route_count_fds(struct bus_route *route)
{
	struct bus_recipient *to, *end = route->to + route->nr;
	unsigned int n = 0;

	for (to = route->to; to < end; to++) {
		to->fds = bus_recipient_wants_fds(route, to);
		n += to->fds;
		if (!to->fds || scm_takes_rights(to->sk))
			continue;
		/* A sender that did not choose the recipient gets no error for
		 * the recipient's own settings.
		 */
		if (to->is_master || !bus_route_by_proto(route))
			return -EPERM;
		route->reason = route->bus->proto->rights_reason;
		return BUS_TO_MASTER;
	}
	if (n <= route->spare.nr_fps + !bus_route_keeps_fds(route))
		return 0;

	route->want.fps = n - !bus_route_keeps_fds(route);
	return BUS_NEED_MEMORY;
}

/* Room. */

static __always_inline u32 bus_recipient_policy(const struct bus_route *route,
						const struct bus_recipient *to)
{
	u32 policy;

	if (to->is_master)
		return BUS_OVERFLOW_BLOCK;
	if (to->eaves)
		return BUS_OVERFLOW_DROP;

	policy = route->multicast ?
		 READ_ONCE(to->client->overflow_multicast) :
		 READ_ONCE(to->client->overflow_unicast);
	if (policy == BUS_OVERFLOW_MASTER && route->from_master)
		return BUS_OVERFLOW_BLOCK;
	/* A sender that waits for itself may wait for ever. */
	if (policy == BUS_OVERFLOW_BLOCK && route->multicast &&
	    !route->from_master && to->client == route->src)
		return BUS_OVERFLOW_DROP;
	return policy;
}

/* Does the message need no share of a queue? That of an accepted socket is for
 * one client alone.
 */
static bool bus_recipient_exempt(const struct bus_route *route,
				 const struct bus_recipient *to)
{
	return route->from_master || to->is_master ||
	       (to->client->user == route->src->user &&
		uid_eq(to->client->uid, route->src->uid));
}

static int bus_route_block(struct bus_route *route, struct bus_recipient *to)
{
	if (!refcount_inc_not_zero(&to->sk->sk_refcnt))
		return BUS_LOST_RACE;

	route->blocked = to->sk;
	route->need.exempt = to->exempt;
	route->need.reroutes = READ_ONCE(bus_sk(to->sk)->reroutes);
	return -EAGAIN;
}

static int bus_route_full(struct bus_route *route)
{
	route->reason = BUS_REASON_FULL;
	return BUS_TO_MASTER;
}

/* Not an error of a sender that did not choose the recipient. */
static int bus_route_reject(struct bus_route *route)
{
	return bus_route_by_proto(route) ? bus_route_full(route) : -ENOBUFS;
}

/* A user may have to pay for many copies of one message. Does it lack what this
 * attempt itself has set aside for others of them?
 */
static bool bus_recipient_rivals(const struct bus_route *route,
				 const struct bus_recipient *to, int err)
{
	const struct bus_recipient *rival;

	if (err != -ENOSPC && err != BUS_USER_UNSETTLED)
		return false;
	for (rival = route->to; rival < to; rival++)
		if (rival->reserved && rival->bill.due &&
		    rival->client->user == to->client->user)
			return true;
	return false;
}

static int bus_recipient_full(struct bus_route *route, struct bus_recipient *to,
			      int err)
{
	u32 policy = bus_recipient_policy(route, to);

	/* To wait, having given everything back, would be in vain. */
	if (bus_recipient_rivals(route, to, err)) {
		err = -ENOSPC;
		if (policy == BUS_OVERFLOW_BLOCK)
			policy = BUS_OVERFLOW_REJECT;
	}
	/* An attempt that sets room aside may still fail. Until it ends, no
	 * other sender may take a decision because of that room which cannot be
	 * undone.
	 */
	if (policy != BUS_OVERFLOW_BLOCK && !to->eaves &&
	    (err == BUS_UNSETTLED || err == BUS_USER_UNSETTLED))
		return BUS_UNSETTLED;

	switch (policy) {
	case BUS_OVERFLOW_REJECT:
		return bus_route_reject(route);
	case BUS_OVERFLOW_DROP:
		to->drop = true;
		return 0;
	case BUS_OVERFLOW_DISCONNECT:
		/* A sender over its share must not get the recipient
		 * disconnected, nor must the recipient's user who does not
		 * read elsewhere.
		 */
		if (err == -EAGAIN) {
			to->kick = true;
			route->kick = true;
			af_bus_client_get(to->client);
		} else if (!route->multicast) {
			return bus_route_reject(route);
		}
		to->drop = true;
		return 0;
	case BUS_OVERFLOW_MASTER:
		return bus_route_full(route);
	default:
		return bus_route_block(route, to);
	}
}

static int bus_recipient_closed(struct bus_route *route,
				struct bus_recipient *to)
{
	if (route->multicast || to->eaves) {
		to->drop = true;
		return 0;
	}
	/* On its own link the sender learns it; anybody else is gone. */
	if (to->client == route->src)
		return -EPIPE;
	return BUS_LOST_RACE;
}

static int bus_recipient_no_room(struct bus_route *route,
				 struct bus_recipient *to, int err)
{
	switch (err) {
	case -EAGAIN:
	case -EDQUOT:
	case -ENOSPC:
	case BUS_UNSETTLED:
	case BUS_USER_UNSETTLED:
		return bus_recipient_full(route, to, err);
	case BUS_NEED_MEMORY:
		route->want.shares = route->nr;
		return err;
	default:
		return bus_recipient_closed(route, to);
	}
}

/* Has the message to get in line behind others that wait? */
static noinline bool __bus_recipient_lines_up(struct bus_route *route,
					      const struct bus_recipient *to)
{
	if (bus_recipient_policy(route, to) != BUS_OVERFLOW_BLOCK)
		return false;

	route->need.exempt = to->exempt;
	return route->turn != to->sk &&
	       !bus_line_is_open(to->sk, route->sk,
				 bus_need_line(&route->need)) &&
	       !bus_block_has_turn(route->sk, to->sk);
}

static bool bus_recipient_lines_up(struct bus_route *route,
				   const struct bus_recipient *to)
{
	return unlikely(READ_ONCE(bus_sk(to->sk)->nr_lines)) &&
	       __bus_recipient_lines_up(route, to);
}

static noinline int bus_recipient_reserve(struct bus_route *route,
					  struct bus_recipient *to)
{
	int err;

	if (bus_recipient_lines_up(route, to))
		return bus_route_block(route, to);

	route->need.exempt = to->exempt;
	err = bus_queue_reserve(to->sk, &route->need, &route->spare.shares,
				&to->bill);
	if (err)
		return bus_recipient_no_room(route, to, err);

	to->reserved = true;
	return 0;
}

/* Data that a hook has stolen is not put into a queue. */
static bool bus_route_stolen(const struct bus_route *route)
{
	return skb_shared(route->skb);
}

/* A copy and room for each. A recipient that may lose the message needs no room
 * in advance unless it needs a share, which may have to be allocated.
 */
static int bus_route_reserve(struct bus_route *route)
{
	struct bus_recipient *to, *end = route->to + route->nr;
	bool stolen = bus_route_stolen(route);
	int err;

	for (to = route->to; to < end; to++) {
		if (to == route->to && !stolen)
			to->skb = route->skb;
		else if (bus_recipient_clone(route, to))
			return BUS_NEED_MEMORY;

		if (bus_recipient_lacks_creds(route, to))
			return BUS_NEED_MEMORY;

		to->exempt = bus_recipient_exempt(route, to);
		if (to->exempt &&
		    bus_recipient_policy(route, to) == BUS_OVERFLOW_DROP)
			continue;
		err = bus_recipient_reserve(route, to);
		if (err)
			return err;
	}
	return 0;
}

/* Staging. */

/* Not under order_lock, as the collector takes its lock outside of those of
 * queues.
 */
static void bus_recipient_charge_fds(struct bus_route *route,
				     struct bus_recipient *to)
{
	to->fp = NULL;
	if (!to->fds || to->drop)
		return;

	if (route->spare.nr_fps)
		to->fp = route->spare.fps[--route->spare.nr_fps];
	else
		swap(to->fp, route->fp);
	bus_scm_charge_fds(to->fp, to->sk);
}

/* The cb is that of bus_cb_init(), with which clones begin as well; what follows is
 * this recipient's. A clone gets a reference to the message from the caller.
 */
static __always_inline void bus_recipient_fill_cb(struct bus_route *route,
						  struct bus_recipient *to)
{
	struct sk_buff *skb = to->skb;
	struct bus_skb_cb *cb = bus_cb(skb);

	if (unlikely(to->reserved))
		cb->bill = to->bill;
	if (unlikely(to->is_master) && route->joined) {
		cb->reason = route->reason;
		cb->flags = route->flags;
	}
	if (unlikely(route->msg->nr_fds)) {
		cb->fp = to->fp;
		cb->ctrunc = !to->fp;
	}
	if (sock_flag(to->sk, SOCK_RCVTSTAMP))
		__net_timestamp(skb);
	skb->destructor = bus_skb_destruct;
}

/* A list with sockets is charged once: the collector may have taken, or freed,
 * what that needs. The next attempt gets another duplicate.
 */
static void bus_route_return_fds(struct bus_route *route,
				 struct scm_fp_list *fp)
{
	bus_scm_uncharge_fds(fp);
	if (bus_scm_has_sockets(fp))
		route->spare.fps[route->spare.nr_fps + route->spare.nr_spent++] = fp;
	else if (route->fp)
		route->spare.fps[route->spare.nr_fps++] = fp;
	else
		route->fp = fp;
}

static void bus_route_uncharge_fds(struct bus_route *route)
{
	struct bus_recipient *to, *end = route->to + route->nr;

	for (to = route->to; to < end; to++) {
		if (to->fp)
			bus_route_return_fds(route, to->fp);
		to->fp = NULL;
	}
}

static noinline void bus_recipient_reset_cb(struct bus_route *route,
					    struct bus_recipient *to)
{
	struct bus_skb_cb *cb = bus_cb(to->skb);

	if (cb->bill.due)
		bus_user_uncharge(cb->bill.due, to->skb->truesize);
	bus_cb_init(to->skb, route->msg);
	if (to->skb == route->skb)
		return;
	to->skb->destructor = NULL;
	bus_msg_put(route->msg);
}

/* Nothing is decided anew from here on, so a copy without reserved room is late. */
static __always_inline int bus_recipient_stage(struct bus_route *route,
					       struct bus_recipient *to)
{
	int err;

	if (unlikely(to->reserved)) {
		err = bus_queue_add_reserved(to->sk, to->skb);
	} else {
		route->need.exempt = to->exempt;
		route->need.late = true;
		err = bus_queue_add(to->sk, to->skb, &route->need,
				    &route->spare.shares);
	}
	to->reserved = false;
	to->queued = !err;
	return err;
}

static void bus_recipient_report_loss(struct bus_recipient *to)
{
	struct scm_fp_list *fp = bus_cb(to->skb)->fp;

	/* Its copy is freed when the recipient may be gone. */
	if (fp)
		bus_scm_uncharge_fds(fp);
	bus_count(to->client, BUS_STAT_LOST);
	bus_queue_report_loss(to->sk);
}

static void bus_route_finish(struct bus_route *route)
{
	struct bus_recipient *to, *end = route->to + route->nr;
	enum bus_stat stat = route->from_master ? BUS_STAT_FROM_MASTER :
						  BUS_STAT_COPIES;
	bool blocked = !list_empty(&bus_sk(route->sk)->blocked);
	unsigned int copies = 0;

	if (trace_bus_deliver_enabled() || trace_bus_drop_enabled())
		bus_trace_route(route);
	for (to = route->to; to < end; to++) {
		if (likely(to->queued)) {
			/* The recipient owns the copy, and may have freed it. */
			if (to->skb == route->skb)
				route->skb = NULL;
			to->skb = NULL;
			if (unlikely(to->is_master))
				bus_count_all(route->bus, BUS_STAT_HANDOVERS, 1);
			else
				copies++;
			to->sk->sk_data_ready(to->sk);
			if (blocked)
				bus_block_sent(route->sk, to->sk);
			continue;
		}
		if (to->drop)
			bus_recipient_report_loss(to);
		if (to->skb != route->skb)
			__skb_queue_tail(&route->spare.skbs, to->skb);
	}
	if (copies)
		bus_count_all(route->bus, stat, copies);
	if (route->from_master || route->reason)
		return;
	bus_count(route->src, route->multicast ? BUS_STAT_MULTICASTS :
						 BUS_STAT_UNICASTS);
}

/* Other senders' messages behind a copy that is not committed cannot be read, and
 * a reader lends no priority to the sender it waits for. So the sender must not be
 * preempted from the first copy to the commit. With PREEMPT_RT the locks of queues
 * sleep, and it can be.
 */
static void bus_route_begin(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
}

static void bus_route_end(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

static void bus_route_commit(struct bus_route *route)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		lockdep_assert_preemption_disabled();

	if (route->ack) {
		bus_client_ack_claimed(route->src, route->ack);
		route->ack = 0;
	}
	/* Pairs with the acquire in bus_skb_is_committed(). */
	smp_store_release(&route->msg->committed, true);
}

/* A unicast that nobody else hears needs no clone, and no room in advance. */
static int bus_route_stage_one(struct bus_route *route)
{
	struct bus_recipient *to = route->to;
	int err;

	if (bus_recipient_lacks_creds(route, to))
		return BUS_NEED_MEMORY;

	to->exempt = bus_recipient_exempt(route, to);
	if (bus_recipient_lines_up(route, to))
		return bus_route_block(route, to);

	to->skb = route->skb;
	if (route->msg->nr_fds)
		bus_recipient_charge_fds(route, to);

	bus_route_begin();
	bus_recipient_fill_cb(route, to);
	route->need.exempt = to->exempt;
	err = bus_queue_add(to->sk, to->skb, &route->need, &route->spare.shares);
	to->queued = !err;
	if (unlikely(err)) {
		bus_recipient_reset_cb(route, to);
		err = bus_recipient_no_room(route, to, err);
		if (err)
			goto end;
		bus_queue_lose(to->sk);
	}
	bus_route_settle(route, true);
	bus_route_commit(route);
end:
	bus_route_end();
	if (!to->queued && route->msg->nr_fds)
		bus_route_uncharge_fds(route);
	return err;
}

/* The order of multicasts, in all queues. */
static void bus_route_link(struct bus_route *route, struct bus_recipient *first)
{
	struct bus_recipient *to, *end = route->to + route->nr;
	struct bus *bus = route->bus;

	spin_lock(&bus->order_lock);
	for (to = first; to < end; to++) {
		bus_recipient_fill_cb(route, to);
		if (likely(!to->drop) &&
		    unlikely(bus_recipient_stage(route, to)))
			to->drop = true;
		if (unlikely(to->drop))
			bus_queue_lose(to->sk);
	}
	bus_route_commit(route);
	spin_unlock(&bus->order_lock);
}

/* The sender's own data has its reference to the message, clones get theirs. */
static void bus_route_hold_msg(struct bus_route *route,
			       const struct bus_recipient *first, unsigned int nr)
{
	if (nr && first->skb == route->skb)
		nr--;
	if (nr)
		refcount_add(nr, &route->msg->ref);
}

/* The recipient of a unicast may have closed its queue since room was reserved. Then
 * no eavesdropper gets a copy either.
 */
static int bus_route_stage_first(struct bus_route *route)
{
	struct bus_recipient *to = route->to;
	int err = 0;

	bus_route_hold_msg(route, to, 1);
	bus_recipient_fill_cb(route, to);
	if (!to->drop)
		err = bus_recipient_stage(route, to);
	if (err == -EPIPE) {
		bus_recipient_reset_cb(route, to);
		return bus_recipient_closed(route, to);
	}
	if (err)
		to->drop = true;
	if (to->drop)
		bus_queue_lose(to->sk);
	return 0;
}

static int bus_route_stage_many(struct bus_route *route)
{
	struct bus_recipient *to, *end = route->to + route->nr;
	bool first = !route->multicast && route->nr;
	int err;

	err = bus_route_reserve(route);
	if (err)
		return err;

	if (route->msg->nr_fds)
		for (to = route->to; to < end; to++)
			bus_recipient_charge_fds(route, to);

	bus_route_begin();
	if (first)
		err = bus_route_stage_first(route);
	if (!err) {
		bus_route_hold_msg(route, route->to + first, route->nr - first);
		bus_route_settle(route, true);
		bus_route_link(route, route->to + first);
	}
	bus_route_end();
	if (err && route->msg->nr_fds)
		bus_route_uncharge_fds(route);
	return err;
}

static int bus_route_stage(struct bus_route *route)
{
	int err;

	route->need.size = route->skb->truesize;
	route->need.late = false;
	if (unlikely(route->missed)) {
		route->want.recipients = route->nr + route->missed;
		return BUS_NEED_MEMORY;
	}
	if (route->fp) {
		err = bus_route_count_fds(route);
		if (err)
			return err;
		/* Sockets are charged once, so there must be room before. */
		if (bus_route_keeps_fds(route))
			return bus_route_stage_many(route);
	}
	if (route->nr == 1 && !route->multicast && !bus_route_stolen(route))
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
	err = bus_route_add_eavesdroppers(route);
	if (err)
		return err;
	if (counts)
		bus_client_handed_over(src);
	err = bus_route_stage(route);
	if (err && counts)
		bus_client_not_handed_over(src);
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
		err = bus_route_add_eavesdroppers(route);
		if (!err)
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
	struct bus_recipient *to, *end = route->to + route->nr;

	for (to = route->to; to < end; to++)
		if (to->kick)
			bus_client_cut(to->client, true, SHUTDOWN_MASK);
	af_bus_synchronize(route->bus);
	for (to = route->to; to < end; to++) {
		if (to->kick)
			af_bus_client_put(to->client);
		to->kick = false;
	}
}
