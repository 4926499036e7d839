/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nfdbus: private header
 */
#ifndef _NET_BUS_NFDBUS_H
#define _NET_BUS_NFDBUS_H

#include <linux/bits.h>
#include <linux/export.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>
#include <net/af_bus.h>
#include <uapi/linux/nfdbus.h>

struct nfdbus_bus;
struct nfdbus_msg;
struct nfdbus_client;
struct netlink_ext_ack;
struct sk_buff;

/* For symbols that only the KUnit tests use outside of the module. */
#if IS_ENABLED(CONFIG_NFDBUS_KUNIT_TEST)
#define EXPORT_SYMBOL_NFDBUS_TEST(sym)	EXPORT_SYMBOL_GPL(sym)
#else
#define EXPORT_SYMBOL_NFDBUS_TEST(sym)
#endif

/* Limits of the D-Bus specification. */
#define NFDBUS_MAX_MSG		BIT(27)
#define NFDBUS_MAX_ARRAY	BIT(26)
#define NFDBUS_MAX_NAME		255
#define NFDBUS_MAX_SIG		255
#define NFDBUS_MAX_DEPTH	64	/* of values, variants included */
#define NFDBUS_MAX_NEST		32	/* of one kind of container in a type */
#define NFDBUS_MAX_RULE		1024u
#define NFDBUS_MAX_ARGS		64u

/* Not of D-Bus: a message with a longer header goes to the master. */
#define NFDBUS_MAX_HEADER	(32u << 10)

/* As this many comparisons with the longest rules take about as long as one
 * recipient with a long filter.
 */
#define NFDBUS_RULES_PER_RECIPIENT	8

#define NFDBUS_DRIVER		"org.freedesktop.DBus"

enum nfdbus_type {
	NFDBUS_TYPE_INVALID,
	NFDBUS_TYPE_CALL,
	NFDBUS_TYPE_RETURN,
	NFDBUS_TYPE_ERROR,
	NFDBUS_TYPE_SIGNAL,
};

#define NFDBUS_FLAG_NO_REPLY	0x1

/**
 * struct nfdbus_str - a string
 * @s: text with a terminating NUL; NULL if there is no string
 * @len: bytes without the NUL
 * @hash: nfdbus_hash() of the text; set only where the string is looked up
 */
struct nfdbus_str {
	const char	*s;
	u32		len;
	u32		hash;
};

static inline bool nfdbus_str_eq(const struct nfdbus_str *a,
				 const struct nfdbus_str *b)
{
	return a->len == b->len && !memcmp(a->s, b->s, a->len);
}

/* cursor.c */

/**
 * struct nfdbus_cursor - a position in a message that is read in order
 * @skb: the part of the message that is being read; NULL in plain memory
 * @next: the part after @skb
 * @frag: the next page fragment of @skb
 * @p: next byte
 * @left: bytes readable at @p
 * @pos: position of @p in the message
 * @len: bytes of the message
 * @swap: integers are not in native order
 */
struct nfdbus_cursor {
	const struct sk_buff	*skb;
	const struct sk_buff	*next;
	int			frag;
	const u8		*p;
	u32			left;
	u32			pos;
	u32			len;
	bool			swap;
};

void nfdbus_cursor_init(struct nfdbus_cursor *c, const struct sk_buff *skb);
void nfdbus_cursor_init_mem(struct nfdbus_cursor *c, const void *mem, u32 len);
int nfdbus_cursor_fill(struct nfdbus_cursor *c);
int nfdbus_cursor_copy(struct nfdbus_cursor *c, void *to, u32 len);
int nfdbus_cursor_skip(struct nfdbus_cursor *c, u32 len);
int nfdbus_cursor_align(struct nfdbus_cursor *c, u32 align);
int nfdbus_cursor_u8(struct nfdbus_cursor *c, u8 *v);
int nfdbus_cursor_u32(struct nfdbus_cursor *c, u32 *v);

/* syntax.c */

/**
 * struct nfdbus_utf8 - state while a string in pieces is checked for UTF-8
 * @need: bytes that complete the current character
 * @lo: least valid value of the next byte
 * @hi: greatest valid value of the next byte
 */
struct nfdbus_utf8 {
	u8	need;
	u8	lo;
	u8	hi;
};

/**
 * struct nfdbus_path - state while an object path in pieces is checked
 * @len: bytes that have been read
 * @last: the last of these bytes
 */
