/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <stdbool.h>
#include <string.h>

#include "report.h"
#include "terminal.h"

struct check {
	const struct snp_snapshot *before, *after;
	struct snp_buf *out;
	int faults;
	uint64_t series;
};

/* Begin the line of a fault at a series. */
static void fault_at(struct check *check, const struct snp_series *series)
{
	check->faults++;
	snp_buf_puts(check->out, "fault: ");
	terminal_put(check->out, series->metric->name);
	report_put_labels(check->out, series);
	snp_buf_puts(check->out, ": ");
}

static void check_names(struct check *check)
{
	size_t nr = snp_snapshot_metrics_nr(check->after);

	for (size_t i = 0; i < nr; i++) {
		const struct snp_metric *a = snp_snapshot_metric(check->after, i);
		bool twice = false;

		for (size_t k = 0; k < i && !twice; k++) {
			const struct snp_metric *b =
			    snp_snapshot_metric(check->after, k);

			twice = strcmp(a->name, b->name) == 0 ||
				strcmp(a->prom_name, b->prom_name) == 0;
		}
		if (!twice && *a->name && *a->prom_name)
			continue;
		check->faults++;
		snp_buf_puts(check->out, twice ? "fault: metric declared twice: "
					       : "fault: metric without a name: ");
		terminal_put(check->out, a->name);
		snp_buf_putc(check->out, '\n');
	}
}

/* Whether the row is the same in both snapshots, so that its counters compare. */
static bool same_row(const struct check *check, const struct snp_series *series)
{
	unsigned kind = series->metric->row_kind;
	const struct snp_row *before, *after;

	if (kind == SNP_ROW_PROC)
		return true;
	before = snp_snapshot_row(check->before, kind, series->row);
	after = snp_snapshot_row(check->after, kind, series->row);
	return before && after && before->uid == after->uid;
}

static void check_counter(struct check *check, const struct snp_series *series)
{
	uint64_t before;

	if (!same_row(check, series))
		return;
	before = snp_snapshot_value(check->before, series->metric, series->row,
				    series->cell);
	if (before <= series->value)
		return;
	fault_at(check, series);
	snp_buf_printf(check->out, "counter fell from %llu to %llu\n",
		       (unsigned long long)before, (unsigned long long)series->value);
}

/* The sum is read before the buckets, so it may lag them but never lead: it is at most
 * what they hold, each observation at its bucket's upper bound. */
static void check_histogram(struct check *check, const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	long double most = 0;

	if (!series->hist) {
		fault_at(check, series);
		snp_buf_puts(check->out, "histogram without buckets\n");
		return;
	}
	if (series->hist[metric->nbuckets + 1] > 0)
		return; /* beyond the last bound there is no upper one */
	for (uint32_t i = 0; i <= metric->nbuckets; i++)
		most += (long double)series->hist[i] *
			(long double)(snp_hist_upper_ns(metric, i) + 1);
	if ((long double)report_hist_sum(series) <= most)
		return;
	fault_at(check, series);
	snp_buf_puts(check->out, "sum is more than its buckets can hold\n");
}

static void check_state(struct check *check, const struct snp_series *series)
{
	if (series->value < series->metric->enum_values_nr)
		return;
	fault_at(check, series);
	snp_buf_printf(check->out, "state %llu does not exist\n",
		       (unsigned long long)series->value);
}

static void check_series(struct check *check)
{
	struct snp_series_iter it;
	struct snp_series series;

	snp_series_iter_init(&it, check->after, NULL);
	while (snp_series_next(&it, &series)) {
		check->series++;
		if (series.metric->kind == SNP_KIND_COUNTER)
			check_counter(check, &series);
		else if (series.metric->kind == SNP_KIND_HISTOGRAM)
			check_histogram(check, &series);
		else if (series.metric->kind == SNP_KIND_STATE)
			check_state(check, &series);
	}
}

int verify(struct snp_segment *seg, const struct snp_snapshot *before,
	   struct snp_buf *out, struct snp_err *err)
{
	struct snp_snapshot *after = NULL;
	struct check check;
	unsigned skipped;
	int r;

	r = snp_segment_snapshot(seg, &after, err);
	if (r < 0) {
		snp_snapshot_destroy(&after);
		return r;
	}
	check = (struct check){.before = before, .after = after, .out = out};
	check_names(&check);
	check_series(&check);
	skipped = snp_snapshot_stats(after)->rows_skipped;
	if (check.faults == 0)
		snp_buf_printf(out, "ok: %zu metrics, %llu series",
			       snp_snapshot_metrics_nr(after),
			       (unsigned long long)check.series);
	if (check.faults == 0 && skipped)
		snp_buf_printf(out, "; %u rows were changing and not looked at",
			       skipped);
	if (check.faults == 0)
		snp_buf_putc(out, '\n');
	snp_snapshot_destroy(&after);
	return check.faults;
}
