// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: netlink requests of a master
 */

#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <net/genetlink.h>
#include "genl.h"
#include "nfdbus.h"

/* Expected replies in one answer */
#define NFDBUS_TAKE_MAX	64

/**
 * struct nfdbus_set - a request to change a bus
 * @nb: the bus
 * @extack: returns what is wrong with the request
 * @flags: of the bus after the request
 * @max_replies: of the bus after the request
 * @max_fds: of the bus after the request
 * @max_msg: of the bus after the request
 * @names: names that the request changes
 * @rules: rules that the request changes
 * @clients: clients that the request changes
 *
 * The request is prepared first, and then committed or aborted as a whole. No
 * client leaves in between, because bus->lock is held all the time.
 */
struct nfdbus_set {
	struct nfdbus_bus	*nb;
	struct netlink_ext_ack	*extack;
	u32			flags;
	u32			max_replies;
	u32			max_fds;
	u32			max_msg;
	struct list_head	names;
	struct list_head	rules;
	struct list_head	clients;
};

/**
 * nfdbus_bus_from_fd() - find the bus over which a descriptor has authority
 * @extack: returns what is wrong with the descriptor
 * @attr: attribute with the descriptor
 * @client: returns the client of an accepted socket, referenced, or NULL
 *
 * Context: May sleep.
 * Return: The bus, referenced, or an ERR_PTR(): -EPERM for the socket of a
 * client, -EINVAL for any other descriptor without authority.
 */
struct bus *nfdbus_bus_from_fd(struct netlink_ext_ack *extack,
			       const struct nlattr *attr,
			       struct bus_client **client)
{
	struct bus *bus;

	bus = af_bus_from_fd(nla_get_s32(attr), client);
	if (bus == ERR_PTR(-EPERM)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a client has no authority over its bus");
		return bus;
	}
	if (IS_ERR(bus)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "not a socket of the master of a bus");
		return ERR_PTR(-EINVAL);
	}
	if (af_bus_proto_id(bus) == BUS_PROTO_DBUS)
		return bus;

	NL_SET_ERR_MSG_ATTR(extack, attr, "not a bus of BUS_PROTO_DBUS");
	if (*client)
		af_bus_client_put(*client);
	af_bus_put(bus);
	return ERR_PTR(-EINVAL);
}

/**
 * nfdbus_client_from_fd() - find the client of an accepted socket
 * @extack: returns what is wrong with the descriptor
 * @attr: attribute with the descriptor
 * @client: returns the client, referenced; it has joined and may have left
 *
 * Context: May sleep.
 * Return: The bus of the client, referenced, or an ERR_PTR(): -EPERM, -EINVAL.
 */
struct bus *nfdbus_client_from_fd(struct netlink_ext_ack *extack,
				  const struct nlattr *attr,
				  struct bus_client **client)
{
	struct bus *bus = nfdbus_bus_from_fd(extack, attr, client);

	if (IS_ERR(bus))
		return bus;
	if (*client && af_bus_client_proto_data(*client))
		return bus;

	if (*client) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "the client has not joined");
		af_bus_client_put(*client);
	} else {
		NL_SET_ERR_MSG_ATTR(extack, attr, "not an accepted socket");
	}
	af_bus_put(bus);
	return ERR_PTR(-EINVAL);
}

/* Returns NULL in @nc for a client that has left: it is not to be changed. */
static int nfdbus_set_client_from_fd(struct nfdbus_set *set,
				     const struct nlattr *attr,
				     struct nfdbus_client **nc)
{
	struct bus_client *client;
	struct bus *bus;
	int err = 0;

	bus = nfdbus_client_from_fd(set->extack, attr, &client);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	*nc = af_bus_client_proto_data(client);
	if (bus != set->nb->bus) {
		NL_SET_ERR_MSG_ATTR(set->extack, attr, "of another bus");
		err = -EINVAL;
	} else if ((*nc)->gone) {
		*nc = NULL;
	}
	af_bus_client_put(client);
	af_bus_put(bus);
	return err;
}

