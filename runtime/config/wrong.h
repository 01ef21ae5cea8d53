/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrong.h - the wording of what is wrong with a node of the tree.
 *
 * All return -EINVAL, with the position of the node.
 */
#ifndef SNP_CONFIG_WRONG_H
#define SNP_CONFIG_WRONG_H

#include "tree.h"

#define PATH_BYTES 192

/* The node's value is not what its key accepts. */
int snp__wrong_value(const struct node *node, const struct diag *diag);

/* `child` has a key that its mapping does not know. */
int snp__wrong_key(const struct node *child, const struct diag *diag);

/* The mapping lacks a key that has no default. */
int snp__wrong_missing(const struct node *map, const struct key *key,
		       const struct diag *diag);

/* The section whose keys a mapping may have; NULL for a mapping where none belongs. */
const struct section *snp__node_section(const struct node *map);

#endif
