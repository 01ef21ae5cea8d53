/* SPDX-License-Identifier: Apache-2.0 */
#include "flush.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/value.h"
#include "packer.h"

/* A word that follows when the datagram at hand has been sent. */
struct commit {
	uint64_t *told;
	uint64_t value;
};

struct flush {
	struct flush_options options;
	flush_send_fn *send;
	void *user;
	struct packer packer;
	struct snp_buf commits; /* struct commit, of the lines in the packer */
	uint64_t lines;		/* in the packer */
	struct snp_buf record;	/* at hand */
	struct format_series series;
	struct flush_result result;
	bool failed; /* memory ran out */
};

static const char *const latency_names[FLUSH_LATENCY_NR] = {
    [FLUSH_LATENCY_COUNTERS] = "counters",
    [FLUSH_LATENCY_TIMINGS] = "timings",
    [FLUSH_LATENCY_DISTRIBUTIONS] = "distributions",
};

const char *flush_latency_name(enum flush_latency latency)
{
	return latency_names[latency];
}

bool flush_latency_parse(const char *text, enum flush_latency *ret_latency)
{
	for (unsigned i = 0; i < FLUSH_LATENCY_NR; i++) {
		if (strcmp(text, latency_names[i]) == 0) {
			*ret_latency = (enum flush_latency)i;
			return true;
		}
	}
	return false;
}

int flush_create(const struct flush_options *options, flush_send_fn *send, void *user,
		 struct flush **ret_flush)
{
	struct flush *flush = calloc(1, sizeof(*flush));

	if (!flush)
		return -ENOMEM;
	flush->packer.max_bytes = options->datagram_bytes_max;
	flush->packer.data = malloc(options->datagram_bytes_max);
	if (!flush->packer.data) {
		free(flush);
		return -ENOMEM;
	}
	flush->options = *options;
	flush->send = send;
	flush->user = user;
	*ret_flush = flush;
	return 0;
}

void flush_destroy(struct flush **flush)
{
	if (!*flush)
		return;
	format_series_fini(&(*flush)->series);
	snp_buf_fini(&(*flush)->commits);
	snp_buf_fini(&(*flush)->record);
	free((*flush)->packer.data);
	free(*flush);
	*flush = NULL;
}

/* ---- datagrams ----------------------------------------------------------- */

static void write_down(const struct snp_buf *commits)
{
	struct commit commit;

	for (size_t at = 0; at < commits->len; at += sizeof(commit)) {
		memcpy(&commit, commits->data + at, sizeof(commit));
		*commit.told = commit.value;
	}
}

static void hand_over(struct flush *flush)
{
	int r;

	if (flush->packer.len == 0)
		return;
	/* Without its commits a datagram would be told twice. */
	r = flush->commits.failed
		? -ENOMEM
		: flush->send(flush->user, flush->packer.data, flush->packer.len);
	if (r == 0) {
		write_down(&flush->commits);
		flush->result.datagrams++;
		flush->result.lines += flush->lines;
	} else {
		flush->result.failed++;
		flush->result.error = r;
	}
	packer_reset(&flush->packer);
	snp_buf_reset(&flush->commits);
	flush->lines = 0;
}

/* The record at hand goes into a datagram; `told` becomes `value` with it (NULL: the
 * line leaves no trace). */
static void tell(struct flush *flush, uint64_t *told, uint64_t value)
{
	const struct commit commit = {told, value};
	enum packer_verdict verdict;

	if (flush->record.failed) {
		flush->failed = true;
		return;
	}
	verdict = packer_add(&flush->packer, flush->record.data, flush->record.len);
	if (verdict == PACKER_FULL) {
		hand_over(flush);
		verdict =
		    packer_add(&flush->packer, flush->record.data, flush->record.len);
	}
	if (verdict == PACKER_TOO_LONG) {
		flush->result.too_long++;
		return;
	}
	flush->lines++;
	if (told)
		snp_buf_put(&flush->commits, &commit, sizeof(commit));
}

