// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: buses
 */

#include <linux/file.h>
#include <linux/percpu.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include "addr.h"
#include "bus.h"
#include "client.h"
#include "netns.h"
#include "path.h"
#include "sock.h"
#include "user.h"

static atomic64_t bus_last_cookie = ATOMIC64_INIT(0);

static void bus_free_work(struct work_struct *work)
{
	struct bus *bus = container_of(work, struct bus, free_work);

	if (bus->proto) {
		bus->proto->bus_exit(bus);
		bus_proto_put(bus->proto);
	}
	bus_group_free_all(bus);
	rhashtable_destroy(&bus->addrs);
	free_percpu(bus->attempts);
	bus_user_put(bus->user);
	free_percpu(bus->stats);
	put_net_track(bus->net, &bus->ns_tracker);
	kfree(bus);
}

static int bus_init_proto(struct bus *bus)
{
	const struct bus_proto *proto;
	int err;

	if (bus->proto_id == BUS_PROTO_NONE)
		return 0;

	proto = bus_proto_get(bus->proto_id);
	if (IS_ERR(proto))
		return PTR_ERR(proto);

	err = proto->bus_init(bus);
	if (err) {
		bus_proto_put(proto);
		return err;
	}
	bus->proto = proto;
	return 0;
}

static void bus_init_limits(struct bus *bus)
{
	bus->max_msg = READ_ONCE(bus->limits->max_msg);
	bus->max_qlen = READ_ONCE(bus->limits->max_qlen);
	bus->overflow_unicast = BUS_OVERFLOW_BLOCK;
	bus->overflow_multicast = BUS_OVERFLOW_DROP;
}

/**
 * bus_alloc() - make a bus
 * @net: namespace of the listener
 * @proto_id: BUS_PROTO_*
 * @path: path of the bus
 *
 * Context: May sleep.
 * Return: The bus with one reference, or an ERR_PTR(): -ENOMEM,
 * -EPROTONOSUPPORT, or an error of the protocol.
 */
struct bus *bus_alloc(struct net *net, u32 proto_id,
		      const struct bus_path *path)
{
	struct bus *bus;
	int err = -ENOMEM;

	bus = kzalloc_obj(*bus, GFP_KERNEL_ACCOUNT);
	if (!bus)
		return ERR_PTR(err);

	bus->stats = bus_stats_alloc();
	if (!bus->stats)
		goto err_free;

	bus->attempts = alloc_percpu_gfp(struct bus_attempts,
					 GFP_KERNEL_ACCOUNT);
	if (!bus->attempts)
		goto err_stats;

	bus->user = bus_user_get();
	if (IS_ERR(bus->user)) {
		err = PTR_ERR(bus->user);
		goto err_attempts;
	}

	err = rhashtable_init(&bus->addrs, &bus_addr_params);
	if (err)
		goto err_user;

	refcount_set(&bus->ref, 1);
	bus->cookie = atomic64_inc_return(&bus_last_cookie);
	bus->net = get_net_track(net, &bus->ns_tracker, GFP_KERNEL);
	bus->limits = bus_pernet(net);
	bus->proto_id = proto_id;
	bus->path = *path;
	spin_lock_init(&bus->path_lock);
	spin_lock_init(&bus->order_lock);
	mutex_init(&bus->lock);
	mutex_init(&bus->sync_lock);
	xa_init_flags(&bus->groups, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&bus->eavesdroppers);
	INIT_WORK(&bus->free_work, bus_free_work);
	bus_init_limits(bus);

	err = bus_init_proto(bus);
	if (err)
		goto err_net;
	return bus;

err_net:
	put_net_track(net, &bus->ns_tracker);
	rhashtable_destroy(&bus->addrs);
err_user:
	bus_user_put(bus->user);
err_attempts:
	free_percpu(bus->attempts);
err_stats:
	free_percpu(bus->stats);
err_free:
	kfree(bus);
	return ERR_PTR(err);
}

/**
 * af_bus_get() - take a reference
 * @bus: bus
 *
 * Context: Any.
 * Return: @bus.
 */
struct bus *af_bus_get(struct bus *bus)
{
	refcount_inc(&bus->ref);
	return bus;
}
EXPORT_SYMBOL_GPL(af_bus_get);

