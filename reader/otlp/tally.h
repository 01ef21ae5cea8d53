/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - what became of the items of one signal that were given to its sender. Pure.
 */
#ifndef SNP_OTLP_TALLY_H
#define SNP_OTLP_TALLY_H

#include "sender.h"

#define OTLP_TALLY_ERRORS 8

struct otlp_tally {
	uint64_t sent;	   /* the receiver has them */
	uint64_t not_sent; /* the sum of those in errors[] */
	uint64_t requests, duration_ns;
	/* By error.type; what has no place any more counts as the last. */
	struct otlp_tally_error {
		char type[OTLP_ERROR_BYTES];
		uint64_t items;
	} errors[OTLP_TALLY_ERRORS];
	unsigned errors_nr;
};

/* After a batch. */
void otlp_tally_add(struct otlp_tally *tally, const struct otlp_report *report);

#endif
