// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tracepoints, and why messages are dropped
 */

#include "bus.h"

#define CREATE_TRACE_POINTS
#include <trace/events/bus.h>

static u64 bus_trace_addr(const struct sock *sk,
			  const struct bus_client *client)
{
	return bus_sk(sk)->accepted ? BUS_MASTER_ADDR : client->addr;
}

static void bus_trace_rcpt(const struct bus_route *route,
			   const struct bus_rcpt *rcpt)
{
	u64 addr = bus_trace_addr(rcpt->sk, rcpt->client);

	if (rcpt->queued)
		trace_bus_deliver(route->bus, route->msg, addr,
				  rcpt->to_master ? route->reason :
						    BUS_REASON_NONE);
	else if (READ_ONCE(bus_sk(rcpt->sk)->closed))
		trace_bus_drop(route->bus, route->msg, addr,
			       SKB_DROP_REASON_NO_SOCKET);
	else
		trace_bus_drop(route->bus, route->msg, addr,
			       SKB_DROP_REASON_SOCKET_RCVBUFF);
}

/**
 * bus_trace_route() - tell what became of a message that was sent
 * @route: route of the message
 *
 * Context: Under rcu_read_lock(), in which the recipients were added.
 */
void bus_trace_route(const struct bus_route *route)
{
	const struct bus_rcpt *rcpt;

	for (rcpt = route->rcpt; rcpt < route->rcpt + route->nr; rcpt++)
		bus_trace_rcpt(route, rcpt);
}

/**
 * bus_rcpt_refuses() - a recipient does not want a message
 * @route: route of the message
 * @client: recipient
 * @sk: the one of its sockets that would have got it
 * @reason: why
 *
 * Context: Under rcu_read_lock().
 * Return: false.
 */
bool bus_rcpt_refuses(struct bus_route *route, struct bus_client *client,
		      const struct sock *sk, enum skb_drop_reason reason)
{
	bus_count(client, BUS_STAT_FILTERED);
	route->refused = reason;
	trace_bus_drop(route->bus, route->msg, bus_trace_addr(sk, client),
		       reason);
	return false;
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

/**
 * bus_route_drop() - nobody gets a message
 * @route: route of the message, which has an skb
 * @err: that the sender gets
 *
 * Context: Any.
 */
void bus_route_drop(struct bus_route *route, int err)
{
	enum skb_drop_reason reason = bus_route_drop_reason(route, err);

	/* If it was sent, those who lose it were told of one by one. */
	if (err || (!route->nr && !route->refused))
		trace_bus_drop(route->bus, route->msg, BUS_MULTICAST(0),
			       reason);
	kfree_skb_reason(route->skb, reason);
	route->skb = NULL;
}

/**
 * bus_drop() - free a message that was in a queue and was not received
 * @sk: receiver
 * @skb: message
 * @reason: why
 *
 * Context: May sleep.
 */
void bus_drop(const struct sock *sk, struct sk_buff *skb,
	      enum skb_drop_reason reason)
{
	const struct bus_client *client = bus_sk_client(sk);

	trace_bus_drop(client->bus, bus_cb(skb)->msg,
		       bus_trace_addr(sk, client), reason);
	kfree_skb_reason(skb, reason);
}
