// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: netlink requests that read
 */

#include <linux/capability.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include "genl.h"
#include "nfdbus.h"

/**
 * struct nfdbus_dump_ctx - where a dump continues
 * @cookie: of the bus to continue with; if it is gone, the next bus
 * @pos: how many entries of this bus have been dumped
 */
struct nfdbus_dump_ctx {
	u64	cookie;
	u32	pos;
};

/**
 * struct nfdbus_dump - one message of a dump
 * @skb: message
 * @cb: state of the dump
 * @cmd: command that is answered
 * @cookie: of the current bus
 */
struct nfdbus_dump {
	struct sk_buff		*skb;
	struct netlink_callback	*cb;
	u8			cmd;
	u64			cookie;
};

static struct nfdbus_dump_ctx *nfdbus_dump_ctx(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct nfdbus_dump_ctx) > sizeof(cb->ctx));
	return (struct nfdbus_dump_ctx *)cb->ctx;
}

/* Tells whether an earlier message of the dump has this entry. */
static bool nfdbus_dump_skip(struct nfdbus_dump *d, u32 *idx)
{
	return (*idx)++ < nfdbus_dump_ctx(d->cb)->pos;
}

static void *nfdbus_dump_begin(struct nfdbus_dump *d)
{
	return genlmsg_put(d->skb, NETLINK_CB(d->cb->skb).portid,
			   d->cb->nlh->nlmsg_seq, &nfdbus_nl_family,
			   NLM_F_MULTI, d->cmd);
}

