/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row protocol (shm/format/segment.md): load gen (acquire); free or recycling rows are
 * skipped; copy; acquire fence; load gen again; equal: the copy is of one life of the
 * row. Otherwise try again, a few times, then leave the row out and count it. Pools
 * come first and are looked at once more at the end: workers and tools go by their
 * names.
 */
#include "gather.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "snakepit/time.h"

#include "words.h"

#define ROW_TRIES   4
#define LATCH_TRIES 1000

enum {
	ROW_WORDS = sizeof(struct snp_fmt_row) / 8,
	LATCH_BYTES = sizeof(struct snp_fmt_latch),
};

/* Where the parts of one kind's rows come from; NULL where there is none. */
struct kind {
	const unsigned char *map;
	const struct snp_fmt_region *rowd, *rowc, *text, *bank, *ledg;
	const struct snp_fmt_snap_table *table;
	uint64_t banks;		   /* in use */
	uint64_t row_words;	   /* of a ROWD entry */
	uint64_t used;		   /* words of the bits before the sums; 0 = none */
	unsigned char *long_texts; /* NULL: they are in the entries too */
};

static const struct snp_fmt_region *find(const struct snp__source *source,
					 uint32_t type, uint32_t kind)
{
	for (size_t i = 0; i < source->regions_nr; i++)
		if (source->regions[i].type == type && source->regions[i].kind == kind)
			return &source->regions[i];
	return NULL;
}

/* ---- parts of a row ------------------------------------------------------ */

/* Most rows have no text: of 63 words one is copied. */
static void copy_text(const unsigned char *base, uint64_t off, uint64_t *ret_words,
		      uint64_t nr)
{
	const uint64_t *from = snp__words_at(base, off);
	uint64_t word = UINT64_MAX;

	for (uint64_t i = 0; i < nr && !snp__word_ends(word); i++) {
		word = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
		__atomic_store_n(&ret_words[i], word, __ATOMIC_RELAXED);
	}
}

int snp__latch_load(const unsigned char *base, struct snp__latch_shape shape,
		    uint64_t *ret_words, unsigned *retries)
{
	uint64_t copies = shape.off + 8 * (uint64_t)shape.first;

	for (int i = 0; i < LATCH_TRIES; i++) {
		/* Acquire: the copy that seq selects. Partner: snp_latch_publish(). */
		uint64_t seq = snp__load_acquire(base, shape.off);
		uint64_t copy = copies + (seq & 1) * 8 * shape.words;

		if (shape.text)
			copy_text(base, copy, ret_words, shape.words);
		else
			snp__copy_words(base, copy, ret_words, shape.words);
		atomic_thread_fence(memory_order_acquire);
		if (snp__load(base, shape.off) == seq)
			return 0;
		(*retries)++;
	}
	return -EAGAIN;
}

/* That of a row, with which its entry of the region (ROWC or LEDG) starts. */
static int copy_record(const unsigned char *map, const struct snp_fmt_region *region,
		       uint64_t index, uint64_t *ret_words, unsigned *retries)
{
	const struct snp__latch_shape shape = {
	    .off = region->off + index * region->stride,
	    .first = offsetof(struct snp_fmt_latch, copy) / 8,
	    .words = SNP_LATCH_WORDS,
	};

	return snp__latch_load(map, shape, ret_words, retries);
}

/* "" where TEXT has fewer entries than there are rows. */
static int copy_error(const struct kind *k, uint64_t index, uint64_t *ret_words,
		      unsigned *retries)
{
	const struct snp__latch_shape shape = {
	    .off = k->text->off + index * k->text->stride,
	    .first = offsetof(struct snp_fmt_text, copy) / 8,
	    .words = SNP_TEXT_WORDS,
	    .text = true,
	};
	uint64_t words[SNP_TEXT_WORDS];
	int rc;

	__atomic_store_n(ret_words, 0, __ATOMIC_RELAXED);
	if (index >= k->text->count)
		return 0;
	if (!k->long_texts)
		return snp__latch_load(k->map, shape, ret_words, retries);
	rc = snp__latch_load(k->map, shape, words, retries);
	if (rc < 0)
		return rc;
	*ret_words = words[0];
	if (!snp__word_ends(words[0]))
		memcpy(k->long_texts + index * SNP__SNAP_TEXT_BYTES, words,
		       sizeof(words));
	return 0;
}

