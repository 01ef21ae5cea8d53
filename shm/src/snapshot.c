/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: a private copy of every row with its cells and the sum of its bank blocks.
 *
 * Row protocol (shm/format/segment.md): load gen (acquire); free or recycling rows are
 * skipped; copy; acquire fence; load gen again; equal: the copy is of one life of the
 * row. Otherwise try again, a few times, then leave the row out and count it. Nothing
 * here waits for the writer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "reader_private.h"

#define ROW_TRIES   4
#define LATCH_TRIES 1000

/* ---- copying ------------------------------------------------------------- */

static void copy_words(const struct snp_segment *seg, uint64_t off, uint64_t *ret,
		       uint64_t words)
{
	for (uint64_t i = 0; i < words; i++)
		ret[i] = snp__word(seg, off + 8 * i);
}

int snp__latch_copy(const struct snp_segment *seg, struct snp__latch_shape shape,
		    uint64_t *ret_words, unsigned *retries)
{
	uint64_t copies = shape.off + 8 * (uint64_t)shape.first;

	for (int i = 0; i < LATCH_TRIES; i++) {
		uint64_t seq = snp__word_acquire(seg, shape.off);

		copy_words(seg, copies + (seq & 1) * 8 * shape.words, ret_words,
			   shape.words);
		atomic_thread_fence(memory_order_acquire);
		if (snp__word(seg, shape.off) == seq)
			return 0;
		(*retries)++;
	}
	return -EAGAIN;
}

/* Add the row's block of every bank in use into `sums`. From the last word to the
 * first, each with acquire: a histogram's sum stands behind its buckets and is
 * published after them, so a sum counted here has its bucket counted too. */
static void sum_banks(const struct snp_segment *seg, const struct snp_fmt_region *r,
		      uint64_t index, uint64_t *sums)
{
	uint64_t banks =
	    snp__word_acquire(seg, offsetof(struct snp_fmt_header, bank_high));
	uint64_t words = r->stride / 8;

	memset(sums, 0, r->stride);
	if (banks > r->outer_count)
		banks = r->outer_count;
	for (uint64_t b = 0; b < banks; b++) {
		uint64_t off = r->off + b * r->outer_stride + index * r->stride;

		for (uint64_t i = words; i-- > 0;)
			sums[i] += snp__word_acquire(seg, off + 8 * i);
	}
}

static uint64_t *row_words(uint64_t *table, const struct snp_fmt_region *r,
			   uint32_t index)
{
	return table ? table + (uint64_t)index * (r->stride / 8) : NULL;
}

/* ---- decoding a row ------------------------------------------------------ */

/* Word indexes of struct snp_fmt_row. */
enum {
	ROW_GEN,
	ROW_UID,
	ROW_PARENT,
	ROW_SLOT,
	ROW_NAME,
	ROW_TEXT,
	ROW_WORDS = 6,
};

static const char *arena_printf_u64(struct snp__arena *arena, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)v);

	return snp__arena_text(arena, text, (size_t)n);
}

/* A string of the mapped STRT, checked and copied; "" when it does not hold. */
static const char *mapped_text(struct snp_snapshot *snap, uint64_t ref)
{
	const struct snp_segment *seg = snap->seg;
	const struct snp_fmt_region *r = &seg->regions.strt;
	uint64_t used =
	    snp__word_acquire(seg, offsetof(struct snp_fmt_header, strt_used));
	const char *base = (const char *)seg->map + r->off;
	const char *copy;
	uint32_t len;

	if (used > r->len || ref == 0 || ref > used / 8 ||
	    used - ref * 8 < sizeof(len) + 1)
		return "";
	memcpy(&len, base + ref * 8, sizeof(len));
	if (len > used - ref * 8 - sizeof(len) - 1)
		return "";
	copy = snp__arena_text(snap->arena, base + ref * 8 + sizeof(len), len);
	return !copy || snp__utf8_ok(copy, len) ? copy : "";
}

static const char *worker_text(struct snp_snapshot *snap, uint32_t index)
{
	const struct snp_fmt_region *r = &snap->seg->regions.text;
	uint64_t words[SNP_TEXT_WORDS];
	struct snp__latch_shape shape = {
	    .off = r->off + index * r->stride,
	    .first = offsetof(struct snp_fmt_text, copy) / 8,
	    .words = SNP_TEXT_WORDS,
	};
	const char *text = (const char *)words;
	size_t len;

	if (!r->type || index >= r->count ||
	    snp__latch_copy(snap->seg, shape, words, &snap->stats.retries) < 0)
		return "";
	len = strnlen(text, sizeof(words));
	if (len == sizeof(words) || !snp__utf8_ok(text, len))
		return "";
	return len ? snp__arena_text(snap->arena, text, len) : "";
}

