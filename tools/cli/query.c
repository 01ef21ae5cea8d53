/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/query.h"

#include <errno.h>

int cli_query(const char *option, const char *text, const struct snp_query_terms *terms,
	      struct snp_query **query, struct snp_buf *hint, struct snp_err *err)
{
	struct snp_query_place place;
	int rc;

	snp_query_free(*query);
	*query = NULL;
	rc = snp_query_compile(text, terms, query, &place, err);
	if (rc == -EINVAL) {
		snp_query_point(text, &place, hint);
		(void)snp_err_wrap(err, "%s", option);
	}
	return rc;
}
