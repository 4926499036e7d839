// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: match rules and their owners
 *
 * A client may add a rule several times; the rule is valid until it has been
 * removed as often. A request prepares the new counts first, and then commits
 * them.
 *
 * Rules that eavesdrop have an index of their own, which is empty on most
 * buses.
 */

#include <linux/slab.h>
#include "nfdbus.h"

static struct list_head *nfdbus_rules_of(struct nfdbus_bus *nb,
					 struct nfdbus_client *owner)
{
	return owner ? &owner->rules : &nb->legacy_rules;
}

/* Returns NULL for a rule that can match no message the kernel routes. */
static struct nfdbus_index *nfdbus_index_of(struct nfdbus_bus *nb,
					    const struct nfdbus_rule *rule)
{
	if (rule->eavesdrop)
		return &nb->taps;
	return nfdbus_rule_broadcast(rule) ? &nb->index : NULL;
}

static struct nfdbus_rule *nfdbus_match_find(struct nfdbus_bus *nb,
					     struct nfdbus_client *owner,
					     const struct nfdbus_rule *like)
{
	struct nfdbus_index *index = nfdbus_index_of(nb, like);
	struct rhlist_head *list, *pos;
	struct nfdbus_rule *rule;

	lockdep_assert_held(&nb->lock);
	if (!index) {
		list_for_each_entry(rule, nfdbus_rules_of(nb, owner),
				    owner_link)
			if (nfdbus_rule_eq(rule, like))
				return rule;
		return NULL;
	}

	rcu_read_lock();
	list = nfdbus_index_find(index, &like->key);
	rhl_for_each_entry_rcu(rule, pos, list, node)
		if (rule->owner == owner && nfdbus_rule_eq(rule, like))
			goto out;
	rule = NULL;
out:
	rcu_read_unlock();
	return rule;
}

static void nfdbus_rule_touch(struct nfdbus_rule *rule,
			      struct list_head *changes)
{
	if (!list_empty(&rule->change_link))
		return;

	rule->new_count = rule->count;
	list_add_tail(&rule->change_link, changes);
}

static int nfdbus_rule_link(struct nfdbus_bus *nb, struct nfdbus_client *owner,
			    struct nfdbus_rule *rule)
{
	struct nfdbus_index *index = nfdbus_index_of(nb, rule);
	int err;

	rule->owner = owner;
	INIT_LIST_HEAD(&rule->change_link);
	if (index) {
		err = nfdbus_index_add(index, rule);
		if (err)
			return err;
	}
	list_add_tail(&rule->owner_link, nfdbus_rules_of(nb, owner));
	nb->nr_rules++;
	if (owner)
		owner->nr_rules++;
	return 0;
}

static void nfdbus_rule_unlink(struct nfdbus_bus *nb, struct nfdbus_rule *rule)
{
	if (rule->indexed)
		nfdbus_index_del(nfdbus_index_of(nb, rule), rule);
	list_del(&rule->owner_link);
	nb->nr_rules--;
	if (rule->owner)
		rule->owner->nr_rules--;
	kfree_rcu(rule, rcu);
}

/**
 * nfdbus_match_add() - prepare to add a rule once more
 * @nb: bus
 * @changes: changes of the request
 * @owner: owner of the rule; NULL for the clients that are not on AF_BUS
 * @rule: the rule; owned by the callee from now on
 *
 * Context: Under bus->lock.
 * Return: 0, -EOVERFLOW if it was added too often, -ENOMEM.
 */
int nfdbus_match_add(struct nfdbus_bus *nb, struct list_head *changes,
		     struct nfdbus_client *owner, struct nfdbus_rule *rule)
{
	struct nfdbus_rule *old = nfdbus_match_find(nb, owner, rule);
	int err;

	if (old) {
		kfree(rule);
		rule = old;
	} else {
		err = nfdbus_rule_link(nb, owner, rule);
		if (err) {
			kfree(rule);
			return err;
		}
	}

	nfdbus_rule_touch(rule, changes);
	if (rule->new_count == U32_MAX)
		return -EOVERFLOW;
	rule->new_count++;
	return 0;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_match_add);

/**
 * nfdbus_match_del() - prepare to remove one addition of a rule
 * @nb: bus
 * @changes: changes of the request
 * @owner: owner of the rule; NULL for the clients that are not on AF_BUS
 * @like: an equal rule
 *
 * Context: Under bus->lock.
 * Return: 0 or -ENOENT.
 */
int nfdbus_match_del(struct nfdbus_bus *nb, struct list_head *changes,
		     struct nfdbus_client *owner,
		     const struct nfdbus_rule *like)
{
	struct nfdbus_rule *rule = nfdbus_match_find(nb, owner, like);

	if (!rule)
		return -ENOENT;

	nfdbus_rule_touch(rule, changes);
	if (!rule->new_count)
		return -ENOENT;
	rule->new_count--;
	return 0;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_match_del);

/**
 * nfdbus_match_clear() - prepare to remove all rules of an owner
 * @nb: bus
 * @changes: changes of the request
 * @owner: owner; NULL for the clients that are not on AF_BUS
 *
 * Context: Under bus->lock.
 */
void nfdbus_match_clear(struct nfdbus_bus *nb, struct list_head *changes,
			struct nfdbus_client *owner)
{
	struct nfdbus_rule *rule;

	lockdep_assert_held(&nb->lock);
	list_for_each_entry(rule, nfdbus_rules_of(nb, owner), owner_link) {
		nfdbus_rule_touch(rule, changes);
		rule->new_count = 0;
	}
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_match_clear);

/**
 * nfdbus_matches_commit() - carry out all changes of a request
 * @nb: bus
 * @changes: changes
 *
 * Context: Under bus->lock.
 * Return: true if a rule was removed, or a new rule eavesdrops: then the caller
 * has to wait for messages that were routed before.
 */
bool nfdbus_matches_commit(struct nfdbus_bus *nb, struct list_head *changes)
{
	struct nfdbus_rule *rule, *tmp;
	bool lost = false;

	lockdep_assert_held(&nb->lock);
	list_for_each_entry_safe(rule, tmp, changes, change_link) {
		list_del_init(&rule->change_link);
		if (rule->count && !rule->new_count)
			lost = true;
		if (rule->eavesdrop && !rule->count && rule->new_count)
			lost = true;
		/* Pairs with the acquire in nfdbus_match_key(): a sender that
		 * sees a new rule sees that its owner is held.
		 */
		smp_store_release(&rule->count, rule->new_count);
		if (!rule->count)
			nfdbus_rule_unlink(nb, rule);
	}
	return lost;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_matches_commit);

void nfdbus_matches_abort(struct nfdbus_bus *nb, struct list_head *changes)
{
	struct nfdbus_rule *rule, *tmp;

	lockdep_assert_held(&nb->lock);
	list_for_each_entry_safe(rule, tmp, changes, change_link) {
		list_del_init(&rule->change_link);
		if (!rule->count)
			nfdbus_rule_unlink(nb, rule);
	}
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_matches_abort);

/**
 * nfdbus_matches_leave() - remove the rules of an owner that leaves
 * @nb: bus
 * @rules: rules of the owner
 *
 * Context: Under bus->lock.
 */
void nfdbus_matches_leave(struct nfdbus_bus *nb, struct list_head *rules)
{
	struct nfdbus_rule *rule, *tmp;

	list_for_each_entry_safe(rule, tmp, rules, owner_link)
		nfdbus_rule_unlink(nb, rule);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_matches_leave);
