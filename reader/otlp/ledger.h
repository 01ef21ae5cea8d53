/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - what a receiver has been told of a segment: of each row since when it is
 * known, and of what must be subtracted or carried on, the counts.
 *
 * There are two: what was acknowledged, and what would be if the last collection is.
 * Rows are known by their uid: one that was reused has been told nothing of.
 *
 * One thread at a time.
 */
#ifndef SNP_OTLP_LEDGER_H
#define SNP_OTLP_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snakepit/read.h"

struct otlp_ledger_row {
	uint64_t uid;
	uint64_t told; /* Unix ns of its last points; 0 = never */
	bool gone;     /* told that it is */
};

/* Words of one instrument: a block that is carried on beyond the life of rows, then a
 * block for each row. */
struct otlp_ledger_counts {
	uint64_t *words;
	size_t block; /* words of a row; 0 = nothing is kept */
	uint32_t rows;
};

/* A zeroed struct knows nothing. */
struct otlp_ledger {
	struct {
		struct otlp_ledger_row *list;
		uint32_t nr;
	} rows[SNP_ROW_KINDS];
	struct otlp_ledger_counts *counts; /* by instrument */
	size_t counts_nr;
};

/* For so many instruments. -ENOMEM. */
int otlp_ledger_init(struct otlp_ledger *ledger, size_t instruments);
void otlp_ledger_fini(struct otlp_ledger *ledger);

/* Room for so many rows of a kind. -ENOMEM. */
int otlp_ledger_rows(struct otlp_ledger *ledger, unsigned kind, uint32_t nr);
/* Room for the counts of so many rows, `block` words each, the same at every call; what
 * was not there is 0. -ENOMEM. */
int otlp_ledger_counts(struct otlp_ledger *ledger, size_t instrument, size_t block,
		       uint32_t rows);

/* Give `to` what `from` knows of its instrument, which then knows nothing of it. */
void otlp_ledger_move(struct otlp_ledger *to, size_t instrument,
		      struct otlp_ledger *from, size_t instrument_from);
/* The same of all rows. */
void otlp_ledger_move_rows(struct otlp_ledger *to, struct otlp_ledger *from);

/* Make `to` say what `from` says; it is as large. */
void otlp_ledger_copy(struct otlp_ledger *to, const struct otlp_ledger *from);

/* NULL where nothing is kept of the row. */
uint64_t *otlp_ledger_of(const struct otlp_ledger *ledger, size_t instrument,
			 uint32_t row);
/* NULL where nothing is kept of the instrument. */
static inline uint64_t *otlp_ledger_carried(const struct otlp_ledger *ledger,
					    size_t instrument)
{
	return ledger->counts[instrument].words;
}

#endif
