// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: sock_diag
 */

#include <linux/capability.h>
#include <linux/inet_diag.h>
#include <linux/rculist.h>
#include <linux/sock_diag.h>
#include <net/netlink.h>
#include "addr.h"
#include "bus.h"
#include "client.h"
#include "path.h"
#include "queue.h"
#include "sock.h"

/**
 * struct bus_diag - a request
 * @req: the request
 * @nlh: its netlink header
 * @portid: netlink port of the requester
 * @user_ns: user namespace of the requester
 * @filters: the requester may see socket filters
 */
struct bus_diag {
	const struct bus_diag_req	*req;
	const struct nlmsghdr		*nlh;
	u32				portid;
	struct user_namespace		*user_ns;
	bool				filters;
};

static void bus_diag_init(struct bus_diag *diag, struct sk_buff *skb,
			  const struct nlmsghdr *nlh)
{
	diag->req = nlmsg_data(nlh);
	diag->nlh = nlh;
	diag->portid = NETLINK_CB(skb).portid;
	diag->user_ns = sk_user_ns(NETLINK_CB(skb).sk);
	diag->filters = netlink_net_capable(skb, CAP_NET_ADMIN);
}

/* Attributes. The functions return 0 or -EMSGSIZE. */

static int bus_diag_put_name(struct sk_buff *skb,
			     const struct bus_snapshot *snap)
{
	struct bus_diag_vfs vfs = {};

	if (!snap->bus)
		return 0;
	if (nla_put(skb, BUS_DIAG_NAME, snap->bus->path.len,
		    snap->bus->path.str))
		return -EMSGSIZE;
	if (!bus_path_node(snap->bus, &vfs.bdiag_vfs_ino, &vfs.bdiag_vfs_dev))
		return 0;
	return nla_put_64bit(skb, BUS_DIAG_VFS, sizeof(vfs), &vfs,
			     BUS_DIAG_PAD);
}

static int bus_diag_put_bus(struct sk_buff *skb,
			    const struct bus_snapshot *snap)
{
	struct bus_diag_bus bus = { .addr = snap->addr };

	if (!snap->bus)
		return 0;

	bus.cookie = snap->bus->cookie;
	bus.protocol = snap->bus->proto_id;
	bus.clients = atomic_read(&snap->bus->nr_clients);
	return nla_put_64bit(skb, BUS_DIAG_BUS, sizeof(bus), &bus,
			     BUS_DIAG_PAD);
}

