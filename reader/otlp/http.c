/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multi handle with one transfer in it instead of a plain easy one: only that can be
 * woken by another thread, and so end at once when the program does.
 */
#include "http.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "endpoint.h"
#include "model/buf.h"
#include "snakepit/time.h"

#define VALUE_BYTES 8192 /* of a wanted header; longer ones are cut */

struct http {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	const char *wanted[HTTP_WANTED_MAX];
	/* Of the answer under way. */
	char values[HTTP_WANTED_MAX][VALUE_BYTES];
	bool came[HTTP_WANTED_MAX];
	struct snp_buf body;
	bool too_large;
	char error[CURL_ERROR_SIZE];
};

/* ---- what libcurl tells us ----------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t nr, void *user)
{
	struct http *http = user;
	const size_t len = size * nr;

	http->too_large = len > HTTP_REPLY_MAX - http->body.len;
	if (http->too_large)
		return 0;
	snp_buf_put(&http->body, data, len);
	return http->body.failed ? 0 : len;
}

static void keep_value(struct http *http, size_t i, const char *value, size_t len)
{
	while (len > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", value[len - 1]))
		len--;
	if (len >= VALUE_BYTES)
		len = VALUE_BYTES - 1;
	memcpy(http->values[i], value, len);
	http->values[i][len] = '\0';
	http->came[i] = true;
}

/* Headers and trailers alike, a line each. */
static size_t on_header(char *line, size_t size, size_t nr, void *user)
{
	struct http *http = user;
	const size_t len = size * nr;
	const char *colon = memchr(line, ':', len);

	/* Another answer: there may be interim ones before the last. */
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
		memset(http->came, 0, sizeof(http->came));
	else if (colon)
		for (size_t i = 0; i < HTTP_WANTED_MAX && http->wanted[i]; i++)
			if (strlen(http->wanted[i]) == (size_t)(colon - line) &&
			    strncasecmp(line, http->wanted[i],
					(size_t)(colon - line)) == 0)
				keep_value(http, i, colon + 1,
					   len - (size_t)(colon + 1 - line));
	return len;
}

/* ---- set-up -------------------------------------------------------------- */

