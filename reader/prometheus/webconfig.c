/* SPDX-License-Identifier: Apache-2.0 */
#include "webconfig.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "cli/nearest.h"
#include "webconfig_parts.h"

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

#define AT(member) offsetof(struct webconfig, member)

static const struct key tls_keys[] = {
    {"cert", TEXT, AT(cert), NULL, NULL},
    {"key", TEXT, AT(key), NULL, NULL},
    {"client_ca", TEXT, AT(client_ca), NULL, NULL},
    {"cert_file", TEXT, AT(cert_file), NULL, NULL},
    {"key_file", TEXT, AT(key_file), NULL, NULL},
    {"client_ca_file", TEXT, AT(client_ca_file), NULL, NULL},
    {"client_auth_type", CHOICE, AT(client_auth), webconfig_client_auth_names, NULL},
    {"client_allowed_sans", LIST, AT(allowed_sans), NULL, NULL},
    {"min_version", CHOICE, AT(min_version), webconfig_version_names, NULL},
    {"max_version", CHOICE, AT(max_version), webconfig_version_names, NULL},
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

/* ---- reading ------------------------------------------------------------- */

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
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
static const char *scalar(const struct webconfig_reader *r, const yaml_node_t *node,
			  const char *key)
{
	if (node->type != YAML_SCALAR_NODE ||
	    strlen(text_of(node)) != node->data.scalar.length) {
		(void)webconfig_refuse(r, line_of(node), "%s: expected text", key);
		return NULL;
	}
	return text_of(node);
}

static int read_choice(const struct webconfig_reader *r, const yaml_node_t *node,
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
	return webconfig_refuse(r, line_of(node),
				"%s: '%.40s' is none of the values there are",
				key->name, text);
}

static int read_switch(const struct webconfig_reader *r, const yaml_node_t *node,
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
	return webconfig_refuse(r, line_of(node), "%s: expected true or false",
				key->name);
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

static int read_duration(const struct webconfig_reader *r, const yaml_node_t *node,
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
		return webconfig_refuse(
		    r, line_of(node),
		    "%s: '%.40s' is not a time like 500ms, 1s or 1m30s", key->name,
		    text);
	*ret_ns = (uint64_t)ns;
	return 0;
}

static int read_number(const struct webconfig_reader *r, const yaml_node_t *node,
		       const struct key *key, uint64_t *ret_number)
{
	const char *text = scalar(r, node, key->name);
	size_t len;

	if (!text)
		return -EINVAL;
	len = strspn(text, "0123456789");
	if (len == 0 || len > 9 || text[len] != '\0')
		return webconfig_refuse(r, line_of(node),
					"%s: '%.40s' is not a whole number", key->name,
					text);
	*ret_number = strtoull(text, NULL, 10);
	return 0;
}

static int read_list(const struct webconfig_reader *r, const yaml_node_t *node,
		     const struct key *key, struct webconfig_list *list)
{
	size_t nr;

	if (node->type != YAML_SEQUENCE_NODE)
		return webconfig_refuse(r, line_of(node), "%s: expected a list",
					key->name);
	nr = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (nr > ITEMS_MAX)
		return webconfig_refuse(r, line_of(node), "%s: more than %d of them",
					key->name, ITEMS_MAX);
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
static int read_entry(const struct webconfig_reader *r, const yaml_node_t *map,
		      size_t which, const char *what, struct entry *ret_entry)
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
			return webconfig_refuse(
			    r, line_of(entry.key_node),
			    "%s: '%.40s' given twice, first on line %zu", what,
			    entry.key, line_of(other));
	}
	*ret_entry = entry;
	return 0;
}

static int check_map(const struct webconfig_reader *r, const yaml_node_t *node,
		     const char *what)
{
	if (node->type != YAML_MAPPING_NODE)
		return webconfig_refuse(r, line_of(node),
					"%s: expected keys and values", what);
	if (entries_of(node) > ITEMS_MAX)
		return webconfig_refuse(r, line_of(node), "%s: more than %d entries",
					what, ITEMS_MAX);
	return 0;
}

static int read_pairs(const struct webconfig_reader *r, const yaml_node_t *node,
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

static int read_value(const struct webconfig_reader *r, const yaml_node_t *node,
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

static int read_section(const struct webconfig_reader *r, const yaml_node_t *node,
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
			return webconfig_refuse(
			    r, line_of(entry.key_node),
			    "unknown key '%.40s' in %s%s%s%s", entry.key, what,
			    nearest ? "; did you mean '" : "", nearest ? nearest : "",
			    nearest ? "'?" : "");
		if (is_null(entry.value))
			continue;
		rc = key->kind == SECTION
			 ? read_section(r, entry.value, key->keys, key->name)
			 : read_value(r, entry.value, key);
	}
	return rc;
}

/* ---- the whole ----------------------------------------------------------- */

static int load(const struct webconfig_reader *r, const char *text, size_t len)
{
	yaml_parser_t parser;
	bool ok;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return snp_err_set(r->err, -ENOMEM, "%s: out of memory", r->name);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	ok = yaml_parser_load(&parser, r->document);
	if (!ok)
		rc = webconfig_refuse(
		    r, parser.problem_mark.line + 1, "not valid YAML: %s",
		    parser.problem ? parser.problem : "out of memory");
	yaml_parser_delete(&parser);
	return rc;
}

int webconfig_parse(const char *text, size_t len, const char *name,
		    struct webconfig **ret_config, struct snp_err *err)
{
	struct webconfig *config = calloc(1, sizeof(*config));
	yaml_document_t *document = calloc(1, sizeof(*document));
	const struct webconfig_reader r = {config, document, name, err};
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
		rc = webconfig_check(&r);
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
