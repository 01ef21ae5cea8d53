/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - what users say in words, the same on the command line, in the settings and
 * after ':'. Pure.
 */
#ifndef SNP_TOP_WORDS_H
#define SNP_TOP_WORDS_H

#include "snakepit/err.h"
#include "ui.h"

/* Each: -EINVAL, and err says what is wrong with `text`; nothing is changed then. */

/* "0.5": seconds between updates. */
int top_words_delay(const char *text, unsigned *ret_ms, struct snp_err *err);

/* "rss" in the column's natural order, "-rss" descending, "+rss" ascending. */
int top_words_sort(const char *text, struct top_sort *sort, struct snp_err *err);

/* One column, "pool.COL" of pools, after those already in `shown`. */
int top_words_column(const char *text, struct top_shown shown[TOP_TABLE_NR],
		     struct snp_err *err);
/* Several, separated by commas. */
int top_words_columns(const char *list, struct top_shown shown[TOP_TABLE_NR],
		      struct snp_err *err);

/* One of `nr` names, -1 when it is none. */
int top_words_index(const char *text, const char *const *names, int nr);

#endif
