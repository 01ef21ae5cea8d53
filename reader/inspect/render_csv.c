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

#include "model/number.h"
#include "model/value.h"
#include "report.h"
#include "selector.h"

#define DRAIN_BYTES ((size_t)64 << 10) /* stays in the processor's cache */
#define SHORT_BYTES 64		       /* see put_bytes() */

/* ---- columns ------------------------------------------------------------- */

static bool needs_quotes(const char *text, size_t len)
{
	return len > 0 && (memchr(text, ',', len) || memchr(text, '"', len) ||
			   memchr(text, '\n', len) || memchr(text, '\r', len));
}

/* The inside of a quoted column. */
static void put_escaped(struct snp_buf *out, const char *text, size_t len)
{
	const char *quote;

	while (len > 0 && (quote = memchr(text, '"', len)) != NULL) {
		size_t run = (size_t)(quote - text) + 1;

		snp_buf_put(out, text, run);
		snp_buf_putc(out, '"');
		text += run;
		len -= run;
	}
	snp_buf_put(out, text, len);
}

static void put_column(struct snp_buf *out, const char *text)
{
	size_t len = strlen(text);

	if (!needs_quotes(text, len)) {
		snp_buf_put(out, text, len);
		return;
	}
	snp_buf_putc(out, '"');
	put_escaped(out, text, len);
	snp_buf_putc(out, '"');
}

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
	bool plain; /* and none of the keys needs quotes or escapes */
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

/* What the lines of a metric have in common. */
struct lines {
	struct piece head;   /* "name," */
	struct piece unit;   /* ",unit\n" */
	struct piece *cells; /* the end of the labels: ",state=idle}" or "}" */
	bool has_labels;
};

/* What has been put behind `at`; behind that is room for put_bytes(). */
static struct piece piece_since(struct csv *csv, size_t at)
{
	(void)snp_buf_reserve(&csv->text, SHORT_BYTES);
	return (struct piece){
	    .at = at, .len = (uint32_t)(csv->text.len - at), .there = true};
}

static bool has_cell_label(const struct snp_metric *metric)
{
	return metric->enum_values && metric->kind != SNP_KIND_STATE;
}

/* How many of the labels are the row's; the cell's is behind them. */
static unsigned row_labels_nr(const struct snp_series *series)
{
	return series->labels_nr - has_cell_label(series->metric);
}

/* name=value and what comes before it; whether the column needs quotes for it. */
static bool put_label(struct csv *csv, const char *before, const char *name,
		      bool name_is_plain, const char *value)
{
	const bool plain = name_is_plain && selector_is_plain(value);
	struct snp_buf *to = plain ? &csv->text : &csv->scratch;

	snp_buf_reset(&csv->scratch);
	snp_buf_puts(to, before);
	snp_buf_puts(to, name);
	snp_buf_putc(to, '=');
	if (plain) {
		snp_buf_puts(to, value);
		return *before == ',';
	}
	selector_put_value(to, value);
	csv->text.failed |= to->failed;
	if (to->failed)
		return false;
	put_escaped(&csv->text, to->data, to->len);
	return needs_quotes(to->data, to->len);
}

static struct piece row_piece(struct csv *csv, const struct row_labels *set,
			      const struct snp_series *series)
{
	size_t at = csv->text.len;
	bool quoted = false;
	struct piece piece;

	snp_buf_puts(&csv->text, "\"{");
	for (unsigned i = 0; i < row_labels_nr(series); i++)
		quoted |= put_label(csv, i > 0 ? "," : "", set->keys[i], set->plain,
				    series->labels[i].value);
	piece = piece_since(csv, at);
	piece.quoted = quoted;
	return piece;
}

static struct piece cell_piece(struct csv *csv, const struct snp_series *first,
			       uint32_t cell)
{
	const struct snp_metric *metric = first->metric;
	size_t at = csv->text.len;
	bool quoted = false;
	struct piece piece;

	if (has_cell_label(metric))
		quoted = put_label(csv, row_labels_nr(first) > 0 ? "," : "",
				   metric->enum_prom_name,
				   selector_is_plain(metric->enum_prom_name),
				   metric->enum_values[cell]);
	snp_buf_putc(&csv->text, '}');
	piece = piece_since(csv, at);
	piece.quoted = quoted;
	return piece;
}

/* Of a metric whose first series this is; false when there is no memory. */
static bool lines_init(struct csv *csv, const struct snp_series *first,
		       struct lines *lines)
{
	const struct snp_metric *metric = first->metric;
	size_t at = csv->text.len;

	lines->has_labels = first->labels_nr > 0;
	lines->cells = calloc(metric->cells, sizeof(*lines->cells));
	if (!lines->cells)
		return false;
	put_column(&csv->text, metric->name);
	snp_buf_putc(&csv->text, ',');
	lines->head = piece_since(csv, at);
	at = csv->text.len;
	snp_buf_putc(&csv->text, ',');
	put_column(&csv->text, metric->unit);
	snp_buf_putc(&csv->text, '\n');
	lines->unit = piece_since(csv, at);
	for (uint32_t i = 0; i < metric->cells; i++)
		lines->cells[i] = cell_piece(csv, first, i);
	return true;
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
	for (unsigned i = 0; i < set->keys_nr; i++) {
		set->keys[i] = series->labels[i].prom_name;
		set->plain &= selector_is_plain(set->keys[i]);
	}
	set->rows =
	    calloc(snp_snapshot_rows_nr(csv->report->snap, kind), sizeof(*set->rows));
	return set->rows ? set : NULL;
}

