/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the YAML text as nodes that know where they stand.
 *
 * libcyaml gives a position for what it refuses, but none for what it accepts, and a
 * value can be wrong in more ways than a type can tell. So the text becomes a tree
 * first: one document of mappings, lists and scalars, with ${VAR} expanded. Aliases,
 * anchors, tags, second documents and duplicate keys are refused here, with their
 * positions.
 *
 * Nodes belong to their parent, the root to the caller. Not thread-safe.
 */
#ifndef SNP_CONFIG_TREE_H
#define SNP_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"
#include "schema.h"

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	char *key;	      /* of a mapping's entry, else NULL */
	char *text;	      /* of a scalar, expanded */
	bool is_null;	      /* an empty plain scalar, ~ or null */
	struct mark key_mark; /* where the key is, or the value if there is no key */
	struct mark mark;     /* where the value is */
	struct node *parent;
	struct node *first, *last, *next; /* children, in the order of the file */
	size_t count;			  /* of children */
	/* Set by complete.h: */
	const struct key *def;	   /* NULL: not in the table */
	const struct node *origin; /* what this was copied from, or NULL */
	bool implied;		   /* a default, not in the file */
};

/* Parse text[0..len), which is valid UTF-8. -EINVAL with a position in `diag`. */
int snp__tree_parse(const char *text, size_t len, const struct diag *diag,
		    struct node **ret_root);

/* Accepts NULL; sets *node to NULL. The node must not have a parent. */
void snp__tree_destroy(struct node **node);

/* The child with this key, or NULL. */
struct node *snp__tree_find(const struct node *map, const char *key);

/* A new node with copies of `key` and `text` (both may be NULL), put last below
 * `parent` (NULL: a root). NULL if memory is short. */
struct node *snp__tree_add(struct node *parent, enum node_kind kind, const char *key,
			   const char *text);

/* Take a child out and destroy it. */
void snp__tree_remove(struct node *parent, struct node *child);

/* "pools[0].queue.limit" */
void snp__tree_path(const struct node *node, char *ret_path, size_t size);

#endif
