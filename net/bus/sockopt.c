// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: socket options, level SOL_BUS
 */

#include <linux/capability.h>
#include <linux/uaccess.h>
#include "bus.h"

static int bus_opt_read(void *val, size_t size, sockptr_t optval,
			unsigned int optlen)
{
	if (optlen != size)
		return -EINVAL;
	return copy_from_sockptr(val, optval, size) ? -EFAULT : 0;
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

/* As for SO_RCVBUF: more takes what SO_RCVBUFFORCE does. */
static int bus_opt_set_sendbuf(struct bus *bus, sockptr_t optval,
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

static int bus_opt_read_overflow(struct bus_overflow *val, sockptr_t optval,
				 unsigned int optlen)
{
	int err;

	err = bus_opt_read(val, sizeof(*val), optval, optlen);
	if (err)
		return err;
	if (val->flags || val->reserved)
		return -EINVAL;
	if (val->unicast > BUS_OVERFLOW_MASTER ||
	    val->multicast > BUS_OVERFLOW_MASTER ||
	    val->multicast == BUS_OVERFLOW_REJECT)
		return -EINVAL;
	return 0;
}

static int bus_opt_set_overflow(u32 *unicast, u32 *multicast, sockptr_t optval,
				unsigned int optlen)
{
	struct bus_overflow val;
	int err;

	err = bus_opt_read_overflow(&val, optval, optlen);
	if (err)
		return err;

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
	bus_synchronize(bus);
	return 0;
}

static int bus_opt_set_bus_flags(struct bus *bus, sockptr_t optval,
				 unsigned int optlen)
{
	int err;

	err = bus_opt_set_flags(bus, &bus->flags,
				BUS_F_ORDERED | BUS_F_VIA_MASTER,
				optval, optlen);
	if (!err)
		bus_clients_reroute(bus);
	return err;
}

static int bus_set_listener(struct bus *bus, int optname, sockptr_t optval,
			    unsigned int optlen)
{
	switch (optname) {
	case BUS_SET_SENDBUF:
		return bus_opt_set_sendbuf(bus, optval, optlen);
	case BUS_SET_MAXQLEN:
		return bus_opt_set_budget(&bus->max_qlen, optval, optlen);
	case BUS_MAX_MSG:
		return bus_opt_set_max_msg(bus, optval, optlen);
	case BUS_OVERFLOW:
		return bus_opt_set_overflow(&bus->overflow_unicast,
					    &bus->overflow_multicast,
					    optval, optlen);
	case BUS_FLAGS:
		return bus_opt_set_bus_flags(bus, optval, optlen);
	default:
		return -EINVAL;
	}
}

/* Options of an accepted socket, which hold for its client. */

static int bus_opt_read_addr(u64 *addr, sockptr_t optval, unsigned int optlen)
{
	struct sockaddr_bus sbus;
	struct bus_path path;
	struct bus_addr val;
	int err;

	if (optlen != sizeof(sbus)) {
		err = bus_opt_read(&val, sizeof(val), optval, optlen);
		*addr = val.s_addr;
		return err;
	}

	if (copy_from_sockptr(&sbus, optval, sizeof(sbus)))
		return -EFAULT;
	*addr = sbus.sbus_addr.s_addr;
	return bus_path_parse(&sbus, sizeof(sbus), &path);
}

static int bus_opt_address(struct bus_client *client, int optname,
			   sockptr_t optval, unsigned int optlen)
{
	u64 addr;
	int err;

	err = bus_opt_read_addr(&addr, optval, optlen);
	if (err)
		return err;
	if (optname == BUS_ADD_ADDR)
		return bus_addr_add(client, addr);
	return bus_addr_del(client, addr);
}

static int bus_opt_ack(struct bus_client *client, sockptr_t optval,
		       unsigned int optlen)
{
	u32 val;
	int err;

	err = bus_opt_read(&val, sizeof(val), optval, optlen);
	return err ?: bus_client_ack(client, val);
}

static int bus_opt_action(struct bus_client *client, int optname,
			  unsigned int optlen)
{
	if (optlen)
		return -EINVAL;
	if (optname == BUS_JOIN_BUS)
		return bus_client_join(client);
	return bus_client_eavesdrop(client, optname == BUS_SET_EAVESDROP);
}

/* Who waits for this client need not do so by a policy that is over. */
static int bus_opt_set_client_overflow(struct bus_client *client,
				       sockptr_t optval, unsigned int optlen)
{
	int err;

	err = bus_opt_set_overflow(&client->overflow_unicast,
				   &client->overflow_multicast, optval, optlen);
	if (err)
		return err;

	bus_synchronize(client->bus);
	bus_client_reroute(client);
	return 0;
}

static int bus_opt_set_client_flags(struct bus_client *client,
				    sockptr_t optval, unsigned int optlen)
{
	int err;

	err = bus_opt_set_flags(client->bus, &client->flags, BUS_F_VIA_MASTER,
				optval, optlen);
	if (!err)
		bus_client_reroute(client);
	return err;
}

static int bus_set_accepted(struct bus_client *client, int optname,
			    sockptr_t optval, unsigned int optlen)
{
	switch (optname) {
	case BUS_ADD_ADDR:
	case BUS_DEL_ADDR:
		return bus_opt_address(client, optname, optval, optlen);
	case BUS_JOIN_BUS:
	case BUS_SET_EAVESDROP:
	case BUS_UNSET_EAVESDROP:
		return bus_opt_action(client, optname, optlen);
	case BUS_ACK:
		return bus_opt_ack(client, optval, optlen);
	case BUS_OVERFLOW:
		return bus_opt_set_client_overflow(client, optval, optlen);
	case BUS_FLAGS:
		return bus_opt_set_client_flags(client, optval, optlen);
	default:
		return -EINVAL;
	}
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

static int bus_set_by_kind(struct sock *sk, int optname, sockptr_t optval,
			   unsigned int optlen)
{
	struct bus_client *client = bus_sk_client(sk);
	struct bus *bus = bus_sk_bus(sk);

	if (client && bus_sk(sk)->accepted)
		return bus_set_accepted(client, optname, optval, optlen);
	if (bus && !client)
		return bus_set_listener(bus, optname, optval, optlen);
	return -EINVAL;
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

	if (level != SOL_BUS)
		return -ENOPROTOOPT;

	switch (optname) {
	case BUS_RECV_INFO:
		return bus_opt_set_info(b, optval, optlen);
	case BUS_RECV_NOTRUNC:
		return bus_opt_set_bool(&b->recv_notrunc, optval, optlen);
	case BUS_RECV_RIGHTS:
		return bus_opt_set_bool(&b->recv_rights, optval, optlen);
	case BUS_ADD_ADDR ... BUS_SET_MAXQLEN:
	case BUS_OVERFLOW ... BUS_ACK:
		return bus_set_by_kind(sock->sk, optname, optval, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

static u64 bus_info_count(const struct bus *bus,
			  const struct bus_client *client, enum bus_stat stat)
{
	if (client)
		return atomic64_read(&client->count[stat]);
	return bus ? bus_stat_sum(bus, stat) : 0;
}

static void bus_info_client(struct bus_info *info,
			    const struct bus_client *client)
{
	info->addr = client->addr;
	info->flags = READ_ONCE(client->bus->flags) | READ_ONCE(client->flags);
	info->overflow_unicast = READ_ONCE(client->overflow_unicast);
	info->overflow_multicast = READ_ONCE(client->overflow_multicast);
	info->unacked = atomic_read(&client->unacked);
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
	if (client)
		bus_info_client(info, client);
	info->unicasts = bus_info_count(bus, client, BUS_STAT_UNICASTS);
	info->multicasts = bus_info_count(bus, client, BUS_STAT_MULTICASTS);
	info->copies = bus_info_count(bus, client, BUS_STAT_COPIES);
	info->handovers = bus_info_count(bus, client, BUS_STAT_HANDOVERS);
	info->from_master = bus_info_count(bus, client, BUS_STAT_FROM_MASTER);
	info->filtered = bus_info_count(bus, client, BUS_STAT_FILTERED);
	info->lost = bus_info_count(bus, client, BUS_STAT_LOST);
}

static int bus_opt_get_info(struct sock *sk, char __user *optval,
			    int __user *optlen, int len)
{
	struct bus_info info;

	bus_info_fill(sk, &info);
	len = min_t(int, len, sizeof(info));
	if (put_user(len, optlen) || copy_to_user(optval, &info, len))
		return -EFAULT;
	return 0;
}

static int bus_opt_get_overflow(struct sock *sk, char __user *optval,
				int __user *optlen, int len)
{
	struct bus_client *client = bus_sk_client(sk);
	struct bus *bus = bus_sk_bus(sk);
	struct bus_overflow val = {};

	if (!bus || len != sizeof(val))
		return -EINVAL;

	val.unicast = client ? READ_ONCE(client->overflow_unicast) :
			       READ_ONCE(bus->overflow_unicast);
	val.multicast = client ? READ_ONCE(client->overflow_multicast) :
				 READ_ONCE(bus->overflow_multicast);
	return copy_to_user(optval, &val, sizeof(val)) ? -EFAULT : 0;
}

static int bus_opt_get_limit(struct sock *sk, int optname, u32 *val)
{
	struct bus_client *client = bus_sk_client(sk);
	const struct bus_sock *b = bus_sk(sk);
	struct bus *bus = bus_sk_bus(sk);

	if (!bus)
		return -EINVAL;

	switch (optname) {
	case BUS_SET_SENDBUF:
		*val = client ? READ_ONCE(sk->sk_rcvbuf) :
				READ_ONCE(bus->rcvbuf) ?:
				READ_ONCE(sk->sk_rcvbuf);
		return 0;
	case BUS_SET_MAXQLEN:
		*val = client ? READ_ONCE(b->max_qlen) :
				READ_ONCE(bus->max_qlen);
		return 0;
	case BUS_MAX_MSG:
		*val = READ_ONCE(bus->max_msg);
		return 0;
	case BUS_FLAGS:
		*val = client ? READ_ONCE(client->flags) :
				READ_ONCE(bus->flags);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int bus_opt_get_u32(struct sock *sk, int optname, u32 *val)
{
	const struct bus_sock *b = bus_sk(sk);

	switch (optname) {
	case BUS_RECV_INFO:
		*val = READ_ONCE(b->recv_info);
		return 0;
	case BUS_RECV_NOTRUNC:
		*val = READ_ONCE(b->recv_notrunc);
		return 0;
	case BUS_RECV_RIGHTS:
		*val = READ_ONCE(b->recv_rights);
		return 0;
	case BUS_SET_SENDBUF:
	case BUS_SET_MAXQLEN:
	case BUS_MAX_MSG:
	case BUS_FLAGS:
		return bus_opt_get_limit(sk, optname, val);
	default:
		return -ENOPROTOOPT;
	}
}

/**
 * bus_getsockopt() - read an option
 * @sock: socket
 * @level: SOL_BUS
 * @optname: BUS_*
 * @optval: returns the value
 * @optlen: its length, exact but for BUS_INFO, which returns what fits
 *
 * Context: May sleep.
 * Return: 0, -ENOPROTOOPT for an option that is unknown or cannot be read,
 * -EINVAL for a wrong size or kind of socket, -EFAULT.
 */
int bus_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen)
{
	int len, err;
	u32 val;

	if (level != SOL_BUS)
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	if (optname == BUS_INFO)
		return bus_opt_get_info(sock->sk, optval, optlen, len);
	if (optname == BUS_OVERFLOW)
		return bus_opt_get_overflow(sock->sk, optval, optlen, len);

	err = bus_opt_get_u32(sock->sk, optname, &val);
	if (err)
		return err;
	if (len != sizeof(val))
		return -EINVAL;
	return copy_to_user(optval, &val, sizeof(val)) ? -EFAULT : 0;
}