static void decode_process(struct snp_snapshot *snap, struct snp__row *row,
			   const uint64_t *proc)
{
	struct snp_row *pub = &row->pub;
	char id[SNP_FMT_NAME_BYTES + 192], python[17] = "";
	int n;

	pub->incarnation = proc[SNP_PROC_INCARNATION];
	pub->pid = (pid_t)proc[SNP_PROC_PID];
	pub->start_mono.ns = proc[SNP_PROC_START_MONO_NS];
	pub->start_wall.ns = proc[SNP_PROC_START_REAL_NS];
	pub->ready_mono.ns = proc[SNP_PROC_READY_MONO_NS];
	pub->last_exit_status = (unsigned)proc[SNP_PROC_LAST_EXIT_STATUS];
	if (proc[SNP_PROC_LAST_EXIT_REASON])
		pub->last_exit_reason = snp_enum_text(
		    SNP_ENUM_TABLE_EXIT_REASON, proc[SNP_PROC_LAST_EXIT_REASON] - 1);
	memcpy(python, &proc[SNP_PROC_PYTHON], 16);
	if (*python && snp__utf8_ok(python, strlen(python)))
		pub->python = snp__arena_text(snap->arena, python, strlen(python));
	n = snprintf(id, sizeof(id), "%s/%u#%llu", pub->pool_name, pub->slot,
		     (unsigned long long)pub->incarnation);
	pub->worker_id = snp__arena_text(
	    snap->arena, id, (size_t)n < sizeof(id) ? (size_t)n : sizeof(id) - 1);
	pub->last_error = worker_text(snap, pub->index);
}

static void fill_labels(struct snp_snapshot *snap, unsigned kind, struct snp__row *row)
{
	for (unsigned i = 0; i < SNP_KEY_NR; i++)
		row->label[i] = "";
	row->label[SNP_KEY_POOL] = row->pub.pool_name;
	row->label[SNP_KEY_ADAPTER] = row->pub.adapter;
	if (kind == SNP_ROW_TOOL)
		row->label[SNP_KEY_METHOD] = row->pub.name;
	if (kind == SNP_ROW_WORKER) {
		row->label[SNP_KEY_WORKER] =
		    arena_printf_u64(snap->arena, row->pub.slot);
		row->label[SNP_KEY_WORKER_ID] = row->pub.worker_id;
		row->label[SNP_KEY_PID] =
		    arena_printf_u64(snap->arena, (uint64_t)row->pub.pid);
		row->label[SNP_KEY_PYTHON] = row->pub.python;
	}
}

/* Pools are decoded first, so a row's pool is known here. One that is not (a pool
 * declared after we looked, or skipped, or damage) costs this row alone: the next look
 * has it. */
static int decode_row(struct snp_snapshot *snap, unsigned kind, uint32_t index,
		      const uint64_t *words)
{
	struct snp__row *row = &snap->rows[kind][index];
	const struct snp_row *pool;

	row->pub = (struct snp_row){
	    .index = index,
	    .uid = words[ROW_UID],
	    .tombstone = words[ROW_GEN] % 4 == SNP_GEN_TOMBSTONE,
	    .slot = (uint32_t)words[ROW_SLOT],
	    .name = mapped_text(snap, words[ROW_NAME]),
	    .worker_id = "",
	    .python = "",
	    .last_exit_reason = "",
	    .last_error = "",
	};
	if (kind == SNP_ROW_POOL) {
		row->pub.pool = index;
		row->pub.pool_name = row->pub.name;
		row->pub.adapter = mapped_text(snap, words[ROW_TEXT]);
	} else {
		pool = words[ROW_PARENT] < snap->rows_nr[SNP_ROW_POOL]
			   ? snp_snapshot_row(snap, SNP_ROW_POOL,
					      (uint32_t)words[ROW_PARENT])
			   : NULL;
		if (!pool) {
			snap->stats.rows_skipped++;
			return 0;
		}
		row->pub.pool = pool->index;
		row->pub.pool_name = pool->name;
		row->pub.adapter = pool->adapter;
	}
	if (!row->pub.name || !row->pub.pool_name || !row->pub.adapter)
		return -ENOMEM;
	if (kind == SNP_ROW_WORKER)
		decode_process(snap, row,
			       &snap->latch[kind][(size_t)index * SNP_LATCH_WORDS]);
	fill_labels(snap, kind, row);
	for (unsigned i = 0; i < SNP_KEY_NR; i++)
		if (!row->label[i])
			return -ENOMEM;
	row->present = true;
	return 0;
}

/* ---- one row ------------------------------------------------------------- */

