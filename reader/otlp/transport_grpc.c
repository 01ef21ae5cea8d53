/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/gRPC: one message each way over HTTP/2. A unary call is a POST with a prefix of
 * five bytes before the message and the status in the trailers; the rest of gRPC is not
 * needed here, nor are its library, threads and memory (docs/decisions).
 */
#include "transport.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "payload.h"
#include "snakepit/time.h"

#define PREFIX_BYTES   5
#define HEADER_BYTES   64
#define TIMEOUT_MAX_MS 99999999

enum { GRPC_STATUS, GRPC_MESSAGE, GRPC_DETAILS };

struct otlp_transport {
	enum otlp_signal signal;
	const struct otlp_endpoint *endpoint;
	struct http *http;
	struct otlp_payload payload;
	struct snp_buf *bytes; /* the payload's, loaded last */
};

static void grpc_transport_close(struct otlp_transport *transport)
{
	http_destroy(&transport->http);
	otlp_payload_fini(&transport->payload);
	free(transport);
}

static int connect_to(struct otlp_transport *transport, struct snp_err *err)
{
	const struct otlp_endpoint *endpoint = transport->endpoint;
	const char *const headers[] = {
	    "Content-Type: application/grpc",
	    "TE: trailers",
	    endpoint->compression == OTLP_GZIP ? "grpc-encoding: gzip" : NULL,
	    NULL,
	};
	struct http_options options = {
	    .version = HTTP_2_ONLY,
	    .endpoint = endpoint,
	    .headers = headers,
	    .wanted = {[GRPC_STATUS] = "grpc-status",
		       [GRPC_MESSAGE] = "grpc-message",
		       [GRPC_DETAILS] = "grpc-status-details-bin"},
	};
	char *url;
	int rc;

	if (asprintf(&url, "%s%s", endpoint->url,
		     otlp_signals[transport->signal].method) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a sender");
	options.url = url;
	rc = http_create(&options, &transport->http, err);
	free(url);
	return rc;
}

static int grpc_transport_open(enum otlp_signal signal,
			       const struct otlp_endpoint *endpoint,
			       struct otlp_transport **ret_transport,
			       struct snp_err *err)
{
	struct otlp_transport *transport = calloc(1, sizeof(*transport));
	int rc;

	if (!transport)
		return snp_err_set(err, -ENOMEM, "out of memory for a sender");
	transport->signal = signal;
	transport->endpoint = endpoint;
	rc = connect_to(transport, err);
	if (rc < 0) {
		grpc_transport_close(transport);
		return rc;
	}
	*ret_transport = transport;
	return 0;
}

static int grpc_transport_load(struct otlp_transport *transport,
			       const struct otlp_batch *batch)
{
	int rc = otlp_payload_make(&transport->payload, batch, transport->endpoint,
				   PREFIX_BYTES, &transport->bytes);
	unsigned char prefix[PREFIX_BYTES];
	uint32_t len;

	if (rc < 0)
		return rc;
	len = (uint32_t)(transport->bytes->len - PREFIX_BYTES);
	prefix[0] = transport->endpoint->compression == OTLP_GZIP;
	for (int i = 0; i < 4; i++)
		prefix[1 + i] = (unsigned char)(len >> (24 - 8 * i));
	memcpy(transport->bytes->data, prefix, sizeof(prefix));
	return 0;
}

/* What the receiver may take for it, rounded up. At most eight digits are allowed, so
 * milliseconds reach for a day; NULL where there is no such limit. */
static const char *timeout_header(uint64_t until_ns, char header[HEADER_BYTES])
{
	const uint64_t now_ns = snp_mono_now().ns;
	const uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	const uint64_t ms = left_ns / SNP_NS_PER_MS + 1;

	if (ms > TIMEOUT_MAX_MS)
		return NULL;
	(void)snprintf(header, HEADER_BYTES, "grpc-timeout: %" PRIu64 "m", ms);
	return header;
}

static void grpc_transport_attempt(struct otlp_transport *transport,
				   const _Atomic uint64_t *until,
				   struct otlp_answer *ret_answer)
{
	const uint64_t until_ns = atomic_load_explicit(until, memory_order_relaxed);
	const struct snp_buf *bytes = transport->bytes;
	char header[HEADER_BYTES];
	struct otlp_grpc_said said;
	struct http_reply reply;

	http_post(transport->http, bytes->data, bytes->len,
		  timeout_header(until_ns, header), until, &reply);
	/* A status that came before the stream broke is the receiver's last word. */
	if (reply.end != HTTP_ANSWERED &&
	    !(reply.end == HTTP_UNREACHABLE && reply.values[GRPC_STATUS])) {
		otlp_answer_none(&reply, ret_answer);
		return;
	}
	said = (struct otlp_grpc_said){
	    .http_status = reply.status,
	    .status = reply.values[GRPC_STATUS],
	    .message = reply.values[GRPC_MESSAGE],
	    .details = reply.values[GRPC_DETAILS],
	    .body = reply.body,
	    .len = reply.len,
	};
	otlp_answer_grpc(&said, transport->signal, ret_answer);
}

static void grpc_transport_wake(struct otlp_transport *transport)
{
	http_wake(transport->http);
}

const struct otlp_transport_ops otlp_transport_grpc = {
    .open = grpc_transport_open,
    .close = grpc_transport_close,
    .load = grpc_transport_load,
    .attempt = grpc_transport_attempt,
    .wake = grpc_transport_wake,
};
