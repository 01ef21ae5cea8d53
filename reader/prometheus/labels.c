/* SPDX-License-Identifier: Apache-2.0 */
#include "labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expo.h"

#define NOBODY UINT64_MAX /* the life of no row */

int labels_init(struct labels *labels, const char *instance)
{
	*labels = (struct labels){0};
	if (!instance)
		return 0;
	expo_label(&labels->scratch, LABELS_INSTANCE, instance);
	snp_buf_put(&labels->scratch, "", 1);
	if (!labels->scratch.failed)
		labels->instance = strdup(labels->scratch.data);
	if (labels->instance)
		return 0;
	labels_fini(labels);
	return -ENOMEM;
}

static void set_destroy(struct label_set *set)
{
	free(set->rows);
	free(set->slots);
	free(set);
}

void labels_fini(struct labels *labels)
{
	for (size_t i = 0; i < labels->sets_nr; i++)
		set_destroy(labels->sets[i]);
	free(labels->sets);
	free(labels->instance);
	snp_buf_fini(&labels->scratch);
	*labels = (struct labels){0};
}

/* ---- sets ---------------------------------------------------------------- */

static bool same_keys(const struct label_set *set, const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;

	if (set->kind != metric->row_kind || set->keys_nr != labels_row_nr(series) ||
	    set->processes != (metric->kind == SNP_KIND_INFO))
		return false;
	for (unsigned i = 0; i < set->keys_nr; i++)
		if (strcmp(set->keys[i], series->labels[i].prom_name) != 0)
			return false;
	return true;
}

struct label_set *labels_find(struct labels *labels, const struct snp_series *series)
{
	struct label_set **sets;
	struct label_set *set;

	for (size_t i = 0; i < labels->sets_nr; i++)
		if (same_keys(labels->sets[i], series))
			return labels->sets[i];
	sets =
	    reallocarray(labels->sets, labels->sets_nr + 1, sizeof(struct label_set *));
	if (!sets)
		return NULL;
	labels->sets = sets;
	set = calloc(1, sizeof(*set));
	if (!set)
		return NULL;
	set->kind = series->metric->row_kind;
	set->keys_nr = labels_row_nr(series);
	set->processes = series->metric->kind == SNP_KIND_INFO;
	for (unsigned i = 0; i < set->keys_nr; i++)
		set->keys[i] = series->labels[i].prom_name;
	sets[labels->sets_nr++] = set;
	return set;
}

/* ---- rows ---------------------------------------------------------------- */

/* Room for that many rows of slots of `stride` bytes; what was known is forgotten. */
static int resize(struct label_set *set, uint32_t rows, size_t stride)
{
	set->rows_max = 0;
	free(set->rows);
	free(set->slots);
	set->rows = calloc(rows ? rows : 1, sizeof(*set->rows));
	/* Zeroed, because the slack behind a text is copied with it. */
	set->slots = calloc(rows ? rows : 1, stride);
	if (!set->rows || !set->slots)
		return -ENOMEM;
	set->rows_max = rows;
	set->stride = stride;
	for (uint32_t i = 0; i < rows; i++)
		set->rows[i].life = NOBODY;
	return 0;
}

/* Returns the length of the labels alone. */
static uint32_t write_labels(struct labels *labels, const struct label_set *set,
			     const struct snp_series *series)
{
	struct snp_buf *text = &labels->scratch;
	size_t len;

	snp_buf_reset(text);
	if (labels->instance)
		snp_buf_puts(text, labels->instance);
	for (unsigned i = 0; i < set->keys_nr; i++) {
		if (text->len > 0)
			snp_buf_putc(text, ',');
		expo_label(text, series->labels[i].prom_name, series->labels[i].value);
	}
	len = text->len;
	snp_buf_puts(text, labels_close(len > 0));
	return (uint32_t)len;
}

/* A number that is another one when the labels are. */
static uint64_t number_of(const struct label_set *set, const struct snp_row_life *life)
{
	const uint64_t spread = UINT64_C(0x9E3779B97F4A7C15);

	return set->processes ? life->uid * spread ^ life->process : life->uid;
}

/* -ENOSPC when the text does not fit into a slot; then *ret_stride would be enough. */
static int refresh_row(struct labels *labels, struct label_set *set,
		       const struct snp_snapshot *snap, struct snp_series *series,
		       size_t *ret_stride)
{
	struct label_row *known = &set->rows[series->row];
	struct snp_buf *text = &labels->scratch;
	struct snp_row_life row = {0};
	bool present = snp_snapshot_row_life(snap, set->kind, series->row, &row);
	uint64_t life = present ? number_of(set, &row) : NOBODY;
	uint32_t len;

	if (!present && set->keys_nr > 0)
		return 0;
	known->retired = row.tombstone;
	if (present && life == known->life)
		return 0;
	snp_series_labels(snap, series);
	len = write_labels(labels, set, series);
	if (text->failed)
		return -ENOMEM;
	if (text->len > set->stride) {
		*ret_stride = (text->len / SNP_SHORT_BYTES + 1) * SNP_SHORT_BYTES;
		return -ENOSPC;
	}
	memcpy(set->slots + series->row * set->stride, text->data, text->len);
	known->len = len;
	known->life = life;
	return 0;
}

int label_set_refresh(struct labels *labels, struct label_set *set,
		      const struct snp_snapshot *snap, const struct snp_metric *metric)
{
	uint32_t rows = snp_snapshot_rows_nr(snap, set->kind);
	struct snp_series series = {.metric = metric};
	size_t stride = set->stride ? set->stride : SNP_SHORT_BYTES;
	int r = 0;

	if (set->scrape == labels->scrape)
		return 0;
	if (rows > set->rows_max || !set->slots)
		r = resize(set, rows, stride);
	for (series.row = 0; r == 0 && series.row < rows; series.row++) {
		r = refresh_row(labels, set, snap, &series, &stride);
		if (r == -ENOSPC) { /* once more from the start, in longer slots */
			r = resize(set, rows, stride);
			series.row = UINT32_MAX;
		}
	}
	if (r == 0)
		set->scrape = labels->scrape;
	return r;
}
