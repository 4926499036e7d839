// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: waiting for messages that are on their way
 *
 * Who changes how messages are routed waits for the attempts to deliver on this
 * bus that may have been decided by the old state; see bus_synchronize().
 *
 * Attempts are counted on each CPU, as SRCU does it, but here a wait that finds
 * nobody sending returns at once and bothers no other CPU, and the counters are
 * charged to whoever makes the bus: anybody can make buses, and a master that
 * closes many clients waits for each.
 */

#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include "bus.h"

/* Most attempts are over sooner than a sleep would be. */
#define BUS_SYNC_SPINS	5

static bool bus_phase_is_over(const struct bus *bus, unsigned int phase)
{
	unsigned long begun = 0, ended = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		ended += READ_ONCE(per_cpu_ptr(bus->attempts, cpu)->ended[phase]);
	/* Pairs with the barriers in bus_attempt_begin() and _end(): an attempt
	 * that is counted as ended is counted as begun, and its messages are
	 * queued; one that is not counted as begun knows of the change.
	 */
	smp_mb();
	for_each_possible_cpu(cpu)
		begun += READ_ONCE(per_cpu_ptr(bus->attempts, cpu)->begun[phase]);
	return begun == ended;
}

static void bus_phase_wait(const struct bus *bus, unsigned int phase)
{
	unsigned int spins = 0;

	while (!bus_phase_is_over(bus, phase)) {
		if (spins++ < BUS_SYNC_SPINS)
			udelay(2);
		else
			usleep_range(20, 100);
	}
}

/**
 * bus_synchronize() - wait for messages that are on their way
 * @bus: bus
 *
 * When it returns, each message that was routed by what was true before the
 * call is in the queues of its recipients or nowhere.
 *
 * Context: May sleep.
 */
void bus_synchronize(struct bus *bus)
{
	unsigned int phase;

	might_sleep();
	mutex_lock(&bus->sync_lock);
	phase = bus->phase;
	/* Few, if any, looked at the phase before it changed last and begin only
	 * now. When they are done, the others get a phase of their own, so that
	 * there is an end to those who are waited for.
	 */
	bus_phase_wait(bus, !phase);
	WRITE_ONCE(bus->phase, !phase);
	bus_phase_wait(bus, phase);
	mutex_unlock(&bus->sync_lock);
}
EXPORT_SYMBOL_GPL(bus_synchronize);
