// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: D-Bus on AF_BUS
 *
 * The kernel is a fast path. A message goes from client to client only if the
 * D-Bus daemon, the master of the bus, is known to deliver exactly that to
 * exactly those; it gets every other message itself.
 */

#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include "genl.h"
#include "nfdbus.h"

/* In the order of their cookies. The lock nests outside nfdbus_bus.lock. */
LIST_HEAD(nfdbus_buses);
DEFINE_MUTEX(nfdbus_buses_lock);	/* protects nfdbus_buses */

static int nfdbus_bus_init_stats(struct nfdbus_bus *nb)
{
	int cpu;

	nb->stats = alloc_percpu_gfp(struct nfdbus_stats, GFP_KERNEL_ACCOUNT);
	if (!nb->stats)
		return -ENOMEM;

	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(nb->stats, cpu)->syncp);
	return 0;
}

static void nfdbus_bus_init_fields(struct nfdbus_bus *nb)
{
	mutex_init(&nb->lock);
	INIT_LIST_HEAD(&nb->link);
	INIT_LIST_HEAD(&nb->peers);
	INIT_LIST_HEAD(&nb->legacy_rules);
	ida_init(&nb->slots);
	nb->max_replies = 128;
	nb->max_fds = 16;
	nb->max_msg = NFDBUS_MAX_MSG;
}

/**
 * nfdbus_bus_alloc() - make the state of a bus
 *
 * Context: May sleep.
 * Return: It, or an ERR_PTR().
 */
struct nfdbus_bus *nfdbus_bus_alloc(void)
{
	struct nfdbus_bus *nb;
	int err;

	nb = kzalloc_obj(*nb, GFP_KERNEL_ACCOUNT);
	if (!nb)
		return ERR_PTR(-ENOMEM);

	nfdbus_bus_init_fields(nb);
	err = nfdbus_bus_init_stats(nb);
	if (err)
		goto err_free;
	err = nfdbus_index_init(&nb->index);
	if (err)
		goto err_stats;
	err = nfdbus_index_init(&nb->taps);
	if (err)
		goto err_index;
	err = nfdbus_names_init(nb);
	if (err)
		goto err_taps;
	err = nfdbus_replies_init(nb);
	if (err)
		goto err_names;
	return nb;

err_names:
	nfdbus_names_destroy(nb);
err_taps:
	nfdbus_index_destroy(&nb->taps);
err_index:
	nfdbus_index_destroy(&nb->index);
err_stats:
	free_percpu(nb->stats);
err_free:
	kfree(nb);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_bus_alloc);

/**
 * nfdbus_bus_free() - undo nfdbus_bus_alloc()
 * @nb: bus without peers
 *
 * Context: May sleep.
 */
void nfdbus_bus_free(struct nfdbus_bus *nb)
{
	mutex_lock(&nb->lock);
	nfdbus_matches_leave(nb, &nb->legacy_rules);
	mutex_unlock(&nb->lock);

	nfdbus_replies_destroy(nb);
	nfdbus_names_destroy(nb);
	nfdbus_index_destroy(&nb->taps);
	nfdbus_index_destroy(&nb->index);
	free_percpu(nb->stats);
	ida_destroy(&nb->slots);
	kfree(nb);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_bus_free);

static int nfdbus_bus_init(struct bus *bus)
{
	struct nfdbus_bus *nb = nfdbus_bus_alloc();

	if (IS_ERR(nb))
		return PTR_ERR(nb);

	nb->bus = bus;
	bus_set_proto_data(bus, nb);

	mutex_lock(&nfdbus_buses_lock);
	list_add_tail(&nb->link, &nfdbus_buses);
	mutex_unlock(&nfdbus_buses_lock);
	return 0;
}

static void nfdbus_bus_exit(struct bus *bus)
{
	struct nfdbus_bus *nb = bus_proto_data(bus);

	mutex_lock(&nfdbus_buses_lock);
	list_del(&nb->link);
	mutex_unlock(&nfdbus_buses_lock);

	nfdbus_bus_free(nb);
}

/**
 * nfdbus_peer_alloc() - make the state of a client
 * @nb: bus
 * @addr: unique address of the client
 *
 * Context: May sleep.
 * Return: It, to be freed with kfree(), or NULL.
 */
