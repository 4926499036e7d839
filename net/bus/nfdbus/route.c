// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: choose the recipients of a message
 *
 * A message goes directly only if it is known that the daemon decides the same.
 * In doubt it goes to the master.
 */

#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include "nfdbus.h"

/* Parsing */

/* Recipients trust the header field, so a false one must not go directly. */
static bool nfdbus_sender_is_true(const struct nfdbus_client *src,
				  const struct nfdbus_msg *m)
{
	return !m->sender.s || nfdbus_str_eq(&m->sender, &src->unique);
}

static u32 nfdbus_parse_reason(const struct nfdbus_client *src,
			       const struct nfdbus_msg *m)
{
	if (m->strange)
		return NFDBUS_REASON_FIELDS;
	if (!nfdbus_sender_is_true(src, m))
		return NFDBUS_REASON_SENDER;
	if (!m->destination.s && m->type != NFDBUS_TYPE_SIGNAL)
		return NFDBUS_REASON_DRIVER;
	if (m->destination.s && !strcmp(m->destination.s, NFDBUS_DRIVER))
		return NFDBUS_REASON_DRIVER;
	if (m->type > NFDBUS_TYPE_SIGNAL)
		return NFDBUS_REASON_POLICY;
	if (!(READ_ONCE(src->bus->flags) & NFDBUS_BUS_F_ALLOW_ALL))
		return NFDBUS_REASON_POLICY;
	return BUS_REASON_NONE;
}

static void nfdbus_str_hash(struct nfdbus_str *str)
{
	str->hash = nfdbus_hash(str->s, str->len);
}

/* nfdbus_name_find() needs the hash. */
static void nfdbus_destination_hash(struct nfdbus_msg *m)
{
	if (m->destination.s && m->destination.s[0] != ':')
		nfdbus_str_hash(&m->destination);
}

/* nfdbus_index_find() needs the hashes. */
static void nfdbus_rule_keys_hash(struct nfdbus_msg *m)
{
	if (m->interface.s)
		nfdbus_str_hash(&m->interface);
	if (m->member.s)
		nfdbus_str_hash(&m->member);
	if (m->path.s)
		nfdbus_str_hash(&m->path);
	m->hashed = true;
}

static void nfdbus_parse_for_rules(struct nfdbus_bus *nb, struct nfdbus_msg *m)
{
	nfdbus_rule_keys_hash(m);
	m->max_rules = NFDBUS_RULES_PER_RECIPIENT * af_bus_max_recipients(nb->bus);
}

static int nfdbus_parse_broadcast(struct nfdbus_bus *nb, struct nfdbus_msg *m)
{
	m->nr_seen = READ_ONCE(nb->nr_slots);
	m->seen = kvcalloc(BITS_TO_LONGS(m->nr_seen), sizeof(*m->seen),
			   GFP_KERNEL_ACCOUNT);
	return m->seen ? 0 : -ENOMEM;
}

static int nfdbus_parse_rest(struct nfdbus_bus *nb, struct nfdbus_msg *m,
			     const struct sk_buff *skb)
{
	u64 arg_mask = READ_ONCE(nb->taps.arg_mask);
	int err = 0;

	if (nfdbus_msg_is_broadcast(m)) {
		arg_mask |= READ_ONCE(nb->index.arg_mask);
		err = nfdbus_parse_broadcast(nb, m);
	}
	if (m->seen || READ_ONCE(nb->taps.shapes))
		nfdbus_parse_for_rules(nb, m);
	return err ?: nfdbus_msg_check_body(m, skb, arg_mask);
}

static int nfdbus_parse_error(struct bus_msg *msg, int err)
{
	if (err == -EBADMSG)
		af_bus_msg_hand_over(msg, NFDBUS_REASON_MALFORMED);
	else if (err == -EOPNOTSUPP)
		af_bus_msg_hand_over(msg, NFDBUS_REASON_LIMIT);
	else
		return err;
	return 0;
}

