// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: counters
 */

#include <linux/percpu.h>
#include "bus.h"

/**
 * bus_stats_alloc() - make the counters of a bus
 *
 * Context: May sleep.
 * Return: They, to be freed with free_percpu(), or NULL.
 */
struct bus_stats __percpu *bus_stats_alloc(void)
{
	struct bus_stats __percpu *stats;
	int cpu;

	stats = alloc_percpu_gfp(struct bus_stats, GFP_KERNEL_ACCOUNT);
	if (!stats)
		return NULL;

	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(stats, cpu)->syncp);
	return stats;
}

static u64 bus_stat_read(const struct bus_stats *stats, enum bus_stat stat)
{
	unsigned int start;
	u64 count;

	do {
		start = u64_stats_fetch_begin(&stats->syncp);
		count = u64_stats_read(&stats->count[stat]);
	} while (u64_stats_fetch_retry(&stats->syncp, start));
	return count;
}

/**
 * bus_stat_sum() - read a counter of a bus
 * @bus: bus
 * @stat: which
 *
 * Context: Any.
 * Return: The count; events under way on other CPUs may be missing.
 */
u64 bus_stat_sum(const struct bus *bus, enum bus_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += bus_stat_read(per_cpu_ptr(bus->stats, cpu), stat);
	return sum;
}