static void put_record(struct flush *flush, const char *suffix,
		       const struct format_value *value)
{
	snp_buf_reset(&flush->record);
	format_line(&flush->record, &flush->series, suffix, value);
}

/* ---- counters ------------------------------------------------------------ */

/* Seconds are told in whole milliseconds, as some receivers take no fractions: with
 * both ends cut alike, what one flush leaves over comes with a later one. */
static bool is_time(const struct snp_metric *metric)
{
	return metric->unit_exp == -9 && strcmp(metric->unit, "s") == 0;
}

/* A word and what has been told of it, in units of `divisor`. One that fell is not ours
 * to explain: it is told again once it has passed where it was. */
static void tell_growth(struct flush *flush, const char *suffix, uint64_t now,
			uint64_t *told, uint64_t divisor)
{
	struct format_value value = {.type = FORMAT_COUNTER, .times = 1};
	uint64_t growth;

	if (now < *told)
		return;
	growth = now / divisor - *told / divisor;
	if (growth == 0 && !flush->options.send_zero)
		return;
	value.len = snp_number_u64(value.text, growth);
	put_record(flush, suffix, &value);
	tell(flush, told, now);
}

static void begin_series(struct flush *flush, const struct snp_series *series,
			 struct format_extra extra)
{
	format_series(&flush->series, &flush->options.format, series->metric->name,
		      series, extra);
}

static void tell_counter(struct flush *flush, const struct snp_series *series,
			 uint64_t *told)
{
	bool ms = is_time(series->metric);

	if (series->value == *told && !flush->options.send_zero)
		return;
	begin_series(flush, series, (struct format_extra){0});
	tell_growth(flush, ms ? "_ms" : "", series->value, told,
		    ms ? SNP_NS_PER_MS : 1);
}

/* ---- histograms ---------------------------------------------------------- */

enum { TOLD_COUNT, TOLD_SUM, TOLD_NR };

static void tell_totals(struct flush *flush, const struct snp_series *series,
			uint64_t told[TOLD_NR])
{
	const struct snp_metric *metric = series->metric;

	tell_growth(flush, ".count", snp_hist_count(metric, series->hist),
		    &told[TOLD_COUNT], 1);
	tell_growth(flush, is_time(metric) ? ".sum_ms" : ".sum",
		    series->hist[metric->nbuckets + 2], &told[TOLD_SUM],
		    is_time(metric) ? SNP_NS_PER_MS : SNP_NS_PER_S);
}

/* What stands for the observations of one bucket: half a bucket from each of them at
 * most; beyond the buckets, the edge is all that is known. */
static uint64_t middle_ns(const struct snp_metric *metric, uint32_t word)
{
	double middle;

	if (word == 0)
		return metric->zero_threshold_ns;
	if (word > metric->nbuckets)
		return snp_hist_upper_ns(metric, metric->nbuckets);
	middle = sqrt((double)snp_hist_upper_ns(metric, word - 1)) *
		 sqrt((double)snp_hist_upper_ns(metric, word));
	return middle < 0x1p63 ? (uint64_t)middle : UINT64_MAX;
}

static void tell_bucket(struct flush *flush, const struct snp_metric *metric,
			uint32_t word, uint64_t now, uint64_t *told)
{
	struct format_value value = {
	    .type = flush->options.latency == FLUSH_LATENCY_TIMINGS
			? FORMAT_TIMING
			: FORMAT_DISTRIBUTION,
	};

	if (now <= *told)
		return;
	value.times = now - *told;
	/* The rest comes with the next flush. */
	if (value.times > FORMAT_TIMES_MAX)
		value.times = FORMAT_TIMES_MAX;
	value.len = snp_number_decimal(value.text, middle_ns(metric, word),
				       is_time(metric) ? -6 : -9);
	put_record(flush, "", &value);
	tell(flush, told, *told + value.times);
}

