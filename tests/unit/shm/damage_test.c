/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that are damaged behind good checksums: watermarks, descriptors, strings,
 * tables and rows. Schema damage refuses the file and names the field; damage in a row
 * costs that row; nothing crashes a reader. Run under ASan and UBSan to mean anything.
 */
#include "segment_expect.h"

/* ---- damage behind good checksums: watermarks ---------------------------- */

static void watermarks_beyond_their_region_are_noticed(void **state)
{
	struct lab *lab = *state;
	const struct snp_fmt_region *desc = lab_region(lab, SNP_REGION_DESC, 0);
	const struct snp_fmt_region *strt = lab_region(lab, SNP_REGION_STRT, 0);
	const uint64_t beyond[] = {1, 2, UINT32_MAX, UINT64_MAX / 2};
	struct snp_fmt_header *h = lab_header(lab);
	struct snp_err err = {0};

	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		snp_set(&h->desc_used, desc->count + beyond[i]);
		expect(lab, -EBADMSG, "descriptors", "desc_used");
		snp_set(&h->strt_used, strt->len + beyond[i]);
		expect(lab, -EBADMSG, "strings", "strt_used");
		for (unsigned kind = SNP_ROW_POOL; kind < SNP_ROW_KINDS; kind++) {
			snp_set(&h->row_high[kind],
				lab_region(lab, SNP_REGION_ROWD, kind)->count +
				    beyond[i]);
			assert_int_equal(lab_probe(lab, &err), -EBADMSG);
			assert_non_null(strstr(err.msg, "row_high"));
			assert_string_equal(err.field, "rows");
			lab_restore(lab);
		}
		/* Readers add up the banks there are, whatever bank_high says. */
		snp_set(&h->bank_high, 2 + beyond[i]);
		assert_int_equal(probe_and_restore(lab), 0);
	}
	snp_set(&h->strt_used, 0); /* every reference leads nowhere now */
	expect(lab, -EBADMSG, "enums", "label");
}

/* ---- damage behind good checksums: descriptors and what they refer to ---- */

/* One descriptor of each storage and kind: their checks differ. */
static unsigned sample_descriptors(struct lab *lab, uint32_t ret_ids[32])
{
	unsigned nr = 0;
	uint64_t used = snp_get(&lab_header(lab)->desc_used);

	for (uint32_t id = 1; id <= used && nr < 32; id++) {
		const struct snp_fmt_desc *d = lab_desc(lab, id);
		bool known = false;

		for (unsigned i = 0; i < nr; i++)
			known |= lab_desc(lab, ret_ids[i])->kind == d->kind &&
				 lab_desc(lab, ret_ids[i])->storage == d->storage;
		if (!known)
			ret_ids[nr++] = id;
	}
	assert_true(nr >= 8);
	return nr;
}

static void attach_any_wrong_descriptor_byte_never_crashes(void **state)
{
	static const uint8_t values[] = {0, 1, 2,    3,	   4,	 5,   6,
					 7, 8, 0x7f, 0x80, 0xfe, 0xff};
	struct lab *lab = *state;
	uint32_t ids[32];
	unsigned nr = sample_descriptors(lab, ids);

	for (unsigned i = 0; i < nr; i++)
		for (size_t b = 0; b < sizeof(struct snp_fmt_desc); b++)
			for (size_t v = 0; v < sizeof(values); v++) {
				((uint8_t *)lab_desc(lab, ids[i]))[b] = values[v];
				(void)probe_and_restore(lab);
			}
}

static void attach_any_wrong_descriptor_word_never_crashes(void **state)
{
	static const uint32_t values[] = {UINT32_MAX, UINT32_MAX - 7, 0x80000000,
					  0x7ffffff8, 0x1fffffff,     0x20000000,
					  4096,	      65528};
	struct lab *lab = *state;
	uint32_t ids[32];
	unsigned nr = sample_descriptors(lab, ids);

	for (unsigned i = 0; i < nr; i++)
		for (size_t w = 0; w < sizeof(struct snp_fmt_desc) / 4; w++)
			for (size_t v = 0; v < sizeof(values) / sizeof(values[0]);
			     v++) {
				((uint32_t *)(void *)lab_desc(lab, ids[i]))[w] =
				    values[v];
				(void)probe_and_restore(lab);
			}
}