static int nfdbus_dump_end(struct nfdbus_dump *d, void *hdr, int err)
{
	if (err) {
		genlmsg_cancel(d->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(d->skb, hdr);
	nfdbus_dump_ctx(d->cb)->pos++;
	return 0;
}

static int nfdbus_dump_bus(struct nfdbus_dump *d, struct nfdbus_bus *nb,
			   int (*fill)(struct nfdbus_dump *d,
				       struct nfdbus_bus *nb))
{
	struct nfdbus_dump_ctx *ctx = nfdbus_dump_ctx(d->cb);
	int err;

	if (d->cookie != ctx->cookie) {
		ctx->cookie = d->cookie;
		ctx->pos = 0;
	}

	mutex_lock(&nb->lock);
	err = fill(d, nb);
	mutex_unlock(&nb->lock);
	if (!err) {
		ctx->cookie++;
		ctx->pos = 0;
	}
	return err;
}

static int nfdbus_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		       int cookie_attr,
		       int (*fill)(struct nfdbus_dump *d,
				   struct nfdbus_bus *nb))
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct nfdbus_dump d = { .skb = skb, .cb = cb, .cmd = cmd };
	struct net *net = sock_net(skb->sk);
	struct nfdbus_bus *nb;
	u64 only = 0;
	int err = 0;

	if (!netlink_ns_capable(cb->skb, net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (cookie_attr && attrs[cookie_attr])
		only = nla_get_u64(attrs[cookie_attr]);

	mutex_lock(&nfdbus_buses_lock);
	list_for_each_entry(nb, &nfdbus_buses, link) {
		d.cookie = af_bus_cookie(nb->bus);
		if (!net_eq(af_bus_net(nb->bus), net) ||
		    d.cookie < nfdbus_dump_ctx(cb)->cookie ||
		    (only && d.cookie != only))
			continue;
		err = nfdbus_dump_bus(&d, nb, fill);
		if (err)
			break;
	}
	mutex_unlock(&nfdbus_buses_lock);
	return err == -EMSGSIZE && skb->len ? skb->len : err;
}

/* Buses */

static int nfdbus_put_conf(struct sk_buff *skb, const struct nfdbus_bus *nb)
{
	struct nlattr *nest = nla_nest_start(skb, NFDBUS_A_BUS_CONF);

	if (!nest ||
	    nla_put_u32(skb, NFDBUS_A_CONF_FLAGS, nb->flags) ||
	    nla_put_u32(skb, NFDBUS_A_CONF_MAX_REPLIES, nb->max_replies) ||
	    nla_put_u32(skb, NFDBUS_A_CONF_MAX_FDS, nb->max_fds) ||
	    nla_put_u32(skb, NFDBUS_A_CONF_MAX_MSG, nb->max_msg))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfdbus_put_master(struct sk_buff *skb, u32 reason, u64 count)
{
	struct nlattr *nest = nla_nest_start(skb, NFDBUS_A_STATS_MASTER);

	if (!nest ||
	    nla_put_u32(skb, NFDBUS_A_MASTER_REASON, reason) ||
	    nla_put_u64_64bit(skb, NFDBUS_A_MASTER_COUNT, count,
			      NFDBUS_A_MASTER_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfdbus_put_stats(struct sk_buff *skb, const struct nfdbus_bus *nb)
{
	static const int attrs[NFDBUS_STAT_MASTER] = {
		[NFDBUS_STAT_CALLS]		= NFDBUS_A_STATS_CALLS,
		[NFDBUS_STAT_RETURNS]		= NFDBUS_A_STATS_RETURNS,
		[NFDBUS_STAT_SIGNALS]		= NFDBUS_A_STATS_SIGNALS,
		[NFDBUS_STAT_BROADCASTS]	= NFDBUS_A_STATS_BROADCASTS,
		[NFDBUS_STAT_COPIES]		= NFDBUS_A_STATS_COPIES,
	};
	struct nlattr *nest = nla_nest_start(skb, NFDBUS_A_BUS_STATS);
	u64 sum[NFDBUS_NR_STATS];
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;

	nfdbus_stats_sum(nb, sum);
	for (i = 0; i < NFDBUS_STAT_MASTER; i++)
		if (nla_put_u64_64bit(skb, attrs[i], sum[i],
				      NFDBUS_A_STATS_PAD))
			return -EMSGSIZE;
	for (; i < NFDBUS_NR_STATS; i++)
		if (sum[i] &&
		    nfdbus_put_master(skb, nfdbus_stats_reason(i), sum[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfdbus_put_bus(struct sk_buff *skb, const struct nfdbus_bus *nb)
{
	lockdep_assert_held(&nb->lock);
	if (nla_put_u64_64bit(skb, NFDBUS_A_BUS_COOKIE, af_bus_cookie(nb->bus),
			      NFDBUS_A_BUS_PAD) ||
	    nfdbus_put_conf(skb, nb) ||
	    nla_put_u32(skb, NFDBUS_A_BUS_PEERS, nb->nr_clients) ||
	    nla_put_u32(skb, NFDBUS_A_BUS_NAMES, nb->nr_names) ||
	    nla_put_u32(skb, NFDBUS_A_BUS_RULES, nb->nr_rules) ||
	    nla_put_u32(skb, NFDBUS_A_BUS_REPLIES, READ_ONCE(nb->nr_replies)) ||
	    nfdbus_put_stats(skb, nb))
		return -EMSGSIZE;
	return 0;
}

static int nfdbus_get_bus(struct nfdbus_bus *nb, struct genl_info *info)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;

	err = -EMSGSIZE;
	hdr = genlmsg_iput(skb, info);
	if (!hdr)
		goto err_free;

	mutex_lock(&nb->lock);
	err = nfdbus_put_bus(skb, nb);
	mutex_unlock(&nb->lock);
	if (err)
		goto err_free;

	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);

err_free:
	nlmsg_free(skb);
	return err;
}

int nfdbus_nl_bus_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct bus_client *client;
	struct bus *bus;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, NFDBUS_A_BUS_FD))
		return -EINVAL;

	bus = nfdbus_bus_from_fd(info->extack, info->attrs[NFDBUS_A_BUS_FD],
				 &client);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	err = nfdbus_get_bus(af_bus_proto_data(bus), info);
	if (client)
		af_bus_client_put(client);
	af_bus_put(bus);
	return err;
}

static int nfdbus_fill_bus(struct nfdbus_dump *d, struct nfdbus_bus *nb)
{
	u32 idx = 0;
	void *hdr;

	if (nfdbus_dump_skip(d, &idx))
		return 0;

	hdr = nfdbus_dump_begin(d);
	if (!hdr)
		return -EMSGSIZE;
	return nfdbus_dump_end(d, hdr, nfdbus_put_bus(d->skb, nb));
}

int nfdbus_nl_bus_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return nfdbus_dump(skb, cb, NFDBUS_CMD_BUS_GET, 0, nfdbus_fill_bus);
}

/* Clients */

static int nfdbus_put_client(struct sk_buff *skb,
			     const struct nfdbus_client *nc)
{
	lockdep_assert_held(&nc->bus->lock);
	if (nla_put_u64_64bit(skb, NFDBUS_A_PEER_COOKIE,
			      af_bus_cookie(nc->bus->bus), NFDBUS_A_PEER_PAD) ||
	    nla_put_u64_64bit(skb, NFDBUS_A_PEER_ADDR, nc->addr,
			      NFDBUS_A_PEER_PAD) ||
	    nla_put_u32(skb, NFDBUS_A_PEER_FLAGS, nc->flags) ||
	    nla_put_u32(skb, NFDBUS_A_PEER_MAX_REPLIES, nc->max_replies) ||
	    nla_put_u32(skb, NFDBUS_A_PEER_NAMES, nc->nr_names) ||
	    nla_put_u32(skb, NFDBUS_A_PEER_RULES, nc->nr_rules) ||
	    nla_put_u32(skb, NFDBUS_A_PEER_REPLIES, READ_ONCE(nc->nr_waits)))
		return -EMSGSIZE;
	return 0;
}

static int nfdbus_get_client(const struct nfdbus_client *nc,
			     struct genl_info *info)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;

	err = -EMSGSIZE;
	hdr = genlmsg_iput(skb, info);
	if (!hdr)
		goto err_free;

	mutex_lock(&nc->bus->lock);
	err = nfdbus_put_client(skb, nc);
	mutex_unlock(&nc->bus->lock);
	if (err)
		goto err_free;

	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);

err_free:
	nlmsg_free(skb);
	return err;
}

int nfdbus_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct bus_client *client;
	struct bus *bus;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, NFDBUS_A_PEER_FD))
		return -EINVAL;

	bus = nfdbus_client_from_fd(info->extack, info->attrs[NFDBUS_A_PEER_FD],
				    &client);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	/* A reply that has been delivered is settled before it is counted. */
	af_bus_synchronize(bus);
	err = nfdbus_get_client(af_bus_client_proto_data(client), info);
	af_bus_client_put(client);
	af_bus_put(bus);
	return err;
}

