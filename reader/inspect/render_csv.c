/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 4180 with a header line, LF line ends: name,labels,field,value,unit. Facts have
 * no labels; a scalar has the one field "value", a histogram several. Name and labels
 * put together are a selector for --field.
 *
 * A large segment has a hundred thousand lines that differ in little: the labels of a
 * row are the same for all metrics with the same keys, and what stands around them is
 * the same for all rows. Both are prepared once, and a line is put together from them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "model/csv.h"
#include "model/number.h"
#include "model/value.h"
#include "report.h"
#include "selector.h"

#define DRAIN_BYTES ((size_t)64 << 10) /* stays in the processor's cache */

/* ---- what lines are made of ---------------------------------------------- */

/* A piece of csv->text, which may move. */
struct piece {
	size_t at;
	uint32_t len;
	bool there, quoted; /* quoted: the column it is in needs quotes */
};

/* Labels of the rows of a kind for one choice of keys: "\"{pool=a,worker=0". */
struct row_labels {
	unsigned kind, keys_nr;
	const char *keys[SNP_LABELS_MAX];
	struct piece names[SNP_LABELS_MAX]; /* "{pool=", ",worker=" */
	bool plain; /* none of the keys needs quotes or escapes */
	struct piece *rows;
};
#define ROW_LABELS_MAX 16

struct csv {
	const struct report *report;
	struct snp_buf *out;
	int fd;
	int error; /* negative errno: nothing more is of use */
	struct snp_buf text, scratch;
	struct row_labels sets[ROW_LABELS_MAX];
	size_t sets_nr;
};

enum { /* fields of a histogram */
       FIELD_COUNT,
       FIELD_SUM,
       FIELD_QUANTILE, /* the first of them */
       FIELDS_MAX = FIELD_QUANTILE + REPORT_QUANTILES_NR,
};

/* What the lines of a metric have in common. */
struct lines {
	struct piece head; /* "name," */
	/* Between the labels of the row and the value: ",state=idle}\",value,"; by
	 * cell, field, and whether the row's labels need quotes. */
	struct piece *tails;
	unsigned fields_nr;
	struct piece units[FIELDS_MAX]; /* ",unit\n", by field */
	size_t room;			/* for all of a line but the row's labels */
};

/* What has been put behind `at`; behind that is room for snp_put_short(). */
static struct piece piece_since(struct csv *csv, size_t at)
{
	(void)snp_buf_reserve(&csv->text, SNP_SHORT_BYTES);
	return (struct piece){
	    .at = at, .len = (uint32_t)(csv->text.len - at), .there = true};
}

static inline char *put_piece(char *to, const struct csv *csv,
			      const struct piece *piece)
{
	return snp_put_short(to, csv->text.data + piece->at, piece->len);
}

/* ---- labels -------------------------------------------------------------- */

static bool has_cell_label(const struct snp_metric *metric)
{
	return metric->enum_values && metric->kind != SNP_KIND_STATE;
}

/* How many of the labels are the row's; the cell's is behind them. */
static unsigned row_labels_nr(const struct snp_series *series)
{
	return series->labels_nr - has_cell_label(series->metric);
}

/* What comes before a row's label, or the cell's behind `nr` of the row's. */
static char opening(unsigned nr)
{
	return nr > 0 ? ',' : '{';
}

/* name=value and what comes before it; whether the column needs quotes for it. */
static bool put_label(struct csv *csv, char before, const char *name, const char *value)
{
	struct snp_buf *to = &csv->scratch;

	snp_buf_reset(to);
	snp_buf_putc(to, before);
	snp_buf_puts(to, name);
	snp_buf_putc(to, '=');
	selector_put_value(to, value);
	csv->text.failed |= to->failed;
	if (to->failed)
		return false;
	snp_csv_put_escaped(&csv->text, to->data, to->len);
	return snp_csv_needs_quotes(to->data, to->len);
}

/* The same for a name that is prepared, and a value that can stand as it is. */
static bool put_plain_label(struct csv *csv, const struct piece *name,
			    const char *value, size_t len)
{
	char *to = snp_buf_reserve(&csv->text, name->len + len);

	if (!to)
		return false;
	/* Not put_piece(): the name may end right here, and copies must not overlap. */
	memcpy(to, csv->text.data + name->at, name->len);
	memcpy(to + name->len, value, len);
	snp_buf_commit(&csv->text, name->len + len);
	return name->quoted;
}

static struct piece row_piece(struct csv *csv, const struct row_labels *set,
			      const struct snp_series *series)
{
	size_t at = csv->text.len;
	bool quoted = false;
	struct piece piece;

	snp_buf_putc(&csv->text, '"');
	for (unsigned i = 0; i < set->keys_nr; i++) {
		const char *value = series->labels[i].value;
		size_t len = set->plain ? selector_plain_len(value) : 0;

		quoted |= len > 0 ? put_plain_label(csv, &set->names[i], value, len)
				  : put_label(csv, opening(i), set->keys[i], value);
	}
	piece = piece_since(csv, at);
	piece.quoted = quoted;
	return piece;
}

