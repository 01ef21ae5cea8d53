/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"

void work_record(void *work, uint64_t n)
{
	struct work *w = work;

	for (uint64_t i = 0; i < n; i++)
		snp_hist_record(w->bank.tools[i % WORK_ROWS].duration,
				w->inputs[i % BENCH_INPUTS]);
}

void work_finished_call(void *work, uint64_t n)
{
	struct work *w = work;

	for (uint64_t i = 0; i < n; i++)
		bench_finished_call(&w->bank.tools[i % WORK_ROWS], 0,
				    w->inputs[i % BENCH_INPUTS]);
}

void work_event(void *work, uint64_t n)
{
	struct work *w = work;

	for (uint64_t i = 0; i < n; i++)
		bench_event(&w->bank, w->inputs[i % BENCH_INPUTS]);
}

void work_span(void *work, uint64_t n)
{
	struct work *w = work;

	for (uint64_t i = 0; i < n; i++)
		bench_span(&w->bank, w->inputs[i % BENCH_INPUTS]);
}

void work_in_flight(void *work, uint64_t n)
{
	struct work *w = work;

	for (uint64_t i = 0; i < n; i++)
		bench_in_flight(w->segment.writer, w->inputs[i % BENCH_INPUTS]);
}