static uint32_t first_of(struct lab *lab, unsigned kind, unsigned storage)
{
	uint64_t used = snp_get(&lab_header(lab)->desc_used);

	for (uint32_t id = 1; id <= used; id++)
		if (lab_desc(lab, id)->kind == kind &&
		    lab_desc(lab, id)->storage == storage)
			return id;
	fail_msg("no metric of kind %u and storage %u", kind, storage);
	return 0;
}

static void attach_cell_past_its_row_returns_ebadmsg(void **state)
{
	static const struct {
		unsigned kind, storage, region;
	} cases[] = {
	    {SNP_KIND_COUNTER, SNP_ST_BANK, SNP_REGION_BANK},
	    {SNP_KIND_HISTOGRAM, SNP_ST_BANK, SNP_REGION_BANK},
	    {SNP_KIND_GAUGE, SNP_ST_ROW, SNP_REGION_ROWC},
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t id = first_of(lab, cases[i].kind, cases[i].storage);
		struct snp_fmt_desc *d = lab_desc(lab, id);
		uint64_t room = lab_region(lab, cases[i].region, d->row_kind)->stride;
		uint64_t cell =
		    d->kind == SNP_KIND_HISTOGRAM ? 8 * (d->nbuckets + 3u) : 8;
		char text[48];

		(void)snprintf(text, sizeof(text), "descriptors, entry %u: ", id);
		d->off = (uint32_t)(room - cell + 8);
		expect(lab, -EBADMSG, "descriptors", text);
		d->off = (uint32_t)(room - cell); /* the last place there is */
		assert_int_equal(probe_and_restore(lab), 0);
		d->off += 4;
		expect(lab, -EBADMSG, "descriptors", text);
		d->off = UINT32_MAX - 7;
		expect(lab, -EBADMSG, "descriptors", text);
		d->stride = (uint32_t)(cell - 8);
		expect(lab, -EBADMSG, "descriptors", text);
		d->count = 0;
		expect(lab, -EBADMSG, "descriptors", text);
		d->count = UINT32_MAX;
		expect(lab, -EBADMSG, "descriptors", text);
	}
}

/* A histogram without words would be a NULL in every exporter's hand. */
static void attach_histogram_without_cells_returns_ebadmsg(void **state)
{
	static const uint8_t storages[] = {SNP_ST_HEADER, SNP_ST_DERIVED, SNP_ST_ONE};
	struct lab *lab = *state;
	uint32_t id = first_of(lab, SNP_KIND_HISTOGRAM, SNP_ST_BANK);

	while (lab_desc(lab, id)->kind != SNP_KIND_HISTOGRAM ||
	       lab_desc(lab, id)->row_kind != SNP_ROW_POOL)
		id++;
	for (size_t i = 0; i < sizeof(storages); i++) {
		struct snp_fmt_desc *d = lab_desc(lab, id);

		d->storage = storages[i];
		d->off = 0;
		d->derive = SNP_DERIVE_WORKERS_BY_STATUS;
		d->derive_a = d->derive_b = sizeof(struct snp_fmt_latch);
		expect(lab, -EBADMSG, "descriptors",
		       storages[i] == SNP_ST_HEADER ? "off" : "storage");
	}
}

/* Found by review: offsets that only derived metrics have checked were believed of
 * others. */
static void snapshot_stray_derive_rule_is_not_followed(void **state)
{
	struct lab *lab = *state;
	struct snp_fmt_desc *d = lab_desc(lab, 1);
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};

	d->derive = SNP_DERIVE_WORKERS_BY_STATUS;
	d->derive_a = d->derive_b = 0xFFFFFFF8;
	assert_int_equal(snp_segment_attach(lab->path, &seg, &err), 0);
	assert_int_equal(snp_segment_snapshot(seg, &snap, &err), 0);
	for (uint32_t i = 0; i < snp_snapshot_rows_nr(snap, SNP_ROW_WORKER); i++)
		assert_true(snp_snapshot_worker_status(snap, i) < SNP_WORKER_STATUS_NR);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

