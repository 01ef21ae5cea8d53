/* SPDX-License-Identifier: Apache-2.0 */
/* What is in its own place until it ends: requests in flight, and the threads that hold
 * the banks. */
#include "crc32c.h"
#include "ring_read.h"

/* ---- requests in flight -------------------------------------------------- */

bool snp__inflight_copy(const struct snp_segment *seg, uint64_t off,
			uint64_t ret_words[SNP_INFL_WORDS + 1])
{
	struct snp__latch_shape shape = {
	    .off = off,
	    .first = SNP__WORD_OF(struct snp_fmt_inflight, copy),
	    .words = SNP_INFL_WORDS + 1,
	};
	unsigned retries = 0;

	return snp__latch_copy(seg, shape, ret_words, &retries) == 0 &&
	       ret_words[SNP_INFL_START_MONO_NS] != 0;
}

/* Not whole although its latch held: a row that is being recycled is cleared under us.
 */
static bool is_whole(const uint64_t *w)
{
	return w[SNP_INFL_CRC] == snp__crc32c(w, SNP_INFL_WORDS * sizeof(*w));
}

static void decode_inflight(const uint64_t *w, struct snp_inflight *f)
{
	f->received.ns = w[SNP_INFL_RECEIVED_MONO_NS];
	f->start.ns = w[SNP_INFL_START_MONO_NS];
	f->deadline.ns = w[SNP_INFL_DEADLINE_MONO_NS];
	f->tool = (uint32_t)w[SNP_INFL_TOOL];
	f->incarnation = w[SNP_INFL_INCARNATION];
	f->trace_id[0] = w[SNP_INFL_TRACE_ID];
	f->trace_id[1] = w[SNP_INFL_TRACE_ID_LO];
	snp__words_text(&w[SNP_INFL_CORRELATION], SNP_INFL_CORRELATION_BYTES,
			f->correlation);
}

size_t snp_segment_inflight(struct snp_segment *seg, struct snp_inflight *ret_inflight,
			    size_t max)
{
	const struct snp_fmt_region *r = &seg->regions.infl;
	/* Acquire: the rows below the watermark. */
	uint64_t rows = snp__word_acquire(
	    seg, offsetof(struct snp_fmt_header, row_high[SNP_ROW_WORKER]));
	uint64_t words[SNP_INFL_WORDS + 1];
	size_t found = 0;

	if (!r->type)
		return 0;
	if (rows > r->outer_count)
		rows = r->outer_count;
	for (uint64_t row = 0; row < rows; row++)
		for (uint64_t at = 0; at < r->count; at++) {
			uint64_t off = r->off + row * r->outer_stride + at * r->stride;

			if (!snp__inflight_copy(seg, off, words) || !is_whole(words))
				continue;
			if (found < max) {
				ret_inflight[found].worker = (uint32_t)row;
				ret_inflight[found].at = (uint32_t)at;
				decode_inflight(words, &ret_inflight[found]);
			}
			found++;
		}
	return found;
}

/* ---- threads ------------------------------------------------------------- */

/* false where the bank is free, or changes hands just now. */
static bool copy_thread(const struct snp_segment *seg, uint64_t off,
			struct snp_thread *ret_thread)
{
	const uint64_t tid_off = off + offsetof(struct snp_fmt_thread, tid);
	const uint64_t name_off = off + offsetof(struct snp_fmt_thread, name);
	uint64_t tid = snp__word_acquire(seg, tid_off), name[2];

	if (tid == 0)
		return false;
	for (unsigned i = 0; i < 2; i++)
		name[i] = snp__word(seg, name_off + sizeof(uint64_t) * i);
	ret_thread->busy_since.ns =
	    snp__word(seg, off + offsetof(struct snp_fmt_thread, busy_since_mono_ns));
	atomic_thread_fence(memory_order_acquire);
	if (snp__word(seg, tid_off) != tid)
		return false;
	ret_thread->tid = (pid_t)tid;
	snp__words_text(name, sizeof(name), ret_thread->name);
	return true;
}

size_t snp_segment_threads(struct snp_segment *seg, struct snp_thread *ret_threads,
			   size_t max)
{
	const struct snp_fmt_region *r = &seg->regions.thrd;
	size_t found = 0;

	for (uint64_t i = 0; r->type && i < r->count && found < max; i++)
		if (copy_thread(seg, r->off + i * r->stride, &ret_threads[found]))
			ret_threads[found++].bank = (uint32_t)i;
	return found;
}
