// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tracepoints
 */

#include "bus.h"
#include "client.h"
#include "msg.h"
#include "route.h"
#include "sock.h"
#include "trace.h"

#define CREATE_TRACE_POINTS
#include <trace/events/bus.h>

static u64 bus_trace_addr(const struct sock *sk,
			  const struct bus_client *client)
{
	return bus_sk(sk)->accepted ? BUS_MASTER_ADDR : client->addr;
}

static void bus_trace_recipient(const struct bus_route *route,
				const struct bus_recipient *to)
{
	u64 addr = bus_trace_addr(to->sk, to->client);

	if (to->queued)
		trace_bus_deliver(route->bus, route->msg, addr,
				  to->is_master ? route->reason :
						    BUS_REASON_NONE);
	else if (READ_ONCE(bus_sk(to->sk)->closed))
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
	const struct bus_recipient *to;

	for (to = route->to; to < route->to + route->nr; to++)
		bus_trace_recipient(route, to);
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
