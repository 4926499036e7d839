// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: users, and what they pay for
 */

#include <linux/cred.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include "queue.h"
#include "sock.h"
#include "user.h"

static const struct rhashtable_params bus_user_params = {
	.key_len		= sizeof(kuid_t),
	.key_offset		= offsetof(struct bus_user, uid),
	.head_offset		= offsetof(struct bus_user, node),
	.automatic_shrinking	= true,
};

static struct rhashtable bus_users;

/* net.bus.max_user_bytes */
unsigned long bus_max_user_bytes __read_mostly = BUS_USER_BYTES;

static struct bus_user *bus_user_find(kuid_t uid)
{
	struct bus_user *user;

	rcu_read_lock();
	user = rhashtable_lookup(&bus_users, &uid, bus_user_params);
	if (user && !refcount_inc_not_zero(&user->ref))
		user = NULL;
	rcu_read_unlock();
	return user;
}

static struct bus_user *bus_user_alloc(kuid_t uid)
{
	struct bus_user *user = kzalloc_obj(*user, GFP_KERNEL_ACCOUNT);

	if (!user)
		return NULL;

	refcount_set(&user->ref, 1);
	user->uid = uid;
	spin_lock_init(&user->lock);
	user->own.user = user;
	user->own.payer = user;
	INIT_LIST_HEAD(&user->shares);
	INIT_LIST_HEAD(&user->starved);
	return user;
}

/* The ids that are mapped into a user namespace are as many users as its owner
 * likes. So it is the owner who counts, of the outermost namespace that somebody
 * else than root has made. What root makes are containers, with users of their
 * own.
 */
static kuid_t bus_user_uid(void)
{
	const struct user_namespace *ns;
	kuid_t uid = current_uid();

	for (ns = current_user_ns(); ns != &init_user_ns; ns = ns->parent)
		if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
			uid = ns->owner;
	return uid;
}

/**
 * bus_user_get() - the user that the caller is
 *
 * Context: May sleep.
 * Return: The user, referenced, or an ERR_PTR(): -ENOMEM.
 */
struct bus_user *bus_user_get(void)
{
	kuid_t uid = bus_user_uid();
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
 * bus_user_put() - drop a reference
 * @user: user
 *
 * Context: Any.
 */
void bus_user_put(struct bus_user *user)
{
	if (!refcount_dec_and_test(&user->ref))
		return;

	rhashtable_remove_fast(&bus_users, &user->node, bus_user_params);
	kfree_rcu(user, rcu);
}

static struct bus_share *bus_user_find_share(struct bus_user *payer,
					     const struct bus_user *user)
{
	struct bus_share *share;

	if (user == payer)
		return &payer->own;
	list_for_each_entry(share, &payer->shares, link)
		if (share->user == user)
			return share;
	return NULL;
}

static struct bus_share *bus_user_add_share(struct bus_user *payer,
					    struct bus_user *user,
					    struct list_head *spare)
{
	struct bus_share *share;

	share = list_first_entry_or_null(spare, struct bus_share, link);
	if (!share)
		return NULL;

	refcount_inc(&user->ref);
	share->user = user;
	share->payer = payer;
	share->nr = 0;
	share->bytes = 0;
	list_move(&share->link, &payer->shares);
	return share;
}

static bool bus_user_has(unsigned long bytes, unsigned int size)
{
	/* One that pays for nothing pays for one message of any size. */
	return !bytes ||
	       (u64)bytes + size <= READ_ONCE(bus_max_user_bytes);
}

static int bus_user_check(struct bus_user *payer, const struct bus_need *need)
{
	const struct bus_share *share;

	lockdep_assert_held(&payer->lock);

	if (!payer->bytes)
		return 0;
	if (!bus_user_has(payer->bytes, need->size)) {
		if (!payer->reserved ||
		    !bus_user_has(payer->bytes - payer->reserved, need->size))
			return -ENOSPC;
		return need->late ? 0 : BUS_USER_UNSETTLED;
	}
	if (need->user == payer)
		return 0;

	share = bus_user_find_share(payer, need->user);
	if (bus_share_fits(share ? share->bytes : 0, payer->bytes, need->size,
			   READ_ONCE(bus_max_user_bytes)))
		return 0;
	return payer->reserved ? BUS_USER_UNSETTLED : -ENOSPC;
}

/**
 * bus_user_charge() - a user pays for a message in one of its queues
 * @user: user; the caller has a reference, the message will have one
 * @need: what the message needs
 * @reserve: room is set aside for it in the queue, maybe in vain
 * @spare: shares to take one from if its sender's user has none here
 * @sharep: returns the share
 *
 * Context: Under the lock of the queue.
 * Return: 0, -ENOSPC if this were too much, %BUS_USER_UNSETTLED instead if what
 * is set aside is to blame, %BUS_NEED_MEMORY without a share.
 */
int bus_user_charge(struct bus_user *user, const struct bus_need *need,
		    bool reserve, struct list_head *spare,
		    struct bus_share **sharep)
{
	struct bus_share *share;
	int err;

