// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: all sockets of a network namespace
 *
 * For procfs and sock_diag. The number of a socket does not change while it is
 * open, so a dump has each socket exactly once that is open during the whole
 * dump.
 */

#include "client.h"
#include "netns.h"
#include "sock.h"

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
 * bus_table_add() - make a socket visible to procfs and sock_diag
 * @sk: socket, completely set up
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

	/* After a failure, nr may be the number of another socket. */
	bus_sk(sk)->nr = nr;
	return 0;
}

/**
 * bus_table_del() - hide a socket from procfs and sock_diag
 * @sk: socket, referenced by the caller; need not be in the table
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
 * @nr: the least number the socket may have; returns the number it has
 *
 * Context: Under rcu_read_lock(), which has to be held while the socket is
 * used.
 * Return: The socket, which may be being closed, or NULL.
 */
struct sock *bus_table_next(struct net *net, unsigned long *nr)
{
	return xa_find(&bus_pernet(net)->socks, nr, ULONG_MAX, XA_PRESENT);
}

/**
 * bus_snapshot_take() - read the state of a socket that may be changing
 * @sk: socket
 * @snap: returns the state
 *
 * Context: Under rcu_read_lock(), which has to be held while @snap is used.
 */
void bus_snapshot_take(struct sock *sk, struct bus_snapshot *snap)
{
	snap->bus = bus_sk_bus(sk);
	snap->client = snap->bus ? bus_sk_client(sk) : NULL;
	snap->state = snap->bus ? bus_sk_state(sk) : BUS_STATE_NEW;
	if (!snap->client) {
		snap->role = snap->bus ? BUS_ROLE_LISTENER : BUS_ROLE_NONE;
		snap->addr = BUS_MASTER_ADDR;
		snap->peer = NULL;
		return;
	}

	snap->addr = snap->client->addr;
	if (bus_sk(sk)->accepted) {
		snap->role = BUS_ROLE_ACCEPTED;
		snap->peer = rcu_dereference(snap->client->sk);
	} else {
		snap->role = BUS_ROLE_CLIENT;
		snap->peer = rcu_dereference(snap->client->master_sk);
	}
}
