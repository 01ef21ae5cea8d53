/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lints_parts.h - what the finders of lints share. Private to lints*.c.
 */
#ifndef SNP_TOP_LINTS_PARTS_H
#define SNP_TOP_LINTS_PARTS_H

#include "lints.h"
#include "lints_judge.h"

/* A search for lints that is going on. */
struct lint_search {
	struct top_lints *found;
	const struct top_frame *frame;
	const struct top_lint_limits *limits;
	uint64_t silenced;
};

/* Where the next lint goes, about a pool or a worker; NULL: it is only counted. */
struct top_lint *lint_next(struct lint_search *s, enum top_lint_id id,
			   const char *pool);
struct top_lint *lint_next_worker(struct lint_search *s, enum top_lint_id id,
				  const struct snp_worker_stat *worker);

void lint_put(char text[TOP_LINT_TEXT_BYTES], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The next step: "$ snakepit VERB -n INSTANCE WHOM MORE". */
void lint_put_command(struct lint_search *s, struct top_lint *lint, const char *verb,
		      const char *more);

/* NaN for SNP_UNKNOWN; the second in seconds, of nanoseconds. */
double lint_number(uint64_t value);
double lint_seconds(uint64_t ns);

/* lints_history.c: those that come from the last minutes. */
void lint_find_queue_eta(struct lint_search *s);
void lint_find_skew(struct lint_search *s);
void lint_find_rss_slope(struct lint_search *s);

#endif
