/* SPDX-License-Identifier: Apache-2.0 */
#include "families.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/exemplars.h"
#include "own.h"
#include "text.h"

/* ---- preparing ----------------------------------------------------------- */

static bool type_of(const struct snp_metric *metric, enum expo_type *ret_type)
{
	switch (metric->kind) {
	case SNP_KIND_COUNTER:
		*ret_type = EXPO_COUNTER;
		return true;
	case SNP_KIND_HISTOGRAM:
		*ret_type = EXPO_HISTOGRAM;
		return true;
	case SNP_KIND_INFO:
		*ret_type = EXPO_INFO;
		return true;
	case SNP_KIND_UPDOWN:
	case SNP_KIND_GAUGE:
	case SNP_KIND_STATE: /* a series for each state, see text.c */
	case SNP_KIND_TIMESTAMP:
		*ret_type = EXPO_GAUGE;
		return true;
	default:
		return false;
	}
}

/* Whether the family would clash with one that is exported already. */
static bool clashes(const struct families *families, const struct expo_family *as)
{
	for (size_t i = 0; i < families->nr; i++)
		if (expo_clash(&families->list[i].as, as))
			return true;
	return own_is_reserved(as);
}

static void add_family(struct families *families, const struct snp_metric *metric)
{
	struct expo_family as = {.name = metric->prom_name,
				 .unit = metric->unit ? metric->unit : "",
				 .help = metric->help};

	if (!expo_metric_name_ok(as.name) || !type_of(metric, &as.type) ||
	    clashes(families, &as)) {
		families->rejected++;
		return;
	}
	families->list[families->nr++] = (struct family){
	    .metric = metric,
	    .as = as,
	    .present = as.type != EXPO_COUNTER && as.type != EXPO_HISTOGRAM &&
		       metric->row_kind != SNP_ROW_PROC,
	};
}

int families_create(const struct snp_snapshot *snap, enum families_levels levels,
		    const char *instance, struct families **ret_families)
{
	uint8_t level_max = levels == FAMILIES_DIAG ? SNP_LEVEL_DIAG : SNP_LEVEL_INFO;
	size_t metrics_nr = snp_snapshot_metrics_nr(snap);
	struct families *families = calloc(1, sizeof(*families));

	if (!families)
		return -ENOMEM;
	families->list = calloc(metrics_nr ? metrics_nr : 1, sizeof(*families->list));
	if (!families->list || labels_init(&families->labels, instance) < 0 ||
	    snp_exemplars_create(SNP_EXEMPLARS_SAMPLED, &families->exemplars) < 0) {
		families_destroy(&families);
		return -ENOMEM;
	}
	for (size_t i = 0; i < metrics_nr; i++) {
		const struct snp_metric *metric = snp_snapshot_metric(snap, i);

		if (metric->level <= level_max)
			add_family(families, metric);
	}
	*ret_families = families;
	return 0;
}

void families_destroy(struct families **families)
{
	if (!*families)
		return;
	for (size_t i = 0; i < (*families)->nr; i++)
		text_lines_destroy((*families)->list[i].lines);
	snp_exemplars_destroy(&(*families)->exemplars);
	labels_fini(&(*families)->labels);
	snp_buf_fini(&(*families)->text);
	snp_buf_fini(&(*families)->start);
	free((*families)->list);
	free(*families);
	*families = NULL;
}

struct family *families_find(const struct families *families, const char *name)
{
	for (size_t i = 0; i < families->nr; i++)
		if (strcmp(families->list[i].as.name, name) == 0)
			return &families->list[i];
	return NULL;
}

/* ---- labels -------------------------------------------------------------- */

static bool label_ok(const struct snp_series *series, unsigned before, const char *name)
{
	for (unsigned i = 0; i < before; i++)
		if (strcmp(series->labels[i].prom_name, name) == 0)
			return false;
	return expo_label_name_ok(name) && strcmp(name, LABELS_INSTANCE) != 0;
}

/* The labels of a metric's series differ in their values alone, so one look is enough.
 * A histogram by cell is more than the lines of text.c can say. */
static bool labels_ok(const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	unsigned nr = series->labels_nr;

	for (unsigned i = 0; i < nr; i++)
		if (!label_ok(series, i, series->labels[i].prom_name))
			return false;
	/* The values of a state are one more label. */
	if (metric->kind != SNP_KIND_STATE || metric->enum_values_nr == 0)
		return metric->kind != SNP_KIND_HISTOGRAM || !metric->enum_values;
	return label_ok(series, nr, metric->enum_prom_name);
}

/* At its first series. */
static bool check(struct families *families, struct family *family,
		  const struct snp_series *series, bool *ret_failed)
{
	family->checked = true;
	family->rejected = !labels_ok(series);
	families->rejected += family->rejected;
	if (family->rejected)
		return false;
	family->rows = labels_find(&families->labels, series);
	family->checked = family->rows != NULL;
	*ret_failed |= !family->rows;
	return family->checked;
}

bool families_enter(struct families *families, struct family *family,
		    const struct snp_snapshot *snap, bool *ret_failed)
{
	struct snp_series_iter it;
	struct snp_series series;

	if (family->rejected)
		return false;
	if (!family->checked) {
		snp_series_iter_init(&it, snap, family->metric);
		if (!snp_series_next(&it, &series) ||
		    !check(families, family, &series, ret_failed))
			return false;
	}
	if (label_set_refresh(&families->labels, family->rows, snap, family->metric) ==
	    0)
		return true;
	*ret_failed = true;
	return false;
}
