/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drawing.h"
#include "otlp/metrics_service.pb-c.h"

typedef Opentelemetry__Proto__Metrics__V1__ScopeMetrics pb_scope_metrics;
typedef Opentelemetry__Proto__Metrics__V1__ResourceMetrics pb_resource_metrics;
typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest
    pb_request;

/* ---- life ---------------------------------------------------------------- */

static void add_instrument(struct otlp_metrics *metrics,
			   const struct snp_metric *metric)
{
	struct otlp_instrument *next = &metrics->instruments[metrics->instruments_nr];
	bool ok = otlp_instrument_of(metric, &metrics->options, next);

	for (size_t i = 0; ok && i < metrics->instruments_nr; i++)
		ok = !otlp_instrument_clash(&metrics->instruments[i], next);
	metrics->instruments_nr += ok;
	metrics->rejected += !ok;
}

static int add_instruments(struct otlp_metrics *metrics,
			   const struct snp_snapshot *snap)
{
	uint8_t level = metrics->options.diag ? SNP_LEVEL_DIAG : SNP_LEVEL_INFO;
	size_t nr = snp_snapshot_metrics_nr(snap), words = 1;

	metrics->rejected = 0;
	metrics->instruments = calloc(nr ? nr : 1, sizeof(*metrics->instruments));
	if (!metrics->instruments)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		const struct snp_metric *metric = snp_snapshot_metric(snap, i);

		if (metric->level > level)
			continue;
		add_instrument(metrics, metric);
		if (otlp_value_words(metric) > words)
			words = otlp_value_words(metric);
	}
	metrics->scratch = calloc(words, sizeof(*metrics->scratch));
	return metrics->scratch ? 0 : -ENOMEM;
}

/* What belongs to the segment at hand. */
static int bind(struct otlp_metrics *metrics, struct snp_segment *seg,
		const struct snp_snapshot *snap)
{
	int r;

	metrics->seg = seg;
	r = add_instruments(metrics, snap);
	if (r == 0)
		r = otlp_ledger_init(&metrics->told, metrics->instruments_nr);
	if (r == 0)
		r = otlp_ledger_init(&metrics->pending, metrics->instruments_nr);
	return r;
}

static void unbind(struct otlp_metrics *metrics)
{
	otlp_ledger_fini(&metrics->told);
	otlp_ledger_fini(&metrics->pending);
	free(metrics->scratch);
	free(metrics->instruments);
}

static int create_exemplars(struct otlp_metrics *metrics)
{
	if (metrics->options.exemplars == OTLP_EXEMPLARS_ALWAYS_OFF)
		return 0;
	return snp_exemplars_create(metrics->options.exemplars ==
					    OTLP_EXEMPLARS_ALWAYS_ON
					? SNP_EXEMPLARS_TRACED
					: SNP_EXEMPLARS_SAMPLED,
				    &metrics->exemplars);
}

int otlp_metrics_create(struct snp_segment *seg, const struct snp_snapshot *snap,
			const struct otlp_origin *origin,
			const struct otlp_metrics_options *options,
			struct otlp_metrics **ret_metrics)
{
	struct otlp_metrics *metrics = calloc(1, sizeof(*metrics));
	int r;

	if (!metrics)
		return -ENOMEM;
	metrics->origin = *origin;
	metrics->options = *options;
	if (options->cardinality_limit == 0)
		metrics->options.cardinality_limit = OTLP_CARDINALITY_LIMIT;
	if (options->from_start)
		metrics->began = snp_segment_info(seg)->start_wall.ns;
	r = bind(metrics, seg, snap);
	if (r == 0)
		r = create_exemplars(metrics);
	if (r < 0) {
		otlp_metrics_destroy(&metrics);
		return r;
	}
	*ret_metrics = metrics;
	return 0;
}

void otlp_metrics_destroy(struct otlp_metrics **metrics)
{
	if (!*metrics)
		return;
	unbind(*metrics);
	snp_exemplars_destroy(&(*metrics)->exemplars);
	otlp_maker_fini(&(*metrics)->maker);
	free(*metrics);
	*metrics = NULL;
}