static int bus_diag_put_addrs(struct sk_buff *skb,
			      const struct bus_snapshot *snap, u32 *flags)
{
	const struct bus_holder *holder;
	unsigned int nr = 0;
	struct nlattr *nest;

	if (!snap->client)
		return 0;

	nest = nla_nest_start(skb, BUS_DIAG_ADDRS);
	if (!nest)
		return -EMSGSIZE;

	list_for_each_entry_rcu(holder, &snap->client->holders, client_link) {
		if (holder->addr == snap->addr)
			continue;
		if (nr++ == BUS_DIAG_MAX_ADDRS) {
			*flags |= BUS_DIAG_F_MORE_ADDRS;
			break;
		}
		if (nla_put_u64_64bit(skb, BUS_DIAG_ADDR, holder->addr,
				      BUS_DIAG_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int bus_diag_put_peer(struct sk_buff *skb,
			     const struct bus_snapshot *snap)
{
	struct bus_diag_peer peer;

	if (!snap->peer)
		return 0;

	peer.ino = sock_i_ino(snap->peer);
	sock_diag_save_cookie(snap->peer, peer.cookie);
	return nla_put_64bit(skb, BUS_DIAG_PEER, sizeof(peer), &peer,
			     BUS_DIAG_PAD);
}

static int bus_diag_put_queue(struct sk_buff *skb, struct sock *sk,
			      const struct bus_snapshot *snap)
{
	struct bus_diag_queue queue = {
		.messages	= skb_queue_len_lockless(&sk->sk_receive_queue),
		.max_messages	= READ_ONCE(bus_sk(sk)->max_qlen),
		.bytes		= atomic_read(&sk->sk_rmem_alloc),
		.max_bytes	= READ_ONCE(sk->sk_rcvbuf),
		.drops		= atomic_read(&sk->sk_drops),
	};

	if (snap->role == BUS_ROLE_LISTENER)
		queue.max_messages = READ_ONCE(sk->sk_max_ack_backlog);
	return nla_put(skb, BUS_DIAG_QUEUE, sizeof(queue), &queue);
}

static int bus_diag_put_info(struct sk_buff *skb, struct sock *sk)
{
	struct bus_info info;

	bus_info_fill(sk, &info);
	return nla_put_64bit(skb, BUS_DIAG_INFO, sizeof(info), &info,
			     BUS_DIAG_PAD);
}

static int bus_diag_put_stats(struct sk_buff *skb,
			      const struct bus_snapshot *snap)
{
	static const enum bus_stat stats[] = {
		[BUS_DIAG_STAT_UNICASTS]	= BUS_STAT_UNICASTS,
		[BUS_DIAG_STAT_MULTICASTS]	= BUS_STAT_MULTICASTS,
		[BUS_DIAG_STAT_COPIES]		= BUS_STAT_COPIES,
		[BUS_DIAG_STAT_HANDOVERS]	= BUS_STAT_HANDOVERS,
		[BUS_DIAG_STAT_FROM_MASTER]	= BUS_STAT_FROM_MASTER,
		[BUS_DIAG_STAT_FILTERED]	= BUS_STAT_FILTERED,
		[BUS_DIAG_STAT_LOST]		= BUS_STAT_LOST,
	};
	struct nlattr *nest;
	enum bus_stat stat;
	u64 count;
	int attr;

	if (!snap->bus)
		return 0;

	nest = nla_nest_start(skb, BUS_DIAG_STATS);
	if (!nest)
		return -EMSGSIZE;

	for (attr = BUS_DIAG_STAT_UNICASTS; attr <= BUS_DIAG_STAT_MAX; attr++) {
		stat = stats[attr];
		if (snap->client)
			count = atomic64_read(&snap->client->count[stat]);
		else
			count = bus_stat_sum(snap->bus, stat);
		if (nla_put_u64_64bit(skb, attr, count, BUS_DIAG_STAT_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static u32 bus_diag_flags(struct sock *sk, const struct bus_snapshot *snap)
{
	const struct bus_client *client = snap->client;
	const struct bus_sock *b = bus_sk(sk);
	u32 flags = 0;

	/* Changed under bus->lock, which is not held here. */
	if (snap->state == BUS_STATE_JOINED && READ_ONCE(client->eaves))
		flags |= BUS_DIAG_F_EAVESDROP;
	if (client && READ_ONCE(client->flags) & BUS_F_VIA_MASTER)
		flags |= BUS_DIAG_F_VIA_MASTER;
	if (READ_ONCE(b->recv_notrunc))
		flags |= BUS_DIAG_F_NOTRUNC;
	if (READ_ONCE(b->recv_rights))
		flags |= BUS_DIAG_F_RIGHTS;
	if (rcu_access_pointer(sk->sk_filter))
		flags |= BUS_DIAG_F_FILTER;
	if (bus_is_blocked(sk))
		flags |= BUS_DIAG_F_BLOCKED;
	return flags;
}

static int bus_diag_put_attrs(struct sk_buff *skb, struct sock *sk,
			      const struct bus_snapshot *snap,
			      const struct bus_diag *diag, u32 show, u32 *flags)
{
	int err;

	err = nla_put_u8(skb, BUS_DIAG_SHUTDOWN, READ_ONCE(sk->sk_shutdown));
	if (!err && show & BUS_DIAG_SHOW_NAME)
		err = bus_diag_put_name(skb, snap);
	if (!err && show & BUS_DIAG_SHOW_BUS)
		err = bus_diag_put_bus(skb, snap);
	if (!err && show & BUS_DIAG_SHOW_ADDRS)
		err = bus_diag_put_addrs(skb, snap, flags);
	if (!err && show & BUS_DIAG_SHOW_PEER)
		err = bus_diag_put_peer(skb, snap);
	if (!err && show & BUS_DIAG_SHOW_QUEUE)
		err = bus_diag_put_queue(skb, sk, snap);
	if (!err && show & BUS_DIAG_SHOW_INFO)
		err = bus_diag_put_info(skb, sk);
	if (!err && show & BUS_DIAG_SHOW_UID)
		err = nla_put_u32(skb, BUS_DIAG_UID,
				  from_kuid_munged(diag->user_ns,
						   READ_ONCE(sk->sk_uid)));
	if (!err && show & BUS_DIAG_SHOW_MEMINFO)
		err = sock_diag_put_meminfo(sk, skb, BUS_DIAG_MEMINFO);
	if (!err && show & BUS_DIAG_SHOW_FILTER)
		err = sock_diag_put_filterinfo(diag->filters, sk, skb,
					       BUS_DIAG_FILTER);
	if (!err && show & BUS_DIAG_SHOW_STATS)
		err = bus_diag_put_stats(skb, snap);
	return err;
}

static int bus_diag_fill(struct sk_buff *skb, struct sock *sk,
			 const struct bus_snapshot *snap,
			 const struct bus_diag *diag, u32 show,
			 unsigned int nlmsg_flags)
{
	u32 flags = bus_diag_flags(sk, snap);
	struct bus_diag_msg *rep;
	struct nlmsghdr *nlh;
	int err;

	nlh = nlmsg_put(skb, diag->portid, diag->nlh->nlmsg_seq,
			SOCK_DIAG_BY_FAMILY, sizeof(*rep), nlmsg_flags);
	if (!nlh)
		return -EMSGSIZE;

	rep = nlmsg_data(nlh);
	rep->bdiag_family = AF_BUS;
	rep->bdiag_type = sk->sk_type;
	rep->bdiag_state = snap->state;
	rep->bdiag_role = snap->role;
	rep->bdiag_ino = sock_i_ino(sk);
	sock_diag_save_cookie(sk, rep->bdiag_cookie);

	err = bus_diag_put_attrs(skb, sk, snap, diag, show, &flags);
	if (err) {
		nlmsg_cancel(skb, nlh);
		return err;
	}
	rep->bdiag_flags = flags;
	nlmsg_end(skb, nlh);
	return 0;
}

/* All sockets that match */

/* Leaves out a filter that is too long for any message of a dump. */
static int bus_diag_dump_one(struct sk_buff *skb, struct sock *sk,
			     const struct bus_diag *diag)
{
	const struct bus_diag_req *req = diag->req;
	u32 show = req->bdiag_show;
	struct bus_snapshot snap;
	int err;

	bus_snapshot_take(sk, &snap);
	if (!(req->bdiag_states & BIT(snap.state)) ||
	    !(req->bdiag_roles & BIT(snap.role)))
		return 0;
	if (req->bdiag_bus &&
	    (!snap.bus || snap.bus->cookie != req->bdiag_bus))
		return 0;

	err = bus_diag_fill(skb, sk, &snap, diag, show, NLM_F_MULTI);
	if (err && !skb->len)
		err = bus_diag_fill(skb, sk, &snap, diag,
				    show & ~BUS_DIAG_SHOW_FILTER, NLM_F_MULTI);
	return err;
}

/* Returns -ENOENT at the end of the table. */
static int bus_diag_dump_next(struct sk_buff *skb, unsigned long *nr,
			      const struct bus_diag *diag)
{
	int err = -ENOENT;
	struct sock *sk;

	rcu_read_lock();
	sk = bus_table_next(sock_net(skb->sk), nr);
	if (sk)
		err = bus_diag_dump_one(skb, sk, diag);
	rcu_read_unlock();
	return err;
}

static int bus_diag_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long nr = cb->args[0];
	struct bus_diag diag;
	int err;

	bus_diag_init(&diag, cb->skb, cb->nlh);
	while (!(err = bus_diag_dump_next(skb, &nr, &diag))) {
		nr++;
		cond_resched();
	}
	cb->args[0] = nr;
	if (err == -ENOENT)
		return 0;
	return skb->len ?: err;
}

/* One socket */

static struct sock *bus_diag_find(struct net *net,
				  const struct bus_diag_req *req)
{
	unsigned long nr = 0;
	int err = -ENOENT;
	struct sock *sk;

	rcu_read_lock();
	for (sk = bus_table_next(net, &nr); sk; sk = bus_table_next(net, &nr)) {
		if (!req->bdiag_ino || req->bdiag_ino == sock_i_ino(sk))
			err = sock_diag_check_cookie(sk, req->bdiag_cookie);
		if (!err && !refcount_inc_not_zero(&sk->sk_refcnt))
			err = -ENOENT;
		if (!err || (err == -ESTALE && req->bdiag_ino))
			break;
		err = -ENOENT;
		nr++;
	}
	rcu_read_unlock();
	return err ? ERR_PTR(err) : sk;
}

/* Enough for BUS_DIAG_MAX_ADDRS addresses and a filter of BPF_MAXINSNS */
#define BUS_DIAG_REPLY_MAX	(64 * 1024)

static struct sk_buff *bus_diag_reply(struct sock *sk,
				      const struct bus_diag *diag)
{
	size_t size = NLMSG_DEFAULT_SIZE;
	struct bus_snapshot snap;
	struct sk_buff *skb;
	int err = -EMSGSIZE;

	for (; size <= BUS_DIAG_REPLY_MAX; size *= 4) {
		skb = nlmsg_new(size, GFP_KERNEL);
		if (!skb)
			return ERR_PTR(-ENOMEM);
		rcu_read_lock();
		bus_snapshot_take(sk, &snap);
		err = bus_diag_fill(skb, sk, &snap, diag,
				    diag->req->bdiag_show, 0);
		rcu_read_unlock();
		if (!err)
			return skb;
		nlmsg_free(skb);
	}
	return ERR_PTR(err);
}

static int bus_diag_exact(struct sk_buff *in_skb, const struct nlmsghdr *nlh)
{
	struct net *net = sock_net(in_skb->sk);
	struct bus_diag diag;
	struct sk_buff *skb;
	struct sock *sk;

	bus_diag_init(&diag, in_skb, nlh);
	if (!diag.req->bdiag_ino &&
	    diag.req->bdiag_cookie[0] == INET_DIAG_NOCOOKIE &&
	    diag.req->bdiag_cookie[1] == INET_DIAG_NOCOOKIE)
		return -EINVAL;

	sk = bus_diag_find(net, diag.req);
	if (IS_ERR(sk))
		return PTR_ERR(sk);

	skb = bus_diag_reply(sk, &diag);
	sock_put(sk);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	return nlmsg_unicast(net->diag_nlsk, skb, diag.portid);
}

static int bus_diag_request(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = { .dump = bus_diag_dump };
	const struct bus_diag_req *req = nlmsg_data(nlh);

	if (nlmsg_len(nlh) < sizeof(*req) || req->sdiag_protocol || req->pad)
		return -EINVAL;
	if (nlh->nlmsg_flags & NLM_F_DUMP)
		return netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb,
					  nlh, &control);
	return bus_diag_exact(skb, nlh);
}

static const struct sock_diag_handler bus_diag_handler = {
	.owner	= THIS_MODULE,
	.family	= AF_BUS,
	.dump	= bus_diag_request,
};

static int __init bus_diag_register(void)
{
	return sock_diag_register(&bus_diag_handler);
}
device_initcall(bus_diag_register);
