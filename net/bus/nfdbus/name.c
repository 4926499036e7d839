// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: well-known names and their owners
 *
 * A request prepares all its changes first, which may fail, and then commits
 * them, which cannot fail.
 */

#include <linux/jhash.h>
#include <linux/slab.h>
#include "nfdbus.h"

/* Mixes the seed in, so that a rehash of the table separates names that were in
 * one bucket.
 */
static u32 nfdbus_name_key_hash(const void *data, u32 len, u32 seed)
{
	const struct nfdbus_str *str = data;

	return jhash_1word(str->hash, seed);
}

static u32 nfdbus_name_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct nfdbus_name *name = data;

	return nfdbus_name_key_hash(&name->str, len, seed);
}

static int nfdbus_name_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct nfdbus_name *name = obj;

	return !nfdbus_str_eq(arg->key, &name->str);
}

static const struct rhashtable_params nfdbus_name_params = {
	.head_offset		= offsetof(struct nfdbus_name, node),
	.key_offset		= offsetof(struct nfdbus_name, str),
	.hashfn			= nfdbus_name_key_hash,
	.obj_hashfn		= nfdbus_name_obj_hash,
	.obj_cmpfn		= nfdbus_name_cmp,
	.automatic_shrinking	= true,
};

int nfdbus_names_init(struct nfdbus_bus *nb)
{
	INIT_LIST_HEAD(&nb->all_names);
	return rhashtable_init(&nb->names, &nfdbus_name_params);
}

static void nfdbus_name_free(void *ptr, void *arg)
{
	kfree(ptr);
}

void nfdbus_names_destroy(struct nfdbus_bus *nb)
{
	rhashtable_free_and_destroy(&nb->names, nfdbus_name_free, NULL);
}

/**
 * nfdbus_name_find() - find a well-known name
 * @nb: bus
 * @str: name, with its hash
 *
 * Context: Under rcu_read_lock() or bus->lock.
 * Return: The name, in any state, or NULL.
 */
struct nfdbus_name *nfdbus_name_find(struct nfdbus_bus *nb,
				     const struct nfdbus_str *str)
{
	return rhashtable_lookup_fast(&nb->names, str, nfdbus_name_params);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_name_find);

static struct nfdbus_name *nfdbus_name_alloc(const char *text)
{
	size_t len = strlen(text);
	struct nfdbus_name *name;

	name = kzalloc_flex(*name, buf, len + 1, GFP_KERNEL_ACCOUNT);
	if (!name)
		return NULL;

	memcpy(name->buf, text, len + 1);
	name->str.s = name->buf;
	name->str.len = len;
	name->str.hash = nfdbus_hash(text, len);
	INIT_LIST_HEAD(&name->owner_link);
	INIT_LIST_HEAD(&name->change_link);
	return name;
}

/* Adds a placeholder for a new name, so that the commit only replaces it. */
static struct nfdbus_name *nfdbus_name_get(struct nfdbus_bus *nb,
					   const char *text)
{
	struct nfdbus_str str = { text, strlen(text) };
	struct nfdbus_name *name;
	int err;

	str.hash = nfdbus_hash(text, str.len);
	name = nfdbus_name_find(nb, &str);
	if (name)
		return name;

	name = nfdbus_name_alloc(text);
	if (!name)
		return ERR_PTR(-ENOMEM);

	err = rhashtable_insert_fast(&nb->names, &name->node,
				     nfdbus_name_params);
	if (err) {
		kfree(name);
		return ERR_PTR(err);
	}
	list_add_tail(&name->link, &nb->all_names);
	return name;
}

/**
 * nfdbus_name_prepare() - prepare a change of one name
 * @nb: bus
 * @changes: changes of the request, to be committed or aborted together
 * @text: valid well-known name
 * @state: the new state; %NFDBUS_NAME_NONE removes the name
 * @owner: the new owner, if @state is %NFDBUS_NAME_OWNED
 *
 * Context: Under bus->lock.
 * Return: 0 or an error.
 */
int nfdbus_name_prepare(struct nfdbus_bus *nb, struct list_head *changes,
			const char *text, enum nfdbus_name_state state,
			struct nfdbus_client *owner)
{
	struct nfdbus_name *name, *next = NULL;

	lockdep_assert_held(&nb->lock);
	name = nfdbus_name_get(nb, text);
	if (IS_ERR(name))
		return PTR_ERR(name);
	if (list_empty(&name->change_link))
		list_add_tail(&name->change_link, changes);

	if (state != NFDBUS_NAME_NONE) {
		next = nfdbus_name_alloc(text);
		if (!next)
			return -ENOMEM;
		next->state = state;
		RCU_INIT_POINTER(next->owner, owner);
	}
	kfree(name->next);
	name->next = next;
	return 0;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_name_prepare);

static void nfdbus_name_remove(struct nfdbus_bus *nb, struct nfdbus_name *name)
{
	rhashtable_remove_fast(&nb->names, &name->node, nfdbus_name_params);
	list_del(&name->link);
	kfree_rcu(name, rcu);
}

static void nfdbus_name_replace(struct nfdbus_bus *nb, struct nfdbus_name *name)
{
	struct nfdbus_name *next = name->next;
	struct nfdbus_client *owner = rcu_access_pointer(next->owner);

	if (owner) {
		list_add_tail_rcu(&next->owner_link, &owner->names);
		owner->nr_names++;
	}
	rhashtable_replace_fast(&nb->names, &name->node, &next->node,
				nfdbus_name_params);
	list_replace(&name->link, &next->link);
	kfree_rcu(name, rcu);
}

/**
 * nfdbus_names_commit() - carry out all changes of a request
 * @nb: bus
 * @changes: changes
 *
 * Context: Under bus->lock.
 * Return: true if an owner has lost a name.
 */
bool nfdbus_names_commit(struct nfdbus_bus *nb, struct list_head *changes)
{
	struct nfdbus_name *name, *tmp;
	struct nfdbus_client *owner;
	bool lost = false;

	lockdep_assert_held(&nb->lock);
	list_for_each_entry_safe(name, tmp, changes, change_link) {
		list_del_init(&name->change_link);
		if (name->state != NFDBUS_NAME_NONE) {
			lost = true;
			nb->nr_names--;
		}
		owner = rcu_access_pointer(name->owner);
		if (owner) {
			list_del_rcu(&name->owner_link);
			owner->nr_names--;
		}
		if (name->next) {
			nb->nr_names++;
			nfdbus_name_replace(nb, name);
		} else {
			nfdbus_name_remove(nb, name);
		}
	}
	return lost;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_names_commit);

void nfdbus_names_abort(struct nfdbus_bus *nb, struct list_head *changes)
{
	struct nfdbus_name *name, *tmp;

	lockdep_assert_held(&nb->lock);
	list_for_each_entry_safe(name, tmp, changes, change_link) {
		list_del_init(&name->change_link);
		kfree(name->next);
		name->next = NULL;
		if (name->state == NFDBUS_NAME_NONE)
			nfdbus_name_remove(nb, name);
	}
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_names_abort);

/* A client that leaves gives up its names. They have no owner until the master
 * sets a new one.
 */
void nfdbus_names_leave(struct nfdbus_client *nc)
{
	struct nfdbus_name *name, *tmp;

	lockdep_assert_held(&nc->bus->lock);
	list_for_each_entry_safe(name, tmp, &nc->names, owner_link) {
		WRITE_ONCE(name->state, NFDBUS_NAME_DEAD);
		RCU_INIT_POINTER(name->owner, NULL);
		list_del_rcu(&name->owner_link);
		nc->nr_names--;
	}
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_names_leave);
