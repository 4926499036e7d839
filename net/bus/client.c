// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: clients
 */

#include <linux/cred.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include "addr.h"
#include "bus.h"
#include "client.h"
#include "queue.h"
#include "sock.h"
#include "user.h"

/**
 * bus_client_alloc() - make a client that the bus does not know yet
 * @bus: bus
 *
 * Context: May sleep. Called in the process that connects.
 * Return: The client with one reference, or an ERR_PTR(): -ENOMEM.
 */
struct bus_client *bus_client_alloc(struct bus *bus)
{
	struct bus_client *client;
	struct bus_user *user;

	client = kzalloc_obj(*client, GFP_KERNEL_ACCOUNT);
	if (!client)
		return ERR_PTR(-ENOMEM);

	user = bus_user_get();
	if (IS_ERR(user)) {
		kfree(client);
		return ERR_CAST(user);
	}

	client->user = user;
	client->uid = current_uid();
	refcount_set(&client->ref, 1);
	client->bus = af_bus_get(bus);
	client->overflow_unicast = READ_ONCE(bus->overflow_unicast);
	client->overflow_multicast = READ_ONCE(bus->overflow_multicast);
	INIT_LIST_HEAD(&client->holders);
	INIT_LIST_HEAD(&client->members);
	return client;
}

/**
 * af_bus_client_get() - take a reference
 * @client: client
 *
 * Context: Any.
 * Return: @client.
 */
struct bus_client *af_bus_client_get(struct bus_client *client)
{
	refcount_inc(&client->ref);
	return client;
}
EXPORT_SYMBOL_GPL(af_bus_client_get);

static void bus_client_free_rcu(struct rcu_head *rcu)
{
	struct bus_client *client = container_of(rcu, struct bus_client, rcu);
	struct bus *bus = client->bus;

	if (client->proto_data)
		bus->proto->release(client);
	bus_user_put(client->user);
	kfree(client);
	af_bus_put(bus);
}

/**
 * af_bus_client_put() - drop a reference
 * @client: client
 *
 * Context: Any.
 */
void af_bus_client_put(struct bus_client *client)
{
	if (refcount_dec_and_test(&client->ref))
		call_rcu(&client->rcu, bus_client_free_rcu);
}
EXPORT_SYMBOL_GPL(af_bus_client_put);

/**
 * bus_client_register() - give a client its unique address
 * @client: client
 *
 * Context: May sleep.
 * Return: 0, -ENOMEM, -EADDRNOTAVAIL if no address is left.
 */
int bus_client_register(struct bus_client *client)
{
	struct bus *bus = client->bus;
	u64 addr;
	int err;

	addr = atomic64_inc_return(&bus->last_addr);
	if (addr >= BUS_CLIENT_MASK)
		return -EADDRNOTAVAIL;

	client->addr = addr;
	mutex_lock(&bus->lock);
	err = bus_addr_hold(client, addr);
	if (!err)
		atomic_inc(&bus->nr_clients);
	else
		client->left = true;
	mutex_unlock(&bus->lock);
	return err;
}

/**
 * bus_client_join() - let a client join the bus
 * @client: client
 *
 * Context: May sleep.
 * Return: 0, -EINVAL if it has joined, -ENOTCONN if it has left, -ENOMEM, or an
 * error of the protocol.
 */
int bus_client_join(struct bus_client *client)
{
	struct bus *bus = client->bus;
	int err;

	mutex_lock(&bus->lock);
	err = -ENOTCONN;
	if (client->left)
		goto out;
	err = -EINVAL;
	if (client->joined)
		goto out;
	err = bus_group_add(client, 0);
	if (err)
		goto out;
	if (bus->proto) {
		err = bus->proto->join(client);
		client->proto_joined = !err;
	}
	if (err)
		bus_group_del(client, 0);
	else
		/* Pairs with the acquire in af_bus_client_joined(). */
		smp_store_release(&client->joined, true);
out:
	mutex_unlock(&bus->lock);
	if (!err)
		af_bus_synchronize(bus);
	return err;
}

