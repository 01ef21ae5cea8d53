/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "wrong.h"

#define DIGITS "0123456789"

static int check_map(const struct node *map, const struct section *section,
		     const struct diag *diag);

/* ---- Single values ------------------------------------------------------- */

/* libcyaml reads numbers as strtoull() does: 010 is eight there and 1e3 is one. */
static bool is_plain_integer(const char *text)
{
	size_t n = strspn(text, DIGITS);

	return n > 0 && text[n] == '\0' && (text[0] != '0' || n == 1);
}

static bool is_plain_decimal(const char *text)
{
	size_t whole = strspn(text, DIGITS);
	size_t fraction = 0;

	text += whole;
	if (*text == '.') {
		fraction = strspn(text + 1, DIGITS);
		text += 1 + fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '+' || *text == '-';
		if (strspn(text, DIGITS) == 0)
			return false;
		text += strspn(text, DIGITS);
	}
	return *text == '\0';
}

static bool is_in_range(const struct key *key, const char *text)
{
	double value = strtod(text, NULL);

	return value >= key->min && value <= key->max;
}

static bool scalar_is_right(const struct node *node)
{
	const struct key *key = node->def;

	if (node->is_null)
		return false;
	switch (key->type) {
	case KEY_U32:
		return is_plain_integer(node->text) && is_in_range(key, node->text);
	case KEY_F64:
		return is_plain_decimal(node->text) && is_in_range(key, node->text);
	case KEY_STR:
	case KEY_LIST:
		return snp__rule_accepts(key->rule, node->text);
	case KEY_BOOL:
	case KEY_ENUM:
	case KEY_MAP:
	case KEY_MAP_PTR:
	case KEY_MAPS:
		break;
	}
	return true;
}

/* An empty list where nothing would be left to do. */
static bool is_empty_list(const struct node *node)
{
	return node->count == 0 &&
	       (node->def->type == KEY_MAPS ||
		(node->def->type == KEY_LIST && node->def->rule == RULE_LISTEN));
}

static int check_list(const struct node *list, const struct diag *diag)
{
	char path[PATH_BYTES];
	int rc = 0;

	snp__tree_path(list, path, sizeof(path));
	if (is_empty_list(list))
		return diag_at(diag, list->mark,
			       "%s is an empty list; expected at least one item", path);
	for (const struct node *n = list->first; n && rc == 0; n = n->next) {
		if (n->kind == NODE_MAP)
			rc = check_map(n, list->def->section, diag);
		else if (!scalar_is_right(n))
			rc = snp__wrong_value(n, diag);
	}
	return rc;
}

static int check_node(const struct node *node, const struct diag *diag)
{
	int rc = 0;

	if (node->kind == NODE_MAP)
		rc = check_map(node, node->def->section, diag);
	else if (node->kind == NODE_LIST)
		rc = check_list(node, diag);
	else if (!scalar_is_right(node))
		rc = snp__wrong_value(node, diag);
	return rc;
}

static int check_map(const struct node *map, const struct section *section,
		     const struct diag *diag)
{
	int rc = 0;

	for (const struct node *n = map->first; n && rc == 0; n = n->next) {
		/* A default is right by construction; a copy is judged at its origin.
		 */
		if (!n->implied)
			rc = check_node(n, diag);
	}
	for (size_t i = 0; i < section->count && rc == 0; i++) {
		const struct key *key = &section->keys[i];

		if ((key->flags & KEY_REQUIRED) && !snp__tree_find(map, key->name))
			rc = snp__wrong_missing(map, key, diag);
	}
	return rc;
}

/* ---- What must agree ----------------------------------------------------- */

static int check_unique(const struct node *list, const char *key,
			const struct diag *diag)
{
	char path[PATH_BYTES], quoted[QUOTE_BYTES];

	for (const struct node *a = list->first; a; a = a->next) {
		const struct node *value = key ? snp__tree_find(a, key) : a;

		for (const struct node *b = list->first; b != a; b = b->next) {
			const struct node *other = key ? snp__tree_find(b, key) : b;

			if (strcmp(value->text, other->text) != 0)
				continue;
			snp__tree_path(value, path, sizeof(path));
			return diag_at(diag, value->mark,
				       "%s is %s, as on line %zu; expected each once",
				       path, snp__diag_quote(value->text, quoted),
				       other->mark.line);
		}
	}
	return 0;
}

static int check_worker_slots(const struct node *pools, const struct snp_config *cfg,
			      const struct diag *diag)
{
	const struct node *pool = pools->first;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < cfg->pools_count; i++, pool = pool->next) {
		const struct snp_cfg_pool *cfg_pool = &cfg->pools[i];

		if (snp_cfg_pool_most(cfg_pool) < cfg_pool->workers)
			return diag_at(diag, snp__tree_find(pool, "max_workers")->mark,
				       "max_workers is %u and workers is %u; expected "
				       "the maximum not to be the smaller one",
				       cfg_pool->max_workers, cfg_pool->workers);
		sum += snp_cfg_pool_most(cfg_pool);
		if (sum > cfg->segment.max_worker_slots)
			return diag_at(
			    diag, snp__tree_find(pool, "workers")->mark,
			    "%ju workers in the pools up to this one; expected "
			    "at most segment.max_worker_slots, which is %u",
			    (uintmax_t)sum, cfg->segment.max_worker_slots);
	}
	return 0;
}

/* What finds no row is counted under _OTHER, so that one each pool must have. */
static int check_tool_rows(const struct node *pools, const struct snp_config *cfg,
			   const struct diag *diag)
{
	const struct node *pool = pools->first;

	if (cfg->pools_count <= cfg->segment.max_tool_rows)
		return 0;
	for (uint32_t i = 0; i < cfg->segment.max_tool_rows; i++)
		pool = pool->next;
	return diag_at(diag, snp__tree_find(pool, "name")->mark,
		       "%u pools; expected at most segment.max_tool_rows, which is %u",
		       cfg->pools_count, cfg->segment.max_tool_rows);
}

static int check_restart(const struct node *pools, const struct snp_config *cfg,
			 const struct diag *diag)
{
	const struct node *pool = pools->first;

	for (uint32_t i = 0; i < cfg->pools_count; i++, pool = pool->next) {
		const struct snp_cfg_restart *restart = &cfg->pools[i].restart;
		const struct node *map = snp__tree_find(pool, "restart");
		const struct node *low = snp__tree_find(map, "backoff_min_ms");
		const struct node *high = snp__tree_find(map, "backoff_max_ms");

		if (restart->backoff_min_ms > restart->backoff_max_ms)
			return diag_at(diag, high->implied ? low->mark : high->mark,
				       "backoff_max_ms is %u and backoff_min_ms is %u; "
				       "expected the maximum not to be the smaller one",
				       restart->backoff_max_ms,
				       restart->backoff_min_ms);
	}
	return 0;
}

int snp__check(const struct node *root, const struct snp_config *cfg,
	       const struct diag *diag)
{
	const struct node *pools;
	int rc = check_map(root, &snp__config_root, diag);

	if (rc < 0)
		return rc;
	pools = snp__tree_find(root, "pools");
	rc = check_unique(pools, "name", diag);
	if (rc == 0)
		rc = check_unique(snp__tree_find(root, "listen"), NULL, diag);
	if (rc == 0)
		rc = check_worker_slots(pools, cfg, diag);
	if (rc == 0)
		rc = check_tool_rows(pools, cfg, diag);
	if (rc == 0)
		rc = check_restart(pools, cfg, diag);
	return rc;
}
