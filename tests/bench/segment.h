/* SPDX-License-Identifier: Apache-2.0 */
/* segment.h - a real segment to measure on: created, filled with rows, published. */
#ifndef SNP_BENCH_SEGMENT_H
#define SNP_BENCH_SEGMENT_H

#include "snakepit/write.h"

struct bench_segment {
	struct snp_writer *writer;
	char dir[256];
	char path[320];
};

struct bench_segment_size {
	uint32_t workers, tools, banks;
};

/* One pool with room for that many workers and tools, published; no bank adopted. Under
 * $SNAKEPIT_BENCH_DIR, which tests/bench/run removes, whatever becomes of us, or else
 * under /dev/shm. */
void bench_segment_open(struct bench_segment *segment, struct bench_segment_size size);

/* Declare rows until there are `want`, every worker with a live process. `have` is what
 * was declared so far. */
void bench_segment_grow(struct bench_segment *segment, struct bench_segment_size *have,
			struct bench_segment_size want);

/* Both: a segment with all rows in use. */
void bench_segment_create(struct bench_segment *segment,
			  struct bench_segment_size size);
void bench_segment_remove(struct bench_segment *segment);

struct snp_bank bench_bank_adopt(struct bench_segment *segment);

/* What the runtime counts when a call is done: five counters and a histogram of one
 * tool's row. `code` is the first of three neighbouring failure codes. */
static inline void bench_finished_call(struct snp_tool_cells *tool, unsigned code,
				       uint64_t ns)
{
	snp_add(tool->requests, 1);
	snp_add(tool->retries, 1);
	snp_add(&tool->failures[code], 1);
	snp_add(&tool->failures[code + 1], 1);
	snp_add(&tool->failures[code + 2], 1);
	snp_hist_record(tool->duration, ns);
}

/* One record of each kind, as the runtime writes them. `now_ns` is any time. */
void bench_event(const struct snp_bank *bank, uint64_t now_ns);
void bench_span(const struct snp_bank *bank, uint64_t now_ns);
/* A request starts on a worker and leaves it. */
void bench_in_flight(struct snp_writer *writer, uint64_t now_ns);

#endif
