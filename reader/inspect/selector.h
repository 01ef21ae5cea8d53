/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector.h - the words behind --field: which one value is meant.
 *
 *   field    = fact | metric
 *   fact     = "segment.pid", "writer.verdict", ... (report.h)
 *   metric   = name [ "{" label "=" value { "," label "=" value } "}" ] [ ":" part ]
 *   name     = the metric's OpenTelemetry or Prometheus name; labels likewise
 *   value    = characters other than , } " \ and controls, or a quoted string in which
 *              \" \\ \n and \xHH stand for a quote, a backslash, a newline and a byte
 *   part     = count | sum | p50 | p90 | p99, of histograms
 *
 * What the renderers print as labels is such a selector.
 */
#ifndef SNP_INSPECT_SELECTOR_H
#define SNP_INSPECT_SELECTOR_H

#include <stddef.h>

#include "model/buf.h"
#include "report.h"
#include "snakepit/err.h"

/* Length of a value that can stand as it is: not empty, and nothing in it that ends a
 * value, has to be escaped, or is a control character. 0 for any other. */
size_t selector_plain_len(const char *value);

/* A label value as the grammar has it, quoted only where it has to be. What it puts out
 * is safe to show on a terminal: no control characters. */
void selector_put_value(struct snp_buf *out, const char *value);

/* The value of the field, appended to `out` with a newline.
 *   -EINVAL  not a selector, no such part, or several series match
 *   -ENODATA nothing of that name or with those labels */
int selector_print(const struct report *report, const char *field, struct snp_buf *out,
		   struct snp_err *err);

#endif