/**
 * af_bus_put() - drop a reference
 * @bus: bus
 *
 * Context: Any. The bus is freed in a work item.
 */
void af_bus_put(struct bus *bus)
{
	if (refcount_dec_and_test(&bus->ref))
		schedule_work(&bus->free_work);
}
EXPORT_SYMBOL_GPL(af_bus_put);

/**
 * af_bus_from_fd() - find the bus over which a descriptor has authority
 * @fd: descriptor of the calling process, of a listener or an accepted socket
 * @client: returns the client of an accepted socket, referenced; NULL for a
 *	listener
 *
 * Context: May sleep.
 * Return: The bus, referenced, or an ERR_PTR(): -EBADF, -ENOTSOCK, -EINVAL for
 * a socket that is not of AF_BUS or not bound or connected, -EPERM for the
 * socket of a client.
 */
struct bus *af_bus_from_fd(int fd, struct bus_client **client)
{
	struct bus_client *found;
	struct socket *sock;
	struct bus *bus;
	int err;

	*client = NULL;
	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return ERR_PTR(err);

	bus = ERR_PTR(-EINVAL);
	if (sock->sk->sk_family != AF_BUS)
		goto out;

	found = bus_sk_client(sock->sk);
	if (found && !bus_sk(sock->sk)->accepted) {
		bus = ERR_PTR(-EPERM);
	} else if (found) {
		*client = af_bus_client_get(found);
		bus = af_bus_get(found->bus);
	} else if (bus_sk_bus(sock->sk)) {
		bus = af_bus_get(bus_sk_bus(sock->sk));
	}
out:
	sockfd_put(sock);
	return bus;
}
EXPORT_SYMBOL_GPL(af_bus_from_fd);

void *af_bus_proto_data(const struct bus *bus)
{
	return bus->proto_data;
}
EXPORT_SYMBOL_GPL(af_bus_proto_data);

void af_bus_set_proto_data(struct bus *bus, void *data)
{
	bus->proto_data = data;
}
EXPORT_SYMBOL_GPL(af_bus_set_proto_data);

struct net *af_bus_net(const struct bus *bus)
{
	return bus->net;
}
EXPORT_SYMBOL_GPL(af_bus_net);

u64 af_bus_cookie(const struct bus *bus)
{
	return bus->cookie;
}
EXPORT_SYMBOL_GPL(af_bus_cookie);

u32 af_bus_proto_id(const struct bus *bus)
{
	return bus->proto_id;
}
EXPORT_SYMBOL_GPL(af_bus_proto_id);

/**
 * bus_stats_alloc() - make the counters of a bus
 *
 * Context: May sleep.
 * Return: They, to be freed with free_percpu(), or NULL.
 */
struct bus_stats __percpu *bus_stats_alloc(void)
{
	struct bus_stats __percpu *stats;
	int cpu;

	stats = alloc_percpu_gfp(struct bus_stats, GFP_KERNEL_ACCOUNT);
	if (!stats)
		return NULL;

	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(stats, cpu)->syncp);
	return stats;
}

/**
 * bus_stat_sum() - read a counter of a bus
 * @bus: bus
 * @stat: which
 *
 * Context: Any.
 * Return: The count; events under way on other CPUs may be missing.
 */
u64 bus_stat_sum(const struct bus *bus, enum bus_stat stat)
{
	const struct bus_stats *stats;
	u64 count, sum = 0;
	unsigned int start;
	int cpu;

	for_each_possible_cpu(cpu) {
		stats = per_cpu_ptr(bus->stats, cpu);
		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			count = u64_stats_read(&stats->count[stat]);
		} while (u64_stats_fetch_retry(&stats->syncp, start));
		sum += count;
	}
	return sum;
}

/**
 * af_bus_max_recipients() - how many clients may a message be meant for?
 * @bus: bus
 *
 * A protocol bounds its own work for a message in proportion.
 *
 * Return: The number; it may change at any time.
 */
unsigned int af_bus_max_recipients(const struct bus *bus)
{
	return READ_ONCE(bus->limits->max_recipients);
}
EXPORT_SYMBOL_GPL(af_bus_max_recipients);
