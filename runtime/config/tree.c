/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "expand.h"

/* Far above what any section of keys.def needs, low enough that hostile input stays
 * cheap: recursion is bounded, and looking for duplicates is quadratic. */
#define DEPTH_MAX     16
#define KEYS_MAX      128
#define ITEMS_MAX     1000
#define KEY_BYTES_MAX 128

struct builder {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	const struct diag *diag;
	struct node *root; /* NULL until the first node */
	struct node *open; /* the container being filled, NULL outside */
	unsigned depth;
	unsigned documents;
	bool has_key; /* in a mapping: the key was read, its value is next */
	char key[KEY_BYTES_MAX + 1];
	struct mark key_mark;
};

/* ---- Nodes --------------------------------------------------------------- */

void snp__tree_destroy(struct node **node)
{
	struct node *dead = *node;

	*node = NULL;
	if (!dead)
		return;
	while (dead->first) {
		struct node *child = dead->first;

		dead->first = child->next;
		snp__tree_destroy(&child);
	}
	free(dead->key);
	free(dead->text);
	free(dead);
}

struct node *snp__tree_find(const struct node *map, const char *key)
{
	for (struct node *child = map->first; child; child = child->next) {
		if (child->key && strcmp(child->key, key) == 0)
			return child;
	}
	return NULL;
}

struct node *snp__tree_add(struct node *parent, enum node_kind kind, const char *key,
			   const char *text)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	node->parent = parent;
	node->key = key ? strdup(key) : NULL;
	node->text = text ? strdup(text) : NULL;
	if ((key && !node->key) || (text && !node->text)) {
		snp__tree_destroy(&node);
		return NULL;
	}
	if (parent) {
		if (parent->last)
			parent->last->next = node;
		else
			parent->first = node;
		parent->last = node;
		parent->count++;
	}
	return node;
}

void snp__tree_remove(struct node *parent, struct node *child)
{
	struct node *before = NULL;

	for (struct node *n = parent->first; n != child; n = n->next)
		before = n;
	if (before)
		before->next = child->next;
	else
		parent->first = child->next;
	if (parent->last == child)
		parent->last = before;
	parent->count--;
	snp__tree_destroy(&child);
}

static size_t index_in_parent(const struct node *node)
{
	size_t index = 0;

	for (const struct node *n = node->parent->first; n != node; n = n->next)
		index++;
	return index;
}

void snp__tree_path(const struct node *node, char *ret_path, size_t size)
{
	size_t len;

	ret_path[0] = '\0';
	if (!node->parent)
		return;
	snp__tree_path(node->parent, ret_path, size);
	len = strlen(ret_path);
	if (node->key)
		(void)snprintf(ret_path + len, size - len, "%s%s", len ? "." : "",
			       node->key);
	else
		(void)snprintf(ret_path + len, size - len, "[%zu]",
			       index_in_parent(node));
}

/* ---- Errors -------------------------------------------------------------- */

static struct mark to_mark(const yaml_mark_t *mark)
{
	return (struct mark){.line = mark->line + 1, .column = mark->column + 1};
}

/* Does a tab stand at, or begin the line of, the place where libyaml gave up? */
static bool tab_is_to_blame(const struct builder *b, struct mark mark)
{
	const char *p = b->text, *end = b->text + b->len;

	for (size_t line = 1; line < mark.line && p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl ? nl + 1 : end;
	}
	while (p < end && *p == ' ')
		p++;
	return p < end && *p == '\t';
}

static int syntax_error(const struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	struct mark mark = to_mark(&p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return snp_err_set(b->diag->err, -ENOMEM, "%s: out of memory",
				   b->diag->name);
	if (p->error == YAML_SCANNER_ERROR && tab_is_to_blame(b, mark))
		return diag_at(b->diag, mark,
			       "a tab indents this line; expected spaces");
	if (p->context && p->context_mark.line != p->problem_mark.line)
		return diag_at(b->diag, mark,
			       "not valid YAML: %s, %s that began at %zu:%zu",
			       p->problem, p->context, p->context_mark.line + 1,
			       p->context_mark.column + 1);
	return diag_at(b->diag, mark, "not valid YAML: %s%s%s",
		       p->problem ? p->problem : "unreadable", p->context ? ", " : "",
		       p->context ? p->context : "");
}

static int out_of_memory(const struct builder *b)
{
	return snp_err_set(b->diag->err, -ENOMEM, "%s: out of memory", b->diag->name);
}

/* ---- Events -------------------------------------------------------------- */

/* What a node of any kind must not have. */
static int refuse_extras(const struct builder *b, const yaml_event_t *e,
			 const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct mark mark = to_mark(&e->start_mark);
	char quoted[QUOTE_BYTES];

	if (anchor)
		return diag_at(b->diag, mark,
			       "anchor %s; expected the value without one, "
			       "aliases are not supported",
			       snp__diag_quote((const char *)anchor, quoted));
	if (tag)
		return diag_at(b->diag, mark, "tag %s; expected the value without one",
			       snp__diag_quote((const char *)tag, quoted));
	return 0;
}

static bool is_plain_null(const yaml_event_t *e)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
		if (strcmp((const char *)e->data.scalar.value, nulls[i]) == 0)
			return true;
	}
	return false;
}

