/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime counts when a call is done, and the same with atomic adds; and the
 * records of its way. */
#include "work.h"

static inline void atomic_add(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

static inline void atomic_finished_call(struct snp_tool_cells *tool, unsigned code,
					uint64_t ns)
{
	atomic_add(tool->requests, 1);
	atomic_add(tool->retries, 1);
	atomic_add(&tool->failures[code], 1);
	atomic_add(&tool->failures[code + 1], 1);
	atomic_add(&tool->failures[code + 2], 1);
	atomic_add(&tool->duration[0].bucket[snp__hist_word(ns)], 1);
	atomic_add(&tool->duration[0].sum, ns);
}

static void plain_one(void *ctx, uint64_t n)
{
	struct work *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		bench_finished_call(&s->bank.tools[0], 0, s->inputs[i % BENCH_INPUTS]);
}

static void atomic_one(void *ctx, uint64_t n)
{
	struct work *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		atomic_finished_call(&s->bank.tools[0], 0, s->inputs[i % BENCH_INPUTS]);
}

static void atomic_many(void *ctx, uint64_t n)
{
	struct work *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		atomic_finished_call(&s->bank.tools[i % WORK_ROWS], 0,
				     s->inputs[i % BENCH_INPUTS]);
}

enum {
	ONE,
	MANY,
	TWO,
	ATOMIC_ONE,
	ATOMIC_MANY,
	ATOMIC_TWO,
	EVENT,
	SPAN,
	IN_FLIGHT,
	NR
};

static void print(const struct bench_samples s[NR])
{
	const struct bench_row rows[] = {
	    {.name = "finished call, 1 row", .samples = &s[ONE]},
	    {.name = "finished call, 64 rows", .samples = &s[MANY]},
	    {.name = "finished call, 2 threads, own banks",
	     .samples = &s[TWO],
	     .baseline = &s[ONE],
	     .against = "1 thread"},
	    {.name = "finished call by atomic adds, 1 row",
	     .samples = &s[ATOMIC_ONE],
	     .baseline = &s[ONE],
	     .against = "finished call",
	     .target = BENCH_RATIO_AT_LEAST,
	     .limit = 10},
	    {.name = "finished call by atomic adds, 64 rows",
	     .samples = &s[ATOMIC_MANY],
	     .baseline = &s[MANY],
	     .against = "finished call"},
	    {.name = "finished call by atomic adds, 2 threads, 1 row",
	     .samples = &s[ATOMIC_TWO],
	     .baseline = &s[TWO],
	     .against = "finished call, 2 threads"},
	    {.name = "event", .samples = &s[EVENT]},
	    {.name = "span", .samples = &s[SPAN]},
	    {.name = "request in flight, begin and end", .samples = &s[IN_FLIGHT]},
	};
	bench_print_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
	static struct work first, second;
	const struct bench_variant variants[NR] = {
	    [ONE] = {plain_one, &first},
	    [MANY] = {work_finished_call, &first},
	    [TWO] = {plain_one, &first, plain_one, &second, NULL},
	    [ATOMIC_ONE] = {atomic_one, &first},
	    [ATOMIC_MANY] = {atomic_many, &first},
	    [ATOMIC_TWO] = {atomic_one, &first, atomic_one, &first, NULL},
	    [EVENT] = {work_event, &first},
	    [SPAN] = {work_span, &first},
	    [IN_FLIGHT] = {work_in_flight, &first},
	};
	struct bench_samples s[NR];

	bench_print_ghz();
	bench_fill_inputs(first.inputs);
	bench_fill_inputs(second.inputs);
	bench_segment_create(&first.segment,
			     (struct bench_segment_size){1, WORK_ROWS, 2});
	first.bank = bench_bank_adopt(&first.segment);
	second.bank = bench_bank_adopt(&first.segment);
	bench_measure(variants, NR, s);
	print(s);
	bench_segment_remove(&first.segment);
	bench_print_ghz();
	return 0;
}
