// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: sending
 */

#include <linux/delay.h>
#include <linux/init.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <trace/events/bus.h>
#include "addr.h"
#include "bus.h"
#include "client.h"
#include "msg.h"
#include "path.h"
#include "queue.h"
#include "route.h"
#include "sock.h"

/**
 * struct bus_send - one sendmsg()
 * @client: whose link it is an end of
 * @accepted: it is the master's end
 * @addressed: there is an address
 * @dst: the address
 * @list: addresses of SCM_BUS_LIST, or NULL
 * @nr_list: their number
 * @parsed: the protocol has seen the message
 * @wait: for room
 * @route: where it goes
 */
struct bus_send {
	struct bus_client	*client;
	bool			accepted;
	bool			addressed;
	u64			dst;
	struct bus_addr		*list;
	unsigned int		nr_list;
	bool			parsed;
	struct bus_waiter	wait;
	struct bus_route	route;
};

static void bus_send_init(struct bus_send *send, struct sock *sk,
			  struct bus_client *client)
{
	send->client = client;
	send->accepted = bus_sk(sk)->accepted;
	send->addressed = false;
	send->dst = BUS_MASTER_ADDR;
	send->list = NULL;
	send->nr_list = 0;
	send->parsed = false;
	send->wait.recipient = NULL;
	bus_route_init(&send->route, sk, client, send->accepted);
}

static int bus_send_check_path(struct bus *bus, const struct msghdr *msg)
{
	struct bus_path path;
	int err;

	err = bus_path_parse(msg->msg_name, msg->msg_namelen, &path);
	if (err)
		return err;
	return !path.len || bus_path_is(bus, &path) ? 0 : -EHOSTUNREACH;
}

static int bus_send_address(struct bus_send *send, const struct msghdr *msg)
{
	const struct sockaddr_bus *addr = msg->msg_name;
	int err;

	if (!msg->msg_namelen)
		return 0;

	err = bus_addr_parse(addr, msg->msg_namelen);
	if (err > 0)
		err = bus_send_check_path(send->client->bus, msg);
	if (err)
		return err;

	send->addressed = true;
	send->dst = addr->sbus_addr.s_addr;
	if (send->accepted && send->dst == BUS_MASTER_ADDR)
		return -EINVAL;
	return 0;
}

static int bus_send_control(struct bus_send *send, struct msghdr *msg)
{
	struct bus_scm scm = {};
	int err;

	if (!msg->msg_controllen)
		return 0;

	err = bus_scm_send(msg, &scm);
	send->list = scm.list;
	send->nr_list = scm.nr_list;
	if (err || !(scm.list || scm.acks))
		return err;
	if (!send->accepted)
		return -EPERM;
	if (scm.list && send->addressed)
		return -EINVAL;

	err = bus_client_claim_ack(send->client, scm.ack);
	if (!err)
		send->route.ack = scm.ack;
	return err;
}

static int bus_send_creds(struct bus_send *send, struct scm_cookie *scm)
{
	struct bus_route *route = &send->route;
	struct bus_msg *m = route->msg;

	if (scm->pid)
		m->pid = get_pid(scm->pid);
	m->uid = scm->creds.uid;
	m->gid = scm->creds.gid;
#ifdef CONFIG_SECURITY_NETWORK
	m->secid = scm->secid;
#endif
	if (bus_scm_takes_creds(route->sk) || READ_ONCE(route->bus->takes_creds))
		return bus_msg_add_creds(m);
	return 0;
}

static int bus_send_fds(struct bus_send *send, struct scm_cookie *scm)
{
	int err;

	err = bus_scm_announce_fds(bus_route_user(&send->route), scm->fp,
				   scm->fp->count);
	if (err)
		return err;

	send->route.coming_fds = scm->fp->count;
	send->route.fp = scm->fp;
	send->route.want.fps = bus_scm_has_sockets(scm->fp);
	scm->fp = NULL;
	return 0;
}

static struct bus_msg *bus_send_new_msg(struct bus_send *send, size_t len)
{
	struct bus_client *client = send->client;
	struct bus_msg *m;

	m = bus_msg_alloc(GFP_KERNEL);
	if (!m)
		return NULL;

	m->len = len;
	m->proto = client->bus->proto;
	m->src = send->accepted ? BUS_MASTER_ADDR : client->addr;
	m->dst = send->dst;
	if (send->accepted && !send->addressed && !send->list)
		m->dst = client->addr;
	return m;
}

static int bus_send_build(struct bus_send *send, struct msghdr *msg, size_t len,
			  struct scm_cookie *scm)
{
	struct bus_route *route = &send->route;
	struct sk_buff *skb;
	int err;

	route->msg = bus_send_new_msg(send, len);
	if (!route->msg)
		return -ENOMEM;

	err = bus_send_creds(send, scm);
	if (err)
		return err;

	skb = bus_skb_build(msg, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);