/* Only the header of a message that goes to the master is parsed: calls and
 * replies are accounted for either way, and the master checks the rest itself.
 */
int nfdbus_parse(struct bus_client *src, struct bus_msg *msg,
		 struct sk_buff *skb)
{
	struct nfdbus_client *nc = af_bus_client_proto_data(src);
	struct nfdbus_msg *m;
	u32 reason;
	int err;

	m = nfdbus_msg_parse(skb, af_bus_msg_nr_fds(msg));
	if (IS_ERR(m))
		return nfdbus_parse_error(msg, PTR_ERR(m));

	if (nfdbus_msg_expects_reply(m))
		m->repeats = nfdbus_reply_repeats(nc, m->serial);
	reason = nfdbus_parse_reason(nc, m);
	nfdbus_destination_hash(m);
	if (!reason) {
		err = nfdbus_parse_rest(nc->bus, m, skb);
		if (err) {
			nfdbus_msg_free(m);
			return nfdbus_parse_error(msg, err);
		}
	}

	af_bus_msg_set_proto_data(msg, m);
	if (reason)
		af_bus_msg_hand_over(msg, reason);
	return 0;
}

void nfdbus_proto_msg_free(struct bus_msg *msg)
{
	nfdbus_msg_free(af_bus_msg_proto_data(msg));
}

/* Names */

/* Returns 0 unless @s is a number without leading zeros that is an address. */
static u64 nfdbus_unique_addr(const char *s)
{
	u64 addr = 0;

	if (*s == '0')
		return 0;
	for (; *s; s++) {
		if (!isdigit(*s))
			return 0;
		addr = addr * 10 + *s - '0';
		if (addr >= BUS_CLIENT_MASK)
			return 0;
	}
	return addr;
}

/* The unique name of client n is `:0.n`. A client with another unique name is
 * not on AF_BUS.
 */
static u32 nfdbus_find_unique(struct nfdbus_bus *nb,
			      const struct nfdbus_str *str,
			      struct nfdbus_client **nc)
{
	struct bus_client *client = NULL;
	u64 addr;

	if (strncmp(str->s, ":0.", 3))
		return NFDBUS_REASON_LEGACY;

	addr = nfdbus_unique_addr(str->s + 3);
	if (addr)
		client = af_bus_lookup(nb->bus, addr);
	if (!client || !af_bus_client_joined(client))
		return BUS_REASON_NO_OWNER;

	*nc = af_bus_client_proto_data(client);
	return *nc ? BUS_REASON_NONE : BUS_REASON_NO_OWNER;
}

static u32 nfdbus_find_name(struct nfdbus_bus *nb, const struct nfdbus_str *str,
			    struct nfdbus_client **nc)
{
	struct nfdbus_name *name = nfdbus_name_find(nb, str);

	if (!name)
		return BUS_REASON_NO_OWNER;
	if (READ_ONCE(name->state) == NFDBUS_NAME_LEGACY)
		return NFDBUS_REASON_LEGACY;

	*nc = rcu_dereference(name->owner);
	return *nc ? BUS_REASON_NONE : BUS_REASON_NO_OWNER;
}

static u32 nfdbus_find_client(struct nfdbus_bus *nb, const struct nfdbus_msg *m,
			      struct nfdbus_client **nc)
{
	*nc = NULL;
	if (!m->destination.s)
		return NFDBUS_REASON_DRIVER;
	if (m->destination.s[0] == ':')
		return nfdbus_find_unique(nb, &m->destination, nc);
	return nfdbus_find_name(nb, &m->destination, nc);
}

static bool nfdbus_takes_fds(const struct nfdbus_client *nc)
{
	return READ_ONCE(nc->flags) & NFDBUS_PEER_F_CAN_FDS;
}

/* The master holds a client that gains a rule or a name until it has told the
 * client so. Until then messages from and to the client go to the master, which
 * has earlier messages that they must not overtake.
 */
