/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "model/log.h"
#include "tls.h"
#include "web_parts.h"

/* Of a listening address, and of all together how many may rest between requests. */
#define CONNECTIONS_MAX 256
#define CROWD		(CONNECTIONS_MAX * 3 / 4)

/* How long a connection may take, for its TLS and the head of its request; without a
 * request, longer than scrapes are apart; for an answer, where the scraper does not say
 * how long it waits. */
#define HEAD_MS	      5000
#define IDLE_MS	      150000
#define ANSWER_MS     30000
#define ANSWER_MS_MAX 300000

/* ---- who may come in ----------------------------------------------------- */

static enum auth_answer ask_who(const struct request *req,
				const struct webconfig_pairs *users)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(req->connection, &password);
	enum auth_answer answer = AUTH_NO;

	if (user && password)
		answer =
		    auth_ask(req->web->auth, users, user, password, req->connection);
	MHD_free(user);
	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(password);
	return answer;
}

/* While a password is compared, the connection is not the library's. */
static void park(void *connection)
{
	MHD_suspend_connection(connection);
}

static void wake(void *connection)
{
	MHD_resume_connection(connection);
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

/* Takes the rules of the moment for this request; NULL where it may go on. */
static const char *refuse_by_rules(const struct request *req, unsigned *ret_status)
{
	struct web *web = req->web;

	clients_expect(&web->clients, req->client, CLIENT_LISTENS,
		       in_ms(answer_ms(req->connection)));
	req->client->policy = policies_take(web->options.policies);
	if (!req->client->policy) {
		*ret_status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		return "the web configuration is not good; see the log\n";
	}
	if (is_within_rate(web, req->client->policy->config))
		return NULL;
	*ret_status = MHD_HTTP_TOO_MANY_REQUESTS;
	return "Too Many Requests\n";
}

/* Everything goes through here, in the order of Prometheus' exporters; once more when a
 * password has been compared: then the request has its rules. */
static enum MHD_Result respond(const struct request *req, const char *path,
			       const char *method)
{
	const struct webconfig *config;
	const char *why = NULL;
	unsigned status;

	if (!req->client->policy)
		why = refuse_by_rules(req, &status);
	if (why)
		return answer_text(req, status, why);
	config = req->client->policy->config;
	switch (config->users.nr > 0 ? ask_who(req, &config->users) : AUTH_YES) {
	case AUTH_YES:
		return page_answer(req, path, method);
	case AUTH_LATER:
		return MHD_YES;
	case AUTH_BUSY:
		return answer_text(req, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "too many passwords to compare, try again later\n");
	default:
		return answer_text_and(req, MHD_HTTP_UNAUTHORIZED, "Unauthorized\n",
				       MHD_HTTP_HEADER_WWW_AUTHENTICATE,
				       "Basic realm=\"snakepit-prometheus\"");
	}
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
	clients_expect(&web->clients, client, CLIENT_RESTS, in_ms(IDLE_MS));
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
	static const struct auth_waiting waiting = {park, wake};
	struct web *web = calloc(1, sizeof(*web));
	int r;

	if (!web)
		return -ENOMEM;
	web->options = *options;
	web->tls = wants_tls(options->policies);
	r = auth_create(&waiting, &web->auth);
	if (r < 0)
		goto out;
	r = clients_init(&web->clients, CROWD);
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
	unsigned flags =
	    MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
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
	auth_stop((*web)->auth); /* the library stops when nobody is parked */
	for (size_t i = 0; i < (*web)->daemons_nr; i++)
		MHD_stop_daemon((*web)->daemons[i]);
	clients_fini(&(*web)->clients);
	(void)pthread_mutex_destroy(&(*web)->rate_lock);
	auth_destroy(&(*web)->auth);
	free(*web);
	*web = NULL;
}
