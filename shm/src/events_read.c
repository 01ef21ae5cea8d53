/* SPDX-License-Identifier: Apache-2.0 */
/* Event rings: a cursor of the reader's own; what was overwritten before it is counted.
 */
#include "reader_private.h"

enum { EVENT_WORDS = sizeof(struct snp_fmt_event) / 8 };

/* Word indexes of struct snp_fmt_event. */
enum { E_SEQ, E_MONO, E_KIND, E_REASON, E_POOL, E_SLOT, E_INCARNATION, E_PID, E_VALUE };

static void decode(const uint64_t *w, unsigned ring, struct snp_event *e)
{
	*e = (struct snp_event){
	    .seq = w[E_SEQ] - 1,
	    .ring = ring,
	    .mono = {w[E_MONO]},
	    .kind = (unsigned)(w[E_KIND] & 0xffff),
	    .initiator = (unsigned)(w[E_KIND] >> 16 & 0xffff),
	    .from = (unsigned)(w[E_KIND] >> 32 & 0xffff),
	    .to = (unsigned)(w[E_KIND] >> 48),
	    .reason = (unsigned)w[E_REASON],
	    .pool = (uint32_t)w[E_POOL],
	    .slot = (uint32_t)w[E_SLOT],
	    .incarnation = w[E_INCARNATION],
	    .pid = (pid_t)w[E_PID],
	    .value = {w[E_VALUE], w[E_VALUE + 1]},
	};
}

/* Copy record n; false when it was overwritten (or is being) meanwhile. */
static bool copy_event(const struct snp_segment *seg, uint64_t off, uint64_t n,
		       uint64_t *w)
{
	/* Acquire: the payload. Partner: the release store of seq in
	 * snp_event_record(). */
	w[E_SEQ] = snp__word_acquire(seg, off);
	if (w[E_SEQ] != n + 1)
		return false;
	for (unsigned i = 1; i < EVENT_WORDS; i++)
		w[i] = snp__word(seg, off + 8 * (uint64_t)i);
	atomic_thread_fence(memory_order_acquire);
	return snp__word(seg, off) == n + 1;
}

size_t snp_segment_events(struct snp_segment *seg, struct snp_event_cursor *cursor,
			  struct snp_event *ret_events, size_t max)
{
	const struct snp_fmt_region *r = &seg->regions.evnt;
	uint64_t w[EVENT_WORDS];
	size_t found = 0;

	for (unsigned ring = 0;
	     r->type && ring < r->outer_count && ring < SNP_RINGS_MAX; ring++) {
		uint64_t base = r->off + ring * r->outer_stride;
		uint64_t head = snp__word_acquire(seg, base);
		uint64_t *next = &cursor->next[ring];

		if (*next > head) /* another ring than the cursor was made for */
			*next = 0;
		if (head - *next > r->count) {
			cursor->lost += head - r->count - *next;
			*next = head - r->count;
		}
		for (; *next < head && found < max; (*next)++) {
			uint64_t at = base + sizeof(struct snp_fmt_ring) +
				      (*next & (r->count - 1)) * r->stride;

			if (copy_event(seg, at, *next, w))
				decode(w, ring, &ret_events[found++]);
			else
				cursor->lost++;
		}
	}
	return found;
}
