/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat.h - count heartbeats that were missed; verdict.h says what that means.
 * Pure: the caller sends the pings and knows the time. One ping is outstanding at a
 * time; a miss is a ping that failed or was not answered within its timeout; an answer
 * clears the count.
 */
#ifndef SNAKEPIT_RUNTIME_HEARTBEAT_H
#define SNAKEPIT_RUNTIME_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "snakepit/time.h"

struct heartbeat {
	const struct snp_cfg_heartbeat *cfg; /* borrowed */
	uint32_t missed;		     /* in a row */
	snp_mono_t sent; /* of the outstanding ping; .ns == 0: none */
	snp_mono_t due;	 /* of the last ping, sent or skipped */
	/* In a row; what it starts with spreads the workers that started together. */
	uint32_t skipped;
};

/* So many pings in a row are left out where the worker shows in its page that it turns.
 */
#define HEARTBEAT_SKIPS 4

enum heartbeat_failure {
	HEARTBEAT_MISSED,
	HEARTBEAT_EXCUSED, /* the runtime was not there to see the answer */
};

void heartbeat_init(struct heartbeat *hb, const struct snp_cfg_heartbeat *cfg);

/* When to send the next ping, seen from `now`: ping_interval_ms, plus or minus up to
 * jitter_ms by 32 random bits, so that workers are not pinged in step. */
snp_mono_t heartbeat_next(const struct heartbeat *hb, snp_mono_t now, uint32_t random);

/* Its place on a grid that the workers of a loop share, so that many pings go out, and
 * their answers come in, with one turn: a wake-up costs more than a ping. */
snp_mono_t heartbeat_on_grid(const struct heartbeat *hb, snp_mono_t next);

/* A ping is due: whether it can be left out, because the worker's server is known to
 * have turned since the last one was due, at `turned`. Not HEARTBEAT_SKIPS + 1 times in
 * a row, not while one is missed, and never where misses alone decide (strict). */
bool heartbeat_skips(struct heartbeat *hb, snp_mono_t turned, snp_mono_t now);

void heartbeat_sent(struct heartbeat *hb, snp_mono_t now);

/* The outstanding ping was answered; returns its round trip in ns. */
uint64_t heartbeat_answered(struct heartbeat *hb, snp_mono_t now);

/* The outstanding ping failed. It is a miss unless that is noticed long after its time:
 * then the runtime was stopped, or its host, and nothing is known. */
enum heartbeat_failure heartbeat_failed(struct heartbeat *hb, snp_mono_t now);

#endif