/* A line in registers. From the last word to the first, each with acquire: a
 * histogram's sum stands behind its buckets and is published after them, so a sum
 * counted here has its bucket counted too. */
struct line {
	uint64_t w0, w1, w2, w3, w4, w5, w6, w7;
};
static_assert(sizeof(struct line) == SNP__LINE_BYTES, "a line");

#define EACH_WORD_FROM_LAST(X) X(7) X(6) X(5) X(4) X(3) X(2) X(1) X(0)

/* That of a row in all banks in use, added up. */
static inline struct line sum_line(const struct kind *k, const unsigned char *at)
{
	struct line line = {0};

#define LOAD(i) line.w##i = snp__load_acquire(at, sizeof(uint64_t) * (i));
#define ADD(i)	line.w##i += snp__load_acquire(at, sizeof(uint64_t) * (i));
	if (k->banks == 0)
		return line;
	EACH_WORD_FROM_LAST(LOAD)
	for (uint64_t bank = 1; bank < k->banks; bank++) {
		at += k->bank->outer_stride;
		EACH_WORD_FROM_LAST(ADD)
	}
#undef ADD
#undef LOAD
	return line;
}

static inline bool any_in_line(const struct line *line)
{
	uint64_t any = 0;

#define ANY(i) any |= line->w##i;
	EACH_WORD_FROM_LAST(ANY)
#undef ANY
	return any != 0;
}

static inline void put_line(uint64_t *ret_words, const struct line *line)
{
#define PUT(i) __atomic_store_n(&ret_words[i], line->w##i, __ATOMIC_RELAXED);
	EACH_WORD_FROM_LAST(PUT)
#undef PUT
}

/* The last words of an entry, where it does not end with a line. */
static void sum_rest(const struct kind *k, const unsigned char *at, uint64_t *ret_words,
		     unsigned nr)
{
	uint64_t sum;

	for (unsigned i = nr; i-- > 0;) {
		sum = 0;
		for (uint64_t bank = 0; bank < k->banks; bank++)
			sum += snp__load_acquire(at, bank * k->bank->outer_stride +
							 sizeof(uint64_t) * i);
		__atomic_store_n(&ret_words[i], sum, __ATOMIC_RELAXED);
	}
}

/* At most 64 lines. Those that were zero and are need not be written: `was` has a bit
 * for each of the others. Returns the bits of those that are other than zero now. The
 * processor sees lines coming that are asked for upwards: so are those of the next row.
 */
static uint64_t sum_lines(const struct kind *k, const unsigned char *at,
			  uint64_t *ret_words, unsigned lines, uint64_t was)
{
	const unsigned char *ahead = at + k->bank->stride;
	uint64_t now = 0;
	struct line line;
	bool any;

	while (lines-- > 0) {
		line = sum_line(k, at + lines * SNP__LINE_BYTES);
		any = any_in_line(&line);
		now = now << 1 | any;
		if (any || was >> lines & 1)
			put_line(ret_words + lines * SNP__LINE_WORDS, &line);
		__builtin_prefetch(ahead);
		ahead += SNP__LINE_BYTES;
	}
	return now;
}

/* The row's entry of all banks, added up. `used`: the bits of the lines
 * (snap_layout.h), or NULL. */
