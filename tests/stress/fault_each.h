/* SPDX-License-Identifier: GPL-2.0 */
/* Injects each fault of an operation in turn. */
#ifndef FAULT_EACH_H
#define FAULT_EACH_H

#include <stdbool.h>

#define MAX_FAULTS	3000

/* The state that operations work on, which each test defines */
struct env;

/**
 * struct fault_op - an operation that may fail
 * @prepare: sets up the operation, without faults; returns 0 or errno
 * @run: the operation; returns 0 or errno
 * @untouched: returns whether a failed operation had no effect
 * @done: returns whether a successful operation had its whole effect
 * @cleanup: undoes the operation, so that it can be prepared again
 * @errs: errors that it may return
 * @once: an operation that failed need not succeed when it is repeated
 */
struct fault_op {
	int	(*prepare)(struct env *e);
	int	(*run)(struct env *e);
	bool	(*untouched)(struct env *e);
	bool	(*done)(struct env *e);
	void	(*cleanup)(struct env *e);
	int	errs[6];
	bool	once;
};

struct fault_count {
	int	faults;
	int	errors;		/* faults that made the operation fail */
	int	wrong;		/* violations, which have been printed */
};

struct fault_count fault_each(const struct fault_op *op, struct env *e);

/* Returns the number of AF_BUS sockets in this namespace. */
int fault_sockets(void);

#endif /* FAULT_EACH_H */
