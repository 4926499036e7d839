// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: expected replies to calls that went directly
 *
 * bus->reply_lock protects everything here. Look-ups take it, too, so a reply
 * is freed without an RCU grace period.
 */

#include <linux/ktime.h>
#include <linux/slab.h>
#include "nfdbus.h"

static const struct rhashtable_params nfdbus_reply_params = {
	.head_offset		= offsetof(struct nfdbus_reply, node),
	.key_offset		= offsetof(struct nfdbus_reply, key),
	.key_len		= sizeof_field(struct nfdbus_reply, key),
	.automatic_shrinking	= true,
};

int nfdbus_replies_init(struct nfdbus_bus *nb)
{
	spin_lock_init(&nb->reply_lock);
	return rhashtable_init(&nb->replies, &nfdbus_reply_params);
}

void nfdbus_replies_destroy(struct nfdbus_bus *nb)
{
	rhashtable_destroy(&nb->replies);
}

static struct nfdbus_reply *nfdbus_reply_find(struct nfdbus_bus *nb, u64 caller,
					      u64 callee, u32 serial)
{
	struct nfdbus_reply_key key = {
		.caller = caller, .callee = callee, .serial = serial,
	};

	lockdep_assert_held(&nb->reply_lock);
	return rhashtable_lookup_fast(&nb->replies, &key, nfdbus_reply_params);
}

/* The counts have lockless readers. */
static void nfdbus_reply_count(struct nfdbus_bus *nb,
			       struct nfdbus_client *caller, int more)
{
	lockdep_assert_held(&nb->reply_lock);

	WRITE_ONCE(caller->nr_waits, caller->nr_waits + more);
	WRITE_ONCE(nb->nr_replies, nb->nr_replies + more);
}

static int nfdbus_reply_link(struct nfdbus_bus *nb, struct nfdbus_reply *reply)
{
	int err;

	if (reply->caller->left)
		return -EPIPE;
	if (reply->caller->nr_waits >=
	    min(READ_ONCE(nb->max_replies),
		READ_ONCE(reply->caller->max_replies)))
		return -EDQUOT;

	err = rhashtable_lookup_insert_fast(&nb->replies, &reply->node,
					    nfdbus_reply_params);
	if (err)
		return err;

	list_add_tail(&reply->caller_link, &reply->caller->waits);
	list_add_tail(&reply->callee_link, &reply->callee->owes);
	nfdbus_reply_count(nb, reply->caller, 1);
	reply->linked = true;
	return 0;
}

static void nfdbus_reply_unlink(struct nfdbus_bus *nb,
				struct nfdbus_reply *reply)
{
	lockdep_assert_held(&nb->reply_lock);
	if (reply->linked) {
		rhashtable_remove_fast(&nb->replies, &reply->node,
				       nfdbus_reply_params);
		list_del(&reply->caller_link);
		list_del(&reply->callee_link);
		nfdbus_reply_count(nb, reply->caller, -1);
		reply->linked = false;
	}
	if (!reply->busy)
		kfree(reply);
}

static bool nfdbus_serial_seen(struct nfdbus_client *caller, u32 serial)
{
	s32 ahead = serial - caller->last_serial;
	bool seen;

	if (!caller->serials) {
		/* It may have used any serial before it joined. */
		caller->serials = ~0ULL;
		caller->last_serial = serial;
		return false;
	}
	if (ahead > 0) {
		caller->serials = ahead < 64 ? caller->serials << ahead : 0;
		caller->serials |= 1;
		caller->last_serial = serial;
		return false;
	}
	if (ahead <= -64)
		return true;

	seen = caller->serials & BIT_ULL(-ahead);
	caller->serials |= BIT_ULL(-ahead);
	return seen;
}

/**
 * nfdbus_reply_repeats() - may a call repeat the serial of an earlier call?
 * @caller: sender of the call
 * @serial: of the call, which expects a reply
 *
 * Only the master knows all calls. But a serial that is greater than all
 * before, as it nearly always is, repeats none, and neither does one of the 63
 * before the greatest that was not used. To know this, the function has to be
 * called for each call that expects a reply, also for those that go to the
 * master.
 *
 * Return: false if the caller cannot be waiting for a reply to this serial.
 */
