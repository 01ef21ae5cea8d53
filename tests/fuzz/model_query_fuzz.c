/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a query: refused at a place within them, or made, and then it has an
 * answer for every row, and a reason where that is no. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/query.h"
#include "snakepit/check.h"

static struct snp_query_field find(const char *word)
{
	static const char *const names[] = {"t", "c", "n", "b", "r", "p"};

	for (int i = 0; i < 6; i++)
		if (strcmp(word, names[i]) == 0)
			return (struct snp_query_field){i, (enum snp_query_kind)i,
							names[i]};
	return (struct snp_query_field){.id = -1};
}

static struct snp_query_value get(const void *row, int id)
{
	return (struct snp_query_value){
	    .known = row != NULL, .number = 1e9 * id, .text = "busy"};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct snp_query_terms terms = {find, NULL, get};
	struct snp_query *query = NULL;
	struct snp_query_place place;
	struct snp_buf out = {0};
	struct snp_err err = {0};
	char *text;

	text = strndup((const char *)data, size);
	if (snp_query_compile(text, &terms, &query, &place, &err) < 0) {
		SNP_CHECK(!query && err.code < 0 && *err.msg);
		SNP_CHECK(place.at <= strlen(text));
		snp_query_point(text, &place, &out);
	} else {
		for (int known = 0; known < 2; known++) {
			const void *row = known ? text : NULL;

			snp_buf_reset(&out);
			snp_query_why_not(query, row, &out);
			SNP_CHECK(snp_query_matches(query, row) == (out.len == 0));
		}
	}
	snp_query_free(query);
	snp_buf_fini(&out);
	free(text);
	return 0;
}
