/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler - does any counter of a living segment fall?
 *
 *   sampler PATH HZ
 *
 * Looks at the live cells HZ times a second until SIGTERM and compares every counter,
 * and every word of every histogram, with the look before. One that comes late makes up
 * for it. Prints "ready", and at the end how often it looked in which time. Exits 1 at
 * the first cell that fell, or row that is gone, and says which.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "snakepit/read.h"

struct sampler {
	struct snp_segment *seg;
	struct snp_snapshot *now, *before;
	uint64_t looks;
};

static volatile sig_atomic_t ended;

static void on_term(int signal)
{
	(void)signal;
	ended = 1;
}

static bool complain(const struct snp_series *series, const char *what)
{
	(void)printf("%s, row %u, cell %u: %s\n", series->metric->name, series->row,
		     series->cell, what);
	return false;
}

static bool row_is_there(const struct sampler *s, const struct snp_series *old)
{
	unsigned kind = old->metric->row_kind;
	const struct snp_row *row = snp_snapshot_row(s->now, kind, old->row);

	return row && row->uid == snp_snapshot_row(s->before, kind, old->row)->uid;
}

static bool series_holds(const struct sampler *s, const struct snp_series *old)
{
	const struct snp_metric *m = old->metric;
	const uint64_t *words;

	if (m->kind != SNP_KIND_COUNTER && m->kind != SNP_KIND_HISTOGRAM)
		return true;
	if (m->row_kind != SNP_ROW_PROC && !row_is_there(s, old))
		return complain(old, "the row is gone");
	if (m->kind == SNP_KIND_COUNTER)
		return snp_snapshot_value(s->now, m, old->row, old->cell) >=
			   old->value ||
		       complain(old, "fell");
	words = snp_snapshot_hist(s->now, m, old->row, old->cell);
	for (uint32_t i = 0; i < m->nbuckets + 3; i++)
		if (words[i] < old->hist[i])
			return complain(old, "a word of the histogram fell");
	return true;
}

/* A look that left rows out is not compared with, and nothing is compared with it. */
static bool look(struct sampler *s)
{
	struct snp_snapshot *spare = s->before;
	struct snp_series_iter it;
	struct snp_series old;
	struct snp_err err = {0};
	bool holds = true;

	if (snp_segment_snapshot(s->seg, &s->now, &err) < 0) {
		(void)printf("%s\n", err.msg);
		return false;
	}
	if (snp_snapshot_stats(s->now)->rows_skipped)
		return true;
	if (s->looks++ > 0) {
		snp_series_iter_init(&it, s->before, NULL);
		snp_series_iter_bare(&it);
		while (holds && snp_series_next(&it, &old))
			holds = series_holds(s, &old);
	}
	s->before = s->now;
	s->now = spare;
	return holds;
}

static void wait_until(snp_mono_t due)
{
	const struct timespec at = {.tv_sec = (time_t)(due.ns / SNP_NS_PER_S),
				    .tv_nsec = (long)(due.ns % SNP_NS_PER_S)};

	while (!ended &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_term};
	struct sampler s = {0};
	struct snp_err err = {0};
	snp_mono_t start = snp_mono_now(), due = start;
	uint64_t hz = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	bool holds = true;

	if (hz == 0) {
		(void)fputs("usage: sampler PATH HZ\n", stderr);
		return 2;
	}
	(void)sigaction(SIGTERM, &action, NULL);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (snp_segment_attach(argv[1], &s.seg, &err) < 0) {
		(void)fprintf(stderr, "sampler: %s\n", err.msg);
		return 2;
	}
	(void)puts("ready");
	while (!ended && holds) {
		holds = look(&s);
		due.ns += SNP_NS_PER_S / hz;
		wait_until(due);
	}
	(void)printf("%llu samples in %.1f s\n", (unsigned long long)s.looks,
		     (double)snp_mono_since_ns(snp_mono_now(), start) / 1e9);
	snp_snapshot_destroy(&s.now);
	snp_snapshot_destroy(&s.before);
	snp_segment_detach(&s.seg);
	return holds ? 0 : 1;
}
