/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics and series of a snapshot: where a descriptor's cell is in the private copy.
 */
#include <string.h>

#include "reader_private.h"

#define ENTRIES_AHEAD 8 /* what a cache miss takes, in series */
#define SPANS_AHEAD   2 /* and in histograms */

static const struct snp__metric *private_of(const struct snp_metric *metric)
{
	return (const struct snp__metric *)(const void *)
	    metric; /* pub is the first member */
}

static_assert(offsetof(struct snp__metric, pub) == 0, "private_of() relies on it");

size_t snp_snapshot_metrics_nr(const struct snp_snapshot *snap)
{
	return snap->seg->schema.metrics_nr;
}

const struct snp_metric *snp_snapshot_metric(const struct snp_snapshot *snap,
					     size_t index)
{
	return index < snap->seg->schema.metrics_nr
		   ? &snap->seg->schema.metrics[index].pub
		   : NULL;
}

const struct snp_metric *snp_snapshot_metric_find(const struct snp_snapshot *snap,
						  const char *name)
{
	for (size_t i = 0; i < snap->seg->schema.metrics_nr; i++)
		if (strcmp(snap->seg->schema.metrics[i].pub.name, name) == 0)
			return &snap->seg->schema.metrics[i].pub;
	return NULL;
}

/* ---- places -------------------------------------------------------------- */

/* Where in an entry of the image the metric's first cell is; 0 = nowhere there. */
static uint64_t place_in_entry(const struct snp_snapshot *snap,
			       const struct snp__metric *m)
{
	const struct snp_fmt_snap_table *t = &snap->head.table[m->pub.row_kind];

	switch (m->storage) {
	case SNP_ST_BANK:
		return t->sums + m->off;
	case SNP_ST_ROW:
		return t->cells + m->off - sizeof(struct snp_fmt_latch);
	case SNP_ST_LATCH:
		return t->record + m->off;
	case SNP_ST_LEDGER:
		return t->ledger + m->off;
	default:
		return 0;
	}
}

/* First word of the cell in the image. The metric is of a storage that is there. */
static const uint64_t *cell_words(const struct snp_snapshot *snap,
				  const struct snp__metric *m, uint32_t row,
				  uint32_t cell)
{
	const unsigned char *entry = snp__entry_of(snap, m->pub.row_kind, row);

	return snp__words_at(entry,
			     place_in_entry(snap, m) + (uint64_t)cell * m->stride);
}

/* A word of the header: the immutable ones as they were at attach, the meters as they
 * are in the image, so that both tiers say the same. */
static uint64_t header_word(const struct snp_snapshot *snap, uint64_t off)
{
	return off < SNP_FMT_METERS_OFF
		   ? snap->seg->header[off / 8]
		   : snap->head.meters[(off - SNP_FMT_METERS_OFF) / 8];
}

/* ---- workers by status --------------------------------------------------- */

static unsigned status_of(uint64_t state, uint64_t active)
{
	switch (state) {
	case SNP_WORKER_STATE_READY:
		return active ? SNP_WORKER_STATUS_BUSY : SNP_WORKER_STATUS_IDLE;
	case SNP_WORKER_STATE_DRAINING:
		return SNP_WORKER_STATUS_DRAINING;
	case SNP_WORKER_STATE_SPAWNING:
	case SNP_WORKER_STATE_STARTING:
	case SNP_WORKER_STATE_WARMING:
		return SNP_WORKER_STATUS_STARTING;
	default:
		return SNP_WORKER_STATUS_DOWN;
	}
}

static unsigned worker_status(const struct snp_snapshot *snap,
			      const struct snp__metric *m, uint32_t worker)
{
	const unsigned char *cells = snp__entry_of(snap, SNP_ROW_WORKER, worker) +
				     snap->head.table[SNP_ROW_WORKER].cells -
				     sizeof(struct snp_fmt_latch);

	return status_of(snp__load(cells, m->derive_a), snp__load(cells, m->derive_b));
}

/* All pools at once, on the first question: one by one, sixteen pools would look at
 * each worker eighty times. */
