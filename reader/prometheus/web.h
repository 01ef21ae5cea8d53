/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web.h - the pages, over HTTP. The one module that knows libmicrohttpd.
 *
 * One polling thread a listening socket; answers wait in the kernel and in the library,
 * so a slow client holds up nobody. A connection without traffic is closed after a
 * while.
 */
#ifndef SNP_PROMETHEUS_WEB_H
#define SNP_PROMETHEUS_WEB_H

#include "collector.h"
#include "snakepit/err.h"

struct web;

/* Both arguments are borrowed until web_destroy(). -ENOMEM. */
int web_create(struct collector *collector, const char *telemetry_path,
	       struct web **ret_web);

/* Serve on a listening socket, which passes to the web, also on failure. At most
 * WEB_SOCKETS_MAX times. */
#define WEB_SOCKETS_MAX 16
int web_serve(struct web *web, int take_fd, struct snp_err *err);

/* Stop all threads, drop open connections. */
void web_destroy(struct web **web);

#endif
