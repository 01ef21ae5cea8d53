/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lints.h - what looks wrong in a frame: the numbers, and what to do next.
 *
 * A lint is a guess made for people; it changes nothing. It comes from what is known:
 * where a number is unknown, a counter began anew or the history has a gap, there is
 * none. Pure. One thread at a time.
 */
#ifndef SNP_TOP_LINTS_H
#define SNP_TOP_LINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "model/json_out.h"

enum top_lint_id {
#define TOP_LINT(id, name, help) TOP_LINT_##id,
#include "lints.def"
#undef TOP_LINT
	TOP_LINT_NR
};

struct top_lint_info {
	const char *name, *help;
};
extern const struct top_lint_info top_lint_infos[TOP_LINT_NR];

/* The id of a name of lints.def; -1: no such. */
int top_lint_find(const char *name);

enum top_limit_id {
#define TOP_LIMIT(id, name, value, help) TOP_LIMIT_##id,
#include "lints.def"
#undef TOP_LIMIT
	TOP_LIMIT_NR
};

struct top_limit_info {
	const char *name, *help;
	double value;
};
extern const struct top_limit_info top_limit_infos[TOP_LIMIT_NR];

struct top_lint_limits {
	double value[TOP_LIMIT_NR];
};
void top_lint_limits_init(struct top_lint_limits *limits);

#define TOP_LINT_TEXT_BYTES 256
#define TOP_LINTS_MAX	    64 /* of a frame: the more urgent ones */

struct top_lint {
	enum top_lint_id id;
	char pool[SNP_POOL_NAME_BYTES]; /* "" = about the runtime or this viewer */
	bool is_worker;
	uint32_t slot;			 /* of a worker */
	char brief[TOP_LINT_TEXT_BYTES]; /* "full in ~40s (+25/s)" */
	char what[TOP_LINT_TEXT_BYTES];	 /* the same in whole, with its numbers */
	char next[TOP_LINT_TEXT_BYTES];	 /* advice, or "$ " and a command */
};

struct top_lints {
	size_t nr; /* found; the first TOP_LINTS_MAX of them are kept */
	size_t silenced;
	struct top_lint lint[TOP_LINTS_MAX];
};

static inline size_t top_lints_kept(const struct top_lints *lints)
{
	return lints->nr < TOP_LINTS_MAX ? lints->nr : TOP_LINTS_MAX;
}

/* Bit `id` of `silenced` leaves lints of that kind out, but for their number. */
void top_lints_find(struct top_lints *ret_lints, const struct top_frame *frame,
		    const struct top_lint_limits *limits, uint64_t silenced);

/* Kept ones, "pool/slot", "pool" or "runtime". */
#define TOP_LINT_SUBJECT_BYTES (SNP_POOL_NAME_BYTES + 16)
void top_lint_subject(char out[TOP_LINT_SUBJECT_BYTES], const struct top_lint *lint);

/* As a JSON array of {lint, pool, slot, what, next}. */
void top_lints_json(struct snp_json *json, const struct top_lints *lints);

#endif
