/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "auth.h"
#include "bucket.h"
#include "clients.h"
#include "model/log.h"
#include "query.h"
#include "tls.h"

#define CONNECTIONS_MAX 256
#define REQUEST_BYTES                                                                  \
	(size_t)32768 /* memory of a connection: headers and answer's head */

/* How long a connection may take, for its TLS and the head of its request; without a
 * request, longer than scrapes are apart; for an answer, where the scraper does not say
 * how long it waits. */
#define HEAD_MS	      5000
#define IDLE_MS	      150000
#define ANSWER_MS     30000
#define ANSWER_MS_MAX 300000

#define PLAIN_TEXT "text/plain; charset=utf-8"

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

static enum MHD_Result answer_text(const struct request *req, unsigned status,
				   const char *text)
{
	return answer(req, status, PLAIN_TEXT, text_response(text));
}

/* The same with one more header. */
static enum MHD_Result answer_text_and(const struct request *req, unsigned status,
				       const char *text, const char *header,
				       const char *value)
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

static bool is_readable(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	       strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static enum MHD_Result page(const struct request *req, const char *path,
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

/* ---- who may come in ----------------------------------------------------- */

static bool is_known_user(const struct request *req,
			  const struct webconfig_pairs *users)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(req->connection, &password);
	bool known =
	    user && password && auth_check(req->web->auth, users, user, password);

	MHD_free(user);
	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(password);
	return known;
}

static bool is_within_rate(struct web *web, const struct webconfig *config)
{
	bool within;

	if (config->interval_ns == 0)
		return true;
	(void)pthread_mutex_lock(&web->rate_lock);
	within =
	    bucket_take(&web->rate, snp_mono_now(), config->interval_ns, config->burst);
	(void)pthread_mutex_unlock(&web->rate_lock);
	return within;
}

static snp_mono_t in_ms(uint64_t ms)
{
	return snp_mono_add_ms(snp_mono_now(), ms);
}

/* How long an answer may be on its way: as long as the scraper waits for it. */
static uint64_t answer_ms(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, "X-Prometheus-Scrape-Timeout-Seconds");
	double seconds = text ? strtod(text, NULL) : 0;

	/* Written so that NaN is refused, too. */
	if (!(seconds >= 0.001))
		return ANSWER_MS;
	return seconds < ANSWER_MS_MAX / 1000.0 ? (uint64_t)(seconds * 1000)
						: ANSWER_MS_MAX;
}

/* Everything goes through here, in the order of Prometheus' exporters. */
static enum MHD_Result respond(const struct request *req, const char *path,
			       const char *method)
{
	const struct webconfig *config;

	clients_expect(&req->web->clients, req->client, CLIENT_LISTENS,
		       in_ms(answer_ms(req->connection)));
	req->client->policy = policies_take(req->web->options.policies);
	if (!req->client->policy)
		return answer_text(req, MHD_HTTP_INTERNAL_SERVER_ERROR,
				   "the web configuration is not good; see the log\n");
	config = req->client->policy->config;
	if (!is_within_rate(req->web, config))
		return answer_text(req, MHD_HTTP_TOO_MANY_REQUESTS,
				   "Too Many Requests\n");
	if (config->users.nr > 0 && !is_known_user(req, &config->users))
		return answer_text_and(req, MHD_HTTP_UNAUTHORIZED, "Unauthorized\n",
				       MHD_HTTP_HEADER_WWW_AUTHENTICATE,
				       "Basic realm=\"snakepit-prometheus\"");
	return page(req, path, method);
}

/* ---- the library's side -------------------------------------------------- */

static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Whether more is to come behind the head. */
static bool has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* Called when the head of a request is there, and again when all of it is. An answer at
 * the first call makes the library close the connection, so a good request waits for
 * the second; a body is nothing we want, and may never end. */
/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static enum MHD_Result handle(void *user, struct MHD_Connection *connection,
			      const char *path, const char *method, const char *version,
			      const char *upload, size_t *upload_bytes, void **state)
{
	const struct request req = {user, connection, client_of(connection)};

	(void)version;
	(void)upload;
	(void)upload_bytes;
	if (!req.client)
		return MHD_NO;
	if (!*state) {
		*state = req.client;
		if (is_readable(method) && !has_body(connection))
			return MHD_YES;
	}
	return respond(&req, path, method);
}

static void request_done(void *user, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode how)
{
	struct web *web = user;
	struct client *client = client_of(connection);

	(void)state;
	(void)how;
	if (!client)
		return;
	if (client->scraping)
		(void)atomic_fetch_sub(&web->scrapes, 1);
	client->scraping = false;
	policies_give_back(web->options.policies, client->policy);
	client->policy = NULL;
	clients_expect(&web->clients, client, CLIENT_ASKS, in_ms(IDLE_MS));
}

