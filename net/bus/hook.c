// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: netfilter hooks
 */

#include <linux/netfilter.h>
#include "bus.h"

/**
 * bus_hook_run() - what do the hooks say?
 * @bus: bus, in whose namespace they run
 * @hook: %NF_BUS_SEND, or %NF_BUS_DELIVER for each recipient
 * @sk: sender, or recipient
 * @skb: message
 *
 * Verdicts other than NF_ACCEPT mean no. A hook may keep what it has stolen: the
 * data with its message, of which recipients get clones.
 *
 * Context: Under rcu_read_lock().
 * Return: true for yes.
 */
bool bus_hook_run(struct bus *bus, unsigned int hook, struct sock *sk,
		  struct sk_buff *skb)
{
	const struct nf_hook_entries *hooks;
	struct nf_hook_state state;
	unsigned int i, verdict;

	hooks = rcu_dereference(bus->net->nf.hooks_bus[hook]);
	if (!hooks)
		return true;

	nf_hook_state_init(&state, hook, NFPROTO_BUS, NULL, NULL, sk, bus->net,
			   NULL);
	for (i = 0; i < hooks->num_hook_entries; i++) {
		/* What a hook steals, it steals a reference to. A message does
		 * not wait for a verdict: NF_QUEUE is a refusal as any other.
		 */
		skb_get(skb);
		verdict = nf_hook_entry_hookfn(&hooks->hooks[i], skb, &state) &
			  NF_VERDICT_MASK;
		if (verdict != NF_STOLEN)
			refcount_dec(&skb->users);
		if (verdict != NF_ACCEPT)
			return false;
	}
	return true;
}
