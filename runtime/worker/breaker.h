/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaker.h - does it make sense to go on starting workers of a pool? Pure.
 *
 *            deaths, or too many slots that keep failing
 *   CLOSED ------------------------------------------------> OPEN <-------+
 *     ^                                                       | probe_ms  | it failed
 *     |               a worker became ready                   v           |
 *     +-------------------------------------------------- HALF_OPEN ------+
 *
 * CLOSED: slots are started by their back-off. OPEN: none is. HALF_OPEN: one is.
 */
#ifndef SNAKEPIT_RUNTIME_BREAKER_H
#define SNAKEPIT_RUNTIME_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "snakepit/format.h"
#include "snakepit/time.h"

#define BREAKER_DEATHS_MAX 1000 /* keys.def: breaker_deaths */

struct breaker {
	enum snp_enum_BREAKER state;
	snp_mono_t probe_at; /* OPEN: of the next probe */
	uint64_t deaths;     /* ever; the last ones are in `at` */
	snp_mono_t at[BREAKER_DEATHS_MAX];
};

/* A worker died before it was ready; or `failing` slots of `of` wait that failed
 * breaker_deaths times in a row, ready or not: whether the breaker opened just now. */
bool breaker_death(struct breaker *breaker, const struct snp_cfg_restart *cfg,
		   snp_mono_t now);
bool breaker_crowd(struct breaker *breaker, const struct snp_cfg_restart *cfg,
		   uint32_t failing, uint32_t of, snp_mono_t now);

/* Whether a probe is due; then it is HALF_OPEN and the caller starts one. */
bool breaker_probe(struct breaker *breaker, snp_mono_t now);
/* HALF_OPEN: nothing is being started any more, and nothing became ready. */
void breaker_probe_failed(struct breaker *breaker, const struct snp_cfg_restart *cfg,
			  snp_mono_t now);

/* A worker became ready, or the configuration changed: whether that closed it. */
bool breaker_close(struct breaker *breaker);

#endif
