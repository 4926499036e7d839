// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: users, and what they have in flight
 */

#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include "bus.h"

static const struct rhashtable_params bus_user_params = {
	.key_len		= sizeof(kuid_t),
	.key_offset		= offsetof(struct bus_user, uid),
	.head_offset		= offsetof(struct bus_user, node),
	.automatic_shrinking	= true,
};

static struct rhashtable bus_users;

static struct bus_user *bus_user_find(kuid_t uid)
{
	struct bus_user *user;

	rcu_read_lock();
	user = rhashtable_lookup(&bus_users, &uid, bus_user_params);
	if (user && !atomic_long_inc_not_zero(&user->held))
		user = NULL;
	rcu_read_unlock();
	return user;
}

static struct bus_user *bus_user_alloc(kuid_t uid)
{
	struct bus_user *user = kzalloc_obj(*user, GFP_KERNEL_ACCOUNT);

	if (!user)
		return NULL;

	atomic_long_set(&user->held, 1);
	user->uid = uid;
	return user;
}

/**
 * bus_user_get() - the user with an id
 * @uid: id
 *
 * Context: May sleep.
 * Return: The user, referenced, or an ERR_PTR(): -ENOMEM.
 */
struct bus_user *bus_user_get(kuid_t uid)
{
	struct bus_user *user;
	int err;

	for (;;) {
		user = bus_user_find(uid);
		if (user)
			return user;

		user = bus_user_alloc(uid);
		if (!user)
			return ERR_PTR(-ENOMEM);

		err = rhashtable_lookup_insert_fast(&bus_users, &user->node,
						    bus_user_params);
		if (!err)
			return user;

		kfree(user);
		if (err != -EEXIST)
			return ERR_PTR(err);
		/* Somebody was faster, or the last user has yet to go. */
		cond_resched();
	}
}

/**
 * bus_user_charge() - a message of a user is in flight
 * @user: user, referenced by the caller; the message has it referenced then
 * @size: its memory in bytes, however many copies it will have
 * @limit: bytes that a user may have in flight
 *
 * Context: Any.
 * Return: 0 or -ENOBUFS.
 */
int bus_user_charge(struct bus_user *user, unsigned int size,
		    unsigned long limit)
{
	if (atomic_long_add_return(size, &user->held) <= limit)
		return 0;

	atomic_long_sub(size, &user->held);
	return -ENOBUFS;
}

/**
 * bus_user_uncharge() - drop a reference, or what stands for one
 * @user: user
 * @size: what was charged; 1 for a reference
 *
 * Context: Any.
 */
void bus_user_uncharge(struct bus_user *user, unsigned int size)
{
	if (!atomic_long_sub_and_test(size, &user->held))
		return;

	rhashtable_remove_fast(&bus_users, &user->node, bus_user_params);
	kfree_rcu(user, rcu);
}

int __init bus_user_init(void)
{
	return rhashtable_init(&bus_users, &bus_user_params);
}

void __init bus_user_exit(void)
{
	rhashtable_destroy(&bus_users);
}
