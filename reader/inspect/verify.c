/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"
#include "model/terminal.h"

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
	snp_terminal_put(check->out, series->metric->name);
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
		snp_terminal_put(check->out, a->name);
		snp_buf_putc(check->out, '\n');
	}
}

/* ---- two looks ----------------------------------------------------------- */

/* Two copies of which neither value may be ahead of the other, or, of a writer that is
 * done, may differ. */
struct pair {
	const struct snp_snapshot *low, *high;
	const char *names[2]; /* what to call them */
	bool equal;	      /* they must not differ at all */
};

/* Whether the row is the same in both copies, so that its values compare. */
static bool same_row(const struct pair *pair, const struct snp_series *series)
{
	unsigned kind = series->metric->row_kind;
	const struct snp_row *low, *high;

	if (kind == SNP_ROW_PROC)
		return true;
	low = snp_snapshot_row(pair->low, kind, series->row);
	high = snp_snapshot_row(pair->high, kind, series->row);
	return low && high && low->uid == high->uid;
}

static void compare(struct check *check, const struct pair *pair,
		    const struct snp_series *series, uint64_t low, uint64_t high)
{
	if (pair->equal ? low == high : low <= high)
		return;
	fault_at(check, series);
	snp_buf_printf(check->out, "%s %" PRIu64 ", %s %" PRIu64 "\n", pair->names[0],
		       low, pair->names[1], high);
}

static void compare_series(struct check *check, const struct pair *pair,
			   const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	const uint64_t *low;

	if (!same_row(pair, series))
		return;
	if (metric->kind == SNP_KIND_HISTOGRAM) {
		low = snp_snapshot_hist(pair->low, metric, series->row, series->cell);
		for (uint32_t i = 0; low && series->hist && i < metric->nbuckets + 3;
		     i++)
			compare(check, pair, series, low[i], series->hist[i]);
	} else if (metric->kind == SNP_KIND_COUNTER || pair->equal) {
		compare(
		    check, pair, series,
		    snp_snapshot_value(pair->low, metric, series->row, series->cell),
		    series->value);
	}
}

static void check_pair(struct check *check, const struct pair *pair)
{
	struct snp_series_iter it;
	struct snp_series series;

	snp_series_iter_init(&it, pair->high, NULL);
	while (snp_series_next(&it, &series))
		compare_series(check, pair, &series);
}

/* A copy that the writer made after `before` was taken, if it still makes any within a
 * few of its intervals; else the last one it made. */
static int fresh_snap(struct snp_segment *seg, const struct snp_snapshot *before,
		      struct snp_snapshot **snap, struct snp_err *err)
{
	const struct timespec tick = {.tv_nsec = 5000000};
	snp_mono_t end = snp_mono_add_ms(
	    snp_mono_now(), 10 * snp_segment_info(seg)->heartbeat_interval_ms);
	int r;

	for (;;) {
		r = snp_segment_snapshot_from(seg, SNP_TIER_SNAP, snap, err);
		if (r < 0 || snp_snapshot_stats(*snap)->begin.ns >=
				 snp_snapshot_stats(before)->end.ns)
			return r;
		if (snp_segment_verdict(seg) != SNP_WRITER_ALIVE ||
		    snp_mono_now().ns >= end.ns)
			return 0;
		(void)nanosleep(&tick, NULL);
	}
}

/* The writer's own copy lies between what was there before it and what came after. */
static void check_tiers(struct check *check, struct snp_segment *seg,
			const struct snp_snapshot *snap)
{
	bool fresh = snp_snapshot_stats(snap)->begin.ns >=
		     snp_snapshot_stats(check->before)->end.ns;

	if (fresh)
		check_pair(check, &(struct pair){.low = check->before,
						 .high = snap,
						 .names = {"live", "then snap"}});
	check_pair(check, &(struct pair){.low = snap,
					 .high = check->after,
					 .names = {"snap", "then live"},
					 .equal = snp_segment_verdict(seg) ==
						  SNP_WRITER_CLOSED});
}

/* ---- rows ---------------------------------------------------------------- */

static void fault_of_row(struct check *check, const char *kind,
			 const struct snp_row *row, const char *what)
{
	check->faults++;
	snp_buf_printf(check->out, "fault: %s row %u: %s\n", kind, row->index, what);
}