static int nfdbus_set_missing(struct nfdbus_set *set, struct nlattr *nest,
			      int type)
{
	NL_SET_ERR_ATTR_MISS(set->extack, nest, type);
	NL_SET_ERR_MSG(set->extack, "attribute missing");
	return -EINVAL;
}

static int nfdbus_set_conf(struct nfdbus_set *set, struct nlattr *attr)
{
	struct nlattr *tb[NFDBUS_A_CONF_MAX + 1];
	int err;

	err = nla_parse_nested(tb, NFDBUS_A_CONF_MAX, attr,
			       nfdbus_conf_nl_policy, set->extack);
	if (err)
		return err;

	if (tb[NFDBUS_A_CONF_FLAGS])
		set->flags = nla_get_u32(tb[NFDBUS_A_CONF_FLAGS]);
	if (tb[NFDBUS_A_CONF_MAX_REPLIES])
		set->max_replies = nla_get_u32(tb[NFDBUS_A_CONF_MAX_REPLIES]);
	if (tb[NFDBUS_A_CONF_MAX_FDS])
		set->max_fds = nla_get_u32(tb[NFDBUS_A_CONF_MAX_FDS]);
	if (tb[NFDBUS_A_CONF_MAX_MSG])
		set->max_msg = nla_get_u32(tb[NFDBUS_A_CONF_MAX_MSG]);
	return 0;
}

static int nfdbus_set_client(struct nfdbus_set *set, struct nlattr *attr)
{
	struct nlattr *tb[NFDBUS_A_CLIENT_MAX + 1];
	struct nfdbus_client *nc;
	int err;

	err = nla_parse_nested(tb, NFDBUS_A_CLIENT_MAX, attr,
			       nfdbus_client_nl_policy, set->extack);
	if (err)
		return err;
	if (!tb[NFDBUS_A_CLIENT_FD])
		return nfdbus_set_missing(set, attr, NFDBUS_A_CLIENT_FD);

	err = nfdbus_set_client_from_fd(set, tb[NFDBUS_A_CLIENT_FD], &nc);
	if (err || !nc)
		return err;

	if (list_empty(&nc->change_link)) {
		nc->new_flags = nc->flags;
		nc->new_max_replies = nc->max_replies;
		list_add_tail(&nc->change_link, &set->clients);
	}
	if (tb[NFDBUS_A_CLIENT_FLAGS])
		nc->new_flags = nla_get_u32(tb[NFDBUS_A_CLIENT_FLAGS]);
	if (tb[NFDBUS_A_CLIENT_MAX_REPLIES])
		nc->new_max_replies =
			nla_get_u32(tb[NFDBUS_A_CLIENT_MAX_REPLIES]);
	return 0;
}

static int nfdbus_set_rule(struct nfdbus_set *set, struct nfdbus_client *owner,
			   struct nlattr *attr, bool add)
{
	struct nfdbus_rule *rule;
	const char *error;
	u32 offset;
	int err;

	rule = nfdbus_rule_parse(nla_data(attr), &offset, &error);
	if (IS_ERR(rule)) {
		if (error)
			NL_SET_ERR_MSG_ATTR_FMT(set->extack, attr,
						"match rule, offset %u: %s",
						offset, error);
		return PTR_ERR(rule);
	}
	if (add)
		return nfdbus_match_add(set->nb, &set->rules, owner, rule);

	err = nfdbus_match_del(set->nb, &set->rules, owner, rule);
	if (err)
		NL_SET_ERR_MSG_ATTR(set->extack, attr, "no such match rule");
	kfree(rule);
	return err;
}

