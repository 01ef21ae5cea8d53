/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pairs.h"

/* ---- addresses ----------------------------------------------------------- */

#define GRPC_PORT "4317"

struct url {
	const char *scheme; /* "http", "https"; NULL: none was given */
	const char *host;   /* with the port */
	size_t host_len;
	const char *path; /* behind the host */
	size_t path_len;
	const char *query; /* with its '?'; a fragment is left out */
	size_t query_len;
};

static struct url split(const char *text)
{
	struct url url = {0};

	if (strncasecmp(text, "http://", 7) == 0) {
		url.scheme = "http";
		text += 7;
	} else if (strncasecmp(text, "https://", 8) == 0) {
		url.scheme = "https";
		text += 8;
	}
	url.host = text;
	url.host_len = strcspn(text, "/?#");
	url.path = text + url.host_len;
	url.path_len = strcspn(url.path, "?#");
	url.query = url.path + url.path_len;
	url.query_len = strcspn(url.query, "#");
	return url;
}

/* The port with its colon, NULL if there is none. */
static const char *port_of(const struct url *url)
{
	const char *from = url->host, *end = url->host + url->host_len;

	if (*from == '[')
		from = memchr(from, ']', url->host_len);
	return from ? memchr(from, ':', (size_t)(end - from)) : NULL;
}

static bool port_is_good(const char *colon, const char *end)
{
	size_t digits = strspn(colon + 1, "0123456789");
	unsigned long port = strtoul(colon + 1, NULL, 10);

	return digits > 0 && colon + 1 + digits == end && digits <= 5 && port >= 1 &&
	       port <= 65535;
}

static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

const char *endpoint_check(const char *text, enum otlp_protocol protocol)
{
	const struct url url = split(text);
	const char *end = url.host + url.host_len;
	const char *colon = port_of(&url);

	if (!url.scheme && (protocol != OTLP_GRPC || strstr(text, "://")))
		return "starts with neither http:// nor https://";
	if (!is_printable(text, strlen(text)))
		return "has a blank or a character that an address cannot have";
	if (memchr(url.host, '@', url.host_len))
		return "has a user in it, which belongs into "
		       "OTEL_EXPORTER_OTLP_HEADERS";
	if (url.host_len == 0 || colon == url.host)
		return "has no host";
	if (*url.host == '[' && !memchr(url.host, ']', url.host_len))
		return "has a '[' without ']'";
	if (colon && !port_is_good(colon, end))
		return "has a port that is not a number from 1 to 65535";
	return NULL;
}

static char *grpc_url(const struct url *url, bool insecure)
{
	const char *scheme = url->scheme ? url->scheme : insecure ? "http" : "https";
	/* A scheme has a port of its own. */
	const char *port = url->scheme || port_of(url) ? "" : ":" GRPC_PORT;
	char *made;

	return asprintf(&made, "%s://%.*s%s", scheme, (int)url->host_len, url->host,
			port) < 0
		   ? NULL
		   : made;
}

char *endpoint_url(const char *text, enum otlp_protocol protocol,
		   enum endpoint_form form, const char *path, bool insecure)
{
	const struct url url = split(text);
	const char *more = path;
	char *made;

	if (protocol == OTLP_GRPC)
		return grpc_url(&url, insecure);
	if (form == ENDPOINT_OWN)
		more = url.path_len == 0 ? "/" : "";
	else if (url.path_len > 0 && url.path[url.path_len - 1] == '/')
		more = path + 1;
	return asprintf(&made, "%s://%.*s%.*s%s%.*s", url.scheme, (int)url.host_len,
			url.host, (int)url.path_len, url.path, more, (int)url.query_len,
			url.query) < 0
		   ? NULL
		   : made;
}

int endpoint_shown(const char *url)
{
	return (int)strcspn(url, "?");
}

/* ---- headers ------------------------------------------------------------- */

static const char *const ours[] = {
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "user-agent",
};

static const char *check_header(const char *name, const char *value)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (*name == '\0' || name[strspn(name, token)] != '\0')
		return "has a name that is not one of a header";
	if (strncasecmp(name, "grpc-", 5) == 0)
		return "has a name of gRPC's own";
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcasecmp(name, ours[i]) == 0)
			return "names a header that this program sets itself";
	for (; *value; value++)
		if (*value < ' ' || *value > '~')
			return "has a value with characters that headers cannot have";
	return NULL;
}

static int add_header(struct otlp_endpoint *endpoint, const char *name,
		      const char *value)
{
	struct otlp_header *headers, *last;

	headers =
	    reallocarray(endpoint->headers, endpoint->headers_nr + 1, sizeof(*headers));
	if (!headers)
		return -ENOMEM;
	endpoint->headers = headers;
	last = &headers[endpoint->headers_nr++];
	last->name = strdup(name);
	last->value = strdup(value);
	return last->name && last->value ? 0 : -ENOMEM;
}

static int take_header(void *user, const char *name, const char *value,
		       const char **ret_wrong)
{
	*ret_wrong = check_header(name, value);
	return *ret_wrong ? 0 : add_header(user, name, value);
}

int endpoint_headers(const char *text, struct otlp_endpoint *endpoint,
		     const char **ret_wrong)
{
	return otlp_pairs_read(text, take_header, endpoint, ret_wrong);
}

void endpoint_headers_fini(struct otlp_endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->headers_nr; i++) {
		free(endpoint->headers[i].name);
		free(endpoint->headers[i].value);
	}
	free(endpoint->headers);
	endpoint->headers = NULL;
	endpoint->headers_nr = 0;
}