static void attach_histogram_of_impossible_shape_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	struct snp_fmt_desc *d =
	    lab_desc(lab, first_of(lab, SNP_KIND_HISTOGRAM, SNP_ST_BANK));

	d->nbuckets = 0;
	expect(lab, -EBADMSG, "descriptors", "nbuckets");
	d->scale = 9;
	expect(lab, -EBADMSG, "descriptors", "scale");
	d->scale = -5;
	expect(lab, -EBADMSG, "descriptors", "scale");
	d->idx_min = 16385;
	expect(lab, -EBADMSG, "descriptors", "idx_min");
	d->idx_min = INT32_MIN;
	expect(lab, -EBADMSG, "descriptors", "idx_min");
}

/* 10^unit_exp is computed by multiplying: two billion times for a damaged one. */
static void attach_absurd_unit_exponent_returns_ebadmsg(void **state)
{
	static const int32_t exponents[] = {31, -31, INT32_MAX, INT32_MIN};
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
		lab_desc(lab, 1)->unit_exp = exponents[i];
		expect(lab, -EBADMSG, "descriptors", "entry 1: unit_exp");
	}
}

static void attach_string_reference_out_of_range_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint32_t used = (uint32_t)snp_get(&lab_header(lab)->strt_used);
	const uint32_t refs[] = {used / 8, used / 8 + 1, UINT32_MAX, UINT32_MAX / 8};

	for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
		lab_desc(lab, 1)->name = refs[i];
		expect(lab, -EBADMSG, "descriptors", "entry 1: name");
		lab_desc(lab, 1)->help = refs[i];
		expect(lab, -EBADMSG, "descriptors", "entry 1: help");
	}
}

static void attach_damaged_string_returns_ebadmsg(void **state)
{
	static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80",
					  "\xf4\x90\x80\x80", "\xe2\x82"};
	struct lab *lab = *state;
	uint64_t strt = lab_region(lab, SNP_REGION_STRT, 0)->off;
	uint64_t at = strt + 8 * (uint64_t)lab_desc(lab, 1)->name;
	uint32_t len;

	memcpy(&len, lab->map + at, sizeof(len));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(lab->map + at + 4 + len - strlen(bad[i]), bad[i],
		       strlen(bad[i]));
		expect(lab, -EBADMSG, "descriptors", "entry 1: name");
	}
	lab->map[at + 4] = '\0'; /* shorter for whoever uses strlen */
	expect(lab, -EBADMSG, "descriptors", "entry 1: name");
	lab->map[at + 4 + len] = 'x'; /* not terminated */
	expect(lab, -EBADMSG, "descriptors", "entry 1: name");
	for (uint32_t v = UINT32_MAX; v > 1000; v /= 2) {
		memcpy(lab->map + at, &v, sizeof(v));
		expect(lab, -EBADMSG, "descriptors", "entry 1: name");
	}
}

static void attach_damaged_key_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	struct snp_fmt_key *key = lab_entry(lab, SNP_REGION_KEYS, 0, 0);

	key->prom_name = UINT32_MAX;
	expect(lab, -EBADMSG, "keys", "entry 0: prom_name");
	key->source = UINT32_MAX; /* an attribute we do not know: no label */
	assert_int_equal(probe_and_restore(lab), 0);
}

