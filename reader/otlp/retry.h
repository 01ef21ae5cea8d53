/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.h - when a request is tried, and when it is given up. Pure: the time and chance
 * are the caller's.
 *
 *   begin --> next --> ATTEMPT --(it fails)--> failed --> next --> WAIT --> next ...
 *               `----> GIVE_UP
 *
 * Waits grow from failure to failure by half, and are drawn within a fifth around that,
 * so that many senders do not come back together. What a receiver asked for is kept,
 * also beyond the request it was said of.
 */
#ifndef SNP_OTLP_RETRY_H
#define SNP_OTLP_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/time.h"

#define OTLP_RETRY_MAX_MS UINT64_C(30000) /* a wait of ours */
/* A receiver that asks for more is asked again after this. */
#define OTLP_RETRY_ASKED_MAX_MS UINT64_C(300000)

/* Zeroed, with first_wait_ms set: nothing was ever tried. */
struct otlp_retry {
	uint64_t first_wait_ms;
	snp_mono_t give_up; /* of this request; .ns == UINT64_MAX: never */
	snp_mono_t ours;    /* not before this, because we wait, */
	snp_mono_t asked;   /* nor before this, because we were asked to */
	unsigned failures;  /* of this request */
	bool stopping, failed_stopping;
	snp_mono_t stop_by;
};

/* A new request, for which there is `budget_ms` (0: any time). */
void otlp_retry_begin(struct otlp_retry *retry, snp_mono_t now, uint64_t budget_ms);

/* An attempt failed in a way that may pass. `asked_ns` is what the receiver wants us to
 * wait, 0 if it said nothing; `chance` any number. */
void otlp_retry_failed(struct otlp_retry *retry, snp_mono_t now, uint64_t asked_ns,
		       uint32_t chance);

/* From now on requests have until `by`, and one more attempt each, without a wait of
 * ours. */
void otlp_retry_stop(struct otlp_retry *retry, snp_mono_t by);

enum otlp_step { OTLP_ATTEMPT, OTLP_WAIT, OTLP_GIVE_UP };

/* What to do now. *ret_until: when the attempt, or the wait, ends at the latest. */
enum otlp_step otlp_retry_next(const struct otlp_retry *retry, snp_mono_t now,
			       snp_mono_t *ret_until);

#endif
