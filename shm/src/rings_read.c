/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events, spans and the texts that events point to. A cursor is the reader's own; what
 * was overwritten before it came by is counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ring_read.h"

/* ---- walking all rings of a region --------------------------------------- */

struct walk {
	const struct snp_segment *seg;
	const struct snp_fmt_region *region;
	struct snp_ring_cursor *cursor;
	struct snp__ring ring; /* of `index`, once it is open */
	unsigned index;
	bool open;
	uint64_t words[SNP__RING_RECORD_WORDS]; /* the record it stopped at */
};

static void walk_begin(struct walk *walk, const struct snp_segment *seg,
		       const struct snp_fmt_region *region,
		       struct snp_ring_cursor *cursor)
{
	walk->seg = seg;
	walk->region = region;
	walk->cursor = cursor;
	walk->index = 0;
	walk->open = false;
}

/* Open the ring and leave behind what was overwritten before we came. */
static bool walk_open(struct walk *walk)
{
	uint64_t *next = &walk->cursor->next[walk->index];
	uint64_t oldest;

	if (!snp__ring_open(walk->seg, walk->region, walk->index, &walk->ring))
		return false;
	if (*next > walk->ring.head) /* another ring than the cursor was made for */
		*next = 0;
	oldest = snp__ring_oldest(&walk->ring);
	if (*next < oldest) {
		walk->cursor->lost += oldest - *next;
		*next = oldest;
	}
	walk->open = true;
	return true;
}

/* false at the end of the last ring. The heads are those of the first look at each
 * ring: a writer that is as fast as we are does not keep us here. */
static bool walk_next(struct walk *walk)
{
	for (; walk->index < SNP_RINGS_MAX; walk->index++) {
		uint64_t *next = &walk->cursor->next[walk->index];

		if (!walk->open && !walk_open(walk))
			return false;
		while (*next < walk->ring.head) {
			if (snp__ring_copy(walk->seg, &walk->ring, (*next)++,
					   walk->words))
				return true;
			walk->cursor->lost++;
		}
		walk->open = false;
	}
	return false;
}

/* ---- events -------------------------------------------------------------- */

#define EVENT(field) walk->words[SNP__WORD_OF(struct snp_fmt_event, field)]

static void decode_event(const struct walk *walk, struct snp_event *e)
{
	*e = (struct snp_event){
	    .seq = EVENT(seq) - 1,
	    .ring = walk->index,
	    .mono = {EVENT(mono_ns)},
	    .kind = (unsigned)(EVENT(kind) & 0xffff),
	    .initiator = (unsigned)(EVENT(kind) >> 16 & 0xffff),
	    .from = (unsigned)(EVENT(kind) >> 32 & 0xffff),
	    .to = (unsigned)(EVENT(kind) >> 48),
	    .reason = (unsigned)EVENT(reason),
	    .pool = (uint32_t)EVENT(pool),
	    .slot = (uint32_t)EVENT(slot),
	    .pool_uid = EVENT(pool_uid),
	    .incarnation = EVENT(incarnation),
	    .pid = (pid_t)EVENT(pid),
	    .value = {EVENT(value[0]), EVENT(value[1])},
	    .trace_id = {EVENT(trace_id[0]), EVENT(trace_id[1])},
	    .evidence = EVENT(evidence),
	};
}

size_t snp_segment_events(struct snp_segment *seg, struct snp_ring_cursor *cursor,
			  struct snp_event *ret_events, size_t max)
{
	struct walk walk;
	size_t found = 0;

	walk_begin(&walk, seg, &seg->regions.evnt, cursor);
	while (found < max && walk_next(&walk))
		decode_event(&walk, &ret_events[found++]);
	return found;
}

/* ---- spans --------------------------------------------------------------- */

#define SPAN(field) walk->words[SNP__WORD_OF(struct snp_fmt_span, field)]

static void decode_span(const struct walk *walk, struct snp_span *s)
{
	*s = (struct snp_span){
	    .seq = SPAN(seq) - 1,
	    .ring = walk->index,
	    .kind = (unsigned)(SPAN(kind) & 0xffff),
	    .status = (unsigned)(SPAN(kind) >> 16 & 0xffff),
	    .method = (unsigned)(SPAN(kind) >> 32 & 0xffff),
	    .flags = (unsigned)SPAN(flags),
	    .start = {SPAN(start_mono_ns)},
	    .end = {SPAN(end_mono_ns)},
	    .queue_ns = SPAN(queue_ns),
	    .trace_id = {SPAN(trace_id[0]), SPAN(trace_id[1])},
	    .span_id = SPAN(span_id),
	    .parent_span_id = SPAN(parent_span_id),
	    .pool = (uint32_t)SPAN(pool),
	    .tool = (uint32_t)SPAN(tool),
	    .pool_uid = SPAN(pool_uid),
	    .tool_uid = SPAN(tool_uid),
	    .slot = (uint32_t)SPAN(slot),
	    .incarnation = SPAN(incarnation),
	    .attempt = (unsigned)SPAN(attempt),
	};
	snp__words_text(&SPAN(correlation[0]), SNP_SPAN_CORRELATION_BYTES,
			s->correlation);
	snp__words_text(&SPAN(session[0]), SNP_SPAN_SESSION_BYTES, s->session);
}