static bool nfdbus_is_held(const struct nfdbus_client *nc)
{
	/* Pairs with the release in nfdbus_set_commit_clients(). */
	return smp_load_acquire(&nc->flags) & NFDBUS_PEER_F_HELD;
}

/* One recipient */

static u32 nfdbus_expect(struct nfdbus_client *src, struct nfdbus_client *dst,
			 struct nfdbus_msg *m)
{
	if (!nfdbus_msg_expects_reply(m))
		return BUS_REASON_NONE;
	if (m->repeats)
		return NFDBUS_REASON_POLICY;
	if (READ_ONCE(src->bus->flags) & NFDBUS_BUS_F_REPLY_TIMEOUT)
		return NFDBUS_REASON_LIMIT;

	if (nfdbus_reply_expect(src, dst, m))
		return NFDBUS_REASON_LIMIT;
	return BUS_REASON_NONE;
}

/* Rules */

static u32 nfdbus_broadcast_to(struct nfdbus_client *dst, struct nfdbus_msg *m,
			       struct bus_route *route)
{
	if (!dst)
		return NFDBUS_REASON_LEGACY;
	if (nfdbus_is_held(dst))
		return BUS_REASON_VIA_MASTER;
	if (dst->slot >= m->nr_seen)
		return NFDBUS_REASON_LIMIT;
	if (__test_and_set_bit(dst->slot, m->seen))
		return BUS_REASON_NONE;
	if (m->nr_fds && !nfdbus_takes_fds(dst))
		return BUS_REASON_NONE;

	m->copies++;
	af_bus_route_add(route, dst->client);
	return BUS_REASON_NONE;
}

/* Only the master knows which clients may eavesdrop, and whether the recipient
 * is the destination of the rule.
 */
static u32 nfdbus_matched(const struct nfdbus_rule *rule, struct nfdbus_msg *m,
			  struct bus_route *route)
{
	if (nfdbus_msg_is_broadcast(m)) {
		if (!nfdbus_rule_broadcast(rule))
			return BUS_REASON_NONE;
		return nfdbus_broadcast_to(rule->owner, m, route);
	}
	if (rule->type && rule->type != m->type)
		return BUS_REASON_NONE;
	return NFDBUS_REASON_EAVESDROP;
}

/* The time that a message takes in one read section grows with the rules. A
 * look-up counts as one: a sender may own many names.
 */
static bool nfdbus_may_compare(struct nfdbus_msg *m)
{
	return m->nr_rules++ < m->max_rules;
}

static u32 nfdbus_match_key(struct nfdbus_index *index,
			    const struct nfdbus_key *key, struct nfdbus_msg *m,
			    struct bus_route *route)
{
	struct rhlist_head *list, *pos;
	struct nfdbus_rule *rule;
	u32 reason;

	if (!nfdbus_may_compare(m))
		return NFDBUS_REASON_LIMIT;

	list = nfdbus_index_find(index, key);
	rhl_for_each_entry_rcu(rule, pos, list, node) {
		if (!nfdbus_may_compare(m))
			return NFDBUS_REASON_LIMIT;
		/* Pairs with the release in nfdbus_matches_commit(). */
		if (!smp_load_acquire(&rule->count) ||
		    !nfdbus_rule_matches(rule, m))
			continue;
		reason = nfdbus_matched(rule, m, route);
		if (reason)
			return reason;
	}
	return BUS_REASON_NONE;
}

/* A rule names a sender by its unique name or by a name that it owns. */
static u32 nfdbus_match_names(struct nfdbus_client *src,
			      struct nfdbus_index *index,
			      struct nfdbus_key *key, struct nfdbus_msg *m,
			      struct bus_route *route)
{
	struct nfdbus_name *name;
	u32 reason;

	key->val[NFDBUS_KEY_SENDER] = src->unique;
	reason = nfdbus_match_key(index, key, m, route);
	if (reason)
		return reason;

