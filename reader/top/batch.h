/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - a frame as text or JSON. Pure: fills a buffer.
 */
#ifndef SNP_TOP_BATCH_H
#define SNP_TOP_BATCH_H

#include "frame.h"
#include "model/buf.h"
#include "view.h"

/* Width of --once where the output has none of its own. */
#define TOP_ONCE_COLS 120

/* Each appends to `out`; -ENOMEM: `out` must not be used. */

int top_batch_text(const struct top_scene *scene, int cols, bool ascii,
		   struct snp_buf *out);

/* One object in one line. Workers as in scene->rows. */
int top_batch_json(const struct top_scene *scene, struct snp_buf *out);

/* The member "verdict" of the object that is open. */
void top_batch_verdict(struct snp_json *json, enum top_verdict verdict);

/* One table, RFC 4180: the columns of ui->shown, or all of workers; time_ns of the look
 * comes first. With the line of names or without. */
int top_batch_csv(const struct top_scene *scene, bool header, struct snp_buf *out);

#endif
