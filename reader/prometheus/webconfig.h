/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webconfig.h - the text of a web.config.file, as Prometheus' exporters take it.
 *
 * Pure: reads a text, no files. What it returns is checked as far as that goes without
 * the files it names. Errors say "NAME:LINE: ..." and never contain a secret.
 */
#ifndef SNP_PROMETHEUS_WEBCONFIG_H
#define SNP_PROMETHEUS_WEBCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snakepit/err.h"

/* In the order of the names in webconfig.c. */
enum webconfig_client_auth {
	WEBCONFIG_NO_CLIENT_CERT,
	WEBCONFIG_REQUEST,
	WEBCONFIG_REQUIRE_ANY,
	WEBCONFIG_VERIFY_IF_GIVEN,
	WEBCONFIG_REQUIRE_AND_VERIFY,
	WEBCONFIG_REQUIRE, /* an old name of REQUIRE_ANY, which it becomes */
};

enum webconfig_tls_version {
	WEBCONFIG_TLS10,
	WEBCONFIG_TLS11,
	WEBCONFIG_TLS12,
	WEBCONFIG_TLS13,
};

struct webconfig_pair {
	const char *key, *value;
	size_t line;
};

struct webconfig_list {
	const char **items;
	size_t nr;
	size_t line;
};

struct webconfig_pairs {
	struct webconfig_pair *items;
	size_t nr;
};

/* NULL or empty: not given. Strings live as long as the struct. */
struct webconfig {
	/* tls_server_config */
	const char *cert, *key, *client_ca;		   /* PEM */
	const char *cert_file, *key_file, *client_ca_file; /* as written */
	unsigned client_auth;				   /* enum */
	unsigned min_version, max_version;		   /* enum */
	bool prefer_server_cipher_suites;
	struct webconfig_list cipher_suites, curves, allowed_sans;
	/* http_server_config */
	bool http2;			/* accepted, and without effect */
	struct webconfig_pairs headers; /* known ones with values that fit them */
	/* basic_auth_users: bcrypt hashes by name */
	struct webconfig_pairs users;
	/* rate_limit */
	uint64_t interval_ns; /* 0: no limit */
	uint64_t burst;

	void *document; /* what the strings are part of */
};

/* `name` is for errors. -EINVAL. */
int webconfig_parse(const char *text, size_t len, const char *name,
		    struct webconfig **ret_config, struct snp_err *err);
void webconfig_destroy(struct webconfig **config);

/* Whether it asks for TLS. */
bool webconfig_has_tls(const struct webconfig *config);
/* Whether the text itself holds something nobody else may read. */
bool webconfig_has_secrets(const struct webconfig *config);

#endif
