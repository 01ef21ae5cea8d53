/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - one scrape: look at the runtime, write everything down.
 *
 * Nothing is cached between scrapes but memory: the answer is of now, or, where
 * hundreds ask in a second, of some milliseconds ago. A runtime that is absent, dead or
 * replaced is an answer too, never a failed scrape.
 *
 * Thread-safe: scrapes wait for each other. A body belongs to whoever asked for it
 * until it is given back; all must be back before the collector is destroyed.
 */
#ifndef SNP_PROMETHEUS_COLLECTOR_H
#define SNP_PROMETHEUS_COLLECTOR_H

#include <stdbool.h>

#include "families.h"
#include "filter.h"
#include "instances.h"
#include "model/buf.h"
#include "negotiate.h"
#include "snakepit/err.h"

struct collector;

struct collector_body {
	struct snp_buf text;
	struct negotiated as; /* what it is, which may be less than was asked for */
	struct collector *collector;
	struct collector_body *next;
};

struct collector_options {
	enum instances_choice choice;
	const char *const *names; /* of instances; read by collector_create() alone */
	size_t names_nr;
	enum families_levels levels;
	uint32_t groups;       /* of filter.h: what a scrape gets at most */
	bool created;	       /* _created samples in the text formats */
	bool exporter_metrics; /* families about this program too */
};

/* -ENOMEM. */
int collector_create(const struct collector_options *options,
		     struct collector **ret_collector);
void collector_destroy(struct collector **collector);

/* The metrics page as a client wants it, NULL when memory ran out. */
struct collector_body *collector_scrape(struct collector *collector,
					const struct negotiated *as,
					const struct scrape_filter *filter);
void collector_give_back(struct collector_body *body);

/* Whether a live runtime, one of several, is attached; else *ret_why says in a line
 * what is in the way.
 */
bool collector_ready(struct collector *collector, char ret_why[SNP_ERR_MSG_BYTES]);

#endif
