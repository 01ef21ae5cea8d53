/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scrape of 100,000 series in one process: the copy of the segment, and the page in
 * each format, against the same lines by snprintf.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "model/number.h"
#include "page.h"
#include "segment.h"
#include "snakepit/read.h"

#define SERIES 100000

struct scrape {
	struct bench_segment segment;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct families *families;
	struct page_room *room;
	struct own_totals totals;
	struct snp_buf buf;
};

/* Numbers of all lengths, and buckets here and there. */
static void count(struct bench_segment *segment, struct bench_segment_size size)
{
	struct snp_bank bank = bench_bank_adopt(segment);
	static uint64_t inputs[BENCH_INPUTS];

	bench_fill_inputs(inputs);
	for (uint32_t i = 0; i < size.workers; i++) {
		struct snp_worker_row *row = snp_worker_row(segment->writer, i);

		snp_add(&row->hot.pings[0], inputs[i % BENCH_INPUTS] % 1000000);
		snp_add(&row->hot.pongs[0], inputs[i % BENCH_INPUTS] % 1000000);
		snp_set(&row->sup.memory[0], inputs[i % BENCH_INPUTS]);
		snp_set(&row->sup.cpu[0], inputs[i % BENCH_INPUTS]);
	}
	for (uint32_t i = 0; i < size.tools * 16; i++)
		bench_finished_call(&bank.tools[i / 16], i % 8,
				    inputs[i % BENCH_INPUTS]);
}

static void open_scrape(struct scrape *s, struct bench_segment_size size)
{
	struct snp_err err = {0};

	memset(s, 0, sizeof(*s));
	bench_segment_create(&s->segment, size);
	count(&s->segment, size);
	if (snp_segment_attach(s->segment.path, &s->seg, &err) < 0 ||
	    snp_segment_snapshot(s->seg, &s->snap, &err) < 0)
		bench_die("%s", err.msg);
	if (families_create(s->snap, FAMILIES_DEFAULT, NULL, &s->families) < 0 ||
	    page_room_create(&s->room) < 0)
		bench_die("no memory");
}

static void close_scrape(struct scrape *s)
{
	snp_buf_fini(&s->buf);
	page_room_destroy(&s->room);
	families_destroy(&s->families);
	snp_snapshot_destroy(&s->snap);
	snp_segment_detach(&s->seg);
	bench_segment_remove(&s->segment);
}

/* ---- the work ------------------------------------------------------------ */

static void snapshot(struct scrape *s)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(s->seg, &s->snap, &err) < 0)
		bench_die("%s", err.msg);
}

static void render(struct scrape *s, enum expo_format format, bool gzip)
{
	struct page_source source = {.up = true,
				     .totals = &s->totals,
				     .seg = s->seg,
				     .snap = s->snap,
				     .families = s->families};
	const struct page page = {.as = {.format = format, .gzip = gzip},
				  .filter = &scrape_filter_all,
				  .exporter_metrics = true,
				  .begin = snp_mono_now(),
				  .sources = &source,
				  .sources_nr = 1};

	snp_buf_reset(&s->buf);
	page_render(s->room, &page, &s->buf);
	if (s->buf.failed)
		bench_die("no memory");
}

static void run_snapshot(void *ctx, uint64_t n)
{
	while (n-- > 0)
		snapshot(ctx);
}

static void run_render(void *ctx, uint64_t n)
{
	while (n-- > 0)
		render(ctx, EXPO_TEXT, false);
}

static void run_scrape(void *ctx, uint64_t n)
{
	for (; n > 0; n--) {
		snapshot(ctx);
		render(ctx, EXPO_TEXT, false);
	}
}

static void run_openmetrics(void *ctx, uint64_t n)
{
	while (n-- > 0)
		render(ctx, EXPO_OPENMETRICS_1_0_0, false);
}

static void run_protobuf(void *ctx, uint64_t n)
{
	while (n-- > 0)
		render(ctx, EXPO_PROTOBUF, false);
}

static void run_gzip(void *ctx, uint64_t n)
{
	while (n-- > 0)
		render(ctx, EXPO_TEXT, true);
}

/* ---- the same by snprintf ------------------------------------------------ */

static void print_labels(struct snp_buf *buf, const struct snp_series *series)
{
	snp_buf_putc(buf, '{');
	for (unsigned i = 0; i < series->labels_nr; i++)
		snp_buf_printf(buf, "%s%s=\"%s\"", i ? "," : "",
			       series->labels[i].prom_name, series->labels[i].value);
	snp_buf_putc(buf, '}');
}

static void print_series(struct scrape *s, const struct snp_series *series)
{
	char line[SNP_NUMBER_BYTES + 1];
	char *to;

	snp_buf_puts(&s->buf, series->metric->prom_name);
	print_labels(&s->buf, series);
	to = snp_buf_reserve(&s->buf, sizeof(line));
	if (!to)
		bench_die("no memory");
	if (series->metric->vtype == SNP_VT_U64 && series->metric->unit_exp == 0)
		snp_buf_commit(&s->buf,
			       (size_t)snprintf(to, sizeof(line), " %" PRIu64 "\n",
						series->value));
	else
		snp_buf_commit(&s->buf,
			       (size_t)snprintf(to, sizeof(line), " %.17g\n",
						snp_series_number(s->snap, series)));
}

