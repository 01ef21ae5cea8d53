/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of rows: declared, retired, and used again after a quarantine.
 *
 * A row's generation grows by one from LIVE to TOMBSTONE to RECYCLING, and then to the
 * next number that means LIVE. Readers copy a row and look at the generation again; so
 * nothing of a row may change under a generation that says it is whole.
 */
#include <errno.h>
#include <string.h>

#include "text.h"
#include "utf8.h"
#include "writer_private.h"

#define NO_ROW UINT32_MAX

static uint64_t rows_max(const struct snp_writer *w, unsigned kind)
{
	return w->layout.region[snp__rowd_place(kind)].count;
}

static struct snp_fmt_row *row_at(const struct snp_writer *w, unsigned kind,
				  uint32_t index)
{
	return snp__entry(w, snp__rowd_place(kind), index);
}

/* ---- clearing ------------------------------------------------------------ */

/* Relaxed: between the fence after RECYCLING and the release of LIVE. */
static void clear_words(void *from, uint64_t bytes)
{
	_Atomic uint64_t *word = from;

	for (uint64_t i = 0; i < bytes / sizeof(*word); i++)
		snp_set(&word[i], 0);
}

/* The same for a latch, whose sequence goes on: one that started again could come back
 * to the number a slow reader has seen. Two copies from byte `copies` on. */
static void clear_latch(void *latch, uint64_t copies, uint64_t bytes)
{
	clear_words((char *)latch + copies, bytes - copies);
}

static void clear_in_banks(struct snp_writer *w, enum snp__place place, uint32_t index)
{
	const struct snp_fmt_region *r = &w->layout.region[place];

	for (uint64_t bank = 0; bank < r->outer_count; bank++)
		clear_words((char *)snp__block(w, place, bank) + index * r->stride,
			    r->stride);
}

static void clear_worker(struct snp_writer *w, uint32_t index)
{
	struct snp_fmt_inflight *slot = snp__block(w, PLACE_INFL_WORKER, index);

	clear_latch(snp__entry(w, PLACE_ROWC_WORKER, index),
		    offsetof(struct snp_fmt_latch, copy),
		    w->layout.region[PLACE_ROWC_WORKER].stride);
	snp_adapter_gauges_clear(w, index);
	clear_latch(snp__entry(w, PLACE_TEXT_WORKER, index),
		    offsetof(struct snp_fmt_text, copy), sizeof(struct snp_fmt_text));
	for (uint32_t i = 0; i < w->options.inflight_per_worker; i++)
		clear_latch(&slot[i], offsetof(struct snp_fmt_inflight, copy),
			    sizeof(*slot));
}

/* Everything the row's last life has left behind, but for its history: that is the
 * ticker's, and its samples carry the uid of the life they belong to. */
static void clear_values(struct snp_writer *w, unsigned kind, uint32_t index)
{
	if (kind == SNP_ROW_POOL) {
		clear_latch(snp__entry(w, PLACE_ROWC_POOL, index),
			    offsetof(struct snp_fmt_latch, copy),
			    w->layout.region[PLACE_ROWC_POOL].stride);
		snp__adapter_cells_clear(w, index);
		clear_latch(snp__entry(w, PLACE_LEDG_POOL, index),
			    offsetof(struct snp_fmt_latch, copy),
			    sizeof(struct snp_fmt_latch));
		clear_in_banks(w, PLACE_BANK_POOL, index);
	} else if (kind == SNP_ROW_WORKER) {
		clear_worker(w, index);
	} else {
		clear_in_banks(w, PLACE_BANK_TOOL, index);
	}
}

/* Retired workers and tools of a pool whose row gets another name would be shown under
 * that: they go out of sight. They were retired before their pool, so their quarantine
 * has passed as well. */
static void forget_children(struct snp_writer *w, uint32_t pool)
{
	for (unsigned kind = SNP_ROW_WORKER; kind < SNP_ROW_KINDS; kind++) {
		const struct snp__tombstones *t = &w->tombstones[kind];

		for (uint32_t i = 0; i < t->nr; i++) {
			uint32_t index = t->index[(t->first + i) % rows_max(w, kind)];
			struct snp_fmt_row *row = row_at(w, kind, index);
			uint64_t gen = snp_get(&row->gen);

			if (gen % 4 == SNP_GEN_TOMBSTONE &&
			    snp_get(&row->parent) == pool)
				atomic_store_explicit(&row->gen, gen + 2, /* FREE */
						      memory_order_release);
		}
	}
}

/* ---- filling ------------------------------------------------------------- */

static void fill_text(_Atomic uint64_t cells[SNP_ROW_TEXT_WORDS],
		      const uint64_t words[SNP_ROW_TEXT_WORDS])
{
	for (unsigned i = 0; i < SNP_ROW_TEXT_WORDS; i++)
		snp_set(&cells[i], words[i]);
}

