/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflight.h - which requests a worker slot runs now, as the segment shows them.
 *
 * Belongs to the worker slot, not to one process in it: the last requests of a process
 * that died end while the next one already runs its own. The event loop of the slot
 * only; no locks, no allocation, no system calls.
 */
#ifndef SNAKEPIT_RUNTIME_INFLIGHT_H
#define SNAKEPIT_RUNTIME_INFLIGHT_H

#include <stdint.h>

#include "snakepit/write.h"

#define INFLIGHT_MAX 256 /* keys.def: threads_per_worker */
/* What inflight_begin() returns when every place is taken. */
#define INFLIGHT_NONE UINT32_MAX

struct inflight {
	struct snp_writer *writer;
	uint32_t worker_row;
	uint64_t taken[INFLIGHT_MAX / 64]; /* places in use or beyond `places` */
};

/* `places` is at most INFLIGHT_MAX and the writer's inflight_per_worker. */
void inflight_init(struct inflight *inflight, struct snp_writer *writer,
		   uint32_t worker_row, uint32_t places);

/* Show a request; returns its place, for inflight_end(), or INFLIGHT_NONE. */
uint32_t inflight_begin(struct inflight *inflight,
			const struct snp_inflight_fields *fields);
/* Show it no more. INFLIGHT_NONE: nothing. */
void inflight_end(struct inflight *inflight, uint32_t place);

#endif
