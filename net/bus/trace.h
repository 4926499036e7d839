/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: what is traced of routes, and of messages that are dropped
 */
#ifndef _NET_BUS_TRACE_H
#define _NET_BUS_TRACE_H

#include <linux/skbuff.h>

struct bus_client;
struct bus_msg;
struct bus_route;
struct sock;

/* trace.c */
void bus_trace_route(const struct bus_route *route);
void bus_trace_drop(const struct bus_client *client, const struct sock *sk,
		    const struct bus_msg *msg, enum skb_drop_reason reason);

#endif /* _NET_BUS_TRACE_H */
