/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP/HTTP: a POST with the message, as protobuf or as JSON. */
#include "transport.h"

#include <errno.h>
#include <stdlib.h>

#include "http.h"
#include "payload.h"

enum { CONTENT_TYPE, RETRY_AFTER };

struct otlp_transport {
	enum otlp_signal signal;
	const struct otlp_endpoint *endpoint;
	struct http *http;
	struct otlp_payload payload;
	struct snp_buf *bytes; /* the payload's, loaded last */
};

static void http_transport_close(struct otlp_transport *transport)
{
	http_destroy(&transport->http);
	otlp_payload_fini(&transport->payload);
	free(transport);
}

static int http_transport_open(enum otlp_signal signal,
			       const struct otlp_endpoint *endpoint,
			       struct otlp_transport **ret_transport,
			       struct snp_err *err)
{
	const char *const headers[] = {
	    endpoint->protocol == OTLP_HTTP_JSON
		? "Content-Type: application/json"
		: "Content-Type: application/x-protobuf",
	    endpoint->compression == OTLP_GZIP ? "Content-Encoding: gzip" : NULL,
	    NULL,
	};
	const struct http_options options = {
	    .url = endpoint->url,
	    .version = HTTP_ANY,
	    .endpoint = endpoint,
	    .headers = headers,
	    .wanted = {[CONTENT_TYPE] = "content-type", [RETRY_AFTER] = "retry-after"},
	};
	struct otlp_transport *transport = calloc(1, sizeof(*transport));
	int rc;

	if (!transport)
		return snp_err_set(err, -ENOMEM, "out of memory for a sender");
	transport->signal = signal;
	transport->endpoint = endpoint;
	rc = http_create(&options, &transport->http, err);
	if (rc < 0) {
		http_transport_close(transport);
		return rc;
	}
	*ret_transport = transport;
	return 0;
}

static int http_transport_load(struct otlp_transport *transport,
			       const struct otlp_batch *batch)
{
	return otlp_payload_make(&transport->payload, batch, transport->endpoint, 0,
				 &transport->bytes);
}

static void http_transport_attempt(struct otlp_transport *transport,
				   const _Atomic uint64_t *until,
				   struct otlp_answer *ret_answer)
{
	const struct snp_buf *bytes = transport->bytes;
	struct otlp_http_said said;
	struct http_reply reply;

	http_post(transport->http, bytes->data, bytes->len, NULL, until, &reply);
	if (reply.end != HTTP_ANSWERED) {
		otlp_answer_none(&reply, ret_answer);
		return;
	}
	said = (struct otlp_http_said){
	    .status = reply.status,
	    .content_type = reply.values[CONTENT_TYPE],
	    .retry_after = reply.values[RETRY_AFTER],
	    .body = reply.body,
	    .len = reply.len,
	};
	otlp_answer_http(&said, transport->signal, snp_wall_now(), ret_answer);
}

static void http_transport_wake(struct otlp_transport *transport)
{
	http_wake(transport->http);
}

const struct otlp_transport_ops otlp_transport_http = {
    .open = http_transport_open,
    .close = http_transport_close,
    .load = http_transport_load,
    .attempt = http_transport_attempt,
    .wake = http_transport_wake,
};
