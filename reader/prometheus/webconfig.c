/* SPDX-License-Identifier: Apache-2.0 */
#include "webconfig.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "cli/nearest.h"

/* Far more than anybody needs; looking for duplicates is quadratic. */
#define ITEMS_MAX 256

/* ---- what may stand in the file ------------------------------------------ */

enum kind { TEXT, LIST, PAIRS, CHOICE, SWITCH, DURATION, NUMBER, SECTION };

struct key {
	const char *name;
	enum kind kind;
	size_t offset;		   /* of the member in struct webconfig */
	const char *const *values; /* CHOICE: in the order of its enum, then NULL */
	const struct key *keys;	   /* SECTION: up to one without a name */
};

static const char *const client_auth_names[] = {"NoClientCert",
						"RequestClientCert",
						"RequireAnyClientCert",
						"VerifyClientCertIfGiven",
						"RequireAndVerifyClientCert",
						"RequireClientCert",
						NULL};
static const char *const version_names[] = {"TLS10", "TLS11", "TLS12", "TLS13", NULL};

#define AT(member) offsetof(struct webconfig, member)

static const struct key tls_keys[] = {
    {"cert", TEXT, AT(cert), NULL, NULL},
    {"key", TEXT, AT(key), NULL, NULL},
    {"client_ca", TEXT, AT(client_ca), NULL, NULL},
    {"cert_file", TEXT, AT(cert_file), NULL, NULL},
    {"key_file", TEXT, AT(key_file), NULL, NULL},
    {"client_ca_file", TEXT, AT(client_ca_file), NULL, NULL},
    {"client_auth_type", CHOICE, AT(client_auth), client_auth_names, NULL},
    {"client_allowed_sans", LIST, AT(allowed_sans), NULL, NULL},
    {"min_version", CHOICE, AT(min_version), version_names, NULL},
    {"max_version", CHOICE, AT(max_version), version_names, NULL},
    {"cipher_suites", LIST, AT(cipher_suites), NULL, NULL},
    {"curve_preferences", LIST, AT(curves), NULL, NULL},
    {"prefer_server_cipher_suites", SWITCH, AT(prefer_server_cipher_suites), NULL,
     NULL},
    {0},
};
static const struct key http_keys[] = {
    {"http2", SWITCH, AT(http2), NULL, NULL},
    {"headers", PAIRS, AT(headers), NULL, NULL},
    {0},
};
static const struct key rate_keys[] = {
    {"interval", DURATION, AT(interval_ns), NULL, NULL},
    {"burst", NUMBER, AT(burst), NULL, NULL},
    {0},
};
static const struct key root_keys[] = {
    {"tls_server_config", SECTION, 0, NULL, tls_keys},
    {"http_server_config", SECTION, 0, NULL, http_keys},
    {"basic_auth_users", PAIRS, AT(users), NULL, NULL},
    {"rate_limit", SECTION, 0, NULL, rate_keys},
    {0},
};

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

/* ---- reading ------------------------------------------------------------- */

struct reader {
	struct webconfig *config;
	yaml_document_t *document;
	const char *name;
	struct snp_err *err;
};

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

