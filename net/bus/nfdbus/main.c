// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: D-Bus on AF_BUS
 *
 * The kernel is a fast path. It delivers a message from client to client only
 * if it knows that the D-Bus daemon, which is the master of the bus, would
 * deliver the same message to the same clients. Every other message goes to the
 * daemon.
 */

#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include "genl.h"
#include "nfdbus.h"

/* All buses of BUS_PROTO_DBUS, in the order of their cookies */
LIST_HEAD(nfdbus_buses);

/* Protects nfdbus_buses. Taken before nfdbus_bus.lock. */
DEFINE_MUTEX(nfdbus_buses_lock);

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

/**
 * nfdbus_bus_alloc() - make the state of a bus
 *
 * Context: May sleep.
 * Return: The state, or an ERR_PTR(): -ENOMEM.
 */
struct nfdbus_bus *nfdbus_bus_alloc(void)
{
	struct nfdbus_bus *nb;
	int err;

	nb = kzalloc_obj(*nb, GFP_KERNEL_ACCOUNT);
	if (!nb)
		return ERR_PTR(-ENOMEM);

	mutex_init(&nb->lock);
	INIT_LIST_HEAD(&nb->link);
	INIT_LIST_HEAD(&nb->clients);
	INIT_LIST_HEAD(&nb->legacy_rules);
	ida_init(&nb->slots);
	nb->max_replies = 128;
	nb->max_fds = 16;
	nb->max_msg = NFDBUS_MAX_MSG;
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
 * @nb: bus without clients
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
	af_bus_set_proto_data(bus, nb);

	mutex_lock(&nfdbus_buses_lock);
	list_add_tail(&nb->link, &nfdbus_buses);
	mutex_unlock(&nfdbus_buses_lock);
	return 0;
}

static void nfdbus_bus_exit(struct bus *bus)
{
	struct nfdbus_bus *nb = af_bus_proto_data(bus);

	mutex_lock(&nfdbus_buses_lock);
	list_del(&nb->link);
	mutex_unlock(&nfdbus_buses_lock);

	nfdbus_bus_free(nb);
}

/**
 * nfdbus_client_alloc() - make the state of a client
 * @nb: bus
 * @addr: unique address of the client
 *
 * Context: May sleep.
 * Return: The state, to be freed with kfree(), or NULL.
 */
struct nfdbus_client *nfdbus_client_alloc(struct nfdbus_bus *nb, u64 addr)
{
	struct nfdbus_client *nc;

	nc = kzalloc_obj(*nc, GFP_KERNEL_ACCOUNT);
	if (!nc)
		return NULL;

	nc->bus = nb;
	nc->addr = addr;
	nc->max_replies = U32_MAX;
	INIT_LIST_HEAD(&nc->change_link);
	INIT_LIST_HEAD(&nc->link);
	INIT_LIST_HEAD(&nc->names);
	INIT_LIST_HEAD(&nc->rules);
	INIT_LIST_HEAD(&nc->waits);
	INIT_LIST_HEAD(&nc->owes);
	nc->unique.len = snprintf(nc->unique_buf, sizeof(nc->unique_buf),
				  ":0.%llu", addr);
	nc->unique.s = nc->unique_buf;
	nc->unique.hash = nfdbus_hash(nc->unique.s, nc->unique.len);
	return nc;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_client_alloc);

static int nfdbus_join(struct bus_client *client)
{
	struct nfdbus_bus *nb = af_bus_proto_data(af_bus_client_bus(client));
	struct nfdbus_client *nc;
	int err;

	nc = nfdbus_client_alloc(nb, af_bus_client_addr(client));
	if (!nc)
		return -ENOMEM;

	nc->slot = ida_alloc(&nb->slots, GFP_KERNEL_ACCOUNT);
	if (nc->slot < 0) {
		err = nc->slot;
		kfree(nc);
		return err;
	}
	nc->client = client;

	mutex_lock(&nb->lock);
	list_add_tail(&nc->link, &nb->clients);
	nb->nr_clients++;
	if (nc->slot >= nb->nr_slots)
		WRITE_ONCE(nb->nr_slots, nc->slot + 1);
	mutex_unlock(&nb->lock);

	af_bus_client_set_proto_data(client, nc);
	return 0;
}

static void nfdbus_leave(struct bus_client *client)
{
	struct nfdbus_client *nc = af_bus_client_proto_data(client);
	struct nfdbus_bus *nb = nc->bus;

	mutex_lock(&nb->lock);
	nc->gone = true;
	list_del(&nc->link);
	nb->nr_clients--;
	nfdbus_names_leave(nc);
	nfdbus_matches_leave(nb, &nc->rules);
	mutex_unlock(&nb->lock);

	nfdbus_replies_leave(nc);
}

static void nfdbus_release(struct bus_client *client)
{
	struct nfdbus_client *nc = af_bus_client_proto_data(client);

	nfdbus_replies_release(nc);
	ida_free(&nc->bus->slots, nc->slot);
	kfree(nc);
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

	err = af_bus_register_proto(&nfdbus_proto);
	if (err)
		genl_unregister_family(&nfdbus_nl_family);
	return err;
}

static void __exit nfdbus_exit(void)
{
	af_bus_unregister_proto(&nfdbus_proto);
	genl_unregister_family(&nfdbus_nl_family);
}

module_init(nfdbus_init);
module_exit(nfdbus_exit);
MODULE_DESCRIPTION("D-Bus on AF_BUS");
MODULE_LICENSE("GPL");
MODULE_ALIAS_NET_PF_PROTO(PF_BUS, BUS_PROTO_DBUS);
MODULE_ALIAS_GENL_FAMILY(NFDBUS_FAMILY_NAME);
