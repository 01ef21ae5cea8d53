/* SPDX-License-Identifier: Apache-2.0 */
/* The SNAP tier: a checksummed copy of all rows and values, for readers that cannot
 * order memory or have no memory of ours at all. */
#include <string.h>

#include "crc32c.h"
#include "gather.h"
#include "words.h"
#include "writer_private.h"

#define HEAD_WORDS (sizeof(struct snp_fmt_snap) / sizeof(uint64_t))

void snp_writer_snap(struct snp_writer *w)
{
	const struct snp_fmt_region *r = &w->layout.region[PLACE_SNAP];
	const struct snp__source source = {
	    .map = w->map, .regions = w->layout.region, .regions_nr = PLACE_NR};
	uint64_t seq = snp_get(&w->header->snap_seq) + 1;
	unsigned char *half = snp__block(w, PLACE_SNAP, seq & 1);
	struct snp_fmt_snap head;
	unsigned retries = 0;

	SNP_CHECK(snp__gather_plan(&source, &head) == 0 && head.length <= r->len);
	/* Orders the previous half's publication before these stores: a reader that
	 * sees one of them and then re-loads snap_seq finds it changed. */
	atomic_thread_fence(memory_order_release);
	snp__gather(&source, &head, half, &retries);
	head.seq = seq;
	snp__copy_words((const unsigned char *)&head, 0, (uint64_t *)(void *)half,
			HEAD_WORDS);
	head.crc = snp__crc32c(half + sizeof(head.crc), head.length - sizeof(head.crc));
	snp__copy_words((const unsigned char *)&head, 0, (uint64_t *)(void *)half, 1);
	/* Release: the half before the number that selects it. Partner: fill_snap() in
	 * snapshot.c. */
	atomic_store_explicit(&w->header->snap_seq, seq, memory_order_release);
}
