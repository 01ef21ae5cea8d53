/* SPDX-License-Identifier: Apache-2.0 */
/* What a receiver may answer: headers, trailers and bodies, over HTTP and over gRPC;
 * and what a user may put into the variables that have a grammar. The input is cut at
 * its zero bytes; the last piece is the body. */
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "endpoint.h"

#define TEXTS 5 /* type, Retry-After, status, message, details */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct otlp_answer *answer)
{
	if (strlen(answer->text) >= sizeof(answer->text) ||
	    strlen(answer->error) >= sizeof(answer->error))
		abort();
	if ((answer->outcome == OTLP_TAKEN) != (*answer->error == '\0'))
		abort();
	if (answer->outcome != OTLP_TRY_AGAIN && answer->wait_ns != 0)
		abort();
	for (const char *c = answer->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			abort();
}

static void take_answers(const char *const texts[TEXTS], long status, const char *body,
			 size_t len)
{
	const struct otlp_http_said http = {status, texts[0], texts[1], body, len};
	const struct otlp_grpc_said grpc = {status,   texts[2], texts[3],
					    texts[4], body,	len};
	struct otlp_answer answer;

	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		const enum otlp_signal signal = (enum otlp_signal)i;

		otlp_answer_http(&http, signal, (snp_wall_t){0}, &answer);
		check(&answer);
		otlp_answer_grpc(&grpc, signal, &answer);
		check(&answer);
	}
}

static void take_settings(const char *text)
{
	struct otlp_endpoint endpoint = {0};
	const char *wrong;

	(void)endpoint_headers(text, &endpoint, &wrong);
	endpoint_headers_fini(&endpoint);
	for (int protocol = OTLP_HTTP_PROTOBUF; protocol <= OTLP_GRPC; protocol++) {
		for (int form = ENDPOINT_GENERIC; form <= ENDPOINT_OWN; form++) {
			if (endpoint_check(text, (enum otlp_protocol)protocol))
				continue;
			char *url =
			    endpoint_url(text, (enum otlp_protocol)protocol,
					 (enum endpoint_form)form, "/v1/traces", false);

			if (url && strncmp(url, "http", 4) != 0)
				abort();
			free(url);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = {200, 400, 503};
	char *text = malloc(size + 1);
	const char *texts[TEXTS];
	char *at = text, *end;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	end = text + size;
	for (int i = 0; i < TEXTS; i++) {
		texts[i] = at;
		at += strlen(at);
		at += at < end;
	}
	for (int i = 0; i < 3; i++)
		take_answers(texts, statuses[i], at, (size_t)(end - at));
	take_settings(text);
	free(text);
	return 0;
}
