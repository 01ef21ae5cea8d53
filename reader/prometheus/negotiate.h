/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiate.h - which form of the page a client asks for.
 *
 * Pure. The headers come from strangers: whatever stands in them, there is an answer,
 * at worst the plain text that every client takes.
 */
#ifndef SNP_PROMETHEUS_NEGOTIATE_H
#define SNP_PROMETHEUS_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>

enum expo_format {
	EXPO_TEXT, /* 0.0.4 */
	EXPO_OPENMETRICS_0_0_1,
	EXPO_OPENMETRICS_1_0_0,
	EXPO_PROTOBUF, /* io.prometheus.client.MetricFamily, delimited */
	EXPO_FORMAT_NR
};

/* What becomes of names that are not [a-zA-Z_:][a-zA-Z0-9_:]*. All of ours are, and
 * keep their spelling: docs/decisions/0090. */
enum expo_escaping {
	EXPO_ESCAPE_UNDERSCORES,
	EXPO_ESCAPE_ALLOW_UTF8,
	EXPO_ESCAPE_DOTS,
	EXPO_ESCAPE_VALUES,
	EXPO_ESCAPING_NR
};

struct negotiated {
	enum expo_format format;
	enum expo_escaping escaping;
	bool gzip;
};

/* The values of the headers, several lines joined by ","; NULL = not sent. The range
 * with the highest q that names a format we have wins, the first of equals; without one
 * it is EXPO_TEXT. */
void negotiate(const char *accept, const char *accept_encoding,
	       struct negotiated *ret_negotiated);

/* The Content-Type of the answer: NUL-terminated, at most this many bytes with it. */
#define NEGOTIATED_TYPE_BYTES 160
void negotiated_content_type(const struct negotiated *negotiated,
			     char ret_type[NEGOTIATED_TYPE_BYTES]);

#endif