struct nfdbus_path {
	u32	len;
	u8	last;
};

bool nfdbus_utf8_valid(struct nfdbus_utf8 *state, const u8 *p, u32 len);
bool nfdbus_path_valid(struct nfdbus_path *state, const u8 *p, u32 len);
bool nfdbus_path_end(const struct nfdbus_path *state);
bool nfdbus_is_path(const char *s, u32 len);
bool nfdbus_is_interface(const char *s, u32 len);
bool nfdbus_is_member(const char *s, u32 len);
bool nfdbus_is_bus_name(const char *s, u32 len);
bool nfdbus_is_namespace(const char *s, u32 len);
bool nfdbus_is_signature(const char *s, u32 len);
u32 nfdbus_type_align(char type);
bool nfdbus_type_fixed(char type);
u32 nfdbus_sig_skip(const char *sig, u32 pos);
u32 nfdbus_hash(const char *s, u32 len);

/* body.c */

/**
 * struct nfdbus_arg - an argument of a message that match rules compare
 * @next: the next one, with a greater @idx
 * @idx: 0 is the first argument
 * @type: 's' or 'o'
 * @len: bytes of the argument
 * @str: its first bytes, as many as a rule can have; @str.len is at most @len
 * @buf: holds @str
 */
struct nfdbus_arg {
	struct nfdbus_arg	*next;
	u8			idx;
	char			type;
	u32			len;
	struct nfdbus_str	str;
	char			buf[];
};

void nfdbus_args_free(struct nfdbus_arg *arg);
int nfdbus_check_values(struct nfdbus_cursor *c, const char *sig, u32 depth,
			u64 arg_mask, struct nfdbus_arg **args);

/* message.c */

/**
 * struct nfdbus_msg - what the parser learned about a message
 * @type: enum nfdbus_type or a greater one
 * @flags: NFDBUS_FLAG_*
 * @swap: integers are not in native order
 * @strange: it has header fields that the daemon strips
 * @hashed: the hashes of @interface, @member and @path are set
 * @repeats: the sender may already wait for a reply to a call with this @serial
 * @serial: of the message
 * @reply_serial: 0 if there is none
 * @nr_fds: number of descriptors, from the header
 * @path: header field; its text, as that of the other fields, is in @header
 * @interface: header field
 * @member: header field
 * @error_name: header field
 * @destination: header field
 * @sender: header field; not verified by the parser
 * @signature: header field
 * @arg_mask: bit n: argument n is in @args if it is a string
 * @args: arguments that match rules compare
 * @max_rules: rules that the message may be compared with, look-ups included;
 *	valid if @hashed
 * @nr_rules: those of this attempt
 * @nr_seen: bits in @seen
 * @seen: bit n: the client in slot n has been chosen for this broadcast
 * @claim: the expected reply that this message is; between route and settle
 * @expect: the reply that this call expects; between route and settle
 * @copies: number of recipients; between route and settle
 * @header: copy of the header
 */
struct nfdbus_msg {
	u8			type;
	u8			flags;
	bool			swap;
	bool			strange;
	bool			hashed;
	bool			repeats;
	u32			serial;
	u32			reply_serial;
	u32			nr_fds;
	struct nfdbus_str	path;
	struct nfdbus_str	interface;
	struct nfdbus_str	member;
	struct nfdbus_str	error_name;
	struct nfdbus_str	destination;
	struct nfdbus_str	sender;
	struct nfdbus_str	signature;

	u64			arg_mask;
	struct nfdbus_arg	*args;

	u32			max_rules;
	u32			nr_rules;
	u32			nr_seen;
	unsigned long		*seen;
	struct nfdbus_reply	*claim;
	struct nfdbus_reply	*expect;
	u32			copies;

	char			header[] __aligned(8);
};

static inline bool nfdbus_msg_is_broadcast(const struct nfdbus_msg *m)
{
	return m->type == NFDBUS_TYPE_SIGNAL && !m->destination.s;
}

static inline bool nfdbus_msg_expects_reply(const struct nfdbus_msg *m)
{
	return m->type == NFDBUS_TYPE_CALL &&
	       !(m->flags & NFDBUS_FLAG_NO_REPLY);
}

struct nfdbus_msg *nfdbus_msg_parse(const struct sk_buff *skb, u32 nr_fds);
int nfdbus_msg_check_body(struct nfdbus_msg *m, const struct sk_buff *skb,
			  u64 arg_mask);