static void row_fill(struct snp_writer *w, struct snp_fmt_row *row, uint32_t index,
		     const struct snp_row_decl *decl)
{
	uint64_t name[SNP_ROW_TEXT_WORDS] = {0}, text[SNP_ROW_TEXT_WORDS] = {0};
	size_t len = decl->text ? strlen(decl->text) : 0;

	if (decl->name)
		memcpy(name, decl->name, strlen(decl->name));
	if (len && snp__text_clean((char *)text, sizeof(text), decl->text, len) < len)
		snp_add(&w->header->text_truncated, 1);
	snp_set(&row->uid, ++w->next_uid);
	snp_set(&row->parent, decl->kind == SNP_ROW_POOL ? index : decl->pool);
	snp_set(&row->slot, decl->slot);
	snp_set(&row->born_mono_ns, snp_mono_now().ns);
	snp_set(&row->retired_mono_ns, 0);
	snp_set(&row->reuse_after_mono_ns, 0);
	snp_set(&row->retire_reason, SNP_RETIRE_REASON_NONE);
	fill_text(row->name, name);
	fill_text(row->text, text);
}

/* A row that was never used, NO_ROW when there is none left. */
static uint32_t take_fresh(struct snp_writer *w, const struct snp_row_decl *decl)
{
	_Atomic uint64_t *high = &w->header->row_high[decl->kind];
	uint32_t index = (uint32_t)snp_get(high);
	struct snp_fmt_row *row;

	if (index >= rows_max(w, decl->kind))
		return NO_ROW;
	row = row_at(w, decl->kind, index);
	row_fill(w, row, index, decl);
	/* Release: the row's words before its generation, the generation before the
	 * watermark. Partner: row_copy() in gather.c. */
	atomic_store_explicit(&row->gen, SNP_GEN_LIVE, memory_order_release);
	atomic_store_explicit(high, index + 1, memory_order_release);
	return index;
}

/* The row retired longest ago, NO_ROW when there is none or its time has not come: then
 * none of the others' has. */
static uint32_t take_tombstone(struct snp_writer *w, const struct snp_row_decl *decl)
{
	struct snp__tombstones *t = &w->tombstones[decl->kind];
	uint32_t index = t->nr ? t->index[t->first] : NO_ROW;
	struct snp_fmt_row *row;
	uint64_t gen;

	if (index == NO_ROW)
		return NO_ROW;
	row = row_at(w, decl->kind, index);
	if (snp_mono_now().ns < snp_get(&row->reuse_after_mono_ns))
		return NO_ROW;
	t->first = (uint32_t)((t->first + 1) % rows_max(w, decl->kind));
	t->nr--;
	if (decl->kind == SNP_ROW_POOL)
		forget_children(w, index);
	gen = (snp_get(&row->gen) & ~UINT64_C(3)) + SNP_GEN_RECYCLING;
	snp_set(&row->gen, gen);
	/* Orders RECYCLING before what follows: who copies a word of the new life finds
	 * another generation than before. Partner: the acquire fence in gather.c. */
	atomic_thread_fence(memory_order_release);
	clear_values(w, decl->kind, index);
	row_fill(w, row, index, decl);
	atomic_store_explicit(&row->gen, gen + 2, memory_order_release); /* LIVE */
	return index;
}

/* ---- public -------------------------------------------------------------- */

/* Names come from adapters and callers: what readers would refuse is refused here. */
static int check_decl(const struct snp_writer *w, const struct snp_row_decl *decl,
		      struct snp_err *err)
{
	size_t len = decl->name ? strnlen(decl->name, SNP_ROW_TEXT_BYTES + 1) : 0;

	if (len > SNP_ROW_TEXT_BYTES || !snp__utf8_ok(decl->name, len) ||
	    (decl->kind != SNP_ROW_WORKER && len == 0))
		return snp_err_set(
		    err, -EINVAL,
		    "the name of a pool or tool must be 1 to %d bytes of UTF-8",
		    SNP_ROW_TEXT_BYTES);
	if (decl->kind != SNP_ROW_POOL &&
	    (decl->pool >= w->options.pools_max ||
	     snp_get(&row_at(w, SNP_ROW_POOL, decl->pool)->gen) % 4 != SNP_GEN_LIVE))
		return snp_err_set(err, -EINVAL, "row of pool %u, which is not live",
				   decl->pool);
	return 0;
}

static int declare_locked(struct snp_writer *w, const struct snp_row_decl *decl,
			  uint32_t *ret_index, struct snp_err *err)
{
	uint32_t index = take_fresh(w, decl);

	if (index == NO_ROW)
		index = take_tombstone(w, decl);
	if (index == NO_ROW) {
		snp_add(&w->header->rows_dropped, 1);
		return snp_err_set(
		    err, -ENOSPC,
		    "the segment has no room for '%s': its limit of %llu rows "
		    "is reached",
		    decl->name ? decl->name : "",
		    (unsigned long long)rows_max(w, decl->kind));
	}
	snp__struct_changed(w);
	*ret_index = index;
	return 0;
}