/* What a metric says of its enumeration. */
static void attach_wrong_enum_reference_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint32_t room = (uint32_t)lab_region(lab, SNP_REGION_ENUM, 0)->count;
	struct snp_fmt_desc *d, *of_state;
	uint32_t id = 1;

	while (!lab_desc(lab, id)->enum_off)
		id++;
	d = lab_desc(lab, id);
	of_state = lab_desc(lab, first_of(lab, SNP_KIND_STATE, SNP_ST_ROW));
	/* Not the start of a table of the index. */
	const uint32_t offs[] = {1,	   d->enum_off + 1, room,	   room - 2,
				 room + 1, UINT32_MAX,	    UINT32_MAX - 2};

	for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		d->enum_off = offs[i];
		expect(lab, -EBADMSG, "descriptors", "enum_off");
	}
	d->enum_off = 0; /* many cells, no names for them */
	expect(lab, -EBADMSG, "descriptors", "enum_off, count");
	d->count--; /* a value without a cell */
	expect(lab, -EBADMSG, "descriptors", "enum_off, count");
	of_state->enum_off = 0;
	expect(lab, -EBADMSG, "descriptors", "enum_off, count");
}

/* The tables themselves: all of them, also those that no metric uses. */
static void attach_damaged_enum_table_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint32_t *words = lab_entry(lab, SNP_REGION_ENUM, 0, 0);
	uint32_t room = (uint32_t)lab_region(lab, SNP_REGION_ENUM, 0)->count;
	const uint32_t counts[] = {0, 1025, room, UINT32_MAX, UINT32_MAX - 2};
	const uint32_t tables[] = {room - 1, 1025, UINT32_MAX};

	for (uint32_t t = 0; t < SNP_ENUM_TABLE_NR; t++) {
		uint32_t at = words[2 + t];
		const uint32_t ats[] = {room, room - 2, UINT32_MAX};

		for (size_t i = 0; i < sizeof(ats) / sizeof(ats[0]); i++) {
			words[2 + t] = ats[i];
			expect(lab, -EBADMSG, "enums", "place");
		}
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			words[at + 2] = counts[i];
			expect(lab, -EBADMSG, "enums", "number of values");
		}
		words[at + 3] = UINT32_MAX;
		expect(lab, -EBADMSG, "enums", "value");
		words[at] = UINT32_MAX;
		expect(lab, -EBADMSG, "enums", "label");
		words[at + 1] = UINT32_MAX;
		expect(lab, -EBADMSG, "enums", "attribute");
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		words[1] = tables[i];
		expect(lab, -EBADMSG, "enums", "number of tables");
	}
}

static void attach_damaged_bounds_return_ebadmsg(void **state)
{
	struct lab *lab = *state;
	uint32_t id = first_of(lab, SNP_KIND_HISTOGRAM, SNP_ST_BANK);
	struct snp_fmt_desc *d = lab_desc(lab, id);
	uint32_t room = (uint32_t)lab_region(lab, SNP_REGION_BNDS, 0)->count;
	const uint32_t starts[] = {d->bounds_off, d->upper_off};

	for (size_t i = 0; i < 2; i++) {
		uint64_t *words = lab_entry(lab, SNP_REGION_BNDS, 0, starts[i]);

		words[1] = words[0]; /* not ascending */
		expect(lab, -EBADMSG, "bounds", "_off");
		words[2] = 0;
		expect(lab, -EBADMSG, "bounds", "_off");
	}
	lab_restore(lab);
	d->bounds_off = room - 1;
	expect(lab, -EBADMSG, "bounds", "bounds_off");
	d->bounds_off = UINT32_MAX;
	expect(lab, -EBADMSG, "bounds", "bounds_off");
	d->bounds_count = UINT32_MAX;
	expect(lab, -EBADMSG, "bounds", "bounds_off");
	d->upper_off = room - SNP_HIST_BUCKETS; /* one word too late */
	expect(lab, -EBADMSG, "bounds", "upper_off");
	d->upper_off = UINT32_MAX;
	expect(lab, -EBADMSG, "bounds", "upper_off");
}

/* Cells that SNAP could not show: inside the latch, or in words of the header that
 * change. */