void nfdbus_msg_free(struct nfdbus_msg *m);

/* rule.c */

/* Conditions for equality; a rule is found by those that it has. */
enum nfdbus_key_part {
	NFDBUS_KEY_SENDER,
	NFDBUS_KEY_INTERFACE,
	NFDBUS_KEY_MEMBER,
	NFDBUS_KEY_PATH,
	NFDBUS_KEY_ARG0,
	NFDBUS_NR_KEYS
};

/**
 * struct nfdbus_key - the key by which a rule is found
 * @shape: bit n: @val[n] is part of the key
 * @val: by enum nfdbus_key_part, with their hashes
 */
struct nfdbus_key {
	u8			shape;
	struct nfdbus_str	val[NFDBUS_NR_KEYS];
};

enum nfdbus_arg_kind {
	NFDBUS_ARG_EXACT,
	NFDBUS_ARG_PATH,
	NFDBUS_ARG_NAMESPACE,
};

/**
 * struct nfdbus_rule_arg - a condition of a rule for an argument
 * @idx: index of the argument
 * @kind: enum nfdbus_arg_kind
 * @str: value to compare with
 */
struct nfdbus_rule_arg {
	u8			idx;
	u8			kind;
	struct nfdbus_str	str;
};

#define NFDBUS_RULE_TOKENS	16

/**
 * struct nfdbus_rule - a match rule
 * @type: enum nfdbus_type; NFDBUS_TYPE_INVALID for any type
 * @eavesdrop: it has eavesdrop=true
 * @key: conditions for equality
 * @path_namespace: condition; @path_namespace.s is NULL if there is none
 * @destination: condition; @destination.s is NULL if there is none
 * @nr_args: number of @args
 * @args: ordered by index
 * @text: text that the rule was made from
 * @node: in an index
 * @indexed: the rule is in an index; under bus->lock
 * @owner: the client that added it; NULL for clients that are not on AF_BUS
 * @owner_link: in owner->rules or bus->legacy_rules; under bus->lock
 * @change_link: in a request that changes the rule; under bus->lock
 * @count: how often the rule is added; it matches messages unless this is 0.
 *	Written under bus->lock, read locklessly
 * @new_count: @count after the request; under bus->lock
 * @rcu: freed by RCU
 * @buf: its strings
 *
 * Everything above @node is constant. The first request that adds a rule makes
 * it; it is freed when the last addition is removed or its owner leaves.
 */
struct nfdbus_rule {
	u8			type;
	bool			eavesdrop;
	struct nfdbus_key	key;
	struct nfdbus_str	path_namespace;
	struct nfdbus_str	destination;
	u8			nr_args;
	struct nfdbus_rule_arg	args[NFDBUS_RULE_TOKENS];
	const char		*text;

	struct rhlist_head	node;
	bool			indexed;
	struct nfdbus_client	*owner;
	struct list_head	owner_link;
	struct list_head	change_link;
	u32			count;
	u32			new_count;
	struct rcu_head		rcu;

	char			buf[];
};

struct nfdbus_rule *nfdbus_rule_parse(const char *text, u32 *offset,
				      const char **error);
bool nfdbus_rule_eq(const struct nfdbus_rule *a, const struct nfdbus_rule *b);
bool nfdbus_rule_broadcast(const struct nfdbus_rule *rule);
bool nfdbus_rule_matches(const struct nfdbus_rule *rule,
			 const struct nfdbus_msg *m);
u64 nfdbus_rule_arg_mask(const struct nfdbus_rule *rule);

/* index.c */

/**
 * struct nfdbus_index - match rules by their keys
 * @rules: the rules, by nfdbus_rule.key
 * @shapes: bit n: a rule has the nfdbus_key.shape n; written under bus->lock
 * @nr_shape: number of rules with each shape; under bus->lock
 * @arg_mask: bit n: a rule has a condition for argument n; written under
 *	bus->lock
 * @nr_arg: number of rules with a condition for each argument; under bus->lock
 */
struct nfdbus_index {
	struct rhltable		rules;
	u32			shapes;
	u32			nr_shape[BIT(NFDBUS_NR_KEYS)];
	u64			arg_mask;
	u32			nr_arg[NFDBUS_MAX_ARGS];
};

