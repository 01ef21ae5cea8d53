/* SPDX-License-Identifier: Apache-2.0 */
/* The last minutes of a row. A ring belongs to a row, not to its life: samples carry
 * the uid of the life they are of. */
#include "ring_read.h"

/* The walk over the newest `max` samples of a row that are of its present life. */
struct walk {
	const struct snp_segment *seg;
	struct snp__ring ring;
	uint64_t next, uid;
	uint64_t words[SNP__RING_RECORD_WORDS];
};

static bool walk_begin(struct walk *walk, const struct snp_segment *seg, unsigned kind,
		       const struct snp_row *row, size_t max)
{
	uint64_t head;

	if (!snp__ring_open(seg, &seg->regions.hist[kind], row->index, &walk->ring))
		return false;
	head = walk->ring.head;
	walk->seg = seg;
	walk->uid = row->uid;
	walk->next = snp__ring_oldest(&walk->ring);
	if (head - walk->next > max)
		walk->next = head - max;
	return true;
}

/* The first words of both kinds of sample are the same. */
enum { S_MONO = 2, S_UID = 3 };
static_assert(SNP__WORD_OF(struct snp_fmt_pool_sample, mono_ns) == S_MONO &&
		  SNP__WORD_OF(struct snp_fmt_pool_sample, uid) == S_UID,
	      "pool sample");
static_assert(SNP__WORD_OF(struct snp_fmt_worker_sample, mono_ns) == S_MONO &&
		  SNP__WORD_OF(struct snp_fmt_worker_sample, uid) == S_UID,
	      "worker sample");

static bool walk_next(struct walk *walk)
{
	while (walk->next < walk->ring.head)
		if (snp__ring_copy(walk->seg, &walk->ring, walk->next++, walk->words) &&
		    walk->words[S_UID] == walk->uid)
			return true;
	return false;
}

#define POOL(field) walk->words[SNP__WORD_OF(struct snp_fmt_pool_sample, field)]

static void decode_pool(const struct walk *walk, struct snp_pool_sample *s)
{
	*s = (struct snp_pool_sample){
	    .mono = {POOL(mono_ns)},
	    .queue_depth = POOL(queue_depth),
	    .active = POOL(active),
	    .requests = POOL(requests),
	    .failures = POOL(failures),
	};
	for (unsigned i = 0; i < SNP_HIST_OCTAVES; i++)
		s->octave[i] = (uint32_t)(POOL(octave[i / 2]) >> 32 * (i % 2));
}

size_t snp_segment_pool_history(struct snp_segment *seg, const struct snp_row *row,
				struct snp_pool_sample *ret_samples, size_t max)
{
	struct walk walk;
	size_t found = 0;

	if (!walk_begin(&walk, seg, SNP_ROW_POOL, row, max))
		return 0;
	while (walk_next(&walk))
		decode_pool(&walk, &ret_samples[found++]);
	return found;
}

#define WORKER(field) walk->words[SNP__WORD_OF(struct snp_fmt_worker_sample, field)]

static void decode_worker(const struct walk *walk, struct snp_worker_sample *s)
{
	*s = (struct snp_worker_sample){
	    .mono = {WORKER(mono_ns)},
	    .state = (unsigned)WORKER(state),
	    .requests = WORKER(requests),
	    .busy_ns = WORKER(busy_ns),
	    .rss_bytes = WORKER(rss_bytes),
	};
}

size_t snp_segment_worker_history(struct snp_segment *seg, const struct snp_row *row,
				  struct snp_worker_sample *ret_samples, size_t max)
{
	struct walk walk;
	size_t found = 0;

	if (!walk_begin(&walk, seg, SNP_ROW_WORKER, row, max))
		return 0;
	while (walk_next(&walk))
		decode_worker(&walk, &ret_samples[found++]);
	return found;
}
