/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - what has been told of the counters of one runtime.
 *
 * A word for each thing that only grows, found by where it is in the segment: metric,
 * row, cell. A row that is used again, for another pool or worker, has another uid and
 * starts from zero. What is to be told is the difference to the segment's word; the
 * word here follows once it has been told, which is the caller's business.
 *
 * One thread at a time. No I/O.
 */
#ifndef SNP_STATSD_LEDGER_H
#define SNP_STATSD_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "snakepit/read.h"

struct ledger;

/* For snapshots of the segment that `snap` was taken from. -ENOMEM. */
int ledger_create(const struct snp_snapshot *snap, struct ledger **ret_ledger);
void ledger_destroy(struct ledger **ledger);

/* Have room for the metrics of `snap` as well: of the same segment, which has more of
 * them by now. -ENOMEM. */
int ledger_reserve(struct ledger *ledger, const struct snp_snapshot *snap);

/* The words of a series of the metric that is the `metric`th of the snapshot, `nr` of
 * them in each call for it; all zero when the series is new. NULL when memory ran out.
 * The address holds until the ledger is destroyed. */
uint64_t *ledger_words(struct ledger *ledger, size_t metric,
		       const struct snp_snapshot *snap, const struct snp_series *series,
		       uint32_t nr);

#endif