static bool same_keys(const struct row_labels *set, const struct snp_series *series)
{
	if (set->kind != series->metric->row_kind ||
	    set->keys_nr != row_labels_nr(series))
		return false;
	for (unsigned i = 0; i < set->keys_nr; i++)
		if (set->keys[i] != series->labels[i].prom_name)
			return false;
	return true;
}

static void prepare_names(struct csv *csv, struct row_labels *set)
{
	for (unsigned i = 0; i < set->keys_nr; i++) {
		size_t at = csv->text.len;

		set->plain &= selector_plain_len(set->keys[i]) > 0;
		snp_buf_putc(&csv->text, opening(i));
		snp_buf_puts(&csv->text, set->keys[i]);
		snp_buf_putc(&csv->text, '=');
		set->names[i] = piece_since(csv, at);
		set->names[i].quoted = i > 0; /* for its comma */
	}
}

/* The labels for the keys of a metric, by row, some of them perhaps known already. NULL
 * when there is no memory for them. */
static struct row_labels *find_set(struct csv *csv, const struct snp_series *series)
{
	struct row_labels *set = csv->sets;
	unsigned kind = series->metric->row_kind;

	for (; set < csv->sets + csv->sets_nr; set++)
		if (same_keys(set, series))
			return set;
	if (csv->sets_nr < ROW_LABELS_MAX)
		csv->sets_nr++;
	else /* no schema of ours has so many */
		set = csv->sets;
	free(set->rows);
	*set = (struct row_labels){
	    .kind = kind, .keys_nr = row_labels_nr(series), .plain = true};
	for (unsigned i = 0; i < set->keys_nr; i++)
		set->keys[i] = series->labels[i].prom_name;
	prepare_names(csv, set);
	set->rows =
	    calloc(snp_snapshot_rows_nr(csv->report->snap, kind), sizeof(*set->rows));
	return set->rows ? set : NULL;
}

/* ---- what the lines of a metric share ------------------------------------ */

static const char *field_name(const struct snp_metric *metric, unsigned field)
{
	if (metric->kind != SNP_KIND_HISTOGRAM)
		return "value";
	switch (field) {
	case FIELD_COUNT:
		return "count";
	case FIELD_SUM:
		return "sum";
	default:
		return report_quantiles[field - FIELD_QUANTILE].name;
	}
}

/* Of a histogram the parts have units of their own. */
static const char *field_unit(const struct snp_metric *metric, unsigned field)
{
	if (metric->kind != SNP_KIND_HISTOGRAM)
		return metric->unit;
	return field == FIELD_COUNT ? "1" : "s";
}

static struct piece tail_piece(struct csv *csv, const struct snp_series *first,
			       uint32_t cell, unsigned field, bool quoted)
{
	const struct snp_metric *metric = first->metric;
	size_t at = csv->text.len;
	struct piece piece;

	if (has_cell_label(metric))
		quoted |= put_label(csv, opening(row_labels_nr(first)),
				    metric->enum_prom_name, metric->enum_values[cell]);
	if (first->labels_nr > 0)
		snp_buf_putc(&csv->text, '}');
	if (quoted)
		snp_buf_putc(&csv->text, '"');
	snp_buf_putc(&csv->text, ',');
	snp_buf_puts(&csv->text, field_name(metric, field));
	snp_buf_putc(&csv->text, ',');
	piece = piece_since(csv, at);
	piece.quoted = quoted;
	return piece;
}

static struct piece unit_piece(struct csv *csv, const struct snp_metric *metric,
			       unsigned field)
{
	size_t at = csv->text.len;

	snp_buf_putc(&csv->text, ',');
	snp_csv_put(&csv->text, field_unit(metric, field));
	snp_buf_putc(&csv->text, '\n');
	return piece_since(csv, at);
}

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Of a metric whose first series this is; false when there is no memory. */
static bool lines_init(struct csv *csv, const struct snp_series *first,
		       struct lines *lines)
{
	const struct snp_metric *metric = first->metric;
	size_t at = csv->text.len, longest_tail = 0, longest_unit = 0, tails_nr;

	*lines = (struct lines){
	    .fields_nr = metric->kind == SNP_KIND_HISTOGRAM ? FIELDS_MAX : 1};
	tails_nr = (size_t)metric->cells * lines->fields_nr * 2;
	lines->tails = calloc(tails_nr, sizeof(*lines->tails));
	if (!lines->tails)
		return false;
	snp_csv_put(&csv->text, metric->name);
	snp_buf_putc(&csv->text, ',');
	lines->head = piece_since(csv, at);
	for (size_t i = 0; i < tails_nr; i++) {
		lines->tails[i] =
		    tail_piece(csv, first, (uint32_t)(i / 2 / lines->fields_nr),
			       (unsigned)(i / 2 % lines->fields_nr), i % 2 != 0);
		longest_tail = max(longest_tail, lines->tails[i].len);
	}
	for (unsigned i = 0; i < lines->fields_nr; i++) {
		lines->units[i] = unit_piece(csv, metric, i);
		longest_unit = max(longest_unit, lines->units[i].len);
	}
	lines->room = lines->head.len + longest_tail + SNP_NUMBER_BYTES + longest_unit +
		      SNP_SHORT_BYTES;
	return true;
}

