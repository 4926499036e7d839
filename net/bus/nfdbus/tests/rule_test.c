// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: tests of match rules
 */

#include <linux/err.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include "nfdbus_test.h"

static struct nfdbus_rule *parse_rule(const char *text)
{
	const char *error;
	u32 offset;

	return nfdbus_rule_parse(text, &offset, &error);
}

static void test_accepted(struct kunit *test)
{
	static const char * const texts[] = {
		"", "   ", "type='signal'", "type=signal", " type =signal",
		"type='signal',", "type='sig'nal", "type=s'ignal'",
		"sender='org.a.b'", "sender=':1.5'", "destination=':0.3'",
		"interface='a.b',member='C',path='/d'",
		"path_namespace='/'", "eavesdrop='true',eavesdrop='false'",
		"arg0=''", "arg63='x'", "arg0path='/a/'", "arg0namespace='a'",
		"arg0x1f='hex',arg017='oct'", "arg0='a,b=c'", "arg0='it'\\''s'",
		"arg0=\\x", "arg0=\\", "=nobody reads this", "type='signal',=",
	};
	struct nfdbus_rule *rule;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		rule = parse_rule(texts[i]);
		KUNIT_EXPECT_FALSE_MSG(test, IS_ERR(rule), "%s", texts[i]);
		if (!IS_ERR(rule))
			kfree(rule);
	}
}

static void test_refused(struct kunit *test)
{
	static const struct {
		const char *text; u32 offset;
	} cases[] = {
		{ "type", 0 },
		{ "type='signal'x", 0 },
		{ "type='signal' ", 0 },
		{ " type = signal", 1 },
		{ "type='signal", 0 },
		{ "type='invalid'", 0 },
		{ "type='signal',type='signal'", 14 },
		{ "type='signal',,member='a'", 14 },
		{ "type='signal', member='a.b'", 15 },
		{ "member='a',member='a'", 11 },
		{ "interface='a'", 0 },
		{ "sender='a'", 0 },
		{ "path='/a/'", 0 },
		{ "path='/a',path_namespace='/a'", 10 },
		{ "path_namespace='/a/'", 0 },
		{ "eavesdrop='yes'", 0 },
		{ "arg", 0 },
		{ "arg='x'", 0 },
		{ "argx='x'", 0 },
		{ "arg64='x'", 0 },
		{ "arg99999999999999999999='x'", 0 },
		{ "arg1namespace='a.b'", 0 },
		{ "arg0namespace='.'", 0 },
		{ "arg0='x',arg0path='/x'", 9 },
		{ "arg0pathx='/x'", 0 },
		{ "colour='red'", 0 },
	};
	struct nfdbus_rule *rule;
	const char *error;
	unsigned int i;
	u32 offset;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		rule = nfdbus_rule_parse(cases[i].text, &offset, &error);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(rule), -EINVAL, "%s",
				    cases[i].text);
		if (!IS_ERR(rule)) {
			kfree(rule);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, offset, cases[i].offset, "%s",
				    cases[i].text);
		KUNIT_EXPECT_NOT_NULL(test, error);
	}
}

static void test_long_rule(struct kunit *test)
{
	char *text = kunit_kzalloc(test, NFDBUS_MAX_RULE + 2, GFP_KERNEL);
	struct nfdbus_rule *rule;

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, 'x', NFDBUS_MAX_RULE + 1);
	memcpy(text, "arg0=", 5);
	KUNIT_EXPECT_EQ(test, PTR_ERR(parse_rule(text)), -EINVAL);
	text[NFDBUS_MAX_RULE] = '\0';
	rule = parse_rule(text);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rule));
	KUNIT_EXPECT_EQ(test, rule->args[0].str.len, NFDBUS_MAX_RULE - 5);
	kfree(rule);
}

static void test_quoting(struct kunit *test)
{
	static const char * const cases[][2] = {
		{ "arg0='a b'", "a b" },
		{ "arg0=a' 'b", "a b" },
		{ "arg0='it'\\''s'", "it's" },
		{ "arg0='a\\b'", "a\\b" },
		{ "arg0='\\',arg1='x'", "\\" },
		{ "arg0=a\\b", "a\\b" },
		{ "arg0=\\\\", "\\\\" },
		{ "arg0=\\,arg1=x", "\\,arg1=x" },
		{ "arg0=a\\", "a\\" },
		{ "arg0=,arg1=x", "" },
		{ "arg0='a,b'", "a,b" },
	};
	struct nfdbus_rule *rule;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		rule = parse_rule(cases[i][0]);
		KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(rule), "%s", cases[i][0]);
		KUNIT_EXPECT_STREQ_MSG(test, rule->args[0].str.s, cases[i][1],
				       "%s", cases[i][0]);
		kfree(rule);
	}
}

