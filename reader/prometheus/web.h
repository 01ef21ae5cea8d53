/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web.h - the pages, over HTTP or HTTPS. The one module that knows libmicrohttpd.
 *
 * One polling thread a listening socket; answers wait in the kernel and in the library,
 * so a slow client holds up nobody. Each connection has a time for what it does:
 * web_sweep() ends those that take longer.
 */
#ifndef SNP_PROMETHEUS_WEB_H
#define SNP_PROMETHEUS_WEB_H

#include <stdbool.h>

#include "collector.h"
#include "policy.h"
#include "snakepit/err.h"

struct web;

struct web_options {
	struct collector *collector;
	struct policies *policies;
	const char *telemetry_path;
	uint32_t groups; /* of filter.h: those a query may ask for */
	unsigned
	    max_requests; /* pages of metrics on their way at once; 0: any number */
};

/* What the options point to is borrowed until web_destroy(). -ENOMEM. */
int web_create(const struct web_options *options, struct web **ret_web);

/* Serve on a listening socket, which passes to the web, also on failure. At most
 * WEB_SOCKETS_MAX times. */
#define WEB_SOCKETS_MAX 16
int web_serve(struct web *web, int take_fd, struct snp_err *err);

/* "http" or "https". */
const char *web_scheme(const struct web *web);

/* End connections that have taken too long. To be called each WEB_SWEEP_MS. */
#define WEB_SWEEP_MS 500
void web_sweep(struct web *web);

/* Stop all threads, drop open connections. */
void web_destroy(struct web **web);

#endif
