/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - measure ways of doing the same work side by side, and print rows of the
 * table that tests/bench/run makes.
 *
 * Rules: the variants of one measurement take turns in every round, and ratios are
 * taken within a round, so that a change of clock speed meets all of them. A repetition
 * in which the thread was off its processor is thrown away and repeated. A second
 * thread is alive throughout. Medians and ranges are over rounds.
 *
 * A benchmark is a program of its own. What it cannot do ends it with a message and
 * status 1. One thread at a time uses this.
 */
#ifndef SNP_BENCH_H
#define SNP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS	   51
#define BENCH_VARIANTS_MAX 16
#define BENCH_INPUTS	   32768 /* a power of two: more than a branch predictor learns */

/* Does the work `n` times. */
typedef void (*bench_work)(void *ctx, uint64_t n);

struct bench_variant {
	bench_work run;
	void *ctx;
	bench_work beside; /* what a second thread does all the while, or NULL */
	void *beside_ctx;
	/* For work that waits for other processes, and so is off its processor anyway:
	 * set by `run` where those were disturbed. */
	const bool *disturbed;
};

/* One value a round, NAN for a round in which there was no peace. */
struct bench_samples {
	double v[BENCH_ROUNDS];
	size_t nr;
};

/* Nanoseconds for one time of each variant's work. `ret_samples` has `nr` elements. */
void bench_measure(const struct bench_variant *variants, size_t nr,
		   struct bench_samples *ret_samples);

/* One repetition: nanoseconds that `n` times took; false where it was disturbed. */
bool bench_repetition(const struct bench_variant *variant, uint64_t n, double *ret_ns);

/* A single value as samples. */
struct bench_samples bench_value(double value);

enum bench_target {
	BENCH_NO_TARGET,
	BENCH_RATIO_AT_MOST,
	BENCH_RATIO_AT_LEAST,
	BENCH_VALUE_AT_MOST,
};

struct bench_row {
	const char *name;
	const char *unit; /* NULL = "ns" */
	const struct bench_samples *samples;
	double scale;			      /* samples * scale = unit; 0 = 1 */
	const struct bench_samples *baseline; /* for the ratio, of the same rounds */
	const char *against;		      /* what the baseline is */
	enum bench_target target;
	double limit;
};
/* Where the machine left fewer than a few rounds in peace, the row says that. */
void bench_print(const struct bench_row *row);
void bench_print_rows(const struct bench_row *rows, size_t nr);

/* Say in the table what is not in it, and why. */
void bench_print_skipped(const char *name, const char *why);

/* Print the clock speed, measured now. Call first and last. */
void bench_print_ghz(void);

/* Durations in ns, log-uniform from 1 us to 1000 s, the same in every run. */
void bench_fill_inputs(uint64_t inputs[BENCH_INPUTS]);

void bench_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
