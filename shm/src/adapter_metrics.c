/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics of adapters: descriptors behind those of metrics.def, appended while readers
 * look. Strings and descriptor are complete before `desc_used` says that they are
 * there; the cells they name are zero, or without a value, since the row was declared.
 */
#include <errno.h>
#include <string.h>

#include "adapter_names.h"
#include "writer_private.h"

#define POOL_LABELS   (UINT32_C(1) << SNP_KEY_POOL)
#define WORKER_LABELS (POOL_LABELS | UINT32_C(1) << SNP_KEY_WORKER)

static struct snp_fmt_desc *desc_at(const struct snp_writer *w, uint32_t index)
{
	return snp__entry(w, PLACE_DESC, index);
}

static uint32_t descs_nr(const struct snp_writer *w)
{
	return (uint32_t)snp_get(&w->header->desc_used);
}

/* ---- which there are ----------------------------------------------------- */

/* Its descriptor, or how many there are. */
static uint32_t find(const struct snp_writer *w, const char *name)
{
	uint32_t i = w->fixed_metrics;

	while (i < descs_nr(w) &&
	       strcmp(snp__string_at(w, desc_at(w, i)->name), name) != 0)
		i++;
	return i;
}

static bool is_same(const struct snp_writer *w, const struct snp_fmt_desc *d,
		    const struct snp_adapter_metric *m)
{
	return d->kind == m->kind && strcmp(snp__string_at(w, d->unit), m->unit) == 0;
}

/* Whether exporters would write a family of another metric alike. */
static bool is_taken(const struct snp_writer *w, unsigned kind, const char *prom)
{
	size_t len = snp__prom_family_len(kind, prom);

	for (uint32_t i = 0; i < descs_nr(w); i++) {
		const struct snp_fmt_desc *d = desc_at(w, i);
		const char *there = snp__string_at(w, d->prom_name);

		if (snp__prom_family_len(d->kind, there) == len &&
		    memcmp(there, prom, len) == 0)
			return true;
	}
	return false;
}

/* Those of adapters, and the histograms among them. */
static uint32_t count(const struct snp_writer *w, uint32_t *ret_hists)
{
	*ret_hists = 0;
	for (uint32_t i = w->fixed_metrics; i < descs_nr(w); i++)
		*ret_hists += desc_at(w, i)->kind == SNP_KIND_HISTOGRAM;
	return descs_nr(w) - w->fixed_metrics;
}

/* ---- one more ------------------------------------------------------------ */

static void fill_histogram(const struct snp_writer *w, uint32_t hists, bool time,
			   struct snp_fmt_desc *d)
{
	const struct snp__adapter_shape *shape = &w->adapter_shape;

	snp__histogram_fill(d, time ? 0 : SNP_HIST_LONG_SHIFT);
	d->off = (uint32_t)(snp__adapter_hist_off(&w->options) +
			    sizeof(struct snp_fmt_hist) * hists);
	d->bounds_off = time ? shape->time_bounds_off : shape->plain_bounds_off;
	d->bounds_count = time ? shape->time_bounds_count : shape->plain_bounds_count;
	d->upper_off = time ? shape->time_upper_off : shape->plain_upper_off;
}

static void append(struct snp_writer *w, const struct snp_adapter_metric *m,
		   const char *prom, uint32_t hists)
{
	uint32_t index = descs_nr(w);
	uint32_t word = sizeof(uint64_t) * (index - w->fixed_metrics);
	bool gauge = m->kind == SNP_KIND_GAUGE,
	     time = snp_adapter_unit_is_time(m->unit);
	struct snp_fmt_desc *d = desc_at(w, index);

	*d = (struct snp_fmt_desc){
	    .id = index + 1,
	    .kind = (uint8_t)m->kind,
	    .vtype = gauge ? SNP_VT_F64 : SNP_VT_U64,
	    .storage = SNP_ST_ROW,
	    .row_kind = gauge ? SNP_ROW_WORKER : SNP_ROW_POOL,
	    .level = SNP_LEVEL_INFO,
	    .flags = SNP_DESC_SPARSE,
	    .off = word + (uint32_t)(gauge ? sizeof(struct snp_worker_row)
					   : sizeof(struct snp_pool_row)),
	    .count = 1,
	    .stride = sizeof(uint64_t),
	    .name = snp__string_add(w, m->name),
	    .prom_name = snp__string_add(w, prom),
	    .unit = snp__string_add(w, m->unit),
	    .unit_exp = m->kind == SNP_KIND_HISTOGRAM || (time && !gauge) ? -9 : 0,
	    .help = snp__string_add(w, m->help),
	    .row_keys = gauge ? WORKER_LABELS : POOL_LABELS,
	};
	if (m->kind == SNP_KIND_HISTOGRAM)
		fill_histogram(w, hists, time, d);
	/* Release: the descriptor and its strings. Partner: snp__schema_read(). */
	atomic_store_explicit(&w->header->desc_used, index + 1, memory_order_release);
	snp__struct_changed(w);
}

