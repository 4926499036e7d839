# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What in a kernel's log means that something is wrong.

splats=(
	'WARNING:' 'BUG:' 'Oops' 'Kernel panic' 'general protection fault'
	'Unable to handle' 'unable to handle' 'stack segment:' 'divide error:'
	'KASAN:' 'KCSAN:' 'KFENCE:' 'UBSAN:' 'kmemleak: .* new suspected memory leaks'
	'unreferenced object' 'refcount_t:' 'ref_tracker:' 'ODEBUG:' 'list_(add|del) corruption'
	'possible (circular|recursive|irq lock inversion)' 'inconsistent lock state'
	'bad unlock balance' 'held lock freed' 'locking correctness validator'
	'INFO: trying to register non-static key' 'suspicious RCU usage' 'Invalid wait context'
	'sleeping function called' 'scheduling while atomic'
	'INFO: task .* blocked for more than' 'soft lockup' 'hard LOCKUP'
	'rcu: INFO: .* (detected|self-detected)' 'rcu: .* kthread starved'
	'unregister_netdevice: waiting for' 'Objects remaining' 'cut here'
)

# splats_in LOG: prints the first reports; succeeds if there is one.
splats_in() {
	local pattern

	pattern=$(IFS='|' && echo "${splats[*]}")
	grep -aE -m 3 -A 50 "$pattern" "$1"
}
