/* SPDX-License-Identifier: Apache-2.0 */
/* backoff.h - how long a slot waits before its next start. Pure; the caller has the
 * dice. */
#ifndef SNAKEPIT_RUNTIME_BACKOFF_H
#define SNAKEPIT_RUNTIME_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* A worker that was ready this long has not failed "in a row" with earlier ends. */
#define BACKOFF_SETTLED_MS UINT64_C(60000)
/* Nor one that was ready this long although nobody had work for it. */
#define BACKOFF_SETTLED_IDLE_MS UINT64_C(600000)

/* Upper bound of the delay after `failures` (>= 1) failures in a row: min *
 * 2^(failures-1), at most `max_ms`. */
uint32_t backoff_bound_ms(uint32_t min_ms, uint32_t max_ms, unsigned failures);

/* Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): uniform between 0 and
 * the bound, so that workers which died together do not start together. `random` is any
 * 32 random bits. */
uint32_t backoff_delay_ms(uint32_t min_ms, uint32_t max_ms, unsigned failures,
			  uint32_t random);

/* Whether a worker that ended proved itself: ready for long enough, and of use; or for
 * so long that it cannot be what ends all of them. */
bool backoff_settled(uint64_t ready_ns, uint64_t successes);

#endif
