/* SPDX-License-Identifier: Apache-2.0 */
/* answer_internal.h - what answers over HTTP and over gRPC have in common. */
#ifndef SNP_OTLP_ANSWER_INTERNAL_H
#define SNP_OTLP_ANSWER_INTERNAL_H

#include <stdbool.h>

#include "answer.h"

#define OTLP_NOT_ASKED UINT64_MAX

/* Printable, on one line, without blanks at its end, cut at the end of a character;
 * what is no text is '?'. */
void otlp_answer_set_text(struct otlp_answer *answer, const char *text, size_t len);

/* Partial success in an Export...ServiceResponse. False: it is none. */
bool otlp_answer_read_response(const char *body, size_t len, enum otlp_signal signal,
			       struct otlp_answer *answer);

/* A google.rpc.Status: its message becomes the text if it has one. Returns the wait
 * that its RetryInfo asks for, in nanoseconds, or OTLP_NOT_ASKED. */
uint64_t otlp_answer_read_status(const char *body, size_t len,
				 struct otlp_answer *answer);

#endif
