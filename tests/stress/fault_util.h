/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults on purpose (Documentation/fault-injection), which a debug kernel has:
 * an allocation fails, or a copy from or to user space.
 */
#ifndef FAULT_UTIL_H
#define FAULT_UTIL_H

#include <stdbool.h>

/* Makes any allocation fail that is asked to, and silently; false if there is
 * no such thing here.
 */
bool faults_open(void);

/* A range of the kernel's text, from the named function on up to the next one;
 * start is 0 if there is no such function, or it may not be known.
 */
struct text_range {
	unsigned long	start;
	unsigned long	end;
};

struct text_range text_of_function(const char *name);

/* All functions of net/bus that are not in modules; those of a module. */
struct text_range text_of_core(void);
struct text_range text_of_module(const char *name);

/* Faults happen where a function in this range is among the callers. */
bool faults_within(struct text_range range);
bool faults_anywhere(void);

/* Of this thread, the nth fault there can be, from now on. */
bool fault_at(int n);

/* Ends that; returns whether the fault has been. */
bool fault_end(void);

/* Faults of all tasks that have 1 in /proc/PID/make-it-fail, which their children
 * inherit: each time there have been so many chances for one of a kind.
 */
#define FAULT_KINDS	3

bool faults_start(const unsigned int *chances);

/* Ends that; returns how many there have been, of all kinds. */
unsigned int faults_stop(void);

#endif /* FAULT_UTIL_H */
