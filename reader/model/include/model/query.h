/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - expressions over the fields of a row: what is shown, and what is fine.
 *
 *   expr   = and { "or" and }
 *   and    = not { "and" not }
 *   not    = { "not" | "!" } ( "(" expr ")" | test )
 *   test   = field op value
 *   op     = "=" "==" "!=" "<" "<=" ">" ">=" "~" "!~"
 *   value  = number [ unit ] | word | quoted string | "-"
 *
 *   state=busy and p99>50ms and pool~ml
 *   rss>=2G or not (hb<3s)
 *
 * Numbers take the units of their field: ns us ms s m h d for durations, K M G T of
 * 1024 for bytes, K M G of 1000 for counts and rates, % for shares. A duration other
 * than 0 has to have one. Texts are compared as they are; ~ searches a POSIX extended
 * regular expression. A value that is not known passes no test but "= -", "!= -" being
 * the opposite; a negation of a test on it is thus true.
 *
 * Which fields there are, and what they say of a row, is the caller's (struct
 * snp_query_terms). Pure. A query is not changed after it was made: any number of
 * threads may use it.
 */
#ifndef SNP_MODEL_QUERY_H
#define SNP_MODEL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "model/buf.h"
#include "snakepit/err.h"

enum snp_query_kind {
	SNP_QUERY_TEXT,
	SNP_QUERY_COUNT,
	SNP_QUERY_NS,
	SNP_QUERY_BYTES,
	SNP_QUERY_RATE,
	SNP_QUERY_PERCENT,
};

struct snp_query_field {
	int id; /* the caller's; negative: there is no such field */
	enum snp_query_kind kind;
	const char *name; /* in full, for messages; static */
};

struct snp_query_value {
	bool known;
	double number;
	const char *text; /* of SNP_QUERY_TEXT */
};

struct snp_query_terms {
	/* A field by the word that was used for it, which is NUL-terminated. */
	struct snp_query_field (*find)(const char *word);
	/* A field whose name is like the word, for a message; NULL: none is. */
	const char *(*nearest)(const char *word);
	struct snp_query_value (*get)(const void *row, int id);
};

/* More than anybody types. */
#define SNP_QUERY_BYTES_MAX 1024

/* Whether the word is the field's name without its unit (_ns, _bytes, _percent). */
bool snp_query_is_short(const char *field, const char *word);

struct snp_query;

/* The part of the text that an error is about, in bytes. */
struct snp_query_place {
	size_t at, len;
};

/* -EINVAL: the text is no query; err says why and *ret_place where. -ENOMEM. `terms` is
 * static. */
int snp_query_compile(const char *text, const struct snp_query_terms *terms,
		      struct snp_query **ret_query, struct snp_query_place *ret_place,
		      struct snp_err *err);
void snp_query_free(struct snp_query *query);

bool snp_query_matches(const struct snp_query *query, const void *row);

/* Why a row does not match: the first test that decided it, and what it found instead,
 * as in "p99_ns is 71ms, not < 50ms". Nothing where it does match. */
void snp_query_why_not(const struct snp_query *query, const void *row,
		       struct snp_buf *out);

/* The text and a line of carets under the place, indented by two columns, for below an
 * error. What is not printable is shown as '?'. */
void snp_query_point(const char *text, const struct snp_query_place *place,
		     struct snp_buf *out);

#endif