/* The first line of a request has come, the first of its connection or after a rest. */
static void *request_begun(void *user, const char *uri,
			   struct MHD_Connection *connection)
{
	struct web *web = user;
	struct client *client = client_of(connection);

	(void)uri;
	if (client)
		clients_hasten(&web->clients, client, in_ms(HEAD_MS));
	return NULL;
}

static void begin_client(struct web *web, struct MHD_Connection *connection,
			 void **context)
{
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
		     ->connect_fd;
	struct client *client = clients_add(&web->clients, fd, in_ms(HEAD_MS));
	const union MHD_ConnectionInfo *session;
	bool ok = client != NULL;

	*context = client;
	if (client && web->tls) {
		session = MHD_get_connection_info(connection,
						  MHD_CONNECTION_INFO_GNUTLS_SESSION);
		/* A file that is not good is for the request to complain of. */
		client->handshake = policies_take(web->options.policies);
		if (!client->handshake)
			client->handshake = policies_take_last(web->options.policies);
		ok = session &&
		     tls_prepare(client->handshake->tls, session->tls_session);
	}
	if (!ok)
		(void)shutdown(fd, SHUT_RDWR);
}

static void connection_changed(void *user, struct MHD_Connection *connection,
			       void **context, enum MHD_ConnectionNotificationCode what)
{
	struct web *web = user;
	struct client *client = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		begin_client(web, connection, context);
		return;
	}
	if (!client)
		return;
	policies_give_back(web->options.policies, client->handshake);
	clients_remove(&web->clients, &client);
	*context = NULL;
}

static void log_library(void *user, const char *fmt, va_list ap)
{
	(void)user;
	snp_log_vline(SNP_LOG_DEBUG, fmt, ap);
}

/* ---- in use -------------------------------------------------------------- */

static bool wants_tls(struct policies *policies)
{
	struct policy *policy = policies_take_last(policies);
	bool tls = policy->tls != NULL;

	policies_give_back(policies, policy);
	return tls;
}

int web_create(const struct web_options *options, struct web **ret_web)
{
	struct web *web = calloc(1, sizeof(*web));
	int r;

	if (!web)
		return -ENOMEM;
	web->options = *options;
	web->tls = wants_tls(options->policies);
	r = auth_create(&web->auth);
	if (r < 0)
		goto out;
	r = clients_init(&web->clients);
	if (r < 0)
		goto out;
	r = -pthread_mutex_init(&web->rate_lock, NULL);
	if (r < 0)
		clients_fini(&web->clients);
out:
	if (r < 0) {
		auth_destroy(&web->auth);
		free(web);
	} else {
		*ret_web = web;
	}
	return r;
}

/* With poll, and not epoll: there the library waits for edges, and takes a short read
 * for the last one. Where the end of the connection had come with those bytes it is
 * never woken again, and the connection keeps its place for ever. */
int web_serve(struct web *web, int take_fd, struct snp_err *err)
{
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	struct MHD_Daemon *daemon;

	if (web->daemons_nr == WEB_SOCKETS_MAX) {
		(void)close(take_fd);
		return snp_err_set(err, -EINVAL, "more than %d listening sockets",
				   WEB_SOCKETS_MAX);
	}
	daemon = MHD_start_daemon(
	    flags | (web->tls ? MHD_USE_TLS : 0), 0, NULL, NULL, handle, web,
	    MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, MHD_OPTION_LISTEN_SOCKET,
	    take_fd, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, web,
	    MHD_OPTION_NOTIFY_COMPLETED, request_done, web, MHD_OPTION_URI_LOG_CALLBACK,
	    request_begun, web, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_BYTES,
	    web->tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END,
	    tls_no_certificate, MHD_OPTION_END);
	if (!daemon) {
		(void)close(take_fd);
		return snp_err_set(err, -ENOMEM, "cannot start an HTTP server");
	}
	web->daemons[web->daemons_nr++] = daemon;
	return 0;
}

const char *web_scheme(const struct web *web)
{
	return web->tls ? "https" : "http";
}

void web_sweep(struct web *web)
{
	size_t late = clients_sweep(&web->clients, snp_mono_now());

	if (late > 0)
		snp_log_line(SNP_LOG_DEBUG, "%zu connections took too long", late);
}

void web_destroy(struct web **web)
{
	if (!*web)
		return;
	for (size_t i = 0; i < (*web)->daemons_nr; i++)
		MHD_stop_daemon((*web)->daemons[i]);
	clients_fini(&(*web)->clients);
	(void)pthread_mutex_destroy(&(*web)->rate_lock);
	auth_destroy(&(*web)->auth);
	free(*web);
	*web = NULL;
}