static void init_library(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int add_header(struct http *http, const char *line)
{
	struct curl_slist *longer = curl_slist_append(http->headers, line);

	if (!longer)
		return -ENOMEM;
	http->headers = longer;
	return 0;
}

static int add_headers(struct http *http, const struct http_options *options)
{
	const struct otlp_endpoint *endpoint = options->endpoint;
	struct snp_buf line = {0};
	int rc = add_header(http, "Expect:"); /* a round trip that nobody needs */

	for (size_t i = 0; rc == 0 && options->headers[i]; i++)
		rc = add_header(http, options->headers[i]);
	for (size_t i = 0; rc == 0 && i < endpoint->headers_nr; i++) {
		const struct otlp_header *header = &endpoint->headers[i];

		snp_buf_reset(&line);
		/* "Name;" is libcurl's way to say a header without a value. */
		snp_buf_printf(&line, "%s%s%s", header->name,
			       *header->value ? ": " : ";", header->value);
		snp_buf_putc(&line, '\0');
		rc = line.failed ? -ENOMEM : add_header(http, line.data);
	}
	snp_buf_fini(&line);
	return rc;
}

#define SET(http, option, value) (curl_easy_setopt((http)->easy, option, value))

static CURLcode set_callbacks(struct http *http)
{
	CURLcode rc = SET(http, CURLOPT_WRITEFUNCTION, on_body);

	rc = rc ? rc : SET(http, CURLOPT_WRITEDATA, http);
	rc = rc ? rc : SET(http, CURLOPT_HEADERFUNCTION, on_header);
	rc = rc ? rc : SET(http, CURLOPT_HEADERDATA, http);
	return rc ? rc : SET(http, CURLOPT_ERRORBUFFER, http->error);
}

static CURLcode set_files(struct http *http, const struct otlp_endpoint *endpoint)
{
	CURLcode rc = SET(http, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);

	if (endpoint->ca) {
		rc = rc ? rc : SET(http, CURLOPT_CAINFO, endpoint->ca);
		/* Instead of the system's authorities, not besides them. */
		rc = rc ? rc : SET(http, CURLOPT_CAPATH, NULL);
	}
	if (endpoint->cert)
		rc = rc ? rc : SET(http, CURLOPT_SSLCERT, endpoint->cert);
	if (endpoint->key)
		rc = rc ? rc : SET(http, CURLOPT_SSLKEY, endpoint->key);
	return rc;
}

/* Before 8.0 libcurl breaks an HTTP/2 connection without TLS by using it again
 * (https://github.com/curl/curl/issues/10634). */
static bool must_connect_anew(bool is_tls)
{
	return !is_tls && curl_version_info(CURLVERSION_NOW)->version_num < 0x080000;
}

static CURLcode set_version(struct http *http, const struct http_options *options)
{
	const bool is_tls = strncasecmp(options->url, "https:", 6) == 0;
	CURLcode rc;

	if (options->version == HTTP_ANY)
		return SET(http, CURLOPT_ACCEPT_ENCODING, "");
	rc = SET(http, CURLOPT_HTTP_VERSION,
		 is_tls ? (long)CURL_HTTP_VERSION_2TLS
			: (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	rc = rc ? rc : SET(http, CURLOPT_HTTPPROXYTUNNEL, 1L);
	if (must_connect_anew(is_tls))
		rc = rc ? rc : SET(http, CURLOPT_FORBID_REUSE, 1L);
	return rc;
}

static CURLcode set_options(struct http *http, const struct http_options *options)
{
	CURLcode rc = SET(http, CURLOPT_URL, options->url);

	rc = rc ? rc : SET(http, CURLOPT_PROTOCOLS_STR, "http,https");
	rc = rc ? rc : SET(http, CURLOPT_POST, 1L);
	rc = rc ? rc : SET(http, CURLOPT_NOSIGNAL, 1L);
	/* Ending must not wait for a resolver that does not answer. */
	rc = rc ? rc : SET(http, CURLOPT_QUICK_EXIT, 1L);
	rc = rc ? rc : SET(http, CURLOPT_TCP_KEEPALIVE, 1L);
	rc = rc ? rc : SET(http, CURLOPT_CONNECTTIMEOUT_MS, 0x7fffffffL);
	rc =
	    rc ? rc
	       : SET(http, CURLOPT_USERAGENT,
		     "snakepit-otlp/" SNP_VERSION " OTel-OTLP-Exporter-C/" SNP_VERSION);
	rc = rc ? rc : set_callbacks(http);
	rc = rc ? rc : set_files(http, options->endpoint);
	return rc ? rc : set_version(http, options);
}

int http_create(const struct http_options *options, struct http **ret_http,
		struct snp_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *http = calloc(1, sizeof(*http));
	CURLcode rc;

	(void)pthread_once(&once, init_library);
	if (http) {
		memcpy(http->wanted, options->wanted, sizeof(http->wanted));
		http->easy = curl_easy_init();
		http->multi = curl_multi_init();
	}
	if (!http || !http->easy || !http->multi || add_headers(http, options) < 0) {
		http_destroy(&http);
		return snp_err_set(err, -ENOMEM, "out of memory for a connection");
	}
	rc = set_options(http, options);
	if (rc != CURLE_OK) {
		http_destroy(&http);
		return snp_err_set(err, -EINVAL, "%.*s: %s",
				   endpoint_shown(options->url), options->url,
				   curl_easy_strerror(rc));
	}
	*ret_http = http;
	return 0;
}

void http_destroy(struct http **http_ptr)
{
	struct http *http = *http_ptr;

	if (!http)
		return;
	*http_ptr = NULL;
	curl_easy_cleanup(http->easy);
	(void)curl_multi_cleanup(http->multi);
	curl_slist_free_all(http->headers);
	snp_buf_fini(&http->body);
	free(http);
}

/* ---- one request --------------------------------------------------------- */

/* What cannot get better by itself. */
static bool is_lasting(CURLcode code)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_NOT_BUILT_IN:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_BAD_CONTENT_ENCODING:
		return true;
	default:
		return false;
	}
}

static enum http_end end_of(const struct http *http, CURLcode code)
{
	if (code == CURLE_OK)
		return HTTP_ANSWERED;
	if (http->too_large)
		return HTTP_TOO_LARGE;
	return is_lasting(code) ? HTTP_UNUSABLE : HTTP_UNREACHABLE;
}

static const char *error_of(const struct http *http, CURLcode code)
{
	/* What libcurl calls HTTP/0.9. */
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return "the answer is not HTTP; for a port of gRPC, set "
		       "OTEL_EXPORTER_OTLP_PROTOCOL=grpc";
	return *http->error ? http->error : curl_easy_strerror(code);
}

static void fill_reply(struct http *http, CURLcode code, struct http_reply *reply)
{
	reply->end = end_of(http, code);
	(void)curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &reply->status);
	reply->body = http->body.data;
	reply->len = http->body.len;
	for (size_t i = 0; i < HTTP_WANTED_MAX; i++)
		reply->values[i] = http->came[i] ? http->values[i] : NULL;
	reply->error = error_of(http, code);
}

