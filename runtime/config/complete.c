/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complete_map(struct node *map, const struct section *section,
			const struct node *inherited);

/* Null stands for the default where there is one to stand for. */
static void remove_nulls(struct node *map, const struct section *section)
{
	struct node *next;

	for (struct node *child = map->first; child; child = next) {
		const struct key *key = snp__section_find(section, child->key);

		next = child->next;
		if (child->is_null && key && (key->flags & KEY_NULLABLE))
			snp__tree_remove(map, child);
	}
}

static int add_default(struct node *map, const struct key *key)
{
	static const enum node_kind kinds[] = {
	    [KEY_STR] = NODE_SCALAR,  [KEY_U32] = NODE_SCALAR,	[KEY_F64] = NODE_SCALAR,
	    [KEY_BOOL] = NODE_SCALAR, [KEY_ENUM] = NODE_SCALAR, [KEY_LIST] = NODE_LIST,
	    [KEY_MAP] = NODE_MAP,     [KEY_MAP_PTR] = NODE_MAP, [KEY_MAPS] = NODE_LIST,
	};
	bool is_list = key->type == KEY_LIST;
	struct node *node;

	if (key->flags & KEY_REQUIRED)
		return 0;
	if (!key->deflt && !is_list && key->type != KEY_MAP)
		return 0; /* the C member's NULL says it */
	node = snp__tree_add(map, kinds[key->type], key->name,
			     is_list ? NULL : key->deflt);
	if (!node)
		return -ENOMEM;
	node->mark = node->key_mark = map->mark;
	node->implied = true;
	if (is_list && key->deflt) {
		struct node *item = snp__tree_add(node, NODE_SCALAR, NULL, key->deflt);

		if (!item)
			return -ENOMEM;
		item->mark = item->key_mark = map->mark;
		item->implied = true;
	}
	return 0;
}

static int add_inherited(struct node *map, const struct node *from)
{
	struct node *node = snp__tree_add(map, from->kind, from->key, from->text);

	if (!node)
		return -ENOMEM;
	node->mark = from->mark;
	node->key_mark = from->key_mark;
	node->implied = true;
	node->origin = from;
	return 0;
}

static int add_missing(struct node *map, const struct section *section,
		       const struct node *inherited)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct key *key = &section->keys[i];
		const struct node *from =
		    inherited ? snp__tree_find(inherited, key->name) : NULL;
		int rc;

		if (snp__tree_find(map, key->name))
			continue;
		/* Only scalars are inherited; another kind is refused where it stands.
		 */
		rc = from && from->kind == NODE_SCALAR ? add_inherited(map, from)
						       : add_default(map, key);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The section whose values a map without them takes: a pool's heartbeat. */
static const struct node *inherited_by(const struct node *map)
{
	const struct node *root = map;

	while (root->parent)
		root = root->parent;
	if (map->parent == root || !map->key || strcmp(map->key, "heartbeat") != 0)
		return NULL;
	root = snp__tree_find(root, "heartbeat");
	return root && root->kind == NODE_MAP ? root : NULL;
}

static int complete_child(struct node *child)
{
	const struct section *section = child->def->section;
	int rc = 0;

	if (snp__key_is_map(child->def) && child->kind == NODE_MAP)
		return complete_map(child, section, inherited_by(child));
	if (child->def->type != KEY_MAPS || child->kind != NODE_LIST)
		return 0;
	for (struct node *item = child->first; item && rc == 0; item = item->next) {
		item->def = child->def;
		if (item->kind == NODE_MAP)
			rc = complete_map(item, section, NULL);
	}
	return rc;
}

static int complete_map(struct node *map, const struct section *section,
			const struct node *inherited)
{
	int rc;

	remove_nulls(map, section);
	rc = add_missing(map, section, inherited);
	for (struct node *child = map->first; child && rc == 0; child = child->next) {
		child->def = snp__section_find(section, child->key);
		for (struct node *item = child->first; item; item = item->next)
			item->def = child->def;
		if (child->def)
			rc = complete_child(child);
	}
	return rc;
}

/* Listeners have a default that depends on another key. */
static int add_listen_default(struct node *root)
{
	static const char prefix[] = "unix:" DIR_PLACEHOLDER "/";
	const struct node *instance = snp__tree_find(root, "instance");
	struct node *listen = snp__tree_find(root, "listen");
	char *text = NULL;
	size_t size;
	struct node *item;

	if (!listen->implied || !instance->text)
		return 0;
	size = sizeof(prefix) + strlen(instance->text) + sizeof(".sock");
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	(void)snprintf(text, size, "%s%s.sock", prefix, instance->text);
	item = snp__tree_add(listen, NODE_SCALAR, NULL, text);
	free(text);
	if (!item)
		return -ENOMEM;
	item->def = listen->def;
	item->mark = item->key_mark = root->mark;
	item->implied = true;
	return 0;
}

int snp__complete(struct node *root)
{
	struct node *heartbeat;
	int rc;

	if (root->kind != NODE_MAP)
		return 0;
	/* The global section first: the pools take its values, defaults included. */
	heartbeat = snp__tree_find(root, "heartbeat");
	if (heartbeat && heartbeat->kind == NODE_MAP) {
		const struct key *key =
		    snp__section_find(&snp__config_root, "heartbeat");

		rc = complete_map(heartbeat, key->section, NULL);
		if (rc < 0)
			return rc;
	}
	rc = complete_map(root, &snp__config_root, NULL);
	return rc < 0 ? rc : add_listen_default(root);
}
