/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.h - the two values that have a grammar of their own: the address of a
 * receiver, and headers. Pure but for memory. The texts of errors are static.
 */
#ifndef SNP_OTLP_ENDPOINT_H
#define SNP_OTLP_ENDPOINT_H

#include "settings.h"

/* Whose variable an address came from. */
enum endpoint_form {
	ENDPOINT_GENERIC, /* a base: the signal's path is added */
	ENDPOINT_OWN,	  /* used as it is, but an empty path is "/" */
};

/* What is wrong with the text, NULL if nothing. gRPC takes "host:port" too. */
const char *endpoint_check(const char *text, enum otlp_protocol protocol);

/* The URL that `text`, which endpoint_check() has found nothing wrong with, stands for.
 * `insecure` decides where gRPC's has no scheme. NULL: no memory. */
char *endpoint_url(const char *text, enum otlp_protocol protocol,
		   enum endpoint_form form, const char *path, bool insecure);

/* How much of a URL may be shown: a query may have a secret in it. */
int endpoint_shown(const char *url);

/* Append "name=value,name=value", values percent-encoded. Members that are malformed,
 * or name what is ours to say, are left out: *ret_wrong says what is wrong with the
 * last of them, NULL if there is none. -ENOMEM. */
int endpoint_headers(const char *text, struct otlp_endpoint *endpoint,
		     const char **ret_wrong);
void endpoint_headers_fini(struct otlp_endpoint *endpoint);

#endif
