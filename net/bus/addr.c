// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: addresses and who holds them
 */

#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include "addr.h"
#include "bus.h"
#include "client.h"

/* The master chooses addresses, and any process can be a master. So the hash
 * has a secret seed, which is new after each rehash.
 */
/* Inlined, unlike a comparison of key_len bytes. */
static int bus_addr_cmp(struct rhashtable_compare_arg *arg, const void *holder)
{
	return ((const struct bus_holder *)holder)->addr !=
	       *(const u64 *)arg->key;
}

const struct rhashtable_params bus_addr_params = {
	.key_len		= sizeof(u64),
	.key_offset		= offsetof(struct bus_holder, addr),
	.head_offset		= offsetof(struct bus_holder, node),
	.obj_cmpfn		= bus_addr_cmp,
	.automatic_shrinking	= true,
};

/**
 * bus_addr_check() - may the master give this address to a client?
 * @addr: address
 *
 * Return: 0 or -EINVAL.
 */
int bus_addr_check(u64 addr)
{
	if (!BUS_PREFIX(addr) || bus_addr_is_multicast(addr))
		return -EINVAL;
	return 0;
}

/**
 * af_bus_lookup() - find the holder of an address
 * @bus: bus
 * @addr: address
 *
 * Context: Under rcu_read_lock().
 * Return: The client, which may not have joined, or NULL.
 */
struct bus_client *af_bus_lookup(struct bus *bus, u64 addr)
{
	struct bus_holder *holder;

	holder = rhashtable_lookup(&bus->addrs, &addr, bus_addr_params);
	return holder ? holder->client : NULL;
}
EXPORT_SYMBOL_GPL(af_bus_lookup);

/**
 * bus_addr_hold() - make a client the holder of an address
 * @client: client
 * @addr: address, also a unique one
 *
 * Context: Under bus->lock. May sleep.
 * Return: 0, -ENOMEM, -EADDRINUSE.
 */
int bus_addr_hold(struct bus_client *client, u64 addr)
{
	struct bus_holder *holder;
	int err;

	lockdep_assert_held(&client->bus->lock);

	holder = kzalloc_obj(*holder, GFP_KERNEL_ACCOUNT);
	if (!holder)
		return -ENOMEM;

	holder->addr = addr;
	holder->client = client;
	err = rhashtable_lookup_insert_fast(&client->bus->addrs, &holder->node,
					    bus_addr_params);
	if (err) {
		kfree(holder);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	list_add_rcu(&holder->client_link, &client->holders);
	return 0;
}

static void bus_addr_release(struct bus_holder *holder)
{
	struct bus *bus = holder->client->bus;

	lockdep_assert_held(&bus->lock);

	rhashtable_remove_fast(&bus->addrs, &holder->node, bus_addr_params);
	list_del_rcu(&holder->client_link);
	kfree_rcu(holder, rcu);
}

/**
 * bus_addr_release_all() - take all addresses from a client
 * @client: client
 *
 * Context: Under bus->lock.
 */
void bus_addr_release_all(struct bus_client *client)
{
	struct bus_holder *holder, *next;

	list_for_each_entry_safe(holder, next, &client->holders, client_link)
		bus_addr_release(holder);
}

/**
 * bus_addr_add() - the master gives a client an address
 * @client: client
 * @addr: address
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for an address that the master cannot give, -EADDRINUSE,
 * -ENOTCONN if the client has left, -ENOMEM.
 */
int bus_addr_add(struct bus_client *client, u64 addr)
{
	struct bus *bus = client->bus;
	int err;

	err = bus_addr_check(addr);
	if (err)
		return err;

	mutex_lock(&bus->lock);
	err = -ENOTCONN;
	if (client->left)
		goto out;
	err = bus_group_add(client, BUS_PREFIX(addr));
	if (err)
		goto out;
	err = bus_addr_hold(client, addr);
	if (err)
		bus_group_del(client, BUS_PREFIX(addr));
out:
	mutex_unlock(&bus->lock);
	if (!err)
		af_bus_synchronize(bus);
	return err;
}

/**
 * bus_addr_del() - the master takes an address from a client
 * @client: client
 * @addr: address
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for an address that the master cannot take, -EADDRNOTAVAIL
 * if the client does not hold it.
 */
int bus_addr_del(struct bus_client *client, u64 addr)
{
	struct bus *bus = client->bus;
	struct bus_holder *holder;
	int err;

	err = bus_addr_check(addr);
	if (err)
		return err;

	mutex_lock(&bus->lock);
	holder = rhashtable_lookup_fast(&bus->addrs, &addr, bus_addr_params);
	if (holder && holder->client != client)
		holder = NULL;
	if (holder) {
		bus_addr_release(holder);
		bus_group_del(client, BUS_PREFIX(addr));
	}
	mutex_unlock(&bus->lock);
	if (!holder)
		return -EADDRNOTAVAIL;

	af_bus_synchronize(bus);
	bus_client_reroute(client);
	return 0;
}
