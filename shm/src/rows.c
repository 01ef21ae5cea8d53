/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, banks, events and texts: the writer's side of everything that is indexed. */
#include <errno.h>
#include <string.h>

#include "utf8.h"
#include "writer_private.h"

#define NAME_BYTES_MAX 128 /* layout.c keeps room for as much */

/* ---- rows ---------------------------------------------------------------- */

static enum snp__place rowd_place(unsigned kind)
{
	SNP_CHECK(kind >= SNP_ROW_POOL && kind <= SNP_ROW_TOOL);
	return (enum snp__place)(PLACE_ROWD_POOL + (kind - SNP_ROW_POOL));
}

static void row_fill(struct snp_writer *w, struct snp_fmt_row *row, uint32_t index,
		     const struct snp_row_decl *decl)
{
	snp_set(&row->uid, ++w->next_uid);
	snp_set(&row->parent, decl->kind == SNP_ROW_POOL ? index : decl->pool);
	snp_set(&row->slot, decl->slot);
	snp_set(&row->name, snp__string_add(w, decl->name ? decl->name : ""));
	snp_set(&row->text, snp__string_add(w, decl->text ? decl->text : ""));
	snp_set(&row->born_mono_ns, snp_mono_now().ns);
}

static void struct_changed(struct snp_writer *w)
{
	atomic_store_explicit(&w->header->struct_gen,
			      snp_get(&w->header->struct_gen) + 2,
			      memory_order_release);
}

/* Names come from adapters and callers: what readers would refuse is refused here. */
static int check_decl(const struct snp_writer *w, const struct snp_row_decl *decl,
		      struct snp_err *err)
{
	size_t len = decl->name ? strnlen(decl->name, NAME_BYTES_MAX + 1) : 0;

	if (decl->kind != SNP_ROW_WORKER &&
	    (len == 0 || len > NAME_BYTES_MAX || !snp__utf8_ok(decl->name, len)))
		return snp_err_set(
		    err, -EINVAL,
		    "the name of a pool or tool must be 1 to %d bytes of UTF-8",
		    NAME_BYTES_MAX);
	if (decl->kind != SNP_ROW_POOL &&
	    decl->pool >= snp_get(&w->header->row_high[SNP_ROW_POOL]))
		return snp_err_set(err, -EINVAL,
				   "row of pool %u, which is not declared", decl->pool);
	return 0;
}

static int row_declare_locked(struct snp_writer *w, const struct snp_row_decl *decl,
			      uint32_t *ret_index, struct snp_err *err)
{
	enum snp__place place = rowd_place(decl->kind);
	_Atomic uint64_t *high = &w->header->row_high[decl->kind];
	uint32_t index = (uint32_t)snp_get(high);
	struct snp_fmt_row *row;

	if (index >= w->layout.region[place].count) {
		snp_add(&w->header->rows_dropped, 1);
		return snp_err_set(
		    err, -ENOSPC,
		    "the segment has no room for '%s': its limit of %llu rows "
		    "is reached",
		    decl->name ? decl->name : "",
		    (unsigned long long)w->layout.region[place].count);
	}
	row = snp__entry(w, place, index);
	row_fill(w, row, index, decl);
	/* Release: the row's words before its generation, the generation before the
	 * watermark. Partner: row_copy() in snapshot.c. */
	atomic_store_explicit(&row->gen, SNP_GEN_LIVE, memory_order_release);
	atomic_store_explicit(high, index + 1, memory_order_release);
	struct_changed(w);
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
		rc = row_declare_locked(w, decl, ret_index, err);
	pthread_mutex_unlock(&w->mutex);
	return rc;
}

struct snp_pool_row *snp_pool_row(struct snp_writer *w, uint32_t index)
{
	SNP_CHECK(index < w->layout.region[PLACE_ROWC_POOL].count);
	return snp__entry(w, PLACE_ROWC_POOL, index);
}

struct snp_worker_row *snp_worker_row(struct snp_writer *w, uint32_t index)
{
	SNP_CHECK(index < w->layout.region[PLACE_ROWC_WORKER].count);
	return snp__entry(w, PLACE_ROWC_WORKER, index);
}

/* ---- banks --------------------------------------------------------------- */

static void *bank_block(const struct snp_writer *w, enum snp__place place,
			uint32_t bank)
{
	const struct snp_fmt_region *r = &w->layout.region[place];

	return w->map + r->off + bank * r->outer_stride;
}

