/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sender.h - get batches of one signal to their receiver: one at a time, tried again
 * where that can help, given up when their time is over.
 *
 * What goes wrong is logged, each kind of error once a minute. otlp_sender_send() is
 * for one thread; otlp_sender_stop() may be called from any other.
 */
#ifndef SNP_OTLP_SENDER_H
#define SNP_OTLP_SENDER_H

#include <stdint.h>

#include "answer.h"
#include "batch.h"
#include "settings.h"
#include "snakepit/err.h"
#include "snakepit/time.h"
#include "transport.h"

struct otlp_sender;

enum otlp_sent {
	OTLP_SENT,    /* though the receiver may have rejected some of the items */
	OTLP_DROPPED, /* certainly or possibly not received, and not tried again */
	OTLP_STOPPED, /* the same, because of otlp_sender_stop() */
};

/* Why a batch was dropped, with the words of logs and metrics. */
#define OTLP_DROPS(X)                                                                  \
	X(NONE, "")                                                                    \
	X(REFUSED, "refused")	/* by the receiver, for good */                        \
	X(GIVEN_UP, "given_up") /* its time was over */                                \
	X(STOPPED, "stopped")	/* likewise, because we end */                         \
	X(TOO_LARGE, "too_large")                                                      \
	X(NO_MEMORY, "no_memory")

enum otlp_drop {
#define X(id, word) OTLP_DROP_##id,
	OTLP_DROPS(X)
#undef X
	    OTLP_DROP_NR
};

const char *otlp_drop_word(enum otlp_drop drop);

/* How sending one batch went. items = sent + rejected + dropped. */
struct otlp_report {
	uint64_t sent, rejected, dropped; /* items */
	enum otlp_drop drop;
	unsigned attempts;
	uint64_t duration_ns; /* waits included */
	/* The attribute error.type of what was not wholly sent; "" else. */
	char error[OTLP_ERROR_BYTES];
};

/* `ops`: otlp_sender_ops() unless it does not go to a receiver at all. The endpoint
 * must outlive the sender. Connects to nothing yet. -EINVAL, -ENOMEM. */
int otlp_sender_create(enum otlp_signal signal, const struct otlp_endpoint *endpoint,
		       const struct otlp_transport_ops *ops,
		       struct otlp_sender **ret_sender, struct snp_err *err);
void otlp_sender_destroy(struct otlp_sender **sender);

/* The transport of the endpoint's protocol. */
const struct otlp_transport_ops *otlp_sender_ops(const struct otlp_endpoint *endpoint);

/* Blocks until it is known. The batch is not looked at afterwards. */
enum otlp_sent otlp_sender_send(struct otlp_sender *sender,
				const struct otlp_batch *batch,
				struct otlp_report *ret_report);

/* Come to an end: a wait between attempts ends at once, an attempt at the deadline. A
 * batch gets one more attempt, so what is left may still be sent until then. */
void otlp_sender_stop(struct otlp_sender *sender, snp_mono_t deadline);

#endif
