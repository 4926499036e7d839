// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: replies that calls on the direct path are waiting for
 *
 * Everything here is under bus->reply_lock, look-ups too, so a reply can be
 * freed at once.
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

static u32 nfdbus_reply_limit(const struct nfdbus_peer *caller)
{
	return min(READ_ONCE(caller->bus->max_replies),
		   READ_ONCE(caller->max_replies));
}

/* There are lockless readers of how many there are. */
static void nfdbus_reply_count(struct nfdbus_bus *nb, struct nfdbus_peer *caller,
			       int more)
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
	if (reply->caller->nr_waits >= nfdbus_reply_limit(reply->caller))
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

static bool nfdbus_serial_seen(struct nfdbus_peer *caller, u32 serial)
{
	s32 ahead = serial - caller->last_serial;
	bool seen;

	if (!caller->serials) {
		/* It may have used any before it joined. */
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
 * nfdbus_reply_repeats() - does a call repeat the serial of another one?
 * @caller: who sends the call
 * @serial: of the call, which wants a reply
 *
 * Only the master knows of all calls. But a call whose serial is the greatest
 * so far, as it nearly always is, or one of the few before that have not been
 * seen, repeats none. To be called for each call, whichever way it will go.
 *
 * Return: false if the caller cannot be waiting for a reply to this serial.
 */
bool nfdbus_reply_repeats(struct nfdbus_peer *caller, u32 serial)
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
 * nfdbus_reply_expect() - record that a call wants a reply
 * @caller: who sends the call
 * @callee: who is to get it
 * @m: the call
 *
 * nfdbus_reply_settle() is to follow.
 *
 * Context: Under rcu_read_lock().
 * Return: 0; -EDQUOT if the caller waits for as many as it may, -EEXIST if it
 * waits for one to the same serial, -EPIPE if it has left, -ENOMEM.
 */
int nfdbus_reply_expect(struct nfdbus_peer *caller, struct nfdbus_peer *callee,
			struct nfdbus_msg *m)
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
 * nfdbus_reply_hold() - find an expected reply, and keep it from others
 * @callee: who owes it
 * @caller: address of who waits for it
 * @serial: of the call
 *
 * Return: The reply, until nfdbus_reply_drop(), or NULL if there is none, or
 * somebody else holds it.
 */
struct nfdbus_reply *nfdbus_reply_hold(struct nfdbus_peer *callee, u64 caller,
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
 * @reply: what it returned
 * @used: it is expected no longer
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
 * @callee: who sends it
 * @caller: who is to get it
 * @m: message with a reply_serial
 *
 * If so, nobody else can claim it until nfdbus_reply_settle(), which is to
 * follow.
 *
 * Context: Under rcu_read_lock().
 * Return: Whether it is.
 */
bool nfdbus_reply_claim(struct nfdbus_peer *callee, struct nfdbus_peer *caller,
			struct nfdbus_msg *m)
{
	m->claim = nfdbus_reply_hold(callee, caller->addr, m->reply_serial);
	return m->claim;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_reply_claim);

/**
 * nfdbus_reply_settle() - conclude what a message claims and expects
 * @nb: bus
 * @m: message
 * @staged: it has been delivered or handed over
 * @direct: it was delivered
 *
 * A reply that is handed over may yet be refused, or never be looked at, so it
 * stays expected until the master takes it. One that is asked for by way of the
 * master is the master's to expect.
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
 * @owed: where to put them
 * @max: room in @owed
 *
 * Return: How many there are in @owed, in the order of their calls.
 */
unsigned int nfdbus_replies_peek(struct nfdbus_peer *callee,
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
 * nfdbus_replies_take() - expect replies no longer
 * @callee: client that owes them
 * @owed: the replies; those that came meanwhile are passed over
 * @nr: their number
 */
void nfdbus_replies_take(struct nfdbus_peer *callee,
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

/* Who has left waits for nothing. What it owes stays for the master. */
void nfdbus_replies_leave(struct nfdbus_peer *peer)
{
	struct nfdbus_bus *nb = peer->bus;
	struct nfdbus_reply *reply, *tmp;

	spin_lock_bh(&nb->reply_lock);
	peer->left = true;
	list_for_each_entry_safe(reply, tmp, &peer->waits, caller_link)
		nfdbus_reply_unlink(nb, reply);
	spin_unlock_bh(&nb->reply_lock);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_replies_leave);

void nfdbus_replies_release(struct nfdbus_peer *peer)
{
	struct nfdbus_bus *nb = peer->bus;
	struct nfdbus_reply *reply, *tmp;

	spin_lock_bh(&nb->reply_lock);
	list_for_each_entry_safe(reply, tmp, &peer->owes, callee_link)
		nfdbus_reply_unlink(nb, reply);
	spin_unlock_bh(&nb->reply_lock);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_replies_release);
