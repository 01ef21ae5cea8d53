/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <microhttpd.h>

#include "model/log.h"

#define IDLE_TIMEOUT_S	60
#define CONNECTIONS_MAX 256
#define REQUEST_BYTES                                                                  \
	(size_t)32768 /* memory of a connection: headers and answer's head */

#define PLAIN_TEXT "text/plain; charset=utf-8"

struct web {
	struct collector *collector;
	const char *telemetry_path;
	struct MHD_Daemon *daemons[WEB_SOCKETS_MAX];
	size_t daemons_nr;
};

/* ---- answers ------------------------------------------------------------- */

/* Takes the response, which may be NULL for lack of memory: then the connection ends.
 */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
			      const char *content_type, struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				    content_type) != MHD_YES) {
		MHD_destroy_response(response);
		return MHD_NO;
	}
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response); /* the connection keeps it while it needs it */
	return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
				   const char *text)
{
	return answer(connection, status, PLAIN_TEXT,
		      MHD_create_response_from_buffer(
			  strlen(text), (void *)(size_t)text, MHD_RESPMEM_MUST_COPY));
}

/* ---- pages --------------------------------------------------------------- */

static void body_sent(void *user)
{
	collector_give_back(user);
}

/* All lines of a header joined by ",": what a list header means when sent twice. */
struct header_lines {
	const char *name;
	char text[REQUEST_BYTES];
	size_t len;
};

static enum MHD_Result join_line(void *user, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct header_lines *lines = user;
	size_t len = value ? strlen(value) : 0;

	(void)kind;
	if (len == 0 || strcasecmp(name, lines->name) != 0 ||
	    len + 2 > sizeof(lines->text) - lines->len)
		return MHD_YES;
	if (lines->len > 0)
		lines->text[lines->len++] = ',';
	memcpy(lines->text + lines->len, value, len);
	lines->len += len;
	lines->text[lines->len] = '\0';
	return MHD_YES;
}

static void negotiate_request(struct MHD_Connection *connection,
			      struct negotiated *ret_as)
{
	struct header_lines accept = {.name = MHD_HTTP_HEADER_ACCEPT};
	struct header_lines encoding = {.name = MHD_HTTP_HEADER_ACCEPT_ENCODING};

	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, join_line,
					&accept);
	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, join_line,
					&encoding);
	negotiate(accept.text, encoding.text, ret_as);
}

static enum MHD_Result page_metrics(struct web *web, struct MHD_Connection *connection)
{
	char content_type[NEGOTIATED_TYPE_BYTES];
	struct collector_body *body;
	struct MHD_Response *response;
	struct negotiated as;

	negotiate_request(connection, &as);
	body = collector_scrape(web->collector, &as, &scrape_filter_all);
	if (!body)
		return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
				   "out of memory\n");
	response = MHD_create_response_from_buffer_with_free_callback_cls(
	    body->text.len, body->text.data, body_sent, body);
	if (!response) {
		collector_give_back(body);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_VARY,
				      "Accept, Accept-Encoding");
	if (body->as.gzip)
		(void)MHD_add_response_header(response,
					      MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	negotiated_content_type(&body->as, content_type);
	return answer(connection, MHD_HTTP_OK, content_type, response);
}

static enum MHD_Result page_landing(struct web *web, struct MHD_Connection *connection)
{
	static const char form[] =
	    "<!DOCTYPE html>\n"
	    "<html lang=\"en\">\n"
	    "<head><meta charset=\"utf-8\"><title>snakepit-prometheus</title></head>\n"
	    "<body>\n"
	    "<h1>snakepit-prometheus " SNP_VERSION "</h1>\n"
	    "<ul>\n"
	    "<li><a href=\"%s\">Metrics</a></li>\n"
	    "<li><a href=\"/-/healthy\">Healthy</a>: this program runs</li>\n"
	    "<li><a href=\"/-/ready\">Ready</a>: a live runtime is attached</li>\n"
	    "</ul>\n"
	    "</body>\n"
	    "</html>\n";
	char *page = NULL;
	int len = asprintf(&page, form, web->telemetry_path);

	if (len < 0)
		return MHD_NO;
	return answer(
	    connection, MHD_HTTP_OK, "text/html; charset=utf-8",
	    MHD_create_response_from_buffer((size_t)len, page, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result page_ready(struct web *web, struct MHD_Connection *connection)
{
	char why[SNP_ERR_MSG_BYTES];
	char text[SNP_ERR_MSG_BYTES + 16];

	if (collector_ready(web->collector, why))
		return answer_text(connection, MHD_HTTP_OK, "ready\n");
	(void)snprintf(text, sizeof(text), "not ready: %s\n", why);
	return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result page_not_allowed(struct MHD_Connection *connection)
{
	static const char text[] = "only GET and HEAD\n";
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    sizeof(text) - 1, (void *)(size_t)text, MHD_RESPMEM_PERSISTENT);

	if (response)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					      "GET, HEAD");
	return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, PLAIN_TEXT, response);
}

static enum MHD_Result page(struct web *web, struct MHD_Connection *connection,
			    const char *path)
{
	if (strcmp(path, web->telemetry_path) == 0)
		return page_metrics(web, connection);
	if (strcmp(path, "/") == 0)
		return page_landing(web, connection);
	if (strcmp(path, "/-/healthy") == 0)
		return answer_text(connection, MHD_HTTP_OK, "healthy\n");
	if (strcmp(path, "/-/ready") == 0)
		return page_ready(web, connection);
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "not found; see /\n");
}

/* ---- the library's side -------------------------------------------------- */

/* Called when the head of a request is there, and again when all of it is. An answer at
 * the first call would make the library close the connection, so a good request waits
 * for the second; a body we do not want is not waited for. */
/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static enum MHD_Result handle(void *user, struct MHD_Connection *connection,
			      const char *path, const char *method, const char *version,
			      const char *upload, size_t *upload_bytes, void **state)
{
	static char seen;

	(void)version;
	(void)upload;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return page_not_allowed(connection);
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_bytes > 0) {
		*upload_bytes = 0;
		return MHD_YES;
	}
	return page(user, connection, path);
}

static void log_library(void *user, const char *fmt, va_list ap)
{
	(void)user;
	snp_log_vline(SNP_LOG_DEBUG, fmt, ap);
}

int web_create(struct collector *collector, const char *telemetry_path,
	       struct web **ret_web)
{
	struct web *web = calloc(1, sizeof(*web));

	if (!web)
		return -ENOMEM;
	web->collector = collector;
	web->telemetry_path = telemetry_path;
	*ret_web = web;
	return 0;
}

int web_serve(struct web *web, int take_fd, struct snp_err *err)
{
	struct MHD_Daemon *daemon;

	if (web->daemons_nr == WEB_SOCKETS_MAX) {
		(void)close(take_fd);
		return snp_err_set(err, -EINVAL, "more than %d listening sockets",
				   WEB_SOCKETS_MAX);
	}
	daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL,
	    NULL, handle, web, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
	    MHD_OPTION_LISTEN_SOCKET, take_fd, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    REQUEST_BYTES, MHD_OPTION_END);
	if (!daemon) {
		(void)close(take_fd);
		return snp_err_set(err, -ENOMEM, "cannot start an HTTP server");
	}
	web->daemons[web->daemons_nr++] = daemon;
	return 0;
}

void web_destroy(struct web **web)
{
	if (!*web)
		return;
	for (size_t i = 0; i < (*web)->daemons_nr; i++)
		MHD_stop_daemon((*web)->daemons[i]);
	free(*web);
	*web = NULL;
}
