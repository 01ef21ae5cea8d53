/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/tools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rcu.h"
#include "snakepit/check.h"

/* FNV-1a; names are short and the table is at most half full. */
static uint32_t hash(const char *name)
{
	uint32_t h = UINT32_C(2166136261);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT32_C(16777619);
	return h;
}

/* ---- lifetime ------------------------------------------------------------ */

int tools_init(struct tools *tools, struct snp_writer *writer, uint32_t pool,
	       uint32_t max_tools, struct snp_err *err)
{
	const struct snp_row_decl other = {
	    .kind = SNP_ROW_TOOL, .pool = pool, .name = TOOLS_OTHER};
	uint32_t buckets = 2;

	while (buckets < 2 * max_tools)
		buckets *= 2;
	*tools = (struct tools){.writer = writer,
				.pool = pool,
				.max = max_tools,
				.mask = buckets - 1,
				.other.name = TOOLS_OTHER};
	tools->entries = calloc(max_tools ? max_tools : 1, sizeof(*tools->entries));
	tools->buckets = calloc(buckets, sizeof(*tools->buckets));
	if (!tools->entries || !tools->buckets) {
		tools_fini(tools);
		return snp_err_set(err, -ENOMEM, "out of memory for a pool's tools");
	}
	for (uint32_t i = max_tools; i-- > 0;) {
		tools->entries[i].next_free = tools->free;
		tools->free = i + 1;
	}
	return snp_row_declare(writer, &other, &tools->other.row, err);
}

void tools_fini(struct tools *tools)
{
	free(tools->entries);
	free(tools->buckets);
	tools->entries = NULL;
	tools->buckets = NULL;
}

/* ---- the table ----------------------------------------------------------- */

/* Where the name's bucket is, or the empty one where it would be. */
static uint32_t find(const struct tools *tools, const char *name)
{
	uint32_t at = hash(name) & tools->mask;

	while (tools->buckets[at] &&
	       strcmp(tools->entries[tools->buckets[at] - 1].name, name) != 0)
		at = (at + 1) & tools->mask;
	return at;
}

/* Whether the entry in bucket `at` would still be found if bucket `gap` were empty. */
static bool reaches_over(const struct tools *tools, uint32_t gap, uint32_t at)
{
	uint32_t home = hash(tools->entries[tools->buckets[at] - 1].name) & tools->mask;

	return ((at - home) & tools->mask) < ((at - gap) & tools->mask);
}

/* Empty a bucket, moving up what was pushed past it (Knuth 6.4, algorithm R). */
static void remove_bucket(struct tools *tools, uint32_t gap)
{
	uint32_t at = gap;

	while (tools->buckets[at = (at + 1) & tools->mask]) {
		if (reaches_over(tools, gap, at))
			continue;
		tools->buckets[gap] = tools->buckets[at];
		gap = at;
	}
	tools->buckets[gap] = 0;
}

/* ---- giving way ---------------------------------------------------------- */

struct retirement {
	struct rcu_later later; /* first */
	struct snp_writer *writer;
	uint32_t row;
};

static void retire(struct rcu_later *later)
{
	struct retirement *r = (struct retirement *)(void *)later;

	snp_row_retire(r->writer, SNP_ROW_TOOL, r->row, SNP_RETIRE_REASON_IDLE);
	free(r);
}

/* The one idle the longest, or NULL; then evict_after says until when it stays so. */
static struct tool *longest_idle(struct tools *tools, snp_mono_t now)
{
	struct tool *best = NULL;
	snp_mono_t oldest = now;

	for (uint32_t i = 0; i < tools->max; i++) {
		struct tool *tool = &tools->entries[i];

		if (*tool->name && !tool->active && tool->last_used.ns < oldest.ns) {
			oldest = tool->last_used;
			best = tool;
		}
	}
	tools->evict_after = snp_mono_add_ms(oldest, TOOLS_IDLE_MS);
	return tools->evict_after.ns <= now.ns ? best : NULL;
}

bool tools_evict(struct tools *tools, snp_mono_t now)
{
	struct retirement *r;
	struct tool *tool;

	if (now.ns < tools->evict_after.ns)
		return false;
	tool = longest_idle(tools, now);
	r = tool ? malloc(sizeof(*r)) : NULL;
	if (!r)
		return false;
	*r = (struct retirement){.writer = tools->writer, .row = tool->row};
	remove_bucket(tools, find(tools, tool->name));
	tool->name[0] = '\0';
	tool->next_free = tools->free;
	tools->free = (uint32_t)(tool - tools->entries) + 1;
	tools->used--;
	rcu_defer(&r->later, retire);
	return true;
}

/* ---- taking -------------------------------------------------------------- */

/* Give the name an entry and a row; NULL where there is no room for one of them. */
static struct tool *insert(struct tools *tools, const char *name, snp_mono_t now)
{
	const struct snp_row_decl decl = {
	    .kind = SNP_ROW_TOOL, .pool = tools->pool, .name = name};
	struct tool *tool;
	int rc;

	if (now.ns < tools->ask_after.ns || (!tools->free && !tools_evict(tools, now)))
		return NULL;
	tool = &tools->entries[tools->free - 1];
	rc = snp_row_declare(tools->writer, &decl, &tool->row, NULL);
	if (rc == -ENOSPC) {
		tools->ask_after = snp_mono_add_ms(now, TOOLS_ASK_MS);
		tools->wants_row = true;
	}
	if (rc < 0)
		return NULL;
	tools->free = tool->next_free;
	tools->used++;
	tools->buckets[find(tools, name)] = (uint32_t)(tool - tools->entries) + 1;
	memcpy(tool->name, name, strlen(name) + 1);
	return tool;
}

struct tool *tools_take(struct tools *tools, const char *name, snp_mono_t now)
{
	uint32_t at = find(tools, name);
	struct tool *tool = NULL;

	SNP_CHECK(strlen(name) < TOOLS_NAME_BYTES);
	if (tools->buckets[at])
		tool = &tools->entries[tools->buckets[at] - 1];
	/* A client may use that name too; two rows of one name would be one series
	 * twice. */
	else if (strcmp(name, TOOLS_OTHER) != 0)
		tool = insert(tools, name, now);
	if (!tool)
		tool = &tools->other;
	tool->active++;
	tool->last_used = now;
	return tool;
}

void tool_release(struct tool *tool, snp_mono_t now)
{
	SNP_CHECK(tool->active > 0);
	tool->active--;
	tool->last_used = now;
}