/* Words of the ledger for a series. */
static uint32_t words_nr(const struct flush *flush, const struct snp_metric *metric)
{
	if (metric->kind != SNP_KIND_HISTOGRAM)
		return 1;
	return flush->options.latency == FLUSH_LATENCY_COUNTERS ? (uint32_t)TOLD_NR
								: metric->nbuckets + 2;
}

static void tell_histogram(struct flush *flush, const struct snp_series *series,
			   uint64_t *told)
{
	if (!series->hist)
		return;
	begin_series(flush, series, (struct format_extra){0});
	if (flush->options.latency == FLUSH_LATENCY_COUNTERS) {
		tell_totals(flush, series, told);
		return;
	}
	for (uint32_t i = 0; i < series->metric->nbuckets + 2; i++)
		tell_bucket(flush, series->metric, i, series->hist[i], &told[i]);
}

/* ---- gauges -------------------------------------------------------------- */

static void tell_gauge(struct flush *flush, const struct format_value *value)
{
	put_record(flush, "", value);
	tell(flush, NULL, 0);
}

static void tell_scalar(struct flush *flush, const struct snp_snapshot *snap,
			const struct snp_series *series)
{
	struct format_value value = {.type = FORMAT_GAUGE, .times = 1};

	if (series->metric->vtype == SNP_VT_F64 &&
	    !isfinite(snp_series_number(snap, series)))
		return;
	value.len = snp_value_text(value.text, snap, series);
	begin_series(flush, series, (struct format_extra){0});
	tell_gauge(flush, &value);
}

/* A gauge a state, 1 for the present one, as in the other exports. */
static void tell_states(struct flush *flush, const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	struct format_value value = {.type = FORMAT_GAUGE, .times = 1, .len = 1};

	for (uint32_t i = 0; i < metric->enum_values_nr; i++) {
		value.text[0] = series->value == i ? '1' : '0';
		begin_series(flush, series,
			     (struct format_extra){metric->enum_prom_name,
						   metric->enum_values[i]});
		tell_gauge(flush, &value);
	}
}

/* ---- a snapshot ---------------------------------------------------------- */

enum telling { TELL_NOT, TELL_COUNTER, TELL_HISTOGRAM, TELL_SCALAR, TELL_STATES };

static enum telling telling_of(const struct flush *flush,
			       const struct snp_metric *metric)
{
	if (metric->level > flush->options.level_max)
		return TELL_NOT;
	switch (metric->kind) {
	case SNP_KIND_COUNTER:
		return metric->vtype == SNP_VT_U64 &&
			       (metric->unit_exp == 0 || is_time(metric))
			   ? TELL_COUNTER
			   : TELL_NOT;
	case SNP_KIND_HISTOGRAM:
		return TELL_HISTOGRAM;
	case SNP_KIND_UPDOWN:
	case SNP_KIND_GAUGE:
	case SNP_KIND_TIMESTAMP:
		return TELL_SCALAR;
	case SNP_KIND_STATE:
		return TELL_STATES;
	default: /* labels alone, new ones with each process: no metric for StatsD */
		return TELL_NOT;
	}
}

/* Whether the series is of a row whose values describe nothing any more. */
static bool is_past(const struct snp_snapshot *snap, const struct snp_series *series,
		    enum flush_part part)
{
	const struct snp_row *row =
	    snp_snapshot_row(snap, series->metric->row_kind, series->row);

	if (series->metric->row_kind == SNP_ROW_PROC)
		return false;
	return part == FLUSH_LASTING || (row && row->tombstone);
}

static bool is_counted(enum telling telling)
{
	return telling == TELL_COUNTER || telling == TELL_HISTOGRAM;
}

static void tell_series(struct flush *flush, const struct snp_snapshot *snap,
			const struct snp_series *series, uint64_t *told)
{
	switch (telling_of(flush, series->metric)) {
	case TELL_COUNTER:
		tell_counter(flush, series, told);
		break;
	case TELL_HISTOGRAM:
		tell_histogram(flush, series, told);
		break;
	case TELL_STATES:
		tell_states(flush, series);
		break;
	case TELL_SCALAR:
		tell_scalar(flush, snap, series);
		break;
	case TELL_NOT:
		break;
	}
}

