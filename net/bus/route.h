/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: the route of a message, from its sender to the queues of recipients
 */
#ifndef _NET_BUS_ROUTE_H
#define _NET_BUS_ROUTE_H

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/scm.h>
#include "bus.h"
#include "msg.h"
#include "queue.h"
#include "user.h"

/* A recipient of a message */
struct bus_recipient {
	struct bus_client	*client;
	/* its socket, or the accepted one if is_master; stays under RCU */
	struct sock		*sk;
	struct sk_buff		*skb;		/* its copy */
	struct bus_bill		bill;		/* of the room set aside */
	/* its descriptors, in flight; set if there are any */
	struct scm_fp_list	*fp;
	bool			is_master;
	/* it is there because it eavesdrops: never waited for */
	bool			eaves;
	/* it gets descriptors, if there are any */
	bool			fds;
	/* its copy needs no share of its queue; known once a copy is staged */
	bool			exempt;
	/* there is room set aside in its queue */
	bool			reserved;
	/* it has no room and loses the message */
	bool			drop;
	/* it has no room and is to be disconnected; client is referenced */
	bool			kick;
	bool			queued;		/* the copy is in its queue */
};

#define BUS_RECIPIENTS_INLINE	12

/* What bus_route_prepare() gets before the next attempt */
struct bus_want {
	unsigned int		recipients;	/* that there is a place for */
	unsigned int		skbs;		/* clones */
	unsigned int		shares;		/* of queues and of payers */
	unsigned int		fps;		/* duplicates of descriptors */
	bool			creds;		/* of the sender */
};

/* Memory that was allocated between attempts */
struct bus_spare {
	struct sk_buff_head	skbs;		/* clones */
	struct list_head	shares;		/* struct bus_share */
	struct scm_fp_list	**fps;		/* duplicates of descriptors */
	unsigned int		nr_fps;
	/* duplicates, behind these in fps, that were in flight in an attempt
	 * that failed
	 */
	unsigned int		nr_spent;
};

/* Where a message goes. Lives as long as one sendmsg(). */
struct bus_route {
	struct sock		*sk;		/* it is sent on */
	struct bus		*bus;
	struct bus_client	*src;		/* whose link it was sent on */
	struct bus_msg		*msg;
	/* Its data. The first recipient gets it unless a hook has stolen it,
	 * the others clones.
	 */
	struct sk_buff		*skb;
	/* Its descriptors. The first recipient who takes some gets them, but
	 * for sockets: these stay until the end, so that the collector finds
	 * them in use as long as not all copies are staged.
	 */
	struct scm_fp_list	*fp;
	/* sent on the accepted socket */
	bool			from_master;
	/* overflow policies of multicast apply */
	bool			multicast;
	/* the client had joined when the attempt began */
	bool			joined;
	/* the protocol waits for its settle() */
	bool			routed;
	/* recipients were chosen, be it none */
	bool			decided;
	/* somebody is to be disconnected */
	bool			kick;
	/* to the master, because of this */
	u32			reason;
	/* to the master whatever is decided, because of this */
	u32			forced;
	/* of the protocol, with reason */
	u32			flags;
	int			err;		/* of the sender */
	/* hand-overs of src that the message acknowledges, claimed */
	u32			ack;
	/* what a security module said of the last recipient */
	int			denied;
	/* why the last recipient who refused it did */
	enum skb_drop_reason	refused;
	/* recipient without room, to be waited for; referenced */
	struct sock		*blocked;
	/* recipient for whose room the sender waited, to be compared only */
	const struct sock	*turn;
	/* what a copy needs; exempt and late are those of the recipient whose
	 * queue was looked at last
	 */
	struct bus_need		need;
	struct bus_recipient	*to;
	unsigned int		nr;		/* of recipients */
	unsigned int		max;		/* that fit into to */
	struct bus_spare	spare;		/* what attempts may use up */
	/* clients that the message is meant for, whether they want it or not */
	unsigned int		asked;
	/* descriptors, all copies together, that the user has announced */
	unsigned long		coming_fds;
	/* recipients for whom there was no place in to */
	unsigned int		missed;
	struct bus_want		want;		/* for the next attempt */
	/* recipients, if they are few */
	struct bus_recipient	few[BUS_RECIPIENTS_INLINE];
};

/* The user whose message it is. */
static inline struct bus_user *bus_route_user(const struct bus_route *route)
{
	return route->need.user;
}

/* The sender keeps sockets, of other descriptors one copy is @fp itself. */
static inline bool bus_route_keeps_fds(const struct bus_route *route)
{
	return route->fp && bus_scm_has_sockets(route->fp);
}

/* The sender did not choose the recipients. */
static inline bool bus_route_by_proto(const struct bus_route *route)
{
	return route->bus->proto && !route->from_master;
}

/* route.c */
void bus_route_init(struct bus_route *route, struct sock *sk,
		    struct bus_client *src, bool from_master);
void bus_route_reset(struct bus_route *route);
void bus_route_forget_recipients(struct bus_route *route);
void bus_route_free_spent(struct bus_route *route);
void bus_route_free(struct bus_route *route, int err);
int bus_route_prepare(struct bus_route *route);
bool bus_recipient_admits(struct bus_route *route, struct bus_client *client,
			  struct sock *sk);
struct bus_recipient *bus_route_new_recipient(struct bus_route *route,
					      struct bus_client *client,
					      struct sock *sk);
bool bus_route_may_ask(struct bus_route *route);
void bus_route_sort(struct bus_route *route);
bool bus_route_has(const struct bus_route *route, unsigned int nr,
		   const struct bus_client *client);
void bus_route_add_group(struct bus_route *route, u16 prefix);
void bus_route_uniq(struct bus_route *route, unsigned int first);
void __bus_route_settle(struct bus_route *route, bool staged);

/**
 * bus_route_settle() - tell the protocol what became of its decision
 * @route: route
 * @staged: the message goes where it was routed to
 *
 * Context: Under rcu_read_lock().
 */
static inline void bus_route_settle(struct bus_route *route, bool staged)
{
	if (route->routed)
		__bus_route_settle(route, staged);
}

#ifdef CONFIG_NETFILTER
bool bus_hook_run(struct bus *bus, unsigned int hook, struct sock *sk,
		  struct sk_buff *skb);

static inline bool bus_hook(struct bus *bus, unsigned int hook,
			    struct sock *sk, struct sk_buff *skb)
{
#ifdef CONFIG_JUMP_LABEL
	if (!static_key_false(&nf_hooks_needed[NFPROTO_BUS][hook]))
		return true;
#endif
	return bus_hook_run(bus, hook, sk, skb);
}
#else
static inline bool bus_hook(struct bus *bus, unsigned int hook,
			    struct sock *sk, struct sk_buff *skb)
{
	return true;
}
#endif

/* deliver.c */
int bus_route_deliver(struct bus_route *route);
void bus_route_kick(struct bus_route *route);

#endif /* _NET_BUS_ROUTE_H */