static void attach_cell_where_none_may_be_returns_ebadmsg(void **state)
{
	static const uint32_t header[] = {0x100, 0x1C0, 0x2F8, 0x340, 0xFF8};
	struct lab *lab = *state;
	struct snp_fmt_desc *row =
	    lab_desc(lab, first_of(lab, SNP_KIND_GAUGE, SNP_ST_ROW));
	struct snp_fmt_desc *word =
	    lab_desc(lab, first_of(lab, SNP_KIND_COUNTER, SNP_ST_HEADER));
	struct snp_fmt_desc *derived =
	    lab_desc(lab, first_of(lab, SNP_KIND_UPDOWN, SNP_ST_DERIVED));

	row->off = sizeof(struct snp_fmt_latch) - 8;
	expect(lab, -EBADMSG, "descriptors", "off");
	derived->derive_a = 0;
	expect(lab, -EBADMSG, "descriptors", "derive_a");
	derived->derive_b = sizeof(struct snp_fmt_latch) - 8;
	expect(lab, -EBADMSG, "descriptors", "derive_b");
	for (size_t i = 0; i < sizeof(header) / sizeof(header[0]); i++) {
		word->off = header[i];
		expect(lab, -EBADMSG, "descriptors", "off");
	}
	word->off = 0xF8;
	assert_int_equal(probe_and_restore(lab), 0);
	word->off = 0x338;
	assert_int_equal(probe_and_restore(lab), 0);
}

