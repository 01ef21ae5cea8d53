/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "model/number.h"
#include "model/value.h"

/* A run of bytes in families->text, which moves while it grows. */
struct piece {
	uint32_t off, len;
};

struct text_lines {
	struct piece head, head_openmetrics;
	struct piece name; /* x{ ; without braces where there are no labels */
	struct piece created, sum, count; /* x_created{ ... */
	/* What stands between the labels of the row and the value: of a scalar by cell,
	 * of a state by state, of a histogram by bucket, the last being +Inf. */
	struct piece *tails;
	uint32_t tails_nr;
	uint32_t close_len; /* where there is nothing but what closes those labels */
	uint32_t *words;    /* histogram: buckets at or below each bound */
	size_t room;	    /* for a line, but for the row's labels */
	bool plain;	    /* a scalar without labels of its own */
	bool integers;
};

/* ` # {trace_id="",span_id=""} ` with ids and two numbers */
#define EXEMPLAR_BYTES (32 + 32 + 16 + 2 * SNP_NUMBER_BYTES)

void text_lines_destroy(struct text_lines *lines)
{
	if (!lines)
		return;
	free(lines->tails);
	free(lines->words);
	free(lines);
}

/* ---- preparing ----------------------------------------------------------- */

static uint32_t piece_begin(const struct snp_buf *text)
{
	return (uint32_t)text->len;
}

/* With the slack that snp_put_short() copies. */
static struct piece piece_end(struct snp_buf *text, uint32_t begin)
{
	(void)snp_buf_reserve(text, SNP_SHORT_BYTES);
	return (struct piece){begin, (uint32_t)text->len - begin};
}

static struct piece name_piece(struct snp_buf *text, const char *name, size_t len,
			       const char *suffix, bool labelled)
{
	uint32_t begin = piece_begin(text);

	snp_buf_put(text, name, len);
	snp_buf_puts(text, suffix);
	if (labelled)
		snp_buf_putc(text, '{');
	return piece_end(text, begin);
}

/* One more label behind those of the row, or none. */
static struct piece tail_piece(struct snp_buf *text, const char *name,
			       const char *value, bool labelled)
{
	uint32_t begin = piece_begin(text);

	if (name) {
		snp_buf_putc(text, labelled ? ',' : '{');
		expo_label(text, name, value);
	}
	snp_buf_puts(text, labels_close(name || labelled));
	return piece_end(text, begin);
}

