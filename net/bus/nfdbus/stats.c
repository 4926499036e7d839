// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: counters
 */

#include <linux/percpu.h>
#include "nfdbus.h"

static unsigned int nfdbus_stat_of_reason(u32 reason)
{
	if (reason >= BUS_REASON_PROTO)
		reason = reason - BUS_REASON_PROTO + NFDBUS_NR_REASONS;
	return NFDBUS_STAT_MASTER + min(reason, 2 * NFDBUS_NR_REASONS - 1);
}

/**
 * nfdbus_stats_reason() - tell which reason a counter counts
 * @stat: counter, at least %NFDBUS_STAT_MASTER
 *
 * Return: enum bus_reason_code or enum nfdbus_reason.
 */
u32 nfdbus_stats_reason(unsigned int stat)
{
	u32 reason = stat - NFDBUS_STAT_MASTER;

	if (reason >= NFDBUS_NR_REASONS)
		reason += BUS_REASON_PROTO - NFDBUS_NR_REASONS;
	return reason;
}

static enum nfdbus_stat nfdbus_stat_of_type(const struct nfdbus_msg *m)
{
	switch (m->type) {
	case NFDBUS_TYPE_CALL:
		return NFDBUS_STAT_CALLS;
	case NFDBUS_TYPE_SIGNAL:
		return m->destination.s ? NFDBUS_STAT_SIGNALS :
					  NFDBUS_STAT_BROADCASTS;
	default:
		return NFDBUS_STAT_RETURNS;
	}
}

/**
 * nfdbus_stats_count() - count a message
 * @nb: bus
 * @m: message; NULL if it was not parsed
 * @reason: why it went to the master; %BUS_REASON_NONE if it did not
 *
 * Context: Any.
 */
void nfdbus_stats_count(struct nfdbus_bus *nb, const struct nfdbus_msg *m,
			u32 reason)
{
	struct nfdbus_stats *stats = get_cpu_ptr(nb->stats);

	u64_stats_update_begin(&stats->syncp);
	if (reason || !m) {
		u64_stats_inc(&stats->count[nfdbus_stat_of_reason(reason)]);
	} else {
		u64_stats_inc(&stats->count[nfdbus_stat_of_type(m)]);
		if (nfdbus_msg_is_broadcast(m))
			u64_stats_add(&stats->count[NFDBUS_STAT_COPIES],
				      m->copies);
	}
	u64_stats_update_end(&stats->syncp);
	put_cpu_ptr(nb->stats);
}

void nfdbus_stats_sum(const struct nfdbus_bus *nb, u64 *sum)
{
	u64 part[NFDBUS_NR_STATS];
	struct nfdbus_stats *stats;
	unsigned int start, i;
	int cpu;

	memset(sum, 0, sizeof(part));
	for_each_possible_cpu(cpu) {
		stats = per_cpu_ptr(nb->stats, cpu);
		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			for (i = 0; i < NFDBUS_NR_STATS; i++)
				part[i] = u64_stats_read(&stats->count[i]);
		} while (u64_stats_fetch_retry(&stats->syncp, start));
		for (i = 0; i < NFDBUS_NR_STATS; i++)
			sum[i] += part[i];
	}
}
