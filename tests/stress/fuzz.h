/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of AF_BUS. A round is a list of calls, generated from a number,
 * which some threads execute over a pool of descriptors.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <linux/types.h>

#include "bus_util.h"

#define FUZZ_ARGS	6
#define FUZZ_CALLS	160
#define FUZZ_THREADS	3
#define FUZZ_OPS	40	/* room for so many kinds of calls */
#define FUZZ_ERRNOS	140

/* A call: which kind, in which thread, and the choices of its arguments */
struct fuzz_call {
	__u8	thread;
	__u8	op;
	__u16	arg[FUZZ_ARGS];
};

struct fuzz_prog {
	unsigned int		nr;
	struct fuzz_call	call[FUZZ_CALLS];
};

/**
 * struct fuzz_shared - what a round reports to the process that watches it
 * @failed: a call had a wrong result
 * @op: kind of that call
 * @err: its errno, 0 if the failure is another one
 * @what: the failure in words
 * @at: the call that each thread is in
 * @worked: calls that succeeded, by kind
 * @refused: calls that failed, by kind
 * @errnos: errors of these, by kind
 */
struct fuzz_shared {
	atomic_int	failed;
	int		op;
	int		err;
	char		what[256];
	atomic_uint	at[FUZZ_THREADS];
	atomic_ulong	worked[FUZZ_OPS];
	atomic_ulong	refused[FUZZ_OPS];
	atomic_ulong	errnos[FUZZ_OPS][FUZZ_ERRNOS];
};

/* fuzz_calls.c */
void fuzz_init(struct fuzz_shared *shared);
void fuzz_make(struct fuzz_prog *prog, __u64 seed, unsigned int nr);
void fuzz_print(const struct fuzz_prog *prog);
bool fuzz_parse(struct fuzz_call *call, char *line);
const char *fuzz_op_name(unsigned int op);
int fuzz_run(const struct fuzz_prog *prog);

/* fuzz_contest.c */
enum fuzz_contest {
	FUZZ_TWICE,
	FUZZ_FULL,
	FUZZ_PASSED,
	FUZZ_WOKEN,
	FUZZ_SEVERAL,
	FUZZ_CONTESTS
};

bool fuzz_contest(enum fuzz_contest kind, __u64 seed, unsigned int ms, char *what,
		  size_t size);

#endif /* FUZZ_H */
