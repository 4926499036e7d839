# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Recognises errors in a kernel's log.

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

# Data races that parts of the kernel have with themselves, for any caller: a work
# queue reads the bits of a work item that another thread queues, a mutex the next
# spinner, and rhashtable, partly inlined, a bucket whose lock bit is taken.
races_of_facilities='clear_pending_if_disabled / queue_work_on|osq_lock / osq_unlock'
races_of_facilities+='|bus_[a-z_]+ / rht_deferred_worker|rht_deferred_worker / bus_[a-z_]+'

# without_their_races: prints the log without data races that are not ours. KCSAN
# finds such races in any kernel. A race is ours if a function of ours is in a stack
# as the function that made the access, or called it; a function that an interrupt
# interrupted does not count.
without_their_races() {
	awk -v theirs="data-race in ($races_of_facilities)" '
		/BUG: KCSAN: / { report = ""; inside = 1; ours = 0; called = 0; known = $0 ~ theirs }
		!inside { print; next }
		{ report = report $0 "\n" }
		/ (to|of) 0x[0-9a-f]* of [0-9]+ bytes by / { called = 1 }
		/ asm_(sysvec|common_interrupt|exc)/ { called = 0 }
		called && / _*(bus|nfdbus)_[a-z0-9_.]+\+0x/ { ours = 1 }
		/] =========/ { if (ours && !known) printf "%s", report; inside = 0 }
		END { if (inside) printf "%s", report }
	' "$1"
}

# splats_in LOG: prints the first reports; succeeds if there is one.
splats_in() {
	local pattern

	pattern=$(IFS='|' && echo "${splats[*]}")
	grep -aE -m 3 -A 50 "$pattern" < <(without_their_races "$1")
}
