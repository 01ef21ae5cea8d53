/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - what --filter leaves of a report (model/query.h, fields.def).
 *
 * Facts, rows and series answer the same questions: a series has the fields of its row,
 * and what something has no say in is not known. Without a filter everything is shown.
 */
#ifndef SNP_INSPECT_FILTER_H
#define SNP_INSPECT_FILTER_H

#include "model/query.h"
#include "report.h"

extern const struct snp_query_terms filter_terms;

bool filter_shows_fact(const struct report *report, const struct report_fact *fact);
bool filter_shows_row(const struct report *report, unsigned kind,
		      const struct snp_row *row);
/* The series needs no labels. */
bool filter_shows_series(const struct report *report, const struct snp_series *series);

/* Whether any row of the kind, or series of the metric, is left: true without a filter,
 * also where there is none at all. */
bool filter_shows_rows(const struct report *report, unsigned kind);
bool filter_shows_metric(const struct report *report, const struct snp_metric *metric);

#endif
