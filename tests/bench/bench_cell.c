/* SPDX-License-Identifier: Apache-2.0 */
/* What adding to a counter costs beside the least a processor can do: x++ in memory. */
#include "bench.h"
#include "segment.h"

#define ROWS 64

struct cells {
	struct snp_bank bank;
	struct {
		_Alignas(SNP_FMT_LINE) volatile uint64_t v;
	} raw[ROWS];
};

static void raw_one(void *ctx, uint64_t n)
{
	volatile uint64_t *v = &((struct cells *)ctx)->raw[0].v;

	for (uint64_t i = 0; i < n; i++)
		(*v)++;
}

static void raw_many(void *ctx, uint64_t n)
{
	struct cells *c = ctx;

	for (uint64_t i = 0; i < n; i++)
		c->raw[i % ROWS].v++;
}

static void add_one(void *ctx, uint64_t n)
{
	struct snp_tool_cells *tool = ((struct cells *)ctx)->bank.tools;

	for (uint64_t i = 0; i < n; i++)
		snp_add(tool->requests, 1);
}

static void add_many(void *ctx, uint64_t n)
{
	struct snp_tool_cells *tools = ((struct cells *)ctx)->bank.tools;

	for (uint64_t i = 0; i < n; i++)
		snp_add(tools[i % ROWS].requests, 1);
}

static __attribute__((noinline)) void add_by_call(_Atomic uint64_t *cell, uint64_t by)
{
	snp_add(cell, by);
}

static void call_many(void *ctx, uint64_t n)
{
	struct snp_tool_cells *tools = ((struct cells *)ctx)->bank.tools;

	for (uint64_t i = 0; i < n; i++)
		add_by_call(tools[i % ROWS].requests, 1);
}

static void atomic_many(void *ctx, uint64_t n)
{
	struct snp_tool_cells *tools = ((struct cells *)ctx)->bank.tools;

	for (uint64_t i = 0; i < n; i++)
		atomic_fetch_add_explicit(tools[i % ROWS].requests, 1,
					  memory_order_relaxed);
}

int main(void)
{
	static struct cells cells;
	enum { RAW_ONE, ADD_ONE, RAW_MANY, ADD_MANY, CALL_MANY, ATOMIC_MANY, NR };
	const struct bench_variant variants[NR] = {
	    [RAW_ONE] = {raw_one, &cells},     [ADD_ONE] = {add_one, &cells},
	    [RAW_MANY] = {raw_many, &cells},   [ADD_MANY] = {add_many, &cells},
	    [CALL_MANY] = {call_many, &cells}, [ATOMIC_MANY] = {atomic_many, &cells},
	};
	struct bench_samples s[NR];
	struct bench_segment segment;

	bench_print_ghz();
	bench_segment_create(&segment, (struct bench_segment_size){1, ROWS, 1});
	cells.bank = bench_bank_adopt(&segment);
	bench_measure(variants, NR, s);
	const struct bench_row rows[] = {
	    {.name = "volatile x++, 1 cell", .samples = &s[RAW_ONE]},
	    {.name = "snp_add, 1 row",
	     .samples = &s[ADD_ONE],
	     .baseline = &s[RAW_ONE],
	     .against = "volatile x++"},
	    {.name = "volatile x++, 64 cells", .samples = &s[RAW_MANY]},
	    {.name = "snp_add, 64 rows",
	     .samples = &s[ADD_MANY],
	     .baseline = &s[RAW_MANY],
	     .against = "volatile x++",
	     .target = BENCH_RATIO_AT_MOST,
	     .limit = 1.5},
	    {.name = "snp_add not inlined, 64 rows",
	     .samples = &s[CALL_MANY],
	     .baseline = &s[RAW_MANY],
	     .against = "volatile x++"},
	    {.name = "atomic_fetch_add, 64 rows",
	     .samples = &s[ATOMIC_MANY],
	     .baseline = &s[RAW_MANY],
	     .against = "volatile x++"},
	};
	bench_print_rows(rows, sizeof(rows) / sizeof(rows[0]));
	bench_segment_remove(&segment);
	bench_print_ghz();
	return 0;
}