	spin_lock(&user->lock);
	err = bus_user_check(user, need);
	if (err)
		goto out;

	share = bus_user_find_share(user, need->user) ?:
		bus_user_add_share(user, need->user, spare);
	/* What is late needs no share of the queue, nor memory in advance. */
	if (!share && need->late)
		share = &user->own;
	err = BUS_NEED_MEMORY;
	if (!share)
		goto out;

	if (!user->bytes)
		refcount_inc(&user->ref);
	user->bytes += need->size;
	if (reserve)
		user->reserved += need->size;
	share->nr++;
	share->bytes += need->size;
	*sharep = share;
	err = 0;
out:
	spin_unlock(&user->lock);
	return err;
}

static struct sock *bus_user_next_starved(struct bus_user *user,
					  struct list_head *starved)
{
	struct sock *sk = NULL;
	struct bus_sock *b;

	spin_lock(&user->lock);
	b = list_first_entry_or_null(starved, struct bus_sock, starved);
	if (b) {
		list_del_init(&b->starved);
		sk = &b->sk;
		/* It leaves the list before it loses its last reference. */
		sock_hold(sk);
	}
	spin_unlock(&user->lock);
	return sk;
}

static void bus_user_discharge(struct bus_share *share, unsigned int size,
			       unsigned int reserved)
{
	struct bus_user *user = share->payer, *gone = NULL;
	LIST_HEAD(starved);
	struct sock *sk;
	bool last;

	spin_lock(&user->lock);
	user->reserved -= reserved;
	user->bytes -= size;
	share->bytes -= size;
	if (!--share->nr && share != &user->own) {
		list_del(&share->link);
		gone = share->user;
		kfree(share);
	}
	last = !user->bytes;
	list_splice_init(&user->starved, &starved);
	spin_unlock(&user->lock);

	while ((sk = bus_user_next_starved(user, &starved))) {
		/* Until a sender that has looked has got in line. */
		spin_lock(&sk->sk_receive_queue.lock);
		spin_unlock(&sk->sk_receive_queue.lock);
		bus_wake_room(sk);
		sock_put(sk);
	}
	if (gone)
		bus_user_put(gone);
	if (last)
		bus_user_put(user);
}

/**
 * bus_user_uncharge() - a message that a user pays for is freed
 * @share: as returned by bus_user_charge()
 * @size: truesize of the message
 *
 * Context: Any in which no lock of a queue is held.
 */
void bus_user_uncharge(struct bus_share *share, unsigned int size)
{
	bus_user_discharge(share, size, 0);
}

/**
 * bus_user_unreserve() - a message for which room was set aside is not sent
 * @share: as returned by bus_user_charge()
 * @size: truesize of the message
 *
 * Context: Any in which no lock of a queue is held.
 */
void bus_user_unreserve(struct bus_share *share, unsigned int size)
{
	bus_user_discharge(share, size, size);
}

/**
 * bus_user_settle() - a message for which room was set aside is sent
 * @share: as returned by bus_user_charge()
 * @size: truesize of the message
 *
 * Context: Under the lock of the queue.
 */
void bus_user_settle(struct bus_share *share, unsigned int size)
{
	spin_lock(&share->payer->lock);
	share->payer->reserved -= size;
	spin_unlock(&share->payer->lock);
}

/**
 * bus_user_check_or_starve() - can a user pay for one more message?
 * @user: user
 * @need: what the message needs
 * @sk: one of the user's queues, where somebody is about to wait for it
 *
 * Context: Under the lock of the queue, which is not closed.
 * Return: 0, or an error of bus_user_charge(); the queue's lines are
 * looked at when this may have changed.
 */
int bus_user_check_or_starve(struct bus_user *user,
			     const struct bus_need *need, struct sock *sk)
{
	int err;

	spin_lock(&user->lock);
	err = bus_user_check(user, need);
	if (err && list_empty(&bus_sk(sk)->starved))
		list_add_tail(&bus_sk(sk)->starved, &user->starved);
	spin_unlock(&user->lock);
	return err;
}

/**
 * bus_user_forget() - nobody waits for a queue any more
 * @user: the user who pays for it
 * @sk: recipient, whose queue is closed
 */
void bus_user_forget(struct bus_user *user, struct sock *sk)
{
	spin_lock(&user->lock);
	list_del_init(&bus_sk(sk)->starved);
	spin_unlock(&user->lock);
}

int __init bus_user_init(void)
{
	return rhashtable_init(&bus_users, &bus_user_params);
}

void __init bus_user_exit(void)
{
	rhashtable_destroy(&bus_users);
}
