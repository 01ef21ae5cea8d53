/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POOL_PREFIX "pool."

int top_words_delay(const char *text, unsigned *ret_ms, struct snp_err *err)
{
	char *end;
	double s = strtod(text, &end);

	/* The negated form refuses NaN too. */
	if (end == text || *end != '\0' ||
	    !(s >= TOP_DELAY_MIN_MS / 1000.0 && s <= TOP_DELAY_MAX_MS / 1000.0))
		return snp_err_set(err, -EINVAL,
				   "delay \"%s\" is not between 0.05 and 60 seconds",
				   text);
	*ret_ms = (unsigned)(s * 1000.0 + 0.5);
	return 0;
}

int top_words_sort(const char *text, struct top_sort *sort, struct snp_err *err)
{
	const char *name = text + (*text == '-' || *text == '+');
	int id = top_column_find(TOP_TABLE_WORKER, name);
	bool ascends, wanted = *text == '+';

	if (id < 0)
		return snp_err_set(
		    err, -EINVAL,
		    "no worker column \"%s\" to sort by; -o help lists them", name);
	sort->column = (enum top_column_id)id;
	ascends = top_column_ascends(sort->column);
	sort->flags = name != text && wanted != ascends ? TOP_SORT_INVERT : 0;
	return 0;
}

int top_words_column(const char *text, struct top_shown shown[TOP_TABLE_NR],
		     struct snp_err *err)
{
	enum top_table table = TOP_TABLE_WORKER;
	struct top_shown *of;
	int id;

	if (strncmp(text, POOL_PREFIX, strlen(POOL_PREFIX)) == 0) {
		table = TOP_TABLE_POOL;
		text += strlen(POOL_PREFIX);
	}
	id = top_column_find(table, text);
	if (id < 0)
		return snp_err_set(err, -EINVAL,
				   "no %s column \"%s\"; -o help lists them",
				   table == TOP_TABLE_POOL ? "pool" : "worker", text);
	of = &shown[table];
	for (size_t i = 0; i < of->nr; i++)
		if (of->id[i] == (enum top_column_id)id)
			return snp_err_set(err, -EINVAL, "column \"%s\" is named twice",
					   text);
	of->id[of->nr++] = (enum top_column_id)id;
	return 0;
}

static int add_columns(const char *list, struct top_shown shown[TOP_TABLE_NR],
		       struct snp_err *err)
{
	char name[64];

	for (;;) {
		size_t len = strcspn(list, ",");
		int rc;

		if (len == 0 || len >= sizeof(name))
			return snp_err_set(
			    err, -EINVAL,
			    "\"%s\" is not a list of columns; -o help lists "
			    "them",
			    list);
		memcpy(name, list, len);
		name[len] = '\0';
		rc = top_words_column(name, shown, err);
		if (rc < 0 || list[len] == '\0')
			return rc;
		list += len + 1;
	}
}

int top_words_columns(const char *list, struct top_shown shown[TOP_TABLE_NR],
		      struct snp_err *err)
{
	struct top_shown wanted[TOP_TABLE_NR];
	int rc;

	memcpy(wanted, shown, sizeof(wanted));
	rc = add_columns(list, wanted, err);
	if (rc == 0)
		memcpy(shown, wanted, sizeof(wanted));
	return rc;
}

int top_words_index(const char *text, const char *const *names, int nr)
{
	for (int i = 0; i < nr; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	return -1;
}
