/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.h - the metrics that a worker's own code counts, and how they come into the
 * segment.
 *
 * Each incarnation of a native worker is handed down a sealed memfd that becomes a
 * small segment of the same format: the worker is its writer
 * (snakepit_bridge/metrics.py), and we fold what is new of it into the rows of pool and
 * worker, now and then and once more when its process is gone. What is added are
 * differences, so that a pool's counters go on over restarts, and what a killed worker
 * counted last is still there to be read.
 *
 * Nothing in it is trusted. Regions are where FEED_ puts them, whatever its directory
 * says; each word is copied once and checked. A counter that fell is left as it was;
 * what cannot be declared is not shown; both are counted, and neither is our trouble.
 *
 * The supervisor's thread.
 */
#ifndef SNAKEPIT_RUNTIME_FEED_H
#define SNAKEPIT_RUNTIME_FEED_H

#include <stdint.h>

#include "snakepit/err.h"
#include "snakepit/write.h"

/* Where a feed has its regions. priv/python/snakepit_bridge/_feed.py says the same. */
#define FEED_DESC_OFF	 0x2000
#define FEED_STRT_OFF	 0x4000
#define FEED_STRT_BYTES	 0x6000
#define FEED_BNDS_OFF	 0xA000
#define FEED_CELLS_OFF	 0xD000
#define FEED_CELLS_BYTES 0x9000
#define FEED_BYTES	 (FEED_CELLS_OFF + FEED_CELLS_BYTES)
#define FEED_METRICS_MAX 64
static_assert(FEED_METRICS_MAX >= SNP_ADAPTER_METRICS_MAX, "who may have them all can");

struct feed_metric;

struct feed {
	int fd;			     /* to hand down; -1 = done, or none */
	const _Atomic uint64_t *map; /* NULL = none */
	struct feed_metric *metrics; /* NULL until the first is there */
	uint32_t metrics_nr;	     /* of them looked at */
};

/* Whose it is: where its values go, and where its faults are counted. */
struct feed_owner {
	struct snp_writer *writer;
	uint32_t pool_row, worker_row;
	_Atomic uint64_t *faults; /* a counter each ADAPTER_FAULT */
};

void feed_init(struct feed *feed);

/* Make the file. On failure the feed is as after feed_init(). */
int feed_create(struct feed *feed, struct snp_err *err);
/* The worker has its copy of the descriptor: close ours. */
void feed_handed_down(struct feed *feed);
void feed_destroy(struct feed *feed);

/* Add what is new. Returns how many faults were found that are worth telling; `err` has
 * the last of them. */
unsigned feed_fold(struct feed *feed, const struct feed_owner *owner,
		   struct snp_err *err);

#endif
