/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens on the way of a request: events, spans, requests in flight.
 *
 * All of it runs on the hot path. tools/check-hot-path proves of these functions, and
 * of what they call, that they neither lock nor call into the system.
 */
#include <string.h>

#include "ring_write.h"
#include "writer_private.h"

/* Number in the low bits of a word that holds several. */
static uint64_t low16(unsigned v)
{
	return v & 0xFFFF;
}

/* Copy a text into `room` zeroed bytes; one that is longer is cut between characters.
 * By hand: the C library's string functions are no leaf functions of ours. */
static void copy_cut(char *ret, size_t room, const char *text)
{
	size_t n = 0;

	if (!text)
		return;
	for (; n < room && text[n]; n++)
		ret[n] = text[n];
	if (n < room)
		return;
	/* A continuation byte next: the last character was cut through. */
	while (n > 0 && (text[n] & 0xC0) == 0x80)
		ret[--n] = '\0';
}

void snp_event_record(const struct snp_bank *bank, const struct snp_event_fields *f,
		      snp_mono_t now)
{
	const struct snp_writer *w = bank->writer;
	SNP__RECORD(snp_fmt_event, words);

	words[SNP__WORD(snp_fmt_event, mono_ns)] = now.ns;
	words[SNP__WORD(snp_fmt_event, kind)] =
	    low16(f->kind) | low16(f->initiator) << 16 | low16(f->from) << 32 |
	    low16(f->to) << 48;
	words[SNP__WORD(snp_fmt_event, reason)] = f->reason;
	words[SNP__WORD(snp_fmt_event, pool)] = f->pool;
	words[SNP__WORD(snp_fmt_event, slot)] = f->slot;
	words[SNP__WORD(snp_fmt_event, pool_uid)] =
	    snp__row_uid(w, PLACE_ROWD_POOL, f->pool);
	words[SNP__WORD(snp_fmt_event, incarnation)] = f->incarnation;
	words[SNP__WORD(snp_fmt_event, pid)] = f->pid;
	words[SNP__WORD(snp_fmt_event, value[0])] = f->value[0];
	words[SNP__WORD(snp_fmt_event, value[1])] = f->value[1];
	words[SNP__WORD(snp_fmt_event, trace_id[0])] = f->trace_id[0];
	words[SNP__WORD(snp_fmt_event, trace_id[1])] = f->trace_id[1];
	words[SNP__WORD(snp_fmt_event, evidence)] = f->evidence;
	snp__ring_append(bank->event_ring, w->options.events_per_ring, words,
			 SNP__RECORD_WORDS(snp_fmt_event));
}

void snp_span_record(const struct snp_bank *bank, const struct snp_span_fields *f)
{
	const struct snp_writer *w = bank->writer;
	SNP__RECORD(snp_fmt_span, words);

	words[SNP__WORD(snp_fmt_span, start_mono_ns)] = f->start.ns;
	words[SNP__WORD(snp_fmt_span, end_mono_ns)] = f->end.ns;
	words[SNP__WORD(snp_fmt_span, trace_id[0])] = f->trace_id[0];
	words[SNP__WORD(snp_fmt_span, trace_id[1])] = f->trace_id[1];
	words[SNP__WORD(snp_fmt_span, span_id)] = f->span_id;
	words[SNP__WORD(snp_fmt_span, parent_span_id)] = f->parent_span_id;
	words[SNP__WORD(snp_fmt_span, kind)] =
	    low16(f->kind) | low16(f->status) << 16 | low16(f->method) << 32;
	words[SNP__WORD(snp_fmt_span, flags)] = f->flags;
	words[SNP__WORD(snp_fmt_span, queue_ns)] = f->queue_ns;
	words[SNP__WORD(snp_fmt_span, pool)] = f->pool;
	words[SNP__WORD(snp_fmt_span, pool_uid)] =
	    snp__row_uid(w, PLACE_ROWD_POOL, f->pool);
	words[SNP__WORD(snp_fmt_span, tool)] = f->tool;
	words[SNP__WORD(snp_fmt_span, tool_uid)] =
	    snp__row_uid(w, PLACE_ROWD_TOOL, f->tool);
	words[SNP__WORD(snp_fmt_span, slot)] = f->slot;
	words[SNP__WORD(snp_fmt_span, incarnation)] = f->incarnation;
	words[SNP__WORD(snp_fmt_span, attempt)] = f->attempt;
	copy_cut((char *)&words[SNP__WORD(snp_fmt_span, correlation)],
		 SNP_SPAN_CORRELATION_BYTES, f->correlation);
	copy_cut((char *)&words[SNP__WORD(snp_fmt_span, session)],
		 SNP_SPAN_SESSION_BYTES, f->session);
	snp__ring_append(bank->span_ring, w->options.spans_per_ring, words,
			 SNP__RECORD_WORDS(snp_fmt_span));
}