static int bus_eaves_start(struct bus_client *client)
{
	struct bus *bus = client->bus;
	struct bus_eaves *eaves;

	lockdep_assert_held(&bus->lock);

	if (client->eaves)
		return 0;

	eaves = kzalloc_obj(*eaves, GFP_KERNEL_ACCOUNT);
	if (!eaves)
		return -ENOMEM;

	eaves->client = client;
	/* bus_diag_flags() reads it locklessly. */
	WRITE_ONCE(client->eaves, eaves);
	list_add_tail_rcu(&eaves->link, &bus->eavesdroppers);
	return 0;
}

static void bus_eaves_stop(struct bus_client *client)
{
	struct bus_eaves *eaves = client->eaves;

	lockdep_assert_held(&client->bus->lock);

	if (!eaves)
		return;

	WRITE_ONCE(client->eaves, NULL);
	list_del_rcu(&eaves->link);
	kfree_rcu(eaves, rcu);
}

/**
 * bus_client_eavesdrop() - let a client eavesdrop, or stop it
 * @client: client
 * @on: true to let it eavesdrop
 *
 * Context: May sleep.
 * Return: 0, -EINVAL if the client has not joined, -ENOMEM.
 */
int bus_client_eavesdrop(struct bus_client *client, bool on)
{
	struct bus *bus = client->bus;
	int err = -EINVAL;

	mutex_lock(&bus->lock);
	if (!client->joined)
		goto out;
	err = on ? bus_eaves_start(client) : 0;
	if (!on)
		bus_eaves_stop(client);
out:
	mutex_unlock(&bus->lock);
	if (!err)
		af_bus_synchronize(bus);
	return err;
}

/**
 * bus_client_claim_ack() - claim hand-overs of a client, to acknowledge them
 * @client: client
 * @n: number of hand-overs
 *
 * Nobody else can claim them. The caller acknowledges them with
 * bus_client_ack_claimed(), or gives them back with bus_client_unclaim_ack().
 *
 * Context: Any.
 * Return: 0, or -EINVAL if fewer are unacknowledged and not claimed.
 */
int bus_client_claim_ack(struct bus_client *client, u32 n)
{
	int old = atomic_read(&client->ackable);

	do {
		if ((s64)n > old)
			return -EINVAL;
	} while (!atomic_try_cmpxchg(&client->ackable, &old, old - (int)n));
	return 0;
}

/**
 * bus_client_ack() - the master acknowledges hand-overs of a client
 * @client: client
 * @n: number of hand-overs
 *
 * Context: Any.
 * Return: 0, or -EINVAL if fewer are unacknowledged.
 */
int bus_client_ack(struct bus_client *client, u32 n)
{
	int err;

	err = bus_client_claim_ack(client, n);
	if (!err)
		bus_client_ack_claimed(client, n);
	return err;
}

static bool bus_client_forget(struct bus_client *client)
{
	struct bus *bus = client->bus;
	bool proto_joined;

	lockdep_assert_held(&bus->lock);

	if (client->left)
		return false;

	client->left = true;
	WRITE_ONCE(client->joined, false);
	bus_addr_release_all(client);
	bus_group_leave_all(client);
	bus_eaves_stop(client);
	atomic_dec(&bus->nr_clients);

	proto_joined = client->proto_joined;
	client->proto_joined = false;
	return proto_joined;
}

/**
 * bus_client_leave() - remove a client from the bus
 * @client: client; nothing happens if it has left
 *
 * Context: May sleep.
 */
void bus_client_leave(struct bus_client *client)
{
	struct bus *bus = client->bus;
	bool proto_joined;

	mutex_lock(&bus->lock);
	proto_joined = bus_client_forget(client);
	mutex_unlock(&bus->lock);

	if (proto_joined)
		bus->proto->leave(client);
}

static struct sock *bus_client_get_sk(struct sock __rcu **skp)
{
	struct sock *sk;

	rcu_read_lock();
	sk = rcu_dereference(*skp);
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	rcu_read_unlock();
	return sk;
}

static void bus_shutdown_end(struct bus *bus, struct sock __rcu **skp, int mode)
{
	struct sock *sk = bus_client_get_sk(skp);

	if (!sk)
		return;

	mutex_lock(&bus->lock);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | mode);
	mutex_unlock(&bus->lock);

	if (mode & RCV_SHUTDOWN)
		bus_queue_close(sk);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_WAITD,
		      READ_ONCE(sk->sk_shutdown) == SHUTDOWN_MASK ? POLL_HUP :
								    POLL_IN);
	sock_put(sk);
}

