/* SPDX-License-Identifier: Apache-2.0 */
/* What is at which path, for who may come in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "query.h"
#include "web_parts.h"

#define PLAIN_TEXT "text/plain; charset=utf-8"

/* ---- answers ------------------------------------------------------------- */

static bool add_headers(const struct request *req, struct MHD_Response *response,
			const char *content_type)
{
	const struct policy *policy = req->client->policy;

	for (size_t i = 0; policy && i < policy->config->headers.nr; i++) {
		const struct webconfig_pair *pair = &policy->config->headers.items[i];

		if (pair->value[0] && MHD_add_response_header(response, pair->key,
							      pair->value) != MHD_YES)
			return false;
	}
	return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				       content_type) == MHD_YES;
}

/* Takes the response, which may be NULL for lack of memory: then the connection ends.
 */
static enum MHD_Result answer(const struct request *req, unsigned status,
			      const char *content_type, struct MHD_Response *response)
{
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	if (add_headers(req, response, content_type))
		result = MHD_queue_response(req->connection, status, response);
	MHD_destroy_response(response); /* the connection keeps it while it needs it */
	return result;
}

static struct MHD_Response *text_response(const char *text)
{
	return MHD_create_response_from_buffer(strlen(text), (void *)(size_t)text,
					       MHD_RESPMEM_MUST_COPY);
}

enum MHD_Result answer_text(const struct request *req, unsigned status,
			    const char *text)
{
	return answer(req, status, PLAIN_TEXT, text_response(text));
}

enum MHD_Result answer_text_and(const struct request *req, unsigned status,
				const char *text, const char *header, const char *value)
{
	struct MHD_Response *response = text_response(text);

	if (response)
		(void)MHD_add_response_header(response, header, value);
	return answer(req, status, PLAIN_TEXT, response);
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

struct asked {
	struct query query;
	struct snp_err err;
	bool failed;
};

static enum MHD_Result add_argument(void *user, enum MHD_ValueKind kind,
				    const char *key, const char *value)
{
	struct asked *asked = user;

	(void)kind;
	asked->failed = query_add(&asked->query, key, value, &asked->err) < 0;
	return asked->failed ? MHD_NO : MHD_YES;
}

/* What a query asks for; its names are the connection's. */
static int read_query(const struct request *req, struct asked *asked,
		      struct scrape_filter *ret_filter)
{
	*asked = (struct asked){0};
	(void)MHD_get_connection_values(req->connection, MHD_GET_ARGUMENT_KIND,
					add_argument, asked);
	if (asked->failed)
		return -EINVAL;
	return query_finish(&asked->query, req->web->options.groups, ret_filter,
			    &asked->err);
}

/* Whether there is room for one more page on its way; request_done() gives it back. */
static bool begin_scrape(const struct request *req)
{
	struct web *web = req->web;
	unsigned others = atomic_fetch_add(&web->scrapes, 1);

	if (web->options.max_requests > 0 && others >= web->options.max_requests) {
		(void)atomic_fetch_sub(&web->scrapes, 1);
		return false;
	}
	req->client->scraping = true;
	return true;
}

static enum MHD_Result send_body(const struct request *req, struct collector_body *body)
{
	char content_type[NEGOTIATED_TYPE_BYTES];
	struct MHD_Response *response;

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
	return answer(req, MHD_HTTP_OK, content_type, response);
}

static enum MHD_Result page_metrics(const struct request *req)
{
	char text[SNP_ERR_MSG_BYTES + 1];
	struct scrape_filter filter;
	struct collector_body *body;
	struct negotiated as;
	struct asked asked;

	if (read_query(req, &asked, &filter) < 0) {
		(void)snprintf(text, sizeof(text), "%s\n", asked.err.msg);
		return answer_text(req, MHD_HTTP_BAD_REQUEST, text);
	}
	if (!begin_scrape(req)) {
		(void)snprintf(text, sizeof(text),
			       "Limit of concurrent requests reached (%u), try again "
			       "later.\n",
			       req->web->options.max_requests);
		return answer_text(req, MHD_HTTP_SERVICE_UNAVAILABLE, text);
	}
	negotiate_request(req->connection, &as);
	body = collector_scrape(req->web->options.collector, &as, &filter);
	if (!body)
		return answer_text(req, MHD_HTTP_INTERNAL_SERVER_ERROR,
				   "out of memory\n");
	return send_body(req, body);
}

static enum MHD_Result page_landing(const struct request *req)
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
	int len = asprintf(&page, form, req->web->options.telemetry_path);

	if (len < 0)
		return MHD_NO;
	return answer(
	    req, MHD_HTTP_OK, "text/html; charset=utf-8",
	    MHD_create_response_from_buffer((size_t)len, page, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result page_ready(const struct request *req)
{
	char why[SNP_ERR_MSG_BYTES];
	char text[SNP_ERR_MSG_BYTES + 16];

	if (collector_ready(req->web->options.collector, why))
		return answer_text(req, MHD_HTTP_OK, "ready\n");
	(void)snprintf(text, sizeof(text), "not ready: %s\n", why);
	return answer_text(req, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

bool is_readable(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	       strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

enum MHD_Result page_answer(const struct request *req, const char *path,
			    const char *method)
{
	if (!is_readable(method))
		return answer_text_and(req, MHD_HTTP_METHOD_NOT_ALLOWED,
				       "only GET and HEAD\n", MHD_HTTP_HEADER_ALLOW,
				       "GET, HEAD");
	if (strcmp(path, req->web->options.telemetry_path) == 0)
		return page_metrics(req);
	if (strcmp(path, "/") == 0)
		return page_landing(req);
	if (strcmp(path, "/-/healthy") == 0)
		return answer_text(req, MHD_HTTP_OK, "healthy\n");
	if (strcmp(path, "/-/ready") == 0)
		return page_ready(req);
	return answer_text(req, MHD_HTTP_NOT_FOUND, "not found; see /\n");
}