struct uid {
	uint64_t uid;
	const char *kind;
	const struct snp_row *row;
};

static int by_uid(const void *a, const void *b)
{
	const struct uid *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static void check_row(struct check *check, const char *kind, const struct snp_row *row)
{
	if (row->uid == 0)
		fault_of_row(check, kind, row, "has no uid");
	if (row->tombstone && row->retired_mono.ns < row->born_mono.ns)
		fault_of_row(check, kind, row, "was retired before it was born");
	if (row->tombstone && !*row->retire_reason)
		fault_of_row(check, kind, row, "was retired without a reason");
}

static int check_rows(struct check *check)
{
	static const char *const kinds[SNP_ROW_KINDS] = {[SNP_ROW_POOL] = "pool",
							 [SNP_ROW_WORKER] = "worker",
							 [SNP_ROW_TOOL] = "tool"};
	struct uid *uids;
	size_t room = 1, nr = 0;

	for (unsigned kind = SNP_ROW_POOL; kind < SNP_ROW_KINDS; kind++)
		room += snp_snapshot_rows_nr(check->after, kind);
	uids = calloc(room, sizeof(*uids));
	if (!uids)
		return -ENOMEM;
	for (unsigned kind = SNP_ROW_POOL; kind < SNP_ROW_KINDS; kind++)
		for (uint32_t i = 0; i < snp_snapshot_rows_nr(check->after, kind);
		     i++) {
			const struct snp_row *row =
			    snp_snapshot_row(check->after, kind, i);

			if (!row)
				continue;
			check_row(check, kinds[kind], row);
			uids[nr++] = (struct uid){row->uid, kinds[kind], row};
		}
	qsort(uids, nr, sizeof(*uids), by_uid);
	for (size_t i = 1; i < nr; i++)
		if (uids[i].uid == uids[i - 1].uid)
			fault_of_row(check, uids[i].kind, uids[i].row,
				     "has the uid of another row");
	free(uids);
	return 0;
}

/* ---- values -------------------------------------------------------------- */

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
		if (series.metric->kind == SNP_KIND_HISTOGRAM)
			check_histogram(check, &series);
		else if (series.metric->kind == SNP_KIND_STATE)
			check_state(check, &series);
	}
}

/* ---- all ----------------------------------------------------------------- */

static void put_record_fault(void *user, const char *text)
{
	struct check *check = user;

	check->faults++;
	snp_buf_printf(check->out, "fault: %s\n", text);
}

static void put_ok(const struct check *check)
{
	uint64_t skipped = snp_snapshot_stats(check->after)->rows_skipped;

	snp_buf_printf(check->out, "ok: %zu metrics, %" PRIu64 " series",
		       snp_snapshot_metrics_nr(check->after), check->series);
	if (skipped)
		snp_buf_printf(check->out,
			       "; %" PRIu64 " rows were changing and not looked at",
			       skipped);
	snp_buf_putc(check->out, '\n');
}

static int check_all(struct check *check, struct snp_segment *seg,
		     const struct snp_snapshot *snap)
{
	check_names(check);
	check_series(check);
	check_pair(check, &(struct pair){.low = check->before,
					 .high = check->after,
					 .names = {"counted", "fell to"}});
	if (snap)
		check_tiers(check, seg, snap);
	(void)snp_segment_audit(seg, put_record_fault, check);
	return check_rows(check);
}

int verify(struct snp_segment *seg, const struct snp_snapshot *before,
	   struct snp_buf *out, struct snp_err *err)
{
	struct snp_snapshot *snap = NULL, *after = NULL;
	struct check check = {.before = before, .out = out};
	int r;

	r = fresh_snap(seg, before, &snap, err);
	if (r == -EAGAIN) /* it has made none yet */
		snp_snapshot_destroy(&snap);
	else if (r < 0)
		goto out;
	r = snp_segment_snapshot(seg, &after, err);
	if (r < 0)
		goto out;
	check.after = after;
	r = check_all(&check, seg, snap);
	if (r < 0) {
		(void)snp_err_set(err, r, "out of memory");
		goto out;
	}
	if (check.faults == 0)
		put_ok(&check);
	r = check.faults;
out:
	snp_snapshot_destroy(&snap);
	snp_snapshot_destroy(&after);
	return r;
}