/**
 * bus_client_reroute() - let senders that wait for a client decide again
 * @client: client that lost an address or is reached in another way
 *
 * The caller has called af_bus_synchronize() after the change.
 *
 * Context: May sleep.
 */
void bus_client_reroute(struct bus_client *client)
{
	struct sock *sk = bus_client_get_sk(&client->sk);

	if (!sk)
		return;

	bus_queue_reroute(sk);
	sock_put(sk);
}

/**
 * bus_clients_reroute() - bus_client_reroute() for all clients that have joined
 * @bus: bus
 *
 * Context: May sleep.
 */
void bus_clients_reroute(struct bus *bus)
{
	struct bus_group *group;
	struct bus_member *member;

	mutex_lock(&bus->lock);
	group = bus_group_find(bus, 0);
	if (group)
		list_for_each_entry(member, &group->members, group_link)
			bus_client_reroute(member->client);
	mutex_unlock(&bus->lock);
}

/**
 * bus_client_cut() - shut down a link without waiting for messages
 * @client: client, which leaves the bus
 * @by_master: the accepted socket shuts the link down, not the client
 * @mode: RCV_SHUTDOWN and SEND_SHUTDOWN of the end that shuts it down
 *
 * Messages to and from the client may still be being sent. A caller that cuts
 * many clients calls af_bus_synchronize() once, after the last.
 *
 * Context: May sleep.
 */
void bus_client_cut(struct bus_client *client, bool by_master, int mode)
{
	int other = (mode & RCV_SHUTDOWN ? SEND_SHUTDOWN : 0) |
		    (mode & SEND_SHUTDOWN ? RCV_SHUTDOWN : 0);

	bus_client_leave(client);
	bus_shutdown_end(client->bus, &client->sk, by_master ? other : mode);
	bus_shutdown_end(client->bus, &client->master_sk,
			 by_master ? mode : other);
}

/**
 * bus_client_shutdown() - shut down a link
 * @client: client, which leaves the bus
 * @by_master: the accepted socket shuts the link down, not the client
 * @mode: RCV_SHUTDOWN and SEND_SHUTDOWN of the end that shuts it down
 *
 * Context: May sleep.
 */
void bus_client_shutdown(struct bus_client *client, bool by_master, int mode)
{
	bus_client_cut(client, by_master, mode);
	if (by_master || mode != SHUTDOWN_MASK)
		af_bus_synchronize(client->bus);
	/* A client that stopped only sending still has an open queue. */
	if (mode != SHUTDOWN_MASK)
		bus_client_reroute(client);
}

/**
 * bus_client_detach() - forget a socket that is released
 * @client: client
 * @sk: one of the two sockets of its link
 *
 * Context: In the release of @sk.
 */
void bus_client_detach(struct bus_client *client, const struct sock *sk)
{
	if (bus_sk(sk)->accepted)
		RCU_INIT_POINTER(client->master_sk, NULL);
	else
		RCU_INIT_POINTER(client->sk, NULL);
}

struct bus *af_bus_client_bus(const struct bus_client *client)
{
	return client->bus;
}
EXPORT_SYMBOL_GPL(af_bus_client_bus);

u64 af_bus_client_addr(const struct bus_client *client)
{
	return client->addr;
}
EXPORT_SYMBOL_GPL(af_bus_client_addr);

/**
 * af_bus_client_joined() - has a client joined?
 * @client: client
 *
 * Context: Any.
 * Return: true if it has; then af_bus_client_proto_data() is set.
 */
bool af_bus_client_joined(const struct bus_client *client)
{
	/* Pairs with the release in bus_client_join(). */
	return smp_load_acquire(&client->joined);
}
EXPORT_SYMBOL_GPL(af_bus_client_joined);

/* The address dependency orders reads through the pointer after it. */
void *af_bus_client_proto_data(const struct bus_client *client)
{
	return READ_ONCE(client->proto_data);
}
EXPORT_SYMBOL_GPL(af_bus_client_proto_data);

void af_bus_client_set_proto_data(struct bus_client *client, void *data)
{
	/* Pairs with the read in af_bus_client_proto_data(), which the master
	 * may call before the client has joined.
	 */
	smp_store_release(&client->proto_data, data);
}
EXPORT_SYMBOL_GPL(af_bus_client_set_proto_data);
