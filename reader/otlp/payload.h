/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.h - the bytes of a request: encoded, and compressed if they shall be. Memory
 * is kept from one to the next. One thread at a time.
 */
#ifndef SNP_OTLP_PAYLOAD_H
#define SNP_OTLP_PAYLOAD_H

#include "batch.h"
#include "model/buf.h"
#include "model/gzip.h"
#include "settings.h"

/* Zeroed: nothing made yet. */
struct otlp_payload {
	struct snp_buf plain, packed;
	struct snp_gzip *gzip;
};

/* Encode the batch for the endpoint's protocol and compress it, behind `head` bytes
 * that are left to the caller. *ret_bytes is the payload's own, and stays until the
 * next. -EMSGSIZE: longer than OTLP_REQUEST_MAX before compression; -ENOMEM. */
int otlp_payload_make(struct otlp_payload *payload, const struct otlp_batch *batch,
		      const struct otlp_endpoint *endpoint, size_t head,
		      struct snp_buf **ret_bytes);
void otlp_payload_fini(struct otlp_payload *payload);

#endif
