/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of an image: which are there, and what they say. Presence is settled for all of
 * them at once; names and process records are decoded when somebody asks, because who
 * only wants numbers of ten thousand rows should not pay for their texts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"
#include "reader_private.h"

#define ROW_FIELD(entry, field) snp__load(entry, offsetof(struct snp_fmt_row, field))

enum {
	DIGITS = 20, /* of a 64-bit number */
	PYTHON_BYTES = 16,
	NAME_ROOM = SNP_ROW_TEXT_BYTES + 1,
	/* "<pool>/<slot>#<incarnation>", slot, pid, Python version; each with its NUL
	 */
	WORKER_ROOM =
	    SNP_ROW_TEXT_BYTES + 2 + 10 + DIGITS + 1 + 11 + 11 + PYTHON_BYTES + 1,
};

/* Most bytes that the texts of a row can take. */
static size_t text_room(unsigned kind)
{
	switch (kind) {
	case SNP_ROW_POOL:
		return 2 * NAME_ROOM;
	case SNP_ROW_TOOL:
		return NAME_ROOM;
	case SNP_ROW_WORKER:
		return WORKER_ROOM;
	default:
		return 0;
	}
}

/* ---- texts --------------------------------------------------------------- */

/* A copy of NUL-padded text of at most `max` bytes; "" where it is not UTF-8. */
static const char *keep_text(struct snp__decoded *d, const void *bytes, size_t max)
{
	char *copy = d->text + d->text_used;
	size_t len = strnlen(bytes, max);

	if (len == 0 || !snp__utf8_ok(bytes, len))
		return "";
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	d->text_used += len + 1;
	return copy;
}

static char *put_number(char *to, uint64_t v)
{
	char digits[DIGITS];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n > 0)
		*to++ = digits[--n];
	return to;
}

static const char *keep_number(struct snp__decoded *d, uint64_t v)
{
	char *start = d->text + d->text_used, *end = put_number(start, v);

	*end++ = '\0';
	d->text_used += (size_t)(end - start);
	return start;
}

static const char *keep_worker_id(struct snp__decoded *d, const struct snp_row *row)
{
	char *start = d->text + d->text_used, *p = start;
	size_t len = strlen(row->pool_name);

	memcpy(p, row->pool_name, len);
	p += len;
	*p++ = '/';
	p = put_number(p, row->slot);
	*p++ = '#';
	p = put_number(p, row->incarnation);
	*p++ = '\0';
	d->text_used += (size_t)(p - start);
	return start;
}

/* ---- one row ------------------------------------------------------------- */

static const char *error_of(const struct snp_snapshot *snap, const unsigned char *entry,
			    uint32_t index)
{
	uint64_t at = snap->head.table[SNP_ROW_WORKER].text;

	if (at == 0)
		return "";
	/* In a copy of the live cells a long one is behind it (snap_layout.h). */
	if (snap->stats.tier == SNP_TIER_LIVE && !snp__word_ends(snp__load(entry, at)))
		return (const char *)snap->image + snap->head.length +
		       (size_t)index * SNP__SNAP_TEXT_BYTES;
	return (const char *)entry + at;
}

static void decode_process(const struct snp_snapshot *snap, const unsigned char *entry,
			   struct snp__row *row)
{
	const struct snp_fmt_snap_table *t = &snap->head.table[SNP_ROW_WORKER];
	struct snp__decoded *d = snap->decoded;
	struct snp_row *pub = &row->pub;
	uint64_t proc[SNP_LATCH_WORDS] = {0};
	const char *error = error_of(snap, entry, pub->index);
	size_t len;

	if (t->record)
		memcpy(proc, entry + t->record, sizeof(proc));
	pub->incarnation = proc[SNP_PROC_INCARNATION];
	pub->pid = (pid_t)proc[SNP_PROC_PID];
	pub->start_mono.ns = proc[SNP_PROC_START_MONO_NS];
	pub->start_wall.ns = proc[SNP_PROC_START_REAL_NS];
	pub->ready_mono.ns = proc[SNP_PROC_READY_MONO_NS];
	pub->last_exit_status = (unsigned)proc[SNP_PROC_LAST_EXIT_STATUS];
	if (proc[SNP_PROC_LAST_EXIT_REASON])
		pub->last_exit_reason = snp_segment_enum_text(
		    snap->seg, SNP_ENUM_TABLE_EXIT_REASON,
		    (uint32_t)(proc[SNP_PROC_LAST_EXIT_REASON] - 1));
	pub->python = keep_text(d, &proc[SNP_PROC_PYTHON], PYTHON_BYTES);
	pub->worker_id = keep_worker_id(d, pub);
	row->slot_text = keep_number(d, pub->slot);
	row->pid_text = keep_number(d, (uint32_t)proc[SNP_PROC_PID]);
	len = strnlen(error, SNP_TEXT_BYTES);
	if (len > 0 && len < SNP_TEXT_BYTES && snp__utf8_ok(error, len))
		pub->last_error = error;
}

