/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: what protocols on a bus and hooks call.
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
 * @owner: pinned while a bus of this protocol lives
 * @rights_reason: why the master gets a message whose descriptors cannot go to
 *	the recipients: one switched SO_PASSRIGHTS off, or with a copy for each
 *	the sender would have too many in flight
 * @bus_init: set up bus_proto_data() of a new bus; may sleep
 * @bus_exit: undo @bus_init; nobody sees the bus any more; may sleep
 * @join: set up bus_client_proto_data(); the client is not on the bus yet;
 *	an error refuses the join; may sleep
 * @leave: the client is off the bus for good; called once for each successful
 *	@join, in process context; senders that found the client earlier may
 *	still be in @route: free by RCU only in @release; may sleep
 * @release: last reference to a client that had joined is gone, an RCU grace
 *	period after @leave at the earliest; may be called from a softirq, must
 *	not sleep
 * @parse: look at a message of a joined client once, all of it; @skb may be
 *	fragmented and have a frag_list; may sleep, may keep what it learned in
 *	bus_msg_proto_data(). Returns 0, or the error of send(). To hand the
 *	message over, call bus_msg_hand_over().
 * @route: choose recipients with bus_route_add(), or the master with
 *	bus_route_master(); neither: the message goes to the master. Under
 *	rcu_read_lock(), must not sleep, may be called again for one message
 *	if the sender had to wait. If bus_route_reason() is set already, the
 *	message goes to the master whatever is chosen; @route still accounts for
 *	what it means to the protocol.
 * @settle: called once after each @route, in the same read section: the
 *	message is staged (and not visible to any receiver yet), or will not be
 *	this time, and claims must be undone; must not sleep
 * @msg_free: release bus_msg_proto_data(); called by the sender if it is set, when
 *	the message is sent, or is not; may sleep
 *
 * Messages of the master are not shown to the protocol.
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

int bus_register_proto(const struct bus_proto *proto);
void bus_unregister_proto(const struct bus_proto *proto);

/* A protocol's own data; set by it, NULL at first. */
void *bus_proto_data(const struct bus *bus);
void bus_set_proto_data(struct bus *bus, void *data);
void *bus_client_proto_data(const struct bus_client *client);
void bus_client_set_proto_data(struct bus_client *client, void *data);
void *bus_msg_proto_data(const struct bus_msg *msg);
void bus_msg_set_proto_data(struct bus_msg *msg, void *data);

/* Buses and clients. */
struct bus *bus_get(struct bus *bus);
void bus_put(struct bus *bus);
struct net *bus_net(const struct bus *bus);
u64 bus_cookie(const struct bus *bus);
u32 bus_proto_id(const struct bus *bus);
void bus_synchronize(struct bus *bus);
struct bus_client *bus_client_get(struct bus_client *client);
void bus_client_put(struct bus_client *client);
struct bus *bus_client_bus(const struct bus_client *client);
u64 bus_client_addr(const struct bus_client *client);
bool bus_client_joined(const struct bus_client *client);
struct bus_client *bus_lookup(struct bus *bus, u64 addr);
struct bus *bus_from_fd(int fd, struct bus_client **client);

/* Messages, while they are parsed and routed. */
unsigned int bus_msg_len(const struct bus_msg *msg);
unsigned int bus_msg_nr_fds(const struct bus_msg *msg);
u64 bus_msg_dst(const struct bus_msg *msg);
void bus_msg_hand_over(struct bus_msg *msg, u32 reason);
u32 bus_msg_handed_over(const struct bus_msg *msg);

/* Routing. */
void bus_route_add(struct bus_route *route, struct bus_client *client);
void bus_route_master(struct bus_route *route, u32 reason);
void bus_route_set_flags(struct bus_route *route, u32 flags);
u32 bus_route_reason(const struct bus_route *route);
bool bus_route_denies(struct bus_route *route, struct bus_client *client);
void bus_route_multicast(struct bus_route *route);

/* What a hook sees: the message of skb; state->sk is the sender in NF_BUS_SEND
 * and the recipient in NF_BUS_DELIVER.
 */
struct bus_msg *bus_skb_msg(const struct sk_buff *skb);
u64 bus_msg_src(const struct bus_msg *msg);

/* For the collector of AF_UNIX, and for security modules. */
#if IS_ENABLED(CONFIG_AF_BUS)
struct unix_gc_node *bus_sk_gc_node(struct sock *sk);
bool bus_sk_is_abstract(const struct sock *sk);
#else
static inline bool bus_sk_is_abstract(const struct sock *sk)
{
	return false;
}

static inline struct unix_gc_node *bus_sk_gc_node(struct sock *sk)
{
	return NULL;
}
#endif

#endif /* _NET_AF_BUS_H */