static void count_all(const struct snp_snapshot *snap, const struct snp__metric *m)
{
	struct snp__decoded *d = snap->decoded;

	memset(d->counts, 0,
	       sizeof(*d->counts) * SNP_WORKER_STATUS_NR * snap->rows_nr[SNP_ROW_POOL]);
	for (uint32_t i = 0; i < snap->rows_nr[SNP_ROW_WORKER]; i++) {
		const unsigned char *entry = snp__entry_of(snap, SNP_ROW_WORKER, i);
		uint64_t pool = snp__load(entry, offsetof(struct snp_fmt_row, parent));

		if (d->state[SNP_ROW_WORKER][i] != SNP__ROW_ABSENT &&
		    snp__load(entry, offsetof(struct snp_fmt_row, gen)) % 4 ==
			SNP_GEN_LIVE)
			d->counts[pool * SNP_WORKER_STATUS_NR +
				  worker_status(snap, m, i)]++;
	}
	d->counted_by = m;
}

static uint64_t count_workers(const struct snp_snapshot *snap,
			      const struct snp__metric *m, uint32_t pool,
			      uint32_t status)
{
	if (status >= SNP_WORKER_STATUS_NR || m->pub.row_kind != SNP_ROW_POOL)
		return 0;
	if (snap->decoded->counted_by != m)
		count_all(snap, m);
	return snap->decoded->counts[(uint64_t)pool * SNP_WORKER_STATUS_NR + status];
}

unsigned snp_snapshot_worker_status(const struct snp_snapshot *snap,
				    uint32_t worker_row)
{
	const struct snp__schema *schema = &snap->seg->schema;

	if (!snp__row_present(snap, SNP_ROW_WORKER, worker_row))
		return SNP_WORKER_STATUS_DOWN;
	for (size_t i = 0; i < schema->metrics_nr; i++)
		if (schema->metrics[i].derive == SNP_DERIVE_WORKERS_BY_STATUS)
			return worker_status(snap, &schema->metrics[i], worker_row);
	return SNP_WORKER_STATUS_DOWN;
}

/* ---- values -------------------------------------------------------------- */

/* Of a cell and a row that are there. */
static uint64_t value_of(const struct snp_snapshot *snap, const struct snp__metric *m,
			 uint32_t row, uint32_t cell)
{
	switch (m->storage) {
	case SNP_ST_ONE:
		return 1;
	case SNP_ST_HEADER:
		return header_word(snap, m->off + (uint64_t)cell * m->stride);
	case SNP_ST_DERIVED:
		return count_workers(snap, m, row, cell);
	default:
		return *cell_words(snap, m, row, cell);
	}
}

uint64_t snp_snapshot_value(const struct snp_snapshot *snap,
			    const struct snp_metric *metric, uint32_t row,
			    uint32_t cell)
{
	if (!metric || cell >= metric->cells ||
	    !snp__row_present(snap, metric->row_kind, row))
		return 0;
	return value_of(snap, private_of(metric), row, cell);
}

const uint64_t *snp_snapshot_hist(const struct snp_snapshot *snap,
				  const struct snp_metric *metric, uint32_t row,
				  uint32_t cell)
{
	if (!metric || metric->kind != SNP_KIND_HISTOGRAM || cell >= metric->cells ||
	    !snp__row_present(snap, metric->row_kind, row))
		return NULL;
	return cell_words(snap, private_of(metric), row, cell);
}

static bool any_word(const uint64_t *words, uint64_t first, uint64_t end)
{
	uint64_t any = 0;

	for (; first < end; first++)
		any |= words[first];
	return any != 0;
}

/* The bits of `nr` lines from `first` on, of up to 64. */
static uint64_t bits_of(const uint64_t *used, uint64_t first, uint64_t nr)
{
	uint64_t bits = used[first / 64] >> first % 64;

	if (first % 64 + nr > 64)
		bits |= used[first / 64 + 1] << (64 - first % 64);
	return nr < 64 ? bits & ((UINT64_C(1) << nr) - 1) : bits;
}

/* From the first of the lines `first` to `end` - 1 that is in use to the last, as
 * words; `at`: where words begin. */
