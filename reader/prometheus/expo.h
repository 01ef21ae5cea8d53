/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expo.h - the grammar of the Prometheus text format 0.0.4: names, escapes, header
 * lines.
 *
 * Knows nothing of segments. Pure functions that append to a buffer.
 */
#ifndef SNP_PROMETHEUS_EXPO_H
#define SNP_PROMETHEUS_EXPO_H

#include <stdbool.h>

#include "model/buf.h"

/* [a-zA-Z_:][a-zA-Z0-9_:]* */
bool expo_metric_name_ok(const char *name);
/* [a-zA-Z_][a-zA-Z0-9_]*, not starting with "__", and not "le" or "quantile", which
 * mean something to histograms. */
bool expo_label_name_ok(const char *name);

/* "# HELP name help" and "# TYPE name type"; the help text is escaped. */
void expo_header(struct snp_buf *buf, const char *name, const char *type,
		 const char *help);

/* name="value" with the value escaped; bytes that are not UTF-8 become U+FFFD. */
void expo_label(struct snp_buf *buf, const char *name, const char *value);

#endif