/* Milliseconds until then, rounded up so that nobody spins through the last one. */
static int ms_until(uint64_t until_ns)
{
	const uint64_t now_ns = snp_mono_now().ns;
	const uint64_t ms =
	    until_ns > now_ns ? (until_ns - now_ns + SNP_NS_PER_MS - 1) / SNP_NS_PER_MS
			      : 0;

	return ms > 60000 ? 60000 : (int)ms;
}

/* False: the time was over before the transfer was. */
static bool transfer(struct http *http, const _Atomic uint64_t *until,
		     CURLcode *ret_code)
{
	CURLMsg *message;
	int running = 1, left, ms;

	for (;;) {
		if (curl_multi_perform(http->multi, &running) != CURLM_OK)
			break;
		if (running == 0)
			break;
		ms = ms_until(atomic_load_explicit(until, memory_order_relaxed));
		if (ms == 0)
			return false;
		/* Without it this would be a busy loop. */
		if (curl_multi_poll(http->multi, NULL, 0, ms, NULL) != CURLM_OK)
			break;
	}
	message = curl_multi_info_read(http->multi, &left);
	*ret_code = message ? message->data.result : CURLE_OUT_OF_MEMORY;
	return true;
}

/* The connection stays with the multi handle, for the next. */
void http_post(struct http *http, const void *body, size_t len, const char *header,
	       const _Atomic uint64_t *until, struct http_reply *ret_reply)
{
	struct curl_slist last = {.data = (char *)(size_t)header};
	CURLcode code = CURLE_OUT_OF_MEMORY;
	bool ended = true;

	*ret_reply = (struct http_reply){0};
	snp_buf_reset(&http->body);
	memset(http->came, 0, sizeof(http->came));
	http->too_large = false;
	*http->error = '\0';
	last.next = http->headers;
	/* What was sent last must not go out again in its place. */
	if (SET(http, CURLOPT_HTTPHEADER, header ? &last : http->headers) == CURLE_OK &&
	    SET(http, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
	    SET(http, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len) == CURLE_OK &&
	    curl_multi_add_handle(http->multi, http->easy) == CURLM_OK) {
		ended = transfer(http, until, &code);
		(void)curl_multi_remove_handle(http->multi, http->easy);
	}
	fill_reply(http, code, ret_reply);
	if (!ended) {
		ret_reply->end = HTTP_TIMED_OUT;
		ret_reply->error = "no answer in time";
	}
}

void http_wake(struct http *http)
{
	(void)curl_multi_wakeup(http->multi);
}
