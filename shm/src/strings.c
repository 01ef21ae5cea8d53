/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's side of STRT: append-only, referenced by offset / 8. */
#include <string.h>

#include "writer_private.h"

#define ENTRY_ALIGN 8

uint32_t snp__string_add(struct snp_writer *w, const char *text)
{
	const struct snp_fmt_region *r = &w->layout.region[PLACE_STRT];
	uint32_t len = (uint32_t)strlen(text);
	uint32_t need =
	    (sizeof(uint32_t) + len + 1 + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
	uint32_t at = w->strt_used_bytes;
	unsigned char *p = w->map + r->off + at;

	if (len == 0)
		return 0;
	if (need > r->count - at) {
		snp_add(&w->header->text_truncated, 1);
		return 0;
	}
	memcpy(p, &len, sizeof(len));
	memcpy(p + sizeof(len), text, len + 1);
	w->strt_used_bytes = at + need;
	/* Release: the bytes before the watermark. Partner: schema_read.c, snapshot.c.
	 */
	atomic_store_explicit(&w->header->strt_used, w->strt_used_bytes,
			      memory_order_release);
	return at / ENTRY_ALIGN;
}
