/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snakepit/time.h"

#define REPETITION_NS	5e5 /* shorter than what a scheduler gives to others */
#define TRIES		25
#define SAMPLES_MIN	5
#define BESIDE_CHUNK	1000
#define DISTURBED_SHARE 0.02
#define DISTURBED_NS	2000.0 /* reading the two clocks takes up to this long */

void bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("bench: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(EXIT_FAILURE);
}

/* ---- one repetition ------------------------------------------------------ */

struct span {
	uint64_t wall_ns, cpu_ns;
};

static void span_begin(struct span *s)
{
	s->cpu_ns = snp__clock_ns(CLOCK_THREAD_CPUTIME_ID);
	s->wall_ns = snp_mono_now().ns;
}

/* True when the thread was on its processor all the time. */
static bool span_end(struct span *s)
{
	s->wall_ns = snp_mono_now().ns - s->wall_ns;
	s->cpu_ns = snp__clock_ns(CLOCK_THREAD_CPUTIME_ID) - s->cpu_ns;
	return (double)s->wall_ns <=
	       (double)s->cpu_ns * (1 + DISTURBED_SHARE) + DISTURBED_NS;
}

/* The second thread. It sleeps unless a variant has work for it. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started, undisturbed;
	bench_work work; /* NULL = none; under the lock */
	void *ctx;
	_Atomic bool running, stop;
} beside = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *beside_main(void *unused)
{
	struct span span;

	(void)unused;
	pthread_mutex_lock(&beside.lock);
	for (;;) {
		while (!beside.work)
			pthread_cond_wait(&beside.changed, &beside.lock);
		beside.work(beside.ctx, BESIDE_CHUNK);
		span_begin(&span);
		atomic_store(&beside.running, true);
		while (!atomic_load_explicit(&beside.stop, memory_order_relaxed))
			beside.work(beside.ctx, BESIDE_CHUNK);
		beside.undisturbed = span_end(&span);
		beside.work = NULL;
		pthread_cond_signal(&beside.changed);
	}
	return NULL;
}

static void beside_begin(const struct bench_variant *variant)
{
	if (!beside.started &&
	    pthread_create(&beside.thread, NULL, beside_main, NULL) != 0)
		bench_die("cannot start a second thread");
	beside.started = true;
	if (!variant->beside)
		return;
	pthread_mutex_lock(&beside.lock);
	beside.work = variant->beside;
	beside.ctx = variant->beside_ctx;
	atomic_store(&beside.running, false);
	atomic_store(&beside.stop, false);
	pthread_cond_signal(&beside.changed);
	pthread_mutex_unlock(&beside.lock);
	while (!atomic_load(&beside.running))
		;
}

static bool beside_end(const struct bench_variant *variant)
{
	bool undisturbed;

	if (!variant->beside)
		return true;
	atomic_store(&beside.stop, true);
	pthread_mutex_lock(&beside.lock);
	while (beside.work)
		pthread_cond_wait(&beside.changed, &beside.lock);
	undisturbed = beside.undisturbed;
	pthread_mutex_unlock(&beside.lock);
	return undisturbed;
}

bool bench_repetition(const struct bench_variant *variant, uint64_t n, double *ret_ns)
{
	struct span span;
	bool undisturbed;

	beside_begin(variant);
	span_begin(&span);
	variant->run(variant->ctx, n);
	undisturbed = span_end(&span);
	if (variant->disturbed)
		undisturbed = !*variant->disturbed;
	*ret_ns = (double)span.wall_ns;
	return beside_end(variant) && undisturbed;
}

/* ---- rounds -------------------------------------------------------------- */

/* How many times make a repetition long enough; warms everything up as well. */
static uint64_t calibrate(const struct bench_variant *variant)
{
	uint64_t n = 1;
	double ns = 0;

	for (;;) {
		(void)bench_repetition(variant, n, &ns);
		if (ns >= REPETITION_NS)
			return n;
		n = ns < REPETITION_NS / 16 ? n * 8 : n * 2;
	}
}

static double undisturbed_ns(const struct bench_variant *variant, uint64_t n)
{
	double ns = 0;

	for (int i = 0; i < TRIES; i++)
		if (bench_repetition(variant, n, &ns))
			return ns;
	return NAN;
}

void bench_measure(const struct bench_variant *variants, size_t nr,
		   struct bench_samples *ret_samples)
{
	uint64_t n[BENCH_VARIANTS_MAX];

