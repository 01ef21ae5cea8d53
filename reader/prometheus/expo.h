/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expo.h - the grammar of the text formats, Prometheus' 0.0.4 and OpenMetrics: names,
 * escapes, header lines.
 *
 * Knows nothing of segments. Pure functions that append to a buffer.
 */
#ifndef SNP_PROMETHEUS_EXPO_H
#define SNP_PROMETHEUS_EXPO_H

#include <stdbool.h>
#include <stddef.h>

#include "model/buf.h"

enum expo_type {
	EXPO_COUNTER,
	EXPO_GAUGE,
	EXPO_HISTOGRAM,
	EXPO_INFO, /* a gauge that is 1, to formats that have no such type */
};

/* A family by the name its samples have: of a counter with "_total". */
struct expo_family {
	const char *name;
	enum expo_type type;
	const char *unit; /* UCUM: "s", "By", ...; never NULL */
	const char *help;
};

/* How OpenMetrics calls a family: counters without "_total", infos without "_info". */
size_t expo_base_len(const struct expo_family *family);
/* "seconds", "bytes", where the OpenMetrics name ends in it; else "". */
const char *expo_unit(const struct expo_family *family);

/* Whether two families could not stand on one page, in any of the formats. */
bool expo_clash(const struct expo_family *a, const struct expo_family *b);

/* [a-zA-Z_:][a-zA-Z0-9_:]* */
bool expo_metric_name_ok(const char *name);
/* [a-zA-Z_][a-zA-Z0-9_]*, not starting with "__", and not "le" or "quantile", which
 * mean something to histograms. */
bool expo_label_name_ok(const char *name);

/* The lines before the samples of a family; the help text is escaped. */
void expo_head_text(struct snp_buf *buf, const struct expo_family *family);
void expo_head_openmetrics(struct snp_buf *buf, const struct expo_family *family);

/* name="value" with the value escaped; bytes that are not UTF-8 become U+FFFD. */
void expo_label(struct snp_buf *buf, const char *name, const char *value);

#endif