/* ---- lines --------------------------------------------------------------- */

/* Most pieces are short, and a copy of constant size is a few instructions where one of
 * any size is a call: so copy SHORT_BYTES and let the next piece overwrite what was too
 * much. Behind the end of csv->text and of a line is room for that. */
static char *put_bytes(char *to, const char *from, size_t len)
{
	if (len <= SHORT_BYTES)
		memcpy(to, from, SHORT_BYTES);
	else
		memcpy(to, from, len);
	return to + len;
}

static char *put_piece(char *to, const struct csv *csv, const struct piece *piece)
{
	return put_bytes(to, csv->text.data + piece->at, piece->len);
}

static char *put_labels(char *to, const struct csv *csv, const struct piece *row,
			const struct piece *cell)
{
	const bool quoted = row->quoted || cell->quoted;

	/* The first byte of the row's is the quote. */
	to = put_bytes(to, csv->text.data + row->at + !quoted, row->len - !quoted);
	to = put_piece(to, csv, cell);
	*to = '"';
	return to + quoted;
}

/* The name of a value with a comma on either side. */
struct field {
	char text[SHORT_BYTES];
	size_t len;
};
#define FIELD(name)                                                                    \
	{                                                                              \
		"," name ",", sizeof(name) + 1                                         \
	}

/* Everything before the value; the rest of the line has room when this has. NULL when
 * there is no memory. */
static char *begin_line(struct csv *csv, const struct lines *lines,
			const struct piece *row, const struct piece *cell,
			const struct field *field)
{
	char *to = snp_buf_reserve(csv->out, lines->head.len + row->len + cell->len +
						 1 + field->len + SNP_NUMBER_BYTES +
						 lines->unit.len + SHORT_BYTES);

	if (!to)
		return NULL;
	to = put_piece(to, csv, &lines->head);
	if (lines->has_labels)
		to = put_labels(to, csv, row, cell);
	return put_bytes(to, field->text, field->len);
}

static void end_line(struct csv *csv, const char *end)
{
	snp_buf_commit(csv->out, (size_t)(end - (csv->out->data + csv->out->len)));
}

static void put_scalar(struct csv *csv, const struct lines *lines,
		       const struct piece *row, const struct snp_series *series)
{
	static const struct field field = FIELD("value");
	char *to = begin_line(csv, lines, row, &lines->cells[series->cell], &field);

	if (!to)
		return;
	to += snp_value_text(to, csv->report->snap, series);
	end_line(csv, put_piece(to, csv, &lines->unit));
}

/* Of a histogram, whose parts have units of their own. */
static void put_seconds(struct csv *csv, const struct lines *lines,
			const struct piece *row, const struct snp_series *series,
			const struct field *field, uint64_t ns)
{
	char *to = begin_line(csv, lines, row, &lines->cells[series->cell], field);

	if (!to)
		return;
	to += snp_number_seconds(to, ns);
	memcpy(to, ",s\n", 3);
	end_line(csv, to + 3);
}

static void put_histogram(struct csv *csv, const struct lines *lines,
			  const struct piece *row, const struct snp_series *series)
{
	static const struct field count = FIELD("count"), sum = FIELD("sum");
	const struct snp_metric *metric = series->metric;
	char *to = begin_line(csv, lines, row, &lines->cells[series->cell], &count);

	if (!to)
		return;
	to += snp_number_u64(to, snp_hist_count(metric, series->hist));
	memcpy(to, ",1\n", 3);
	end_line(csv, to + 3);
	put_seconds(csv, lines, row, series, &sum, report_hist_sum(series));
	for (size_t i = 0; i < REPORT_QUANTILES_NR; i++) {
		struct field field;

		field.len = (size_t)snprintf(field.text, sizeof(field.text), ",%s,",
					     report_quantiles[i].name);
		put_seconds(
		    csv, lines, row, series, &field,
		    snp_hist_quantile_ns(metric, series->hist, report_quantiles[i].q));
	}
}

/* ---- metrics ------------------------------------------------------------- */

static void put_series(struct csv *csv, const struct lines *lines,
		       const struct piece *row, const struct snp_series *series)
{
	if (report_has_words(series))
		put_histogram(csv, lines, row, series);
	else if (series->metric->kind != SNP_KIND_HISTOGRAM)
		put_scalar(csv, lines, row, series);
	if (csv->out->len >= DRAIN_BYTES && csv->error == 0) {
		csv->error = snp_buf_write_fd(csv->out, csv->fd);
		snp_buf_reset(csv->out);
	}
}

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

		if (!row->there) {
			snp_series_labels(csv->report->snap, &series);
			*row = row_piece(csv, set, &series);
		}
		if (csv->text.failed)
			csv->error = -ENOMEM;
		else
			put_series(csv, &lines, row, &series);
	} while (csv->error == 0 && snp_series_next(&it, &series));
	free(lines.cells);
}

static void put_facts(const struct report *report, struct snp_buf *out)
{
	for (size_t i = 0; i < report->facts_nr; i++) {
		const struct report_fact *fact = &report->facts[i];

		snp_buf_printf(out, "%s.%s,,value,", fact->group, fact->name);
		if (fact->type == REPORT_TEXT)
			put_column(out, fact->text);
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
