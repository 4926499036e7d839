// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: find the match rules that may match a message
 *
 * The shape of a rule is the set of its conditions for equality, for example
 * interface and path. Rules of one shape are found by the hash of their values.
 * So a message costs one look-up for each shape in use, whatever the number of
 * rules.
 */

#include <linux/jhash.h>
#include "nfdbus.h"

static u32 nfdbus_key_hash(const void *data, u32 len, u32 seed)
{
	const struct nfdbus_key *key = data;
	u32 hash[NFDBUS_NR_KEYS + 1];
	unsigned int i, n = 0;

	hash[n++] = key->shape;
	for (i = 0; i < NFDBUS_NR_KEYS; i++)
		if (key->shape & BIT(i))
			hash[n++] = key->val[i].hash;
	return jhash2(hash, n, seed);
}

static u32 nfdbus_rule_hash(const void *data, u32 len, u32 seed)
{
	const struct nfdbus_rule *rule = data;

	return nfdbus_key_hash(&rule->key, len, seed);
}

static int nfdbus_rule_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct nfdbus_rule *rule = obj;
	const struct nfdbus_key *key = arg->key;
	unsigned int i;

	if (key->shape != rule->key.shape)
		return 1;

	for (i = 0; i < NFDBUS_NR_KEYS; i++)
		if ((key->shape & BIT(i)) &&
		    !nfdbus_str_eq(&key->val[i], &rule->key.val[i]))
			return 1;
	return 0;
}

static const struct rhashtable_params nfdbus_index_params = {
	.head_offset		= offsetof(struct nfdbus_rule, node),
	.key_offset		= offsetof(struct nfdbus_rule, key),
	.hashfn			= nfdbus_key_hash,
	.obj_hashfn		= nfdbus_rule_hash,
	.obj_cmpfn		= nfdbus_rule_cmp,
	.automatic_shrinking	= true,
};

int nfdbus_index_init(struct nfdbus_index *index)
{
	memset(index, 0, sizeof(*index));
	return rhltable_init(&index->rules, &nfdbus_index_params);
}

void nfdbus_index_destroy(struct nfdbus_index *index)
{
	rhltable_destroy(&index->rules);
}

static void nfdbus_index_count(struct nfdbus_index *index,
			       const struct nfdbus_rule *rule, int n)
{
	u8 shape = rule->key.shape;
	u64 mask = index->arg_mask;
	u32 shapes = index->shapes;
	u8 i, idx;

	index->nr_shape[shape] += n;
	shapes &= ~BIT(shape);
	if (index->nr_shape[shape])
		shapes |= BIT(shape);

	for (i = 0; i < rule->nr_args; i++) {
		idx = rule->args[i].idx;
		index->nr_arg[idx] += n;
		mask &= ~BIT_ULL(idx);
		if (index->nr_arg[idx])
			mask |= BIT_ULL(idx);
	}

	WRITE_ONCE(index->arg_mask, mask);
	/* Pairs with the acquire in nfdbus_match(): a sender that sees the
	 * shape of a rule sees which arguments the rule needs.
	 */
	smp_store_release(&index->shapes, shapes);
}

/**
 * nfdbus_index_add() - add a rule to an index
 * @index: index
 * @rule: rule that is in no index
 *
 * Context: Under bus->lock.
 * Return: 0 or an error.
 */
int nfdbus_index_add(struct nfdbus_index *index, struct nfdbus_rule *rule)
{
	int err;

	nfdbus_index_count(index, rule, 1);
	err = rhltable_insert(&index->rules, &rule->node, nfdbus_index_params);
	if (err)
		nfdbus_index_count(index, rule, -1);
	else
		rule->indexed = true;
	return err;
}

/**
 * nfdbus_index_del() - remove a rule from an index
 * @index: index
 * @rule: rule; readers may see it until an RCU grace period has passed
 *
 * Context: Under bus->lock.
 */
void nfdbus_index_del(struct nfdbus_index *index, struct nfdbus_rule *rule)
{
	rhltable_remove(&index->rules, &rule->node, nfdbus_index_params);
	nfdbus_index_count(index, rule, -1);
	rule->indexed = false;
}

/**
 * nfdbus_index_find() - find the rules with a key
 * @index: index
 * @key: shape and values
 *
 * Context: Under rcu_read_lock().
 * Return: A list of struct nfdbus_rule by node, or NULL.
 */
struct rhlist_head *nfdbus_index_find(struct nfdbus_index *index,
				      const struct nfdbus_key *key)
{
	return rhltable_lookup(&index->rules, key, nfdbus_index_params);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_index_find);