static void run_snprintf(void *ctx, uint64_t n)
{
	struct scrape *s = ctx;
	struct snp_series_iter it;
	struct snp_series series;

	for (; n > 0; n--) {
		snp_buf_reset(&s->buf);
		snp_series_iter_init(&it, s->snap, NULL);
		while (snp_series_next(&it, &series))
			if (!series.hist && series.metric->level == SNP_LEVEL_INFO)
				print_series(s, &series);
	}
}

/* ---- sizes --------------------------------------------------------------- */

static uint64_t lines_of(const struct scrape *s)
{
	uint64_t lines = 0;
	const char *at = s->buf.data;
	const char *end = at + s->buf.len;

	for (; at < end; at++) {
		lines += *at != '#';
		at = memchr(at, '\n', (size_t)(end - at));
	}
	return lines;
}

static uint64_t count_lines(struct bench_segment_size size)
{
	struct scrape s;
	uint64_t lines;

	open_scrape(&s, size);
	render(&s, EXPO_TEXT, false);
	lines = lines_of(&s);
	close_scrape(&s);
	return lines;
}

/* So many of what `unit` is one more of that a page has SERIES series. */
static struct bench_segment_size size_for(struct bench_segment_size one,
					  struct bench_segment_size two)
{
	uint64_t base = count_lines(one);
	uint64_t more = count_lines(two) - base;
	uint32_t nr;

	if (more == 0)
		bench_die("one more has no series");
	nr = (uint32_t)((SERIES - base) / more + 2);
	return (struct bench_segment_size){
	    .workers = two.workers > one.workers ? nr : one.workers,
	    .tools = two.tools > one.tools ? nr : one.tools,
	    .banks = one.banks,
	};
}

static double resident_mib(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		bench_die("cannot read /proc/self/statm");
	(void)fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* ---- the table ----------------------------------------------------------- */

static void print_value(const char *name, const char *unit, double value)
{
	const struct bench_samples samples = bench_value(value);

	bench_print(
	    &(struct bench_row){.name = name, .unit = unit, .samples = &samples});
}

struct work {
	bench_work run;
	const char *name;
	double limit; /* ms; 0 = none */
};

/* `nr` at most WORK_MAX; ratios are to the first. */
#define WORK_MAX 4
static void measure(struct scrape *s, const char *what, const struct work *work,
		    size_t nr)
{
	struct bench_variant variants[WORK_MAX];
	struct bench_samples samples[WORK_MAX];
	char names[WORK_MAX][96];

	for (size_t i = 0; i < nr; i++)
		variants[i] = (struct bench_variant){.run = work[i].run, .ctx = s};
	bench_measure(variants, nr, samples);
	for (size_t i = 0; i < nr; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "scrape of %s: %s", what,
			       work[i].name);
		bench_print(&(struct bench_row){
		    .name = names[i],
		    .unit = "ms",
		    .scale = 1e-6,
		    .samples = &samples[i],
		    .baseline = i > 0 ? &samples[0] : NULL,
		    .against = "the first of these",
		    .target = work[i].limit > 0 ? BENCH_VALUE_AT_MOST : BENCH_NO_TARGET,
		    .limit = work[i].limit,
		});
	}
}

/* By themselves, because what takes turns with them leaves nothing in the caches: the
 * scrape, and apart from it those that go through ten times the memory. */
static const struct work scrape_work[] = {
    {run_scrape, "copy the segment, render text", 2},
};
static const struct work part_work[] = {
    {run_render, "render text", 0},
    {run_openmetrics, "render OpenMetrics", 0},
    {run_snapshot, "copy the segment", 0},
};
static const struct work large_work[] = {
    {run_render, "render text, in turns with", 0},
    {run_snprintf, "its scalars by snprintf", 0},
    {run_protobuf, "render protobuf", 0},
    {run_gzip, "render text, gzip", 0},
};
#define NR(work) (sizeof(work) / sizeof((work)[0]))

static void run(const char *what, struct bench_segment_size one,
		struct bench_segment_size two)
{
	struct scrape s;
	char name[96];

	open_scrape(&s, size_for(one, two));
	render(&s, EXPO_TEXT, false);
	if (lines_of(&s) < SERIES)
		bench_die("%lu series, fewer than %d", (unsigned long)lines_of(&s),
			  SERIES);
	(void)snprintf(name, sizeof(name), "scrape of %s: the page", what);
	print_value(name, "MiB", (double)s.buf.len / 1048576);
	(void)snprintf(name, sizeof(name), "scrape of %s: resident memory", what);
	print_value(name, "MiB", resident_mib());
	measure(&s, what, scrape_work, NR(scrape_work));
	measure(&s, what, part_work, NR(part_work));
	measure(&s, what, large_work, NR(large_work));
	close_scrape(&s);
}

int main(void)
{
	bench_print_ghz();
	run("100,000 series of workers", (struct bench_segment_size){1, 1, 1},
	    (struct bench_segment_size){2, 1, 1});
	run("100,000 series of tools", (struct bench_segment_size){1, 1, 1},
	    (struct bench_segment_size){1, 2, 1});
	bench_print_ghz();
	return 0;
}