static int copy_row_cells(struct snp_snapshot *snap, unsigned kind, uint32_t index)
{
	const struct snp_segment *seg = snap->seg;
	const struct snp_fmt_region *cells = &seg->regions.rowc[kind];
	const struct snp_fmt_region *bank = &seg->regions.bank[kind];

	if (cells->type && index < cells->count) {
		uint64_t off = cells->off + index * cells->stride;
		struct snp__latch_shape shape = {
		    .off = off,
		    .first = offsetof(struct snp_fmt_latch, copy) / 8,
		    .words = SNP_LATCH_WORDS,
		};
		int rc = snp__latch_copy(
		    seg, shape, &snap->latch[kind][(size_t)index * SNP_LATCH_WORDS],
		    &snap->stats.retries);

		if (rc < 0)
			return rc;
		copy_words(seg, off, row_words(snap->cells[kind], cells, index),
			   cells->stride / 8);
	}
	if (bank->type && index < bank->count)
		sum_banks(seg, bank, index, row_words(snap->sums[kind], bank, index));
	return 0;
}

static int copy_row(struct snp_snapshot *snap, unsigned kind, uint32_t index)
{
	const struct snp_segment *seg = snap->seg;
	const struct snp_fmt_region *r = &seg->regions.rowd[kind];
	uint64_t off = r->off + index * r->stride;
	uint64_t words[ROW_WORDS];

	for (int i = 0; i < ROW_TRIES; i++) {
		/* Acquire: the row's words. Partner: row_declare_locked(). */
		uint64_t gen = snp__word_acquire(seg, off);

		if (gen % 4 == SNP_GEN_FREE || gen % 4 == SNP_GEN_RECYCLING)
			return 0;
		copy_words(seg, off, words, ROW_WORDS);
		words[ROW_GEN] = gen;
		if (copy_row_cells(snap, kind, index) < 0)
			continue;
		atomic_thread_fence(memory_order_acquire);
		if (snp__word(seg, off) == gen)
			return decode_row(snap, kind, index, words);
		snap->stats.retries++;
	}
	snap->stats.rows_skipped++;
	return 0;
}

/* ---- all rows ------------------------------------------------------------ */

/* Grow (never shrink) the tables of one kind to `nr` rows. */
static int reserve(struct snp_snapshot *snap, unsigned kind, uint32_t nr)
{
	const struct snp__regions *all = &snap->seg->regions;
	uint32_t max = nr + nr / 4 + 1;

	if (nr <= snap->rows_max[kind])
		return 0;
	free(snap->rows[kind]);
	free(snap->cells[kind]);
	free(snap->latch[kind]);
	free(snap->sums[kind]);
	snap->rows[kind] = calloc(max, sizeof(*snap->rows[kind]));
	snap->cells[kind] =
	    calloc(max, all->rowc[kind].type ? all->rowc[kind].stride : 8);
	snap->latch[kind] = calloc(max, sizeof(uint64_t) * SNP_LATCH_WORDS);
	snap->sums[kind] =
	    calloc(max, all->bank[kind].type ? all->bank[kind].stride : 8);
	snap->rows_max[kind] = max;
	if (!snap->rows[kind] || !snap->cells[kind] || !snap->latch[kind] ||
	    !snap->sums[kind]) {
		snap->rows_max[kind] = 0;
		return -ENOMEM;
	}
	return 0;
}

