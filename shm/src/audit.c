/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is every record whole that should be there? A record may go while we look at it, in
 * two ways only: the writer has come round to it, or has recycled the row it belongs
 * to. So one that is not whole is a fault when neither can have happened.
 */
#include <stdarg.h>
#include <stdio.h>

#include "crc32c.h"
#include "ring_read.h"

struct audit {
	struct snp_segment *seg;
	void (*fault)(void *user, const char *text);
	void *user;
	uint64_t faults;
};

__attribute__((format(printf, 2, 3))) static void fault(struct audit *audit,
							const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	audit->fault(audit->user, text);
	audit->faults++;
}

/* ---- rows that records belong to ----------------------------------------- */

/* The generation of a row whose records can be looked at; 0 for one that is free or
 * being recycled. */
static uint64_t row_gen(const struct audit *audit, unsigned kind, uint64_t index)
{
	const struct snp_fmt_region *r = &audit->seg->regions.rowd[kind];
	uint64_t gen;

	if (!r->type || index >= r->count)
		return 0;
	/* The fence orders what was read of the records before this look. */
	atomic_thread_fence(memory_order_acquire);
	gen = snp__word_acquire(audit->seg, r->off + index * r->stride +
						offsetof(struct snp_fmt_row, gen));
	return gen % 4 == SNP_GEN_LIVE || gen % 4 == SNP_GEN_TOMBSTONE ? gen : 0;
}

/* ---- rings --------------------------------------------------------------- */

/* Returns the first record from `n` on that is not whole and should be; the head when
 * there is none. */
static uint64_t next_broken(const struct audit *audit,
			    const struct snp_fmt_region *region, uint64_t index,
			    const struct snp__ring *ring, uint64_t n)
{
	uint64_t words[SNP__RING_RECORD_WORDS];
	struct snp__ring now;

	for (; n < ring->head; n++)
		if (!snp__ring_copy(audit->seg, ring, n, words) &&
		    snp__ring_open(audit->seg, region, index, &now) &&
		    n + now.count > now.head)
			break;
	return n;
}

static void audit_ring(struct audit *audit, const struct snp_fmt_region *region,
		       uint64_t index, const char *name)
{
	struct snp__ring ring;

	if (!snp__ring_open(audit->seg, region, index, &ring))
		return;
	for (uint64_t n = snp__ring_oldest(&ring); n < ring.head; n++) {
		n = next_broken(audit, region, index, &ring, n);
		if (n < ring.head)
			fault(audit, "%s, ring %llu: record %llu is not whole", name,
			      (unsigned long long)index, (unsigned long long)n);
	}
}

static void audit_rings(struct audit *audit, const struct snp_fmt_region *region,
			const char *name)
{
	for (uint64_t i = 0; region->type && i < region->outer_count; i++)
		audit_ring(audit, region, i, name);
}

/* The history of one life of a row. */
static void audit_history(struct audit *audit, unsigned kind, const char *name)
{
	const struct snp_fmt_region *region = &audit->seg->regions.hist[kind];
	struct snp__ring ring;

	for (uint64_t i = 0; region->type && i < region->outer_count; i++) {
		uint64_t gen = row_gen(audit, kind, i), n;

		if (gen == 0 || !snp__ring_open(audit->seg, region, i, &ring))
			continue;
		n = next_broken(audit, region, i, &ring, snp__ring_oldest(&ring));
		if (n < ring.head && row_gen(audit, kind, i) == gen)
			fault(audit, "%s, row %llu: sample %llu is not whole", name,
			      (unsigned long long)i, (unsigned long long)n);
	}
}

/* ---- requests in flight -------------------------------------------------- */

static const char *inflight_problem(const struct audit *audit, const uint64_t *w)
{
	if (w[SNP_INFL_CRC] != snp__crc32c(w, SNP_INFL_WORDS * sizeof(*w)))
		return "is not whole";
	if (w[SNP_INFL_TOOL] >= audit->seg->regions.rowd[SNP_ROW_TOOL].count)
		return "names a tool that cannot be";
	if (w[SNP_INFL_RECEIVED_MONO_NS] > w[SNP_INFL_START_MONO_NS])
		return "started before it was received";
	return NULL;
}

static void audit_inflight_slot(struct audit *audit, uint64_t row, uint64_t at)
{
	const struct snp_fmt_region *r = &audit->seg->regions.infl;
	uint64_t gen = row_gen(audit, SNP_ROW_WORKER, row);
	uint64_t words[SNP_INFL_WORDS + 1];
	const char *problem;

	if (gen == 0 ||
	    !snp__inflight_copy(audit->seg,
				r->off + row * r->outer_stride + at * r->stride, words))
		return;
	problem = inflight_problem(audit, words);
	if (problem && row_gen(audit, SNP_ROW_WORKER, row) == gen)
		fault(audit, "request in flight, worker row %llu, slot %llu: %s",
		      (unsigned long long)row, (unsigned long long)at, problem);
}

uint64_t snp_segment_audit(struct snp_segment *seg,
			   void (*fault_fn)(void *user, const char *text), void *user)
{
	struct audit audit = {.seg = seg, .fault = fault_fn, .user = user};
	const struct snp__regions *all = &seg->regions;

	audit_rings(&audit, &all->evnt, "events");
	audit_rings(&audit, &all->span, "spans");
	audit_rings(&audit, &all->evid, "evidence");
	audit_history(&audit, SNP_ROW_POOL, "history of pools");
	audit_history(&audit, SNP_ROW_WORKER, "history of workers");
	for (uint64_t row = 0; all->infl.type && row < all->infl.outer_count; row++)
		for (uint64_t at = 0; at < all->infl.count; at++)
			audit_inflight_slot(&audit, row, at);
	return audit.faults;
}
