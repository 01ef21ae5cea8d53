/* SPDX-License-Identifier: Apache-2.0 */
/* For people: grouped, aligned, times as dates; safe on a terminal whatever names hold.
 */
#include <string.h>

#include "filter.h"
#include "model/number.h"
#include "model/value.h"
#include "render_text.h"
#include "model/terminal.h"

#define NAME_WIDTH 24

/* A blank line to what stands before. */
static void put_gap(struct snp_buf *out)
{
	if (out->len > 0)
		snp_buf_putc(out, '\n');
}

static void put_facts(const struct report *report, struct snp_buf *out)
{
	const char *group = "";

	for (size_t i = 0; i < report->facts_nr; i++) {
		const struct report_fact *fact = &report->facts[i];

		if (!filter_shows_fact(report, fact))
			continue;
		if (strcmp(group, fact->group) != 0) {
			snp_buf_printf(out, "%s%s\n", *group ? "\n" : "", fact->group);
			group = fact->group;
		}
		snp_buf_printf(out, "  %-*s", NAME_WIDTH, fact->name);
		if (fact->type == REPORT_TEXT)
			snp_terminal_put(out, fact->text);
		else if (fact->type == REPORT_NUMBER)
			snp_buf_u64(out, fact->number);
		else
			render_text_date(out, fact->number);
		snp_buf_putc(out, '\n');
	}
}

/* ---- rows ---------------------------------------------------------------- */

/* The end of a row's line. */
static void put_retired(const struct report *report, const struct snp_row *row,
			struct snp_buf *out)
{
	if (row->tombstone) {
		snp_buf_puts(out, "  retired ");
		render_text_date(out,
				 snp_snapshot_wall(report->snap, row->retired_mono).ns);
		snp_buf_puts(out, " (");
		snp_terminal_put(out, row->retire_reason);
		snp_buf_putc(out, ')');
	}
	snp_buf_putc(out, '\n');
}

static void put_pools(const struct report *report, struct snp_buf *out)
{
	uint32_t nr = snp_snapshot_rows_nr(report->snap, SNP_ROW_POOL);

	if (!filter_shows_rows(report, SNP_ROW_POOL))
		return;
	put_gap(out);
	snp_buf_puts(out, "pools\n");
	for (uint32_t i = 0; i < nr; i++) {
		const struct snp_row *row =
		    snp_snapshot_row(report->snap, SNP_ROW_POOL, i);

		if (!row || !filter_shows_row(report, SNP_ROW_POOL, row))
			continue;
		snp_buf_puts(out, "  ");
		snp_terminal_put(out, row->name);
		snp_buf_puts(out, "  ");
		snp_terminal_put(out, row->adapter);
		put_retired(report, row, out);
	}
}

static void put_worker(const struct report *report, const struct snp_row *row,
		       struct snp_buf *out)
{
	unsigned status = snp_snapshot_worker_status(report->snap, row->index);

	snp_buf_puts(out, "  ");
	snp_terminal_put(out, row->pool_name);
	snp_buf_printf(out, "/%u", row->slot);
	if (row->incarnation)
		snp_buf_printf(out, "#%llu", (unsigned long long)row->incarnation);
	snp_buf_puts(out, "  ");
	render_text_enum(report, out, SNP_ENUM_TABLE_WORKER_STATUS, status);
	if (row->pid)
		snp_buf_printf(out, "  pid %d", (int)row->pid);
	if (*row->python) {
		snp_buf_puts(out, "  python ");
		snp_terminal_put(out, row->python);
	}
	if (*row->last_exit_reason) {
		snp_buf_puts(out, "  last exit ");
		snp_terminal_put(out, row->last_exit_reason);
		snp_buf_printf(out, " (%u)", row->last_exit_status);
	}
	put_retired(report, row, out);
	if (*row->last_error) {
		snp_buf_puts(out, "    ");
		snp_terminal_put(out, row->last_error);
		snp_buf_putc(out, '\n');
	}
}

