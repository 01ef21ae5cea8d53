/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels.h - the labels of rows as text, kept from scrape to scrape.
 *
 * The labels of a row are the same for all metrics with the same keys, and change with
 * the life of the row alone; those of info metrics, which say who is there, with that
 * of its process too. So each is written once: pool="a",worker="0", behind the label
 * that tells instances apart, if there is one. Without an opening brace; what closes
 * the labels stands behind them.
 *
 * One thread at a time.
 */
#ifndef SNP_PROMETHEUS_LABELS_H
#define SNP_PROMETHEUS_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/buf.h"
#include "snakepit/read.h"

/* The label that tells instances apart where there are several. */
#define LABELS_INSTANCE "snakepit_instance"

struct label_row {
	uint64_t life; /* what the text was written for */
	uint32_t len;  /* of the labels alone */
	bool retired;
};

/* What stands between labels and value. */
static inline const char *labels_close(bool any)
{
	return any ? "} " : " ";
}

/* The rows of a kind by the same keys. Rows have slots of one size, so that a text can
 * be copied as snp_put_short() does. */
struct label_set {
	unsigned kind, keys_nr;
	const char *keys[SNP_LABELS_MAX];
	bool processes;	 /* the labels are of the process in the row too */
	uint64_t scrape; /* when the rows were looked at */
	uint32_t rows_max;
	struct label_row *rows;
	char *slots;
	size_t stride;
};

struct labels {
	struct label_set **sets;
	size_t sets_nr;
	char *instance; /* snakepit_instance="name", or NULL */
	struct snp_buf scratch;
	uint64_t scrape;
};

/* `instance` may be NULL. -ENOMEM. */
int labels_init(struct labels *labels, const char *instance);
void labels_fini(struct labels *labels);

/* A new snapshot: what rows say may have changed. */
static inline void labels_begin(struct labels *labels)
{
	labels->scrape++;
}

/* How many of the labels of a series are its row's; the cell's is behind them. */
static inline unsigned labels_row_nr(const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;

	return series->labels_nr -
	       (metric->enum_values && metric->kind != SNP_KIND_STATE);
}

/* The set for the row labels of a series (with labels), NULL when memory ran out. It
 * lives as long as the labels. */
struct label_set *labels_find(struct labels *labels, const struct snp_series *series);

/* Bring the texts of all rows up to date with the snapshot. `metric`: any that uses the
 * set. -ENOMEM. */
int label_set_refresh(struct labels *labels, struct label_set *set,
		      const struct snp_snapshot *snap, const struct snp_metric *metric);

static inline const char *label_set_text(const struct label_set *set, uint32_t row)
{
	return set->slots + row * set->stride;
}

#endif
