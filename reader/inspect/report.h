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
#include "model/query.h"
#include "snakepit/err.h"
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

enum report_part { /* what a report can have beyond facts, rows and metrics */
		   REPORT_EVENTS = 1,
		   REPORT_EVIDENCE = 2, /* texts of the events */
		   REPORT_IN_FLIGHT = 4,
		   REPORT_SPANS = 8,
		   REPORT_HISTORY = 16,
		   REPORT_THREADS = 32,
		   REPORT_ALL = 63,
		   REPORT_ALONE = 64, /* and without facts, rows and metrics */
};

struct report {
	struct snp_segment *seg;
	const struct snp_segment_info *info;
	const struct snp_snapshot *snap;
	enum snp_writer_verdict verdict;
	char version[24];
	struct report_fact facts[REPORT_FACTS_MAX];
	size_t facts_nr;
	unsigned parts;			/* REPORT_* */
	const struct snp_query *filter; /* NULL: everything is shown (filter.h) */
	/* Events from here on; moves behind them. NULL: from the oldest kept. */
	struct snp_ring_cursor *cursor;
	struct snp_event *events; /* all rings, in order of time */
	size_t events_nr;
	uint64_t events_lost;
	struct snp_evidence
	    *evidence; /* by event; text NULL: it has none, or no more */
	struct snp_inflight *inflight; /* in order of worker rows */
	size_t inflight_nr;
	struct snp_span *spans; /* all rings, in the order in which they ended */
	size_t spans_nr;
	uint64_t spans_lost;
	struct snp_thread threads[SNP_RINGS_MAX];
	size_t threads_nr;
};

/* A zeroed report is empty. Records come first, and what they point to afterwards: a
 * snapshot that is younger than a record has the row of its tool and its pool.
 *
 * These parts, as the segment has them now (records.c). -ENOMEM. */
int report_records(struct report *report, struct snp_segment *seg, unsigned parts);
/* Everything else; `snap` is of the same segment. */
void report_state(struct report *report, const struct snp_snapshot *snap);
/* After both: of the events keep those of a pool, or of a pool's slot (-1: of all). */
void report_keep_events(struct report *report, const char *pool, int64_t slot);
void report_fini(struct report *report);

/* Age of a moment on the writer's clock: up to now, or to its last heartbeat when it is
 * gone. */
uint64_t report_age_ns(const struct report *report, snp_mono_t since);

/* Name of the row, "" when it is absent; the second, also when it is another than the
 * one with this uid. */
const char *report_row_name(const struct report *report, unsigned kind, uint32_t index);
const char *report_uid_name(const struct report *report, unsigned kind, uint32_t index,
			    uint64_t uid);

/* The samples of a row, for one renderer at a time: memory is kept for the next row.
 * A zeroed struct is empty; to be freed with report_history_fini(). */
struct report_history {
	struct snp_pool_sample *pool;
	struct snp_worker_sample *worker;
	size_t pool_cap, worker_cap;
	size_t nr; /* of the row that was asked for last */
};
/* -ENOMEM. */
int report_pool_history(const struct report *report, const struct snp_row *row,
			struct report_history *history);
int report_worker_history(const struct report *report, const struct snp_row *row,
			  struct report_history *history);
void report_history_fini(struct report_history *history);

/* Text of a number, from the segment's own tables. */
static inline const char *report_enum(const struct report *report,
				      enum snp_enum_table table, uint64_t value)
{
	return snp_segment_enum_text(report->seg, table, value);
}

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

/* The same, but writes to `fd` as it goes: what is left at the end is in `out`. A
 * negative errno when it could not write, or ran out of memory. */
int render_csv(const struct report *report, struct snp_buf *out, int fd);

/* What went wrong, as a JSON object of its own. */
void render_json_error(const struct snp_err *err, struct snp_buf *out);

#endif
