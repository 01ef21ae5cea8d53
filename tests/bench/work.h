/* SPDX-License-Identifier: Apache-2.0 */
/* work.h - what the runtime does to a segment, `n` times in a loop: timed by
 * bench_bundle, counted instruction by instruction by icount. */
#ifndef SNP_BENCH_WORK_H
#define SNP_BENCH_WORK_H

#include "bench.h"
#include "segment.h"

#define WORK_ROWS 64 /* tool rows taken in turn */

/* The first argument of each loop. `segment` has at least WORK_ROWS tools and a worker.
 */
struct work {
	uint64_t inputs[BENCH_INPUTS];
	struct bench_segment segment;
	struct snp_bank bank;
};

void work_record(void *work, uint64_t n);	 /* a histogram record */
void work_finished_call(void *work, uint64_t n); /* five counters and a histogram */
void work_event(void *work, uint64_t n);
void work_span(void *work, uint64_t n);
void work_in_flight(void *work, uint64_t n);

#endif
