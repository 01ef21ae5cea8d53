/* SPDX-License-Identifier: Apache-2.0 */
/* Where the regions are, whatever the limits; and that the schema in them is whole. */
#include "snp_test.h"

#include <string.h>

#include "segment_bytes.h"
#include "snakepit/read.h"
#include "snakepit/write.h"
#include "snap_layout.h"

struct fixture {
	char dir[64];
	struct snp_writer_options o;
	struct snp_writer *w;
	struct segment_bytes b;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	f->o = (struct snp_writer_options){.dir = f->dir,
					   .instance = "unit",
					   .pools_max = 1,
					   .workers_max = 1,
					   .tools_max = 1,
					   .banks_max = 1,
					   .history_seconds = 1};
	*state = f;
	return 0;
}

static void end(struct fixture *f)
{
	if (f->b.map)
		segment_bytes_close(&f->b);
	snp_writer_remove(&f->w);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	end(f);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static void begin(struct fixture *f)
{
	struct snp_err err = {0};

	if (snp_writer_create(&f->o, &f->w, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	f->b = segment_bytes_open(snp_writer_path(f->w));
}

/* ---- regions ------------------------------------------------------------- */

struct extent {
	uint64_t from, to;
};

static int by_place(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Every block of every region, in the order they lie in the file. */
static size_t extents_of(const struct segment_bytes *b, struct extent *ret, size_t max)
{
	const struct snp_fmt_header *h = segment_bytes_header(b);
	const struct snp_fmt_region *r = (const void *)(b->map + h->dir_off);
	size_t n = 0;

	for (uint64_t i = 0; i < h->dir_count; i++)
		for (uint64_t block = 0; block < r[i].outer_count; block++) {
			uint64_t from = r[i].off + block * r[i].outer_stride;

			assert_true(n < max);
			ret[n++] = (struct extent){from, from + r[i].len};
		}
	qsort(ret, n, sizeof(*ret), by_place);
	return n;
}

static void assert_no_overlap(const struct fixture *f)
{
	static struct extent all[2000];
	size_t n = extents_of(&f->b, all, sizeof(all) / sizeof(all[0]));
	uint64_t end =
	    SNP_FMT_DIR_OFF + SNP_FMT_DIR_MAX * sizeof(struct snp_fmt_region);

	for (size_t i = 0; i < n; i++) {
		assert_true(all[i].from >= end);
		assert_true(all[i].to > all[i].from);
		end = all[i].to;
	}
	assert_true(end <= f->b.size);
	assert_int_equal(f->b.size, snp_writer_size(&f->o));
	assert_int_equal(f->b.size % SNP_FMT_PAGE, 0);
}

/* Rows a multiple of 4 KiB apart share one set of every cache. */
static void assert_strides(const struct fixture *f)
{
	const struct snp_fmt_header *h = segment_bytes_header(&f->b);
	const struct snp_fmt_region *r = (const void *)(f->b.map + h->dir_off);

	for (uint64_t i = 0; i < h->dir_count; i++) {
		bool row_blocks =
		    r[i].type == SNP_REGION_HIST || r[i].type == SNP_REGION_INFL;

		assert_int_equal(r[i].version, 1);
		assert_int_equal(r[i].off % SNP_FMT_LINE, 0);
		if (r[i].type != SNP_REGION_EVID && r[i].type != SNP_REGION_SNAP)
			assert_int_not_equal(r[i].stride % SNP_FMT_PAGE, 0);
		if (row_blocks)
			assert_int_not_equal(r[i].outer_stride % SNP_FMT_PAGE, 0);
	}
}

static void regions_of_any_limits_fit_the_file_and_do_not_overlap(void **state)
{
	static const uint32_t inflight[] = {1, 15, 16, 32};
	/* 21 samples a pool and 63 a worker fill 4096 bytes with their header. */
	static const uint32_t seconds[] = {1, 21, 63 * 5, 600};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 4; i++) {
		f->o.pools_max = 1 + i * 3;
		f->o.workers_max = 1 + i * 40;
		f->o.tools_max = 1 + i * 17;
		f->o.banks_max = 1 + i * 2;
		f->o.inflight_per_worker = inflight[i];
		f->o.history_seconds = seconds[i];
		begin(f);
		assert_no_overlap(f);
		assert_strides(f);
		end(f);
	}
}

static void history_of_less_than_a_worker_sample_keeps_one(void **state)
{
	struct fixture *f = *state;

	f->o.history_seconds = 4;
	begin(f);
	assert_int_equal(
	    segment_bytes_region(&f->b, SNP_REGION_HIST, SNP_ROW_WORKER)->count, 1);
	assert_int_equal(
	    segment_bytes_region(&f->b, SNP_REGION_HIST, SNP_ROW_POOL)->count, 4);
}

static void every_ring_says_its_capacity(void **state)
{
	static const struct {
		uint32_t type, kind;
	} rings[] = {{SNP_REGION_EVNT, 0},
		     {SNP_REGION_SPAN, 0},
		     {SNP_REGION_EVID, 0},
		     {SNP_REGION_HIST, SNP_ROW_POOL},
		     {SNP_REGION_HIST, SNP_ROW_WORKER}};
	struct fixture *f = *state;

	f->o.banks_max = f->o.pools_max = f->o.workers_max = 3;
	begin(f);
	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
		const struct snp_fmt_region *r =
		    segment_bytes_region(&f->b, rings[i].type, rings[i].kind);

		for (uint64_t block = 0; block < r->outer_count; block++) {
			const struct snp_fmt_ring *ring = segment_bytes_block(
			    &f->b, rings[i].type, rings[i].kind, block);

			assert_int_equal(ring->capacity, r->count);
		}
	}
}

static void half_of_snap_has_room_for_all_rows(void **state)
{
	const uint64_t rows[SNP_ROW_KINDS] = {1, 3, 70, 9};
	struct snp_fmt_snap_table tables[SNP_ROW_KINDS];
	struct fixture *f = *state;
	const struct snp_fmt_header *h;
	const struct snp_fmt_region *r;
	uint64_t length;

	f->o.pools_max = 3;
	f->o.workers_max = 70;
	f->o.tools_max = 9;
	begin(f);
	h = segment_bytes_header(&f->b);
	r = segment_bytes_region(&f->b, SNP_REGION_SNAP, 0);
	length =
	    snp__snap_tables(SNP__IMAGE_SNAP, (const void *)(f->b.map + h->dir_off),
			     h->dir_count, rows, tables);
	assert_true(length <= r->len);
	assert_int_equal(r->outer_count, 2);
	/* Parts in a row, none shared: the last one ends where the entry ends. */
	assert_int_equal(tables[SNP_ROW_PROC].sums, sizeof(struct snp_fmt_row));
	assert_int_equal(tables[SNP_ROW_PROC].record, 0);
	assert_int_equal(tables[SNP_ROW_WORKER].record, sizeof(struct snp_fmt_row));
	assert_int_equal(tables[SNP_ROW_WORKER].text,
			 tables[SNP_ROW_WORKER].record + 8 * SNP_LATCH_WORDS);
	assert_int_equal(tables[SNP_ROW_WORKER].cells,
			 tables[SNP_ROW_WORKER].text + 512);
	assert_int_equal(tables[SNP_ROW_WORKER].sums, 0);
	assert_int_equal(tables[SNP_ROW_WORKER].stride,
			 tables[SNP_ROW_WORKER].cells + sizeof(struct snp_worker_row) -
			     sizeof(struct snp_fmt_latch));
	assert_int_equal(tables[SNP_ROW_TOOL].off,
			 tables[SNP_ROW_WORKER].off +
			     70 * tables[SNP_ROW_WORKER].stride);
	assert_int_equal(length,
			 tables[SNP_ROW_TOOL].off + 9 * tables[SNP_ROW_TOOL].stride);
}

/* The design's second promise; create_test has the first. */
static void size_for_a_thousand_workers_is_at_most_64_mib(void **state)
{
	const struct snp_writer_options o = {
	    .pools_max = 16, .workers_max = 1000, .tools_max = 16 * 64, .banks_max = 8};

	(void)state;
	assert_true(snp_writer_size(&o) <= UINT64_C(64) << 20);
}

/* ---- schema -------------------------------------------------------------- */

static const char *string_at(const struct fixture *f, uint32_t ref)
{
	const unsigned char *p =
	    segment_bytes_entry(&f->b, SNP_REGION_STRT, 0, 0, 8 * (uint64_t)ref);
	uint32_t len;

	memcpy(&len, p, sizeof(len));
	assert_int_equal(strlen((const char *)p + sizeof(len)), len);
	return (const char *)p + sizeof(len);
}

/* Tables of enums.def, by number. */
static const struct {
	const char *label;
	uint32_t nr;
} enums[] = {
#define SNP_ENUM_BEGIN(table, label) {label, SNP_##table##_NR},
#define SNP_ENUM_VALUE(table, id, text)
#define SNP_ENUM_END(table)
#include "enums.def"
#undef SNP_ENUM_BEGIN
#undef SNP_ENUM_VALUE
#undef SNP_ENUM_END
};

static void every_table_of_enums_is_in_the_index(void **state)
{
	struct fixture *f = *state;
	const uint32_t *words;

	begin(f);
	words = segment_bytes_entry(&f->b, SNP_REGION_ENUM, 0, 0, 0);
	assert_int_equal(words[0], 0);
	assert_int_equal(words[1], SNP_ENUM_TABLE_NR);
	for (uint32_t t = 0; t < SNP_ENUM_TABLE_NR; t++) {
		const uint32_t *table = words + words[2 + t];

		assert_true(words[2 + t] >= 2 + SNP_ENUM_TABLE_NR);
		assert_string_equal(string_at(f, table[0]), enums[t].label);
		assert_int_equal(table[2], enums[t].nr);
		for (uint32_t v = 0; v < enums[t].nr; v++)
			assert_string_equal(string_at(f, table[3 + v]),
					    snp_enum_text(t, v));
	}
}

static void histograms_carry_the_bounds_the_writer_decides_by(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_region *r;
	const uint64_t *bounds;
	unsigned found = 0;

	begin(f);
	r = segment_bytes_region(&f->b, SNP_REGION_DESC, 0);
	bounds = segment_bytes_entry(&f->b, SNP_REGION_BNDS, 0, 0, 0);
	for (uint64_t i = 0; i < r->count; i++) {
		const struct snp_fmt_desc *d =
		    segment_bytes_entry(&f->b, SNP_REGION_DESC, 0, 0, i);
		unsigned step =
		    d->idx_min == SNP_HIST_IDX_MIN ? 0 : SNP_HIST_LONG_SHIFT;

		if (d->kind != SNP_KIND_HISTOGRAM)
			continue;
		found++;
		for (uint32_t k = 0; k <= d->nbuckets; k++)
			assert_int_equal(bounds[d->upper_off + k],
					 snp__hist_upper[k] << step);
		assert_int_equal(bounds[d->upper_off], d->zero_threshold_ns);
	}
	assert_true(found > 3);
}

static void strings_are_stored_once(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_header *h;
	static const char *seen[1000];
	uint64_t used;
	size_t n = 0;

	begin(f);
	h = segment_bytes_header(&f->b);
	used = segment_bytes_word(h, strt_used);
	for (uint64_t at = 8; at < used;) {
		const char *text = string_at(f, (uint32_t)(at / 8));

		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(text, seen[i]);
		seen[n++] = text;
		at += (sizeof(uint32_t) + strlen(text) + 1 + 7) / 8 * 8;
	}
	assert_true(n > 100);
	/* Rows bring no strings. */
	assert_int_equal(
	    snp_row_declare(f->w,
			    &(struct snp_row_decl){.kind = SNP_ROW_POOL, .name = "new"},
			    &(uint32_t){0}, NULL),
	    0);
	assert_int_equal(segment_bytes_word(h, strt_used), used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(regions_of_any_limits_fit_the_file_and_do_not_overlap),
	    T(history_of_less_than_a_worker_sample_keeps_one),
	    T(every_ring_says_its_capacity),
	    T(half_of_snap_has_room_for_all_rows),
	    T(size_for_a_thousand_workers_is_at_most_64_mib),
	    T(every_table_of_enums_is_in_the_index),
	    T(histograms_carry_the_bounds_the_writer_decides_by),
	    T(strings_are_stored_once),
	};

	return cmocka_run_group_tests_name("shm/layout", tests, NULL, NULL);
}
