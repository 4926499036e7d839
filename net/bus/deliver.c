// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: from recipients to their queues
 *
 * Everything here runs in the attempt that chose the recipients, see route.c.
 */

#include <linux/slab.h>
#include <trace/events/bus.h>
#include "bus.h"

static void bus_route_add_eavesdropper(struct bus_route *route,
				       struct bus_client *client)
{
	struct sock *sk = rcu_dereference(client->sk);
	struct bus_rcpt *rcpt;

	if (!bus_route_may_ask(route)) {
		route->err = -E2BIG;
		return;
	}
	if (!sk || !bus_rcpt_admits(route, client, sk))
		return;
	rcpt = bus_route_new_rcpt(route, client, sk);
	if (rcpt)
		rcpt->eaves = true;
}

/* The master's socket is not the one of its client, which may eavesdrop. */
static unsigned int bus_route_sort_clients(struct bus_route *route)
{
	if (route->nr && route->rcpt->to_master)
		return 0;
	bus_route_sort(route);
	return route->nr;
}

static noinline int __bus_route_add_eavesdroppers(struct bus_route *route)
{
	struct bus_eaves *eaves;
	unsigned int first = route->nr, nr;

	if (!route->joined)
		return 0;

	nr = bus_route_sort_clients(route);
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
	struct bus_rcpt *rcpt;
	struct sock *sk;

	bus_route_forget_rcpts(route);
	route->multicast = false;
	sk = rcu_dereference(src->master_sk);
	if (!sk)
		return -EPIPE;

	if (!bus_rcpt_admits(route, src, sk))
		return route->denied;

	rcpt = bus_route_new_rcpt(route, src, sk);
	rcpt->to_master = true;
	return 0;
}

/* Memory. */

static int bus_route_want_rcpts(struct bus_route *route)
{
	route->want.rcpts = route->nr + route->missed;
	return BUS_NEED_MEMORY;
}

static int bus_rcpt_clone(struct bus_route *route, struct bus_rcpt *rcpt)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT;

	if (unlikely(!skb_queue_empty(&route->spare.skbs)))
		rcpt->skb = __skb_dequeue(&route->spare.skbs);
	else
		rcpt->skb = skb_clone(route->skb, gfp);
	if (likely(rcpt->skb))
		return 0;

	route->want.skbs = route->nr - (route->rcpt->skb == route->skb);
	return BUS_NEED_MEMORY;
}

/* As on AF_UNIX, a recipient that asks for credentials later finds none in the
 * messages that are queued. They are taken between attempts, as that may sleep;
 * where a recipient has asked, other senders take them before the first one.
 */
static bool bus_rcpt_lacks_creds(struct bus_route *route,
				 const struct bus_rcpt *rcpt)
{
	if (route->msg->pid || likely(!bus_scm_takes_creds(rcpt->sk)))
		return false;

	/* A socket that has not been accepted yet has not asked. */
	if (READ_ONCE(rcpt->sk->sk_socket))
		WRITE_ONCE(route->bus->takes_creds, true);
	route->want.creds = true;
	return true;
}

static bool bus_rcpt_wants_fds(const struct bus_route *route,
			       const struct bus_rcpt *rcpt)
{
	return rcpt->to_master || (!route->multicast && !rcpt->eaves) ||
	       (READ_ONCE(bus_sk(rcpt->sk)->recv_rights) &&
		scm_takes_rights(rcpt->sk));
}

/* A sender that did not choose the recipient gets no error for the recipient's own
 * settings: the master gets the message instead.
 */
static int bus_route_no_rights(struct bus_route *route,
			       const struct bus_rcpt *rcpt)
{
	if (rcpt->to_master || !bus_route_by_proto(route))
		return -EPERM;

	route->reason = route->bus->proto->rights_reason;
	return BUS_TO_MASTER;
}