static int declare_locked(struct snp_writer *w, const struct snp_adapter_metric *m,
			  uint32_t *ret_metric, struct snp_err *err)
{
	char prom[SNP__ADAPTER_PROM_BYTES];
	uint32_t index = find(w, m->name), hists, nr = count(w, &hists);

	if (index < descs_nr(w)) {
		if (!is_same(w, desc_at(w, index), m))
			return snp_err_set(err, -EEXIST,
					   "metric %s is there already, with another "
					   "kind or unit",
					   m->name);
		*ret_metric = index;
		return 0;
	}
	snp__adapter_prom_name(m, prom);
	if (is_taken(w, m->kind, prom))
		return snp_err_set(err, -EEXIST,
				   "metric %s, for exporters %s, would be "
				   "taken for another one",
				   m->name, prom);
	if (nr == w->options.adapter_metrics_max ||
	    (m->kind == SNP_KIND_HISTOGRAM && hists == snp__adapter_hists(&w->options)))
		return snp_err_set(
		    err, -ENOSPC,
		    "no room for metric %s: segment.max_adapter_metrics is %u, "
		    "of which %u may be histograms",
		    m->name, w->options.adapter_metrics_max,
		    snp__adapter_hists(&w->options));
	append(w, m, prom, hists);
	*ret_metric = index;
	return 0;
}

int snp_adapter_metric(struct snp_writer *w, const struct snp_adapter_metric *m,
		       uint32_t *ret_metric, struct snp_err *err)
{
	const char *why = snp__adapter_refusal(m);
	int rc;

	if (why)
		return snp_err_set(err, -EINVAL, "a metric is refused: %s", why);
	pthread_mutex_lock(&w->mutex);
	rc = declare_locked(w, m, ret_metric, err);
	pthread_mutex_unlock(&w->mutex);
	return rc;
}

/* ---- cells --------------------------------------------------------------- */

_Atomic uint64_t *snp_adapter_cell(struct snp_writer *w, uint32_t metric, uint32_t row)
{
	const struct snp_fmt_desc *d = desc_at(w, metric);
	enum snp__place place =
	    d->row_kind == SNP_ROW_WORKER ? PLACE_ROWC_WORKER : PLACE_ROWC_POOL;

	SNP_CHECK(metric >= w->fixed_metrics && metric < descs_nr(w));
	SNP_CHECK(row < w->layout.region[place].count);
	return (_Atomic uint64_t *)(void *)((char *)snp__entry(w, place, row) + d->off);
}

void snp_adapter_begin(struct snp_writer *w, uint32_t metric, uint32_t pool_row)
{
	_Atomic uint64_t *cell = snp_adapter_cell(w, metric, pool_row);

	if (snp_get(cell) == SNP_FMT_ABSENT)
		snp_set(cell, 0);
}

/* ---- absence ------------------------------------------------------------- */

static void words_absent(const struct snp_writer *w, enum snp__place place,
			 uint32_t row, uint64_t off)
{
	_Atomic uint64_t *words =
	    (_Atomic uint64_t *)(void *)((char *)snp__entry(w, place, row) + off);

	for (uint32_t i = 0; i < w->options.adapter_metrics_max; i++)
		snp_set(&words[i], SNP_FMT_ABSENT);
}

void snp_adapter_gauges_clear(struct snp_writer *w, uint32_t worker_row)
{
	words_absent(w, PLACE_ROWC_WORKER, worker_row, sizeof(struct snp_worker_row));
}

void snp__adapter_cells_clear(struct snp_writer *w, uint32_t pool_row)
{
	struct snp_fmt_hist *hists =
	    (void *)((char *)snp__entry(w, PLACE_ROWC_POOL, pool_row) +
		     snp__adapter_hist_off(&w->options));

	words_absent(w, PLACE_ROWC_POOL, pool_row, sizeof(struct snp_pool_row));
	for (uint32_t i = 0; i < snp__adapter_hists(&w->options); i++)
		snp_set(&hists[i].bucket[0], SNP_FMT_ABSENT);
}

void snp__adapter_init(struct snp_writer *w)
{
	for (uint32_t row = 0; row < w->options.workers_max; row++)
		snp_adapter_gauges_clear(w, row);
	for (uint32_t row = 0; row < w->options.pools_max; row++)
		snp__adapter_cells_clear(w, row);
}