int nfdbus_index_init(struct nfdbus_index *index);
void nfdbus_index_destroy(struct nfdbus_index *index);
int nfdbus_index_add(struct nfdbus_index *index, struct nfdbus_rule *rule);
void nfdbus_index_del(struct nfdbus_index *index, struct nfdbus_rule *rule);
struct rhlist_head *nfdbus_index_find(struct nfdbus_index *index,
				      const struct nfdbus_key *key);

/* match.c */
int nfdbus_match_add(struct nfdbus_bus *nb, struct list_head *changes,
		     struct nfdbus_client *owner, struct nfdbus_rule *rule);
int nfdbus_match_del(struct nfdbus_bus *nb, struct list_head *changes,
		     struct nfdbus_client *owner,
		     const struct nfdbus_rule *rule);
void nfdbus_match_clear(struct nfdbus_bus *nb, struct list_head *changes,
			struct nfdbus_client *owner);
bool nfdbus_matches_commit(struct nfdbus_bus *nb, struct list_head *changes);
void nfdbus_matches_abort(struct nfdbus_bus *nb, struct list_head *changes);
void nfdbus_matches_leave(struct nfdbus_bus *nb, struct list_head *rules);

/* name.c */

enum nfdbus_name_state {
	NFDBUS_NAME_NONE,	/* a request adds it; not committed */
	NFDBUS_NAME_OWNED,
	NFDBUS_NAME_LEGACY,	/* the owner is not on AF_BUS */
	NFDBUS_NAME_DEAD,	/* the owner has left */
};

/**
 * struct nfdbus_name - a well-known name and its owner
 * @node: in bus->names
 * @str: the name, in @buf
 * @state: enum nfdbus_name_state; written under bus->lock
 * @owner: NULL unless @state is NFDBUS_NAME_OWNED; not referenced: a client
 *	that leaves gives up its names and is freed an RCU grace period later
 * @link: in bus->all_names; under bus->lock
 * @owner_link: in owner->names, RCU
 * @change_link: in a request that changes the name; under bus->lock
 * @next: replaces the name when the request is committed; NULL to remove it
 * @rcu: freed by RCU
 * @buf: @str
 *
 * A change of owner replaces the structure, so that a reader never gets from
 * the list of one owner into the list of another.
 */
struct nfdbus_name {
	struct rhash_head	node;
	struct nfdbus_str	str;
	u8			state;
	struct nfdbus_client __rcu *owner;
	struct list_head	link;
	struct list_head	owner_link;
	struct list_head	change_link;
	struct nfdbus_name	*next;
	struct rcu_head		rcu;
	char			buf[];
};

int nfdbus_names_init(struct nfdbus_bus *nb);
void nfdbus_names_destroy(struct nfdbus_bus *nb);
struct nfdbus_name *nfdbus_name_find(struct nfdbus_bus *nb,
				     const struct nfdbus_str *str);
int nfdbus_name_prepare(struct nfdbus_bus *nb, struct list_head *changes,
			const char *text, enum nfdbus_name_state state,
			struct nfdbus_client *owner);
bool nfdbus_names_commit(struct nfdbus_bus *nb, struct list_head *changes);
void nfdbus_names_abort(struct nfdbus_bus *nb, struct list_head *changes);
void nfdbus_names_leave(struct nfdbus_client *nc);

/* reply.c */

/**
 * struct nfdbus_reply_key - identifies an expected reply
 * @caller: unique address of the client that sent the call
 * @callee: unique address of the client that is to reply
 * @serial: of the call
 * @pad: 0
 */
struct nfdbus_reply_key {
	u64	caller;
	u64	callee;
	u32	serial;
	u32	pad;
};

/**
 * struct nfdbus_reply - a reply to a call that went directly
 * @node: in bus->replies
 * @key: identifies the reply
 * @caller: not referenced: nfdbus_replies_leave() of the caller drops the reply
 * @callee: not referenced: nfdbus_replies_release() of the callee drops it
 * @caller_link: in caller->waits
 * @callee_link: in callee->owes
 * @since: when the call was sent, CLOCK_MONOTONIC in nanoseconds
 * @linked: it is in the table and in both lists
 * @busy: a message between route and settle has claimed it, or the master is
 *	about to take it
 *
 * bus->reply_lock protects it, the lists and the table. When the callee leaves
 * the reply stays, because the master has to tell the caller: it goes when the
 * master takes it or the last reference to the callee is dropped. A reply that
 * is neither linked nor busy is freed.
 */