static int nfdbus_fill_clients(struct nfdbus_dump *d, struct nfdbus_bus *nb)
{
	struct nfdbus_client *nc;
	u32 idx = 0;
	void *hdr;
	int err;

	list_for_each_entry(nc, &nb->clients, link) {
		if (nfdbus_dump_skip(d, &idx))
			continue;
		hdr = nfdbus_dump_begin(d);
		if (!hdr)
			return -EMSGSIZE;
		err = nfdbus_dump_end(d, hdr, nfdbus_put_client(d->skb, nc));
		if (err)
			return err;
	}
	return 0;
}

int nfdbus_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return nfdbus_dump(skb, cb, NFDBUS_CMD_PEER_GET, NFDBUS_A_PEER_COOKIE,
			   nfdbus_fill_clients);
}

/* Match rules */

static int nfdbus_put_rule(struct nfdbus_dump *d,
			   const struct nfdbus_rule *rule)
{
	u64 addr = rule->owner ? rule->owner->addr : BUS_MASTER_ADDR;
	struct sk_buff *skb = d->skb;

	if (nla_put_u64_64bit(skb, NFDBUS_A_MATCH_COOKIE, d->cookie,
			      NFDBUS_A_MATCH_PAD) ||
	    nla_put_u64_64bit(skb, NFDBUS_A_MATCH_ADDR, addr,
			      NFDBUS_A_MATCH_PAD) ||
	    nla_put_string(skb, NFDBUS_A_MATCH_RULE, rule->text) ||
	    nla_put_u32(skb, NFDBUS_A_MATCH_COUNT, rule->count))
		return -EMSGSIZE;
	return 0;
}

static int nfdbus_fill_rule_list(struct nfdbus_dump *d, u32 *idx,
				 const struct list_head *rules)
{
	struct nfdbus_rule *rule;
	void *hdr;
	int err;

	list_for_each_entry(rule, rules, owner_link) {
		if (nfdbus_dump_skip(d, idx))
			continue;
		hdr = nfdbus_dump_begin(d);
		if (!hdr)
			return -EMSGSIZE;
		err = nfdbus_dump_end(d, hdr, nfdbus_put_rule(d, rule));
		if (err)
			return err;
	}
	return 0;
}

static int nfdbus_fill_rules(struct nfdbus_dump *d, struct nfdbus_bus *nb)
{
	struct nfdbus_client *nc;
	u32 idx = 0;
	int err;

	err = nfdbus_fill_rule_list(d, &idx, &nb->legacy_rules);
	if (err)
		return err;

	list_for_each_entry(nc, &nb->clients, link) {
		err = nfdbus_fill_rule_list(d, &idx, &nc->rules);
		if (err)
			return err;
	}
	return 0;
}

int nfdbus_nl_match_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return nfdbus_dump(skb, cb, NFDBUS_CMD_MATCH_GET, NFDBUS_A_MATCH_COOKIE,
			   nfdbus_fill_rules);
}

/* Names */

static int nfdbus_put_name(struct nfdbus_dump *d,
			   const struct nfdbus_name *name)
{
	const struct nfdbus_client *owner = rcu_access_pointer(name->owner);
	struct sk_buff *skb = d->skb;

	if (nla_put_u64_64bit(skb, NFDBUS_A_NAME_COOKIE, d->cookie,
			      NFDBUS_A_NAME_PAD) ||
	    nla_put_string(skb, NFDBUS_A_NAME_NAME, name->str.s) ||
	    nla_put_u64_64bit(skb, NFDBUS_A_NAME_ADDR, owner ? owner->addr : 0,
			      NFDBUS_A_NAME_PAD))
		return -EMSGSIZE;
	if (name->state == NFDBUS_NAME_DEAD)
		return nla_put_flag(skb, NFDBUS_A_NAME_DEAD);
	return 0;
}

static int nfdbus_fill_names(struct nfdbus_dump *d, struct nfdbus_bus *nb)
{
	struct nfdbus_name *name;
	u32 idx = 0;
	void *hdr;
	int err;

	list_for_each_entry(name, &nb->all_names, link) {
		if (nfdbus_dump_skip(d, &idx))
			continue;
		hdr = nfdbus_dump_begin(d);
		if (!hdr)
			return -EMSGSIZE;
		err = nfdbus_dump_end(d, hdr, nfdbus_put_name(d, name));
		if (err)
			return err;
	}
	return 0;
}

int nfdbus_nl_name_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return nfdbus_dump(skb, cb, NFDBUS_CMD_NAME_GET, NFDBUS_A_NAME_COOKIE,
			   nfdbus_fill_names);
}
