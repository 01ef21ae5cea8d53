/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_parts.h - what web.c (connections, and who may come in) and web_pages.c (answers)
 * have in common. For nobody else. The thread of a listener runs both.
 */
#ifndef SNP_PROMETHEUS_WEB_PARTS_H
#define SNP_PROMETHEUS_WEB_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "auth.h"
#include "bucket.h"
#include "clients.h"
#include "web.h"

#define REQUEST_BYTES                                                                  \
	(size_t)32768 /* memory of a connection: headers and answer's head */

struct web {
	struct web_options options;
	struct auth *auth;
	struct clients clients;
	bool tls;
	_Atomic unsigned scrapes;  /* on their way */
	pthread_mutex_t rate_lock; /* protects: rate */
	struct bucket rate;
	struct MHD_Daemon *daemons[WEB_SOCKETS_MAX];
	size_t daemons_nr;
};

/* A request at hand, for as long as one call of the library takes. */
struct request {
	struct web *web;
	struct MHD_Connection *connection;
	struct client *client;
};

enum MHD_Result answer_text(const struct request *req, unsigned status,
			    const char *text);
/* The same with one more header. */
enum MHD_Result answer_text_and(const struct request *req, unsigned status,
				const char *text, const char *header,
				const char *value);

/* GET or HEAD: no other method has an answer. */
bool is_readable(const char *method);
/* The page at that path, or why there is none. */
enum MHD_Result page_answer(const struct request *req, const char *path,
			    const char *method);

#endif
