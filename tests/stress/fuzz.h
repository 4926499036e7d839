/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of AF_BUS. A round is a list of calls, made from a number, that some
 * threads work off over a pool of descriptors.
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

/* A call: what, in which thread, with which choices. */
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
 * struct fuzz_shared - what a round tells to who watches it
 * @failed: a call had a result that it must not have
 * @op: of this call
 * @err: its errno, 0 if it was something else
 * @what: the same in words
 * @at: call that a thread is in
 * @worked: calls that worked, by op
 * @refused: calls that did not
 * @errnos: and why
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
