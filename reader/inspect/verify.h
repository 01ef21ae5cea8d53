/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - does what the segment holds make sense?
 *
 * Attaching and taking a snapshot have checked the structure already; these are the
 * promises about the contents: unique names, counters that never fall, sums that fit
 * their buckets, states that exist, a checked copy that agrees with the cells, rows
 * that are told apart, records that are whole.
 */
#ifndef SNP_INSPECT_VERIFY_H
#define SNP_INSPECT_VERIFY_H

#include "model/buf.h"
#include "snakepit/read.h"

/* One line a fault, or one line "ok", appended to `out`. Returns the number of faults;
 * a negative errno when the segment could not be looked at a second time. `before` is
 * an earlier snapshot of `seg`, of its live cells. Waits for the writer's next copy, up
 * to ten of its intervals. */
int verify(struct snp_segment *seg, const struct snp_snapshot *before,
	   struct snp_buf *out, struct snp_err *err);

#endif