static void attach_unknown_descriptor_is_left_out(void **state)
{
	struct lab *lab = *state;
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	uint64_t used = snp_get(&lab_header(lab)->desc_used);

	lab_desc(lab, 1)->kind = 200;
	lab_desc(lab, 2)->storage = 200;
	lab_desc(lab, 3)->retired_minor = 1;
	assert_int_equal(snp_segment_attach(lab->path, &seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	assert_int_equal(snp_snapshot_metrics_nr(snap), used - 3);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

/* ---- damage in rows: never more than the row is lost --------------------- */

static void snapshot_row_of_unknown_pool_is_skipped_and_counted(void **state)
{
	struct lab *lab = *state;
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_fmt_row *row = lab_entry(lab, SNP_REGION_ROWD, SNP_ROW_WORKER, 1);

	snp_set(&row->parent, UINT64_MAX);
	assert_int_equal(snp_segment_attach(lab->path, &seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	assert_int_equal(snp_snapshot_stats(snap)->rows_skipped, 1);
	assert_null(snp_snapshot_row(snap, SNP_ROW_WORKER, 1));
	assert_non_null(snp_snapshot_row(snap, SNP_ROW_WORKER, 0));
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

static void snapshot_free_and_recycling_rows_are_absent(void **state)
{
	static const uint64_t gens[] = {0, 3, 4, 7};
	struct lab *lab = *state;
	struct snp_fmt_row *row = lab_entry(lab, SNP_REGION_ROWD, SNP_ROW_TOOL, 0);
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;

	assert_int_equal(snp_segment_attach(lab->path, &seg, NULL), 0);
	for (size_t i = 0; i < sizeof(gens) / sizeof(gens[0]); i++) {
		snp_set(&row->gen, gens[i]);
		assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
		assert_null(snp_snapshot_row(snap, SNP_ROW_TOOL, 0));
		assert_int_equal(snp_snapshot_stats(snap)->rows_skipped, 0);
	}
	snp_set(&row->gen, SNP_GEN_TOMBSTONE + 4);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	assert_true(snp_snapshot_row(snap, SNP_ROW_TOOL, 0)->tombstone);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

static void snapshot_any_wrong_row_word_never_crashes(void **state)
{
	struct lab *lab = *state;

	for (uint32_t kind = SNP_ROW_POOL; kind < SNP_ROW_KINDS; kind++)
		for (size_t w = 0; w < sizeof(struct snp_fmt_row) / 8; w++)
			for (unsigned bit = 0; bit < 64; bit += 3) {
				uint64_t *words =
				    lab_entry(lab, SNP_REGION_ROWD, kind, 0);

				words[w] ^= UINT64_C(1) << bit;
				assert_int_equal(probe_and_restore(lab), 0);
				words[w] = UINT64_MAX << bit;
				assert_int_equal(probe_and_restore(lab), 0);
			}
}

static void snapshot_bad_text_in_a_row_reads_as_empty(void **state)
{
	struct lab *lab = *state;
	struct snp_fmt_text *text = lab_entry(lab, SNP_REGION_TEXT, SNP_ROW_WORKER, 0);
	struct snp_worker_row *cells =
	    lab_entry(lab, SNP_REGION_ROWC, SNP_ROW_WORKER, 0);
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	const struct snp_row *row;

	memset((void *)(uintptr_t)text->copy, 'x', sizeof(text->copy)); /* no end */
	for (unsigned copy = 0; copy < 2; copy++)
		snp_set(&cells->proc.copy[copy][SNP_PROC_PYTHON], 0xff);
	assert_int_equal(snp_segment_attach(lab->path, &seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	row = snp_snapshot_row(snap, SNP_ROW_WORKER, 0);
	assert_string_equal(row->last_error, "");
	assert_string_equal(row->python, "");
	memset((void *)(uintptr_t)text->copy, 0, sizeof(text->copy));
	snp_set(&text->copy[snp_get(&text->seq) & 1][0], 0x80);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	assert_string_equal(snp_snapshot_row(snap, SNP_ROW_WORKER, 0)->last_error, "");
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

static void events_of_a_damaged_ring_end(void **state)
{
	static const uint64_t heads[] = {0, 1, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct snp_fmt_ring *ring = lab_entry(lab, SNP_REGION_EVNT, 0, 0);

		snp_set(&ring->head, heads[i]);
		ring->capacity = UINT64_MAX;
		assert_int_equal(probe_and_restore(lab), 0);
	}
}

/* ---- chance -------------------------------------------------------------- */

/* xorshift64*: the same flips in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static void random_flips_over_the_whole_file_never_crash(void **state)
{
	enum { FLIPS = 2000 };
	struct lab *lab = *state;
	uint64_t seed = 20261121;
	unsigned failed = 0;

	for (int i = 0; i < FLIPS; i++) {
		/* Every third one in the first 24 KiB: header, directory, descriptors.
		 */
		uint64_t range = i % 3 ? lab->size : UINT64_C(24576);
		unsigned flips = 1 + (unsigned)(next_random(&seed) % 4);

		while (flips--)
			lab->map[next_random(&seed) % range] ^=
			    (unsigned char)(1 + next_random(&seed) % 255);
		if (i % 2)
			lab_seal(lab);
		failed += probe_and_restore(lab) < 0;
	}
	/* Both ends of the experiment were reached. */
	assert_true(failed > FLIPS / 20 && failed < FLIPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
	    T(watermarks_beyond_their_region_are_noticed),
	    T(attach_any_wrong_descriptor_byte_never_crashes),
	    T(attach_any_wrong_descriptor_word_never_crashes),
	    T(attach_cell_past_its_row_returns_ebadmsg),
	    T(attach_histogram_without_cells_returns_ebadmsg),
	    T(attach_histogram_of_impossible_shape_returns_ebadmsg),
	    T(snapshot_stray_derive_rule_is_not_followed),
	    T(attach_absurd_unit_exponent_returns_ebadmsg),
	    T(attach_string_reference_out_of_range_returns_ebadmsg),
	    T(attach_damaged_string_returns_ebadmsg),
	    T(attach_damaged_key_returns_ebadmsg),
	    T(attach_wrong_enum_reference_returns_ebadmsg),
	    T(attach_damaged_enum_table_returns_ebadmsg),
	    T(attach_damaged_bounds_return_ebadmsg),
	    T(attach_cell_where_none_may_be_returns_ebadmsg),
	    T(attach_unknown_descriptor_is_left_out),
	    T(snapshot_row_of_unknown_pool_is_skipped_and_counted),
	    T(snapshot_free_and_recycling_rows_are_absent),
	    T(snapshot_any_wrong_row_word_never_crashes),
	    T(snapshot_bad_text_in_a_row_reads_as_empty),
	    T(events_of_a_damaged_ring_end),
	    T(random_flips_over_the_whole_file_never_crash),
	};

	return cmocka_run_group_tests_name("shm/damage", tests, NULL, NULL);
}