__attribute__((format(printf, 3, 4))) static int
refuse(const struct reader *r, size_t line, const char *fmt, ...)
{
	char what[SNP_ERR_MSG_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return snp_err_set(r->err, -EINVAL, "%s:%zu: %s", r->name, line, what);
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* Nothing where something could be: as if the key were not there. */
static bool is_null(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (node->data.scalar.length == 0 || strcmp(text_of(node), "~") == 0 ||
		strcasecmp(text_of(node), "null") == 0);
}

/* Text without NUL, or NULL and an error about `key`. */
static const char *scalar(const struct reader *r, const yaml_node_t *node,
			  const char *key)
{
	if (node->type != YAML_SCALAR_NODE ||
	    strlen(text_of(node)) != node->data.scalar.length) {
		(void)refuse(r, line_of(node), "%s: expected text", key);
		return NULL;
	}
	return text_of(node);
}

static int read_choice(const struct reader *r, const yaml_node_t *node,
		       const struct key *key, unsigned *ret_value)
{
	const char *text = scalar(r, node, key->name);

	if (!text)
		return -EINVAL;
	for (unsigned i = 0; key->values[i]; i++) {
		if (strcmp(text, key->values[i]) == 0) {
			*ret_value = i;
			return 0;
		}
	}
	return refuse(r, line_of(node), "%s: '%.40s' is none of the values there are",
		      key->name, text);
}

static int read_switch(const struct reader *r, const yaml_node_t *node,
		       const struct key *key, bool *ret_value)
{
	static const char *const words[][3] = {{"false", "no", "off"},
					       {"true", "yes", "on"}};
	const char *text = scalar(r, node, key->name);

	if (!text)
		return -EINVAL;
	for (size_t i = 0; i < 2 * 3; i++) {
		if (strcasecmp(text, words[i / 3][i % 3]) == 0) {
			*ret_value = i / 3 == 1;
			return 0;
		}
	}
	return refuse(r, line_of(node), "%s: expected true or false", key->name);
}

/* One number and its unit of "1m30.5s"; where it ends, NULL when it is none. */
static const char *add_duration(const char *text, double *total_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ns", 1},	 {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"ms", 1e6},
		     {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double number = strtod(text, &end);

	if (digits == 0 || end != text + digits)
		return NULL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].unit);

		if (strncmp(end, units[i].unit, len) == 0 &&
		    !isalpha((unsigned char)end[len])) {
			*total_ns += number * units[i].ns;
			return end + len;
		}
	}
	return NULL;
}

static int read_duration(const struct reader *r, const yaml_node_t *node,
			 const struct key *key, uint64_t *ret_ns)
{
	const char *text = scalar(r, node, key->name), *at;
	double ns = 0;

	if (!text)
		return -EINVAL;
	at = strcmp(text, "0") == 0 ? text + 1 : add_duration(text, &ns);
	while (at && *at)
		at = add_duration(at, &ns);
	if (!at || ns > 1e18)
		return refuse(r, line_of(node),
			      "%s: '%.40s' is not a time like 500ms, 1s or 1m30s",
			      key->name, text);
	*ret_ns = (uint64_t)ns;
	return 0;
}

static int read_number(const struct reader *r, const yaml_node_t *node,
		       const struct key *key, uint64_t *ret_number)
{
	const char *text = scalar(r, node, key->name);
	size_t len;

	if (!text)
		return -EINVAL;
	len = strspn(text, "0123456789");
	if (len == 0 || len > 9 || text[len] != '\0')
		return refuse(r, line_of(node), "%s: '%.40s' is not a whole number",
			      key->name, text);
	*ret_number = strtoull(text, NULL, 10);
	return 0;
}

static int read_list(const struct reader *r, const yaml_node_t *node,
		     const struct key *key, struct webconfig_list *list)
{
	size_t nr;

	if (node->type != YAML_SEQUENCE_NODE)
		return refuse(r, line_of(node), "%s: expected a list", key->name);
	nr = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (nr > ITEMS_MAX)
		return refuse(r, line_of(node), "%s: more than %d of them", key->name,
			      ITEMS_MAX);
	list->line = line_of(node);
	list->items = calloc(nr + 1, sizeof(*list->items));
	if (!list->items)
		return snp_err_set(r->err, -ENOMEM, "%s: out of memory", r->name);
	for (size_t i = 0; i < nr; i++) {
		const yaml_node_t *item = yaml_document_get_node(
		    r->document, node->data.sequence.items.start[i]);

		list->items[i] = scalar(r, item, key->name);
		if (!list->items[i])
			return -EINVAL;
		list->nr++;
	}
	return 0;
}

/* ---- mappings ------------------------------------------------------------ */

struct entry {
	const char *key;
	const yaml_node_t *key_node, *value;
};