int snp_bank_adopt(struct snp_writer *w, struct snp_bank *ret_bank)
{
	uint32_t i, nr = w->options.banks_max;

	pthread_mutex_lock(&w->mutex);
	for (i = 0; i < nr && w->bank_used[i]; i++)
		;
	if (i < nr) {
		w->bank_used[i] = true;
		if (i >= snp_get(&w->header->bank_high)) {
			atomic_store_explicit(&w->header->bank_high, i + 1,
					      memory_order_release);
			struct_changed(w);
		}
	} else {
		snp_add(&w->header->banks_exhausted, 1);
	}
	pthread_mutex_unlock(&w->mutex);
	if (i == nr)
		return -ENOSPC;
	ret_bank->index = i;
	ret_bank->proc = bank_block(w, PLACE_BANK_PROC, i);
	ret_bank->pools = bank_block(w, PLACE_BANK_POOL, i);
	ret_bank->tools = bank_block(w, PLACE_BANK_TOOL, i);
	ret_bank->ring = bank_block(w, PLACE_EVNT, i);
	ret_bank->events = (struct snp_fmt_event *)(ret_bank->ring + 1);
	ret_bank->event_mask = w->layout.region[PLACE_EVNT].count - 1;
	return 0;
}

void snp_bank_release(struct snp_writer *w, struct snp_bank *bank)
{
	pthread_mutex_lock(&w->mutex);
	SNP_CHECK(w->bank_used[bank->index]);
	w->bank_used[bank->index] = false;
	pthread_mutex_unlock(&w->mutex);
	memset(bank, 0, sizeof(*bank));
}

/* ---- events and texts ---------------------------------------------------- */

void snp_event_record(const struct snp_bank *bank, const struct snp_event_fields *f,
		      snp_mono_t now)
{
	uint64_t n = snp_get(&bank->ring->head);
	struct snp_fmt_event *e = &bank->events[n & bank->event_mask];

	snp_set(&e->seq, 0);
	/* Orders "being written" before the payload. Partner: the fence in
	 * events_read.c. */
	atomic_thread_fence(memory_order_release);
	snp_set(&e->mono_ns, now.ns);
	snp_set(&e->kind, (uint64_t)f->kind | (uint64_t)f->initiator << 16 |
			      (uint64_t)f->from << 32 | (uint64_t)f->to << 48);
	snp_set(&e->reason, f->reason);
	snp_set(&e->pool, f->pool);
	snp_set(&e->slot, f->slot);
	snp_set(&e->incarnation, f->incarnation);
	snp_set(&e->pid, f->pid);
	snp_set(&e->value[0], f->value[0]);
	snp_set(&e->value[1], f->value[1]);
	atomic_store_explicit(&e->seq, n + 1, memory_order_release);
	atomic_store_explicit(&bank->ring->head, n + 1, memory_order_release);
}

/* Copy what fits before the end of `ret`, cut between characters; a byte that is no
 * part of one becomes '?', because the reader refuses text that is not UTF-8. */
static void text_copy(char *ret, size_t size_bytes, const char *text)
{
	size_t used = 0, n;

	for (; *text; text += n) {
		n = snp__utf8_char(text);
		if (used + (n ? n : 1) >= size_bytes)
			break;
		if (n)
			memcpy(ret + used, text, n);
		else
			ret[used] = '?';
		n = n ? n : 1;
		used += n;
	}
	ret[used] = '\0';
}

void snp_worker_text_set(struct snp_writer *w, uint32_t worker_row, const char *text)
{
	struct snp_fmt_text *t;
	uint64_t words[SNP_TEXT_WORDS] = {0};
	uint64_t seq;

	SNP_CHECK(worker_row < w->layout.region[PLACE_TEXT_WORKER].count);
	t = snp__entry(w, PLACE_TEXT_WORKER, worker_row);
	seq = snp_get(&t->seq) + 1;
	text_copy((char *)words, sizeof(words), text);
	atomic_thread_fence(memory_order_release); /* as in snp_latch_publish() */
	for (unsigned i = 0; i < SNP_TEXT_WORDS; i++)
		snp_set(&t->copy[seq & 1][i], words[i]);
	atomic_store_explicit(&t->seq, seq, memory_order_release);
}