	list_for_each_entry_rcu(name, &src->names, owner_link) {
		key->val[NFDBUS_KEY_SENDER] = name->str;
		reason = nfdbus_match_key(index, key, m, route);
		if (reason)
			return reason;
	}
	return BUS_REASON_NONE;
}

static const struct nfdbus_arg *nfdbus_msg_arg0(const struct nfdbus_msg *m)
{
	const struct nfdbus_arg *arg = m->args;

	/* An argument that was cut is longer than the value of any rule. */
	if (arg && !arg->idx && arg->type == 's' && arg->len == arg->str.len)
		return arg;
	return NULL;
}

/* Fills in @key from the message; returns the bits of its values. */
static u8 nfdbus_match_init(struct nfdbus_key *key, const struct nfdbus_msg *m)
{
	const struct nfdbus_arg *arg0 = nfdbus_msg_arg0(m);
	u8 shape = BIT(NFDBUS_KEY_SENDER);
	unsigned int i;

	key->val[NFDBUS_KEY_INTERFACE] = m->interface;
	key->val[NFDBUS_KEY_MEMBER] = m->member;
	key->val[NFDBUS_KEY_PATH] = m->path;
	if (arg0)
		key->val[NFDBUS_KEY_ARG0] = arg0->str;

	for (i = 0; i < NFDBUS_NR_KEYS; i++)
		if (key->val[i].s)
			shape |= BIT(i);
	return shape;
}

static u32 nfdbus_match(struct nfdbus_client *src, struct nfdbus_index *index,
			struct nfdbus_msg *m, struct bus_route *route)
{
	struct nfdbus_key key = {};
	unsigned long shapes;
	unsigned int shape;
	u32 reason;
	u8 has;

	/* Pairs with the release in nfdbus_index_count(). */
	shapes = smp_load_acquire(&index->shapes);
	if (!shapes)
		return BUS_REASON_NONE;
	/* The message was parsed before there was such a rule. */
	if (!m->hashed || READ_ONCE(index->arg_mask) & ~m->arg_mask)
		return NFDBUS_REASON_LIMIT;

	has = nfdbus_match_init(&key, m);
	for_each_set_bit(shape, &shapes, BIT(NFDBUS_NR_KEYS)) {
		if (shape & ~has)
			continue;
		key.shape = shape;
		if (shape & BIT(NFDBUS_KEY_SENDER))
			reason = nfdbus_match_names(src, index, &key, m, route);
		else
			reason = nfdbus_match_key(index, &key, m, route);
		if (reason)
			return reason;
	}
	return BUS_REASON_NONE;
}

/**
 * nfdbus_match_rules() - find the clients whose rules match a message
 * @src: sender
 * @m: message
 * @route: clients are added to it
 *
 * A rule that eavesdrops is compared with each message, any other rule only
 * with a signal without destination.
 *
 * Context: Under rcu_read_lock().
 * Return: Why the message has to go to the master, or %BUS_REASON_NONE.
 */
u32 nfdbus_match_rules(struct nfdbus_client *src, struct nfdbus_msg *m,
		       struct bus_route *route)
{
	u32 reason = BUS_REASON_NONE;

	m->nr_rules = 0;
	if (nfdbus_msg_is_broadcast(m))
		reason = nfdbus_match(src, &src->bus->index, m, route);
	return reason ?: nfdbus_match(src, &src->bus->taps, m, route);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_match_rules);

static u32 nfdbus_broadcast(struct nfdbus_client *src, struct nfdbus_msg *m,
			    struct bus_route *route)
{
	af_bus_route_multicast(route);
	bitmap_zero(m->seen, m->nr_seen);

	return nfdbus_match_rules(src, m, route);
}

static u32 nfdbus_unicast(struct nfdbus_client *src, struct nfdbus_client *dst,
			  struct nfdbus_msg *m, struct bus_route *route)
{
	u32 reason;

