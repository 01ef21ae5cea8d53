/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ows.h - the optional white space that HTTP allows around a header's value and around
 * the members of a list in it.
 */
#ifndef TRACE_OWS_H
#define TRACE_OWS_H

#include "rpc/str.h"

static inline bool trace_is_ows(char c)
{
	return c == ' ' || c == '\t';
}

/* The part of `text` without white space at both ends; the absent string stays so. */
static inline struct rpc_str trace_trim(struct rpc_str text)
{
	while (text.len && trace_is_ows(text.data[0])) {
		text.data++;
		text.len--;
	}
	while (text.len && trace_is_ows(text.data[text.len - 1]))
		text.len--;
	return text;
}

#endif
