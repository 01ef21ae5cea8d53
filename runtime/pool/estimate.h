/* SPDX-License-Identifier: Apache-2.0 */
/*
 * estimate.h - how long a request will have to wait, and how much time it has: the
 * arithmetic of admission. No clock, no state but what the caller keeps.
 */
#ifndef SNAKEPIT_RUNTIME_ESTIMATE_H
#define SNAKEPIT_RUNTIME_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/time.h"

/* The moving average after one more observation; 0 = nothing observed yet. An
 * observation weighs 1/8, so about twenty decide. */
uint64_t estimate_add(uint64_t average_ns, uint64_t observed_ns);

/* Time until a request that finds `ahead` others waiting gets one of `capacity` places,
 * each of which is taken for `service_ns`. 0: not known, or no wait. */
uint64_t estimate_wait_ns(uint64_t service_ns, uint32_t ahead, uint32_t capacity);

/* Until when a request may be worked on so that its client, who gives up at `asked`,
 * still hears how it ended: 5 ms before, less where that would be much of its time. */
snp_mono_t estimate_deadline(snp_mono_t received, snp_mono_t asked);

/* Whether a cancellation that comes at `now` is the client's own deadline: its clock
 * started before ours, by as long as the request was on its way (up to 50 ms are taken
 * for that), and what it sent us may be rounded up by a hundredth. */
bool estimate_is_deadline(snp_mono_t received, snp_mono_t asked, snp_mono_t now);

#endif
