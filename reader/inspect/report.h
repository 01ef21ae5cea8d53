/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what was read, for the renderers to write down: one look at one segment.
 *
 * Pointers in a report live as long as the segment and the snapshot it was made from.
 */
#ifndef SNP_INSPECT_REPORT_H
#define SNP_INSPECT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/buf.h"
#include "snakepit/read.h"

/* A thing to know about the segment as a whole; "<group>.<name>" is its field name.
 * Those of a group stand together. */
struct report_fact {
	const char *group, *name;
	enum report_fact_type { REPORT_TEXT, REPORT_NUMBER, REPORT_SECONDS } type;
	const char *text; /* REPORT_TEXT */
	uint64_t number;  /* others; seconds in nanoseconds */
};
#define REPORT_FACTS_MAX 32

struct report {
	const struct snp_segment_info *info;
	const struct snp_snapshot *snap;
	enum snp_writer_verdict verdict;
	char version[24];
	struct report_fact facts[REPORT_FACTS_MAX];
	size_t facts_nr;
	bool with_events;
	struct snp_event *events; /* all rings, in order of time */
	size_t events_nr;
	uint64_t events_lost;
};

/* The segment must have been looked at: `snap` is of `seg`. */
void report_init(struct report *report, struct snp_segment *seg,
		 const struct snp_snapshot *snap);
/* Add the events the segment still holds. -ENOMEM. */
int report_add_events(struct report *report, struct snp_segment *seg);
void report_fini(struct report *report);

/* Quantiles shown of each histogram. */
struct report_quantile {
	const char *name; /* "p99" */
	double q;
};
#define REPORT_QUANTILES_NR 3
extern const struct report_quantile report_quantiles[REPORT_QUANTILES_NR];

/* Whether a histogram series has its words: a segment may describe one without. */
static inline bool report_has_words(const struct snp_series *series)
{
	return series->metric->kind == SNP_KIND_HISTOGRAM && series->hist;
}

/* Sum in nanoseconds. */
static inline uint64_t report_hist_sum(const struct snp_series *series)
{
	return series->hist[series->metric->nbuckets + 2];
}

/* {label=value,...} as --field takes it; nothing without labels. */
void report_put_labels(struct snp_buf *out, const struct snp_series *series);

/* The renderers. Each appends everything to `out`, which says whether memory ran out.
 */
void render_text(const struct report *report, struct snp_buf *out);
void render_json(const struct report *report, struct snp_buf *out);
void render_csv(const struct report *report, struct snp_buf *out);

#endif