/* Words of a row. */
static size_t block_of(const struct snp_metric *metric)
{
	return metric->cells * otlp_value_words(metric);
}

/* An instrument the metrics before had too goes on where it was. */
static void inherit(struct otlp_metrics *metrics, struct otlp_metrics *before)
{
	otlp_ledger_move_rows(&metrics->told, &before->told);
	for (size_t i = 0; i < metrics->instruments_nr; i++)
		for (size_t j = 0; j < before->instruments_nr; j++)
			if (metrics->instruments[i].id == before->instruments[j].id &&
			    before->told.counts[j].block ==
				block_of(metrics->instruments[i].metric))
				otlp_ledger_move(&metrics->told, i, &before->told, j);
}

int otlp_metrics_rebind(struct otlp_metrics *metrics, struct snp_segment *seg,
			const struct snp_snapshot *snap)
{
	struct otlp_metrics before = *metrics;
	int r;

	metrics->instruments_nr = 0;
	metrics->instruments = NULL;
	metrics->scratch = NULL;
	metrics->told = metrics->pending = (struct otlp_ledger){0};
	metrics->pending_time = 0;
	r = bind(metrics, seg, snap);
	if (r == 0)
		inherit(metrics, &before);
	unbind(&before);
	return r;
}

size_t otlp_metrics_rejected(const struct otlp_metrics *metrics)
{
	return metrics->rejected;
}

void otlp_metrics_acknowledge(struct otlp_metrics *metrics)
{
	struct otlp_ledger told = metrics->told;

	if (metrics->pending_time == 0)
		return;
	metrics->told = metrics->pending;
	metrics->pending = told;
	metrics->told_time = metrics->pending_time;
	metrics->pending_time = 0;
}

/* ---- rows ---------------------------------------------------------------- */

static void note_rows(struct otlp_ledger *ledger, const struct otlp_metrics_look *look,
		      unsigned kind, uint64_t time)
{
	uint32_t nr = snp_snapshot_rows_nr(look->snap, kind);

	for (uint32_t i = 0; i < nr; i++) {
		const struct snp_row *row = snp_snapshot_row(look->snap, kind, i);

		if (row || kind == SNP_ROW_PROC)
			ledger->rows[kind].list[i] = (struct otlp_ledger_row){
			    .uid = otlp_row_uid(row),
			    .told = time,
			    .gone = look->ended || (row && row->tombstone),
			};
	}
}

/* ---- counts that must be remembered -------------------------------------- */

static bool is_remembered(const struct otlp_metrics *metrics,
			  const struct otlp_instrument *it, uint32_t rows)
{
	return otlp_is_count(it) && it->values > 0 && rows > 0 &&
	       (it->delta ||
		!otlp_has_own_point(metrics, it, rows - 1, it->values - 1));
}

static int reserve(struct otlp_metrics *metrics, const struct snp_snapshot *snap)
{
	struct otlp_ledger *told = &metrics->told, *pending = &metrics->pending;
	int r = 0;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS && r == 0; kind++) {
		r = otlp_ledger_rows(told, kind, snp_snapshot_rows_nr(snap, kind));
		if (r == 0)
			r = otlp_ledger_rows(pending, kind, told->rows[kind].nr);
	}
	for (size_t i = 0; i < metrics->instruments_nr && r == 0; i++) {
		const struct otlp_instrument *it = &metrics->instruments[i];
		uint32_t rows = snp_snapshot_rows_nr(snap, it->metric->row_kind);
		size_t block = block_of(it->metric);

		if (!is_remembered(metrics, it, rows))
			continue;
		r = otlp_ledger_counts(told, i, block, rows);
		if (r == 0)
			r = otlp_ledger_counts(pending, i, block, told->counts[i].rows);
	}
	return r;
}

