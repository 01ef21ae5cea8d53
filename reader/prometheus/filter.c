/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include <string.h>

static const struct {
	const char *name, *prefixes;
} groups[SCRAPE_GROUP_NR] = {
#define GROUP(id, name, prefixes) [SCRAPE_##id] = {name, prefixes},
#include "groups.def"
#undef GROUP
};

const struct scrape_filter scrape_filter_all = {.groups = SCRAPE_GROUPS_ALL};

const char *scrape_group_name(enum scrape_group group)
{
	return groups[group].name;
}

int scrape_group_find(const char *name)
{
	for (int i = 0; i < SCRAPE_GROUP_NR; i++)
		if (strcmp(groups[i].name, name) == 0)
			return i;
	return -1;
}

static bool has_prefix(const char *name, const char *prefixes)
{
	size_t len;

	for (; *prefixes; prefixes += len + (prefixes[len] == ' ')) {
		len = strcspn(prefixes, " ");
		if (strncmp(name, prefixes, len) == 0)
			return true;
	}
	return false;
}

enum scrape_group scrape_group_of(const char *family)
{
	unsigned i = 0;

	while (i < SCRAPE_GROUP_NR - 1 && !has_prefix(family, groups[i].prefixes))
		i++;
	return (enum scrape_group)i;
}

bool scrape_filter_wants(const struct scrape_filter *filter, const char *family,
			 bool always)
{
	if (!always && !(filter->groups & (1U << scrape_group_of(family))))
		return false;
	for (size_t i = 0; i < filter->names_nr; i++)
		if (strcmp(filter->names[i], family) == 0)
			return true;
	return filter->names_nr == 0;
}
