// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: socket options, level SOL_BUS
 */

#include <linux/capability.h>
#include <linux/uaccess.h>
#include "addr.h"
#include "bus.h"
#include "client.h"
#include "netns.h"
#include "sock.h"

static int bus_opt_read(void *val, size_t size, sockptr_t optval,
			unsigned int optlen)
{
	if (optlen != size)
		return -EINVAL;
	return copy_from_sockptr(val, optval, size) ? -EFAULT : 0;
}

static int bus_opt_set_bool(bool *opt, sockptr_t optval, unsigned int optlen)
{
	int val, err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	if (err)
		return err;
	if (val < 0 || val > 1)
		return -EINVAL;

	WRITE_ONCE(*opt, val);
	return 0;
}

/* Options of the listener, which hold for the bus. */

static int bus_opt_set_budget(int *budget, sockptr_t optval,
			      unsigned int optlen)
{
	int val, err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	if (err)
		return err;
	if (val <= 0)
		return -EINVAL;

	WRITE_ONCE(*budget, val);
	return 0;
}

/* As SO_RCVBUF; more than the sysctl needs the capability of SO_RCVBUFFORCE. */
static int bus_opt_set_rcvbuf(struct bus *bus, sockptr_t optval,
			      unsigned int optlen)
{
	int val, max = READ_ONCE(sysctl_rmem_max), err;

	err = bus_opt_set_budget(&val, optval, optlen);
	if (err)
		return err;
	if (val > max && !sockopt_ns_capable(bus->net->user_ns, CAP_NET_ADMIN))
		val = max;

	WRITE_ONCE(bus->rcvbuf, val);
	return 0;
}

static int bus_opt_set_max_msg(struct bus *bus, sockptr_t optval,
			       unsigned int optlen)
{
	u32 val;
	int err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	if (err)
		return err;
	if (!val || val > READ_ONCE(bus->limits->max_msg))
		return -EINVAL;

	WRITE_ONCE(bus->max_msg, val);
	return 0;
}

static int bus_opt_set_overflow(u32 *unicast, u32 *multicast, sockptr_t optval,
				unsigned int optlen)
{
	struct bus_overflow val;
	int err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	if (err)
		return err;
	if (val.flags || val.reserved)
		return -EINVAL;
	if (val.unicast > BUS_OVERFLOW_MASTER ||
	    val.multicast > BUS_OVERFLOW_MASTER ||
	    val.multicast == BUS_OVERFLOW_REJECT)
		return -EINVAL;

	WRITE_ONCE(*unicast, val.unicast);
	WRITE_ONCE(*multicast, val.multicast);
	return 0;
}

static int bus_opt_set_flags(struct bus *bus, u32 *flags, u32 allowed,
			     sockptr_t optval, unsigned int optlen)
{
	u32 val;
	int err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	if (err)
		return err;
	if (val & ~allowed)
		return -EINVAL;

	WRITE_ONCE(*flags, val);
	af_bus_synchronize(bus);
	return 0;
}

static int bus_set_listener(struct bus *bus, int optname, sockptr_t optval,
			    unsigned int optlen)
{
	int err;

	switch (optname) {
	case BUS_RCVBUF:
		return bus_opt_set_rcvbuf(bus, optval, optlen);
	case BUS_QLEN:
		return bus_opt_set_budget(&bus->max_qlen, optval, optlen);
	case BUS_MAX_MSG:
		return bus_opt_set_max_msg(bus, optval, optlen);
	case BUS_OVERFLOW:
		return bus_opt_set_overflow(&bus->overflow_unicast,
					    &bus->overflow_multicast,
					    optval, optlen);
	case BUS_FLAGS:
		err = bus_opt_set_flags(bus, &bus->flags,
					BUS_F_ORDERED | BUS_F_VIA_MASTER,
					optval, optlen);
		if (!err)
			bus_clients_reroute(bus);
		return err;
	default:
		return -EINVAL;
	}
}

/* Options of an accepted socket, which hold for its client. */

static int bus_opt_address(struct bus_client *client, int optname,
			   sockptr_t optval, unsigned int optlen)
{
	struct bus_addr addr;
	int err;

	err = bus_opt_read(&addr, sizeof(addr), optval, optlen);
	if (err)
		return err;
	if (optname == BUS_ADD_ADDR)
		return bus_addr_add(client, addr.s_addr);
	return bus_addr_del(client, addr.s_addr);
}

static int bus_opt_ack(struct bus_client *client, sockptr_t optval,
		       unsigned int optlen)
{
	u32 val;
	int err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	return err ?: bus_client_ack(client, val);
}

