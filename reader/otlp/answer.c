/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "answer_internal.h"
#include "model/utf8.h"
#include "otlp/rpc.pb-c.h"
#include "otlp/trace_service.pb-c.h"

/* ---- text ---------------------------------------------------------------- */

void otlp_answer_set_text(struct otlp_answer *answer, const char *text, size_t len)
{
	size_t at = 0, i = 0;

	while (len > 0 && (unsigned char)text[len - 1] <= ' ')
		len--;
	while (i < len) {
		size_t n = snp_utf8_char_len(text + i, len - i);
		bool is_bad = n == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7f;

		n = n ? n : 1;
		if (n >= sizeof(answer->text) - at)
			break;
		memcpy(answer->text + at, is_bad ? "?" : text + i, n);
		at += n;
		i += n;
	}
	answer->text[at] = '\0';
}

/* ---- messages ------------------------------------------------------------ */

/* The response of one signal is that of all: their fields have the same numbers. */
typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse response;

bool otlp_answer_read_response(const char *body, size_t len, enum otlp_signal signal,
			       struct otlp_answer *answer)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(
	    otlp_signals[signal].response, NULL, len, (const uint8_t *)body);
	const response *said = (const response *)message;

	if (!message)
		return false;
	if (said->partial_success) {
		const char *text = said->partial_success->error_message;

		if (said->partial_success->rejected_spans > 0)
			answer->rejected =
			    (uint64_t)said->partial_success->rejected_spans;
		otlp_answer_set_text(answer, text, strlen(text));
	}
	protobuf_c_message_free_unpacked(message, NULL);
	return true;
}

/* As much as is ever asked for. */
static uint64_t ns_of(uint64_t seconds)
{
	return (seconds < UINT32_MAX ? seconds : UINT32_MAX) * SNP_NS_PER_S;
}

static uint64_t duration_ns(const Google__Protobuf__Duration *duration)
{
	if (!duration || duration->seconds < 0 || duration->nanos < 0)
		return 0;
	return ns_of((uint64_t)duration->seconds) + (uint64_t)duration->nanos;
}

static uint64_t retry_info_ns(const Google__Protobuf__Any *any)
{
	const char *slash = strrchr(any->type_url, '/');
	Google__Rpc__RetryInfo *info;
	uint64_t ns;

	if (!slash || strcmp(slash, "/google.rpc.RetryInfo") != 0)
		return OTLP_NOT_ASKED;
	info = google__rpc__retry_info__unpack(NULL, any->value.len, any->value.data);
	if (!info)
		return OTLP_NOT_ASKED;
	ns = duration_ns(info->retry_delay);
	google__rpc__retry_info__free_unpacked(info, NULL);
	return ns;
}

uint64_t otlp_answer_read_status(const char *body, size_t len,
				 struct otlp_answer *answer)
{
	Google__Rpc__Status *status =
	    google__rpc__status__unpack(NULL, len, (const uint8_t *)body);
	uint64_t asked_ns = OTLP_NOT_ASKED;

	if (!status)
		return OTLP_NOT_ASKED;
	if (*status->message)
		otlp_answer_set_text(answer, status->message, strlen(status->message));
	for (size_t i = 0; i < status->n_details && asked_ns == OTLP_NOT_ASKED; i++)
		asked_ns = retry_info_ns(status->details[i]);
	google__rpc__status__free_unpacked(status, NULL);
	return asked_ns;
}

/* ---- JSON ---------------------------------------------------------------- */

/* A 64-bit number is text in this JSON, but may be a number. */
static uint64_t json_count(const json_t *value)
{
	const char *text = json_string_value(value);
	long long number = text ? strtoll(text, NULL, 10) : json_integer_value(value);

	return number > 0 ? (uint64_t)number : 0;
}

static void read_json_response(const char *body, size_t len, enum otlp_signal signal,
			       struct otlp_answer *answer)
{
	static const char *const rejected[OTLP_SIGNAL_NR] = {
	    [OTLP_METRICS] = "rejectedDataPoints",
	    [OTLP_TRACES] = "rejectedSpans",
	    [OTLP_LOGS] = "rejectedLogRecords",
	};
	json_t *root = json_loadb(body, len, 0, NULL);
	const json_t *partial = json_object_get(root, "partialSuccess");
	const json_t *text = json_object_get(partial, "errorMessage");