static int nfdbus_set_match(struct nfdbus_set *set, struct nlattr *attr)
{
	struct nlattr *tb[NFDBUS_A_RULE_MAX + 1];
	struct nfdbus_client *owner = NULL;
	int err;

	err = nla_parse_nested(tb, NFDBUS_A_RULE_MAX, attr,
			       nfdbus_rule_nl_policy, set->extack);
	if (err)
		return err;

	if (tb[NFDBUS_A_RULE_FD]) {
		err = nfdbus_set_client_from_fd(set, tb[NFDBUS_A_RULE_FD],
						&owner);
		if (err || !owner)
			return err;
	}
	if (nla_type(attr) == NFDBUS_A_SET_MATCH_CLEAR) {
		nfdbus_match_clear(set->nb, &set->rules, owner);
		return 0;
	}
	if (!tb[NFDBUS_A_RULE_TEXT])
		return nfdbus_set_missing(set, attr, NFDBUS_A_RULE_TEXT);
	return nfdbus_set_rule(set, owner, tb[NFDBUS_A_RULE_TEXT],
			       nla_type(attr) == NFDBUS_A_SET_MATCH_ADD);
}

static int nfdbus_set_name(struct nfdbus_set *set, struct nlattr *attr)
{
	enum nfdbus_name_state state = NFDBUS_NAME_LEGACY;
	struct nlattr *tb[NFDBUS_A_OWNER_MAX + 1];
	struct nfdbus_client *owner = NULL;
	const char *name;
	int err;

	err = nla_parse_nested(tb, NFDBUS_A_OWNER_MAX, attr,
			       nfdbus_owner_nl_policy, set->extack);
	if (err)
		return err;
	if (!tb[NFDBUS_A_OWNER_NAME])
		return nfdbus_set_missing(set, attr, NFDBUS_A_OWNER_NAME);

	name = nla_data(tb[NFDBUS_A_OWNER_NAME]);
	if (name[0] == ':' || !nfdbus_is_bus_name(name, strlen(name)) ||
	    !strcmp(name, NFDBUS_DRIVER)) {
		NL_SET_ERR_MSG_ATTR(set->extack, tb[NFDBUS_A_OWNER_NAME],
				    "not a well-known name of a client");
		return -EINVAL;
	}
	if (tb[NFDBUS_A_OWNER_FD]) {
		err = nfdbus_set_client_from_fd(set, tb[NFDBUS_A_OWNER_FD],
						&owner);
		if (err)
			return err;
		state = owner ? NFDBUS_NAME_OWNED : NFDBUS_NAME_DEAD;
	}
	if (nla_type(attr) == NFDBUS_A_SET_NAME_CLEAR)
		state = NFDBUS_NAME_NONE;
	return nfdbus_name_prepare(set->nb, &set->names, name, state, owner);
}

static int nfdbus_set_attr(struct nfdbus_set *set, struct nlattr *attr)
{
	switch (nla_type(attr)) {
	case NFDBUS_A_SET_CONF:
		return nfdbus_set_conf(set, attr);
	case NFDBUS_A_SET_PEER:
		return nfdbus_set_client(set, attr);
	case NFDBUS_A_SET_MATCH_ADD:
	case NFDBUS_A_SET_MATCH_DEL:
	case NFDBUS_A_SET_MATCH_CLEAR:
		return nfdbus_set_match(set, attr);
	case NFDBUS_A_SET_NAME_SET:
	case NFDBUS_A_SET_NAME_CLEAR:
		return nfdbus_set_name(set, attr);
	default:
		return 0;
	}
}

/* Holds clients before the request gives them a name or a rule. */
static void nfdbus_set_hold_clients(struct nfdbus_set *set)
{
	struct nfdbus_client *nc;

	list_for_each_entry(nc, &set->clients, change_link)
		WRITE_ONCE(nc->flags, nc->flags |
			   (nc->new_flags & NFDBUS_PEER_F_HELD));
}

