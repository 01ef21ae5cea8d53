/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include <stdio.h>
#include <string.h>

#include "cli/nearest.h"
#include "model/value.h"

enum field {
#define INSPECT_FIELD(field, kind, help) FIELD_##field,
#include "fields.def"
#undef INSPECT_FIELD
	FIELD_NR /* and from here on the labels */
};

static const struct {
	const char *name;
	enum snp_query_kind kind;
} fields[FIELD_NR] = {
#define INSPECT_FIELD(field, kind, help) {#field, SNP_QUERY_##kind},
#include "fields.def"
#undef INSPECT_FIELD
};

/* Some tables share a label; the first of them stands for it. */
static const char *const labels[SNP_ENUM_TABLE_NR] = {
#define SNP_ENUM_BEGIN(table, label) [SNP_ENUM_TABLE_##table] = (label),
#define SNP_ENUM_VALUE(table, id, text)
#define SNP_ENUM_END(table)
#include "enums.def"
#undef SNP_ENUM_BEGIN
#undef SNP_ENUM_VALUE
#undef SNP_ENUM_END
};

/* What a query is asked about; NULL: it has none. */
struct thing {
	const struct report *report;
	const struct report_fact *fact;
	const struct snp_series *series;
	unsigned row_kind; /* of `row` */
	const struct snp_row *row;
};

/* ---- words --------------------------------------------------------------- */

static struct snp_query_field find(const char *word)
{
	for (int id = 0; id < FIELD_NR; id++)
		if (strcmp(fields[id].name, word) == 0 ||
		    snp_query_is_short(fields[id].name, word))
			return (struct snp_query_field){id, fields[id].kind,
							fields[id].name};
	for (int i = SNP_ENUM_TABLE_NONE + 1; i < SNP_ENUM_TABLE_NR; i++)
		if (strcmp(labels[i], word) == 0)
			return (struct snp_query_field){FIELD_NR + i, SNP_QUERY_TEXT,
							labels[i]};
	return (struct snp_query_field){.id = -1};
}

static const char *nearest(const char *word)
{
	struct cli_nearest best = {.word = word};

	for (int id = 0; id < FIELD_NR; id++)
		cli_nearest_try(&best, fields[id].name);
	for (int i = SNP_ENUM_TABLE_NONE + 1; i < SNP_ENUM_TABLE_NR; i++)
		cli_nearest_try(&best, labels[i]);
	return best.best;
}

/* ---- values -------------------------------------------------------------- */

static struct snp_query_value nothing(void)
{
	return (struct snp_query_value){.known = false};
}

static struct snp_query_value text_of(const char *text)
{
	return (struct snp_query_value){.known = text && *text, .text = text};
}

static struct snp_query_value number_of(double number)
{
	return (struct snp_query_value){.known = true, .number = number};
}

static struct snp_query_value number_unless_0(uint64_t number)
{
	return number ? number_of((double)number) : nothing();
}

/* The label of the series' cell, where it is called so; NULL: it is not. */
static const char *cell_label(const struct snp_series *series, const char *label)
{
	const struct snp_metric *metric = series ? series->metric : NULL;

	if (!metric || !metric->enum_prom_name || metric->kind == SNP_KIND_STATE ||
	    strcmp(metric->enum_prom_name, label) != 0)
		return NULL;
	return metric->enum_values[series->cell];
}

static const char *name_of_state(const struct snp_metric *metric, uint64_t state)
{
	return state < metric->enum_values_nr ? metric->enum_values[state] : NULL;
}

static const char *state_of(const struct thing *thing)
{
	const struct snp_snapshot *snap = thing->report->snap;
	const struct snp_metric *metric;

	if (thing->series && thing->series->metric->kind == SNP_KIND_STATE)
		return name_of_state(thing->series->metric, thing->series->value);
	if (thing->row_kind != SNP_ROW_WORKER)
		return NULL;
	metric = snp_snapshot_metric_find(snap, "snakepit.worker.state");
	if (!metric || metric->kind != SNP_KIND_STATE)
		return NULL;
	return name_of_state(metric,
			     snp_snapshot_value(snap, metric, thing->row->index, 0));
}

static struct snp_query_value worker_value(const struct thing *thing, int id)
{
	/* Of the one that a query has just asked for. */
	static _Thread_local char name[256];
	const struct snp_row *row = thing->row;
	const struct report *report = thing->report;

	if (thing->row_kind != SNP_ROW_WORKER)
		return nothing();
	switch (id) {
	case FIELD_worker:
		(void)snprintf(name, sizeof(name), "%s/%u", row->pool_name, row->slot);
		return text_of(name);
	case FIELD_slot:
		return number_of(row->slot);
	case FIELD_status:
		return text_of(
		    report_enum(report, SNP_ENUM_TABLE_WORKER_STATUS,
				snp_snapshot_worker_status(report->snap, row->index)));
	case FIELD_pid:
		return number_unless_0((uint32_t)row->pid);
	case FIELD_uptime_ns:
		if (row->pid == 0 || row->start_mono.ns == 0)
			return nothing();
		return number_of((double)report_age_ns(report, row->start_mono));
	case FIELD_incarnation:
		return number_of((double)row->incarnation);
	case FIELD_python:
		return text_of(row->python);
	case FIELD_last_exit:
		return text_of(row->last_exit_reason);
	case FIELD_last_exit_status:
		return *row->last_exit_reason ? number_of(row->last_exit_status)
					      : nothing();
	default:
		return nothing();
	}
}

