/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag.h - errors with a position: "file:line:column: what is wrong; expected what".
 */
#ifndef SNP_CONFIG_DIAG_H
#define SNP_CONFIG_DIAG_H

#include <errno.h>
#include <stddef.h>

#include "snakepit/err.h"

/* Both count from 1, columns in characters. */
struct mark {
	size_t line, column;
};

struct diag {
	const char *name; /* of the file */
	struct snp_err *err;
};

/* Record an error at `mark`; the value is always -EINVAL, also to static analysis. */
#define diag_at(diag, ...) (snp__diag_record((diag), __VA_ARGS__), -EINVAL)

void snp__diag_record(const struct diag *diag, struct mark mark, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Room for a quoted value: see snp__diag_quote(). */
#define QUOTE_BYTES 96

/* `text` in quotes, fit for a one-line message: shortened, control characters shown as
 * \xNN. Returns ret_quoted. */
const char *snp__diag_quote(const char *text, char ret_quoted[QUOTE_BYTES]);

#endif
