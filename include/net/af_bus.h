/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: functions for protocols, netfilter hooks and security modules
 */
#ifndef _NET_AF_BUS_H
#define _NET_AF_BUS_H

#include <linux/types.h>
#include <uapi/linux/bus.h>

struct bus;
struct bus_client;
struct bus_msg;
struct bus_route;
struct module;
struct net;
struct sk_buff;
struct sock;
struct unix_gc_node;

/**
 * struct bus_proto - a protocol that routes the messages of its buses
 * @id: BUS_PROTO_*
 * @name: for messages and procfs
 * @owner: module that is pinned while a bus of this protocol exists
 * @rights_reason: reason of a hand-over because the descriptors of a message
 *	cannot go to the recipients: one of them switched SO_PASSRIGHTS off, or
 *	the sender would have too many descriptors in flight
 * @bus_init: sets up af_bus_proto_data() of a new bus; may sleep
 * @bus_exit: undoes @bus_init when no other code uses the bus; may sleep
 * @join: sets up af_bus_client_proto_data() before the client is on the bus; an
 *	error refuses the join; may sleep
 * @leave: called once for each successful @join, in process context, when the
 *	client has left the bus. Senders that found the client earlier may still
 *	be in @route, so only @release may free what they use. May sleep
 * @release: called when the last reference to a client that had joined is
 *	gone, an RCU grace period after @leave at the earliest, possibly from a
 *	softirq; must not sleep
 * @parse: called once for each message of a joined client, with the whole
 *	message; @skb may be fragmented and have a frag_list. May sleep. May
 *	store its result in af_bus_msg_proto_data(). Calls
 *	af_bus_msg_hand_over() to hand the message over. Returns 0, or the error
 *	of send()
 * @route: chooses recipients with af_bus_route_add(), or the master with
 *	af_bus_route_master(); if it calls neither, the message goes to the
 *	master. Called under rcu_read_lock(), must not sleep, and needs a limit
 *	to its work, such as af_bus_max_recipients(). Called again for the same
 *	message if the sender had to wait. If af_bus_route_reason() is set on
 *	entry, the message goes to the master whatever @route chooses, but
 *	@route must still update its own state
 * @settle: called once after each @route, in the same read section. If the
 *	message is staged, no recipient sees it yet; if not, this attempt does
 *	not deliver it, and claims must be undone. Must not sleep
 * @msg_free: releases af_bus_msg_proto_data(), if that is set. Called by the
 *	sender after the message was sent, or its send failed; may sleep
 *
 * The protocol does not see messages of the master.
 */
struct bus_proto {
	u32		id;
	const char	*name;
	struct module	*owner;
	u32		rights_reason;
	int		(*bus_init)(struct bus *bus);
	void		(*bus_exit)(struct bus *bus);
	int		(*join)(struct bus_client *client);
	void		(*leave)(struct bus_client *client);
	void		(*release)(struct bus_client *client);
	int		(*parse)(struct bus_client *src, struct bus_msg *msg,
				 struct sk_buff *skb);
	void		(*route)(struct bus_client *src, struct bus_msg *msg,
				 struct bus_route *route);
	void		(*settle)(struct bus_client *src, struct bus_msg *msg,
				  bool staged);
	void		(*msg_free)(struct bus_msg *msg);
};

int af_bus_register_proto(const struct bus_proto *proto);
void af_bus_unregister_proto(const struct bus_proto *proto);

/* Data of a protocol. Only the protocol sets it; it is NULL at first. */
void *af_bus_proto_data(const struct bus *bus);
void af_bus_set_proto_data(struct bus *bus, void *data);
void *af_bus_client_proto_data(const struct bus_client *client);
void af_bus_client_set_proto_data(struct bus_client *client, void *data);
void *af_bus_msg_proto_data(const struct bus_msg *msg);
void af_bus_msg_set_proto_data(struct bus_msg *msg, void *data);

/* Buses and clients. */
struct bus *af_bus_get(struct bus *bus);
void af_bus_put(struct bus *bus);
struct net *af_bus_net(const struct bus *bus);
u64 af_bus_cookie(const struct bus *bus);
u32 af_bus_proto_id(const struct bus *bus);
unsigned int af_bus_max_recipients(const struct bus *bus);
void af_bus_synchronize(struct bus *bus);
struct bus_client *af_bus_client_get(struct bus_client *client);
void af_bus_client_put(struct bus_client *client);
struct bus *af_bus_client_bus(const struct bus_client *client);
u64 af_bus_client_addr(const struct bus_client *client);
bool af_bus_client_joined(const struct bus_client *client);
struct bus_client *af_bus_lookup(struct bus *bus, u64 addr);
struct bus *af_bus_from_fd(int fd, struct bus_client **client);

/* Messages, for parse() and route(). */
unsigned int af_bus_msg_len(const struct bus_msg *msg);
unsigned int af_bus_msg_nr_fds(const struct bus_msg *msg);
u64 af_bus_msg_dst(const struct bus_msg *msg);
void af_bus_msg_hand_over(struct bus_msg *msg, u32 reason);
u32 af_bus_msg_handed_over(const struct bus_msg *msg);

/* Routing, for route(). */
void af_bus_route_add(struct bus_route *route, struct bus_client *client);
void af_bus_route_master(struct bus_route *route, u32 reason);
void af_bus_route_set_flags(struct bus_route *route, u32 flags);
u32 af_bus_route_reason(const struct bus_route *route);
bool af_bus_route_denies(struct bus_route *route, struct bus_client *client);
void af_bus_route_multicast(struct bus_route *route);

/* For netfilter hooks: the message of an skb, and its sender. state->sk is the
 * socket of the sender in NF_BUS_SEND, and of the recipient in NF_BUS_DELIVER.
 */
struct bus_msg *af_bus_skb_msg(const struct sk_buff *skb);
u64 af_bus_msg_src(const struct bus_msg *msg);

/* For the collector of AF_UNIX, and for security modules */
#if IS_ENABLED(CONFIG_AF_BUS)
struct unix_gc_node *af_bus_sk_gc_node(struct sock *sk);
bool af_bus_sk_is_abstract(const struct sock *sk);
#else
static inline bool af_bus_sk_is_abstract(const struct sock *sk)
{
	return false;
}

static inline struct unix_gc_node *af_bus_sk_gc_node(struct sock *sk)
{
	return NULL;
}
#endif

#endif /* _NET_AF_BUS_H */
