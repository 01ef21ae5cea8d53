/* SPDX-License-Identifier: Apache-2.0 */
/* writer_private.h - the writer's object, shared by the writer's own files only. */
#ifndef SNP_SHM_WRITER_PRIVATE_H
#define SNP_SHM_WRITER_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "layout.h"
#include "snakepit/check.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

/* Tombstones of one kind in the order they were retired. */
struct snp__tombstones {
	uint32_t *index; /* as many places as the kind has rows */
	uint32_t first, nr;
};

struct snp__history;

/* What the descriptors of adapters' metrics refer to, ready since the start. */
struct snp__adapter_shape {
	uint32_t time_bounds_off, time_bounds_count, time_upper_off;
	uint32_t plain_bounds_off, plain_bounds_count, plain_upper_off;
};

struct snp_writer {
	unsigned char *map; /* the whole file, MAP_SHARED, read-write */
	struct snp_fmt_header *header;
	struct snp__layout layout;
	struct snp_writer_options options; /* zeros replaced, strings not kept */
	int dir_fd, file_fd, lock_fd;	   /* file_fd -1: anonymous */
	char instance[SNP_FMT_NAME_BYTES];
	char path[SNP_PATH_BYTES]; /* "" when anonymous */
	char uuid[37];
	bool published;
	pthread_mutex_t mutex; /* protects: the next three, ROWD, THRD's owners, the
				  meters, struct_gen and the watermarks */
	bool *bank_used;       /* by bank */
	uint64_t next_uid;
	struct snp__tombstones tombstones[SNP_ROW_KINDS];
	uint32_t strt_used_bytes; /* private copy of header.strt_used */
	uint32_t fixed_metrics;	  /* descriptors of metrics.def; adapters' follow */
	struct snp__adapter_shape adapter_shape;
	/* Ticker: what the last samples said, history_write.c; NULL before the first.
	 */
	struct snp__history *history;
};

/* Start of entry `index` of a region without blocks or, for rings, of its header. */
static inline void *snp__entry(const struct snp_writer *w, enum snp__place place,
			       uint64_t index)
{
	const struct snp_fmt_region *r = &w->layout.region[place];

	return w->map + r->off + index * r->stride;
}

/* Start of block `outer` of a region that has several. */
static inline void *snp__block(const struct snp_writer *w, enum snp__place place,
			       uint64_t outer)
{
	const struct snp_fmt_region *r = &w->layout.region[place];

	return w->map + r->off + outer * r->outer_stride;
}

static inline enum snp__place snp__rowd_place(unsigned kind)
{
	SNP_CHECK(kind >= SNP_ROW_POOL && kind <= SNP_ROW_TOOL);
	return (enum snp__place)(PLACE_ROWD_POOL + (kind - SNP_ROW_POOL));
}

/* uid of a row that somebody named, 0 where there is no such row. Wait-free. */
static inline uint64_t snp__row_uid(const struct snp_writer *w, enum snp__place rowd,
				    uint32_t index)
{
	const struct snp_fmt_row *row;

	if (index >= w->layout.region[rowd].count)
		return 0;
	row = snp__entry(w, rowd, index);
	return snp_get(&row->uid);
}

/* Tell readers that descriptors, rows or banks changed. mutex held. */
static inline void snp__struct_changed(struct snp_writer *w)
{
	atomic_store_explicit(&w->header->struct_gen,
			      snp_get(&w->header->struct_gen) + 2,
			      memory_order_release);
}

/* Count a text that was cut. Takes the mutex. */
static inline void snp__count_truncated(struct snp_writer *w)
{
	pthread_mutex_lock(&w->mutex);
	snp_add(&w->header->text_truncated, 1);
	pthread_mutex_unlock(&w->mutex);
}

/* ---- writer_options.c ---------------------------------------------------- */

struct snp_writer_options snp__writer_defaults(const struct snp_writer_options *o);

/* -EINVAL naming the option; `o` has its defaults. */
int snp__writer_check(const struct snp_writer_options *o, struct snp_err *err);

/* ---- writer.c ------------------------------------------------------------ */

/* Give the instance's lock back and leave no trace of it. For who holds it. */
void snp__writer_unlink_lock(const struct snp_writer *w);
void snp__writer_free(struct snp_writer *w);

/* ---- writer_header.c ----------------------------------------------------- */

/* Header, directory, capacities of rings; all but schema_hash and hdr_crc. */
void snp__header_fill(struct snp_writer *w);
/* The header's own checksum, when all it covers is there. */
void snp__header_seal(struct snp_writer *w);

/* ---- schema_build.c, strings.c ------------------------------------------- */

/* Fill DESC, KEYS, ENUM, BNDS, JSON and STRT from the tables; -ENOSPC when a region is
 * too small (a mistake in layout.h). */
int snp__schema_build(struct snp_writer *w, struct snp_err *err);

/* The reference of a string in STRT, which is added where it is not there yet; 0 is the
 * empty string. While the segment is built only. */
uint32_t snp__string_add(struct snp_writer *w, const char *text);

const char *snp__string_at(const struct snp_writer *w, uint32_t ref);

/* Base-2 histograms as snp_hist_record() (shift 0) and snp_hist_record_long() fill
 * them: the fields of a descriptor. */
void snp__histogram_fill(struct snp_fmt_desc *desc, uint8_t shift);

/* ---- adapter_metrics.c --------------------------------------------------- */

/* The row of a pool has no metrics of adapters. */
void snp__adapter_cells_clear(struct snp_writer *w, uint32_t pool_row);
/* No row has any yet. While the segment is built. */
void snp__adapter_init(struct snp_writer *w);

/* ---- history_write.c ----------------------------------------------------- */

/* Free what snp_writer_sample() keeps; NULL is fine. */
void snp__history_free(struct snp__history **history);

#endif
