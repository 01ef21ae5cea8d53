/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looks.h - several looks at a process, and what they say together: does it compute, or
 * does it only wait?
 *
 * A thread that computes is runnable at nearly every look, however little CPU it gets.
 * Threads that wait for the GIL wake up every 5 ms and, on a busy host, are often seen
 * runnable too, but now the one and now the other: it has to be the same thread. Pure.
 */
#ifndef SNAKEPIT_RUNTIME_LOOKS_H
#define SNAKEPIT_RUNTIME_LOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/procfs.h"
#include "worker/verdict.h"

/* The last ones count; fewer than the least say nothing. */
#define LOOKS_MAX 8
#define LOOKS_MIN 4

#define LOOKS_THREADS 16

/* Starts as zeros. */
struct looks {
	unsigned count; /* at most LOOKS_MAX */
	/* A bit a look, the last one lowest. */
	unsigned used_cpu; /* a quarter of one or more since the look before */
	struct {
		pid_t tid;
		unsigned ran;
	} threads[LOOKS_THREADS];
};

void looks_add(struct looks *looks, const struct procfs_state *state, bool used_cpu);

/* What the looks say of the process, whose last one was `state`. */
enum verdict_process looks_process(const struct looks *looks,
				   const struct procfs_state *state);

#endif
