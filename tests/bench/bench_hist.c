/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording a duration: ours, HdrHistogram_c, and classic explicit bounds. The inputs
 * are 32,768 durations spread evenly over nine decades, in an order no branch predictor
 * learns; reading them is part of every figure.
 */
#include "bench.h"
#include "segment.h"

#ifdef BENCH_HDR
#include "hdr_histogram.h"
#else
struct hdr_histogram;
#endif

#define ROWS   64
#define BOUNDS 11

struct state {
	uint64_t inputs[BENCH_INPUTS];
	struct snp_bank bank;
	struct hdr_histogram *hdr;
	uint64_t bucket[BOUNDS + 1], sum;
	volatile uint64_t sink;
};

static void read_inputs(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		s->sink = s->inputs[i % BENCH_INPUTS];
}

static void record_one(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_hist_record(s->bank.tools[0].duration, s->inputs[i % BENCH_INPUTS]);
}

static void record_many(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_hist_record(s->bank.tools[i % ROWS].duration,
				s->inputs[i % BENCH_INPUTS]);
}

static void record_long(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_hist_record_long(s->bank.pools[0].lifetime,
				     s->inputs[i % BENCH_INPUTS]);
}

/* As clients of text formats do it: find the bound, add to bucket and sum. */
static void record_bounds(void *ctx, uint64_t n)
{
	static const uint64_t bounds[BOUNDS] = {
	    5000000,   10000000,   25000000,   50000000,   100000000,  250000000,
	    500000000, 1000000000, 2500000000, 5000000000, 10000000000};
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t ns = s->inputs[i % BENCH_INPUTS];
		unsigned word = 0;

		while (word < BOUNDS && ns > bounds[word])
			word++;
		s->bucket[word]++;
		s->sum += ns;
		__asm__ volatile("" : : : "memory");
	}
}

#ifdef BENCH_HDR
static void record_hdr(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		hdr_record_value(s->hdr, (int64_t)s->inputs[i % BENCH_INPUTS]);
}

static void open_hdr(struct state *s)
{
	enum { SIGNIFICANT_DIGITS = 2 };

	if (hdr_init(1, INT64_C(3600000000000), SIGNIFICANT_DIGITS, &s->hdr) != 0)
		bench_die("hdr_init failed");
}
#else
#define record_hdr read_inputs /* not printed */
static void open_hdr(struct state *s)
{
	s->hdr = NULL;
}
#endif

int main(void)
{
	static struct state state;
	enum { INPUTS, HDR, ONE, MANY, LONG, EXPLICIT, NR };
	const struct bench_variant variants[NR] = {
	    [INPUTS] = {read_inputs, &state}, [HDR] = {record_hdr, &state},
	    [ONE] = {record_one, &state},     [MANY] = {record_many, &state},
	    [LONG] = {record_long, &state},   [EXPLICIT] = {record_bounds, &state},
	};
	struct bench_samples s[NR];
	struct bench_segment segment;

	bench_print_ghz();
	bench_fill_inputs(state.inputs);
	bench_segment_create(&segment, (struct bench_segment_size){1, ROWS, 1});
	state.bank = bench_bank_adopt(&segment);
	open_hdr(&state);
	bench_measure(variants, NR, s);
	struct bench_row rows[] = {
	    {.name = "read an input", .samples = &s[INPUTS]},
	    {.name = "hdr_record_value, 2 digits", .samples = &s[HDR]},
	    {.name = "snp_hist_record, 1 row", .samples = &s[ONE]},
	    {.name = "snp_hist_record, 64 rows", .samples = &s[MANY]},
	    {.name = "snp_hist_record_long, 1 row", .samples = &s[LONG]},
	    {.name = "11 explicit bounds", .samples = &s[EXPLICIT]},
	};
	if (state.hdr) {
		for (size_t i = ONE; i < NR; i++) {
			rows[i].baseline = &s[HDR];
			rows[i].against = "hdr_record_value";
		}
		rows[ONE].target = BENCH_RATIO_AT_MOST;
		rows[ONE].limit = 1.5;
	} else {
		bench_print_skipped(rows[HDR].name, "built without HdrHistogram_c");
	}
	for (size_t i = 0; i < NR; i++)
		if (i != HDR || state.hdr)
			bench_print(&rows[i]);
	bench_segment_remove(&segment);
	bench_print_ghz();
	return 0;
}