static int bus_route_count_fds(struct bus_route *route)
{
	struct bus_rcpt *rcpt, *end = route->rcpt + route->nr;
	unsigned int n = 0;

	for (rcpt = route->rcpt; rcpt < end; rcpt++) {
		rcpt->fds = bus_rcpt_wants_fds(route, rcpt);
		if (rcpt->fds && !scm_takes_rights(rcpt->sk))
			return bus_route_no_rights(route, rcpt);
		n += rcpt->fds;
	}
	if (n <= route->spare.nr_fps + !bus_route_keeps_fds(route))
		return 0;

	route->want.fps = n - !bus_route_keeps_fds(route);
	return BUS_NEED_MEMORY;
}

/* Room. */

static __always_inline u32 bus_rcpt_policy(const struct bus_route *route,
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
	/* A sender that waits for itself may wait for ever. */
	if (policy == BUS_OVERFLOW_BLOCK && route->multicast &&
	    !route->from_master && rcpt->client == route->src)
		return BUS_OVERFLOW_DROP;
	return policy;
}

/* Does the message need no share of a queue? That of an accepted socket is for
 * one client alone.
 */
static bool bus_rcpt_exempt(const struct bus_route *route,
			    const struct bus_rcpt *rcpt)
{
	return route->from_master || rcpt->to_master ||
	       (rcpt->client->user == route->src->user &&
		uid_eq(rcpt->client->uid, route->src->uid));
}

static int bus_route_block(struct bus_route *route, struct bus_rcpt *rcpt)
{
	if (!refcount_inc_not_zero(&rcpt->sk->sk_refcnt))
		return BUS_LOST_RACE;

	route->blocked = rcpt->sk;
	route->need.exempt = rcpt->exempt;
	route->need.reroutes = READ_ONCE(bus_sk(rcpt->sk)->reroutes);
	return -EAGAIN;
}

static int bus_route_full(struct bus_route *route)
{
	route->reason = BUS_REASON_FULL;
	return BUS_TO_MASTER;
}

/* Not an error of a sender that did not choose the receiver. */
static int bus_route_reject(struct bus_route *route)
{
	return bus_route_by_proto(route) ? bus_route_full(route) : -ENOBUFS;
}

/* A sender over its share must not get the receiver disconnected, nor must the
 * receiver's user who does not read elsewhere.
 */
static int bus_rcpt_over_share(struct bus_route *route, struct bus_rcpt *rcpt)
{
	if (!route->multicast)
		return bus_route_reject(route);
	rcpt->drop = true;
	return 0;
}

/* A user may have to pay for many copies of one message. Does it lack what this
 * attempt itself has set aside for others of them?
 */
static bool bus_rcpt_rivals(const struct bus_route *route,
			    const struct bus_rcpt *rcpt, int err)
{
	const struct bus_rcpt *rival;

	if (err != -ENOSPC && err != BUS_USER_UNSETTLED)
		return false;
	for (rival = route->rcpt; rival < rcpt; rival++)
		if (rival->reserved && rival->bill.due &&
		    rival->client->user == rcpt->client->user)
			return true;
	return false;
}

/* An attempt that sets room aside may still fail. Until it ends, no other sender may
 * take a decision because of that room which cannot be undone.
 */
static bool bus_rcpt_unsettled(const struct bus_route *route,
			       const struct bus_rcpt *rcpt, int err)
{
	return !rcpt->eaves &&
	       (err == BUS_UNSETTLED || err == BUS_USER_UNSETTLED);
}

