/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what a receiver's answer to one attempt means: taken, to be tried again,
 * refused. Here are the tables of the specification of OTLP. Pure but for memory; all
 * bytes are foreign.
 */
#ifndef SNP_OTLP_ANSWER_H
#define SNP_OTLP_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "http.h"
#include "snakepit/time.h"

enum otlp_outcome {
	OTLP_TAKEN,
	OTLP_TRY_AGAIN,
	OTLP_REFUSED, /* it would be again */
};

#define OTLP_ERROR_BYTES 32
#define OTLP_TEXT_BYTES	 384

struct otlp_answer {
	enum otlp_outcome outcome;
	uint64_t wait_ns; /* asked for before another attempt; 0: nothing was said */
	/* Not taken: the attribute error.type: "503", "UNAVAILABLE", "timeout". */
	char error[OTLP_ERROR_BYTES];
	/* For people, one line without control characters: why it was not taken; or
	 * what a receiver that did take it has to say; "" for nothing. */
	char text[OTLP_TEXT_BYTES];
	uint64_t rejected; /* taken: items that were not */
};

/* The attempt ended without an answer: reply->end is not HTTP_ANSWERED. */
void otlp_answer_none(const struct http_reply *reply, struct otlp_answer *ret_answer);

/* What of an answer over HTTP decides. Strings may be NULL. */
struct otlp_http_said {
	long status;
	const char *content_type, *retry_after;
	const char *body;
	size_t len;
};

/* `now` turns a date into a wait. */
void otlp_answer_http(const struct otlp_http_said *said, enum otlp_signal signal,
		      snp_wall_t now, struct otlp_answer *ret_answer);

/* The same over gRPC. Strings as they are on the wire, NULL where none came. */
struct otlp_grpc_said {
	long http_status;
	const char *status, *message, *details; /* grpc-status and so on */
	const char *body;			/* messages with their prefixes */
	size_t len;
};

void otlp_answer_grpc(const struct otlp_grpc_said *said, enum otlp_signal signal,
		      struct otlp_answer *ret_answer);

#endif