static size_t entries_of(const yaml_node_t *map)
{
	return (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
}

/* `what` the mapping is, for errors. */
static int read_entry(const struct reader *r, const yaml_node_t *map, size_t which,
		      const char *what, struct entry *ret_entry)
{
	const yaml_node_pair_t *pair = &map->data.mapping.pairs.start[which];
	struct entry entry = {
	    .key_node = yaml_document_get_node(r->document, pair->key),
	    .value = yaml_document_get_node(r->document, pair->value),
	};

	entry.key = scalar(r, entry.key_node, what);
	if (!entry.key)
		return -EINVAL;
	for (size_t i = 0; i < which; i++) {
		const yaml_node_t *other = yaml_document_get_node(
		    r->document, map->data.mapping.pairs.start[i].key);

		if (strcmp(text_of(other), entry.key) == 0)
			return refuse(r, line_of(entry.key_node),
				      "%s: '%.40s' given twice, first on line %zu",
				      what, entry.key, line_of(other));
	}
	*ret_entry = entry;
	return 0;
}

static int check_map(const struct reader *r, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_MAPPING_NODE)
		return refuse(r, line_of(node), "%s: expected keys and values", what);
	if (entries_of(node) > ITEMS_MAX)
		return refuse(r, line_of(node), "%s: more than %d entries", what,
			      ITEMS_MAX);
	return 0;
}

static int read_pairs(const struct reader *r, const yaml_node_t *node,
		      const struct key *key, struct webconfig_pairs *pairs)
{
	struct entry entry;
	int rc = check_map(r, node, key->name);

	if (rc < 0)
		return rc;
	pairs->items = calloc(entries_of(node) + 1, sizeof(*pairs->items));
	if (!pairs->items)
		return snp_err_set(r->err, -ENOMEM, "%s: out of memory", r->name);
	for (size_t i = 0; i < entries_of(node); i++) {
		struct webconfig_pair *pair = &pairs->items[i];

		rc = read_entry(r, node, i, key->name, &entry);
		if (rc < 0)
			return rc;
		pair->key = entry.key;
		pair->line = line_of(entry.key_node);
		pair->value = scalar(r, entry.value, entry.key);
		if (!pair->value)
			return -EINVAL;
		pairs->nr++;
	}
	return 0;
}

static int read_value(const struct reader *r, const yaml_node_t *node,
		      const struct key *key)
{
	void *at = (char *)r->config + key->offset;

	switch (key->kind) {
	case LIST:
		return read_list(r, node, key, at);
	case PAIRS:
		return read_pairs(r, node, key, at);
	case CHOICE:
		return read_choice(r, node, key, at);
	case SWITCH:
		return read_switch(r, node, key, at);
	case DURATION:
		return read_duration(r, node, key, at);
	case NUMBER:
		return read_number(r, node, key, at);
	case TEXT:
	case SECTION:
		break;
	}
	*(const char **)at = scalar(r, node, key->name);
	return *(const char **)at ? 0 : -EINVAL;
}

static const struct key *find_key(const struct key *keys, const char *name,
				  const char **ret_nearest)
{
	struct cli_nearest nearest = {.word = name};

	for (; keys->name; keys++) {
		if (strcmp(keys->name, name) == 0)
			return keys;
		cli_nearest_try(&nearest, keys->name);
	}
	*ret_nearest = nearest.best;
	return NULL;
}

static int read_section(const struct reader *r, const yaml_node_t *node,
			const struct key *keys, const char *what)
{
	const char *nearest = NULL;
	const struct key *key;
	struct entry entry;
	int rc = check_map(r, node, what);

	for (size_t i = 0; rc == 0 && i < entries_of(node); i++) {
		rc = read_entry(r, node, i, what, &entry);
		if (rc < 0)
			return rc;
		key = find_key(keys, entry.key, &nearest);
		if (!key)
			return refuse(r, line_of(entry.key_node),
				      "unknown key '%.40s' in %s%s%s%s", entry.key,
				      what, nearest ? "; did you mean '" : "",
				      nearest ? nearest : "", nearest ? "'?" : "");
		if (is_null(entry.value))
			continue;
		rc = key->kind == SECTION
			 ? read_section(r, entry.value, key->keys, key->name)
			 : read_value(r, entry.value, key);
	}
	return rc;
}

/* ---- what the parts mean together ---------------------------------------- */

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
static int check_source(const struct reader *r, const char *text, const char *file,
			const char *what)
{
	if (given(text) && given(file))
		return snp_err_set(r->err, -EINVAL,
				   "%s: tls_server_config: both %s and %s_file given",
				   r->name, what, what);
	return given(text) || given(file);
}