static int bus_rcpt_full(struct bus_route *route, struct bus_rcpt *rcpt,
			 int err)
{
	u32 policy = bus_rcpt_policy(route, rcpt);

	/* To wait, having given everything back, would be in vain. */
	if (bus_rcpt_rivals(route, rcpt, err)) {
		err = -ENOSPC;
		if (policy == BUS_OVERFLOW_BLOCK)
			policy = BUS_OVERFLOW_REJECT;
	}
	if (policy != BUS_OVERFLOW_BLOCK && bus_rcpt_unsettled(route, rcpt, err))
		return BUS_UNSETTLED;

	switch (policy) {
	case BUS_OVERFLOW_REJECT:
		return bus_route_reject(route);
	case BUS_OVERFLOW_DROP:
		rcpt->drop = true;
		return 0;
	case BUS_OVERFLOW_DISCONNECT:
		if (err != -EAGAIN)
			return bus_rcpt_over_share(route, rcpt);
		rcpt->drop = true;
		rcpt->kick = true;
		route->kick = true;
		af_bus_client_get(rcpt->client);
		return 0;
	case BUS_OVERFLOW_MASTER:
		return bus_route_full(route);
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
	switch (err) {
	case -EAGAIN:
	case -EDQUOT:
	case -ENOSPC:
	case BUS_UNSETTLED:
	case BUS_USER_UNSETTLED:
		return bus_rcpt_full(route, rcpt, err);
	case BUS_NEED_MEMORY:
		route->want.shares = route->nr;
		return err;
	default:
		return bus_rcpt_closed(route, rcpt);
	}
}

/* Has the message to get in line behind others that wait? */
static noinline bool __bus_rcpt_lines_up(struct bus_route *route,
					 const struct bus_rcpt *rcpt)
{
	if (bus_rcpt_policy(route, rcpt) != BUS_OVERFLOW_BLOCK)
		return false;

	route->need.exempt = rcpt->exempt;
	return route->turn != rcpt->sk &&
	       !bus_line_is_open(rcpt->sk, route->sk,
				 bus_need_line(&route->need)) &&
	       !bus_block_has_turn(route->sk, rcpt->sk);
}

static bool bus_rcpt_lines_up(struct bus_route *route,
			      const struct bus_rcpt *rcpt)
{
	return unlikely(READ_ONCE(bus_sk(rcpt->sk)->nr_lines)) &&
	       __bus_rcpt_lines_up(route, rcpt);
}

static noinline int bus_rcpt_reserve(struct bus_route *route,
				     struct bus_rcpt *rcpt)
{
	int err;

	if (bus_rcpt_lines_up(route, rcpt))
		return bus_route_block(route, rcpt);

	route->need.exempt = rcpt->exempt;
	err = bus_queue_reserve(rcpt->sk, &route->need, &route->spare.shares,
				&rcpt->bill);
	if (err)
		return bus_rcpt_no_room(route, rcpt, err);

	rcpt->reserved = true;
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
	struct bus_rcpt *rcpt, *end = route->rcpt + route->nr;
	bool stolen = bus_route_stolen(route);
	int err;

	for (rcpt = route->rcpt; rcpt < end; rcpt++) {
		if (rcpt == route->rcpt && !stolen)
			rcpt->skb = route->skb;
		else if (bus_rcpt_clone(route, rcpt))
			return BUS_NEED_MEMORY;

		if (bus_rcpt_lacks_creds(route, rcpt))
			return BUS_NEED_MEMORY;

		rcpt->exempt = bus_rcpt_exempt(route, rcpt);
		if (rcpt->exempt &&
		    bus_rcpt_policy(route, rcpt) == BUS_OVERFLOW_DROP)
			continue;
		err = bus_rcpt_reserve(route, rcpt);
		if (err)
			return err;
	}
	return 0;
}

/* Staging. */

static struct scm_fp_list *bus_route_take_fds(struct bus_route *route)
{
	struct scm_fp_list *fp = route->fp;

	if (route->spare.nr_fps)
		return route->spare.fps[--route->spare.nr_fps];
	route->fp = NULL;
	return fp;
}

/* Not under order_lock, as the collector takes its lock outside of those of
 * queues.
 */
static void bus_rcpt_charge_fds(struct bus_route *route, struct bus_rcpt *rcpt)
{
	rcpt->fp = NULL;
	if (!rcpt->fds || rcpt->drop)
		return;

	rcpt->fp = bus_route_take_fds(route);
	bus_scm_charge_fds(rcpt->fp, rcpt->sk);
}

static void bus_route_charge_fds(struct bus_route *route)
{
	struct bus_rcpt *rcpt, *end = route->rcpt + route->nr;

	for (rcpt = route->rcpt; rcpt < end; rcpt++)
		bus_rcpt_charge_fds(route, rcpt);
}

/* The cb is that of bus_cb_init(), which clones begin with as well; what follows is
 * this recipient's. A clone gets a reference to the message from the caller.
 */
static __always_inline void bus_rcpt_dress(struct bus_route *route,
					   struct bus_rcpt *rcpt)
{
	struct sk_buff *skb = rcpt->skb;
	struct bus_skb_cb *cb = bus_cb(skb);

	if (unlikely(rcpt->reserved))
		cb->bill = rcpt->bill;
	if (unlikely(rcpt->to_master) && route->joined) {
		cb->reason = route->reason;
		cb->flags = route->flags;
	}
	if (unlikely(route->msg->nr_fds)) {
		cb->fp = rcpt->fp;
		cb->ctrunc = !rcpt->fp;
	}
	if (sock_flag(rcpt->sk, SOCK_RCVTSTAMP))
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
	struct bus_rcpt *rcpt, *end = route->rcpt + route->nr;

	for (rcpt = route->rcpt; rcpt < end; rcpt++) {
		if (rcpt->fp)
			bus_route_return_fds(route, rcpt->fp);
		rcpt->fp = NULL;
	}
}

static noinline void bus_rcpt_undress(struct bus_route *route,
				      struct bus_rcpt *rcpt)
{
	struct bus_skb_cb *cb = bus_cb(rcpt->skb);

	if (cb->bill.due)
		bus_user_uncharge(cb->bill.due, rcpt->skb->truesize);
	bus_cb_init(rcpt->skb, route->msg);
	if (rcpt->skb == route->skb)
		return;
	rcpt->skb->destructor = NULL;
	bus_msg_put(route->msg);
}

/* Nothing is decided anew from here on, so a copy without reserved room is late. */
static __always_inline int bus_rcpt_stage(struct bus_route *route,
					  struct bus_rcpt *rcpt)
{
	int err;

	if (unlikely(rcpt->reserved)) {
		err = bus_queue_add_reserved(rcpt->sk, rcpt->skb);
	} else {
		route->need.exempt = rcpt->exempt;
		route->need.late = true;
		err = bus_queue_add(rcpt->sk, rcpt->skb, &route->need,
				    &route->spare.shares);
	}
	rcpt->reserved = false;
	rcpt->queued = !err;
	return err;
}

/* The recipient owns a copy that is queued; the sender must not touch it. */
static void bus_rcpt_forget_copy(struct bus_route *route, struct bus_rcpt *rcpt)
{
	if (rcpt->skb == route->skb)
		route->skb = NULL;
	rcpt->skb = NULL;
}

static void bus_rcpt_report_loss(struct bus_rcpt *rcpt)
{
	struct scm_fp_list *fp = bus_cb(rcpt->skb)->fp;

	/* Its copy is freed when the receiver may be gone. */
	if (fp)
		bus_scm_uncharge_fds(fp);
	bus_count(rcpt->client, BUS_STAT_LOST);
	bus_queue_report_loss(rcpt->sk);
}

static void bus_route_finish(struct bus_route *route)
{
	struct bus_rcpt *rcpt, *end = route->rcpt + route->nr;
	enum bus_stat stat = route->from_master ? BUS_STAT_FROM_MASTER :
						  BUS_STAT_COPIES;
	bool blocked = !list_empty(&bus_sk(route->sk)->blocked);
	unsigned int copies = 0;

	if (trace_bus_deliver_enabled() || trace_bus_drop_enabled())
		bus_trace_route(route);
	for (rcpt = route->rcpt; rcpt < end; rcpt++) {
		if (likely(rcpt->queued)) {
			bus_rcpt_forget_copy(route, rcpt);
			if (unlikely(rcpt->to_master))
				bus_count_all(route->bus, BUS_STAT_HANDOVERS, 1);
			else
				copies++;
			rcpt->sk->sk_data_ready(rcpt->sk);
			if (blocked)
				bus_block_sent(route->sk, rcpt->sk);
			continue;
		}
		if (rcpt->drop)
			bus_rcpt_report_loss(rcpt);
		if (rcpt->skb != route->skb)
			__skb_queue_tail(&route->spare.skbs, rcpt->skb);
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

static int bus_route_add_one(struct bus_route *route)
{
	struct bus_rcpt *rcpt = route->rcpt;
	int err;

	bus_rcpt_dress(route, rcpt);
	route->need.exempt = rcpt->exempt;
	err = bus_queue_add(rcpt->sk, rcpt->skb, &route->need,
			    &route->spare.shares);
	rcpt->queued = !err;
	if (unlikely(err)) {
		bus_rcpt_undress(route, rcpt);
		err = bus_rcpt_no_room(route, rcpt, err);
		if (err)
			return err;
		bus_queue_lose(rcpt->sk);
	}
	bus_route_settle(route, true);
	bus_route_commit(route);
	return 0;
}

static int bus_route_stage_one(struct bus_route *route)
{
	struct bus_rcpt *rcpt = route->rcpt;
	int err;

	if (bus_rcpt_lacks_creds(route, rcpt))
		return BUS_NEED_MEMORY;

	rcpt->exempt = bus_rcpt_exempt(route, rcpt);
	if (bus_rcpt_lines_up(route, rcpt))
		return bus_route_block(route, rcpt);

	rcpt->skb = route->skb;
	if (route->msg->nr_fds)
		bus_rcpt_charge_fds(route, rcpt);
	bus_route_begin();
	err = bus_route_add_one(route);
	bus_route_end();
	if (!rcpt->queued && route->msg->nr_fds)
		bus_route_uncharge_fds(route);
	return err;
}

/* The order of multicasts, in all queues. */
static void bus_route_link(struct bus_route *route, struct bus_rcpt *first)
{
	struct bus_rcpt *rcpt, *end = route->rcpt + route->nr;
	struct bus *bus = route->bus;

	spin_lock(&bus->order_lock);
	for (rcpt = first; rcpt < end; rcpt++) {
		bus_rcpt_dress(route, rcpt);
		if (likely(!rcpt->drop) && unlikely(bus_rcpt_stage(route, rcpt)))
			rcpt->drop = true;
		if (unlikely(rcpt->drop))
			bus_queue_lose(rcpt->sk);
	}
	bus_route_commit(route);
	spin_unlock(&bus->order_lock);
}

/* The sender's own data has its reference to the message, clones get theirs. */
static void bus_route_hold_msg(struct bus_route *route,
			       const struct bus_rcpt *first, unsigned int nr)
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
	struct bus_rcpt *rcpt = route->rcpt;
	int err = 0;

	bus_route_hold_msg(route, rcpt, 1);
	bus_rcpt_dress(route, rcpt);
	if (!rcpt->drop)
		err = bus_rcpt_stage(route, rcpt);
	if (err == -EPIPE) {
		bus_rcpt_undress(route, rcpt);
		return bus_rcpt_closed(route, rcpt);
	}
	if (err)
		rcpt->drop = true;
	if (rcpt->drop)
		bus_queue_lose(rcpt->sk);
	return 0;
}

static int bus_route_add_many(struct bus_route *route)
{
	bool first = !route->multicast && route->nr;
	struct bus_rcpt *rest = route->rcpt + first;
	int err;

	if (first) {
		err = bus_route_stage_first(route);
		if (err)
			return err;
	}
	bus_route_hold_msg(route, rest, route->nr - first);
	bus_route_settle(route, true);
	bus_route_link(route, rest);
	return 0;
}

static int bus_route_stage_many(struct bus_route *route)
{
	int err;

	err = bus_route_reserve(route);
	if (err)
		return err;

	if (route->msg->nr_fds)
		bus_route_charge_fds(route);
	bus_route_begin();
	err = bus_route_add_many(route);
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
	if (unlikely(route->missed))
		return bus_route_want_rcpts(route);
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
	struct bus_rcpt *rcpt, *end = route->rcpt + route->nr;

	for (rcpt = route->rcpt; rcpt < end; rcpt++)
		if (rcpt->kick)
			bus_client_cut(rcpt->client, true, SHUTDOWN_MASK);
	af_bus_synchronize(route->bus);
	for (rcpt = route->rcpt; rcpt < end; rcpt++) {
		if (rcpt->kick)
			af_bus_client_put(rcpt->client);
		rcpt->kick = false;
	}
}
