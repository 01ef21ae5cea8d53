/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.h - count instructions one by one with PTRACE_SINGLESTEP: exact, the same on a
 * busy machine, and possible in virtual machines without counters.
 */
#ifndef SNP_BENCH_STEPS_H
#define SNP_BENCH_STEPS_H

#include <stdint.h>

/* Run `child` in a process of its own, which calls bench_steps_mark() twice, before the
 * work and after it; what stands outside may prepare and tidy up. Returns the
 * instructions between. Where tracing is not allowed the table says so and the program
 * ends with status 77. */
uint64_t bench_steps(void (*child)(void *ctx), void *ctx);
void bench_steps_mark(void);

#endif
