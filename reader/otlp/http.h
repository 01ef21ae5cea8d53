/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - POST bytes to one URL, again and again, over a connection that is kept. The
 * one module that knows libcurl.
 *
 * Redirects are not followed. Proxies are those of the environment. Certificates are
 * checked, against the system's authorities or those of a file instead. One thread at a
 * time, except http_wake(). The program must ignore SIGPIPE.
 */
#ifndef SNP_OTLP_HTTP_H
#define SNP_OTLP_HTTP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"
#include "snakepit/err.h"

#define HTTP_REPLY_MAX	((size_t)4 << 20) /* what is longer is refused */
#define HTTP_WANTED_MAX 4

struct http;

enum http_version {
	HTTP_ANY,    /* 1.1, or 2 where TLS finds that both speak it */
	HTTP_2_ONLY, /* from the first byte on; through proxies by a tunnel */
};

struct http_options {
	const char *url;
	enum http_version version;
	const struct otlp_endpoint *endpoint; /* its files and headers */
	const char *const *headers;	      /* "Name: value", NULL ends them */
	/* Headers, or trailers, of the answer that the caller wants, in lower case;
	 * static. */
	const char *wanted[HTTP_WANTED_MAX];
};

/* Everything in the options is copied. -EINVAL (an address or a file that libcurl does
 * not take), -ENOMEM. */
int http_create(const struct http_options *options, struct http **ret_http,
		struct snp_err *err);
void http_destroy(struct http **http);

enum http_end {
	HTTP_ANSWERED,
	HTTP_TIMED_OUT,
	HTTP_UNREACHABLE, /* no connection, or it broke before the answer was whole */
	HTTP_UNUSABLE,	  /* the receiver is not who it should be, or speaks not HTTP */
	HTTP_TOO_LARGE,	  /* the answer */
};

/* Valid until the next request. */
struct http_reply {
	enum http_end end;
	long status;	  /* answered: 200 and so on */
	const char *body; /* answered, with any compression undone */
	size_t len;
	const char *values[HTTP_WANTED_MAX]; /* of wanted headers; NULL: none came */
	const char *error;		     /* not answered: why */
};

/* `until` (CLOCK_MONOTONIC in nanoseconds) may be brought forward by another thread,
 * which then calls http_wake(). `header`: one more, NULL for none. */
void http_post(struct http *http, const void *body, size_t len, const char *header,
	       const _Atomic uint64_t *until, struct http_reply *ret_reply);

/* Have a request that is under way look at its `until` again. Any thread. */
void http_wake(struct http *http);

#endif