struct nfdbus_peer *nfdbus_peer_alloc(struct nfdbus_bus *nb, u64 addr)
{
	struct nfdbus_peer *peer;

	peer = kzalloc_obj(*peer, GFP_KERNEL_ACCOUNT);
	if (!peer)
		return NULL;

	peer->bus = nb;
	peer->addr = addr;
	peer->max_replies = U32_MAX;
	INIT_LIST_HEAD(&peer->change_link);
	INIT_LIST_HEAD(&peer->link);
	INIT_LIST_HEAD(&peer->names);
	INIT_LIST_HEAD(&peer->rules);
	INIT_LIST_HEAD(&peer->waits);
	INIT_LIST_HEAD(&peer->owes);
	peer->unique.len = snprintf(peer->unique_buf, sizeof(peer->unique_buf),
				    ":0.%llu", addr);
	peer->unique.s = peer->unique_buf;
	peer->unique.hash = nfdbus_hash(peer->unique.s, peer->unique.len);
	return peer;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_peer_alloc);

static int nfdbus_join(struct bus_client *client)
{
	struct nfdbus_bus *nb = bus_proto_data(bus_client_bus(client));
	struct nfdbus_peer *peer;
	int err;

	peer = nfdbus_peer_alloc(nb, bus_client_addr(client));
	if (!peer)
		return -ENOMEM;

	peer->slot = ida_alloc(&nb->slots, GFP_KERNEL_ACCOUNT);
	if (peer->slot < 0) {
		err = peer->slot;
		kfree(peer);
		return err;
	}
	peer->client = client;

	mutex_lock(&nb->lock);
	list_add_tail(&peer->link, &nb->peers);
	nb->nr_peers++;
	if (peer->slot >= nb->nr_slots)
		WRITE_ONCE(nb->nr_slots, peer->slot + 1);
	mutex_unlock(&nb->lock);

	bus_client_set_proto_data(client, peer);
	return 0;
}

static void nfdbus_leave(struct bus_client *client)
{
	struct nfdbus_peer *peer = bus_client_proto_data(client);
	struct nfdbus_bus *nb = peer->bus;

	mutex_lock(&nb->lock);
	peer->gone = true;
	list_del(&peer->link);
	nb->nr_peers--;
	nfdbus_names_leave(peer);
	nfdbus_matches_leave(nb, &peer->rules);
	mutex_unlock(&nb->lock);

	nfdbus_replies_leave(peer);
}

static void nfdbus_release(struct bus_client *client)
{
	struct nfdbus_peer *peer = bus_client_proto_data(client);

	nfdbus_replies_release(peer);
	ida_free(&peer->bus->slots, peer->slot);
	kfree(peer);
}

static const struct bus_proto nfdbus_proto = {
	.id		= BUS_PROTO_DBUS,
	.name		= "dbus",
	.owner		= THIS_MODULE,
	.rights_reason	= NFDBUS_REASON_RIGHTS,
	.bus_init	= nfdbus_bus_init,
	.bus_exit	= nfdbus_bus_exit,
	.join		= nfdbus_join,
	.leave		= nfdbus_leave,
	.release	= nfdbus_release,
	.parse		= nfdbus_parse,
	.route		= nfdbus_route,
	.settle		= nfdbus_settle,
	.msg_free	= nfdbus_proto_msg_free,
};

static int __init nfdbus_init(void)
{
	int err;

	err = genl_register_family(&nfdbus_nl_family);
	if (err)
		return err;

	err = bus_register_proto(&nfdbus_proto);
	if (err)
		genl_unregister_family(&nfdbus_nl_family);
	return err;
}

static void __exit nfdbus_exit(void)
{
	bus_unregister_proto(&nfdbus_proto);
	genl_unregister_family(&nfdbus_nl_family);
}

module_init(nfdbus_init);
module_exit(nfdbus_exit);
MODULE_DESCRIPTION("D-Bus on AF_BUS");
MODULE_LICENSE("GPL");
MODULE_ALIAS_NET_PF_PROTO(PF_BUS, BUS_PROTO_DBUS);
MODULE_ALIAS_GENL_FAMILY(NFDBUS_FAMILY_NAME);
