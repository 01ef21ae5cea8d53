/* SPDX-License-Identifier: Apache-2.0 */
#include "families.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expo.h"
#include "model/number.h"
#include "model/value.h"
#include "own.h"

/* A run of bytes in families.text, which moves while it grows. */
struct slice {
	size_t off, len;
};

/* One bucket line of a histogram, without labels and count. */
struct bound {
	struct slice le; /* le="0.005"}, with the space behind it */
	uint32_t words;	 /* buckets that lie wholly at or below the bound */
};

struct family {
	const struct snp_metric *metric;
	struct slice head;   /* HELP and TYPE */
	struct slice name;   /* sample name */
	struct slice bucket; /* histogram: name_bucket */
	size_t bound;	     /* histogram: first of families.bounds */
	bool labels_checked;
	bool rejected;
};

struct families {
	struct family *list;
	size_t nr;
	struct bound *bounds;
	size_t bounds_nr;
	size_t rejected;
	struct snp_buf text;   /* everything a slice refers to */
	struct snp_buf labels; /* of the histogram series at hand */
};

/* ---- preparing ----------------------------------------------------------- */

static const char *type_of(const struct snp_metric *metric)
{
	switch (metric->kind) {
	case SNP_KIND_COUNTER:
		return "counter";
	case SNP_KIND_HISTOGRAM:
		return "histogram";
	case SNP_KIND_UPDOWN:
	case SNP_KIND_GAUGE:
	case SNP_KIND_STATE:
	case SNP_KIND_TIMESTAMP:
	case SNP_KIND_INFO:
		return "gauge";
	default:
		return NULL;
	}
}

/* `name` as the samples of `metric` use it: the name itself, or with a suffix. */
static bool occupies(const struct snp_metric *metric, const char *name)
{
	static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
	size_t len = strlen(metric->prom_name);

	if (strncmp(name, metric->prom_name, len) != 0)
		return false;
	if (name[len] == '\0')
		return true;
	if (metric->kind != SNP_KIND_HISTOGRAM)
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strcmp(name + len, suffixes[i]) == 0)
			return true;
	return false;
}

/* Whether the family would clash with one that is exported already. */
static bool clashes(const struct families *families, const struct snp_metric *metric)
{
	for (size_t i = 0; i < families->nr; i++) {
		const struct snp_metric *other = families->list[i].metric;

		if (occupies(other, metric->prom_name) ||
		    occupies(metric, other->prom_name))
			return true;
	}
	return false;
}

static void slice_begin(const struct families *families, struct slice *slice)
{
	slice->off = families->text.len;
}

static void slice_end(const struct families *families, struct slice *slice)
{
	slice->len = families->text.len - slice->off;
}

