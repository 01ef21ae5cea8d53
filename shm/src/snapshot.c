/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: an image of every row with its values, gathered from the live cells or
 * copied from the half of SNAP that the writer finished last. Nothing here waits for
 * the writer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "pages.h"
#include "reader_private.h"

#define SNAP_TRIES 4

/* ---- the image ----------------------------------------------------------- */

static void release(struct snp_snapshot *snap)
{
	snp__pages_give(snap->image, snap->image_bytes);
	snap->image = NULL;
	snap->image_bytes = 0;
}

/* `bytes` for the image, and as many behind it as long texts may take. */
static int reserve(struct snp_snapshot *snap, uint64_t bytes, uint64_t texts)
{
	if (bytes + texts <= snap->image_bytes)
		return 0;
	if (snap->image) { /* it grows: not for each row anew */
		bytes += bytes / 4;
		texts += texts / 4;
	}
	release(snap);
	snap->image = snp__pages_take(bytes, texts);
	if (!snap->image)
		return -ENOMEM;
	snap->image_bytes = bytes + texts;
	return 0;
}

static int fill_live(struct snp_snapshot *snap, struct snp_err *err)
{
	const struct snp_segment *seg = snap->seg;
	const struct snp__source source = {.map = seg->map,
					   .regions = seg->dir,
					   .regions_nr = seg->dir_nr,
					   .image = SNP__IMAGE_OWN};
	const struct snp_fmt_snap before = snap->head;
	const unsigned char *image = snap->image;
	int rc = snp__gather_plan(&source, &snap->head);

	if (rc < 0)
		return snp_err_set_field(err, rc, "rows",
					 "%s is damaged: row_high is more than it has",
					 seg->info.path);
	rc = reserve(snap, snap->head.length,
		     snap->head.table[SNP_ROW_WORKER].count * SNP__SNAP_TEXT_BYTES);
	if (rc < 0)
		return rc;
	/* What snp__gather() asks for; new pages are zero. */
	if (image == snap->image &&
	    (!snap->gathered ||
	     memcmp(before.table, snap->head.table, sizeof(before.table)) != 0))
		memset(snap->image, 0, snap->head.length);
	snap->gathered = true;
	snp__gather(&source, &snap->head, snap->image, &snap->stats.retries);
	return 0;
}

/* ---- SNAP ---------------------------------------------------------------- */

/* A part of an entry: there exactly where it must be, and inside. */
static bool part_ok(const struct snp_fmt_snap_table *t, uint64_t at, uint64_t bytes)
{
	if (bytes == 0)
		return at == 0;
	return at % 8 == 0 && at >= sizeof(struct snp_fmt_row) && at <= t->stride &&
	       bytes <= t->stride - at;
}

static bool table_ok(const struct snp_segment *seg, unsigned kind,
		     const struct snp_fmt_snap *head)
{
	const struct snp_fmt_snap_table *t = &head->table[kind];
	const struct snp__regions *all = &seg->regions;
	const struct snp_fmt_region *rowc = &all->rowc[kind];
	const uint64_t latch = sizeof(struct snp_fmt_latch);
	uint64_t rows = kind == SNP_ROW_PROC ? 1 : all->rowd[kind].count;

	if (t->count == 0)
		return kind != SNP_ROW_PROC;
	if (t->count > rows || t->off % 8 || t->off < sizeof(*head) ||
	    t->off > head->length || t->stride % 8 ||
	    t->stride < sizeof(struct snp_fmt_row) ||
	    t->count > (head->length - t->off) / t->stride)
		return false;
	return part_ok(t, t->record, rowc->type ? 8 * SNP_LATCH_WORDS : 0) &&
	       part_ok(t, t->text, all->text[kind].type ? SNP_TEXT_BYTES : 0) &&
	       part_ok(t, t->cells, rowc->type ? rowc->stride - latch : 0) &&
	       part_ok(t, t->sums, all->bank[kind].type ? all->bank[kind].stride : 0) &&
	       part_ok(t, t->ledger, all->ledg[kind].type ? 8 * SNP_LATCH_WORDS : 0);
}

/* Copy half `seq`; whether it is whole and leads nowhere outside. -ENOMEM. */
static int copy_half(struct snp_snapshot *snap, uint64_t seq, bool *ret_whole)
{
	const struct snp_segment *seg = snap->seg;
	const struct snp_fmt_region *r = &seg->regions.snap;
	uint64_t off = r->off + (seq & 1) * r->outer_stride;
	struct snp_fmt_snap *head = &snap->head;

	*ret_whole = false;
	snap->gathered = false;
	snp__copy_words(seg->map, off, (uint64_t *)(void *)head, sizeof(*head) / 8);
	if (head->seq != seq || head->length % 8 || head->length < sizeof(*head) ||
	    head->length > r->len)
		return 0;
	if (reserve(snap, head->length, 0) < 0)
		return -ENOMEM;
	snp__copy_words(seg->map, off, (uint64_t *)(void *)snap->image,
			head->length / 8);
	/* The header once more, from the copy that the checksum covers. */
	memcpy(head, snap->image, sizeof(*head));
	*ret_whole = head->seq == seq &&
		     head->crc == snp__crc32c(snap->image + sizeof(head->crc),
					      head->length - sizeof(head->crc));
	return 0;
}

