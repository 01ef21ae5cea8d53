/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools.h - the tools of one pool that have a row of counters, by name.
 *
 * The label set is bounded: when `max_tools` names have a row, or the segment has none
 * left, a further name counts under "_OTHER". Names come from clients, so no name keeps
 * its row for ever: one that nobody used for TOOLS_IDLE_MS gives way to a new one.
 *
 * Front door thread only. The row of a tool that gave way is retired on the RCU thread,
 * after a grace period: no reader of the front door's pointers can count in it then.
 */
#ifndef SNAKEPIT_RUNTIME_TOOLS_H
#define SNAKEPIT_RUNTIME_TOOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/err.h"
#include "snakepit/write.h"

#define TOOLS_OTHER	 "_OTHER"
#define TOOLS_NAME_BYTES 129 /* longest name a client may send, with its NUL */
#define TOOLS_IDLE_MS	 600000
#define TOOLS_ASK_MS	 1000 /* a full segment is not asked more often */

struct tool {
	char name[TOOLS_NAME_BYTES];
	uint32_t row;
	uint32_t active;      /* taken and not yet released */
	snp_mono_t last_used; /* when it was last taken or released */
	uint32_t next_free;   /* index + 1 */
};

struct tools {
	struct snp_writer *writer;
	uint32_t pool; /* row of the pool */
	uint32_t used, max;
	uint32_t mask; /* buckets - 1 */
	uint32_t free; /* index + 1 of an entry without a name; 0 = none */
	struct tool other;
	struct tool *entries;
	uint32_t *buckets;	/* index + 1 of an entry, 0 = empty; open addressing */
	snp_mono_t ask_after;	/* the segment is full: do not declare before */
	snp_mono_t evict_after; /* no entry can be idle long enough before */
	bool wants_row;		/* a name found the segment full; tools_evict() helps */
};

/* Declares the "_OTHER" row. */
int tools_init(struct tools *tools, struct snp_writer *writer, uint32_t pool,
	       uint32_t max_tools, struct snp_err *err);
/* Nothing may be taken any more. */
void tools_fini(struct tools *tools);

/* The tool to count `name` (1..128 bytes) under, declared on first sight, or
 * &tools->other. It keeps its row at least until it is released. */
struct tool *tools_take(struct tools *tools, const char *name, snp_mono_t now);
void tool_release(struct tool *tool, snp_mono_t now);

/* Let the tool that was idle the longest give way, if it was for TOOLS_IDLE_MS. False:
 * there is none. Its row can be declared again when its quarantine has passed. */
bool tools_evict(struct tools *tools, snp_mono_t now);

#endif
