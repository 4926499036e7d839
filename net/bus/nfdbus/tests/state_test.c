// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: tests of requests that change names and rules, and of what rules cost
 */

#include <linux/err.h>
#include <linux/slab.h>
#include "nfdbus_test.h"

struct state {
	struct nfdbus_bus	*nb;
	struct nfdbus_client	*client[2];
	struct list_head	changes;
};

static struct state *begin(struct kunit *test)
{
	struct state *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	INIT_LIST_HEAD(&s->changes);
	s->nb = nfdbus_bus_alloc();
	KUNIT_ASSERT_FALSE(test, IS_ERR(s->nb));
	for (i = 0; i < 2; i++) {
		s->client[i] = nfdbus_client_alloc(s->nb, i + 1);
		KUNIT_ASSERT_NOT_NULL(test, s->client[i]);
	}
	mutex_lock(&s->nb->lock);
	return s;
}

static void end(struct state *s)
{
	int i;

	for (i = 0; i < 2; i++) {
		nfdbus_names_leave(s->client[i]);
		nfdbus_matches_leave(s->nb, &s->client[i]->rules);
	}
	mutex_unlock(&s->nb->lock);
	synchronize_rcu();
	nfdbus_bus_free(s->nb);
	for (i = 0; i < 2; i++)
		kfree(s->client[i]);
}

static struct nfdbus_name *find(struct state *s, const char *text)
{
	struct nfdbus_str str = { text, strlen(text) };

	str.hash = nfdbus_hash(str.s, str.len);
	return nfdbus_name_find(s->nb, &str);
}

static void expect_owner(struct kunit *test, struct state *s, const char *text,
			 enum nfdbus_name_state state,
			 struct nfdbus_client *owner)
{
	struct nfdbus_name *name = find(s, text);

	KUNIT_ASSERT_NOT_NULL(test, name);
	KUNIT_EXPECT_EQ(test, name->state, state);
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(name->owner), owner);
}

static void own(struct kunit *test, struct state *s, const char *text,
		enum nfdbus_name_state state, struct nfdbus_client *owner)
{
	KUNIT_EXPECT_EQ(test, 0, nfdbus_name_prepare(s->nb, &s->changes, text,
						     state, owner));
}

static void test_names(struct kunit *test)
{
	struct state *s = begin(test);
	struct nfdbus_client *a = s->client[0], *b = s->client[1];

	own(test, s, "a.b", NFDBUS_NAME_OWNED, a);
	own(test, s, "c.d", NFDBUS_NAME_LEGACY, NULL);
	KUNIT_EXPECT_FALSE(test, nfdbus_names_commit(s->nb, &s->changes));
	expect_owner(test, s, "a.b", NFDBUS_NAME_OWNED, a);
	expect_owner(test, s, "c.d", NFDBUS_NAME_LEGACY, NULL);
	KUNIT_EXPECT_EQ(test, s->nb->nr_names, 2);
	KUNIT_EXPECT_EQ(test, a->nr_names, 1);

	own(test, s, "a.b", NFDBUS_NAME_OWNED, b);
	own(test, s, "c.d", NFDBUS_NAME_NONE, NULL);
	KUNIT_EXPECT_TRUE(test, nfdbus_names_commit(s->nb, &s->changes));
	expect_owner(test, s, "a.b", NFDBUS_NAME_OWNED, b);
	KUNIT_EXPECT_NULL(test, find(s, "c.d"));
	KUNIT_EXPECT_TRUE(test, list_empty(&a->names));
	KUNIT_EXPECT_EQ(test, s->nb->nr_names, 1);

	nfdbus_names_leave(b);
	expect_owner(test, s, "a.b", NFDBUS_NAME_DEAD, NULL);
	KUNIT_EXPECT_TRUE(test, list_empty(&b->names));
	end(s);
}

static void test_names_last_change_counts(struct kunit *test)
{
	struct state *s = begin(test);
	struct nfdbus_client *a = s->client[0], *b = s->client[1];

	own(test, s, "a.b", NFDBUS_NAME_OWNED, a);
	own(test, s, "a.b", NFDBUS_NAME_NONE, NULL);
	own(test, s, "a.b", NFDBUS_NAME_OWNED, b);
	own(test, s, "c.d", NFDBUS_NAME_OWNED, a);
	own(test, s, "c.d", NFDBUS_NAME_NONE, NULL);
	nfdbus_names_commit(s->nb, &s->changes);
	expect_owner(test, s, "a.b", NFDBUS_NAME_OWNED, b);
	KUNIT_EXPECT_NULL(test, find(s, "c.d"));
	KUNIT_EXPECT_EQ(test, s->nb->nr_names, 1);
	end(s);
}

