// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: all sockets of a network namespace
 *
 * For those who look from outside. A socket has the same number as long as it
 * is open, so one that is there during a whole dump is in it exactly once.
 */

#include "bus.h"

void __net_init bus_table_init(struct net *net)
{
	xa_init_flags(&bus_pernet(net)->socks,
		      XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
}

void __net_exit bus_table_exit(struct net *net)
{
	WARN_ON_ONCE(!xa_empty(&bus_pernet(net)->socks));
}

/**
 * bus_table_add() - show a socket
 * @sk: socket, which is set up so far
 *
 * Context: May sleep.
 * Return: 0, -ENOMEM, -EBUSY if there is no number left.
 */
int bus_table_add(struct sock *sk)
{
	struct bus_net *bn = bus_pernet(sock_net(sk));
	int err;
	u32 nr;

	err = xa_alloc_cyclic(&bn->socks, &nr, sk, xa_limit_31b, &bn->next_nr,
			      GFP_KERNEL_ACCOUNT);
	if (err < 0)
		return err;

	/* Not before: what a failure leaves in nr may be somebody else's. */
	bus_sk(sk)->nr = nr;
	return 0;
}

/**
 * bus_table_del() - do not show a socket any more
 * @sk: socket, of which the caller has a reference; may not be in the table
 *
 * Context: May sleep.
 */
void bus_table_del(struct sock *sk)
{
	if (bus_sk(sk)->nr)
		xa_erase(&bus_pernet(sock_net(sk))->socks, bus_sk(sk)->nr);
}

/**
 * bus_table_next() - find a socket
 * @net: namespace
 * @nr: the least number it may have; returns the one it has
 *
 * Context: Under rcu_read_lock(), as long as the socket is looked at.
 * Return: The socket, which may just be closed, or NULL.
 */
struct sock *bus_table_next(struct net *net, unsigned long *nr)
{
	return xa_find(&bus_pernet(net)->socks, nr, ULONG_MAX, XA_PRESENT);
}

static enum bus_role bus_look_role(const struct sock *sk,
				   const struct bus_look *look)
{
	if (look->client)
		return bus_sk(sk)->accepted ? BUS_ROLE_ACCEPTED :
					      BUS_ROLE_CLIENT;
	return look->bus ? BUS_ROLE_LISTENER : BUS_ROLE_NONE;
}

static struct sock *bus_look_peer(const struct bus_look *look)
{
	switch (look->role) {
	case BUS_ROLE_CLIENT:
		return rcu_dereference(look->client->master_sk);
	case BUS_ROLE_ACCEPTED:
		return rcu_dereference(look->client->sk);
	default:
		return NULL;
	}
}

/**
 * bus_look() - look at a socket that may be changing
 * @sk: socket
 * @look: returns what there is to see
 *
 * Context: Under rcu_read_lock(), as long as @look is used.
 */
void bus_look(struct sock *sk, struct bus_look *look)
{
	look->bus = bus_sk_bus(sk);
	look->client = look->bus ? bus_sk_client(sk) : NULL;
	look->role = bus_look_role(sk, look);
	look->state = look->bus ? bus_sk_state(sk) : BUS_STATE_NEW;
	look->addr = look->client ? look->client->addr : BUS_MASTER_ADDR;
	look->peer = bus_look_peer(look);
}