static struct snp_hist_span span_of(const uint64_t *used, uint64_t first, uint64_t end,
				    uint64_t at)
{
	uint64_t low = end, high = first, nr, bits;

	for (; first < end; first += nr) {
		nr = end - first < 64 ? end - first : 64;
		bits = bits_of(used, first, nr);
		if (!bits)
			continue;
		if (low == end)
			low = first + (unsigned)__builtin_ctzll(bits);
		high = first + 64 - (unsigned)__builtin_clzll(bits);
	}
	low = low < high ? low : high;
	return (struct snp_hist_span){(uint32_t)(low * SNP__LINE_WORDS - at),
				      (uint32_t)(high * SNP__LINE_WORDS - at)};
}

struct snp_hist_span snp_series_span(const struct snp_snapshot *snap,
				     const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	uint32_t words = metric->nbuckets + 2;
	struct snp_hist_span span = {0, words};
	const uint64_t *sums;
	uint64_t at, line, end;

	if (!series->hist || !snap->gathered ||
	    private_of(metric)->storage != SNP_ST_BANK)
		return span;
	sums = snp__words_at(snp__entry_of(snap, metric->row_kind, series->row),
			     snap->head.table[metric->row_kind].sums);
	at = (uint64_t)(series->hist - sums);
	line = (at + SNP__LINE_WORDS - 1) / SNP__LINE_WORDS;
	end = (at + words) / SNP__LINE_WORDS;
	if (line >= end)
		return span;
	span = span_of(
	    sums - snp__used_words(snap->seg->regions.bank[metric->row_kind].stride),
	    line, end, at);
	/* Neighbours are alike, and too far apart for the processor to foresee. */
	for (uint32_t i = span.first; i < span.end; i += SNP__LINE_WORDS)
		__builtin_prefetch((const unsigned char *)(series->hist + i) +
				   SPANS_AHEAD *
				       snap->head.table[metric->row_kind].stride);
	/* Of lines that are its own in part, as that with the sum, the bits say little.
	 */
	if (any_word(series->hist, 0, line * SNP__LINE_WORDS - at))
		span.first = 0;
	if (any_word(series->hist, end * SNP__LINE_WORDS - at, words))
		span.end = words;
	return span;
}

/* ---- series -------------------------------------------------------------- */

void snp_series_iter_init(struct snp_series_iter *it, const struct snp_snapshot *snap,
			  const struct snp_metric *metric)
{
	*it = (struct snp_series_iter){.snap = snap,
				       .last_metric = snap->seg->schema.metrics_nr};
	if (metric) {
		it->metric = (size_t)(private_of(metric) - snap->seg->schema.metrics);
		it->last_metric = it->metric + 1;
	}
}

/* Where in a decoded row the text of each label is. */
static const uint8_t text_at[SNP_KEY_NR] = {
    [SNP_KEY_POOL] = offsetof(struct snp__row, pub.pool_name),
    [SNP_KEY_WORKER] = offsetof(struct snp__row, slot_text),
    [SNP_KEY_METHOD] = offsetof(struct snp__row, tool_text),
    [SNP_KEY_WORKER_ID] = offsetof(struct snp__row, pub.worker_id),
    [SNP_KEY_PID] = offsetof(struct snp__row, pid_text),
    [SNP_KEY_ADAPTER] = offsetof(struct snp__row, pub.adapter),
    [SNP_KEY_PYTHON] = offsetof(struct snp__row, pub.python),
};
static_assert(sizeof(struct snp__row) <= UINT8_MAX, "text_at");

void snp_series_iter_bare(struct snp_series_iter *it)
{
	it->bare = true;
}

void snp_series_labels(const struct snp_snapshot *snap, struct snp_series *s)
{
	const struct snp__metric *m = private_of(s->metric);
	const struct snp__row *row = snp__row_of(snap, m->pub.row_kind, s->row);
	unsigned i;

	for (i = 0; i < m->row_labels_nr; i++) {
		s->labels[i] = m->labels[i];
		s->labels[i].value =
		    *(const char *const *)(const void *)((const char *)row +
							 text_at[m->sources[i]]);
	}
	if (m->enum_label) {
		s->labels[i] = m->labels[i];
		s->labels[i++].value = m->pub.enum_values[s->cell];
	}
	s->labels_nr = i;
}