static int take_key(struct builder *b, const yaml_event_t *e)
{
	const char *key = (const char *)e->data.scalar.value;
	const struct node *twin = snp__tree_find(b->open, key);
	struct mark mark = to_mark(&e->start_mark);
	char quoted[QUOTE_BYTES];

	if (twin)
		return diag_at(b->diag, mark,
			       "key %s given twice; expected it once, "
			       "the first is on line %zu",
			       snp__diag_quote(key, quoted), twin->key_mark.line);
	if (e->data.scalar.length > KEY_BYTES_MAX || b->open->count >= KEYS_MAX)
		return diag_at(b->diag, mark, "%s; expected keys of this program",
			       b->open->count >= KEYS_MAX ? "too many keys"
							  : "key too long");
	memcpy(b->key, key, e->data.scalar.length + 1);
	b->key_mark = mark;
	b->has_key = true;
	return 0;
}

/* A node for the event, below whatever is open. */
static int add_node(struct builder *b, const yaml_event_t *e, enum node_kind kind,
		    const char *text, struct node **ret_node)
{
	struct mark mark = to_mark(&e->start_mark);
	struct node *node;

	if (b->open && b->open->kind == NODE_MAP && !b->has_key)
		return diag_at(b->diag, mark, "a key cannot be a %s; expected a word",
			       kind == NODE_MAP ? "mapping" : "list");
	if (b->open && b->open->count >= ITEMS_MAX)
		return diag_at(b->diag, mark, "too many items; expected at most %d",
			       ITEMS_MAX);
	node = snp__tree_add(b->open, kind, b->has_key ? b->key : NULL, text);
	if (!node)
		return out_of_memory(b);
	node->mark = mark;
	node->key_mark = b->has_key ? b->key_mark : mark;
	b->has_key = false;
	if (!b->open)
		b->root = node;
	*ret_node = node;
	return 0;
}

static bool is_listen_item(const struct node *node)
{
	const struct node *list = node->parent;

	return list && list->kind == NODE_LIST && list->key &&
	       strcmp(list->key, "listen") == 0 && list->parent &&
	       !list->parent->parent;
}

static int on_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	struct mark mark = to_mark(&e->start_mark);
	struct node *node = NULL;
	int rc;

	rc = refuse_extras(b, e, e->data.scalar.anchor, e->data.scalar.tag);
	if (rc < 0)
		return rc;
	if (strlen(text) != e->data.scalar.length)
		return diag_at(b->diag, mark, "a NUL character; expected text");
	if (b->open && b->open->kind == NODE_MAP && !b->has_key)
		return take_key(b, e);
	rc = add_node(b, e, NODE_SCALAR, text, &node);
	if (!node)
		return rc;
	node->is_null = is_plain_null(e);
	rc = snp__expand(&node->text, is_listen_item(node) ? EXPAND_KEEP_DIR : 0,
			 node->mark, b->diag);
	return rc < 0 ? rc : 0;
}

static int on_open(struct builder *b, const yaml_event_t *e, enum node_kind kind)
{
	const yaml_char_t *anchor = kind == NODE_MAP ? e->data.mapping_start.anchor
						     : e->data.sequence_start.anchor;
	const yaml_char_t *tag =
	    kind == NODE_MAP ? e->data.mapping_start.tag : e->data.sequence_start.tag;
	struct node *node = NULL;
	int rc = refuse_extras(b, e, anchor, tag);

	if (rc == 0 && b->depth >= DEPTH_MAX)
		rc =
		    diag_at(b->diag, to_mark(&e->start_mark),
			    "nested too deeply; expected at most %d levels", DEPTH_MAX);
	if (rc == 0)
		rc = add_node(b, e, kind, NULL, &node);
	if (rc < 0)
		return rc;
	b->open = node;
	b->depth++;
	return 0;
}

static int on_close(struct builder *b)
{
	b->open = b->open->parent;
	b->depth--;
	return 0;
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ > 0)
			return diag_at(b->diag, to_mark(&e->start_mark),
				       "a second document; expected one in a file");
		return 0;
	case YAML_ALIAS_EVENT:
		return diag_at(b->diag, to_mark(&e->start_mark),
			       "aliases are not supported; expected the value itself");
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, e, NODE_MAP);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, e, NODE_LIST);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return on_close(b);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return 0;
}

static int build(struct builder *b)
{
	bool done = false;
	int rc = 0;

	while (!done && rc == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(&b->parser, &event))
			return syntax_error(b);
		done = event.type == YAML_STREAM_END_EVENT;
		rc = on_event(b, &event);
		yaml_event_delete(&event);
	}
	return rc;
}

int snp__tree_parse(const char *text, size_t len, const struct diag *diag,
		    struct node **ret_root)
{
	struct builder b = {.text = text, .len = len, .diag = diag};
	int rc;

	if (!yaml_parser_initialize(&b.parser))
		return out_of_memory(&b);
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	rc = build(&b);
	yaml_parser_delete(&b.parser);
	if (rc == 0 && (!b.root || b.root->is_null))
		rc = diag_at(diag, (struct mark){1, 1},
			     "the file is empty; expected at least a list of `pools`");
	if (rc < 0)
		snp__tree_destroy(&b.root);
	else
		*ret_root = b.root;
	return rc;
}