static int check_client_auth(const struct reader *r, bool has_ca)
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
		    r->name, client_auth_names[c->client_auth]);
	if (c->allowed_sans.nr > 0 && c->client_auth != WEBCONFIG_REQUIRE_ANY &&
	    c->client_auth != WEBCONFIG_REQUIRE_AND_VERIFY)
		return refuse(r, c->allowed_sans.line,
			      "client_allowed_sans needs client_auth_type "
			      "RequireAndVerifyClientCert or RequireAnyClientCert");
	return 0;
}

static int check_tls(const struct reader *r)
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
				   r->name, version_names[c->min_version],
				   version_names[c->max_version]);
	return check_client_auth(r, ca > 0);
}

static int check_header(const struct reader *r, const struct webconfig_pair *pair)
{
	size_t nr = sizeof(headers) / sizeof(headers[0]), i = 0;

	while (i < nr && strcmp(headers[i].name, pair->key) != 0)
		i++;
	if (i == nr)
		return refuse(r, pair->line, "header '%.40s' cannot be set here",
			      pair->key);
	for (const char *c = pair->value; *c; c++)
		if ((unsigned char)*c < 0x20)
			return refuse(r, pair->line,
				      "%s: control characters in the value", pair->key);
	if (!headers[i].values[0])
		return 0;
	for (size_t v = 0; headers[i].values[v]; v++)
		if (strcmp(headers[i].values[v], pair->value) == 0)
			return 0;
	return refuse(r, pair->line, "%s: expected %s%s%s", pair->key,
		      headers[i].values[0], headers[i].values[1] ? " or " : "",
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

static int check(const struct reader *r)
{
	const struct webconfig *c = r->config;
	int rc = check_tls(r);

	for (size_t i = 0; rc == 0 && i < c->headers.nr; i++)
		rc = check_header(r, &c->headers.items[i]);
	for (size_t i = 0; rc == 0 && i < c->users.nr; i++)
		if (!is_bcrypt(c->users.items[i].value))
			rc = refuse(r, c->users.items[i].line,
				    "the password of '%.40s' is not a bcrypt hash, as "
				    "`htpasswd -nBC 10 ''` makes",
				    c->users.items[i].key);
	if (rc == 0 && c->interval_ns > 0 && c->burst == 0)
		rc = snp_err_set(r->err, -EINVAL,
				 "%s: rate_limit: burst has to be at least 1", r->name);
	return rc;
}

/* ---- the whole ----------------------------------------------------------- */

static int load(const struct reader *r, const char *text, size_t len)
{
	yaml_parser_t parser;
	bool ok;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return snp_err_set(r->err, -ENOMEM, "%s: out of memory", r->name);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	ok = yaml_parser_load(&parser, r->document);
	if (!ok)
		rc = refuse(r, parser.problem_mark.line + 1, "not valid YAML: %s",
			    parser.problem ? parser.problem : "out of memory");
	yaml_parser_delete(&parser);
	return rc;
}

int webconfig_parse(const char *text, size_t len, const char *name,
		    struct webconfig **ret_config, struct snp_err *err)
{
	struct webconfig *config = calloc(1, sizeof(*config));
	yaml_document_t *document = calloc(1, sizeof(*document));
	const struct reader r = {config, document, name, err};
	const yaml_node_t *root;
	int rc;

	if (!config || !document) {
		free(config);
		free(document);
		return snp_err_set(err, -ENOMEM, "%s: out of memory", name);
	}
	config->document = document;
	config->min_version = WEBCONFIG_TLS12;
	config->max_version = WEBCONFIG_TLS13;
	config->prefer_server_cipher_suites = true;
	rc = load(&r, text, len);
	if (rc == 0) {
		root = yaml_document_get_root_node(document);
		if (root && !is_null(root))
			rc = read_section(&r, root, root_keys, "the file");
	}
	if (rc == 0)
		rc = check(&r);
	if (rc < 0)
		webconfig_destroy(&config);
	else
		*ret_config = config;
	return rc;
}

void webconfig_destroy(struct webconfig **config)
{
	if (!*config)
		return;
	free((*config)->cipher_suites.items);
	free((*config)->curves.items);
	free((*config)->allowed_sans.items);
	free((*config)->headers.items);
	free((*config)->users.items);
	yaml_document_delete((*config)->document);
	free((*config)->document);
	free(*config);
	*config = NULL;
}
