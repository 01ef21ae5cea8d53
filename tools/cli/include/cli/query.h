/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - expressions (model/query.h) as values of options. */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include "model/query.h"

/* Compile what was given for `option` ("--filter"), in place of *query, which is freed:
 * of several the last one counts. On -EINVAL the text and carets under what is wrong
 * are appended to `hint`, for below the message. -ENOMEM. */
int cli_query(const char *option, const char *text, const struct snp_query_terms *terms,
	      struct snp_query **query, struct snp_buf *hint, struct snp_err *err);

#endif
