/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rings_bench.h - a segment with a live writer, for the tests of rings and slots: what
 * writes to it, and what damages it behind the reader's back. The file is mapped
 * writable for that.
 */
#ifndef SNP_RINGS_BENCH_H
#define SNP_RINGS_BENCH_H

#include "snp_test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "crc32c.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

enum { RING = 8, TEXTS = 8, SLOTS = 2, HISTORY_S = 20 };

struct bench {
	char dir[64];
	struct snp_writer *writer;
	struct snp_bank bank[2];
	uint32_t pool, worker[2], tool;
	unsigned char *map; /* the file, shared and writable */
	size_t size;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
};

/* ---- making -------------------------------------------------------------- */

static inline uint32_t declare(struct bench *b, struct snp_row_decl decl)
{
	uint32_t index;

	assert_int_equal(snp_row_declare(b->writer, &decl, &index, NULL), 0);
	return index;
}

static inline void open_segment(struct bench *b)
{
	const struct snp_writer_options o = {.dir = b->dir,
					     .instance = "rings",
					     .pools_max = 2,
					     .workers_max = 2,
					     .tools_max = 2,
					     .banks_max = 2,
					     .events_per_ring = RING,
					     .spans_per_ring = RING,
					     .inflight_per_worker = SLOTS,
					     .evidence_max = TEXTS,
					     .history_seconds = HISTORY_S,
					     .flags = SNP_WRITER_ALLOW_DISK};

	assert_int_equal(snp_writer_create(&o, &b->writer, NULL), 0);
	b->size = snp_writer_size(&o);
	b->pool = declare(b, (struct snp_row_decl){.kind = SNP_ROW_POOL, .name = "p"});
	for (uint32_t i = 0; i < 2; i++)
		b->worker[i] =
		    declare(b, (struct snp_row_decl){
				   .kind = SNP_ROW_WORKER, .pool = b->pool, .slot = i});
	b->tool = declare(b, (struct snp_row_decl){
				 .kind = SNP_ROW_TOOL, .pool = b->pool, .name = "t"});
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(snp_bank_adopt(b->writer, &b->bank[i]), 0);
	snp_writer_heartbeat(b->writer, 0, 1);
	assert_int_equal(snp_writer_publish(b->writer, NULL), 0);
}

static inline int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	int fd;

	*state = b;
	snp_test_tmpdir_make(b->dir, sizeof(b->dir));
	open_segment(b);
	fd = open(snp_writer_path(b->writer), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	b->map = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(b->map, MAP_FAILED);
	close(fd);
	assert_int_equal(snp_segment_attach(snp_writer_path(b->writer), &b->seg, NULL),
			 0);
	return 0;
}

static inline int teardown(void **state)
{
	struct bench *b = *state;

	snp_snapshot_destroy(&b->snap);
	snp_segment_detach(&b->seg);
	munmap(b->map, b->size);
	snp_writer_close(&b->writer);
	snp_test_tmpdir_remove(b->dir);
	free(b);
	return 0;
}

/* ---- damaging ------------------------------------------------------------ */

static inline const struct snp_fmt_region *region(const struct bench *b, uint32_t type,
						  uint32_t kind)
{
	const struct snp_fmt_header *h = (const void *)b->map;
	const struct snp_fmt_region *r = (const void *)(b->map + h->dir_off);

	for (uint64_t i = 0; i < h->dir_count; i++)
		if (r[i].type == type && r[i].kind == kind)
			return &r[i];
	fail_msg("no region of type %u", type);
	return NULL;
}

static inline _Atomic uint64_t *ring_head(const struct bench *b, uint32_t type,
					  uint32_t kind, uint64_t ring)
{
	const struct snp_fmt_region *r = region(b, type, kind);

	return (_Atomic uint64_t *)(void *)(b->map + r->off + ring * r->outer_stride);
}

/* The words of record `n`. */
static inline _Atomic uint64_t *record(const struct bench *b, uint32_t type,
				       uint32_t kind, uint64_t ring, uint64_t n)
{
	const struct snp_fmt_region *r = region(b, type, kind);

	return ring_head(b, type, kind, ring) + sizeof(struct snp_fmt_ring) / 8 +
	       n % r->count * (r->stride / 8);
}

/* Give a damaged record a checksum that is right. */
static inline void reseal(const struct bench *b, uint32_t type, uint32_t kind,
			  uint64_t ring, uint64_t n)
{
	_Atomic uint64_t *w = record(b, type, kind, ring, n);
	uint64_t words[512];
	size_t nr = region(b, type, kind)->stride / 8;

	assert_true(nr <= 512);
	words[1] = n + 1;
	for (size_t i = 2; i < nr; i++)
		words[i] = snp_get(&w[i]);
	snp_set(&w[1], snp__crc32c(&words[1], (nr - 1) * 8));
}

static inline struct snp_fmt_inflight *inflight_slot(const struct bench *b,
						     uint64_t row, uint64_t at)
{
	const struct snp_fmt_region *r = region(b, SNP_REGION_INFL, SNP_ROW_WORKER);

	return (void *)(b->map + r->off + row * r->outer_stride + at * r->stride);
}

/* ---- writing ------------------------------------------------------------- */

static inline void write_events(struct bench *b, unsigned bank, unsigned nr)
{
	static uint64_t n;

	for (unsigned i = 0; i < nr; i++) {
		n++;
		snp_event_record(
		    &b->bank[bank],
		    &(struct snp_event_fields){.pool = b->pool, .value = {n, ~n}},
		    (snp_mono_t){n});
	}
}

/* A text of three records with a character across the first two. */
static inline uint64_t write_long_text(struct bench *b, char **ret_text,
				       size_t *ret_len)
{
	const struct snp_evidence_fields f = {.kind = SNP_EVIDENCE_KIND_STACKS,
					      .pool = b->pool,
					      .slot = 3,
					      .incarnation = 4,
					      .pid = 5};
	size_t len = 2 * SNP_EVID_TEXT_BYTES + 100;
	char *text = malloc(len);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 26);
	memcpy(text + SNP_EVID_TEXT_BYTES - 1, "\xc3\xa9", 2);
	*ret_text = text;
	*ret_len = len;
	return snp_evidence_record(b->writer, &f, text, len, (snp_mono_t){6});
}

static inline struct snp_inflight_fields request(struct bench *b, uint64_t n)
{
	return (struct snp_inflight_fields){.start = {n + 2},
					    .deadline = {n + 3},
					    .received = {n + 1},
					    .tool = b->tool,
					    .incarnation = n,
					    .trace_id = {n, ~n},
					    .correlation = "request"};
}

static inline void sample_at(struct bench *b, uint64_t second)
{
	snp_writer_snap(b->writer);
	snp_writer_sample(b->writer, (snp_mono_t){(1000 + second) * SNP_NS_PER_S});
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