/* The next metric that has rows, from the one at hand on. Of a kind without rows
 * nothing has been checked that its table says. */
static bool enter(struct snp_series_iter *it)
{
	const struct snp_snapshot *snap = it->snap;

	for (; it->metric < it->last_metric; it->metric++) {
		const struct snp__metric *m = &snap->seg->schema.metrics[it->metric];
		const struct snp_fmt_snap_table *t = &snap->head.table[m->pub.row_kind];
		uint64_t place = place_in_entry(snap, m);

		it->rows = snap->rows_nr[m->pub.row_kind];
		if (it->rows == 0)
			continue;
		it->metric++;
		it->at = &m->pub;
		it->row = it->cell = 0;
		it->state = snap->decoded->state[m->pub.row_kind];
		it->first = place > 0 ? snap->image + t->off + place : NULL;
		it->stride = t->stride;
		it->cell_stride = m->stride;
		it->selective = m->sparse || (m->pub.kind == SNP_KIND_INFO &&
					      m->pub.row_kind == SNP_ROW_WORKER);
		return true;
	}
	return false;
}

static void fill_series(const struct snp_series_iter *it, struct snp_series *s)
{
	const struct snp_metric *m = it->at;
	const unsigned char *cell;

	s->metric = m;
	s->row = it->row;
	s->cell = it->cell;
	s->labels_nr = 0;
	s->hist = NULL;
	s->value = 0;
	if (it->first) {
		cell = it->first + s->row * it->stride + s->cell * it->cell_stride;
		/* The cells of a metric are an entry apart, which is too far for the
		 * processor to see them coming. */
		__builtin_prefetch(cell + ENTRIES_AHEAD * it->stride);
		if (m->kind == SNP_KIND_HISTOGRAM)
			s->hist = snp__words_at(cell, 0);
		else
			s->value = *snp__words_at(cell, 0);
	} else {
		s->value = value_of(it->snap, private_of(m), s->row, s->cell);
	}
	if (!it->bare)
		snp_series_labels(it->snap, s);
}

/* Of a metric that not all rows have. An info series says who is there: nobody, nothing
 * to say. Of a sparse one the first word says so. */
static bool has_metric(const struct snp_series_iter *it)
{
	if (it->first && private_of(it->at)->sparse &&
	    *snp__words_at(it->first, it->row * it->stride) == SNP_FMT_ABSENT)
		return false;
	return it->at->kind != SNP_KIND_INFO || it->at->row_kind != SNP_ROW_WORKER ||
	       snp__has_process(it->snap,
				snp__entry_of(it->snap, SNP_ROW_WORKER, it->row));
}

static bool has_series(const struct snp_series_iter *it)
{
	return it->state[it->row] != SNP__ROW_ABSENT &&
	       (!it->selective || has_metric(it));
}

bool snp_series_next(struct snp_series_iter *it, struct snp_series *ret_series)
{
	for (;;) {
		for (; it->row < it->rows; it->row++) {
			if (!has_series(it))
				continue;
			fill_series(it, ret_series);
			if (++it->cell >= it->at->cells) {
				it->cell = 0;
				it->row++;
			}
			return true;
		}
		if (!enter(it))
			return false;
	}
}

double snp_series_number(const struct snp_snapshot *snap,
			 const struct snp_series *series)
{
	const struct snp_metric *m = series->metric;
	uint64_t v = series->value;
	double number;

	switch (m->vtype) {
	case SNP_VT_MONO_NS:
		v = snp_snapshot_wall(snap, (snp_mono_t){v}).ns;
		number = (double)v;
		break;
	case SNP_VT_I64:
		number = (double)(int64_t)v;
		break;
	case SNP_VT_F64:
		memcpy(&number, &v, sizeof(number));
		break;
	default:
		number = (double)v;
	}
	for (int e = m->unit_exp; e < 0; e += 9)
		number /= e <= -9 ? 1e9 : __builtin_powi(10.0, -e);
	for (int e = m->unit_exp; e > 0; e--)
		number *= 10;
	return number;
}