int snp_row_declare(struct snp_writer *w, const struct snp_row_decl *decl,
		    uint32_t *ret_index, struct snp_err *err)
{
	int rc;

	pthread_mutex_lock(&w->mutex);
	rc = check_decl(w, decl, err);
	if (rc == 0)
		rc = declare_locked(w, decl, ret_index, err);
	pthread_mutex_unlock(&w->mutex);
	return rc;
}

static bool has_live_rows(const struct snp_writer *w, uint32_t pool)
{
	for (unsigned kind = SNP_ROW_WORKER; kind < SNP_ROW_KINDS; kind++) {
		uint64_t used = snp_get(&w->header->row_high[kind]);

		for (uint32_t i = 0; i < used; i++) {
			const struct snp_fmt_row *row = row_at(w, kind, i);

			if (snp_get(&row->gen) % 4 == SNP_GEN_LIVE &&
			    snp_get(&row->parent) == pool)
				return true;
		}
	}
	return false;
}

void snp_row_retire(struct snp_writer *w, unsigned kind, uint32_t index,
		    enum snp_enum_RETIRE_REASON reason)
{
	struct snp_fmt_row *row = row_at(w, kind, index);
	struct snp__tombstones *t = &w->tombstones[kind];
	snp_mono_t now;
	uint64_t gen;

	pthread_mutex_lock(&w->mutex);
	/* Asked here, so that tombstones stand in the order of their times. */
	now = snp_mono_now();
	SNP_CHECK(index < snp_get(&w->header->row_high[kind]));
	gen = snp_get(&row->gen);
	SNP_CHECK(gen % 4 == SNP_GEN_LIVE);
	SNP_CHECK(kind != SNP_ROW_POOL || !has_live_rows(w, index));
	snp_set(&row->retired_mono_ns, now.ns);
	snp_set(&row->reuse_after_mono_ns,
		snp_mono_add_ms(now, w->options.reuse_quarantine_ms).ns);
	snp_set(&row->retire_reason, reason);
	/* Release: all that was ever written to the row, the values included, which the
	 * caller's grace period has made ours to publish. */
	atomic_store_explicit(&row->gen, gen + 1, memory_order_release);
	t->index[(t->first + t->nr++) % rows_max(w, kind)] = index;
	snp__struct_changed(w);
	pthread_mutex_unlock(&w->mutex);
}

/* Take the tombstone out of the middle of the queue: the older ones move up. */
static void forget_tombstone(struct snp_writer *w, unsigned kind, uint32_t index)
{
	struct snp__tombstones *t = &w->tombstones[kind];
	uint64_t places = rows_max(w, kind), at = 0;

	while (t->index[(t->first + at) % places] != index)
		at++;
	SNP_CHECK(at < t->nr);
	for (; at > 0; at--)
		t->index[(t->first + at) % places] =
		    t->index[(t->first + at - 1) % places];
	t->first = (uint32_t)((t->first + 1) % places);
	t->nr--;
}

static bool is_of(const struct snp_fmt_row *row, const struct snp_row_decl *decl)
{
	return snp_get(&row->gen) % 4 == SNP_GEN_TOMBSTONE &&
	       snp_get(&row->parent) == decl->pool && snp_get(&row->slot) == decl->slot;
}

int snp_row_revive(struct snp_writer *w, const struct snp_row_decl *decl,
		   uint32_t index)
{
	struct snp_fmt_row *row = row_at(w, decl->kind, index);
	uint64_t gen;
	int rc = 0;

	SNP_CHECK(decl->kind == SNP_ROW_WORKER);
	pthread_mutex_lock(&w->mutex);
	if (is_of(row, decl)) {
		forget_tombstone(w, decl->kind, index);
		gen = snp_get(&row->gen) + 1; /* RECYCLING */
		snp_set(&row->gen, gen);
		/* As in take_tombstone(), but that the values stay. */
		atomic_thread_fence(memory_order_release);
		row_fill(w, row, index, decl);
		atomic_store_explicit(&row->gen, gen + 2, /* LIVE */
				      memory_order_release);
		snp__struct_changed(w);
	} else {
		rc = -ESTALE;
	}
	pthread_mutex_unlock(&w->mutex);
	return rc;
}

struct snp_pool_row *snp_pool_row(struct snp_writer *w, uint32_t index)
{
	SNP_CHECK(index < w->layout.region[PLACE_ROWC_POOL].count);
	return snp__entry(w, PLACE_ROWC_POOL, index);
}

struct snp_fmt_latch *snp_pool_heads(struct snp_writer *w, uint32_t index)
{
	SNP_CHECK(index < w->layout.region[PLACE_LEDG_POOL].count);
	return snp__entry(w, PLACE_LEDG_POOL, index);
}

struct snp_worker_row *snp_worker_row(struct snp_writer *w, uint32_t index)
{
	SNP_CHECK(index < w->layout.region[PLACE_ROWC_WORKER].count);
	return snp__entry(w, PLACE_ROWC_WORKER, index);
}
