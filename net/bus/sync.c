// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: wait for messages that are being sent
 *
 * A change of how messages are routed is followed by af_bus_synchronize(),
 * which waits for the attempts to deliver on this bus that may not know of the
 * change.
 *
 * Attempts are counted on each CPU, as SRCU does it. Different from SRCU, a
 * wait returns at once if nobody is sending, and interrupts no other CPU. The
 * counters are charged to the process that makes the bus, since any process can
 * make buses.
 */

#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include "bus.h"

/* Most attempts end before a sleep would. */
#define BUS_SYNC_SPINS	5

static bool bus_phase_is_over(const struct bus *bus, unsigned int phase)
{
	unsigned long begun = 0, ended = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		ended += READ_ONCE(per_cpu_ptr(bus->attempts, cpu)->ended[phase]);
	/* Pairs with the barriers in bus_attempt_begin() and bus_attempt_end().
	 * An attempt that is counted as ended is counted as begun, and its
	 * messages are queued. One that is not counted as begun sees the
	 * change.
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
 * af_bus_synchronize() - wait for messages that are being sent
 * @bus: bus
 *
 * When it returns, each message that was routed by the state before the call
 * has been queued to its recipients, or will not be.
 *
 * Context: May sleep.
 */
void af_bus_synchronize(struct bus *bus)
{
	unsigned int phase;

	might_sleep();
	mutex_lock(&bus->sync_lock);
	phase = bus->phase;
	/* A few attempts may have read the phase before its last change and
	 * begin only now: wait for these first. Then let new attempts begin in
	 * the other phase, so that the number of attempts to wait for is
	 * finite.
	 */
	bus_phase_wait(bus, !phase);
	WRITE_ONCE(bus->phase, !phase);
	bus_phase_wait(bus, phase);
	mutex_unlock(&bus->sync_lock);
}
EXPORT_SYMBOL_GPL(af_bus_synchronize);
