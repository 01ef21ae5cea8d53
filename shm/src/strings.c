/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's side of STRT: the strings of the schema, each once, referenced by
 * offset / 8. */
#include <string.h>

#include "writer_private.h"

#define ENTRY_ALIGN 8

static uint32_t entry_bytes(uint32_t len)
{
	return (sizeof(uint32_t) + len + 1 + ENTRY_ALIGN - 1) / ENTRY_ALIGN *
	       ENTRY_ALIGN;
}

/* Offset of the string, or of the end of what is used. A few hundred strings, at the
 * start and for each metric of an adapter: a search from the beginning is quick enough.
 */
static uint32_t find(const struct snp_writer *w, const char *text, uint32_t len)
{
	uint32_t at = ENTRY_ALIGN; /* reference 0 is the empty string */

	while (at < w->strt_used_bytes) {
		const unsigned char *entry = snp__entry(w, PLACE_STRT, at);
		uint32_t there;

		memcpy(&there, entry, sizeof(there));
		if (there == len && memcmp(entry + sizeof(there), text, len) == 0)
			break;
		at += entry_bytes(there);
	}
	return at;
}

const char *snp__string_at(const struct snp_writer *w, uint32_t ref)
{
	const unsigned char *entry =
	    snp__entry(w, PLACE_STRT, (uint64_t)ref * ENTRY_ALIGN);

	return (const char *)entry + sizeof(uint32_t);
}

uint32_t snp__string_add(struct snp_writer *w, const char *text)
{
	uint32_t len = (uint32_t)strlen(text), at;
	unsigned char *entry;

	if (len == 0)
		return 0;
	at = find(w, text, len);
	if (at < w->strt_used_bytes)
		return at / ENTRY_ALIGN;
	SNP_CHECK(entry_bytes(len) <= w->layout.region[PLACE_STRT].count - at);
	entry = snp__entry(w, PLACE_STRT, at);
	memcpy(entry, &len, sizeof(len));
	memcpy(entry + sizeof(len), text, len + 1);
	w->strt_used_bytes = at + entry_bytes(len);
	snp_set(&w->header->strt_used, w->strt_used_bytes);
	return at / ENTRY_ALIGN;
}