/* What to do with a series; `told` is NULL for what is not counted. */
typedef void visit_fn(struct flush *flush, const struct snp_snapshot *snap,
		      const struct snp_series *series, uint64_t *told);

static int visit_metric(struct flush *flush, const struct snp_snapshot *snap,
			struct ledger *ledger, size_t index, enum flush_part part,
			visit_fn *visit)
{
	const struct snp_metric *metric = snp_snapshot_metric(snap, index);
	bool counted = is_counted(telling_of(flush, metric));
	struct snp_series_iter it;
	struct snp_series series;
	uint64_t *told = NULL;

	snp_series_iter_init(&it, snap, metric);
	while (snp_series_next(&it, &series)) {
		if (counted) {
			told = ledger_words(ledger, index, snap, &series,
					    words_nr(flush, metric));
			if (!told)
				return -ENOMEM;
		} else if (is_past(snap, &series, part)) {
			continue;
		}
		visit(flush, snap, &series, told);
	}
	return 0;
}

static int visit_all(struct flush *flush, const struct snp_snapshot *snap,
		     struct ledger *ledger, enum flush_part part, visit_fn *visit)
{
	int r = 0;

	for (size_t i = 0; i < snp_snapshot_metrics_nr(snap) && r == 0; i++)
		if (telling_of(flush, snp_snapshot_metric(snap, i)) != TELL_NOT)
			r = visit_metric(flush, snap, ledger, i, part, visit);
	return r;
}

int flush_snapshot(struct flush *flush, const struct snp_snapshot *snap,
		   struct ledger *ledger, enum flush_part part)
{
	return visit_all(flush, snap, ledger, part, tell_series);
}

static void write_series_down(struct flush *flush, const struct snp_snapshot *snap,
			      const struct snp_series *series, uint64_t *told)
{
	const struct snp_metric *metric = series->metric;

	(void)snap;
	if (!told)
		return;
	if (metric->kind != SNP_KIND_HISTOGRAM) {
		*told = series->value;
	} else if (!series->hist) {
		return;
	} else if (flush->options.latency == FLUSH_LATENCY_COUNTERS) {
		told[TOLD_COUNT] = snp_hist_count(metric, series->hist);
		told[TOLD_SUM] = series->hist[metric->nbuckets + 2];
	} else {
		memcpy(told, series->hist, (metric->nbuckets + 2) * sizeof(*told));
	}
}

int flush_baseline(struct flush *flush, const struct snp_snapshot *snap,
		   struct ledger *ledger)
{
	return visit_all(flush, snap, ledger, FLUSH_LASTING, write_series_down);
}

/* ---- the whole ----------------------------------------------------------- */

void flush_begin(struct flush *flush)
{
	flush->result = (struct flush_result){0};
	flush->failed = false;
	flush->lines = 0;
	packer_reset(&flush->packer);
	snp_buf_reset(&flush->commits);
}

static void begin_own(struct flush *flush, const char *name)
{
	format_series(&flush->series, &flush->options.format, name, NULL,
		      (struct format_extra){0});
}

void flush_own_counter(struct flush *flush, const char *name, uint64_t value,
		       uint64_t *told)
{
	begin_own(flush, name);
	tell_growth(flush, "", value, told, 1);
}

void flush_own_gauge(struct flush *flush, const char *name, uint64_t value)
{
	struct format_value gauge = {.type = FORMAT_GAUGE, .times = 1};

	gauge.len = snp_number_u64(gauge.text, value);
	begin_own(flush, name);
	tell_gauge(flush, &gauge);
}

int flush_end(struct flush *flush, struct flush_result *ret_result)
{
	hand_over(flush);
	*ret_result = flush->result;
	return flush->failed ? -ENOMEM : 0;
}
