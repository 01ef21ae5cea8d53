/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - ways for a batch to leave, behind one table of functions. What is tried
 * again, and when, is the sender's (sender.h). One thread at a time, except wake.
 */
#ifndef SNP_OTLP_TRANSPORT_H
#define SNP_OTLP_TRANSPORT_H

#include <stdatomic.h>
#include <stdint.h>

#include "answer.h"
#include "batch.h"
#include "settings.h"
#include "snakepit/err.h"

/* A request must not be longer, before compression. */
#define OTLP_REQUEST_MAX ((size_t)64 << 20)

struct otlp_transport; /* each has its own */

struct otlp_transport_ops {
	/* The endpoint must outlive the transport. -EINVAL, -ENOMEM. */
	int (*open)(enum otlp_signal signal, const struct otlp_endpoint *endpoint,
		    struct otlp_transport **ret_transport, struct snp_err *err);
	void (*close)(struct otlp_transport *transport);
	/* Make a batch ready for its attempts; it is not looked at after this returned.
	 * -EMSGSIZE: longer than OTLP_REQUEST_MAX; -ENOMEM. */
	int (*load)(struct otlp_transport *transport, const struct otlp_batch *batch);
	/* Send what was loaded last; may be repeated. Ends at `until` (CLOCK_MONOTONIC,
	 * nanoseconds), which another thread may bring forward, and then calls wake. */
	void (*attempt)(struct otlp_transport *transport, const _Atomic uint64_t *until,
			struct otlp_answer *ret_answer);
	/* Have an attempt look at `until` again. Any thread. NULL: attempts are short.
	 */
	void (*wake)(struct otlp_transport *transport);
};

extern const struct otlp_transport_ops otlp_transport_http; /* protobuf and JSON */
extern const struct otlp_transport_ops otlp_transport_grpc;

#endif