	route->skb = skb;
	if (scm->fp)
		route->msg->nr_fds = scm->fp->count;
	bus_cb_init(skb, route->msg);
	refcount_inc(&route->msg->ref);
	skb->destructor = bus_skb_destruct;
	return scm->fp ? bus_send_fds(send, scm) : 0;
}

static int bus_send_parse(struct bus_send *send)
{
	const struct bus_proto *proto = send->client->bus->proto;
	struct bus_route *route = &send->route;

	if (!proto || send->accepted || !af_bus_client_joined(send->client))
		return 0;

	send->parsed = true;
	return proto->parse(send->client, route->msg, route->skb);
}

/* Choosing recipients, under rcu_read_lock(). */

static void bus_find_address(struct bus_send *send)
{
	struct bus_route *route = &send->route;
	struct bus_client *client;

	if (bus_addr_is_multicast(send->dst)) {
		bus_route_add_group(route, BUS_PREFIX(send->dst));
		return;
	}

	client = af_bus_lookup(route->bus, send->dst);
	if (!client)
		af_bus_route_master(route, BUS_REASON_NO_OWNER);
	else if (!READ_ONCE(client->joined))
		af_bus_route_master(route, BUS_REASON_NOT_JOINED);
	else
		af_bus_route_add(route, client);
}

static void bus_find_list(struct bus_send *send)
{
	struct bus_route *route = &send->route;
	struct bus_client *client;
	unsigned int i;

	af_bus_route_multicast(route);
	for (i = 0; i < send->nr_list; i++) {
		client = af_bus_lookup(route->bus, send->list[i].s_addr);
		if (client && READ_ONCE(client->joined))
			af_bus_route_add(route, client);
	}
	bus_route_uniq(route, 0);
}

static void bus_find_for_master(struct bus_send *send)
{
	struct bus_route *route = &send->route;

	if (send->list) {
		bus_find_list(send);
	} else if (!send->addressed) {
		af_bus_route_add(route, send->client);
		if (route->reason)
			route->err = -EPIPE;
	} else {
		bus_find_address(send);
		if (route->reason)
			route->err = -EHOSTUNREACH;
	}
}

static void bus_find_by_proto(struct bus_send *send)
{
	struct bus_route *route = &send->route;

	if (!send->parsed) {
		af_bus_route_master(route, BUS_REASON_UNROUTED);
		return;
	}

	route->reason = route->msg->hand_over;
	route->routed = true;
	route->bus->proto->route(send->client, route->msg, route);
	if (!route->reason)
		route->reason = route->msg->hand_over;
}

static u32 bus_find_forced(const struct bus_client *client)
{
	u32 bus_flags = READ_ONCE(client->bus->flags);

	if ((bus_flags | READ_ONCE(client->flags)) & BUS_F_VIA_MASTER)
		return BUS_REASON_VIA_MASTER;
	if ((bus_flags & BUS_F_ORDERED) && atomic_read(&client->unacked))
		return BUS_REASON_ORDER;
	return BUS_REASON_NONE;
}

static void bus_find_for_client(struct bus_send *send)
{
	bool to_master = !send->addressed || send->dst == BUS_MASTER_ADDR;
	struct bus_route *route = &send->route;

	if (!route->joined) {
		if (!to_master)
			route->err = -EHOSTUNREACH;
		af_bus_route_master(route, BUS_REASON_ADDRESSED);
		return;
	}

	route->forced = bus_find_forced(send->client);
	if (route->bus->proto)
		bus_find_by_proto(send);
	else if (to_master)
		af_bus_route_master(route, BUS_REASON_ADDRESSED);
	else
		bus_find_address(send);
}

static int bus_send_attempt(struct bus_send *send)
{
	struct bus_route *route = &send->route;
	int err;

	route->joined = READ_ONCE(send->client->joined);
	if (!bus_hook(route->bus, NF_BUS_SEND, route->sk, route->skb)) {
		route->refused = SKB_DROP_REASON_NETFILTER_DROP;
		return -EPERM;
	}

	if (send->accepted)
		bus_find_for_master(send);
	else
		bus_find_for_client(send);

	err = bus_route_deliver(route);
	bus_route_settle(route, false);
	return err;
}

/* The recipients are known under RCU only, so they are given back there. */
static int bus_send_try(struct bus_send *send)
{
	struct bus *bus = send->route.bus;
	unsigned int phase;
	int err;

	rcu_read_lock();
	phase = bus_attempt_begin(bus);
	err = bus_send_attempt(send);
	if (err)
		bus_route_reset(&send->route);
	bus_attempt_end(bus, phase);
	rcu_read_unlock();
	bus_route_free_spent(&send->route);
	return err;
}

