/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same metric from two threads, each in a bank of its own, beside what sharing a
 * cell costs. Each figure is one thread's, while the other does the same. Adding alone
 * hides what a store-heavy body shows: there every store that waits holds up the
 * others.
 */
#include "bench.h"
#include "segment.h"

#define ROWS	   64
#define COPY_BYTES 256
#define COPIES	   16

struct worker {
	struct snp_bank bank;
	uint32_t row;		  /* for the variants that count in one row */
	_Atomic uint64_t *shared; /* the same cell for both */
	/* Not 4 KiB apart: a load would wait for the store of the same low address
	 * bits. */
	_Alignas(SNP_FMT_LINE) char from[COPIES][COPY_BYTES];
	_Alignas(SNP_FMT_LINE) char apart[1024];
	_Alignas(SNP_FMT_LINE) char to[COPIES][COPY_BYTES];
};

static void own_row(void *ctx, uint64_t n)
{
	struct worker *w = ctx;
	_Atomic uint64_t *cell = w->bank.tools[w->row].requests;

	for (uint64_t i = 0; i < n; i++)
		snp_add(cell, 1);
}

static void own_rows(void *ctx, uint64_t n)
{
	struct worker *w = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_add(w->bank.tools[i % ROWS].requests, 1);
}

static void shared_atomic(void *ctx, uint64_t n)
{
	struct worker *w = ctx;

	for (uint64_t i = 0; i < n; i++)
		atomic_fetch_add_explicit(w->shared, 1, memory_order_relaxed);
}

static inline void body(struct worker *w, uint64_t i)
{
	char *to = w->to[i % COPIES];

	__builtin_memcpy(to, w->from[i % COPIES], COPY_BYTES);
	__asm__ volatile("" : : "r"(to) : "memory");
}

static void body_alone(void *ctx, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		body(ctx, i);
}

static void body_add(void *ctx, uint64_t n)
{
	struct worker *w = ctx;
	_Atomic uint64_t *cell = w->bank.tools[w->row].requests;

	for (uint64_t i = 0; i < n; i++) {
		body(w, i);
		snp_add(cell, 1);
	}
}

static void body_shared_atomic(void *ctx, uint64_t n)
{
	struct worker *w = ctx;

	for (uint64_t i = 0; i < n; i++) {
		body(w, i);
		atomic_fetch_add_explicit(w->shared, 1, memory_order_relaxed);
	}
}

/* Two workers on the same metric, and a third that counts in another row. */
static struct worker first, second, other;

static struct bench_variant alone(bench_work work)
{
	return (struct bench_variant){.run = work, .ctx = &first};
}

static struct bench_variant both(bench_work work, struct worker *beside)
{
	return (struct bench_variant){
	    .run = work, .ctx = &first, .beside = work, .beside_ctx = beside};
}

static void prepare(struct bench_segment *segment)
{
	bench_segment_create(segment, (struct bench_segment_size){1, ROWS, 3});
	first.bank = bench_bank_adopt(segment);
	second.bank = bench_bank_adopt(segment);
	other.bank = bench_bank_adopt(segment);
	other.row = ROWS / 2;
	first.shared = second.shared = first.bank.proc->log_dropped;
}

enum {
	ONE,
	TWO,
	TWO_OTHER,
	ONE_ROWS,
	TWO_ROWS,
	ATOMIC_ONE,
	ATOMIC_TWO,
	BODY,
	BODY_ONE,
	BODY_TWO,
	BODY_ATOMIC,
	NR
};

static void print(const struct bench_samples s[NR])
{
	const struct bench_row rows[] = {
	    {.name = "add, 1 thread", .samples = &s[ONE]},
	    {.name = "add, 2 threads, same metric",
	     .samples = &s[TWO],
	     .baseline = &s[ONE],
	     .against = "1 thread",
	     .target = BENCH_RATIO_AT_MOST,
	     .limit = 1.1},
	    {.name = "add, 2 threads, own metric",
	     .samples = &s[TWO_OTHER],
	     .baseline = &s[ONE],
	     .against = "1 thread"},
	    {.name = "add, 64 rows, 1 thread", .samples = &s[ONE_ROWS]},
	    {.name = "add, 64 rows, 2 threads, same metrics",
	     .samples = &s[TWO_ROWS],
	     .baseline = &s[ONE_ROWS],
	     .against = "1 thread",
	     .target = BENCH_RATIO_AT_MOST,
	     .limit = 1.1},
	    {.name = "atomic add, 1 thread",
	     .samples = &s[ATOMIC_ONE],
	     .baseline = &s[ONE],
	     .against = "add, 1 thread"},
	    {.name = "atomic add, 2 threads, 1 cell",
	     .samples = &s[ATOMIC_TWO],
	     .baseline = &s[TWO],
	     .against = "add, 2 threads"},
	    {.name = "256 B copy", .samples = &s[BODY]},
	    {.name = "256 B copy + add, 1 thread",
	     .samples = &s[BODY_ONE],
	     .baseline = &s[BODY],
	     .against = "copy alone"},
	    {.name = "256 B copy + add, 2 threads, same metric",
	     .samples = &s[BODY_TWO],
	     .baseline = &s[BODY_ONE],
	     .against = "1 thread",
	     .target = BENCH_RATIO_AT_MOST,
	     .limit = 1.1},
	    {.name = "256 B copy + atomic add, 2 threads, 1 cell",
	     .samples = &s[BODY_ATOMIC],
	     .baseline = &s[BODY_TWO],
	     .against = "add, 2 threads"},
	};

	bench_print_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
	struct bench_segment segment;
	struct bench_samples samples[NR];
	struct bench_variant variants[NR] = {
	    [ONE] = alone(own_row),
	    [TWO] = both(own_row, &second),
	    [TWO_OTHER] = both(own_row, &other),
	    [ONE_ROWS] = alone(own_rows),
	    [TWO_ROWS] = both(own_rows, &second),
	    [ATOMIC_ONE] = alone(shared_atomic),
	    [ATOMIC_TWO] = both(shared_atomic, &second),
	    [BODY] = alone(body_alone),
	    [BODY_ONE] = alone(body_add),
	    [BODY_TWO] = both(body_add, &second),
	    [BODY_ATOMIC] = both(body_shared_atomic, &second),
	};

	bench_print_ghz();
	prepare(&segment);
	bench_measure(variants, NR, samples);
	print(samples);
	bench_segment_remove(&segment);
	bench_print_ghz();
	return 0;
}
