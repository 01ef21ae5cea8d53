/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools.h - the tools of one pool that have a row of counters, by name.
 *
 * The label set is bounded: after `max_tools` names, and when the segment is full,
 * every further name counts under "_OTHER". Front door thread only.
 */
#ifndef SNAKEPIT_RUNTIME_TOOLS_H
#define SNAKEPIT_RUNTIME_TOOLS_H

#include <stdint.h>

#include "snakepit/err.h"
#include "snakepit/write.h"

#define TOOLS_OTHER	 "_OTHER"
#define TOOLS_NAME_BYTES 129 /* longest name a client may send, with its NUL */

struct tool {
	char name[TOOLS_NAME_BYTES];
	uint32_t row;
};

struct tools {
	struct snp_writer *writer;
	uint32_t pool; /* row of the pool */
	uint32_t used, max;
	uint32_t other; /* row of "_OTHER" */
	uint32_t mask;	/* buckets - 1 */
	struct tool *entries;
	uint32_t *buckets; /* index + 1 of an entry, 0 = empty; open addressing */
};

/* Declares the "_OTHER" row. */
int tools_init(struct tools *tools, struct snp_writer *writer, uint32_t pool,
	       uint32_t max_tools, struct snp_err *err);
void tools_fini(struct tools *tools);

/* Row for `name` (1..128 bytes), declared on first sight. */
uint32_t tools_row(struct tools *tools, const char *name);

#endif