static int bus_opt_eavesdrop(struct bus_client *client, sockptr_t optval,
			     unsigned int optlen)
{
	bool on;
	int err;

	err = bus_opt_set_bool(&on, optval, optlen);
	return err ?: bus_client_eavesdrop(client, on);
}

static int bus_set_accepted(struct bus_client *client, int optname,
			    sockptr_t optval, unsigned int optlen)
{
	int err;

	switch (optname) {
	case BUS_ADD_ADDR:
	case BUS_DEL_ADDR:
		return bus_opt_address(client, optname, optval, optlen);
	case BUS_JOIN_BUS:
		return optlen ? -EINVAL : bus_client_join(client);
	case BUS_EAVESDROP:
		return bus_opt_eavesdrop(client, optval, optlen);
	case BUS_ACK:
		return bus_opt_ack(client, optval, optlen);
	case BUS_OVERFLOW:
		err = bus_opt_set_overflow(&client->overflow_unicast,
					   &client->overflow_multicast,
					   optval, optlen);
		if (!err)
			af_bus_synchronize(client->bus);
		break;
	case BUS_FLAGS:
		err = bus_opt_set_flags(client->bus, &client->flags,
					BUS_F_VIA_MASTER, optval, optlen);
		break;
	default:
		return -EINVAL;
	}

	/* Senders that wait for the client decide again. */
	if (!err)
		bus_client_reroute(client);
	return err;
}

/* Options of any socket. */

static int bus_opt_set_info(struct bus_sock *b, sockptr_t optval,
			    unsigned int optlen)
{
	const u32 known = BUS_INFO_DST | BUS_INFO_LOST | BUS_INFO_REASON;
	u32 val;
	int err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	if (err)
		return err;
	if (val & ~known)
		return -EINVAL;

	WRITE_ONCE(b->recv_info, val);
	return 0;
}

/**
 * bus_setsockopt() - set an option
 * @sock: socket
 * @level: SOL_BUS
 * @optname: BUS_*
 * @optval: value
 * @optlen: its length
 *
 * Context: May sleep.
 * Return: 0, -ENOPROTOOPT for an unknown option, -EINVAL for a wrong size,
 * value or kind of socket, -EFAULT, and errors of the option.
 */
int bus_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen)
{
	struct bus_sock *b = bus_sk(sock->sk);
	struct bus_client *client;
	struct bus *bus;

	if (level != SOL_BUS)
		return -ENOPROTOOPT;

	switch (optname) {
	case BUS_RECV_INFO:
		return bus_opt_set_info(b, optval, optlen);
	case BUS_RECV_NOTRUNC:
		return bus_opt_set_bool(&b->recv_notrunc, optval, optlen);
	case BUS_RECV_RIGHTS:
		return bus_opt_set_bool(&b->recv_rights, optval, optlen);
	case BUS_ADD_ADDR ... BUS_EAVESDROP:
	case BUS_RCVBUF ... BUS_QLEN:
	case BUS_OVERFLOW ... BUS_ACK:
		break;
	default:
		return -ENOPROTOOPT;
	}

	client = bus_sk_client(sock->sk);
	bus = bus_sk_bus(sock->sk);
	if (client && b->accepted)
		return bus_set_accepted(client, optname, optval, optlen);
	if (bus && !client)
		return bus_set_listener(bus, optname, optval, optlen);
	return -EINVAL;
}

/**
 * bus_info_fill() - tell about a socket, its client and its bus
 * @sk: socket; the caller has a reference to its file, or rcu_read_lock()
 * @info: returns it
 *
 * Context: Any.
 */
void bus_info_fill(struct sock *sk, struct bus_info *info)
{
	struct bus_client *client = bus_sk_client(sk);
	struct bus *bus = bus_sk_bus(sk);

	memset(info, 0, sizeof(*info));
	info->protocol = sk->sk_protocol;
	info->state = bus_sk_state(sk);
	info->max_qlen = READ_ONCE(bus_sk(sk)->max_qlen);
	info->qlen = skb_queue_len_lockless(&sk->sk_receive_queue);
	if (!bus)
		return;

	info->cookie = bus->cookie;
	info->max_msg = READ_ONCE(bus->max_msg);
	info->clients = atomic_read(&bus->nr_clients);
	info->flags = READ_ONCE(bus->flags);
	info->overflow_unicast = READ_ONCE(bus->overflow_unicast);
	info->overflow_multicast = READ_ONCE(bus->overflow_multicast);
	if (!client)
		return;

	info->addr = client->addr;
	info->flags |= READ_ONCE(client->flags);
	info->overflow_unicast = READ_ONCE(client->overflow_unicast);
	info->overflow_multicast = READ_ONCE(client->overflow_multicast);
	info->unacked = atomic_read(&client->unacked);
}

#define BUS_FEATURES_ALL	(BUS_FEATURE_LIST | BUS_FEATURE_ACK)

