// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: groups, that is who holds an address with a prefix
 */

#include <linux/rculist.h>
#include <linux/slab.h>
#include "addr.h"
#include "bus.h"
#include "client.h"

/**
 * bus_group_find() - the group of a prefix
 * @bus: bus
 * @prefix: prefix; 0 for everyone who joined
 *
 * Context: Under rcu_read_lock() or bus->lock.
 * Return: The group, which may be empty, or NULL.
 */
struct bus_group *bus_group_find(struct bus *bus, u16 prefix)
{
	return xa_load(&bus->groups, prefix);
}

static struct bus_group *bus_group_get(struct bus *bus, u16 prefix)
{
	struct bus_group *group = bus_group_find(bus, prefix);
	int err;

	if (group)
		return group;

	group = kzalloc_obj(*group, GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;

	INIT_LIST_HEAD(&group->members);
	err = xa_err(xa_store(&bus->groups, prefix, group, GFP_KERNEL_ACCOUNT));
	if (err) {
		kfree(group);
		return NULL;
	}
	return group;
}

static struct bus_member *bus_member_find(struct bus_client *client, u16 prefix)
{
	struct bus_member *member;

	list_for_each_entry(member, &client->members, client_link)
		if (member->prefix == prefix)
			return member;
	return NULL;
}

static void bus_group_link(struct bus_group *group, struct bus_member *member)
{
	/* A sender that sees the count does not see members any more that went
	 * before; one that sees the member sees the count. Pairs with
	 * bus_route_add_group().
	 */
	smp_store_release(&group->additions, group->additions + 1);
	list_add_tail_rcu(&member->group_link, &group->members);
	WRITE_ONCE(group->nr, group->nr + 1);
}

/**
 * bus_group_add() - a client gets one more address with a prefix
 * @client: client
 * @prefix: prefix
 *
 * Context: Under bus->lock. May sleep.
 * Return: 0 or -ENOMEM.
 */
int bus_group_add(struct bus_client *client, u16 prefix)
{
	struct bus_member *member;
	struct bus_group *group;

	lockdep_assert_held(&client->bus->lock);

	member = bus_member_find(client, prefix);
	if (member) {
		member->nr++;
		return 0;
	}

	group = bus_group_get(client->bus, prefix);
	member = kzalloc_obj(*member, GFP_KERNEL_ACCOUNT);
	if (!group || !member) {
		kfree(member);
		return -ENOMEM;
	}

	member->client = client;
	member->group = group;
	member->prefix = prefix;
	member->nr = 1;
	list_add(&member->client_link, &client->members);
	bus_group_link(group, member);
	return 0;
}

static void bus_member_free(struct bus_member *member)
{
	struct bus_group *group = member->group;

	lockdep_assert_held(&member->client->bus->lock);

	list_del_rcu(&member->group_link);
	list_del(&member->client_link);
	WRITE_ONCE(group->nr, group->nr - 1);
	kfree_rcu(member, rcu);
}

/**
 * bus_group_del() - a client loses an address with a prefix
 * @client: client
 * @prefix: prefix
 *
 * Context: Under bus->lock.
 */
void bus_group_del(struct bus_client *client, u16 prefix)
{
	struct bus_member *member = bus_member_find(client, prefix);

	if (member && !--member->nr)
		bus_member_free(member);
}

/**
 * bus_group_leave_all() - a client is in no group any more
 * @client: client
 *
 * Context: Under bus->lock.
 */
void bus_group_leave_all(struct bus_client *client)
{
	struct bus_member *member, *next;

	list_for_each_entry_safe(member, next, &client->members, client_link)
		bus_member_free(member);
}

/**
 * bus_group_free_all() - free the groups of a bus that nobody sees any more
 * @bus: bus
 *
 * Context: May sleep.
 */
void bus_group_free_all(struct bus *bus)
{
	struct bus_group *group;
	unsigned long prefix;

	xa_for_each(&bus->groups, prefix, group)
		kfree(group);
	xa_destroy(&bus->groups);
}
