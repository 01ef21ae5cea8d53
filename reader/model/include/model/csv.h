/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - columns of RFC 4180. Pure. */
#ifndef SNP_MODEL_CSV_H
#define SNP_MODEL_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "model/buf.h"

/* Whether a text has to stand in quotes. */
bool snp_csv_needs_quotes(const char *text, size_t len);

/* The inside of a quoted column: quotes doubled. */
void snp_csv_put_escaped(struct snp_buf *out, const char *text, size_t len);

/* A whole column, in quotes where it needs them. */
void snp_csv_put(struct snp_buf *out, const char *text);

#endif
