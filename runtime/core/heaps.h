/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heaps.h - the memory of snakepitd, as glibc's allocator holds it: few heaps, large
 * pieces without new pages each time, and what was freed given back
 * (docs/decisions/0110, 0111).
 *
 * For the daemon alone: in a program that embeds the library the allocator is the
 * program's. Variables MALLOC_* in the environment count more.
 */
#ifndef SNAKEPIT_RUNTIME_HEAPS_H
#define SNAKEPIT_RUNTIME_HEAPS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "snakepit/err.h"

struct heaps {
	pthread_t thread;
	sem_t stop;
	bool running;
};

/* At most `most` heaps from now on. Before there is a second thread. */
void heaps_settle(uint32_t most);

/* Give back what is free, every few seconds, until heaps_stop(). */
int heaps_start(struct heaps *heaps, struct snp_err *err);
/* Idempotent. */
void heaps_stop(struct heaps *heaps);

#endif
