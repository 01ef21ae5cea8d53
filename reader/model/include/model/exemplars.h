/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplars.h - a trace for each bucket of the requests' durations.
 *
 * The runtime leaves the spans of finished requests in rings. Each bucket of each tool
 * keeps the one that took longest of those that ended lately, so that who sees a slow
 * bucket grow finds a request that was that slow. Without traces there are none.
 *
 * One thread at a time.
 */
#ifndef SNP_MODEL_EXEMPLARS_H
#define SNP_MODEL_EXEMPLARS_H

#include "snakepit/read.h"

struct snp_exemplars;

struct snp_exemplar {
	uint64_t trace_id[2], span_id;
	uint64_t value_ns;
	snp_wall_t ended; /* 0 = there is none */
};

enum snp_exemplar_filter {
	SNP_EXEMPLARS_SAMPLED, /* requests of sampled traces */
	SNP_EXEMPLARS_TRACED,  /* of any trace */
};

/* For a segment, and not beyond it. -ENOMEM. */
int snp_exemplars_create(enum snp_exemplar_filter filter,
			 struct snp_exemplars **ret_exemplars);
void snp_exemplars_destroy(struct snp_exemplars **exemplars);

/* Read what is new in the rings. `snap`: of this segment, now. Lack of memory costs
 * exemplars, nothing else. */
void snp_exemplars_look(struct snp_exemplars *exemplars, struct snp_segment *seg,
			const struct snp_snapshot *snap);

/* Of a histogram's row, one for each classic bound and one beyond them; NULL when it
 * has none. Valid until the next look. */
const struct snp_exemplar *snp_exemplars_of(const struct snp_exemplars *exemplars,
					    const struct snp_snapshot *snap,
					    const struct snp_series *series);

/* 32 digits of the trace's id and 16 of the span's, without NUL. */
void snp_exemplar_trace_hex(const struct snp_exemplar *exemplar, char ret_hex[32]);
void snp_exemplar_span_hex(const struct snp_exemplar *exemplar, char ret_hex[16]);

#endif
