/* SPDX-License-Identifier: Apache-2.0 */
/* pools.h - is there such a pool, and which was meant? No state. */
#ifndef CLI_POOLS_H
#define CLI_POOLS_H

#include "snakepit/err.h"

struct snp_look;
struct snp_segment;

/* -ENOENT: the instance has no pool of this name; err suggests the nearest one, or says
 * which there are. */
int cli_pool_check(const struct snp_look *look, const char *name, struct snp_err *err);

/* The same of a segment; 0 also where it cannot be read. */
int cli_pool_check_in(struct snp_segment *seg, const char *name, struct snp_err *err);

#endif