static int fill_snap(struct snp_snapshot *snap, struct snp_err *err)
{
	const struct snp_segment *seg = snap->seg;
	const uint64_t seq_off = offsetof(struct snp_fmt_header, snap_seq);
	bool whole = false;
	int rc;

	for (int i = 0; i < SNAP_TRIES && !whole; i++) {
		/* Acquire: the half. Partner: snp_writer_snap(). */
		uint64_t seq = snp__word_acquire(seg, seq_off);

		if (!seg->regions.snap.type || seq == 0)
			return snp_err_set_field(
			    err, -EAGAIN, "snap",
			    "%s has no SNAP yet; try again, or read the live tier",
			    seg->info.path);
		rc = copy_half(snap, seq, &whole);
		if (rc < 0)
			return rc;
		snap->stats.retries += !whole;
	}
	for (unsigned kind = 0; kind < SNP_ROW_KINDS && whole; kind++)
		whole = table_ok(seg, kind, &snap->head);
	if (!whole)
		return snp_err_set_field(err, -EBADMSG, "snap",
					 "%s is damaged: no whole SNAP in %d tries",
					 seg->info.path, SNAP_TRIES);
	snap->stats.begin.ns = snap->head.begin_mono_ns;
	snap->stats.end.ns = snap->head.end_mono_ns;
	return 0;
}

/* ---- what is not in the image -------------------------------------------- */

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

	/* Without the pair no time can be converted, so nothing stands in for it. */
	if (snp__latch_copy(snap->seg, shape, words, &snap->stats.retries) < 0 ||
	    words[CRC] != snp__crc32c(words, CRC * sizeof(words[0])))
		return snp_err_set_field(err, -EBADMSG, "heartbeat",
					 "%s is damaged: heartbeat crc",
					 snap->seg->info.path);
	snap->stats.heartbeat_seq = words[0];
	snap->stats.heartbeat_mono.ns = words[1];
	snap->stats.heartbeat_wall.ns = words[2];
	return 0;
}

static uint64_t meter(const struct snp_snapshot *snap, size_t header_offset)
{
	return snap->head.meters[(header_offset - SNP_FMT_METERS_OFF) / 8];
}

static void copy_meters(struct snp_snapshot *snap)
{
	const struct snp_segment *seg = snap->seg;
	struct snp_snapshot_stats *s = &snap->stats;

	/* Acquire: the reason is stored before CLOSED. */
	s->state = snp__word_acquire(seg, offsetof(struct snp_fmt_header, state));
	s->stop_reason =
	    (unsigned)snp__word(seg, offsetof(struct snp_fmt_header, stop_reason));
	s->rows_dropped = meter(snap, offsetof(struct snp_fmt_header, rows_dropped));
	s->banks_exhausted =
	    meter(snap, offsetof(struct snp_fmt_header, banks_exhausted));
	s->text_truncated =
	    meter(snap, offsetof(struct snp_fmt_header, text_truncated));
	s->rows_skipped += snap->head.rows_unsettled;
}

/* ---- public -------------------------------------------------------------- */

static int snapshot_fill(struct snp_snapshot *snap, struct snp_err *err)
{
	int rc = copy_heartbeat(snap, err);

	if (rc == 0)
		rc = snap->stats.tier == SNP_TIER_SNAP ? fill_snap(snap, err)
						       : fill_live(snap, err);
	if (rc == 0)
		rc = snp__rows_prepare(snap);
	if (rc == 0)
		copy_meters(snap);
	return rc;
}

static struct snp_snapshot *snapshot_create(const struct snp_segment *seg)
{
	struct snp_snapshot *snap = calloc(1, sizeof(*snap));

	if (!snap)
		return NULL;
	snap->seg = seg;
	snap->decoded = calloc(1, sizeof(*snap->decoded));
	if (!snap->decoded) {
		free(snap);
		return NULL;
	}
	return snap;
}

int snp_segment_snapshot_from(struct snp_segment *seg, enum snp_tier tier,
			      struct snp_snapshot **snap, struct snp_err *err)
{
	struct snp_snapshot *s = *snap;
	int rc, whole;

	if (!s)
		s = *snap = snapshot_create(seg);
	if (!s)
		return snp_err_set(err, -ENOMEM, "out of memory for a snapshot");
	memset(s->rows_nr, 0, sizeof(s->rows_nr));
	s->stats = (struct snp_snapshot_stats){.tier = tier, .begin = snp_mono_now()};
	rc = snapshot_fill(s, err);
	if (tier == SNP_TIER_LIVE)
		s->stats.end = snp_mono_now();
	whole = snp__segment_check_whole(seg, seg->info.path, err);
	rc = whole < 0 ? whole : rc;
	if (rc < 0)
		memset(s->rows_nr, 0, sizeof(s->rows_nr));
	if (rc == -ENOMEM)
		return snp_err_set(err, rc, "out of memory for a snapshot");
	return rc;
}

int snp_segment_snapshot(struct snp_segment *seg, struct snp_snapshot **snap,
			 struct snp_err *err)
{
	return snp_segment_snapshot_from(seg, SNP_TIER_LIVE, snap, err);
}

void snp_snapshot_destroy(struct snp_snapshot **snap)
{
	struct snp_snapshot *s = *snap;

	*snap = NULL;
	if (!s)
		return;
	snp__rows_fini(s);
	release(s);
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
