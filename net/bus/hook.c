// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: netfilter hooks
 */

#include <linux/netfilter.h>
#include "bus.h"

static bool bus_hook_run(struct bus *bus, unsigned int hook, struct sock *sk,
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
		/* What a hook steals, it steals a reference to. */
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

static __always_inline bool bus_hook(struct bus *bus, unsigned int hook,
				     struct sock *sk, struct sk_buff *skb)
{
#ifdef CONFIG_JUMP_LABEL
	if (!static_key_false(&nf_hooks_needed[NFPROTO_BUS][hook]))
		return true;
#endif
	return bus_hook_run(bus, hook, sk, skb);
}

/**
 * bus_hook_send() - may this message be sent?
 * @bus: bus, in whose namespace the hooks run
 * @sk: sender
 * @skb: message
 *
 * Verdicts other than NF_ACCEPT mean no.
 *
 * Context: Under rcu_read_lock().
 */
bool bus_hook_send(struct bus *bus, struct sock *sk, struct sk_buff *skb)
{
	return bus_hook(bus, NF_BUS_SEND, sk, skb);
}

/**
 * bus_hook_deliver() - may this recipient get this message?
 * @bus: bus, in whose namespace the hooks run
 * @sk: recipient
 * @skb: message
 *
 * Verdicts other than NF_ACCEPT mean no.
 *
 * Context: Under rcu_read_lock().
 */
bool bus_hook_deliver(struct bus *bus, struct sock *sk, struct sk_buff *skb)
{
	return bus_hook(bus, NF_BUS_DELIVER, sk, skb);
}