struct nfdbus_reply {
	struct rhash_head	node;
	struct nfdbus_reply_key	key;
	struct nfdbus_client	*caller;
	struct nfdbus_client	*callee;
	struct list_head	caller_link;
	struct list_head	callee_link;
	u64			since;
	bool			linked;
	bool			busy;
};

/**
 * struct nfdbus_owed - an expected reply, as the master is told of it
 * @key: identifies the reply
 * @since: when the call was sent, CLOCK_MONOTONIC in nanoseconds
 */
struct nfdbus_owed {
	struct nfdbus_reply_key	key;
	u64			since;
};

int nfdbus_replies_init(struct nfdbus_bus *nb);
void nfdbus_replies_destroy(struct nfdbus_bus *nb);
bool nfdbus_reply_repeats(struct nfdbus_client *caller, u32 serial);
int nfdbus_reply_expect(struct nfdbus_client *caller,
			struct nfdbus_client *callee, struct nfdbus_msg *m);
struct nfdbus_reply *nfdbus_reply_hold(struct nfdbus_client *callee, u64 caller,
				       u32 serial);
void nfdbus_reply_drop(struct nfdbus_bus *nb, struct nfdbus_reply *reply,
		       bool used);
bool nfdbus_reply_claim(struct nfdbus_client *callee,
			struct nfdbus_client *caller, struct nfdbus_msg *m);
void nfdbus_reply_settle(struct nfdbus_bus *nb, struct nfdbus_msg *m,
			 bool staged, bool direct);
unsigned int nfdbus_replies_peek(struct nfdbus_client *callee,
				 struct nfdbus_owed *owed, unsigned int max);
void nfdbus_replies_take(struct nfdbus_client *callee,
			 const struct nfdbus_owed *owed, unsigned int nr);
void nfdbus_replies_leave(struct nfdbus_client *nc);
void nfdbus_replies_release(struct nfdbus_client *nc);

/* stats.c */

enum nfdbus_stat {
	NFDBUS_STAT_CALLS,
	NFDBUS_STAT_RETURNS,
	NFDBUS_STAT_SIGNALS,
	NFDBUS_STAT_BROADCASTS,
	NFDBUS_STAT_COPIES,
	NFDBUS_STAT_MASTER,	/* one counter for each reason from here on */
};

#define NFDBUS_NR_REASONS	16	/* of the core, and as many of nfdbus */
#define NFDBUS_NR_STATS		(NFDBUS_STAT_MASTER + 2 * NFDBUS_NR_REASONS)

struct nfdbus_stats {
	struct u64_stats_sync	syncp;
	u64_stats_t		count[NFDBUS_NR_STATS];
};

void nfdbus_stats_count(struct nfdbus_bus *nb, const struct nfdbus_msg *m,
			u32 reason);
void nfdbus_stats_sum(const struct nfdbus_bus *nb, u64 *sum);
u32 nfdbus_stats_reason(unsigned int stat);

/* main.c */

/**
 * struct nfdbus_bus - what nfdbus knows of a bus
 * @bus: the bus of the core, which owns this
 * @link: in nfdbus_buses, under nfdbus_buses_lock
 * @lock: serialises requests of the master, joins and leaves
 * @flags: NFDBUS_BUS_F_*; written under @lock
 * @max_replies: replies that a client may wait for; written under @lock
 * @max_fds: descriptors in a message; written under @lock
 * @max_msg: bytes of a message; written under @lock
 * @clients: struct nfdbus_client, by link; under @lock
 * @nr_clients: number of @clients; under @lock
 * @slots: gives each client a small number
 * @nr_slots: greatest slot that was ever in use, plus one; written under @lock
 * @index: match rules that do not eavesdrop and can match a broadcast
 * @taps: match rules that eavesdrop
 * @legacy_rules: rules of clients that are not on AF_BUS; under @lock
 * @nr_rules: number of all rules; under @lock
 * @names: well-known names
 * @all_names: well-known names, by link; under @lock
 * @nr_names: names that have an owner or had one that left; under @lock
 * @reply_lock: protects @replies, struct nfdbus_reply and its lists
 * @replies: struct nfdbus_reply
 * @nr_replies: number of @replies; written under @reply_lock, read locklessly
 * @stats: counters
 */