static void decode_names(const struct snp_snapshot *snap, unsigned kind,
			 const unsigned char *entry, struct snp_row *pub)
{
	struct snp__decoded *d = snap->decoded;
	const struct snp_row *pool;

	if (kind != SNP_ROW_WORKER)
		pub->name = keep_text(d, entry + offsetof(struct snp_fmt_row, name),
				      SNP_ROW_TEXT_BYTES);
	if (kind == SNP_ROW_POOL) {
		pub->pool = pub->index;
		pub->pool_name = pub->name;
		pub->adapter = keep_text(d, entry + offsetof(struct snp_fmt_row, text),
					 SNP_ROW_TEXT_BYTES);
	} else {
		pub->pool = (uint32_t)ROW_FIELD(entry, parent);
		pool = snp_snapshot_row(snap, SNP_ROW_POOL, pub->pool);
		pub->pool_name = pool->name;
		pub->adapter = pool->adapter;
	}
}

void snp__row_decode(const struct snp_snapshot *snap, unsigned kind, uint32_t index)
{
	struct snp__row *row = &snap->decoded->rows[kind][index];
	const unsigned char *entry = snp__entry_of(snap, kind, index);
	struct snp_row *pub = &row->pub;

	snap->decoded->state[kind][index] = SNP__ROW_DECODED;
	*row = (struct snp__row){
	    .slot_text = "",
	    .pid_text = "",
	    .tool_text = "",
	    .pub = {.index = index,
		    .uid = ROW_FIELD(entry, uid),
		    .retire_reason = "",
		    .born_mono = {ROW_FIELD(entry, born_mono_ns)},
		    .name = "",
		    .pool_name = "",
		    .adapter = "",
		    .slot = (uint32_t)ROW_FIELD(entry, slot),
		    .worker_id = "",
		    .python = "",
		    .last_exit_reason = "",
		    .last_error = ""},
	};
	if (kind == SNP_ROW_PROC)
		return;
	if (ROW_FIELD(entry, gen) % 4 == SNP_GEN_TOMBSTONE) {
		pub->tombstone = true;
		pub->retired_mono.ns = ROW_FIELD(entry, retired_mono_ns);
		pub->retire_reason =
		    snp_segment_enum_text(snap->seg, SNP_ENUM_TABLE_RETIRE_REASON,
					  (uint32_t)ROW_FIELD(entry, retire_reason));
	}
	decode_names(snap, kind, entry, pub);
	if (kind == SNP_ROW_TOOL)
		row->tool_text = pub->name;
	if (kind == SNP_ROW_WORKER)
		decode_process(snap, entry, row);
}

uint32_t snp_snapshot_rows_nr(const struct snp_snapshot *snap, unsigned kind)
{
	return kind < SNP_ROW_KINDS ? snap->rows_nr[kind] : 0;
}

const struct snp_row *snp_snapshot_row(const struct snp_snapshot *snap, unsigned kind,
				       uint32_t index)
{
	if (kind >= SNP_ROW_KINDS || !snp__row_present(snap, kind, index))
		return NULL;
	return &snp__row_of(snap, kind, index)->pub;
}

static uint64_t process_number(const struct snp_snapshot *snap,
			       const unsigned char *entry)
{
	static const unsigned words[] = {SNP_PROC_INCARNATION, SNP_PROC_PID,
					 SNP_PROC_PYTHON, SNP_PROC_PYTHON + 1};
	const uint64_t spread = UINT64_C(0x9E3779B97F4A7C15);
	uint64_t number = 0;

	if (!snp__has_process(snap, entry))
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		number = (number ^ number >> 32 ^
			  snp__load(entry, snap->head.table[SNP_ROW_WORKER].record +
					       sizeof(uint64_t) * words[i])) *
			 spread;
	return number | 1;
}

bool snp_snapshot_row_life(const struct snp_snapshot *snap, unsigned kind,
			   uint32_t index, struct snp_row_life *ret_life)
{
	const unsigned char *entry;

	if (kind >= SNP_ROW_KINDS || !snp__row_present(snap, kind, index))
		return false;
	entry = snp__entry_of(snap, kind, index);
	*ret_life = (struct snp_row_life){
	    .uid = ROW_FIELD(entry, uid),
	    .tombstone =
		kind != SNP_ROW_PROC && ROW_FIELD(entry, gen) % 4 == SNP_GEN_TOMBSTONE,
	};
	if (kind == SNP_ROW_WORKER)
		ret_life->process = process_number(snap, entry);
	return true;
}

