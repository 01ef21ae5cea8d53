/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complaint.h - which of many complaints are worth a line: the first of its kind, and
 * then one a minute. Pure. One thread at a time.
 */
#ifndef SNP_OTLP_COMPLAINT_H
#define SNP_OTLP_COMPLAINT_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/time.h"

#define OTLP_COMPLAINT_KINDS	   16
#define OTLP_COMPLAINT_KIND_BYTES  32
#define OTLP_COMPLAINT_INTERVAL_MS UINT64_C(60000)

/* Zeroed: nothing was said yet. With more kinds than there is room for, the one that
 * was said longest ago is forgotten. */
struct otlp_complaints {
	struct otlp_complaint {
		char kind[OTLP_COMPLAINT_KIND_BYTES]; /* "": free */
		snp_mono_t said;
		uint64_t unsaid; /* since then */
	} kinds[OTLP_COMPLAINT_KINDS];
};

/* Say it now? *ret_unsaid: how many of the kind were not said since the last that was.
 * Longer kinds are cut. */
bool otlp_complaint_is_due(struct otlp_complaints *complaints, const char *kind,
			   snp_mono_t now, uint64_t *ret_unsaid);

#endif
