/* SPDX-License-Identifier: Apache-2.0 */
/* query_tree.h - a query as its parser (query.c) leaves it to those who ask
 * (query_answer.c). */
#ifndef SNP_MODEL_QUERY_TREE_H
#define SNP_MODEL_QUERY_TREE_H

#include <regex.h>
#include <stdint.h>

#include "model/query.h"

enum query_op {
	QUERY_EQ,
	QUERY_NE,
	QUERY_LT,
	QUERY_LE,
	QUERY_GT,
	QUERY_GE,
	QUERY_LIKE,
	QUERY_UNLIKE,
	QUERY_NR
};
struct query_test {
	struct snp_query_field field;
	enum query_op op;
	bool unknown;  /* the value is "-" */
	double number; /* of a number's field */
	char *text;    /* the value, as it was written but for quotes */
	regex_t regex; /* of ~ and !~ */
};

enum query_node_kind { QUERY_NODE_TEST, QUERY_NODE_NOT, QUERY_NODE_AND, QUERY_NODE_OR };

struct query_node {
	enum query_node_kind kind;
	uint16_t a, b; /* children; of a test, a is its index */
};

struct snp_query {
	const struct snp_query_terms *terms;
	struct query_node *nodes; /* the last one is the root */
	struct query_test *tests;
	size_t nodes_nr, tests_nr;
};

/* What a number may be written with; the first is what it is in. Ends with NULL. */
struct query_unit {
	const char *text;
	long double factor;
};
extern const struct query_unit *const snp__query_units[SNP_QUERY_PERCENT + 1];

#endif
