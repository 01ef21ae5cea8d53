/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 4180 with a header line, LF line ends: name,labels,field,value,unit. Facts have
 * no labels; a scalar has the one field "value", a histogram several. Name and labels
 * put together are a selector for --field.
 */
#include <string.h>

#include "model/number.h"
#include "model/value.h"
#include "report.h"

static void put_quoted(struct snp_buf *out, const char *text, size_t len)
{
	if (!memchr(text, ',', len) && !memchr(text, '"', len) &&
	    !memchr(text, '\n', len) && !memchr(text, '\r', len)) {
		snp_buf_put(out, text, len);
		return;
	}
	snp_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			snp_buf_putc(out, '"');
		snp_buf_putc(out, text[i]);
	}
	snp_buf_putc(out, '"');
}

static void put_column(struct snp_buf *out, const char *text)
{
	put_quoted(out, text, strlen(text));
	snp_buf_putc(out, ',');
}

/* Everything of a line before the value. `labels` is scratch memory. */
static void put_head(struct snp_buf *out, struct snp_buf *labels,
		     const struct snp_series *series, const char *field)
{
	put_column(out, series->metric->name);
	snp_buf_reset(labels);
	report_put_labels(labels, series);
	if (labels->len > 0)
		put_quoted(out, labels->data, labels->len);
	snp_buf_putc(out, ',');
	put_column(out, field);
}

static void put_unit(struct snp_buf *out, const char *unit)
{
	snp_buf_putc(out, ',');
	put_quoted(out, unit, strlen(unit));
	snp_buf_putc(out, '\n');
}

static void put_histogram(struct snp_buf *out, struct snp_buf *labels,
			  const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;

	put_head(out, labels, series, "count");
	snp_buf_u64(out, snp_hist_count(metric, series->hist));
	put_unit(out, "1");
	put_head(out, labels, series, "sum");
	snp_buf_seconds(out, report_hist_sum(series));
	put_unit(out, "s");
	for (size_t i = 0; i < REPORT_QUANTILES_NR; i++) {
		put_head(out, labels, series, report_quantiles[i].name);
		snp_buf_seconds(out, snp_hist_quantile_ns(metric, series->hist,
							  report_quantiles[i].q));
		put_unit(out, "s");
	}
}

static void put_facts(const struct report *report, struct snp_buf *out)
{
	for (size_t i = 0; i < report->facts_nr; i++) {
		const struct report_fact *fact = &report->facts[i];

		snp_buf_printf(out, "%s.%s,,value,", fact->group, fact->name);
		if (fact->type == REPORT_TEXT)
			put_quoted(out, fact->text, strlen(fact->text));
		else if (fact->type == REPORT_NUMBER)
			snp_buf_u64(out, fact->number);
		else
			snp_buf_seconds(out, fact->number);
		put_unit(out, fact->type == REPORT_SECONDS ? "s" : "");
	}
}

void render_csv(const struct report *report, struct snp_buf *out)
{
	struct snp_buf labels = {0};
	struct snp_series_iter it;
	struct snp_series series;
	char text[SNP_NUMBER_BYTES];

	snp_buf_puts(out, "name,labels,field,value,unit\n");
	put_facts(report, out);
	snp_series_iter_init(&it, report->snap, NULL);
	while (snp_series_next(&it, &series)) {
		if (report_has_words(&series)) {
			put_histogram(out, &labels, &series);
		} else if (series.metric->kind != SNP_KIND_HISTOGRAM) {
			put_head(out, &labels, &series, "value");
			snp_buf_put(out, text,
				    snp_value_text(text, report->snap, &series));
			put_unit(out, series.metric->unit);
		}
	}
	out->failed |= labels.failed;
	snp_buf_fini(&labels);
}