static bool nfdbus_set_commit_clients(struct nfdbus_set *set)
{
	struct nfdbus_client *nc, *tmp;
	bool lost = false;

	list_for_each_entry_safe(nc, tmp, &set->clients, change_link) {
		list_del_init(&nc->change_link);
		lost |= nc->flags & ~nc->new_flags & ~NFDBUS_PEER_F_HELD;
		lost |= nc->max_replies > nc->new_max_replies;
		/* Pairs with the acquire in nfdbus_is_held(). */
		smp_store_release(&nc->flags, nc->new_flags);
		WRITE_ONCE(nc->max_replies, nc->new_max_replies);
	}
	return lost;
}

/* Returns whether the request forbids something that was allowed before. */
static bool nfdbus_set_commit(struct nfdbus_set *set)
{
	struct nfdbus_bus *nb = set->nb;
	bool lost = nb->flags != set->flags ||
		    nb->max_replies > set->max_replies ||
		    nb->max_fds > set->max_fds || nb->max_msg > set->max_msg;

	nfdbus_set_hold_clients(set);
	lost |= nfdbus_matches_commit(nb, &set->rules);
	lost |= nfdbus_names_commit(nb, &set->names);
	lost |= nfdbus_set_commit_clients(set);
	WRITE_ONCE(nb->max_replies, set->max_replies);
	WRITE_ONCE(nb->max_fds, set->max_fds);
	WRITE_ONCE(nb->max_msg, set->max_msg);
	/* Pairs with the acquire in nfdbus_bus_allows(): a sender that sees a
	 * new flag sees the limits of the same request.
	 */
	smp_store_release(&nb->flags, set->flags);
	return lost;
}

static void nfdbus_set_abort(struct nfdbus_set *set)
{
	struct nfdbus_client *nc, *tmp;

	list_for_each_entry_safe(nc, tmp, &set->clients, change_link)
		list_del_init(&nc->change_link);
	nfdbus_matches_abort(set->nb, &set->rules);
	nfdbus_names_abort(set->nb, &set->names);
}

static int nfdbus_set(struct nfdbus_bus *nb, struct genl_info *info, bool *lost)
{
	struct nfdbus_set set = { .nb = nb, .extack = info->extack };
	struct nlattr *attr;
	int rem, err = 0;

	INIT_LIST_HEAD(&set.names);
	INIT_LIST_HEAD(&set.rules);
	INIT_LIST_HEAD(&set.clients);

	mutex_lock(&nb->lock);
	set.flags = nb->flags;
	set.max_replies = nb->max_replies;
	set.max_fds = nb->max_fds;
	set.max_msg = nb->max_msg;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		err = nfdbus_set_attr(&set, attr);
		if (err)
			break;
	}
	if (err)
		nfdbus_set_abort(&set);
	else
		*lost = nfdbus_set_commit(&set);
	mutex_unlock(&nb->lock);
	return err;
}

int nfdbus_nl_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct bus_client *client;
	bool lost = false;
	struct bus *bus;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, NFDBUS_A_SET_FD))
		return -EINVAL;

	bus = nfdbus_bus_from_fd(info->extack, info->attrs[NFDBUS_A_SET_FD],
				 &client);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	if (client) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[NFDBUS_A_SET_FD],
				    "not the listening socket of a bus");
		af_bus_client_put(client);
		err = -EPERM;
	} else {
		err = nfdbus_set(af_bus_proto_data(bus), info, &lost);
		if (lost)
			af_bus_synchronize(bus);
	}
	af_bus_put(bus);
	return err;
}