static void test_equality(struct kunit *test)
{
	static const struct {
		const char *a, *b; bool equal;
	} cases[] = {
		{ "", "  ", true },
		{ "type='signal',member='M'", "member=M, type=signal", true },
		{ "arg1='b',arg0='a'", "arg0='a',arg1='b'", true },
		{ "eavesdrop='false'", "", true },
		{ "eavesdrop='true'", "", false },
		{ "type='signal'", "", false },
		{ "path='/a'", "path_namespace='/a'", false },
		{ "path='/a'", "path='/b'", false },
		{ "arg0='/a'", "arg0path='/a'", false },
		{ "arg0='a'", "arg1='a'", false },
		{ "sender='a.b'", "destination='a.b'", false },
	};
	struct nfdbus_rule *a, *b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		a = parse_rule(cases[i].a);
		b = parse_rule(cases[i].b);
		KUNIT_ASSERT_FALSE(test, IS_ERR(a) || IS_ERR(b));
		KUNIT_EXPECT_EQ_MSG(test, nfdbus_rule_eq(a, b), cases[i].equal,
				    "%s and %s", cases[i].a, cases[i].b);
		kfree(a);
		kfree(b);
	}
}

/* Matching by the index, as nfdbus_match_key() does it */

static struct nfdbus_msg *build_signal(struct kunit *test, const char *path,
				       const char *interface,
				       const char *member, char type,
				       const char *arg0)
{
	const char sig[] = { type, '\0' };
	const struct item fields[MAX_ITEMS] = {
		PATH(path), INTERFACE(interface), MEMBER(member),
		SIGNATURE(arg0 ? sig : ""),
	};
	struct item body[MAX_ITEMS] = {};
	struct nfdbus_msg *m;
	struct sk_buff *skb;

	if (arg0)
		body[0] = (struct item){ .op = 's', .s = arg0 };
	skb = make_skb(test, build_message(test, false, 4, fields, body), 0);
	m = parse_skb(skb, 0);
	kfree_skb(skb);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	m->path.hash = nfdbus_hash(m->path.s, m->path.len);
	m->interface.hash = nfdbus_hash(m->interface.s, m->interface.len);
	m->member.hash = nfdbus_hash(m->member.s, m->member.len);
	return m;
}

static bool index_matches(struct nfdbus_index *index,
			  const struct nfdbus_msg *m, const char *sender)
{
	struct nfdbus_key key = {
		.val[NFDBUS_KEY_SENDER] = { sender, strlen(sender) },
		.val[NFDBUS_KEY_INTERFACE] = m->interface,
		.val[NFDBUS_KEY_MEMBER] = m->member,
		.val[NFDBUS_KEY_PATH] = m->path,
	};
	struct rhlist_head *list, *pos;
	struct nfdbus_rule *rule;
	bool found = false;
	unsigned int shape;

	key.val[NFDBUS_KEY_SENDER].hash = nfdbus_hash(sender, strlen(sender));
	if (m->args && m->args->type == 's')
		key.val[NFDBUS_KEY_ARG0] = m->args->str;

	rcu_read_lock();
	for (shape = 0; shape < BIT(NFDBUS_NR_KEYS); shape++) {
		key.shape = shape;
		if (!(index->shapes & BIT(shape)) ||
		    ((shape & BIT(NFDBUS_KEY_ARG0)) &&
		     !key.val[NFDBUS_KEY_ARG0].s))
			continue;
		list = nfdbus_index_find(index, &key);
		rhl_for_each_entry_rcu(rule, pos, list, node)
			found |= rule->count && nfdbus_rule_broadcast(rule) &&
				 nfdbus_rule_matches(rule, m);
	}
	rcu_read_unlock();
	return found;
}

static bool bus_matches(struct nfdbus_bus *nb, const struct nfdbus_msg *m,
			const char *sender)
{
	return index_matches(&nb->index, m, sender) ||
	       index_matches(&nb->taps, m, sender);
}

static bool rule_matches(struct kunit *test, const char *text,
			 const struct nfdbus_msg *m)
{
	struct nfdbus_bus *nb = nfdbus_bus_alloc();
	struct nfdbus_rule *rule = parse_rule(text);
	LIST_HEAD(changes);
	bool found;

	KUNIT_ASSERT_FALSE(test, IS_ERR(nb) || IS_ERR(rule));
	mutex_lock(&nb->lock);
	KUNIT_EXPECT_EQ(test, 0, nfdbus_match_add(nb, &changes, NULL, rule));
	KUNIT_EXPECT_FALSE(test, bus_matches(nb, m, ":0.1"));
	nfdbus_matches_commit(nb, &changes);
	found = bus_matches(nb, m, ":0.1");
	mutex_unlock(&nb->lock);
	nfdbus_bus_free(nb);
	return found;
}