static void put_workers(const struct report *report, struct snp_buf *out)
{
	uint32_t nr = snp_snapshot_rows_nr(report->snap, SNP_ROW_WORKER);

	if (!filter_shows_rows(report, SNP_ROW_WORKER))
		return;
	put_gap(out);
	snp_buf_puts(out, "workers\n");
	for (uint32_t i = 0; i < nr; i++) {
		const struct snp_row *row =
		    snp_snapshot_row(report->snap, SNP_ROW_WORKER, i);

		if (row && filter_shows_row(report, SNP_ROW_WORKER, row))
			put_worker(report, row, out);
	}
}

/* ---- metrics ------------------------------------------------------------- */

/* Of a histogram; where it is not of time, 10^9 are one. */
static void put_size(const struct snp_metric *metric, uint64_t ns, struct snp_buf *out)
{
	if (strcmp(metric->unit, "s") == 0)
		render_text_duration(out, ns);
	else
		snp_buf_printf(out, "%.3g", (double)ns / (double)SNP_NS_PER_S);
}

static void put_histogram(const struct snp_series *series, struct snp_buf *out)
{
	const struct snp_metric *metric = series->metric;

	snp_buf_puts(out, "count ");
	snp_buf_u64(out, snp_hist_count(metric, series->hist));
	snp_buf_puts(out, "  sum ");
	put_size(metric, report_hist_sum(series), out);
	for (size_t i = 0; i < REPORT_QUANTILES_NR; i++) {
		snp_buf_printf(out, "  %s ", report_quantiles[i].name);
		put_size(
		    metric,
		    snp_hist_quantile_ns(metric, series->hist, report_quantiles[i].q),
		    out);
	}
}

static void put_scalar(const struct report *report, const struct snp_series *series,
		       struct snp_buf *out)
{
	const struct snp_metric *metric = series->metric;
	char text[SNP_NUMBER_BYTES];

	if (metric->kind == SNP_KIND_STATE && series->value < metric->enum_values_nr)
		snp_terminal_put(out, metric->enum_values[series->value]);
	else if (metric->vtype == SNP_VT_REAL_NS)
		render_text_date(out, series->value);
	else if (metric->vtype == SNP_VT_MONO_NS)
		render_text_date(
		    out,
		    snp_snapshot_wall(report->snap, (snp_mono_t){series->value}).ns);
	else
		snp_buf_put(out, text, snp_value_text(text, report->snap, series));
}

static void put_metric(const struct report *report, const struct snp_metric *metric,
		       struct snp_buf *out)
{
	struct snp_series_iter it;
	struct snp_series series;
	size_t start;

	if (!filter_shows_metric(report, metric))
		return;
	put_gap(out);
	snp_terminal_put(out, metric->name);
	snp_buf_printf(out, "  %s, ", snp_metric_kind_name(metric));
	snp_terminal_put(out, metric->unit);
	snp_buf_puts(out, "\n  # ");
	snp_terminal_put(out, metric->help);
	snp_buf_putc(out, '\n');
	snp_series_iter_init(&it, report->snap, metric);
	while (snp_series_next(&it, &series)) {
		if ((metric->kind == SNP_KIND_HISTOGRAM && !series.hist) ||
		    !filter_shows_series(report, &series))
			continue;
		snp_buf_puts(out, "  ");
		start = out->len;
		report_put_labels(out, &series);
		if (out->len > start)
			snp_buf_puts(out, "  ");
		if (metric->kind == SNP_KIND_HISTOGRAM)
			put_histogram(&series, out);
		else
			put_scalar(report, &series, out);
		snp_buf_putc(out, '\n');
	}
}

/* ---- all ----------------------------------------------------------------- */

void render_text(const struct report *report, struct snp_buf *out)
{
	size_t metrics_nr = snp_snapshot_metrics_nr(report->snap);

	if (!(report->parts & REPORT_ALONE)) {
		put_facts(report, out);
		put_pools(report, out);
		put_workers(report, out);
		for (size_t i = 0; i < metrics_nr; i++)
			put_metric(report, snp_snapshot_metric(report->snap, i), out);
	}
	render_text_records(report, out);
}
