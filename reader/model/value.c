/* SPDX-License-Identifier: Apache-2.0 */
#include "model/value.h"

#include <stdint.h>

#include "model/number.h"

static size_t put_signed(char *dst, int64_t value, int exp10)
{
	if (value >= 0)
		return snp_number_decimal(dst, (uint64_t)value, exp10);
	dst[0] = '-';
	return 1 + snp_number_decimal(dst + 1, 0 - (uint64_t)value, exp10);
}

size_t snp_value_text(char *dst, const struct snp_snapshot *snap,
		      const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;

	/* What most cells are. */
	if (metric->vtype == SNP_VT_U64 && metric->unit_exp == 0 &&
	    series->value < 10) {
		*dst = (char)('0' + series->value);
		return 1;
	}
	if (metric->kind == SNP_KIND_INFO)
		return snp_number_u64(dst, 1);
	switch (metric->vtype) {
	case SNP_VT_I64:
		return put_signed(dst, (int64_t)series->value, metric->unit_exp);
	case SNP_VT_F64:
		return snp_number_double(dst, snp_series_number(snap, series));
	case SNP_VT_MONO_NS:
		return snp_number_seconds(
		    dst, snp_snapshot_wall(snap, (snp_mono_t){series->value}).ns);
	case SNP_VT_REAL_NS:
		return snp_number_seconds(dst, series->value);
	default:
		return snp_number_decimal(dst, series->value, metric->unit_exp);
	}
}

const char *snp_metric_kind_name(const struct snp_metric *metric)
{
	static const char *const names[] = {
	    [SNP_KIND_COUNTER] = "counter", [SNP_KIND_UPDOWN] = "updown",
	    [SNP_KIND_GAUGE] = "gauge",	    [SNP_KIND_HISTOGRAM] = "histogram",
	    [SNP_KIND_STATE] = "state",	    [SNP_KIND_TIMESTAMP] = "timestamp",
	    [SNP_KIND_INFO] = "info",
	};

	if (metric->kind >= sizeof(names) / sizeof(names[0]) || !names[metric->kind])
		return "?";
	return names[metric->kind];
}
