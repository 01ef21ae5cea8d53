/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - the query string of the metrics page: collect[], exclude[] and name[].
 *
 * Pure. Other keys mean nothing and are left alone.
 */
#ifndef SNP_PROMETHEUS_QUERY_H
#define SNP_PROMETHEUS_QUERY_H

#include "filter.h"
#include "snakepit/err.h"

#define QUERY_NAMES_MAX 256

/* Start with {0}; one query_add() for each key and value, then query_finish(). */
struct query {
	uint32_t collect, exclude; /* groups named */
	const char *names[QUERY_NAMES_MAX];
	size_t names_nr;
};

/* `value` is borrowed as long as the filter is used; NULL: the key stood alone.
 * -EINVAL, saying what to do, for what cannot be answered. */
int query_add(struct query *query, const char *key, const char *value,
	      struct snp_err *err);

/* `groups`: those the exporter serves at all. */
int query_finish(const struct query *query, uint32_t groups,
		 struct scrape_filter *ret_filter, struct snp_err *err);

#endif
