/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a web.config.file mean together. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "webconfig_parts.h"

const char *const webconfig_client_auth_names[] = {"NoClientCert",
						   "RequestClientCert",
						   "RequireAnyClientCert",
						   "VerifyClientCertIfGiven",
						   "RequireAndVerifyClientCert",
						   "RequireClientCert",
						   NULL};
const char *const webconfig_version_names[] = {"TLS10", "TLS11", "TLS12", "TLS13",
					       NULL};

/* Headers that may be set, and their values where only some make sense. */
static const struct {
	const char *name, *values[3];
} headers[] = {
    {"Strict-Transport-Security", {NULL}},
    {"X-Content-Type-Options", {"nosniff", NULL}},
    {"X-Frame-Options", {"deny", "sameorigin", NULL}},
    {"X-XSS-Protection", {NULL}},
    {"Content-Security-Policy", {NULL}},
};

int webconfig_refuse(const struct webconfig_reader *r, size_t line, const char *fmt,
		     ...)
{
	char what[SNP_ERR_MSG_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return snp_err_set(r->err, -EINVAL, "%s:%zu: %s", r->name, line, what);
}

static bool given(const char *text)
{
	return text && text[0];
}

bool webconfig_has_tls(const struct webconfig *c)
{
	return given(c->cert) || given(c->cert_file) || given(c->key) ||
	       given(c->key_file) || given(c->client_ca) || given(c->client_ca_file) ||
	       c->client_auth != WEBCONFIG_NO_CLIENT_CERT;
}

bool webconfig_has_secrets(const struct webconfig *config)
{
	return given(config->key) || config->users.nr > 0;
}

/* Exactly one of a PEM text and the name of its file; or none, where that is allowed.
 */
static int check_source(const struct webconfig_reader *r, const char *text,
			const char *file, const char *what)
{
	if (given(text) && given(file))
		return snp_err_set(r->err, -EINVAL,
				   "%s: tls_server_config: both %s and %s_file given",
				   r->name, what, what);
	return given(text) || given(file);
}

static int check_client_auth(const struct webconfig_reader *r, bool has_ca)
{
	const struct webconfig *c = r->config;

	if (has_ca && c->client_auth == WEBCONFIG_NO_CLIENT_CERT)
		return snp_err_set(
		    r->err, -EINVAL,
		    "%s: tls_server_config: a client CA without a client_auth_type "
		    "that asks for certificates",
		    r->name);
	if (!has_ca && (c->client_auth == WEBCONFIG_VERIFY_IF_GIVEN ||
			c->client_auth == WEBCONFIG_REQUIRE_AND_VERIFY))
		return snp_err_set(
		    r->err, -EINVAL,
		    "%s: tls_server_config: client_auth_type %s needs client_ca_file",
		    r->name, webconfig_client_auth_names[c->client_auth]);
	if (c->allowed_sans.nr > 0 && c->client_auth != WEBCONFIG_REQUIRE_ANY &&
	    c->client_auth != WEBCONFIG_REQUIRE_AND_VERIFY)
		return webconfig_refuse(
		    r, c->allowed_sans.line,
		    "client_allowed_sans needs client_auth_type "
		    "RequireAndVerifyClientCert or RequireAnyClientCert");
	return 0;
}

static int check_tls(const struct webconfig_reader *r)
{
	struct webconfig *c = r->config;
	int cert = check_source(r, c->cert, c->cert_file, "cert");
	int key = check_source(r, c->key, c->key_file, "key");
	int ca = check_source(r, c->client_ca, c->client_ca_file, "client_ca");

	if (cert < 0 || key < 0 || ca < 0)
		return -EINVAL;
	if (c->client_auth == WEBCONFIG_REQUIRE)
		c->client_auth = WEBCONFIG_REQUIRE_ANY;
	if (webconfig_has_tls(c) && (cert == 0 || key == 0))
		return snp_err_set(r->err, -EINVAL, "%s: tls_server_config: %s missing",
				   r->name, cert ? "key_file" : "cert_file");
	if (c->min_version > c->max_version)
		return snp_err_set(r->err, -EINVAL,
				   "%s: tls_server_config: min_version %s is above "
				   "max_version %s",
				   r->name, webconfig_version_names[c->min_version],
				   webconfig_version_names[c->max_version]);
	return check_client_auth(r, ca > 0);
}

static int check_header(const struct webconfig_reader *r,
			const struct webconfig_pair *pair)
{
	size_t nr = sizeof(headers) / sizeof(headers[0]), i = 0;

	while (i < nr && strcmp(headers[i].name, pair->key) != 0)
		i++;
	if (i == nr)
		return webconfig_refuse(r, pair->line,
					"header '%.40s' cannot be set here", pair->key);
	for (const char *c = pair->value; *c; c++)
		if ((unsigned char)*c < 0x20)
			return webconfig_refuse(r, pair->line,
						"%s: control characters in the value",
						pair->key);
	if (!headers[i].values[0])
		return 0;
	for (size_t v = 0; headers[i].values[v]; v++)
		if (strcmp(headers[i].values[v], pair->value) == 0)
			return 0;
	return webconfig_refuse(r, pair->line, "%s: expected %s%s%s", pair->key,
				headers[i].values[0],
				headers[i].values[1] ? " or " : "",
				headers[i].values[1] ? headers[i].values[1] : "");
}

/* $2y$10$ and 53 characters. */
static bool is_bcrypt(const char *hash)
{
	static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789";
	int cost;

	if (strlen(hash) != 60 || strncmp(hash, "$2", 2) != 0 ||
	    !strchr("aby", hash[2]) || hash[3] != '$' ||
	    !isdigit((unsigned char)hash[4]) || !isdigit((unsigned char)hash[5]) ||
	    hash[6] != '$')
		return false;
	cost = (hash[4] - '0') * 10 + hash[5] - '0';
	return cost >= 4 && cost <= 31 && strspn(hash + 7, alphabet) == 53;
}

int webconfig_check(const struct webconfig_reader *r)
{
	const struct webconfig *c = r->config;
	int rc = check_tls(r);

	for (size_t i = 0; rc == 0 && i < c->headers.nr; i++)
		rc = check_header(r, &c->headers.items[i]);
	for (size_t i = 0; rc == 0 && i < c->users.nr; i++)
		if (!is_bcrypt(c->users.items[i].value))
			rc = webconfig_refuse(
			    r, c->users.items[i].line,
			    "the password of '%.40s' is not a bcrypt hash, as "
			    "`htpasswd -nBC 10 ''` makes",
			    c->users.items[i].key);
	if (rc == 0 && c->interval_ns > 0 && c->burst == 0)
		rc = snp_err_set(r->err, -EINVAL,
				 "%s: rate_limit: burst has to be at least 1", r->name);
	return rc;
}
