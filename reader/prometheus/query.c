/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include <errno.h>
#include <string.h>

static int add_group(const char *value, uint32_t *groups, struct snp_err *err)
{
	int group = scrape_group_find(value);

	if (group < 0)
		return snp_err_set(err, -EINVAL, "unknown collector: '%.64s'", value);
	*groups |= 1U << group;
	return 0;
}

int query_add(struct query *query, const char *key, const char *value,
	      struct snp_err *err)
{
	if (!value)
		value = "";
	if (strcmp(key, "collect[]") == 0)
		return add_group(value, &query->collect, err);
	if (strcmp(key, "exclude[]") == 0)
		return add_group(value, &query->exclude, err);
	if (strcmp(key, "name[]") != 0)
		return 0;
	if (query->names_nr == QUERY_NAMES_MAX)
		return snp_err_set(err, -EINVAL, "more than %d name[]",
				   QUERY_NAMES_MAX);
	query->names[query->names_nr++] = value;
	return 0;
}

int query_finish(const struct query *query, uint32_t groups,
		 struct scrape_filter *ret_filter, struct snp_err *err)
{
	uint32_t off = query->collect & ~groups;
	int group = 0;

	if (query->collect && query->exclude)
		return snp_err_set(
		    err, -EINVAL,
		    "Combined collect and exclude queries are not allowed.");
	if (off) {
		while (!(off & (1U << group)))
			group++;
		return snp_err_set(err, -EINVAL, "disabled collector: '%s'",
				   scrape_group_name((enum scrape_group)group));
	}
	if (query->collect)
		groups = query->collect;
	*ret_filter = (struct scrape_filter){
	    .groups = groups & ~query->exclude,
	    .names = query->names,
	    .names_nr = query->names_nr,
	};
	return 0;
}