/* The calls of clients, as against ours to a worker. */
static bool is_served_call(const struct snp_span *s)
{
	return s->kind == SNP_SPAN_KIND_REQUEST && s->method != SNP_SPAN_METHOD_C_API;
}

bool snp_span_is_error(const struct snp_span *s)
{
	if (!is_served_call(s))
		return s->status != SNP_SPAN_STATUS_OK;
	switch (s->status) {
	case SNP_SPAN_STATUS_UNKNOWN:
	case SNP_SPAN_STATUS_DEADLINE_EXCEEDED:
	case SNP_SPAN_STATUS_UNIMPLEMENTED:
	case SNP_SPAN_STATUS_INTERNAL:
	case SNP_SPAN_STATUS_UNAVAILABLE:
	case SNP_SPAN_STATUS_DATA_LOSS:
	case SNP_SPAN_STATUS_TOOL_ERROR:
		return true;
	default:
		return false;
	}
}

size_t snp_segment_spans(struct snp_segment *seg, struct snp_ring_cursor *cursor,
			 struct snp_span *ret_spans, size_t max)
{
	struct walk walk;
	size_t found = 0;

	walk_begin(&walk, seg, &seg->regions.span, cursor);
	while (found < max && walk_next(&walk))
		decode_span(&walk, &ret_spans[found++]);
	return found;
}

/* ---- evidence ------------------------------------------------------------ */

#define EVID(field) words[SNP__WORD_OF(struct snp_fmt_evidence, field)]

/* Copy record `n`, which should be this part of so many (as in the word `part`); false
 * when it is no longer there, or is not that part. */
static bool copy_part(const struct snp_segment *seg, const struct snp__ring *ring,
		      uint64_t n, uint64_t part_of_parts,
		      uint64_t words[SNP__RING_RECORD_WORDS])
{
	return snp__ring_copy(seg, ring, n, words) && EVID(part) == part_of_parts &&
	       EVID(length) <= SNP_EVID_TEXT_BYTES;
}

/* The text from record `first` on, whose copy is in `words`. */
static int copy_text(const struct snp_segment *seg, const struct snp__ring *ring,
		     uint64_t first, uint64_t words[SNP__RING_RECORD_WORDS],
		     struct snp_evidence *ret)
{
	uint64_t parts = EVID(part) >> 32, len;
	char *text;

	/* Bounded by the ring, so by the file. */
	if (parts == 0 || parts > ring->count)
		return -ENOENT;
	text = malloc(parts * SNP_EVID_TEXT_BYTES + 1);
	if (!text)
		return -ENOMEM;
	ret->len = 0;
	for (uint64_t i = 0; i < parts; i++) {
		if (!copy_part(seg, ring, first + i, i | parts << 32, words)) {
			free(text);
			return -ENOENT;
		}
		len = EVID(length);
		memcpy(text + ret->len, &EVID(text[0]), len);
		ret->len += len;
	}
	if (!snp__utf8_ok(text, ret->len))
		ret->len = 0;
	text[ret->len] = '\0';
	ret->text = text;
	return 0;
}

int snp_segment_evidence(struct snp_segment *seg, uint64_t evidence,
			 struct snp_evidence *ret_evidence)
{
	uint64_t words[SNP__RING_RECORD_WORDS];
	struct snp_evidence found;
	struct snp__ring ring;
	int rc;

	if (evidence == 0 || !snp__ring_open(seg, &seg->regions.evid, 0, &ring) ||
	    !snp__ring_copy(seg, &ring, evidence - 1, words))
		return -ENOENT;
	found = (struct snp_evidence){
	    .mono = {EVID(mono_ns)},
	    .kind = (unsigned)EVID(kind),
	    .pool = (uint32_t)EVID(pool),
	    .slot = (uint32_t)EVID(slot),
	    .incarnation = EVID(incarnation),
	    .pid = (pid_t)EVID(pid),
	};
	rc = copy_text(seg, &ring, evidence - 1, words, &found);
	if (rc == 0)
		*ret_evidence = found;
	return rc;
}
