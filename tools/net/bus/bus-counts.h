/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's counters for a socket of AF_BUS. */
#ifndef BUS_COUNTS_H
#define BUS_COUNTS_H

#include <stdbool.h>
#include <linux/bus_diag.h>

/* By enum bus_diag_stat. */
struct bus_counts {
	unsigned long long	nr[BUS_DIAG_STAT_MAX + 1];
};

/* False if sock_diag does not know the socket: counts are 0 then. It has to be of
 * this network namespace.
 */
bool bus_counts_get(int fd, struct bus_counts *counts);

#endif /* BUS_COUNTS_H */
