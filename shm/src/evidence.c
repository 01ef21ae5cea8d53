/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the supervisor: evidence for events, and why the last start of a worker slot
 * failed. They come from pipes and may be anything. */
#include <string.h>

#include "ring_write.h"
#include "text.h"
#include "writer_private.h"

/* A part may end up to three bytes early, where a character would not fit. */
#define CHARACTER_BYTES_MAX 4
#define PART_BYTES_MIN	    (SNP_EVID_TEXT_BYTES - (CHARACTER_BYTES_MAX - 1))

/* Drop the head of a text that is too long for the ring: its end is what happened
 * last. */
static size_t cut_head(struct snp_writer *w, const char **text, size_t len)
{
	size_t room = w->options.evidence_max / 2 * PART_BYTES_MIN;

	if (len <= room)
		return len;
	snp__count_truncated(w);
	*text += len - room;
	len = room;
	for (int i = 1; i < CHARACTER_BYTES_MAX && (**text & 0xC0) == 0x80; i++) {
		++*text;
		len--;
	}
	return len;
}

static uint64_t count_parts(const char *text, size_t len)
{
	char scratch[SNP_EVID_TEXT_BYTES];
	uint64_t parts = 0;

	for (size_t at = 0; at < len; parts++)
		at += snp__text_clean(scratch, sizeof(scratch), text + at, len - at);
	return parts;
}

uint64_t snp_evidence_record(struct snp_writer *w, const struct snp_evidence_fields *f,
			     const char *text, size_t len, snp_mono_t now)
{
	struct snp_fmt_ring *ring = snp__block(w, PLACE_EVID, 0);
	uint64_t first = snp_get(&ring->head) + 1, parts;
	size_t at = 0;

	len = cut_head(w, &text, len);
	parts = count_parts(text, len);
	for (uint64_t part = 0; part < parts; part++) {
		SNP__RECORD(snp_fmt_evidence, words);
		size_t n =
		    snp__text_clean((char *)&words[SNP__WORD(snp_fmt_evidence, text)],
				    SNP_EVID_TEXT_BYTES, text + at, len - at);

		at += n;
		words[SNP__WORD(snp_fmt_evidence, mono_ns)] = now.ns;
		words[SNP__WORD(snp_fmt_evidence, kind)] = f->kind;
		words[SNP__WORD(snp_fmt_evidence, part)] = part | parts << 32;
		words[SNP__WORD(snp_fmt_evidence, length)] = n;
		words[SNP__WORD(snp_fmt_evidence, pool)] = f->pool;
		words[SNP__WORD(snp_fmt_evidence, slot)] = f->slot;
		words[SNP__WORD(snp_fmt_evidence, pool_uid)] =
		    snp__row_uid(w, PLACE_ROWD_POOL, f->pool);
		words[SNP__WORD(snp_fmt_evidence, incarnation)] = f->incarnation;
		words[SNP__WORD(snp_fmt_evidence, pid)] = f->pid;
		snp__ring_append(ring, w->options.evidence_max, words,
				 SNP__RECORD_WORDS(snp_fmt_evidence));
	}
	return parts ? first : 0;
}

void snp_worker_text_set(struct snp_writer *w, uint32_t worker_row, const char *text)
{
	uint64_t words[SNP_TEXT_WORDS] = {0};
	size_t len = strlen(text);
	struct snp_fmt_text *t;
	uint64_t seq;

	SNP_CHECK(worker_row < w->layout.region[PLACE_TEXT_WORKER].count);
	if (snp__text_clean((char *)words, SNP_TEXT_BYTES - 1, text, len) < len)
		snp__count_truncated(w);
	t = snp__entry(w, PLACE_TEXT_WORKER, worker_row);
	seq = snp_get(&t->seq) + 1;
	atomic_thread_fence(memory_order_release); /* as in snp_latch_publish() */
	for (unsigned i = 0; i < SNP_TEXT_WORDS; i++)
		snp_set(&t->copy[seq & 1][i], words[i]);
	atomic_store_explicit(&t->seq, seq, memory_order_release);
}
