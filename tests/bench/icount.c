/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that the hot path takes.
 *
 * A child runs the work N times in a loop of the inlined functions; what an empty loop
 * takes is subtracted. Getting at the row and at the input is part of the count. The
 * budgets are for x86-64. Status 77 where tracing is not allowed.
 */
#include <stdlib.h>

#include "steps.h"
#include "work.h"

#define TIMES 200

static struct work state;

static void nothing(void *ctx, uint64_t n)
{
	(void)ctx;
	for (uint64_t i = 0; i < n; i++)
		__asm__ volatile("");
}

static void add(void *ctx, uint64_t n)
{
	struct work *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_add(s->bank.tools[i % WORK_ROWS].requests, 1);
}

/* A writer's map is not inherited, so the child makes its own. */
static void count(void *ctx)
{
	bench_work work = *(bench_work *)ctx;

	bench_segment_create(&state.segment,
			     (struct bench_segment_size){1, WORK_ROWS, 1});
	state.bank = bench_bank_adopt(&state.segment);
	bench_steps_mark();
	work(&state, TIMES);
	bench_steps_mark();
	bench_segment_remove(&state.segment);
}

static uint64_t count_steps(bench_work work)
{
	return bench_steps(count, &work);
}

int main(void)
{
	static const struct {
		const char *name;
		bench_work work;
		double limit; /* 0: printed only */
	} counted[] = {
	    {"instructions: snp_add", add, 14},
	    {"instructions: snp_hist_record", work_record, 42},
	    {"instructions: finished call", work_finished_call, 62},
	    {"instructions: event", work_event, 0},
	    {"instructions: span", work_span, 0},
	    {"instructions: request in flight, begin and end", work_in_flight, 0},
	};
	uint64_t empty;

	bench_fill_inputs(state.inputs);
	empty = count_steps(nothing);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		uint64_t steps = count_steps(counted[i].work);
		struct bench_samples samples =
		    bench_value((double)(steps - empty) / TIMES);
		struct bench_row row = {
		    .name = counted[i].name, .unit = "instr", .samples = &samples};

#ifdef __x86_64__
		row.limit = counted[i].limit;
		row.target = row.limit > 0 ? BENCH_VALUE_AT_MOST : BENCH_NO_TARGET;
#endif
		bench_print(&row);
	}
	return EXIT_SUCCESS;
}
