/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_internal.h"
#include "model/gzip.h"
#include "model/number.h"

#define PREFIX_BYTES 5 /* of a message: compressed or not, and its length */

static const struct {
	const char *name;
	enum otlp_outcome outcome;
} codes[] = {
#define GRPC_CODE(number, name, outcome) [number] = {#name, outcome},
#include "codes.def"
#undef GRPC_CODE
};
enum { UNKNOWN = 2, RESOURCE_EXHAUSTED = 8 };

/* gRPC's own reading of answers that are not its own, from a proxy for example. */
static unsigned code_of_http(long status)
{
	static const struct {
		long status;
		unsigned code;
	} known[] = {{400, 13}, {401, 16}, {403, 7},  {404, 12},
		     {429, 14}, {502, 14}, {503, 14}, {504, 14}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == status)
			return known[i].code;
	return UNKNOWN;
}

static unsigned code_of(const struct otlp_grpc_said *said)
{
	size_t digits;
	unsigned long code;

	if (!said->status)
		return code_of_http(said->http_status);
	digits = strspn(said->status, "0123456789");
	code = strtoul(said->status, NULL, 10);
	if (digits == 0 || digits > 2 || said->status[digits] != '\0' ||
	    code >= sizeof(codes) / sizeof(codes[0]))
		return UNKNOWN;
	return (unsigned)code;
}

/* grpc-message is percent-encoded; what is badly encoded stays as it is. */
static void set_message(struct otlp_answer *answer, const char *message)
{
	char plain[OTLP_TEXT_BYTES];
	size_t len = 0;

	for (; *message && len < sizeof(plain); message++) {
		plain[len] = *message;
		if (*message == '%' && snp_hex_digit(message[1]) >= 0 &&
		    snp_hex_digit(message[2]) >= 0) {
			plain[len] = (char)(snp_hex_digit(message[1]) * 16 +
					    snp_hex_digit(message[2]));
			message += 2;
		}
		len++;
	}
	otlp_answer_set_text(answer, plain, len);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* With or without padding. Returns how many bytes, at most 3/4 of the text's length;
 * what follows a bad character is left out. */
static size_t base64_decode(const char *text, char *ret_bytes)
{
	unsigned bits = 0, word = 0;
	size_t len = 0;

	for (; base64_digit(*text) >= 0; text++) {
		word = (word << 6 | (unsigned)base64_digit(*text)) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			ret_bytes[len++] = (char)(word >> bits & 0xff);
		}
	}
	return len;
}

static uint64_t read_details(const char *details, struct otlp_answer *answer)
{
	char *bytes = details ? malloc(strlen(details) + 1) : NULL;
	uint64_t asked_ns = OTLP_NOT_ASKED;

	if (bytes)
		asked_ns = otlp_answer_read_status(bytes, base64_decode(details, bytes),
						   answer);
	free(bytes);
	return asked_ns;
}

/* False: it is none. */
static bool read_packed(const char *body, size_t len, enum otlp_signal signal,
			struct otlp_answer *answer)
{
	struct snp_buf plain = {0};
	bool ok = snp_gunzip(body, len, HTTP_REPLY_MAX, &plain) == 0 &&
		  otlp_answer_read_response(plain.data, plain.len, signal, answer);

	snp_buf_fini(&plain);
	return ok;
}

static bool take_message(const struct otlp_grpc_said *said, enum otlp_signal signal,
			 struct otlp_answer *answer)
{
	const unsigned char *prefix = (const unsigned char *)said->body;
	const char *body;
	size_t len;

	if (said->len < PREFIX_BYTES)
		return false;
	body = said->body + PREFIX_BYTES;
	len = (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 |
	      (size_t)prefix[3] << 8 | prefix[4];
	if (len != said->len - PREFIX_BYTES)
		return false;
	return prefix[0] == 0 ? otlp_answer_read_response(body, len, signal, answer)
			      : read_packed(body, len, signal, answer);
}

/* One message, or none, which is an empty one to us. It may come as packed as ours
 * went: grpc-go answers gzip with gzip, whether one says that one takes it or not. */
static void read_message(const struct otlp_grpc_said *said, enum otlp_signal signal,
			 struct otlp_answer *answer)
{
	if (said->len == 0 || take_message(said, signal, answer))
		return;
	/* It was taken all the same. */
	otlp_answer_set_text(answer, "the answer makes no sense", 25);
}

void otlp_answer_grpc(const struct otlp_grpc_said *said, enum otlp_signal signal,
		      struct otlp_answer *ret_answer)
{
	const unsigned code = code_of(said);
	struct otlp_answer answer = {.outcome = codes[code].outcome};
	uint64_t asked_ns;

	if (answer.outcome == OTLP_TAKEN) {
		read_message(said, signal, &answer);
		*ret_answer = answer;
		return;
	}
	(void)snprintf(answer.error, sizeof(answer.error), "%s", codes[code].name);
	if (!said->status)
		(void)snprintf(answer.text, sizeof(answer.text),
			       "no gRPC, but HTTP %ld, was answered",
			       said->http_status);
	asked_ns = read_details(said->details, &answer);
	if (said->message && *said->message)
		set_message(&answer, said->message);
	if (code == RESOURCE_EXHAUSTED && asked_ns != OTLP_NOT_ASKED)
		answer.outcome = OTLP_TRY_AGAIN;
	if (asked_ns != OTLP_NOT_ASKED && answer.outcome == OTLP_TRY_AGAIN)
		answer.wait_ns = asked_ns;
	*ret_answer = answer;
}
