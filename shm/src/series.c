/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics and series of a snapshot: where a descriptor's cell is in the private copy.
 */
#include <string.h>

#include "reader_private.h"

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

/* ---- values -------------------------------------------------------------- */

/* First word of the cell in the snapshot's copy; NULL for storages without one. */
static const uint64_t *cell_words(const struct snp_snapshot *snap,
				  const struct snp__metric *m, uint32_t row,
				  uint32_t cell)
{
	const struct snp__regions *all = &snap->seg->regions;
	unsigned kind = m->pub.row_kind;
	uint64_t at = (m->off + (uint64_t)cell * m->stride) / 8;

	switch (m->storage) {
	case SNP_ST_BANK:
		return snap->sums[kind] + row * (all->bank[kind].stride / 8) + at;
	case SNP_ST_ROW:
		return snap->cells[kind] + row * (all->rowc[kind].stride / 8) + at;
	case SNP_ST_LATCH:
		return snap->latch[kind] + (uint64_t)row * SNP_LATCH_WORDS + at;
	default:
		return NULL;
	}
}

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
	const uint64_t *cells =
	    snap->cells[SNP_ROW_WORKER] +
	    worker * (snap->seg->regions.rowc[SNP_ROW_WORKER].stride / 8);

	return status_of(cells[m->derive_a / 8], cells[m->derive_b / 8]);
}

static uint64_t count_workers(const struct snp_snapshot *snap,
			      const struct snp__metric *m, uint32_t pool,
			      uint32_t status)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < snap->rows_nr[SNP_ROW_WORKER]; i++) {
		const struct snp_row *row = snp_snapshot_row(snap, SNP_ROW_WORKER, i);

		if (row && !row->tombstone && row->pool == pool &&
		    worker_status(snap, m, i) == status)
			n++;
	}
	return n;
}

unsigned snp_snapshot_worker_status(const struct snp_snapshot *snap,
				    uint32_t worker_row)
{
	const struct snp__schema *schema = &snap->seg->schema;

	if (!snp_snapshot_row(snap, SNP_ROW_WORKER, worker_row))
		return SNP_WORKER_STATUS_DOWN;
	for (size_t i = 0; i < schema->metrics_nr; i++)
		if (schema->metrics[i].derive == SNP_DERIVE_WORKERS_BY_STATUS)
			return worker_status(snap, &schema->metrics[i], worker_row);
	return SNP_WORKER_STATUS_DOWN;
}

uint64_t snp_snapshot_value(const struct snp_snapshot *snap,
			    const struct snp_metric *metric, uint32_t row,
			    uint32_t cell)
{
	const struct snp__metric *m;
	const uint64_t *words;

	if (!metric || cell >= metric->cells ||
	    !snp_snapshot_row(snap, metric->row_kind, row))
		return 0;
	m = private_of(metric);
	if (m->storage == SNP_ST_ONE)
		return 1;
	if (m->storage == SNP_ST_HEADER)
		return snp__word(snap->seg, m->off + (uint64_t)cell * m->stride);
	if (m->storage == SNP_ST_DERIVED)
		return count_workers(snap, m, row, cell);
	words = cell_words(snap, m, row, cell);
	return words ? *words : 0;
}

const uint64_t *snp_snapshot_hist(const struct snp_snapshot *snap,
				  const struct snp_metric *metric, uint32_t row,
				  uint32_t cell)
{
	if (!metric || metric->kind != SNP_KIND_HISTOGRAM || cell >= metric->cells ||
	    !snp_snapshot_row(snap, metric->row_kind, row))
		return NULL;
	return cell_words(snap, private_of(metric), row, cell);
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

static void add_label(struct snp_series *s, const char *prom, const char *otel,
		      const char *value)
{
	if (s->labels_nr < SNP_LABELS_MAX)
		s->labels[s->labels_nr++] = (struct snp_label){prom, otel, value};
}

static void fill_series(const struct snp_series_iter *it, struct snp_series *s)
{
	const struct snp__schema *schema = &it->snap->seg->schema;
	const struct snp__metric *m = &schema->metrics[it->metric];
	const struct snp__row *row = &it->snap->rows[m->pub.row_kind][it->row];

	s->metric = &m->pub;
	s->row = it->row;
	s->cell = it->cell;
	s->labels_nr = 0;
	for (size_t k = 0; k < schema->keys_nr; k++)
		if (m->row_keys & (UINT32_C(1) << k) &&
		    schema->keys[k].source < SNP_KEY_NR)
			add_label(s, schema->keys[k].prom_name,
				  schema->keys[k].otel_name,
				  row->label[schema->keys[k].source]);
	if (m->pub.enum_values && m->pub.kind != SNP_KIND_STATE)
		add_label(s, m->pub.enum_prom_name, m->pub.enum_otel_name,
			  m->pub.enum_values[it->cell]);
	s->hist = NULL;
	s->value = 0;
	if (m->pub.kind == SNP_KIND_HISTOGRAM)
		s->hist = cell_words(it->snap, m, it->row, it->cell);
	else
		s->value = snp_snapshot_value(it->snap, &m->pub, it->row, it->cell);
}

/* An info series says who is there: nobody, nothing to say. */
static bool row_has_series(const struct snp__metric *m, const struct snp_row *row)
{
	return row && !(m->pub.kind == SNP_KIND_INFO &&
			m->pub.row_kind == SNP_ROW_WORKER && row->pid == 0);
}

bool snp_series_next(struct snp_series_iter *it, struct snp_series *ret_series)
{
	while (it->metric < it->last_metric) {
		const struct snp__metric *m =
		    &it->snap->seg->schema.metrics[it->metric];
		unsigned kind = m->pub.row_kind;

		if (it->row >= it->snap->rows_nr[kind]) {
			it->metric++;
			it->row = it->cell = 0;
			continue;
		}
		if (it->cell >= m->pub.cells ||
		    !row_has_series(m, snp_snapshot_row(it->snap, kind, it->row))) {
			it->row++;
			it->cell = 0;
			continue;
		}
		fill_series(it, ret_series);
		it->cell++;
		return true;
	}
	return false;
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