struct nfdbus_bus {
	struct bus			*bus;
	struct list_head		link;

	/* Inside nfdbus_buses_lock */
	struct mutex			lock;
	u32				flags;
	u32				max_replies;
	u32				max_fds;
	u32				max_msg;

	struct list_head		clients;
	u32				nr_clients;
	struct ida			slots;
	u32				nr_slots;

	struct nfdbus_index		index;
	struct nfdbus_index		taps;
	struct list_head		legacy_rules;
	u32				nr_rules;

	struct rhashtable		names;
	struct list_head		all_names;
	u32				nr_names;

	/* Innermost */
	spinlock_t			reply_lock;
	struct rhashtable		replies;
	u32				nr_replies;

	struct nfdbus_stats __percpu	*stats;
};

/**
 * struct nfdbus_client - what nfdbus knows of a client that joined
 * @client: the client of the core, which owns this
 * @bus: its bus
 * @addr: unique address
 * @slot: a number that no other client of the bus has; constant
 * @flags: NFDBUS_PEER_F_*; written under bus->lock
 * @max_replies: replies that the client may wait for, if fewer than
 *	bus->max_replies; written under bus->lock
 * @gone: the client has left; under bus->lock
 * @new_flags: @flags after the request; under bus->lock
 * @new_max_replies: @max_replies after the request; under bus->lock
 * @change_link: in a request that changes the client; under bus->lock
 * @link: in bus->clients; under bus->lock
 * @unique: its unique name, in @unique_buf
 * @unique_buf: text of @unique
 * @names: struct nfdbus_name, by owner_link, RCU; changed under bus->lock
 * @nr_names: number of @names; under bus->lock
 * @rules: struct nfdbus_rule, by owner_link; under bus->lock
 * @nr_rules: number of @rules; under bus->lock
 * @waits: replies it waits for, by caller_link; under bus->reply_lock
 * @nr_waits: number of @waits; written under bus->reply_lock, read locklessly
 * @left: it waits for no more replies; under bus->reply_lock
 * @last_serial: greatest serial of its calls that expect replies; under
 *	bus->reply_lock
 * @serials: bit n: the serial @last_serial - n was used, or may have been; 0
 *	before the first call; under bus->reply_lock
 * @owes: replies it owes, by callee_link; under bus->reply_lock
 *
 * Made when the client joins. Its names, rules and waits go when it leaves. It
 * is freed an RCU grace period after the last reference to the client is
 * dropped.
 */
struct nfdbus_client {
	struct bus_client	*client;
	struct nfdbus_bus	*bus;
	u64			addr;
	int			slot;
	u32			flags;
	u32			max_replies;
	bool			gone;
	u32			new_flags;
	u32			new_max_replies;
	struct list_head	change_link;
	struct list_head	link;

	struct nfdbus_str	unique;
	char			unique_buf[24];

	struct list_head	names;
	u32			nr_names;
	struct list_head	rules;
	u32			nr_rules;

	struct list_head	waits;
	u32			nr_waits;
	bool			left;
	u32			last_serial;
	u64			serials;
	struct list_head	owes;
};

extern struct list_head nfdbus_buses;
extern struct mutex nfdbus_buses_lock;

struct nfdbus_bus *nfdbus_bus_alloc(void);
void nfdbus_bus_free(struct nfdbus_bus *nb);
struct nfdbus_client *nfdbus_client_alloc(struct nfdbus_bus *nb, u64 addr);

/* netlink.c */
struct nlattr;

struct bus *nfdbus_bus_from_fd(struct netlink_ext_ack *extack,
			       const struct nlattr *attr,
			       struct bus_client **client);
struct bus *nfdbus_client_from_fd(struct netlink_ext_ack *extack,
				  const struct nlattr *attr,
				  struct bus_client **client);

/* route.c */
int nfdbus_parse(struct bus_client *src, struct bus_msg *msg,
		 struct sk_buff *skb);
void nfdbus_route(struct bus_client *src, struct bus_msg *msg,
		  struct bus_route *route);
u32 nfdbus_match_rules(struct nfdbus_client *src, struct nfdbus_msg *m,
		       struct bus_route *route);
void nfdbus_settle(struct bus_client *src, struct bus_msg *msg, bool staged);
void nfdbus_proto_msg_free(struct bus_msg *msg);

#endif /* _NET_BUS_NFDBUS_H */
