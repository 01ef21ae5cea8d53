/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_collect - the metrics of a segment as requests of OTLP, when told to, without a
 * receiver.
 *
 *   otlp_collect PATH [OPTION]...
 *
 * OPTION is one of: delta, lowmemory, exponential, always_on, always_off, diag, stale
 * (say once that a gauge is gone), fresh (nobody reported before), limit=POINTS.
 * Obeys lines on stdin. `collect` and `ended` (the same of a runtime that is gone) are
 * answered with the size of the request in a line, 0 for none, and the request itself;
 * `ack`, after which the last is known to be received, with "ok"; so is `again`, which
 * attaches once more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "snakepit/read.h"

static const struct {
	const char *word;
	struct otlp_metrics_options option;
} options[] = {
    {"delta", {.temporality = OTLP_DELTA}},
    {"lowmemory", {.temporality = OTLP_LOWMEMORY}},
    {"exponential", {.histograms = OTLP_HISTOGRAMS_EXPONENTIAL}},
    {"always_on", {.exemplars = OTLP_EXEMPLARS_ALWAYS_ON}},
    {"always_off", {.exemplars = OTLP_EXEMPLARS_ALWAYS_OFF}},
    {"diag", {.diag = true}},
    {"stale", {.no_recorded_value = true}},
    {"fresh", {.from_start = true}},
};

static bool parse(const char *word, struct otlp_metrics_options *to)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct otlp_metrics_options *one = &options[i].option;

		if (strcmp(word, options[i].word) != 0)
			continue;
		to->temporality |= one->temporality;
		to->histograms |= one->histograms;
		to->exemplars |= one->exemplars;
		to->diag |= one->diag;
		to->no_recorded_value |= one->no_recorded_value;
		to->from_start |= one->from_start;
		return true;
	}
	return sscanf(word, "limit=%u", &to->cardinality_limit) == 1;
}

struct target {
	struct snp_segment *seg;
	struct snp_snapshot *snap;
};

static int collect(struct otlp_metrics *metrics, const struct snp_snapshot *snap,
		   bool ended)
{
	const struct otlp_metrics_look look = {
	    .snap = snap, .now = snp_wall_now(), .ended = ended};
	struct otlp_batch batch;
	int r = otlp_metrics_collect(metrics, &look, &batch);
	size_t len = r > 0 ? protobuf_c_message_get_packed_size(batch.request) : 0;
	uint8_t *bytes = malloc(len + 1);

	if (r < 0 || !bytes) {
		free(bytes);
		return -1;
	}
	if (len > 0)
		(void)protobuf_c_message_pack(batch.request, bytes);
	(void)printf("%zu\n", len);
	(void)fwrite(bytes, 1, len, stdout);
	free(bytes);
	return fflush(stdout);
}

static int attach(struct target *target, const char *path)
{
	struct snp_err err = {0};
	int r;

	snp_snapshot_destroy(&target->snap);
	if (target->seg)
		snp_segment_detach(&target->seg);
	r = snp_segment_attach(path, &target->seg, &err);
	if (r == 0)
		r = snp_segment_snapshot(target->seg, &target->snap, &err);
	if (r < 0)
		(void)fprintf(stderr, "otlp_collect: %s\n", err.msg);
	return r;
}

static int obey_line(struct target *target, struct otlp_metrics *metrics,
		     const char *path, const char *line)
{
	int r = 0;

	if (strcmp(line, "ack\n") == 0) {
		otlp_metrics_acknowledge(metrics);
	} else if (strcmp(line, "again\n") == 0) {
		r = attach(target, path);
		if (r == 0)
			r = otlp_metrics_rebind(metrics, target->seg, target->snap);
	} else {
		r = snp_segment_snapshot(target->seg, &target->snap, NULL);
		return r < 0 ? r
			     : collect(metrics, target->snap,
				       strcmp(line, "ended\n") == 0);
	}
	(void)puts("ok");
	return r < 0 ? r : fflush(stdout);
}

int main(int argc, char **argv)
{
	Opentelemetry__Proto__Resource__V1__Resource resource;
	const struct otlp_origin origin = {&resource,
					   "https://opentelemetry.io/schema"};
	struct otlp_metrics_options chosen = {0};
	struct otlp_metrics *metrics = NULL;
	struct target target = {0};
	char line[16];
	int r;

	opentelemetry__proto__resource__v1__resource__init(&resource);
	for (int i = 2; i < argc; i++)
		if (!parse(argv[i], &chosen))
			return EXIT_FAILURE;
	r = argc < 2 ? -1 : attach(&target, argv[1]);
	if (r == 0)
		r = otlp_metrics_create(target.seg, target.snap, &origin, &chosen,
					&metrics);
	while (r == 0 && fgets(line, sizeof(line), stdin))
		r = obey_line(&target, metrics, argv[1], line);
	otlp_metrics_destroy(&metrics);
	snp_snapshot_destroy(&target.snap);
	if (target.seg)
		snp_segment_detach(&target.seg);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
