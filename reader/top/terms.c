/* SPDX-License-Identifier: Apache-2.0 */
#include "terms.h"

#include <stdio.h>
#include <string.h>

#include "cli/nearest.h"

#define POOL_PREFIX "pool."

static enum snp_query_kind kind_of(unsigned unit)
{
	switch (unit) {
	case TOP_UNIT_BYTES:
		return SNP_QUERY_BYTES;
	case TOP_UNIT_LATENCY:
	case TOP_UNIT_AGE:
	case TOP_UNIT_UPTIME:
		return SNP_QUERY_NS;
	case TOP_UNIT_RATE:
		return SNP_QUERY_RATE;
	case TOP_UNIT_PERCENT:
	case TOP_UNIT_SHARE:
		return SNP_QUERY_PERCENT;
	default:
		return top_unit_is_text(unit) ? SNP_QUERY_TEXT : SNP_QUERY_COUNT;
	}
}

static struct snp_query_field find(enum top_table table, const char *word)
{
	int id = top_column_find(table, word);

	if (id < 0)
		return (struct snp_query_field){.id = -1};
	return (struct snp_query_field){id, kind_of(top_columns[id].unit),
					top_columns[id].field};
}

static struct snp_query_field find_pool(const char *word)
{
	return find(TOP_TABLE_POOL, word);
}

static struct snp_query_field find_worker(const char *word)
{
	size_t len = strlen(POOL_PREFIX);

	if (strncmp(word, POOL_PREFIX, len) == 0)
		return find_pool(word + len);
	return find(TOP_TABLE_WORKER, word);
}

static const char *nearest(enum top_table table, const char *word)
{
	struct cli_nearest nearest = {.word = word};

	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == table)
			cli_nearest_try(&nearest, top_columns[id].field);
	return nearest.best;
}

static const char *nearest_pool(const char *word)
{
	return nearest(TOP_TABLE_POOL, word);
}

static const char *nearest_worker(const char *word)
{
	return nearest(TOP_TABLE_WORKER, word);
}

static struct snp_query_value get(const void *opaque, int id)
{
	/* Of the one that a query has just asked for. */
	static _Thread_local char name[SNP_POOL_NAME_BYTES + 16];
	const struct top_terms_row *row = opaque;
	struct top_value value =
	    top_column_value((enum top_column_id)id, row->pool, row->worker);
	unsigned unit = top_columns[id].unit;

	switch (unit) {
	case TOP_UNIT_WORKER:
		(void)snprintf(name, sizeof(name), "%s/%u", row->pool->name,
			       (unsigned)row->worker->slot);
		value.text = name;
		break;
	case TOP_UNIT_STATUS:
		value.text = top_worker_status(row->worker).text;
		break;
	default:
		break;
	}
	return (struct snp_query_value){
	    .known = value.known,
	    .number = top_unit_is_double(unit) ? value.d : (double)value.u,
	    .text = value.text,
	};
}

const struct snp_query_terms top_worker_terms = {find_worker, nearest_worker, get};
const struct snp_query_terms top_pool_terms = {find_pool, nearest_pool, get};