bool nfdbus_reply_repeats(struct nfdbus_client *caller, u32 serial)
{
	struct nfdbus_bus *nb = caller->bus;
	bool seen;

	spin_lock_bh(&nb->reply_lock);
	seen = nfdbus_serial_seen(caller, serial);
	spin_unlock_bh(&nb->reply_lock);
	return seen;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_reply_repeats);

/**
 * nfdbus_reply_expect() - record that a call expects a reply
 * @caller: sender of the call
 * @callee: recipient of the call
 * @m: the call
 *
 * The caller of this function has to call nfdbus_reply_settle() afterwards.
 *
 * Context: Under rcu_read_lock().
 * Return: 0; -EDQUOT if @caller waits for as many replies as it may, -EEXIST if
 * it waits for one to the same serial, -EPIPE if it has left, -ENOMEM.
 */
int nfdbus_reply_expect(struct nfdbus_client *caller,
			struct nfdbus_client *callee, struct nfdbus_msg *m)
{
	struct nfdbus_bus *nb = caller->bus;
	struct nfdbus_reply *reply;
	int err;

	reply = kzalloc_obj(*reply, GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
	if (!reply)
		return -ENOMEM;

	reply->key.caller = caller->addr;
	reply->key.callee = callee->addr;
	reply->key.serial = m->serial;
	reply->caller = caller;
	reply->callee = callee;
	reply->since = ktime_get_ns();
	reply->busy = true;

	spin_lock_bh(&nb->reply_lock);
	err = nfdbus_reply_link(nb, reply);
	spin_unlock_bh(&nb->reply_lock);
	if (err)
		kfree(reply);
	else
		m->expect = reply;
	return err;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_reply_expect);

/**
 * nfdbus_reply_hold() - find an expected reply and mark it busy
 * @callee: client that owes the reply
 * @caller: address of the client that waits for it
 * @serial: of the call
 *
 * Return: The reply, to be given back with nfdbus_reply_drop(), or NULL if
 * there is none or it is busy.
 */
struct nfdbus_reply *nfdbus_reply_hold(struct nfdbus_client *callee, u64 caller,
				       u32 serial)
{
	struct nfdbus_bus *nb = callee->bus;
	struct nfdbus_reply *reply;

	spin_lock_bh(&nb->reply_lock);
	reply = nfdbus_reply_find(nb, caller, callee->addr, serial);
	if (reply && reply->busy)
		reply = NULL;
	if (reply)
		reply->busy = true;
	spin_unlock_bh(&nb->reply_lock);
	return reply;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_reply_hold);

static void __nfdbus_reply_drop(struct nfdbus_bus *nb,
				struct nfdbus_reply *reply, bool used)
{
	reply->busy = false;
	if (used || !reply->linked)
		nfdbus_reply_unlink(nb, reply);
}

/**
 * nfdbus_reply_drop() - undo nfdbus_reply_hold()
 * @nb: bus
 * @reply: reply that nfdbus_reply_hold() returned
 * @used: the reply is not expected any more
 */
void nfdbus_reply_drop(struct nfdbus_bus *nb, struct nfdbus_reply *reply,
		       bool used)
{
	spin_lock_bh(&nb->reply_lock);
	__nfdbus_reply_drop(nb, reply, used);
	spin_unlock_bh(&nb->reply_lock);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_reply_drop);

/**
 * nfdbus_reply_claim() - is a message a reply that is expected?
 * @callee: sender of the message
 * @caller: recipient of the message
 * @m: message with a reply_serial
 *
 * If so, no other message can claim the reply until nfdbus_reply_settle(),
 * which the caller of this function has to call afterwards.
 *
 * Context: Under rcu_read_lock().
 * Return: true if it is.
 */
bool nfdbus_reply_claim(struct nfdbus_client *callee,
			struct nfdbus_client *caller, struct nfdbus_msg *m)
{
	m->claim = nfdbus_reply_hold(callee, caller->addr, m->reply_serial);
	return m->claim;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_reply_claim);

/**
 * nfdbus_reply_settle() - conclude what a message claims and expects
 * @nb: bus
 * @m: message
 * @staged: the message is staged, for its recipient or for the master
 * @direct: the message is for its recipient
 *
 * A reply that goes to the master stays expected until the master takes it,
 * since the master may refuse it or never read it. The master itself expects
 * the reply to a call that goes to the master.
 */
void nfdbus_reply_settle(struct nfdbus_bus *nb, struct nfdbus_msg *m,
			 bool staged, bool direct)
{
	if (!m->claim && !m->expect)
		return;

	spin_lock_bh(&nb->reply_lock);
	if (m->claim)
		__nfdbus_reply_drop(nb, m->claim, staged && direct);
	if (m->expect)
		__nfdbus_reply_drop(nb, m->expect, !staged || !direct);
	spin_unlock_bh(&nb->reply_lock);
	m->claim = NULL;
	m->expect = NULL;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_reply_settle);

/**
 * nfdbus_replies_peek() - list replies that a client owes
 * @callee: client
 * @owed: returns the replies, in the order of their calls
 * @max: room in @owed
 *
 * Return: The number of replies in @owed.
 */
unsigned int nfdbus_replies_peek(struct nfdbus_client *callee,
				 struct nfdbus_owed *owed, unsigned int max)
{
	struct nfdbus_bus *nb = callee->bus;
	struct nfdbus_reply *reply;
	unsigned int n = 0;

