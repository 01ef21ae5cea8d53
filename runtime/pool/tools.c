/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/tools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snakepit/check.h"

/* FNV-1a; names are short and the table is at most half full. */
static uint32_t hash(const char *name)
{
	uint32_t h = UINT32_C(2166136261);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT32_C(16777619);
	return h;
}

int tools_init(struct tools *tools, struct snp_writer *writer, uint32_t pool,
	       uint32_t max_tools, struct snp_err *err)
{
	const struct snp_row_decl other = {
	    .kind = SNP_ROW_TOOL, .pool = pool, .name = TOOLS_OTHER};
	uint32_t buckets = 2;

	while (buckets < 2 * max_tools)
		buckets *= 2;
	*tools = (struct tools){
	    .writer = writer, .pool = pool, .max = max_tools, .mask = buckets - 1};
	tools->entries = calloc(max_tools ? max_tools : 1, sizeof(*tools->entries));
	tools->buckets = calloc(buckets, sizeof(*tools->buckets));
	if (!tools->entries || !tools->buckets) {
		tools_fini(tools);
		return snp_err_set(err, -ENOMEM, "out of memory for a pool's tools");
	}
	return snp_row_declare(writer, &other, &tools->other, err);
}

void tools_fini(struct tools *tools)
{
	free(tools->entries);
	free(tools->buckets);
	tools->entries = NULL;
	tools->buckets = NULL;
}

uint32_t tools_row(struct tools *tools, const char *name)
{
	const struct snp_row_decl decl = {
	    .kind = SNP_ROW_TOOL, .pool = tools->pool, .name = name};
	uint32_t at = hash(name) & tools->mask;
	struct tool *tool;

	SNP_CHECK(strlen(name) < TOOLS_NAME_BYTES);
	for (; tools->buckets[at]; at = (at + 1) & tools->mask) {
		tool = &tools->entries[tools->buckets[at] - 1];
		if (strcmp(tool->name, name) == 0)
			return tool->row;
	}
	/* A client may use the name too; two rows of one name would be one series
	 * twice. */
	if (tools->used == tools->max || strcmp(name, TOOLS_OTHER) == 0)
		return tools->other;
	tool = &tools->entries[tools->used];
	if (snp_row_declare(tools->writer, &decl, &tool->row, NULL) < 0) {
		tools->max = tools->used; /* the segment is full: stop asking */
		return tools->other;
	}
	memcpy(tool->name, name, strlen(name) + 1);
	tools->buckets[at] = ++tools->used;
	return tool->row;
}
