/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - what snakepitd writes to the standard input of its snakepit-guard: one
 * record when a worker starts, one when it has ended and was reaped, one at the end of
 * the runtime. Records are short of PIPE_BUF, so each arrives whole.
 */
#ifndef SNAKEPIT_RUNTIME_GUARD_H
#define SNAKEPIT_RUNTIME_GUARD_H

#include <stdint.h>

enum guard_op {
	GUARD_ADD = 1,
	GUARD_REMOVE, /* and end what it left behind */
	GUARD_END,    /* the runtime stops: see to what is left and leave */
};

struct guard_record {
	uint32_t op;
	int32_t pid;	 /* the worker, which leads a group of this number */
	uint64_t start;	 /* procid.start */
	uint64_t number; /* of the worker in the run (worker/procid.h) */
};

/* Exit status. */
enum guard_exit {
	GUARD_EXIT_NONE_LEFT = 0,
	GUARD_EXIT_KILLED = 1, /* some were left, now or earlier, and are no more */
	GUARD_EXIT_STUCK = 2,  /* some could not be killed */
	GUARD_EXIT_USAGE = 125,
};

#endif
