/* SPDX-License-Identifier: GPL-2.0 */
/* Each fault of an operation in turn. */
#ifndef FAULT_EACH_H
#define FAULT_EACH_H

#include <stdbool.h>

#define MAX_FAULTS	3000

/* What operations work on: the tests' own */
struct env;

/**
 * struct fault_op - an operation that may fail
 * @prepare: what must be before, without faults: 0 or errno
 * @run: the operation: 0 or errno
 * @untouched: after an error: nothing has happened
 * @done: after success: all has happened
 * @cleanup: so that it can be prepared anew
 * @errs: errors it may have
 * @once: what failed need not work the second time
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
	int	wrong;		/* what must not be; has been printed */
};

struct fault_count fault_each(const struct fault_op *op, struct env *e);

/* Sockets of AF_BUS in this namespace */
int fault_sockets(void);

#endif /* FAULT_EACH_H */