static int nfdbus_put_expected(struct sk_buff *skb,
			       const struct nfdbus_owed *owed)
{
	struct nlattr *nest = nla_nest_start(skb, NFDBUS_A_REPLY_EXPECTED);
	struct timespec64 since = ns_to_timespec64(owed->since);

	/* The master may be in a time namespace. */
	timens_add_monotonic(&since);
	if (!nest ||
	    nla_put_u64_64bit(skb, NFDBUS_A_EXPECTED_ADDR, owed->key.caller,
			      NFDBUS_A_EXPECTED_PAD) ||
	    nla_put_u32(skb, NFDBUS_A_EXPECTED_SERIAL, owed->key.serial) ||
	    nla_put_u64_64bit(skb, NFDBUS_A_EXPECTED_SINCE,
			      timespec64_to_ns(&since), NFDBUS_A_EXPECTED_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int nfdbus_answer_expected(struct genl_info *info,
				  const struct nfdbus_owed *owed,
				  unsigned int nr)
{
	struct sk_buff *skb;
	unsigned int i;
	void *hdr;
	int err;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;

	err = -EMSGSIZE;
	hdr = genlmsg_iput(skb, info);
	if (!hdr)
		goto err_free;

	for (i = 0; i < nr; i++) {
		err = nfdbus_put_expected(skb, &owed[i]);
		if (err)
			goto err_free;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);

err_free:
	nlmsg_free(skb);
	return err;
}

/* Takes only replies that are in the answer; the master asks again for the
 * others.
 */
static int nfdbus_take_replies(struct nfdbus_client *nc, struct genl_info *info)
{
	struct nfdbus_owed *owed;
	unsigned int nr;
	int err;

	owed = kmalloc_array(NFDBUS_TAKE_MAX, sizeof(*owed), GFP_KERNEL);
	if (!owed)
		return -ENOMEM;

	/* Calls that are staged now are settled when this returns. */
	af_bus_synchronize(nc->bus->bus);
	nr = nfdbus_replies_peek(nc, owed, NFDBUS_TAKE_MAX);
	err = nfdbus_answer_expected(info, owed, nr);
	if (!err)
		nfdbus_replies_take(nc, owed, nr);
	kfree(owed);
	return err;
}

/* Holds the reply while the master is told of it: the callee may send the reply
 * at this moment, and it must not go directly once the master expects it.
 */
static int nfdbus_take_reply(struct nfdbus_client *nc, struct genl_info *info,
			     u64 caller, u32 serial)
{
	struct nfdbus_owed owed = {};
	struct nfdbus_reply *reply;
	int err;

	reply = nfdbus_reply_hold(nc, caller, serial);
	if (reply) {
		owed.key = reply->key;
		owed.since = reply->since;
	}
	err = nfdbus_answer_expected(info, &owed, !!reply);
	if (reply)
		nfdbus_reply_drop(nc->bus, reply, !err);
	return err;
}

static int nfdbus_take(struct nfdbus_client *nc, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[NFDBUS_A_REPLY_EXPECTED];
	struct nlattr *tb[NFDBUS_A_EXPECTED_MAX + 1];
	int err;

	if (!attr)
		return nfdbus_take_replies(nc, info);

	err = nla_parse_nested(tb, NFDBUS_A_EXPECTED_MAX, attr,
			       nfdbus_expected_nl_policy, info->extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(info->extack, attr, tb, NFDBUS_A_EXPECTED_ADDR) ||
	    NL_REQ_ATTR_CHECK(info->extack, attr, tb, NFDBUS_A_EXPECTED_SERIAL))
		return -EINVAL;

	return nfdbus_take_reply(nc, info,
				 nla_get_u64(tb[NFDBUS_A_EXPECTED_ADDR]),
				 nla_get_u32(tb[NFDBUS_A_EXPECTED_SERIAL]));
}

int nfdbus_nl_take_replies_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct bus_client *client;
	struct bus *bus;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, NFDBUS_A_REPLY_FD))
		return -EINVAL;

	bus = nfdbus_client_from_fd(info->extack,
				    info->attrs[NFDBUS_A_REPLY_FD], &client);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	err = nfdbus_take(af_bus_client_proto_data(client), info);
	af_bus_client_put(client);
	af_bus_put(bus);
	return err;
}