/* Buckets 0..n-1 end at or below the bound: the only n there is, as they ascend. */
static uint32_t words_below(const struct snp_metric *metric, uint64_t bound_ns)
{
	uint32_t low = 0, high = metric->nbuckets + 1; /* never the overflow word */
	uint32_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (snp_hist_upper_ns(metric, middle) <= bound_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void prepare_bounds(struct text_lines *lines, struct snp_buf *text,
			   const struct snp_metric *metric, bool labelled)
{
	char number[SNP_NUMBER_BYTES];
	uint32_t i;

	for (i = 0; i < metric->bounds_nr; i++) {
		number[snp_number_bound(number, metric->bounds_ns[i])] = '\0';
		lines->tails[i] = tail_piece(text, "le", number, labelled);
		lines->words[i] = words_below(metric, metric->bounds_ns[i]);
	}
	lines->tails[i] = tail_piece(text, "le", "+Inf", labelled);
	lines->words[i] = metric->nbuckets + 2;
}

static void prepare_tails(struct text_lines *lines, struct snp_buf *text,
			  const struct snp_metric *metric, bool labelled)
{
	if (metric->kind == SNP_KIND_HISTOGRAM) {
		prepare_bounds(lines, text, metric, labelled);
		return;
	}
	for (uint32_t i = 0; i < lines->tails_nr; i++) {
		bool named = metric->enum_values && i < metric->enum_values_nr;

		lines->tails[i] =
		    tail_piece(text, named ? metric->enum_prom_name : NULL,
			       named ? metric->enum_values[i] : NULL, labelled);
	}
}

static void prepare_names(struct text_lines *lines, struct snp_buf *text,
			  const struct expo_family *as, bool labelled)
{
	size_t base = expo_base_len(as);
	uint32_t begin = piece_begin(text);

	expo_head_text(text, as);
	lines->head = piece_end(text, begin);
	begin = piece_begin(text);
	expo_head_openmetrics(text, as);
	lines->head_openmetrics = piece_end(text, begin);
	lines->name = name_piece(text, as->name, strlen(as->name),
				 as->type == EXPO_HISTOGRAM ? "_bucket" : "",
				 labelled || as->type == EXPO_HISTOGRAM);
	lines->created = name_piece(text, as->name, base, "_created", labelled);
	lines->sum = name_piece(text, as->name, base, "_sum", labelled);
	lines->count = name_piece(text, as->name, base, "_count", labelled);
	lines->close_len = (uint32_t)strlen(labels_close(labelled));
}

static uint32_t tails_of(const struct snp_metric *metric)
{
	switch (metric->kind) {
	case SNP_KIND_HISTOGRAM:
		return metric->bounds_nr + 1;
	case SNP_KIND_STATE:
		return metric->enum_values_nr;
	default:
		return metric->cells;
	}
}

static struct text_lines *prepare(struct families *families, struct family *family)
{
	const struct snp_metric *metric = family->metric;
	struct snp_buf *text = &families->text;
	bool labelled = family->rows->keys_nr > 0 || families->labels.instance;
	struct text_lines *lines = calloc(1, sizeof(*lines));
	size_t begin = text->len;

	if (!lines)
		return NULL;
	lines->tails_nr = tails_of(metric);
	lines->tails = calloc(lines->tails_nr + 1, sizeof(*lines->tails));
	lines->words = calloc(lines->tails_nr + 1, sizeof(*lines->words));
	if (lines->tails && lines->words) {
		prepare_names(lines, text, &family->as, labelled);
		prepare_tails(lines, text, metric, labelled);
	}
	if (!lines->tails || !lines->words || text->failed) {
		/* Kept from scrape to scrape: the next one may have the memory. */
		text->failed = false;
		text->len = begin;
		text_lines_destroy(lines);
		return NULL;
	}
	lines->room = lines->created.len;
	if (lines->room < lines->name.len)
		lines->room = lines->name.len;
	for (uint32_t i = 0, most = 0; i < lines->tails_nr; i++)
		if (lines->tails[i].len > most) {
			lines->room += lines->tails[i].len - most;
			most = lines->tails[i].len;
		}
	lines->room += SNP_NUMBER_BYTES + 1 + SNP_SHORT_BYTES;
	lines->plain = metric->kind != SNP_KIND_HISTOGRAM &&
		       metric->kind != SNP_KIND_STATE && !metric->enum_values;
	lines->integers = metric->vtype == SNP_VT_U64 && metric->unit_exp == 0;
	return lines;
}

/* ---- rendering ----------------------------------------------------------- */

struct render {
	const struct text_job *job;
	const struct page_source *source;
	const struct family *family;
	const struct label_set *rows;
	const struct text_lines *lines;
	const char *pieces;
	size_t line;	/* the longest there can be, but for exemplars */
	unsigned kind;	/* SNP_KIND_*, of the metric */
	bool created;	/* a _created line for each series */
	char *to, *end; /* what is left of the buffer; NULL: out of memory */
};

/* The page as it is up to `to`, and room for `len` bytes more. */
static void flush(struct render *r, size_t len)
{
	struct snp_buf *buf = r->job->buf;

	if (r->to)
		buf->len = (size_t)(r->to - buf->data);
	r->to = snp_buf_reserve(buf, len);
	r->end = r->to ? buf->data + buf->cap : NULL;
}

/* Where so many bytes may be written, or NULL. Who has written sets `to`. */
static inline char *reserve(struct render *r, size_t len)
{
	if ((size_t)(r->end - r->to) < len)
		flush(r, len);
	return r->to;
}

static inline char *put(char *to, const struct render *r, const struct piece *piece)
{
	return snp_put_short(to, r->pieces + piece->off, piece->len);
}

/* All of a line but the value. Inlined also where there are many calls: a line is so
 * little work that the call would be a good part of it. */
__attribute__((always_inline)) static inline char *
put_series(char *to, const struct render *r, uint32_t row, const struct piece *name,
	   const struct piece *tail)
{
	to = put(to, r, name);
	to = snp_put_short(to, label_set_text(r->rows, row), r->rows->rows[row].len);
	return put(to, r, tail);
}

/* The same without labels but the row's. */
__attribute__((always_inline)) static inline char *
put_plain(char *to, const struct render *r, uint32_t row, const struct piece *name)
{
	to = put(to, r, name);
	return snp_put_short(to, label_set_text(r->rows, row),
			     r->rows->rows[row].len + r->lines->close_len);
}

static inline char *put_integer(char *to, uint64_t value)
{
	struct snp_short_number text;

	if (value < 10) {
		*to = (char)('0' + value);
		return to + 1;
	}
	if (value >= SNP_DIGITS_END)
		return to + snp_number_u64(to, value);
	text = snp_number_short(value);
	memcpy(to, &text.text, sizeof(text.text));
	return to + text.len;
}

static void render_created(struct render *r, const struct snp_series *series)
{
	const struct text_lines *lines = r->lines;
	char *to = reserve(r, r->line);

	if (!to)
		return;
	if (lines->plain || r->family->as.type == EXPO_HISTOGRAM)
		to = put_plain(to, r, series->row, &lines->created);
	else
		to = put_series(to, r, series->row, &lines->created,
				&lines->tails[series->cell]);
	to += snp_number_seconds(to, source_created(r->source, series).ns);
	*to++ = '\n';
	r->to = to;
}

static inline void render_scalar(struct render *r, const struct snp_series *series)
{
	const struct text_lines *lines = r->lines;
	char *to = reserve(r, r->line);

	if (!to)
		return;
	if (lines->plain)
		to = put_plain(to, r, series->row, &lines->name);
	else
		to = put_series(to, r, series->row, &lines->name,
				&lines->tails[series->cell]);
	if (lines->integers)
		to = put_integer(to, series->value);
	else
		to += snp_value_text(to, r->source->snap, series);
	*to++ = '\n';
	r->to = to;
}

/* One line a state, 1 at the present one. */
static void render_states(struct render *r, const struct snp_series *series)
{
	char *to = reserve(r, r->line * r->lines->tails_nr);

	if (!to)
		return;
	for (uint32_t i = 0; i < r->lines->tails_nr; i++) {
		to = put_series(to, r, series->row, &r->lines->name,
				&r->lines->tails[i]);
		*to++ = series->value == i ? '1' : '0';
		*to++ = '\n';
	}
	r->to = to;
}

/* ---- histograms ---------------------------------------------------------- */

static char *put_text(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

static char *put_exemplar(char *to, const struct snp_exemplar *exemplar)
{
	to = put_text(to, " # {trace_id=\"");
	snp_exemplar_trace_hex(exemplar, to);
	to = put_text(to + 32, "\",span_id=\"");
	snp_exemplar_span_hex(exemplar, to);
	to = put_text(to + 16, "\"} ");
	to += snp_number_seconds(to, exemplar->value_ns);
	*to++ = ' ';
	return to + snp_number_seconds(to, exemplar->ended.ns);
}

/* What all buckets of a row begin with, in one piece, mostly a little longer than
 * SNP_SHORT_BYTES: copied in parts of one size, the last of which may be too long. */
#define START_STEP (SNP_SHORT_BYTES / 2)
static inline char *put_start(char *to, const char *start, size_t len)
{
	memcpy(to, start, SNP_SHORT_BYTES);
	if (len > SNP_SHORT_BYTES)
		memcpy(to + SNP_SHORT_BYTES, start + SNP_SHORT_BYTES, START_STEP);
	if (len > SNP_SHORT_BYTES + START_STEP)
		memcpy(to + SNP_SHORT_BYTES + START_STEP,
		       start + SNP_SHORT_BYTES + START_STEP,
		       len - (SNP_SHORT_BYTES + START_STEP));
	return to + len;
}

/* In families->start: where it was written last. NULL: out of memory. */
static const char *start_of_row(const struct render *r, uint32_t row, size_t *ret_len)
{
	const struct label_set *rows = r->rows;
	struct snp_buf *start = &r->source->families->start;
	size_t len = r->lines->name.len + rows->rows[row].len;
	char *to;

	snp_buf_reset(start);
	to = snp_buf_reserve(start, len + SNP_SHORT_BYTES);
	if (!to)
		return NULL;
	to = put(to, r, &r->lines->name);
	(void)snp_put_short(to, label_set_text(rows, row), rows->rows[row].len);
	*ret_len = len;
	return start->data;
}

/* The end of a line. `text` is that of the count if it is short. */
static inline char *put_count(char *to, uint64_t count, struct snp_short_number text)
{
	if (count < SNP_DIGITS_END) {
		memcpy(to, &text.text, sizeof(text.text));
		to += text.len;
	} else {
		to += snp_number_u64(to, count);
	}
	*to = '\n';
	return to + 1;
}

/* Neighbours mostly have the same count, as most buckets are empty: it is printed when
 * it changes. What the loop needs is at hand: the compiler has to assume that a byte of
 * the page may be part of what a pointer leads to. */
static char *put_buckets(char *to, const struct render *r,
			 const struct snp_series *series, uint64_t *ret_count)
{
	const struct piece *tails = r->lines->tails;
	const uint32_t *words = r->lines->words, tails_nr = r->lines->tails_nr;
	const uint64_t *hist = series->hist;
	const struct snp_exemplar *exemplars = NULL;
	struct snp_hist_span used = snp_series_span(r->source->snap, series);
	struct snp_short_number text = snp_number_short(0);
	uint64_t count = 0, more;
	const char *pieces = r->pieces, *start;
	size_t start_len;

	start = start_of_row(r, series->row, &start_len);
	if (!start)
		return NULL;
	if (r->job->openmetrics)
		exemplars = snp_exemplars_of(r->source->families->exemplars,
					     r->source->snap, series);
	for (uint32_t i = 0; i < tails_nr; i++) {
		uint32_t end = words[i] < used.end ? words[i] : used.end;

		more = 0;
		for (; used.first < end; used.first++)
			more += hist[used.first];
		if (more > 0)
			text = snp_number_short(count += more);
		to = put_start(to, start, start_len);
		to = snp_put_short(to, pieces + tails[i].off, tails[i].len);
		to = put_count(to, count, text);
		if (exemplars && exemplars[i].ended.ns && more > 0) {
			to = put_exemplar(to - 1, &exemplars[i]);
			*to++ = '\n';
		}
	}
	*ret_count = count;
	return to;
}

/* Every line comes from one pass over one copy of the words, so that the buckets ascend
 * and +Inf equals _count whatever the writer does meanwhile. */
static void render_histogram(struct render *r, const struct snp_series *series)
{
	const struct text_lines *lines = r->lines;
	uint64_t count;
	char *to;

	if (!series->hist)
		return;
	to = reserve(r, (lines->tails_nr + 2) * (r->line + EXEMPLAR_BYTES));
	if (!to)
		return;
	to = put_buckets(to, r, series, &count);
	if (!to) {
		r->job->buf->failed = true;
		return;
	}
	to = put_plain(to, r, series->row, &lines->sum);
	to += snp_number_seconds(to, series->hist[r->family->metric->nbuckets + 2]);
	*to++ = '\n';
	to = put_plain(to, r, series->row, &lines->count);
	r->to = put_count(to, count, snp_number_short(count));
}

/* ---- a family ------------------------------------------------------------ */

static inline void render_series(struct render *r, const struct snp_series *series)
{
	switch (r->kind) {
	case SNP_KIND_HISTOGRAM:
		render_histogram(r, series);
		break;
	case SNP_KIND_STATE:
		render_states(r, series);
		break;
	default:
		render_scalar(r, series);
	}
	if (r->created)
		render_created(r, series);
}

static void put_head(const struct render *r)
{
	const struct piece *head =
	    r->job->openmetrics ? &r->lines->head_openmetrics : &r->lines->head;

	snp_buf_put(r->job->buf, r->pieces + head->off, head->len);
}

/* The head comes with the first series: a family without any has none. */
static void render_all(struct render *r, bool *begun)
{
	struct snp_series_iter it;
	struct snp_series series;

	snp_series_iter_init(&it, r->source->snap, r->family->metric);
	snp_series_iter_bare(&it);
	while (snp_series_next(&it, &series)) {
		if (!families_shows(r->family, &series))
			continue;
		if (!*begun)
			put_head(r);
		*begun = true;
		render_series(r, &series);
	}
	flush(r, 0);
}

static bool counts(const struct family *family)
{
	return family->as.type == EXPO_COUNTER || family->as.type == EXPO_HISTOGRAM;
}

void text_family(const struct text_job *job, const struct page_source *source,
		 struct family *family, bool *begun)
{
	struct families *families = source->families;
	struct render r = {.job = job,
			   .source = source,
			   .family = family,
			   .kind = family->metric->kind};

	if (!family->lines)
		family->lines = prepare(families, family);
	if (!family->lines) {
		job->buf->failed = true;
		return;
	}
	r.rows = family->rows;
	r.lines = family->lines;
	r.pieces = families->text.data;
	r.line = r.lines->room + r.rows->stride;
	r.created = job->created && job->openmetrics && counts(family);
	render_all(&r, begun);
}