/* ---- requests in flight -------------------------------------------------- */

static struct snp_fmt_inflight *inflight_slot(const struct snp_writer *w,
					      uint32_t worker_row, uint32_t at)
{
	SNP_CHECK(worker_row < w->options.workers_max &&
		  at < w->options.inflight_per_worker);
	return (struct snp_fmt_inflight *)snp__block(w, PLACE_INFL_WORKER, worker_row) +
	       at;
}

/* A latch as in snp_latch_publish(), with a checksum for readers without memory
 * ordering. `words` has room for it at the end. */
static void inflight_publish(const struct snp_writer *w, uint32_t worker_row,
			     uint32_t at, uint64_t words[SNP_INFL_WORDS + 1])
{
	struct snp_fmt_inflight *slot = inflight_slot(w, worker_row, at);
	uint64_t seq = snp_get(&slot->seq) + 1;

	words[SNP_INFL_CRC] = snp__crc32c(words, SNP_INFL_WORDS * sizeof(*words));
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i <= SNP_INFL_WORDS; i++)
		snp_set(&slot->copy[seq & 1][i], words[i]);
	atomic_store_explicit(&slot->seq, seq, memory_order_release);
}

void snp_inflight_begin(struct snp_writer *w, uint32_t worker_row, uint32_t at,
			const struct snp_inflight_fields *f)
{
	uint64_t words[SNP_INFL_WORDS + 1] = {
	    [SNP_INFL_START_MONO_NS] = f->start.ns,
	    [SNP_INFL_DEADLINE_MONO_NS] = f->deadline.ns,
	    [SNP_INFL_RECEIVED_MONO_NS] = f->received.ns,
	    [SNP_INFL_TOOL] = f->tool,
	    [SNP_INFL_INCARNATION] = f->incarnation,
	    [SNP_INFL_TRACE_ID] = f->trace_id[0],
	    [SNP_INFL_TRACE_ID_LO] = f->trace_id[1],
	};

	copy_cut((char *)&words[SNP_INFL_CORRELATION], SNP_INFL_CORRELATION_BYTES,
		 f->correlation);
	inflight_publish(w, worker_row, at, words);
}

void snp_inflight_end(struct snp_writer *w, uint32_t worker_row, uint32_t at)
{
	uint64_t words[SNP_INFL_WORDS + 1] = {0};

	inflight_publish(w, worker_row, at, words);
}

bool snp_inflight_look(const struct snp_writer *w, uint32_t worker_row, uint32_t at,
		       struct snp_inflight_fields *ret_fields,
		       char ret_correlation[SNP_INFL_CORRELATION_BYTES + 1])
{
	const struct snp_fmt_inflight *slot;
	uint64_t words[SNP_INFL_WORDS], seq;

	if (at >= w->options.inflight_per_worker)
		return false;
	slot = inflight_slot(w, worker_row, at);
	seq = atomic_load_explicit(&slot->seq, memory_order_acquire);
	for (unsigned i = 0; i < SNP_INFL_WORDS; i++)
		words[i] = snp_get(&slot->copy[seq & 1][i]);
	atomic_thread_fence(memory_order_acquire);
	if (snp_get(&slot->seq) != seq || words[SNP_INFL_START_MONO_NS] == 0)
		return false;
	memcpy(ret_correlation, &words[SNP_INFL_CORRELATION],
	       SNP_INFL_CORRELATION_BYTES);
	ret_correlation[SNP_INFL_CORRELATION_BYTES] = '\0';
	*ret_fields = (struct snp_inflight_fields){
	    .start = {words[SNP_INFL_START_MONO_NS]},
	    .deadline = {words[SNP_INFL_DEADLINE_MONO_NS]},
	    .received = {words[SNP_INFL_RECEIVED_MONO_NS]},
	    .tool = (uint32_t)words[SNP_INFL_TOOL],
	    .incarnation = words[SNP_INFL_INCARNATION],
	    .trace_id = {words[SNP_INFL_TRACE_ID], words[SNP_INFL_TRACE_ID_LO]},
	    .correlation = ret_correlation,
	};
	return true;
}
