// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: counters
 */

#include "bus.h"

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
		sum += READ_ONCE(per_cpu_ptr(bus->stats, cpu)->count[stat]);
	return sum;
}
