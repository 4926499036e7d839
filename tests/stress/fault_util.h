/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection (Documentation/fault-injection), which a debug kernel has: an
 * allocation fails, or a copy from or to user space.
 */
#ifndef FAULT_UTIL_H
#define FAULT_UTIL_H

#include <stdbool.h>

/* Lets allocations of all kinds fail, without messages in the log; returns
 * false if this kernel has no fault injection.
 */
bool faults_open(void);

/* A range of the kernel's text, from the named function to the next one; start
 * is 0 if there is no such function or kallsyms hides addresses.
 */
struct text_range {
	unsigned long	start;
	unsigned long	end;
};

struct text_range text_of_function(const char *name);

/* The range of net/bus in the kernel itself, and that of a module */
struct text_range text_of_core(void);
struct text_range text_of_module(const char *name);

/* Limits faults to calls below a function in this range. */
bool faults_within(struct text_range range);
bool faults_anywhere(void);

/* Asks for the nth possible fault of this thread, counted from now. */
bool fault_at(int n);

/* Ends that; returns whether the fault happened. */
bool fault_end(void);

/* Starts faults in all tasks that have 1 in /proc/PID/make-it-fail, which
 * children inherit. For each kind, one in so many chances is a fault.
 */
#define FAULT_KINDS	3

bool faults_start(const unsigned int *chances);

/* Ends that; returns the number of faults of all kinds. */
unsigned int faults_stop(void);

#endif /* FAULT_UTIL_H */
