/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: addresses, who holds them, and groups of those who do
 */
#ifndef _NET_BUS_ADDR_H
#define _NET_BUS_ADDR_H

#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <net/af_bus.h>

/* An address and who holds it */
struct bus_holder {
	u64			addr;
	struct rhash_head	node;		/* in bus->addrs */
	/* not referenced: the holder goes when the client leaves */
	struct bus_client	*client;
	/* in client->holders, RCU; changed under bus->lock */
	struct list_head	client_link;
	struct rcu_head		rcu;
};

/* Who holds an address with a prefix */
struct bus_group {
	/* struct bus_member, RCU; changed under bus->lock */
	struct list_head	members;
	unsigned int		nr;		/* a hint without bus->lock */
	/* Counted up before a member is added; changed under bus->lock. A
	 * client that leaves and comes back at the end is met twice by who
	 * walks the group meanwhile, and sees that this has changed.
	 */
	unsigned int		additions;
};

/* A client in a group, once however many addresses it has */
struct bus_member {
	struct list_head	group_link;	/* in group->members, RCU */
	/* in client->members; under bus->lock */
	struct list_head	client_link;
	/* not referenced: the member goes when the client leaves */
	struct bus_client	*client;
	struct bus_group	*group;
	u16			prefix;		/* of the group */
	/* addresses with this prefix that the client holds; under bus->lock */
	unsigned int		nr;
	struct rcu_head		rcu;
};

static inline bool bus_addr_is_multicast(u64 addr)
{
	return BUS_CLIENT(addr) == BUS_CLIENT_MASK;
}

/* addr.c */
extern const struct rhashtable_params bus_addr_params;

int bus_addr_check(u64 addr);
int bus_addr_hold(struct bus_client *client, u64 addr);
int bus_addr_add(struct bus_client *client, u64 addr);
int bus_addr_del(struct bus_client *client, u64 addr);
void bus_addr_release_all(struct bus_client *client);

/* group.c */
struct bus_group *bus_group_find(struct bus *bus, u16 prefix);
int bus_group_add(struct bus_client *client, u16 prefix);
void bus_group_del(struct bus_client *client, u16 prefix);
void bus_group_leave_all(struct bus_client *client);
void bus_group_free_all(struct bus *bus);

#endif /* _NET_BUS_ADDR_H */
