/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - a whole page, in any format: the exporter's own families and those of all
 * instances, each family in one piece whatever the number of instances.
 *
 * One thread at a time.
 */
#ifndef SNP_PROMETHEUS_PAGE_H
#define SNP_PROMETHEUS_PAGE_H

#include "filter.h"
#include "model/buf.h"
#include "negotiate.h"
#include "source.h"

/* Memory that pages have in common. */
struct page_room;
int page_room_create(struct page_room **ret_room); /* -ENOMEM */
void page_room_destroy(struct page_room **room);

struct page {
	struct negotiated as;
	const struct scrape_filter *filter;
	bool created;	       /* _created samples in OpenMetrics */
	bool exporter_metrics; /* families about this program too */
	snp_wall_t started;    /* this program */
	snp_mono_t begin;      /* this scrape */
	struct page_source *sources;
	size_t sources_nr;
};

/* Append the page. The buffer says whether memory ran out. */
void page_render(struct page_room *room, const struct page *page, struct snp_buf *buf);

#endif
