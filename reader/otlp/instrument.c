/* SPDX-License-Identifier: Apache-2.0 */
#include "instrument.h"

#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 255

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!is_letter(name[0]) || len > NAME_MAX_BYTES)
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') &&
		    !strchr("_.-/", name[i]))
			return false;
	return true;
}

static bool shape_of(const struct snp_metric *metric, enum otlp_shape *ret_shape)
{
	static const enum otlp_shape shapes[] = {
	    [SNP_KIND_COUNTER] = OTLP_SHAPE_SUM,
	    [SNP_KIND_UPDOWN] = OTLP_SHAPE_UPDOWN,
	    [SNP_KIND_GAUGE] = OTLP_SHAPE_GAUGE,
	    [SNP_KIND_HISTOGRAM] = OTLP_SHAPE_HISTOGRAM,
	    /* 1 for the state it is in, 0 for each other: added up over rows they say
	     * how many are in which. */
	    [SNP_KIND_STATE] = OTLP_SHAPE_UPDOWN,
	    [SNP_KIND_TIMESTAMP] = OTLP_SHAPE_GAUGE,
	    [SNP_KIND_INFO] = OTLP_SHAPE_GAUGE,
	};

	if (metric->kind < SNP_KIND_COUNTER ||
	    metric->kind >= sizeof(shapes) / sizeof(shapes[0]))
		return false;
	*ret_shape = shapes[metric->kind];
	return true;
}

static bool delta_of(enum otlp_shape shape, enum otlp_temporality temporality)
{
	static const bool delta[][OTLP_SHAPE_HISTOGRAM + 1] = {
	    [OTLP_CUMULATIVE] = {false},
	    [OTLP_DELTA] = {[OTLP_SHAPE_SUM] = true, [OTLP_SHAPE_HISTOGRAM] = true},
	    [OTLP_LOWMEMORY] = {[OTLP_SHAPE_HISTOGRAM] = true},
	};

	return delta[temporality][shape];
}

bool otlp_instrument_of(const struct snp_metric *metric,
			const struct otlp_metrics_options *options,
			struct otlp_instrument *ret_instrument)
{
	bool counts;
	enum otlp_shape shape;

	if (!shape_of(metric, &shape) || !name_ok(metric->name))
		return false;
	counts = shape == OTLP_SHAPE_SUM || shape == OTLP_SHAPE_HISTOGRAM;
	*ret_instrument = (struct otlp_instrument){
	    .metric = metric,
	    .id = metric->id,
	    .shape = shape,
	    .delta = delta_of(shape, options->temporality),
	    .exponential = shape == OTLP_SHAPE_HISTOGRAM &&
			   options->histograms == OTLP_HISTOGRAMS_EXPONENTIAL,
	    .present = !counts && metric->row_kind != SNP_ROW_PROC,
	    .values =
		metric->kind == SNP_KIND_STATE ? metric->enum_values_nr : metric->cells,
	};
	return ret_instrument->values > 0;
}

bool otlp_instrument_clash(const struct otlp_instrument *a,
			   const struct otlp_instrument *b)
{
	return strcasecmp(a->metric->name, b->metric->name) == 0;
}