	if (m->nr_fds && !nfdbus_takes_fds(dst))
		return NFDBUS_REASON_RIGHTS;
	if (nfdbus_is_held(dst))
		return BUS_REASON_VIA_MASTER;

	reason = nfdbus_match_rules(src, m, route) ?:
		 nfdbus_expect(src, dst, m);
	if (!reason)
		af_bus_route_add(route, dst->client);
	return reason;
}

/* The decision */

static u32 nfdbus_bus_allows(const struct nfdbus_client *src,
			     const struct nfdbus_msg *m, unsigned int len)
{
	const struct nfdbus_bus *nb = src->bus;

	/* Pairs with the release in nfdbus_set_commit(). */
	if (!(smp_load_acquire(&nb->flags) & NFDBUS_BUS_F_ALLOW_ALL))
		return NFDBUS_REASON_POLICY;
	if (len > READ_ONCE(nb->max_msg) || m->nr_fds > READ_ONCE(nb->max_fds))
		return NFDBUS_REASON_LIMIT;
	if (m->nr_fds && !nfdbus_takes_fds(src))
		return NFDBUS_REASON_RIGHTS;
	return BUS_REASON_NONE;
}

static u32 nfdbus_choose(struct nfdbus_client *src, struct nfdbus_client *dst,
			 u32 found, struct nfdbus_msg *m, unsigned int len,
			 struct bus_route *route)
{
	u32 reason = af_bus_route_reason(route);

	if (!reason && nfdbus_is_held(src))
		reason = BUS_REASON_VIA_MASTER;
	if (!reason)
		reason = nfdbus_bus_allows(src, m, len);
	if (reason)
		return reason;

	if (found && !nfdbus_msg_is_broadcast(m))
		return found;
	if (m->reply_serial && (!dst || !nfdbus_reply_claim(src, dst, m)))
		return NFDBUS_REASON_REPLY;
	if (dst)
		return nfdbus_unicast(src, dst, m, route);
	return nfdbus_broadcast(src, m, route);
}

static u32 nfdbus_decide(struct nfdbus_client *src, struct nfdbus_msg *m,
			 unsigned int len, struct bus_route *route)
{
	struct nfdbus_client *dst;
	u32 found, reason;

	m->copies = 0;
	if (m->repeats)
		af_bus_route_set_flags(route, NFDBUS_REASON_F_REPEATS);

	found = nfdbus_find_client(src->bus, m, &dst);
	reason = nfdbus_choose(src, dst, found, m, len, route);
	/* af_bus_route_add() may have found a reason. */
	if (!reason)
		reason = af_bus_route_reason(route);
	if (reason && reason != BUS_REASON_DENIED && dst &&
	    af_bus_route_denies(route, dst->client))
		return BUS_REASON_DENIED;
	return reason;
}

void nfdbus_route(struct bus_client *src, struct bus_msg *msg,
		  struct bus_route *route)
{
	struct nfdbus_client *nc = af_bus_client_proto_data(src);
	struct nfdbus_msg *m = af_bus_msg_proto_data(msg);
	u32 reason;

	reason = m ? nfdbus_decide(nc, m, af_bus_msg_len(msg), route) :
		     af_bus_route_reason(route);
	if (reason)
		af_bus_route_master(route, reason);
}

void nfdbus_settle(struct bus_client *src, struct bus_msg *msg, bool staged)
{
	struct nfdbus_bus *nb = af_bus_proto_data(af_bus_client_bus(src));
	struct nfdbus_msg *m = af_bus_msg_proto_data(msg);
	u32 reason = af_bus_msg_handed_over(msg);

	if (m)
		nfdbus_reply_settle(nb, m, staged, !reason);
	if (!staged)
		return;

	nfdbus_stats_count(nb, m, reason);
	/* Not needed after the message is staged: do not keep it in queues. */
	if (m) {
		af_bus_msg_set_proto_data(msg, NULL);
		nfdbus_msg_free(m);
	}
}