	spin_lock_bh(&nb->reply_lock);
	list_for_each_entry(reply, &callee->owes, callee_link) {
		if (n == max)
			break;
		if (reply->busy)
			continue;
		owed[n].key = reply->key;
		owed[n++].since = reply->since;
	}
	spin_unlock_bh(&nb->reply_lock);
	return n;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_replies_peek);

/**
 * nfdbus_replies_take() - do not expect replies any more
 * @callee: client that owes them
 * @owed: the replies; those that have arrived are passed over
 * @nr: number of @owed
 */
void nfdbus_replies_take(struct nfdbus_client *callee,
			 const struct nfdbus_owed *owed, unsigned int nr)
{
	struct nfdbus_bus *nb = callee->bus;
	const struct nfdbus_reply_key *key;
	struct nfdbus_reply *reply;
	unsigned int i;

	spin_lock_bh(&nb->reply_lock);
	for (i = 0; i < nr; i++) {
		key = &owed[i].key;
		reply = nfdbus_reply_find(nb, key->caller, key->callee,
					  key->serial);
		if (reply && !reply->busy)
			nfdbus_reply_unlink(nb, reply);
	}
	spin_unlock_bh(&nb->reply_lock);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_replies_take);

/* Drops the replies that a client waits for when it leaves. The replies that it
 * owes stay for the master.
 */
void nfdbus_replies_leave(struct nfdbus_client *nc)
{
	struct nfdbus_bus *nb = nc->bus;
	struct nfdbus_reply *reply, *tmp;

	spin_lock_bh(&nb->reply_lock);
	nc->left = true;
	list_for_each_entry_safe(reply, tmp, &nc->waits, caller_link)
		nfdbus_reply_unlink(nb, reply);
	spin_unlock_bh(&nb->reply_lock);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_replies_leave);

/* Drops the replies that a client owes when its last reference is dropped. */
void nfdbus_replies_release(struct nfdbus_client *nc)
{
	struct nfdbus_bus *nb = nc->bus;
	struct nfdbus_reply *reply, *tmp;

	spin_lock_bh(&nb->reply_lock);
	list_for_each_entry_safe(reply, tmp, &nc->owes, callee_link)
		nfdbus_reply_unlink(nb, reply);
	spin_unlock_bh(&nb->reply_lock);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_replies_release);