/* ---- all rows ------------------------------------------------------------ */

static void give_back(struct snp_snapshot *snap)
{
	struct snp__decoded *d = snap->decoded;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++) {
		snp__pages_give(d->rows[kind],
				snap->rows_max[kind] * sizeof(*d->rows[kind]));
		free(d->state[kind]);
		d->rows[kind] = NULL;
		d->state[kind] = NULL;
		snap->rows_max[kind] = 0;
	}
	free(d->text);
	free(d->counts);
	d->text = NULL;
	d->counts = NULL;
}

static int take_rows(struct snp_snapshot *snap, unsigned kind, uint32_t max)
{
	struct snp__decoded *d = snap->decoded;

	d->rows[kind] = snp__pages_take(max * sizeof(*d->rows[kind]), 0);
	if (!d->rows[kind])
		return -ENOMEM;
	snap->rows_max[kind] = max;
	d->state[kind] = calloc(max, sizeof(*d->state[kind]));
	return d->state[kind] ? 0 : -ENOMEM;
}

/* Room for the texts of as many rows as there is room for. */
static int take_shared(struct snp_snapshot *snap)
{
	struct snp__decoded *d = snap->decoded;
	size_t room = 1;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		room += snap->rows_max[kind] * text_room(kind);
	d->text = malloc(room);
	d->counts = calloc(snap->rows_max[SNP_ROW_POOL],
			   sizeof(*d->counts) * SNP_WORKER_STATUS_NR);
	return d->text && d->counts ? 0 : -ENOMEM;
}

/* Room for the rows of the image, and some more where they have become more. */
static int reserve(struct snp_snapshot *snap)
{
	uint32_t max[SNP_ROW_KINDS];
	bool enough = true;
	int rc = 0;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++) {
		uint32_t nr = (uint32_t)snap->head.table[kind].count;

		max[kind] = snap->rows_max[kind];
		if (nr >= max[kind]) {
			max[kind] = nr + (max[kind] ? nr / 4 : 0) + 1;
			enough = false;
		}
	}
	if (enough)
		return 0;
	give_back(snap);
	for (unsigned kind = 0; kind < SNP_ROW_KINDS && rc == 0; kind++)
		rc = take_rows(snap, kind, max[kind]);
	if (rc == 0)
		rc = take_shared(snap);
	if (rc < 0)
		give_back(snap); /* next time all anew */
	return rc;
}

/* Pools come first, so a row's pool is known here. One that is not there (declared
 * after we looked, or skipped, or damage) costs this row alone: the next look has it.
 */
static bool has_pool(const struct snp_snapshot *snap, unsigned kind,
		     const unsigned char *entry)
{
	uint64_t parent = ROW_FIELD(entry, parent);

	return kind <= SNP_ROW_POOL ||
	       (parent < snap->rows_nr[SNP_ROW_POOL] &&
		snap->decoded->state[SNP_ROW_POOL][parent] != SNP__ROW_ABSENT);
}

static void settle(struct snp_snapshot *snap, unsigned kind)
{
	const struct snp_fmt_snap_table *t = &snap->head.table[kind];
	uint8_t *state = snap->decoded->state[kind];
	const unsigned char *entry;

	snap->rows_nr[kind] = (uint32_t)t->count;
	if (t->count == 0)
		return; /* then nothing has been checked that its table says */
	entry = snap->image + t->off;
	for (uint64_t i = 0; i < t->count; i++, entry += t->stride) {
		uint64_t gen = ROW_FIELD(entry, gen) % 4;

		state[i] = SNP__ROW_ABSENT;
		if (gen == SNP_GEN_FREE || gen == SNP_GEN_RECYCLING)
			continue;
		if (has_pool(snap, kind, entry))
			state[i] = SNP__ROW_PRESENT;
		else
			snap->stats.rows_skipped++;
	}
}

int snp__rows_prepare(struct snp_snapshot *snap)
{
	int rc = reserve(snap);

	if (rc < 0)
		return rc;
	snap->decoded->text_used = 0;
	snap->decoded->counted_by = NULL;
	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		settle(snap, kind);
	return 0;
}

void snp__rows_fini(struct snp_snapshot *snap)
{
	give_back(snap);
	free(snap->decoded);
}
