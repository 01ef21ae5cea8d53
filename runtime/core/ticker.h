/* SPDX-License-Identifier: Apache-2.0 */
/* ticker.h - the thread that keeps the segment's heartbeat and clock pair fresh. */
#ifndef SNAKEPIT_RUNTIME_TICKER_H
#define SNAKEPIT_RUNTIME_TICKER_H

#include <pthread.h>
#include <stdbool.h>

#include "snakepit/err.h"
#include "snakepit/write.h"

struct ticker {
	struct snp_writer *writer;
	uint32_t interval_ms;
	unsigned live_threads; /* as published */
	pthread_t thread;
	bool running;
	pthread_mutex_t mutex; /* protects: stop */
	pthread_cond_t wake;
	bool stop;
};

int ticker_start(struct ticker *ticker, struct snp_writer *writer, uint32_t interval_ms,
		 unsigned live_threads, struct snp_err *err);
/* Idempotent. */
void ticker_stop(struct ticker *ticker);

#endif
