// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tracepoints
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
 * bus_trace_route() - trace what became of a message that was sent
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
 * bus_trace_drop() - trace a recipient that does not get a message
 * @client: recipient
 * @sk: the socket of @client that would have got it
 * @msg: message
 * @reason: why
 *
 * Context: Any.
 */
void bus_trace_drop(const struct bus_client *client, const struct sock *sk,
		    const struct bus_msg *msg, enum skb_drop_reason reason)
{
	trace_bus_drop(client->bus, msg, bus_trace_addr(sk, client), reason);
}