static void put_slice(const struct families *families, struct snp_buf *buf,
		      const struct slice *slice)
{
	snp_buf_put(buf, families->text.data + slice->off, slice->len);
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

static int add_bounds(struct families *families, struct family *family)
{
	const struct snp_metric *metric = family->metric;
	struct snp_buf *text = &families->text;
	char number[SNP_NUMBER_BYTES];
	struct bound *bounds;
	size_t len;

	family->bound = families->bounds_nr;
	if (metric->bounds_nr == 0)
		return 0;
	bounds = reallocarray(families->bounds, families->bounds_nr + metric->bounds_nr,
			      sizeof(*bounds));
	if (!bounds)
		return -ENOMEM;
	families->bounds = bounds;
	for (uint32_t i = 0; i < metric->bounds_nr; i++) {
		struct bound *bound = &bounds[families->bounds_nr++];

		bound->words = words_below(metric, metric->bounds_ns[i]);
		slice_begin(families, &bound->le);
		len = snp_number_bound(number, metric->bounds_ns[i]);
		snp_buf_puts(text, "le=\"");
		snp_buf_put(text, number, len);
		snp_buf_puts(text, "\"} ");
		slice_end(families, &bound->le);
	}
	return 0;
}

static int add_family(struct families *families, const struct snp_metric *metric)
{
	struct family *family = &families->list[families->nr];

	if (!expo_metric_name_ok(metric->prom_name) ||
	    own_is_reserved(metric->prom_name) || !type_of(metric) ||
	    clashes(families, metric)) {
		families->rejected++;
		return 0;
	}
	*family = (struct family){.metric = metric};
	slice_begin(families, &family->head);
	expo_header(&families->text, metric->prom_name, type_of(metric), metric->help);
	slice_end(families, &family->head);
	slice_begin(families, &family->name);
	snp_buf_puts(&families->text, metric->prom_name);
	slice_end(families, &family->name);
	slice_begin(families, &family->bucket);
	snp_buf_puts(&families->text, metric->prom_name);
	snp_buf_puts(&families->text, "_bucket");
	slice_end(families, &family->bucket);
	families->nr++;
	return metric->kind == SNP_KIND_HISTOGRAM ? add_bounds(families, family) : 0;
}

int families_create(const struct snp_snapshot *snap, enum families_levels levels,
		    struct families **ret_families)
{
	uint8_t level_max = levels == FAMILIES_DIAG ? SNP_LEVEL_DIAG : SNP_LEVEL_INFO;
	size_t metrics_nr = snp_snapshot_metrics_nr(snap);
	struct families *families = calloc(1, sizeof(*families));
	int r = -ENOMEM;

	if (!families)
		return r;
	families->list = calloc(metrics_nr ? metrics_nr : 1, sizeof(*families->list));
	if (!families->list)
		goto out;
	for (size_t i = 0; i < metrics_nr; i++) {
		const struct snp_metric *metric = snp_snapshot_metric(snap, i);

		if (metric->level > level_max)
			continue;
		r = add_family(families, metric);
		if (r < 0)
			goto out;
	}
	r = families->text.failed ? -ENOMEM : 0;
out:
	if (r < 0)
		families_destroy(&families);
	else
		*ret_families = families;
	return r;
}

void families_destroy(struct families **families)
{
	if (!*families)
		return;
	snp_buf_fini(&(*families)->text);
	snp_buf_fini(&(*families)->labels);
	free((*families)->bounds);
	free((*families)->list);
	free(*families);
	*families = NULL;
}

size_t families_rejected_nr(const struct families *families)
{
	return families->rejected;
}

/* ---- rendering ----------------------------------------------------------- */

static bool label_ok(const struct snp_series *series, unsigned before, const char *name)
{
	for (unsigned i = 0; i < before; i++)
		if (strcmp(series->labels[i].prom_name, name) == 0)
			return false;
	return expo_label_name_ok(name);
}

/* The labels of a metric's series differ in their values alone, so one look is enough.
 */
static bool labels_ok(const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	unsigned nr = series->labels_nr;

	for (unsigned i = 0; i < nr; i++)
		if (!label_ok(series, i, series->labels[i].prom_name))
			return false;
	if (metric->kind != SNP_KIND_STATE || metric->enum_values_nr == 0)
		return true;
	return label_ok(series, nr, metric->enum_prom_name);
}

/* name="value",... without braces. */
static void put_labels(struct snp_buf *buf, const struct snp_series *series)
{
	for (unsigned i = 0; i < series->labels_nr; i++) {
		if (i > 0)
			snp_buf_putc(buf, ',');
		expo_label(buf, series->labels[i].prom_name, series->labels[i].value);
	}
}

static void put_count_line(struct snp_buf *buf, uint64_t count)
{
	snp_buf_u64(buf, count);
	snp_buf_putc(buf, '\n');
}

/* name_suffix{labels}, up to the value. */
static void put_histogram_name(const struct families *families,
			       const struct family *family, struct snp_buf *buf,
			       const char *suffix)
{
	put_slice(families, buf, &family->name);
	snp_buf_puts(buf, suffix);
	if (families->labels.len > 0) {
		snp_buf_putc(buf, '{');
		snp_buf_put(buf, families->labels.data, families->labels.len);
		snp_buf_putc(buf, '}');
	}
	snp_buf_putc(buf, ' ');
}

static void put_bucket_name(const struct families *families,
			    const struct family *family, struct snp_buf *buf)
{
	put_slice(families, buf, &family->bucket);
	snp_buf_putc(buf, '{');
	snp_buf_put(buf, families->labels.data, families->labels.len);
	if (families->labels.len > 0)
		snp_buf_putc(buf, ',');
}

/* Every line comes from one pass over one copy of the words, so that the buckets ascend
 * and +Inf equals _count whatever the writer does meanwhile. */
static void put_histogram(struct families *families, const struct family *family,
			  const struct snp_series *series, struct snp_buf *buf)
{
	const struct snp_metric *metric = family->metric;
	uint64_t count = 0;
	uint32_t word = 0;

	if (!series->hist)
		return;
	snp_buf_reset(&families->labels);
	put_labels(&families->labels, series);
	for (uint32_t i = 0; i < metric->bounds_nr; i++) {
		const struct bound *bound = &families->bounds[family->bound + i];

		for (; word < bound->words; word++)
			count += series->hist[word];
		put_bucket_name(families, family, buf);
		put_slice(families, buf, &bound->le);
		put_count_line(buf, count);
	}
	for (; word < metric->nbuckets + 2; word++)
		count += series->hist[word];
	put_bucket_name(families, family, buf);
	snp_buf_puts(buf, "le=\"+Inf\"} ");
	put_count_line(buf, count);
	put_histogram_name(families, family, buf, "_sum");
	snp_buf_seconds(buf, series->hist[metric->nbuckets + 2]);
	snp_buf_putc(buf, '\n');
	put_histogram_name(families, family, buf, "_count");
	put_count_line(buf, count);
	if (families->labels.failed)
		buf->failed = true;
}

/* One line a state, 1 at the present one: what a set of states looks like in this
 * format. */
static void put_states(const struct families *families, const struct family *family,
		       const struct snp_series *series, struct snp_buf *buf)
{
	const struct snp_metric *metric = family->metric;

	for (uint32_t i = 0; i < metric->enum_values_nr; i++) {
		put_slice(families, buf, &family->name);
		snp_buf_putc(buf, '{');
		put_labels(buf, series);
		if (series->labels_nr > 0)
			snp_buf_putc(buf, ',');
		expo_label(buf, metric->enum_prom_name, metric->enum_values[i]);
		snp_buf_puts(buf, series->value == i ? "} 1\n" : "} 0\n");
	}
}

static void put_scalar(const struct families *families, const struct family *family,
		       const struct snp_snapshot *snap, const struct snp_series *series,
		       struct snp_buf *buf)
{
	char *at;

	put_slice(families, buf, &family->name);
	if (series->labels_nr > 0) {
		snp_buf_putc(buf, '{');
		put_labels(buf, series);
		snp_buf_putc(buf, '}');
	}
	snp_buf_putc(buf, ' ');
	at = snp_buf_reserve(buf, SNP_NUMBER_BYTES);
	if (at)
		snp_buf_commit(buf, snp_value_text(at, snap, series));
	snp_buf_putc(buf, '\n');
}

/* Whether the series describes the present rather than a total. */
static bool is_present(const struct snp_metric *metric)
{
	return metric->kind != SNP_KIND_COUNTER && metric->kind != SNP_KIND_HISTOGRAM &&
	       metric->row_kind != SNP_ROW_PROC;
}

static bool is_retired(const struct snp_snapshot *snap, const struct snp_series *series)
{
	const struct snp_row *row =
	    snp_snapshot_row(snap, series->metric->row_kind, series->row);

	return row && row->tombstone;
}

static void put_series(struct families *families, const struct family *family,
		       const struct snp_snapshot *snap, const struct snp_series *series,
		       struct snp_buf *buf)
{
	switch (family->metric->kind) {
	case SNP_KIND_HISTOGRAM:
		put_histogram(families, family, series, buf);
		break;
	case SNP_KIND_STATE:
		put_states(families, family, series, buf);
		break;
	default:
		put_scalar(families, family, snap, series, buf);
	}
}

static void render_family(struct families *families, struct family *family,
			  const struct snp_snapshot *snap, struct snp_buf *buf)
{
	bool present = is_present(family->metric);
	bool begun = false;
	struct snp_series_iter it;
	struct snp_series series;

	snp_series_iter_init(&it, snap, family->metric);
	while (snp_series_next(&it, &series)) {
		if (!family->labels_checked) {
			family->labels_checked = true;
			family->rejected = !labels_ok(&series);
			families->rejected += family->rejected;
		}
		if (family->rejected)
			return;
		if (present && is_retired(snap, &series))
			continue;
		/* With the first sample: a family without any has no header. */
		if (!begun)
			put_slice(families, buf, &family->head);
		begun = true;
		put_series(families, family, snap, &series, buf);
	}
}

void families_render(struct families *families, const struct snp_snapshot *snap,
		     enum families_part part, struct snp_buf *buf)
{
	for (size_t i = 0; i < families->nr; i++) {
		struct family *family = &families->list[i];

		if (!family->rejected &&
		    (part == FAMILIES_ALL || !is_present(family->metric)))
			render_family(families, family, snap, buf);
	}
}