	answer->rejected = json_count(json_object_get(partial, rejected[signal]));
	if (json_is_string(text))
		otlp_answer_set_text(answer, json_string_value(text),
				     json_string_length(text));
	json_decref(root);
}

static void read_json_status(const char *body, size_t len, struct otlp_answer *answer)
{
	json_t *root = json_loadb(body, len, 0, NULL);
	const json_t *text = json_object_get(root, "message");

	if (json_is_string(text) && json_string_length(text) > 0)
		otlp_answer_set_text(answer, json_string_value(text),
				     json_string_length(text));
	json_decref(root);
}

/* ---- no answer ----------------------------------------------------------- */

void otlp_answer_none(const struct http_reply *reply, struct otlp_answer *ret_answer)
{
	static const struct {
		enum otlp_outcome outcome;
		const char *error;
	} ends[] = {
	    [HTTP_TIMED_OUT] = {OTLP_TRY_AGAIN, "timeout"},
	    [HTTP_UNREACHABLE] = {OTLP_TRY_AGAIN, "unreachable"},
	    [HTTP_UNUSABLE] = {OTLP_REFUSED, "unusable"},
	    [HTTP_TOO_LARGE] = {OTLP_REFUSED, "response_too_large"},
	};

	*ret_answer = (struct otlp_answer){.outcome = ends[reply->end].outcome};
	(void)snprintf(ret_answer->error, sizeof(ret_answer->error), "%s",
		       ends[reply->end].error);
	if (reply->end == HTTP_TOO_LARGE)
		otlp_answer_set_text(ret_answer, "the answer is longer than 4 MiB", 31);
	else
		otlp_answer_set_text(ret_answer, reply->error, strlen(reply->error));
}

/* ---- HTTP ---------------------------------------------------------------- */

static bool is_worth_another_try(long status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

/* Seconds, or one of the three forms of dates of HTTP; 0 for anything else. */
static uint64_t retry_after_ns(const char *text, snp_wall_t now)
{
	static const char *const forms[] = {
	    "%a, %d %b %Y %H:%M:%S GMT",
	    "%A, %d-%b-%y %H:%M:%S GMT",
	    "%a %b %d %H:%M:%S %Y",
	};
	const size_t digits = strspn(text, "0123456789");

	if (digits > 0 && text[digits] == '\0')
		return ns_of(strtoull(text, NULL, 10)); /* or the greatest there is */
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		const time_t then = end && *end == '\0' ? timegm(&tm) : 0;

		if (then > 0 && (uint64_t)then > now.ns / SNP_NS_PER_S)
			return ns_of((uint64_t)then - now.ns / SNP_NS_PER_S);
	}
	return 0;
}

static bool is_type(const char *content_type, const char *type)
{
	const size_t len = strlen(type);

	return content_type && strncasecmp(content_type, type, len) == 0 &&
	       (content_type[len] == '\0' || content_type[len] == ';' ||
		content_type[len] == ' ');
}

static void read_taken(const struct otlp_http_said *said, enum otlp_signal signal,
		       struct otlp_answer *answer)
{
	answer->outcome = OTLP_TAKEN;
	if (is_type(said->content_type, "application/json"))
		read_json_response(said->body, said->len, signal, answer);
	else if (is_type(said->content_type, "application/x-protobuf"))
		(void)otlp_answer_read_response(said->body, said->len, signal, answer);
}

void otlp_answer_http(const struct otlp_http_said *said, enum otlp_signal signal,
		      snp_wall_t now, struct otlp_answer *ret_answer)
{
	struct otlp_answer answer = {.outcome = OTLP_REFUSED};

	if (said->status >= 200 && said->status <= 299) {
		read_taken(said, signal, &answer);
		*ret_answer = answer;
		return;
	}
	(void)snprintf(answer.error, sizeof(answer.error), "%ld", said->status);
	if (is_type(said->content_type, "application/json"))
		read_json_status(said->body, said->len, &answer);
	else if (is_type(said->content_type, "application/x-protobuf"))
		(void)otlp_answer_read_status(said->body, said->len, &answer);
	else if (is_type(said->content_type, "text/plain"))
		otlp_answer_set_text(&answer, said->body, said->len);
	if (is_worth_another_try(said->status)) {
		answer.outcome = OTLP_TRY_AGAIN;
		if (said->retry_after)
			answer.wait_ns = retry_after_ns(said->retry_after, now);
	}
	*ret_answer = answer;
}