static void test_names_abort(struct kunit *test)
{
	struct state *s = begin(test);
	struct nfdbus_client *a = s->client[0], *b = s->client[1];

	own(test, s, "a.b", NFDBUS_NAME_OWNED, a);
	nfdbus_names_commit(s->nb, &s->changes);

	own(test, s, "a.b", NFDBUS_NAME_OWNED, b);
	own(test, s, "c.d", NFDBUS_NAME_OWNED, b);
	expect_owner(test, s, "a.b", NFDBUS_NAME_OWNED, a);
	nfdbus_names_abort(s->nb, &s->changes);
	KUNIT_EXPECT_TRUE(test, list_empty(&s->changes));
	expect_owner(test, s, "a.b", NFDBUS_NAME_OWNED, a);
	KUNIT_EXPECT_NULL(test, find(s, "c.d"));
	end(s);
}

static int change_rule(struct state *s, struct nfdbus_client *owner,
		       const char *text, bool add)
{
	struct nfdbus_rule *rule;
	const char *error;
	u32 offset;
	int err;

	rule = nfdbus_rule_parse(text, &offset, &error);
	if (IS_ERR(rule))
		return PTR_ERR(rule);
	if (add)
		return nfdbus_match_add(s->nb, &s->changes, owner, rule);
	err = nfdbus_match_del(s->nb, &s->changes, owner, rule);
	kfree(rule);
	return err;
}

static u32 hash_in_table(struct state *s, const char *text, u32 seed)
{
	struct nfdbus_str str = { text, strlen(text) };

	str.hash = nfdbus_hash(str.s, str.len);
	return s->nb->names.p.hashfn(&str, sizeof(str), seed);
}

/* A rehash separates names that were in one bucket, so that a client cannot
 * make a table slow with names that it has found to collide.
 */
static void test_names_rehash(struct kunit *test)
{
	struct state *s = begin(test);
	u32 i, seed, mask = 0xff, apart = 0;
	char text[16];

	for (i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "a.b%u", i);
		if (!((nfdbus_hash(text, strlen(text)) ^
		       nfdbus_hash("a.b", 3)) & mask))
			break;
	}
	KUNIT_EXPECT_LT(test, i, 100000);
	for (seed = 1; seed < 16; seed++)
		if ((hash_in_table(s, text, seed) ^
		     hash_in_table(s, "a.b", seed)) & mask)
			apart++;
	KUNIT_EXPECT_GT(test, apart, 0);
	end(s);
}

static void test_rules_are_counted(struct kunit *test)
{
	struct state *s = begin(test);
	struct nfdbus_client *a = s->client[0];

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "member='A'", true));
	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "member=A", true));
	KUNIT_EXPECT_EQ(test, 0, change_rule(s, NULL, "member='A'", true));
	KUNIT_EXPECT_FALSE(test, nfdbus_matches_commit(s->nb, &s->changes));
	KUNIT_EXPECT_EQ(test, a->nr_rules, 1);
	KUNIT_EXPECT_EQ(test, s->nb->nr_rules, 2);

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "member='A'", false));
	KUNIT_EXPECT_FALSE(test, nfdbus_matches_commit(s->nb, &s->changes));
	KUNIT_EXPECT_EQ(test, a->nr_rules, 1);

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "member='A'", false));
	KUNIT_EXPECT_EQ(test, -ENOENT, change_rule(s, a, "member='A'", false));
	nfdbus_matches_abort(s->nb, &s->changes);
	KUNIT_EXPECT_EQ(test, a->nr_rules, 1);

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "member='A'", false));
	KUNIT_EXPECT_TRUE(test, nfdbus_matches_commit(s->nb, &s->changes));
	KUNIT_EXPECT_EQ(test, a->nr_rules, 0);
	KUNIT_EXPECT_EQ(test, s->nb->nr_rules, 1);
	end(s);
}

/* A rule that eavesdrops takes the direct path away from other clients. */
static void test_rules_that_eavesdrop(struct kunit *test)
{
	static const char text[] = "type='error',arg2='x',eavesdrop='true'";
	struct state *s = begin(test);
	struct nfdbus_client *a = s->client[0];

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, text, true));
	KUNIT_EXPECT_TRUE(test, nfdbus_matches_commit(s->nb, &s->changes));
	KUNIT_EXPECT_EQ(test, s->nb->taps.arg_mask, BIT_ULL(2));
	KUNIT_EXPECT_EQ(test, s->nb->taps.shapes, BIT(0));
	KUNIT_EXPECT_EQ(test, s->nb->index.shapes, 0);

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, text, true));
	KUNIT_EXPECT_FALSE(test, nfdbus_matches_commit(s->nb, &s->changes));

	nfdbus_match_clear(s->nb, &s->changes, a);
	KUNIT_EXPECT_TRUE(test, nfdbus_matches_commit(s->nb, &s->changes));
	KUNIT_EXPECT_EQ(test, s->nb->taps.arg_mask, 0);
	KUNIT_EXPECT_EQ(test, s->nb->taps.shapes, 0);
	end(s);
}

