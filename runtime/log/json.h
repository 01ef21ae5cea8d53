/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - is this one JSON object that may go out as a line of its own?
 *
 * Checks a worker's log line before it is passed on: the grammar of RFC 8259, valid
 * UTF-8, no raw control characters. It builds nothing and allocates nothing.
 */
#ifndef SNP_LOG_JSON_H
#define SNP_LOG_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* True if text[0..len) is exactly one JSON object, nested at most 32 deep. */
bool json_is_object(const char *text, size_t len);

#endif