static void test_header_matches(struct kunit *test)
{
	static const struct {
		const char *rule; bool match;
	} cases[] = {
		{ "", true },
		{ "type='signal'", true },
		{ "type='method_call'", false },
		{ "type='error'", false },
		{ "sender=':0.1'", true },
		{ "sender=':0.10'", false },
		{ "interface='a.b'", true },
		{ "interface='a.bc'", false },
		{ "member='M'", true },
		{ "member='N'", false },
		{ "path='/x/y'", true },
		{ "path='/x'", false },
		{ "path_namespace='/'", true },
		{ "path_namespace='/x'", true },
		{ "path_namespace='/x/y'", true },
		{ "path_namespace='/x/y/z'", false },
		{ "path_namespace='/x/yy'", false },
		{ "path_namespace='/y'", false },
		{ "destination=':0.1'", false },
		{ "eavesdrop='true'", true },
		{ "eavesdrop='true',destination=':0.1'", false },
		{ "interface='a.b',member='M',path='/x/y',sender=':0.1'", true },
		{ "interface='a.b',member='M',path='/x/y',sender=':0.2'", false },
		{ "arg0='x'", false },
	};
	struct nfdbus_msg *m;
	unsigned int i;

	m = build_signal(test, "/x/y", "a.b", "M", 's', NULL);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, rule_matches(test, cases[i].rule, m),
				    cases[i].match, "%s", cases[i].rule);
	nfdbus_msg_free(m);
}

static void test_arg_matches(struct kunit *test)
{
	static const struct {
		const char *rule; char type; const char *arg0; bool match;
	} cases[] = {
		{ "arg0='a.b'", 's', "a.b", true },
		{ "arg0='a.b'", 's', "a.bc", false },
		{ "arg0='a.b'", 's', "a", false },
		{ "arg0=''", 's', "", true },
		{ "arg0='/a'", 'o', "/a", false },
		{ "arg1='a.b'", 's', "a.b", false },
		{ "arg0path='/a'", 's', "/a", true },
		{ "arg0path='/a'", 'o', "/a", true },
		{ "arg0path='/a/'", 's', "/a/b", true },
		{ "arg0path='/a/'", 'o', "/a/b", true },
		{ "arg0path='/a/b'", 's', "/a/", true },
		{ "arg0path='/a'", 's', "/a/b", false },
		{ "arg0path='/a/b'", 's', "/a", false },
		{ "arg0path='/a/'", 's', "/", true },
		{ "arg0path='/'", 's', "/b", true },
		{ "arg0path='/a'", 's', "", false },
		{ "arg0namespace='a.b'", 's', "a.b", true },
		{ "arg0namespace='a.b'", 's', "a.b.c", true },
		{ "arg0namespace='a.b'", 's', "a.bc", false },
		{ "arg0namespace='a.b'", 's', "a", false },
		{ "arg0namespace='a'", 's', "a.b", true },
	};
	struct nfdbus_msg *m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		m = build_signal(test, "/", "a.b", "M", cases[i].type,
				 cases[i].arg0);
		KUNIT_EXPECT_EQ_MSG(test, rule_matches(test, cases[i].rule, m),
				    cases[i].match, "%s of %s", cases[i].rule,
				    cases[i].arg0);
		nfdbus_msg_free(m);
	}
}

/* Only as many bytes of an argument are kept as a rule can have. */
static void test_long_arg(struct kunit *test)
{
	char *arg = kunit_kzalloc(test, 2001, GFP_KERNEL);
	char *rule = kunit_kzalloc(test, 1025, GFP_KERNEL);
	struct nfdbus_msg *m;

	KUNIT_ASSERT_TRUE(test, arg && rule);
	memset(arg, 'x', 2000);
	arg[0] = '/';
	m = build_signal(test, "/", "a.b", "M", 's', arg);
	KUNIT_EXPECT_EQ(test, m->args->len, 2000);
	KUNIT_EXPECT_EQ(test, m->args->str.len, NFDBUS_MAX_RULE);

	memcpy(rule, "arg0path=", 9);
	memcpy(rule + 9, arg, 1015);
	KUNIT_EXPECT_FALSE(test, rule_matches(test, rule, m));
	memcpy(rule, "arg0=    ", 5);
	KUNIT_EXPECT_FALSE(test, rule_matches(test, rule, m));
	KUNIT_EXPECT_TRUE(test, rule_matches(test, "arg0path='/'", m));
	nfdbus_msg_free(m);
}

static struct kunit_case rule_cases[] = {
	KUNIT_CASE(test_accepted),
	KUNIT_CASE(test_refused),
	KUNIT_CASE(test_long_rule),
	KUNIT_CASE(test_quoting),
	KUNIT_CASE(test_equality),
	KUNIT_CASE(test_header_matches),
	KUNIT_CASE(test_arg_matches),
	KUNIT_CASE(test_long_arg),
	{}
};

struct kunit_suite rule_suite = {
	.name		= "nfdbus_rule",
	.test_cases	= rule_cases,
};