static struct snp_query_value row_value(const struct thing *thing, int id)
{
	const struct snp_row *row = thing->row;

	if (!row)
		return nothing();
	switch (id) {
	case FIELD_pool:
		return text_of(row->pool_name);
	case FIELD_adapter:
		return text_of(thing->row_kind == SNP_ROW_POOL ? row->adapter : NULL);
	case FIELD_method:
		return text_of(thing->row_kind == SNP_ROW_TOOL ? row->name : NULL);
	case FIELD_retire_reason:
		return text_of(row->retire_reason);
	default:
		return worker_value(thing, id);
	}
}

static struct snp_query_value histogram_value(const struct snp_series *series, int id)
{
	static const double quantiles[] = {
	    [FIELD_p50_ns] = 0.5, [FIELD_p90_ns] = 0.9, [FIELD_p99_ns] = 0.99};
	const struct snp_metric *metric = series->metric;

	if (!report_has_words(series))
		return nothing();
	if (id == FIELD_count)
		return number_of((double)snp_hist_count(metric, series->hist));
	if (strcmp(metric->unit, "s") != 0)
		return nothing();
	if (id == FIELD_sum_ns)
		return number_of((double)report_hist_sum(series));
	return number_of(
	    (double)snp_hist_quantile_ns(metric, series->hist, quantiles[id]));
}

static struct snp_query_value series_value(const struct thing *thing, int id)
{
	const struct snp_series *series = thing->series;

	if (!series)
		return nothing();
	switch (id) {
	case FIELD_name:
		return text_of(series->metric->name);
	case FIELD_prometheus_name:
		return text_of(series->metric->prom_name);
	case FIELD_kind:
		return text_of(snp_metric_kind_name(series->metric));
	case FIELD_unit:
		return text_of(series->metric->unit);
	case FIELD_value:
		if (series->metric->kind == SNP_KIND_HISTOGRAM)
			return nothing();
		return number_of(snp_series_number(thing->report->snap, series));
	default:
		return histogram_value(series, id);
	}
}

static struct snp_query_value fact_value(const struct report_fact *fact, int id)
{
	/* Of the one that a query has just asked for. */
	static _Thread_local char name[64];

	if (id == FIELD_name) {
		(void)snprintf(name, sizeof(name), "%s.%s", fact->group, fact->name);
		return text_of(name);
	}
	if (id != FIELD_value || fact->type == REPORT_TEXT)
		return nothing();
	return number_of((double)fact->number /
			 (fact->type == REPORT_SECONDS ? (double)SNP_NS_PER_S : 1));
}

static struct snp_query_value get(const void *opaque, int id)
{
	const struct thing *thing = opaque;
	const char *label = cell_label(
	    thing->series, id < FIELD_NR ? fields[id].name : labels[id - FIELD_NR]);

	if (label)
		return text_of(label);
	if (id >= FIELD_NR)
		return nothing();
	if (thing->fact)
		return fact_value(thing->fact, id);
	if (id == FIELD_state)
		return text_of(state_of(thing));
	return id < FIELD_name ? row_value(thing, id) : series_value(thing, id);
}

const struct snp_query_terms filter_terms = {find, nearest, get};

/* ---- answers ------------------------------------------------------------- */

bool filter_shows_fact(const struct report *report, const struct report_fact *fact)
{
	const struct thing thing = {.report = report, .fact = fact};

	return !report->filter || snp_query_matches(report->filter, &thing);
}

bool filter_shows_row(const struct report *report, unsigned kind,
		      const struct snp_row *row)
{
	const struct thing thing = {.report = report, .row_kind = kind, .row = row};

	return !report->filter || snp_query_matches(report->filter, &thing);
}

bool filter_shows_series(const struct report *report, const struct snp_series *series)
{
	unsigned kind = series->metric->row_kind;
	struct thing thing = {.report = report, .series = series};

	if (!report->filter)
		return true;
	if (kind != SNP_ROW_PROC)
		thing.row = snp_snapshot_row(report->snap, kind, series->row);
	if (thing.row)
		thing.row_kind = kind;
	return snp_query_matches(report->filter, &thing);
}

bool filter_shows_rows(const struct report *report, unsigned kind)
{
	uint32_t nr = snp_snapshot_rows_nr(report->snap, kind);
	bool shows = !report->filter;

	for (uint32_t i = 0; i < nr && !shows; i++) {
		const struct snp_row *row = snp_snapshot_row(report->snap, kind, i);

		shows = row && filter_shows_row(report, kind, row);
	}
	return shows;
}

bool filter_shows_metric(const struct report *report, const struct snp_metric *metric)
{
	struct snp_series_iter it;
	struct snp_series series;
	bool shows = !report->filter;

	snp_series_iter_init(&it, report->snap, metric);
	snp_series_iter_bare(&it);
	while (!shows && snp_series_next(&it, &series))
		shows = filter_shows_series(report, &series);
	return shows;
}