static int bus_send_wait(struct bus_send *send, long *timeo)
{
	struct bus_route *route = &send->route;
	int err = -EAGAIN;

	/* A socket that waits for itself may wait for ever. */
	if (*timeo && route->blocked != route->sk)
		err = bus_wait_room(&send->wait, route->sk, route->blocked,
				    &route->need, timeo);
	if (err == -EAGAIN &&
	    !bus_block_on(route->sk, route->blocked, &route->need))
		err = 0;
	route->turn = route->blocked;
	sock_put(route->blocked);
	route->blocked = NULL;
	return err;
}

/* How many get a copy of the descriptors is not up to a sender that did not
 * choose the recipients. The master needs only one.
 */
static int bus_send_prepare(struct bus_send *send)
{
	struct bus_route *route = &send->route;
	struct bus_msg *m = route->msg;
	int err = bus_route_prepare(route);

	if (err != -ETOOMANYREFS || !send->parsed || m->hand_over)
		return err;

	m->hand_over = route->bus->proto->rights_reason;
	route->want.fps = 0;
	return 0;
}

/* Some other sender has set room aside that this one needs, and will use it or
 * give it back without sleeping. It may have been preempted there, so let it run
 * whatever its priority is.
 */
static int bus_send_yield(void)
{
	if (fatal_signal_pending(current))
		return -EINTR;

	usleep_range(20, 200);
	return 0;
}

static int bus_send_deliver(struct bus_send *send, long timeo)
{
	struct bus_route *route = &send->route;
	int err;

	for (;;) {
		if (READ_ONCE(route->sk->sk_shutdown) & SEND_SHUTDOWN)
			return -EPIPE;

		err = bus_send_try(send);
		if (err == BUS_NEED_MEMORY)
			err = bus_send_prepare(send);
		else if (err == BUS_LOST_RACE)
			err = 0;
		else if (err == BUS_UNSETTLED)
			err = bus_send_yield();
		else if (err == -EAGAIN && route->blocked)
			err = bus_send_wait(send, &timeo);
		else
			break;
		if (err)
			return err;
		cond_resched();
	}
	if (!err && route->kick)
		bus_route_kick(route);
	return err;
}

/* Room for a group known beforehand saves deciding twice. */
static int bus_send_expect(struct bus_send *send)
{
	struct bus_route *route = &send->route;
	struct bus_group *group;

	if (send->list) {
		route->want.recipients = send->nr_list;
	} else if (send->addressed && bus_addr_is_multicast(send->dst)) {
		rcu_read_lock();
		group = bus_group_find(route->bus, BUS_PREFIX(send->dst));
		if (group)
			route->want.recipients = READ_ONCE(group->nr);
		rcu_read_unlock();
	}
	return route->want.recipients > route->max || route->want.fps ?
	       bus_route_prepare(route) : 0;
}

static int bus_send_check(const struct sock *sk, const struct msghdr *msg,
			  const struct bus_client *client, size_t len)
{
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!client)
		return -ENOTCONN;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	if (len > READ_ONCE(client->bus->max_msg))
		return -EMSGSIZE;
	return 0;
}

static int bus_send_one(struct bus_send *send, struct msghdr *msg, size_t len,
			struct scm_cookie *scm)
{
	long timeo = sock_sndtimeo(send->route.sk, msg->msg_flags & MSG_DONTWAIT);
	int err;

	err = bus_send_address(send, msg);
	if (!err)
		err = bus_send_control(send, msg);
	if (!err)
		err = bus_send_build(send, msg, len, scm);
	if (!err) {
		trace_bus_send(send->route.bus, send->route.msg);
		err = bus_send_parse(send);
	}
	if (!err)
		err = bus_send_expect(send);
	if (!err)
		err = bus_send_deliver(send, timeo);
	return err;
}

/**
 * bus_sendmsg() - send a message
 * @sock: socket
 * @msg: message
 * @len: bytes
 *
 * Context: May sleep.
 * Return: @len or an error.
 */
int bus_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct bus_client *client = bus_sk_client(sock->sk);
	size_t count = iov_iter_count(&msg->msg_iter);
	/* Most of it is room for recipients; bus_send_init() does the rest. */
	struct bus_send send __uninitialized;
	struct scm_cookie scm;
	int err;

	err = bus_send_check(sock->sk, msg, client, len);
	if (err)
		return err;

	err = scm_send(sock, msg, &scm, false);
	if (err)
		return err;

	bus_send_init(&send, sock->sk, client);
	err = bus_send_one(&send, msg, len, &scm);
	/* After -EAGAIN io_uring tries again with the same iterator. */
	if (err)
		iov_iter_revert(&msg->msg_iter,
				count - iov_iter_count(&msg->msg_iter));

	if (send.wait.recipient)
		bus_wait_leave(&send.wait);
	if (send.list)
		kvfree(send.list);
	if (send.route.ack)
		bus_client_unclaim_ack(client, send.route.ack);
	bus_route_free(&send.route, err);
	if (send.route.msg)
		bus_msg_sent(send.route.msg);
	if (scm.pid || scm.fp)
		scm_destroy(&scm);
	return err ?: len;
}
