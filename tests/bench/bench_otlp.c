/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the metrics of snakepit-otlp cost: a look at a segment as a request, and the
 * request as bytes. Metrics are collected each ten seconds; the share of a processor is
 * what a thousand points take then.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "metrics.h"
#include "segment.h"
#include "snakepit/read.h"
#include "steps.h"

/* More than a thousand points; and few, where each instruction is waited for. */
#define LARGE	    ((struct bench_segment_size){40, 20, 1})
#define SMALL	    ((struct bench_segment_size){2, 1, 1})
#define INTERVAL_NS 1e10

struct export
{
	struct bench_segment segment;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct otlp_metrics *metrics;
	Opentelemetry__Proto__Resource__V1__Resource resource;
	struct otlp_batch batch;
	uint8_t *bytes;
};

static void collect(struct export *e)
{
	const struct otlp_metrics_look look = {.snap = e->snap, .now = snp_wall_now()};

	if (otlp_metrics_collect(e->metrics, &look, &e->batch) != 1)
		bench_die("nothing to send");
}

static void look_and_collect(struct export *e)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(e->seg, &e->snap, &err) < 0)
		bench_die("%s", err.msg);
	collect(e);
}

static void open_export(struct export *e, struct bench_segment_size size,
			const struct otlp_metrics_options *options)
{
	static uint64_t inputs[BENCH_INPUTS];
	const struct otlp_origin origin = {&e->resource, "schema"};
	struct snp_err err = {0};
	struct snp_bank bank;

	bench_segment_create(&e->segment, size);
	bank = bench_bank_adopt(&e->segment);
	bench_fill_inputs(inputs);
	for (uint32_t i = 0; i < size.tools * 1000; i++)
		bench_finished_call(&bank.tools[i % size.tools], i % 8,
				    inputs[i % BENCH_INPUTS]);
	opentelemetry__proto__resource__v1__resource__init(&e->resource);
	if (snp_segment_attach(e->segment.path, &e->seg, &err) < 0 ||
	    snp_segment_snapshot(e->seg, &e->snap, &err) < 0)
		bench_die("%s", err.msg);
	if (otlp_metrics_create(e->seg, e->snap, &origin, options, &e->metrics) < 0)
		bench_die("no memory");
	collect(e); /* memory is there from now on */
	e->bytes = malloc(2 * protobuf_c_message_get_packed_size(e->batch.request));
	if (!e->bytes)
		bench_die("no memory");
}

static void close_export(struct export *e)
{
	free(e->bytes);
	otlp_metrics_destroy(&e->metrics);
	snp_snapshot_destroy(&e->snap);
	snp_segment_detach(&e->seg);
	bench_segment_remove(&e->segment);
}

/* ---- the work ------------------------------------------------------------ */

static void run_collect(void *ctx, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		collect(ctx);
}

static void run_all(void *ctx, uint64_t n)
{
	struct export *e = ctx;

	for (uint64_t i = 0; i < n; i++) {
		look_and_collect(e);
		(void)protobuf_c_message_pack(e->batch.request, e->bytes);
	}
}

static void count_all(void *ctx)
{
	struct export e = {0};

	open_export(&e, SMALL, ctx);
	run_all(&e, 1);
	bench_steps_mark();
	run_all(&e, 1);
	bench_steps_mark();
	close_export(&e);
}

static void print_row(const char *form, const char *what, struct bench_row row)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "OTLP, %s: %s", form, what);
	row.name = name;
	bench_print(&row);
}

static void print_times(const char *form, const struct otlp_metrics_options *options)
{
	struct export e = {0};
	struct bench_samples samples[2], bytes;
	double points;

	open_export(&e, LARGE, options);
	points = (double)e.batch.items;
	bytes =
	    bench_value((double)protobuf_c_message_get_packed_size(e.batch.request));
	bench_measure((const struct bench_variant[]){{.run = run_collect, .ctx = &e},
						     {.run = run_all, .ctx = &e}},
		      2, samples);
	close_export(&e);
	print_row(form, "collect a point",
		  (struct bench_row){.samples = &samples[0], .scale = 1 / points});
	print_row(form, "look, collect, pack a point",
		  (struct bench_row){.samples = &samples[1], .scale = 1 / points});
	print_row(form, "1,000 points each 10 s",
		  (struct bench_row){.unit = "% of a core",
				     .samples = &samples[1],
				     .scale = 1000 / points / INTERVAL_NS * 100,
				     .target = BENCH_VALUE_AT_MOST,
				     .limit = 0.1});
	print_row(form, "bytes of a point",
		  (struct bench_row){
		      .unit = "bytes", .samples = &bytes, .scale = 1 / points});
}

static void print_steps(const char *form, struct otlp_metrics_options options)
{
	struct export e = {0};
	struct bench_samples steps =
	    bench_value((double)bench_steps(count_all, &options));

	open_export(&e, SMALL, &options);
	print_row(form, "look, collect, pack a point",
		  (struct bench_row){.unit = "instr",
				     .samples = &steps,
				     .scale = 1 / (double)e.batch.items});
	close_export(&e);
}

int main(void)
{
	static const struct otlp_metrics_options cumulative;
	static const struct otlp_metrics_options delta = {.temporality = OTLP_DELTA,
							  .from_start = true};
	static const struct otlp_metrics_options exponential = {
	    .histograms = OTLP_HISTOGRAMS_EXPONENTIAL};

	bench_print_ghz();
	print_times("cumulative", &cumulative);
	print_times("delta", &delta);
	print_times("exponential", &exponential);
	print_steps("cumulative", cumulative);
	bench_print_ghz();
	return 0;
}
