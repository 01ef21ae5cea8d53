/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms.h - columns as the fields of queries (model/query.h).
 *
 * Fields are called as the columns are, their units may be left out. A worker has those
 * of its pool too, as pool.queue_depth.
 */
#ifndef SNP_TOP_TERMS_H
#define SNP_TOP_TERMS_H

#include "columns.h"
#include "model/query.h"

/* A row of snp_query_matches(). `worker` is NULL where the row is a pool. */
struct top_terms_row {
	const struct snp_pool_stat *pool;
	const struct snp_worker_stat *worker;
};

extern const struct snp_query_terms top_worker_terms, top_pool_terms;

#endif