static int copy_kind(struct snp_snapshot *snap, unsigned kind, struct snp_err *err)
{
	const struct snp_segment *seg = snap->seg;
	const struct snp_fmt_region *r = &seg->regions.rowd[kind];
	/* Acquire: the rows below the watermark. Partner: row_declare_locked(). */
	uint64_t high = snp__word_acquire(
	    seg, offsetof(struct snp_fmt_header, row_high) + 8 * (uint64_t)kind);
	int rc;

	if (kind == SNP_ROW_PROC) {
		high = 1;
	} else {
		if (!r->type)
			return 0;
		if (high > r->count)
			return snp_err_set(err, -EBADMSG, "%s is damaged: row_high[%u]",
					   seg->info.path, kind);
	}
	rc = reserve(snap, kind, (uint32_t)high);
	if (rc < 0)
		return rc;
	snap->rows_nr[kind] = (uint32_t)high;
	if (kind == SNP_ROW_PROC) {
		struct snp__row *row = &snap->rows[kind][0];

		*row = (struct snp__row){.present = true,
					 .pub = {.name = "",
						 .pool_name = "",
						 .adapter = "",
						 .worker_id = "",
						 .python = "",
						 .last_exit_reason = "",
						 .last_error = ""}};
		fill_labels(snap, kind, row);
		return copy_row_cells(snap, kind, 0);
	}
	for (uint32_t i = 0; i < high; i++) {
		snap->rows[kind][i].present = false;
		rc = copy_row(snap, kind, i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int copy_heartbeat(struct snp_snapshot *snap, struct snp_err *err)
{
	enum { WORDS = sizeof(struct snp_fmt_heartbeat) / 8, CRC = 7 };
	struct snp__latch_shape shape = {
	    .off = offsetof(struct snp_fmt_header, hb_seq),
	    .first = (offsetof(struct snp_fmt_header, hb) -
		      offsetof(struct snp_fmt_header, hb_seq)) /
		     8,
	    .words = WORDS,
	};
	uint64_t words[WORDS];

	if (snp__latch_copy(snap->seg, shape, words, &snap->stats.retries) < 0)
		return 0; /* the previous pair still converts times well enough */
	if (words[CRC] != snp__crc32c(words, CRC * sizeof(words[0])))
		return snp_err_set(err, -EBADMSG, "%s is damaged: heartbeat crc",
				   snap->seg->info.path);
	snap->stats.heartbeat_seq = words[0];
	snap->stats.heartbeat_mono.ns = words[1];
	snap->stats.heartbeat_wall.ns = words[2];
	return 0;
}

static void copy_meters(struct snp_snapshot *snap)
{
	const struct snp_segment *seg = snap->seg;
	struct snp_snapshot_stats *s = &snap->stats;

	s->state = snp__word_acquire(seg, offsetof(struct snp_fmt_header, state));
	s->rows_dropped = snp__word(seg, offsetof(struct snp_fmt_header, rows_dropped));
	s->descs_dropped =
	    snp__word(seg, offsetof(struct snp_fmt_header, descs_dropped));
	s->banks_exhausted =
	    snp__word(seg, offsetof(struct snp_fmt_header, banks_exhausted));
	s->overflow_obs = snp__word(seg, offsetof(struct snp_fmt_header, overflow_obs));
	s->text_truncated =
	    snp__word(seg, offsetof(struct snp_fmt_header, text_truncated));
}

/* ---- public -------------------------------------------------------------- */

static int snapshot_fill(struct snp_snapshot *snap, struct snp_err *err)
{
	/* Pools before what belongs to them. */
	static const unsigned order[] = {SNP_ROW_PROC, SNP_ROW_POOL, SNP_ROW_WORKER,
					 SNP_ROW_TOOL};
	int rc;

	snap->stats = (struct snp_snapshot_stats){.begin = snp_mono_now()};
	snp__arena_reset(snap->arena);
	memset(snap->rows_nr, 0, sizeof(snap->rows_nr));
	rc = copy_heartbeat(snap, err);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && rc == 0; i++)
		rc = copy_kind(snap, order[i], err);
	copy_meters(snap);
	snap->stats.end = snp_mono_now();
	return rc;
}

int snp_segment_snapshot(struct snp_segment *seg, struct snp_snapshot **snap,
			 struct snp_err *err)
{
	struct snp_snapshot *s = *snap;
	int rc;

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (s)
			s->arena = snp__arena_create();
		if (!s || !s->arena) {
			free(s);
			return snp_err_set(err, -ENOMEM,
					   "out of memory for a snapshot");
		}
		s->seg = seg;
		*snap = s;
	}
	rc = snapshot_fill(s, err);
	if (rc < 0)
		memset(s->rows_nr, 0, sizeof(s->rows_nr));
	if (rc == -ENOMEM)
		return snp_err_set(err, rc, "out of memory for a snapshot");
	return rc;
}

void snp_snapshot_destroy(struct snp_snapshot **snap)
{
	struct snp_snapshot *s = *snap;

	*snap = NULL;
	if (!s)
		return;
	for (unsigned k = 0; k < SNP_ROW_KINDS; k++) {
		free(s->rows[k]);
		free(s->cells[k]);
		free(s->latch[k]);
		free(s->sums[k]);
	}
	snp__arena_destroy(&s->arena);
	free(s);
}

const struct snp_snapshot_stats *snp_snapshot_stats(const struct snp_snapshot *snap)
{
	return &snap->stats;
}

snp_mono_t snp_snapshot_now(const struct snp_snapshot *snap)
{
	return snap->stats.heartbeat_mono;
}

snp_wall_t snp_snapshot_wall(const struct snp_snapshot *snap, snp_mono_t mono)
{
	const struct snp_snapshot_stats *s = &snap->stats;

	if (mono.ns == 0)
		return (snp_wall_t){0};
	return (snp_wall_t){s->heartbeat_wall.ns + (mono.ns - s->heartbeat_mono.ns)};
}

uint32_t snp_snapshot_rows_nr(const struct snp_snapshot *snap, unsigned kind)
{
	return kind < SNP_ROW_KINDS ? snap->rows_nr[kind] : 0;
}

const struct snp_row *snp_snapshot_row(const struct snp_snapshot *snap, unsigned kind,
				       uint32_t index)
{
	if (kind >= SNP_ROW_KINDS || index >= snap->rows_nr[kind] ||
	    !snap->rows[kind][index].present)
		return NULL;
	return &snap->rows[kind][index].pub;
}
