/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looks.h - several looks at a process, and what they say together: does it compute, or
 * does it only wait?
 *
 * A thread that computes is runnable at every look, however little CPU it gets, and has
 * not waited for anything in between. Threads that wait for the GIL wake up every 5 ms:
 * on a busy host they are seen runnable as well, but they have waited. Pure.
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

/* Starts as zeros. */
struct looks {
	unsigned count; /* at most LOOKS_MAX */
	/* A bit a look, the last one lowest: it computed since the look before. */
	unsigned computed;
	struct procfs_thread running[PROCFS_RUNNING_MAX]; /* at the last look */
	unsigned running_nr;
};

/* `used_cpu`: a quarter of a CPU or more since the last look, by all its threads. */
void looks_add(struct looks *looks, const struct procfs_state *state, bool used_cpu);

/* What the looks say of the process, whose last one was `state`. */
enum verdict_process looks_process(const struct looks *looks,
				   const struct procfs_state *state);

#endif
