/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - families of a segment as text, in the format 0.0.4 or OpenMetrics.
 *
 * What the lines of a family have in common is prepared at its first series: a scrape
 * copies pieces and prints integers. One thread at a time.
 */
#ifndef SNP_PROMETHEUS_TEXT_H
#define SNP_PROMETHEUS_TEXT_H

#include <stdbool.h>

#include "families.h"
#include "model/buf.h"
#include "source.h"

struct text_job {
	bool openmetrics;
	bool created; /* OpenMetrics: a _created sample for each that counts */
	struct snp_buf *buf;
};

/* Append the series of a family that families_enter() let pass, behind its head when
 * there is none yet: `*begun` says so. The buffer says whether memory ran out. */
void text_family(const struct text_job *job, const struct page_source *source,
		 struct family *family, bool *begun);

void text_lines_destroy(struct text_lines *lines);

#endif