/* ---- lines --------------------------------------------------------------- */

static size_t put_value(char *to, const struct csv *csv,
			const struct snp_series *series, unsigned field)
{
	const struct snp_metric *metric = series->metric;

	if (metric->kind != SNP_KIND_HISTOGRAM)
		return snp_value_text(to, csv->report->snap, series);
	switch (field) {
	case FIELD_COUNT:
		return snp_number_u64(to, snp_hist_count(metric, series->hist));
	case FIELD_SUM:
		return snp_number_seconds(to, report_hist_sum(series));
	default:
		return snp_number_seconds(
		    to,
		    snp_hist_quantile_ns(metric, series->hist,
					 report_quantiles[field - FIELD_QUANTILE].q));
	}
}

static void put_line(struct csv *csv, const struct lines *lines,
		     const struct piece *row, const struct snp_series *series,
		     unsigned field)
{
	const struct piece *tail =
	    &lines->tails[(series->cell * lines->fields_nr + field) * 2 + row->quoted];
	char *start = snp_buf_reserve(csv->out, lines->room + row->len);
	const size_t skip = !tail->quoted; /* the quote that the row's begin with */
	char *to;

	if (!start)
		return;
	to = put_piece(start, csv, &lines->head);
	to = snp_put_short(to, csv->text.data + row->at + skip, row->len - skip);
	to = put_piece(to, csv, tail);
	to += put_value(to, csv, series, field);
	to = put_piece(to, csv, &lines->units[field]);
	snp_buf_commit(csv->out, (size_t)(to - start));
}

static void put_series(struct csv *csv, const struct lines *lines,
		       const struct piece *row, const struct snp_series *series)
{
	if (series->metric->kind == SNP_KIND_HISTOGRAM && !report_has_words(series))
		return;
	for (unsigned field = 0; field < lines->fields_nr; field++)
		put_line(csv, lines, row, series, field);
	if (csv->out->len >= DRAIN_BYTES && csv->error == 0) {
		csv->error = snp_buf_write_fd(csv->out, csv->fd);
		snp_buf_reset(csv->out);
	}
}

/* ---- metrics ------------------------------------------------------------- */

static void put_metric(struct csv *csv, const struct snp_metric *metric)
{
	struct snp_series_iter it;
	struct snp_series series;
	struct row_labels *set;
	struct lines lines;

	snp_series_iter_init(&it, csv->report->snap, metric);
	snp_series_iter_bare(&it);
	if (!snp_series_next(&it, &series))
		return;
	snp_series_labels(csv->report->snap, &series);
	set = find_set(csv, &series);
	if (!set || !lines_init(csv, &series, &lines)) {
		csv->error = -ENOMEM;
		return;
	}
	do {
		struct piece *row = &set->rows[series.row];
		size_t at = csv->text.len;

		if (!filter_shows_series(csv->report, &series))
			continue;
		if (!row->there) {
			snp_series_labels(csv->report->snap, &series);
			*row = row_piece(csv, set, &series);
		}
		if (csv->text.failed)
			csv->error = -ENOMEM;
		else
			put_series(csv, &lines, row, &series);
		if (metric->kind == SNP_KIND_INFO) { /* no other has these labels */
			row->there = false;
			csv->text.len = at;
		}
	} while (csv->error == 0 && snp_series_next(&it, &series));
	free(lines.tails);
}

static void put_facts(const struct report *report, struct snp_buf *out)
{
	for (size_t i = 0; i < report->facts_nr; i++) {
		const struct report_fact *fact = &report->facts[i];

		if (!filter_shows_fact(report, fact))
			continue;
		snp_buf_printf(out, "%s.%s,,value,", fact->group, fact->name);
		if (fact->type == REPORT_TEXT)
			snp_csv_put(out, fact->text);
		else if (fact->type == REPORT_NUMBER)
			snp_buf_u64(out, fact->number);
		else
			snp_buf_seconds(out, fact->number);
		snp_buf_puts(out, fact->type == REPORT_SECONDS ? ",s\n" : ",\n");
	}
}

int render_csv(const struct report *report, struct snp_buf *out, int fd)
{
	struct csv csv = {.report = report, .out = out, .fd = fd};
	size_t metrics_nr = snp_snapshot_metrics_nr(report->snap);

	snp_buf_puts(out, "name,labels,field,value,unit\n");
	put_facts(report, out);
	for (size_t i = 0; i < metrics_nr && csv.error == 0; i++)
		put_metric(&csv, snp_snapshot_metric(report->snap, i));
	if (csv.text.failed)
		csv.error = -ENOMEM;
	for (size_t i = 0; i < csv.sets_nr; i++)
		free(csv.sets[i].rows);
	snp_buf_fini(&csv.text);
	snp_buf_fini(&csv.scratch);
	return csv.error;
}