static void test_rules_clear_and_abort(struct kunit *test)
{
	struct state *s = begin(test);
	struct nfdbus_client *a = s->client[0];

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "arg3='A'", true));
	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "type='error'", true));
	nfdbus_matches_commit(s->nb, &s->changes);
	KUNIT_EXPECT_EQ(test, s->nb->index.arg_mask, BIT_ULL(3));
	KUNIT_EXPECT_EQ(test, s->nb->index.shapes, BIT(0));

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "arg5='B'", true));
	nfdbus_matches_abort(s->nb, &s->changes);
	KUNIT_EXPECT_EQ(test, s->nb->index.arg_mask, BIT_ULL(3));

	nfdbus_match_clear(s->nb, &s->changes, a);
	KUNIT_EXPECT_EQ(test, 0, change_rule(s, a, "member='B'", true));
	KUNIT_EXPECT_TRUE(test, nfdbus_matches_commit(s->nb, &s->changes));
	KUNIT_EXPECT_EQ(test, a->nr_rules, 1);
	KUNIT_EXPECT_EQ(test, s->nb->index.arg_mask, 0);
	KUNIT_EXPECT_EQ(test, s->nb->index.shapes,
			BIT(BIT(NFDBUS_KEY_MEMBER)));
	end(s);
}

/* A message that is compared with rules; they are found by its interface */
static void message_for_rules(struct nfdbus_msg *m, const char *destination)
{
	memset(m, 0, sizeof(*m));
	m->type = NFDBUS_TYPE_SIGNAL;
	m->arg_mask = ~0ULL;
	m->hashed = true;
	m->path = (struct nfdbus_str){ "/x", 2, nfdbus_hash("/x", 2) };
	m->interface = (struct nfdbus_str){ "a.b", 3, nfdbus_hash("a.b", 3) };
	if (destination)
		m->destination.s = destination;
}

static u32 match_rules(struct state *s, struct nfdbus_msg *m, u32 max)
{
	u32 reason;

	m->max_rules = max;
	rcu_read_lock();
	reason = nfdbus_match_rules(s->client[0], m, NULL);
	rcu_read_unlock();
	return reason;
}

/* Each attempt has the limit for itself. */
static void expect_limit(struct kunit *test, struct state *s,
			 const char *destination, u32 max)
{
	struct nfdbus_msg m;
	int i;

	message_for_rules(&m, destination);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, match_rules(s, &m, max), BUS_REASON_NONE);
		KUNIT_EXPECT_EQ(test, match_rules(s, &m, max - 1),
				NFDBUS_REASON_LIMIT);
	}
	KUNIT_EXPECT_EQ(test, match_rules(s, &m, 0), NFDBUS_REASON_LIMIT);
}

/* Rules with the interface of the message that do not match it */
static void add_rules(struct kunit *test, struct state *s, const char *format,
		      unsigned int nr)
{
	char text[80];

	while (nr--) {
		snprintf(text, sizeof(text), format, nr);
		KUNIT_EXPECT_EQ(test, 0, change_rule(s, s->client[nr % 2], text,
						     true));
	}
	nfdbus_matches_commit(s->nb, &s->changes);
}

static void test_rules_that_do_not_match(struct kunit *test)
{
	struct state *s = begin(test);
	struct nfdbus_msg m;

	add_rules(test, s, "interface='a.b',path_namespace='/n%u'", 10);
	expect_limit(test, s, NULL, 1 + 10);

	/* The rules of another interface cost nothing. */
	add_rules(test, s, "interface='a.c',path_namespace='/n%u'", 10);
	expect_limit(test, s, NULL, 1 + 10);

	/* The limit is for both indexes together. */
	add_rules(test, s,
		  "interface='a.b',path_namespace='/n%u',eavesdrop='true'", 5);
	expect_limit(test, s, NULL, 1 + 10 + 1 + 5);

	/* A signal with a destination is compared only with the second. */
	expect_limit(test, s, ":0.2", 1 + 5);

	KUNIT_EXPECT_EQ(test, 0, change_rule(s, NULL, "interface='a.b'", true));
	nfdbus_matches_commit(s->nb, &s->changes);
	message_for_rules(&m, NULL);
	KUNIT_EXPECT_EQ(test, match_rules(s, &m, 12), NFDBUS_REASON_LEGACY);
	end(s);
}

/* A rule with a sender is looked up by each name that the sender owns. */
static void test_rules_of_many_names(struct kunit *test)
{
	struct state *s = begin(test);
	char text[16];
	int i;

	add_rules(test, s, "sender='c.d%u'", 1);
	expect_limit(test, s, NULL, 1);
	for (i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "a.b%d", i);
		own(test, s, text, NFDBUS_NAME_OWNED, s->client[0]);
	}
	nfdbus_names_commit(s->nb, &s->changes);
	expect_limit(test, s, NULL, 1 + 10);
	end(s);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(test_names),
	KUNIT_CASE(test_names_last_change_counts),
	KUNIT_CASE(test_names_abort),
	KUNIT_CASE(test_names_rehash),
	KUNIT_CASE(test_rules_are_counted),
	KUNIT_CASE(test_rules_that_eavesdrop),
	KUNIT_CASE(test_rules_clear_and_abort),
	KUNIT_CASE(test_rules_that_do_not_match),
	KUNIT_CASE(test_rules_of_many_names),
	{}
};

struct kunit_suite state_suite = {
	.name		= "nfdbus_state",
	.test_cases	= state_cases,
};
