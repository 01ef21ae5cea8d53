/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticker.h - the thread that keeps the segment fresh for readers: heartbeat and clock
 * pair, SNAP, the samples of HIST.
 *
 * SNAP costs time in proportion to the rows in use. However many there are, it gets at
 * most 2 % of a core: the next one waits for TICKER_SNAP_SHARE times as long as the
 * last one took. The heartbeat keeps its pace meanwhile.
 */
#ifndef SNAKEPIT_RUNTIME_TICKER_H
#define SNAKEPIT_RUNTIME_TICKER_H

#include <pthread.h>
#include <stdbool.h>

#include "snakepit/err.h"
#include "snakepit/write.h"

#define TICKER_SNAP_SHARE 50

struct ticker {
	struct snp_writer *writer;
	uint32_t interval_ms;
	snp_mono_t (*clock)(void); /* snp_mono_now, but in tests */
	snp_mono_t snap_after;	   /* no SNAP before */
	pthread_t thread;
	bool running;
	pthread_mutex_t mutex; /* protects: stop */
	pthread_cond_t wake;
	bool stop;
};

int ticker_start(struct ticker *ticker, struct snp_writer *writer, uint32_t interval_ms,
		 struct snp_err *err);
/* Idempotent. */
void ticker_stop(struct ticker *ticker);

/* One beat: what the thread does every interval. `lag_ns`: how late it is. For tests.
 */
void ticker_beat(struct ticker *ticker, uint64_t lag_ns);

#endif
