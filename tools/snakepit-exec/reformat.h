/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reformat.h - other white space around the same JSON.
 *
 * Tokens are copied as they stand: a parser that reads and writes numbers would turn
 * 0.1 into 0.10000000000000001 and refuse large integers. Pure.
 */
#ifndef EXEC_REFORMAT_H
#define EXEC_REFORMAT_H

#include <stddef.h>

#include "model/buf.h"

enum reformat_style {
	REFORMAT_ONE_LINE,
	REFORMAT_INDENTED, /* two blanks a level, one blank behind colons */
};

/* Append the JSON text to `out`, without a newline at the end. The text must be valid;
 * of other bytes nothing is known but that all tokens are copied. */
void reformat(const char *text, size_t len, enum reformat_style style,
	      struct snp_buf *out);

#endif
