/* SPDX-License-Identifier: Apache-2.0 */
/* reader_private.h - the reader's objects, shared by the reader's own files only. */
#ifndef SNP_SHM_READER_PRIVATE_H
#define SNP_SHM_READER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/read.h"
#include "utf8.h"

/* A metric as parsed and checked, and where its cells are. */
struct snp__metric {
	struct snp_metric pub;
	uint8_t storage, derive;
	uint32_t off, stride;
	uint32_t row_keys;
	uint32_t derive_a, derive_b;
	const char **enum_texts; /* owned */
	uint64_t *bounds;	 /* owned */
	uint64_t *upper_ns;	 /* owned */
};

struct snp__key {
	uint32_t source;
	const char *prom_name, *otel_name;
};

/* The schema: parsed once, immutable until detach. Strings point into `strings`. */
struct snp__schema {
	char *strings; /* private copy of STRT as it was at attach */
	uint64_t strings_bytes;
	struct snp__metric *metrics;
	size_t metrics_nr;
	struct snp__key keys[32];
	size_t keys_nr;
};

/* Regions by what the library looks for; absent ones have type 0. */
struct snp__regions {
	struct snp_fmt_region desc, strt, keys, enums, bnds, evnt, text;
	struct snp_fmt_region rowd[SNP_ROW_KINDS], rowc[SNP_ROW_KINDS],
	    bank[SNP_ROW_KINDS];
};

struct snp_segment {
	int fd;
	const unsigned char *map; /* PROT_READ, size_bytes long */
	uint64_t size_bytes;
	const struct snp_fmt_header *header; /* in the map: mutable words only */
	struct snp_segment_info info;
	struct snp__regions regions; /* private, checked copy */
	struct snp__schema schema;
	uint8_t boot_id[16];
	uint64_t dev, ino;
	/* Liveness: the heartbeat we saw last and when it changed. */
	uint64_t seen_hb_seq;
	snp_mono_t seen_hb_at;
};

struct snp__row {
	struct snp_row pub;
	bool present;
	const char *label[SNP_KEY_NR];
};

struct snp_snapshot {
	const struct snp_segment *seg;
	struct snp_snapshot_stats stats;
	/* By row kind: rows looked at, their decoded form, their cells and the sum of
	 * their bank blocks. Cells and sums are row-major with the strides of the file.
	 */
	uint32_t rows_nr[SNP_ROW_KINDS], rows_max[SNP_ROW_KINDS];
	struct snp__row *rows[SNP_ROW_KINDS];
	uint64_t *cells[SNP_ROW_KINDS];
	uint64_t *latch[SNP_ROW_KINDS]; /* SNP_LATCH_WORDS a row: its latched record */
	uint64_t *sums[SNP_ROW_KINDS];
	/* Strings of rows; grown in chunks so that pointers stay. */
	struct snp__arena *arena;
};

/* Relaxed load of the aligned word at a checked file offset. */
static inline uint64_t snp__word(const struct snp_segment *seg, uint64_t off)
{
	const _Atomic uint64_t *p =
	    (const _Atomic uint64_t *)(const void *)(seg->map + off);

	return atomic_load_explicit(p, memory_order_relaxed);
}

static inline uint64_t snp__word_acquire(const struct snp_segment *seg, uint64_t off)
{
	const _Atomic uint64_t *p =
	    (const _Atomic uint64_t *)(const void *)(seg->map + off);

	return atomic_load_explicit(p, memory_order_acquire);
}

/* schema_read.c */
int snp__schema_read(struct snp_segment *seg, struct snp_err *err);
void snp__schema_fini(struct snp__schema *schema);

/* Upper bound in ns of each word but the last (metric->nbuckets + 1), to be freed; NULL
 * when out of memory. Needs scale, idx_min, nbuckets and zero_threshold_ns. */
uint64_t *snp__hist_bounds(const struct snp_metric *metric);

/* Copy the latched record at file offset `off` (seq at 0, copies of `words` words from
 * word `first`). 0, or -EAGAIN when it would not settle; *retries grows by the torn
 * reads. */
struct snp__latch_shape {
	uint64_t off;
	unsigned first, words;
};
int snp__latch_copy(const struct snp_segment *seg, struct snp__latch_shape shape,
		    uint64_t *ret_words, unsigned *retries);

/* arena.c: memory that is freed all at once. */
struct snp__arena;
struct snp__arena *snp__arena_create(void);
void snp__arena_destroy(struct snp__arena **arena);
void snp__arena_reset(struct snp__arena *arena);
/* NULL when out of memory. The copy is NUL-terminated. */
char *snp__arena_text(struct snp__arena *arena, const char *text, size_t len);

#endif