	if (nr > BENCH_VARIANTS_MAX)
		bench_die("more than %d variants", BENCH_VARIANTS_MAX);
	for (size_t i = 0; i < nr; i++) {
		n[i] = calibrate(&variants[i]);
		ret_samples[i].nr = BENCH_ROUNDS;
	}
	for (size_t round = 0; round < BENCH_ROUNDS; round++)
		for (size_t i = 0; i < nr; i++)
			ret_samples[i].v[round] =
			    undisturbed_ns(&variants[i], n[i]) / (double)n[i];
}

struct bench_samples bench_value(double value)
{
	return (struct bench_samples){.v = {value}, .nr = 1};
}

/* ---- rows ---------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* In order, without the rounds that were disturbed. */
static struct bench_samples sorted(const struct bench_samples *samples)
{
	struct bench_samples s = {0};

	for (size_t i = 0; i < samples->nr; i++)
		if (!isnan(samples->v[i]))
			s.v[s.nr++] = samples->v[i];
	qsort(s.v, s.nr, sizeof(s.v[0]), by_value);
	return s;
}

static double median(const struct bench_samples *s)
{
	return s->nr % 2 ? s->v[s->nr / 2]
			 : (s->v[s->nr / 2 - 1] + s->v[s->nr / 2]) / 2;
}

/* Of the rounds in which both were left in peace. */
static struct bench_samples ratios(const struct bench_row *row)
{
	struct bench_samples ratio = {.nr = row->samples->nr};

	if (row->baseline->nr != ratio.nr)
		bench_die("%s: its baseline has other rounds", row->name);
	for (size_t i = 0; i < ratio.nr; i++)
		ratio.v[i] = row->samples->v[i] / row->baseline->v[i];
	return sorted(&ratio);
}

static bool too_few(const struct bench_samples *sorted_samples, size_t taken)
{
	return sorted_samples->nr < (taken < SAMPLES_MIN ? taken : SAMPLES_MIN);
}

/* Tab-separated: "row", name, unit, median, least, most, ratio, against, target, limit.
 */
void bench_print(const struct bench_row *row)
{
	static const char *const targets[] = {
	    [BENCH_NO_TARGET] = "",
	    [BENCH_RATIO_AT_MOST] = "ratio<=",
	    [BENCH_RATIO_AT_LEAST] = "ratio>=",
	    [BENCH_VALUE_AT_MOST] = "value<=",
	};
	struct bench_samples s = sorted(row->samples), ratio = s;
	double scale = row->scale > 0 ? row->scale : 1;

	if (row->baseline)
		ratio = ratios(row);
	if (too_few(&s, row->samples->nr) || too_few(&ratio, row->samples->nr)) {
		bench_print_skipped(row->name, "the machine is too busy");
		return;
	}
	(void)printf("row\t%s\t%s\t%.9g\t%.9g\t%.9g", row->name,
		     row->unit ? row->unit : "ns", median(&s) * scale, s.v[0] * scale,
		     s.v[s.nr - 1] * scale);
	if (row->baseline)
		(void)printf("\t%.9g\t%s", median(&ratio), row->against);
	else
		(void)fputs("\t\t", stdout);
	(void)printf("\t%s\t%g\n", targets[row->target], row->limit);
	(void)fflush(stdout);
}

void bench_print_rows(const struct bench_row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		bench_print(&rows[i]);
}

void bench_print_skipped(const char *name, const char *why)
{
	(void)printf("skip\t%s\t%s\n", name, why);
}

/* A multiplication takes 3 cycles on every x86-64 of the last fifteen years, and no
 * processor shortens a chain of them, as newer ones do with additions. */
static void multiply_chain(void *ctx, uint64_t n)
{
#ifdef __x86_64__
	uint64_t x = 3;

	(void)ctx;
	for (uint64_t i = 0; i < n; i++)
		__asm__ volatile("imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\t"
				 "imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\t"
				 "imul %0, %0\n\timul %0, %0"
				 : "+r"(x));
#else
	(void)ctx;
	(void)n;
#endif
}

void bench_print_ghz(void)
{
#ifdef __x86_64__
	enum { CYCLES = 8 * 3, TIMES = 50000 };
	const struct bench_variant chain = {.run = multiply_chain};

	double ns = undisturbed_ns(&chain, TIMES);

	if (!isnan(ns))
		(void)printf("ghz\t%.3f\n", CYCLES * TIMES / ns);
#else
	(void)multiply_chain;
#endif
}

void bench_fill_inputs(uint64_t inputs[BENCH_INPUTS])
{
	uint64_t x = UINT64_C(0x9E3779B97F4A7C15);

	for (size_t i = 0; i < BENCH_INPUTS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		inputs[i] =
		    (uint64_t)(1e3 * exp2((double)(x >> 11) / 0x1p53 * log2(1e9)));
	}
}
