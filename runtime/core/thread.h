/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h - what a thread of the runtime says about itself in the segment: who holds
 * its bank, and whether it works or waits.
 *
 * Each function is called by the thread itself.
 */
#ifndef SNAKEPIT_RUNTIME_THREAD_H
#define SNAKEPIT_RUNTIME_THREAD_H

#include "snakepit/time.h"
#include "snakepit/write.h"

/* The thread starts: put its id and name (which is set before) on its bank, if it has
 * one. */
void thread_begin(struct snp_bank *bank);
/* The thread is about to end. */
void thread_end(struct snp_bank *bank);

/* Threads between begin and end. Any thread. */
unsigned threads_alive(void);

/* The thread has something to do. The kernel's coarse clock is CLOCK_MONOTONIC as of
 * its last tick, a few milliseconds ago, for the price of a load: enough to see that a
 * loop is stuck, and cheap enough for each of its turns. */
static inline void thread_busy(struct snp_bank *bank)
{
	snp_bank_busy(bank, (snp_mono_t){snp__clock_ns(CLOCK_MONOTONIC_COARSE)});
}

/* The thread goes back to wait. */
static inline void thread_idle(struct snp_bank *bank)
{
	snp_bank_idle(bank);
}

#endif
