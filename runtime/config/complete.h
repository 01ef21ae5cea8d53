/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.h - from what the user wrote to what is meant.
 *
 * Finds each node's key in the table, takes out nulls that mean "the default", adds
 * every default the file leaves out, and merges the global heartbeat section into each
 * pool's. It judges nothing: wrong keys and wrong kinds of value stay for load.h and
 * check.h.
 */
#ifndef SNP_CONFIG_COMPLETE_H
#define SNP_CONFIG_COMPLETE_H

#include "tree.h"

/* 0 or -ENOMEM. */
int snp__complete(struct node *root);

#endif