static void sum_banks(const struct kind *k, uint64_t index, uint64_t *ret_words,
		      uint64_t *used)
{
	const unsigned char *entry = k->map + k->bank->off + index * k->bank->stride;
	uint64_t lines = k->bank->stride / SNP__LINE_BYTES, end, first, now;
	unsigned rest = (unsigned)(k->bank->stride / 8 % SNP__LINE_WORDS);

	if (rest > 0)
		sum_rest(k, entry + lines * SNP__LINE_BYTES,
			 ret_words + lines * SNP__LINE_WORDS, rest);
	for (end = lines; end > 0; end = first) {
		first = (end - 1) / 64 * 64;
		now = sum_lines(k, entry + first * SNP__LINE_BYTES,
				ret_words + first * SNP__LINE_WORDS,
				(unsigned)(end - first),
				used ? used[first / 64] : UINT64_MAX);
		if (used)
			used[first / 64] = now;
	}
	if (rest > 0 && used)
		used[lines / 64] |= UINT64_C(1) << lines % 64;
}

static int copy_values(const struct kind *k, uint64_t index, uint64_t *entry,
		       unsigned *retries)
{
	const struct snp_fmt_snap_table *t = k->table;
	int rc = 0;

	if (k->rowc && t->record)
		rc =
		    copy_record(k->map, k->rowc, index, entry + t->record / 8, retries);
	if (rc == 0 && k->ledg && t->ledger)
		rc =
		    copy_record(k->map, k->ledg, index, entry + t->ledger / 8, retries);
	if (rc == 0 && k->text && t->text)
		rc = copy_error(k, index, entry + t->text / 8, retries);
	if (rc == 0 && k->rowc && t->cells)
		snp__copy_words(
		    k->map, k->rowc->off + index * k->rowc->stride + LATCH_BYTES,
		    entry + t->cells / 8, (k->rowc->stride - LATCH_BYTES) / 8);
	if (rc == 0 && k->bank)
		sum_banks(k, index, entry + t->sums / 8,
			  k->used ? entry + t->sums / 8 - k->used : NULL);
	return rc;
}

/* ---- rows ---------------------------------------------------------------- */

/* False when the row would not settle. */
static bool gather_row(const struct kind *k, uint64_t index, uint64_t *entry,
		       unsigned *retries)
{
	uint64_t off = k->rowd->off + index * k->rowd->stride;

	for (int i = 0; i < ROW_TRIES; i++) {
		/* Acquire: the row's words and values. Partner: snp_row_declare(). */
		uint64_t gen = snp__load_acquire(k->map, off);

		if (gen % 4 == SNP_GEN_FREE || gen % 4 == SNP_GEN_RECYCLING) {
			__atomic_store_n(entry, 0, __ATOMIC_RELAXED);
			return true;
		}
		snp__copy_words(k->map, off + 8, entry + 1, k->row_words - 1);
		if (copy_values(k, index, entry, retries) < 0)
			continue;
		atomic_thread_fence(memory_order_acquire);
		if (snp__load(k->map, off) == gen) {
			__atomic_store_n(entry, gen, __ATOMIC_RELAXED);
			return true;
		}
		(*retries)++;
	}
	__atomic_store_n(entry, 0, __ATOMIC_RELAXED);
	return false;
}

