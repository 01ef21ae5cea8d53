/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - which families of a page a scrape wants.
 *
 * Pure. snakepit_up, snakepit_scrape_* and the build info of the exporter are about the
 * scrape itself: they belong to no group and only `names` can leave them out.
 */
#ifndef SNP_PROMETHEUS_FILTER_H
#define SNP_PROMETHEUS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scrape_group {
#define GROUP(id, name, prefixes) SCRAPE_##id,
#include "groups.def"
#undef GROUP
	SCRAPE_GROUP_NR
};

#define SCRAPE_GROUPS_ALL ((1U << SCRAPE_GROUP_NR) - 1)

struct scrape_filter {
	uint32_t groups; /* bits 1 << enum scrape_group */
	/* Families by the name that stands in their TYPE line of text 0.0.4; none: all.
	 * Borrowed. */
	const char *const *names;
	size_t names_nr;
};

/* Nothing left out. */
extern const struct scrape_filter scrape_filter_all;

/* "worker" for SCRAPE_WORKER. */
const char *scrape_group_name(enum scrape_group group);
/* -1 when there is no such group. */
int scrape_group_find(const char *name);

/* The group of the family of that name. */
enum scrape_group scrape_group_of(const char *family);

/* Whether a family passes; `always`: it is about the scrape itself. */
bool scrape_filter_wants(const struct scrape_filter *filter, const char *family,
			 bool always);

#endif
