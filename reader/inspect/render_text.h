/* SPDX-License-Identifier: Apache-2.0 */
/* render_text.h - what the parts of the text renderer share. */
#ifndef SNP_INSPECT_RENDER_TEXT_H
#define SNP_INSPECT_RENDER_TEXT_H

#include "report.h"

/* 2026-01-31T12:00:00.123Z, "never" for 0. */
void render_text_date(struct snp_buf *out, uint64_t wall_ns);

/* As people say it: three digits and a unit. */
void render_text_duration(struct snp_buf *out, uint64_t ns);

/* The name of a number. */
void render_text_enum(const struct report *report, struct snp_buf *out,
		      enum snp_enum_table table, uint64_t value);

/* Events, requests in flight, spans, history and threads, as the report has them. */
void render_text_records(const struct report *report, struct snp_buf *out);

#endif