/* The one row without a directory. */
static bool gather_process(const struct kind *k, uint64_t *entry, unsigned *retries)
{
	int rc = copy_values(k, 0, entry, retries);

	for (unsigned i = 1; i < ROW_WORDS; i++)
		__atomic_store_n(&entry[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(entry, rc < 0 ? SNP_GEN_FREE : SNP_GEN_LIVE, __ATOMIC_RELAXED);
	return rc == 0;
}

/* ---- the whole image ----------------------------------------------------- */

int snp__gather_plan(const struct snp__source *source, struct snp_fmt_snap *ret_head)
{
	struct snp_fmt_snap head = {.begin_mono_ns = snp_mono_now().ns};
	uint64_t rows[SNP_ROW_KINDS] = {[SNP_ROW_PROC] = 1};

	/* Acquire: what changed before it. Partner: the writer's struct_changed(). */
	head.struct_gen =
	    snp__load_acquire(source->map, offsetof(struct snp_fmt_header, struct_gen));
	for (uint32_t kind = SNP_ROW_PROC + 1; kind < SNP_ROW_KINDS; kind++) {
		const struct snp_fmt_region *rowd = find(source, SNP_REGION_ROWD, kind);

		if (!rowd)
			continue;
		/* Acquire: the rows below the watermark. Partner: snp_row_declare(). */
		rows[kind] = snp__load_acquire(
		    source->map,
		    offsetof(struct snp_fmt_header, row_high) + 8 * (uint64_t)kind);
		if (rows[kind] > rowd->count)
			return -EBADMSG;
	}
	head.length = snp__snap_tables(source->image, source->regions,
				       source->regions_nr, rows, head.table);
	*ret_head = head;
	return 0;
}

static void gather_kind(const struct kind *k, struct snp_fmt_snap *head,
			unsigned char *image, unsigned *retries)
{
	unsigned char *entry = image + k->table->off;

	for (uint64_t i = 0; i < k->table->count; i++) {
		uint64_t *words = (uint64_t *)(void *)entry;
		bool settled = k->rowd ? gather_row(k, i, words, retries)
				       : gather_process(k, words, retries);

		head->rows_unsettled += !settled;
		entry += k->table->stride;
	}
}

/* A pool whose row has got another life since it was copied would lend its name to the
 * rows of the new one: it goes, and they with it. Those were declared after that pool,
 * so who has copied one (acquire) finds its pool's new generation here. */
static void drop_replaced_pools(const struct snp__source *source,
				struct snp_fmt_snap *head, unsigned char *image)
{
	const struct snp_fmt_region *rowd = find(source, SNP_REGION_ROWD, SNP_ROW_POOL);
	const struct snp_fmt_snap_table *t = &head->table[SNP_ROW_POOL];

	for (uint64_t i = 0; i < t->count; i++) {
		uint64_t *entry = (uint64_t *)(void *)(image + t->off + i * t->stride);
		uint64_t gen = snp__load(source->map, rowd->off + i * rowd->stride);

		if (*entry == SNP_GEN_FREE || gen / 4 == *entry / 4)
			continue;
		__atomic_store_n(entry, SNP_GEN_FREE, __ATOMIC_RELAXED);
		head->rows_unsettled++;
	}
}

void snp__gather(const struct snp__source *source, struct snp_fmt_snap *head,
		 unsigned char *image, unsigned *retries)
{
	uint64_t banks =
	    snp__load_acquire(source->map, offsetof(struct snp_fmt_header, bank_high));

	snp__copy_words(source->map, SNP_FMT_METERS_OFF, head->meters, SNP_FMT_METERS);
	for (uint32_t kind = 0; kind < SNP_ROW_KINDS; kind++) {
		struct kind k = {
		    .map = source->map,
		    .rowc = find(source, SNP_REGION_ROWC, kind),
		    .text = find(source, SNP_REGION_TEXT, kind),
		    .bank = find(source, SNP_REGION_BANK, kind),
		    .ledg = find(source, SNP_REGION_LEDG, kind),
		    .table = &head->table[kind],
		    .row_words = snp__image_row_bytes(source->image, kind) / 8,
		};

		if (kind != SNP_ROW_PROC)
			k.rowd = find(source, SNP_REGION_ROWD, kind);
		if (source->image == SNP__IMAGE_OWN)
			k.long_texts = image + head->length;
		if (k.bank && source->image == SNP__IMAGE_OWN)
			k.used = snp__used_words(k.bank->stride);
		if (k.bank)
			k.banks =
			    banks < k.bank->outer_count ? banks : k.bank->outer_count;
		gather_kind(&k, head, image, retries);
	}
	drop_replaced_pools(source, head, image);
	head->end_mono_ns = snp_mono_now().ns;
	head->real_ns = snp_wall_now().ns;
}