/**
 * union bus_opt_value - what getsockopt() copies
 * @val: of all options but the following
 * @overflow: of BUS_OVERFLOW
 * @info: of BUS_INFO
 */
union bus_opt_value {
	u32			val;
	struct bus_overflow	overflow;
	struct bus_info		info;
};

/* Options of any socket. They return the size of the value. */
static int bus_opt_get_any(struct sock *sk, int optname,
			   union bus_opt_value *v)
{
	const struct bus_sock *b = bus_sk(sk);

	switch (optname) {
	case BUS_RECV_INFO:
		v->val = READ_ONCE(b->recv_info);
		return sizeof(v->val);
	case BUS_RECV_NOTRUNC:
		v->val = READ_ONCE(b->recv_notrunc);
		return sizeof(v->val);
	case BUS_RECV_RIGHTS:
		v->val = READ_ONCE(b->recv_rights);
		return sizeof(v->val);
	case BUS_FEATURES:
		v->val = BUS_FEATURES_ALL;
		return sizeof(v->val);
	case BUS_INFO:
		bus_info_fill(sk, &v->info);
		return sizeof(v->info);
	default:
		return -ENOPROTOOPT;
	}
}

static int bus_opt_get_listener(struct sock *sk, const struct bus *bus,
				int optname, union bus_opt_value *v)
{
	switch (optname) {
	case BUS_RCVBUF:
		v->val = READ_ONCE(bus->rcvbuf) ?: READ_ONCE(sk->sk_rcvbuf);
		return sizeof(v->val);
	case BUS_QLEN:
		v->val = READ_ONCE(bus->max_qlen);
		return sizeof(v->val);
	case BUS_FLAGS:
		v->val = READ_ONCE(bus->flags);
		return sizeof(v->val);
	case BUS_OVERFLOW:
		v->overflow = (struct bus_overflow) {
			.unicast	= READ_ONCE(bus->overflow_unicast),
			.multicast	= READ_ONCE(bus->overflow_multicast),
		};
		return sizeof(v->overflow);
	default:
		return -EINVAL;
	}
}

/* Both ends of a link return the values of its client. */
static int bus_opt_get_link(struct sock *sk, const struct bus_client *client,
			    int optname, union bus_opt_value *v)
{
	switch (optname) {
	case BUS_EAVESDROP:
		v->val = !!READ_ONCE(client->eaves);
		return sizeof(v->val);
	case BUS_RCVBUF:
		v->val = READ_ONCE(sk->sk_rcvbuf);
		return sizeof(v->val);
	case BUS_QLEN:
		v->val = READ_ONCE(bus_sk(sk)->max_qlen);
		return sizeof(v->val);
	case BUS_FLAGS:
		v->val = READ_ONCE(client->flags);
		return sizeof(v->val);
	case BUS_OVERFLOW:
		v->overflow = (struct bus_overflow) {
			.unicast	= READ_ONCE(client->overflow_unicast),
			.multicast	= READ_ONCE(client->overflow_multicast),
		};
		return sizeof(v->overflow);
	default:
		return -EINVAL;
	}
}

static int bus_opt_get(struct sock *sk, int optname, union bus_opt_value *v)
{
	struct bus_client *client = bus_sk_client(sk);
	struct bus *bus = bus_sk_bus(sk);

	switch (optname) {
	case BUS_EAVESDROP:
	case BUS_RCVBUF:
	case BUS_QLEN:
	case BUS_OVERFLOW:
	case BUS_FLAGS:
		if (client)
			return bus_opt_get_link(sk, client, optname, v);
		return bus ? bus_opt_get_listener(sk, bus, optname, v) : -EINVAL;
	case BUS_MAX_MSG:
		if (!bus)
			return -EINVAL;
		v->val = READ_ONCE(bus->max_msg);
		return sizeof(v->val);
	default:
		return bus_opt_get_any(sk, optname, v);
	}
}

/**
 * bus_getsockopt() - read an option
 * @sock: socket
 * @level: SOL_BUS
 * @optname: BUS_*
 * @optval: returns the value, as much of it as there is room for
 * @optlen: room there is; returns the bytes copied
 *
 * Context: May sleep.
 * Return: 0, -ENOPROTOOPT for an option that is unknown or cannot be read,
 * -EINVAL for a negative length or the wrong kind of socket, -EFAULT.
 */
int bus_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen)
{
	union bus_opt_value v;
	int len, size;

	if (level != SOL_BUS)
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	size = bus_opt_get(sock->sk, optname, &v);
	if (size < 0)
		return size;

	len = min(len, size);
	if (put_user(len, optlen) || copy_to_user(optval, &v, len))
		return -EFAULT;
	return 0;
}