/* What was counted before the first look belongs to nobody we know. */
static void begin(struct otlp_metrics *metrics, const struct otlp_metrics_look *look,
		  uint64_t time)
{
	struct snp_series_iter it;
	struct snp_series series;

	metrics->began = time;
	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		note_rows(&metrics->told, look, kind, time);
	for (size_t i = 0; i < metrics->instruments_nr; i++) {
		const struct snp_metric *metric = metrics->instruments[i].metric;
		size_t nr = otlp_value_words(metric);

		if (!otlp_ledger_carried(&metrics->told, i))
			continue;
		snp_series_iter_init(&it, look->snap, metric);
		snp_series_iter_bare(&it);
		while (snp_series_next(&it, &series)) {
			uint64_t *base = otlp_ledger_of(&metrics->told, i, series.row);
			const uint64_t *words = otlp_words_of(&series);

			if (words)
				memcpy(base + series.cell * nr, words,
				       nr * sizeof(*base));
		}
	}
}

/* ---- the request ---------------------------------------------------------- */

/* One scope of one resource around the metrics; NULL when there is no memory. */
static const pb_request *new_request(struct otlp_metrics *metrics, otlp_metric **list,
				     size_t nr)
{
	struct envelope {
		pb_request request;
		pb_resource_metrics resource, *resources[1];
		pb_scope_metrics scope, *scopes[1];
	} *e = otlp_alloc(&metrics->maker, 1, sizeof(*e));
	otlp_scope *scope = otlp_scope_new(&metrics->maker);

	if (!e || !scope)
		return NULL;
	opentelemetry__proto__metrics__v1__scope_metrics__init(&e->scope);
	e->scope.scope = scope;
	e->scope.schema_url = otlp_unconst(metrics->origin.schema_url);
	e->scope.metrics = list;
	e->scope.n_metrics = nr;
	e->scopes[0] = &e->scope;
	opentelemetry__proto__metrics__v1__resource_metrics__init(&e->resource);
	e->resource.resource = (void *)(size_t)metrics->origin.resource;
	e->resource.schema_url = otlp_unconst(metrics->origin.schema_url);
	e->resource.scope_metrics = e->scopes;
	e->resource.n_scope_metrics = 1;
	e->resources[0] = &e->resource;
	opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__init(
	    &e->request);
	e->request.resource_metrics = e->resources;
	e->request.n_resource_metrics = 1;
	return &e->request;
}

static int prepare(struct otlp_metrics *metrics, const struct otlp_metrics_look *look,
		   uint64_t time)
{
	int r = reserve(metrics, look->snap);

	if (r < 0)
		return r;
	if (metrics->began == 0)
		begin(metrics, look, time);
	otlp_ledger_copy(&metrics->pending, &metrics->told);
	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		note_rows(&metrics->pending, look, kind, time);
	if (metrics->exemplars)
		snp_exemplars_look(metrics->exemplars, metrics->seg, look->snap);
	metrics->last_time = metrics->pending_time = time;
	return 0;
}

int otlp_metrics_collect(struct otlp_metrics *metrics,
			 const struct otlp_metrics_look *look,
			 struct otlp_batch *ret_batch)
{
	/* Intervals are not empty and do not overlap, whatever the clock does. */
	uint64_t time =
	    look->now.ns > metrics->last_time ? look->now.ns : metrics->last_time + 1;
	const pb_request *request;
	size_t nr = 0, items = 0;
	otlp_metric **list;
	int r = prepare(metrics, look, time);

	if (r < 0)
		return r;
	otlp_maker_reset(&metrics->maker);
	list =
	    otlp_alloc(&metrics->maker, metrics->instruments_nr, sizeof(otlp_metric *));
	for (size_t i = 0; i < metrics->instruments_nr && !metrics->maker.failed; i++) {
		struct otlp_drawing d = {
		    .metrics = metrics,
		    .look = look,
		    .time = time,
		    .index = i,
		    .instrument = &metrics->instruments[i],
		};

		if (d.instrument->values > 0)
			otlp_draw(&d);
		if (d.nr > 0) /* an empty metric must not be sent */
			list[nr++] = otlp_drawing_metric(&d);
		items += d.nr;
	}
	if (nr == 0)
		return metrics->maker.failed ? -ENOMEM : 0;
	request = new_request(metrics, list, nr);
	if (metrics->maker.failed)
		return -ENOMEM;
	*ret_batch = (struct otlp_batch){
	    .signal = OTLP_METRICS, .request = &request->base, .items = items};
	return 1;
}
