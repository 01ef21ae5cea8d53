/* SPDX-License-Identifier: Apache-2.0 */
#include "wrong.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "snakepit/check.h"

#define EXPECTED_BYTES 256
#define WORD_BYTES     32

const struct section *snp__node_section(const struct node *map)
{
	if (!map->parent)
		return &snp__config_root;
	return map->def ? map->def->section : NULL;
}

/* What the user wrote there, in words. */
static const char *describe(const struct node *node, char quoted[QUOTE_BYTES])
{
	if (node->kind == NODE_MAP)
		return "a mapping";
	if (node->kind == NODE_LIST)
		return "a list";
	return node->is_null ? "null" : snp__diag_quote(node->text, quoted);
}

int snp__wrong_value(const struct node *node, const struct diag *diag)
{
	char path[PATH_BYTES], quoted[QUOTE_BYTES], expected[EXPECTED_BYTES];
	const struct node *written = node->origin ? node->origin : node;
	bool is_item = written->parent && !written->key;

	if (!written->parent)
		return diag_at(diag, written->mark,
			       "the file is %s; expected a mapping of keys to values",
			       describe(written, quoted));
	snp__tree_path(written, path, sizeof(path));
	snp__key_describe(node->def, is_item ? KEY_ITEM : KEY_WHOLE, expected,
			  sizeof(expected));
	return diag_at(diag, written->mark, "%s is %s; expected %s", path,
		       describe(written, quoted), expected);
}

/* ---- The nearest key ----------------------------------------------------- */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Typing errors between two words: letters wrong, missing, extra, or swapped with their
 * neighbour. Words too long to be one of ours are far from all of them. */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[WORD_BYTES + 1][WORD_BYTES + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_BYTES || n > WORD_BYTES)
		return UINT32_MAX;
	for (size_t i = 0; i <= m; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= n; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		for (size_t j = 1; j <= n; j++) {
			unsigned cost = a[i - 1] != b[j - 1];

			d[i][j] = least(d[i - 1][j - 1] + cost,
					least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[m][n];
}

static const char *nearest(const struct section *section, const char *word)
{
	const char *best = NULL;
	unsigned best_distance =
	    1 + (unsigned)strlen(word) / 3; /* one letter in three */

	for (size_t i = 0; i < section->count; i++) {
		unsigned d = distance(word, section->keys[i].name);

		if (d <= best_distance && (!best || d < best_distance)) {
			best = section->keys[i].name;
			best_distance = d;
		}
	}
	return best;
}

static void list_keys(const struct section *section, char *ret_text, size_t size)
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < section->count && len < size; i++) {
		int n = snprintf(ret_text + len, size - len, "%s%s", i ? ", " : "",
				 section->keys[i].name);

		len += n > 0 ? (size_t)n : 0;
	}
}

/* ---- Messages ------------------------------------------------------------ */

int snp__wrong_key(const struct node *child, const struct diag *diag)
{
	char path[PATH_BYTES], quoted[QUOTE_BYTES], keys[EXPECTED_BYTES + PATH_BYTES];
	const struct section *section = snp__node_section(child->parent);
	const char *near, *in;

	SNP_CHECK(section);
	near = nearest(section, child->key);
	snp__tree_path(child->parent, path, sizeof(path));
	in = path[0] ? " in " : "";
	snp__diag_quote(child->key, quoted);
	if (near)
		return diag_at(diag, child->key_mark,
			       "unknown key %s%s%s; did you mean \"%s\"?", quoted, in,
			       path, near);
	list_keys(section, keys, sizeof(keys));
	return diag_at(diag, child->key_mark, "unknown key %s%s%s; expected one of %s",
		       quoted, in, path, keys);
}

int snp__wrong_missing(const struct node *map, const struct key *key,
		       const struct diag *diag)
{
	char path[PATH_BYTES], expected[EXPECTED_BYTES];

	snp__tree_path(map, path, sizeof(path));
	snp__key_describe(key, KEY_WHOLE, expected, sizeof(expected));
	return diag_at(diag, map->mark, "%s has no \"%s\"; expected %s",
		       path[0] ? path : "the file", key->name, expected);
}
