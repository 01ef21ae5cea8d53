/* SPDX-License-Identifier: Apache-2.0 */
/* reader_private.h - the reader's objects, shared by the reader's own files only. */
#ifndef SNP_SHM_READER_PRIVATE_H
#define SNP_SHM_READER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/read.h"

#include "gather.h"
#include "map_guard.h"
#include "utf8.h"
#include "words.h"

/* A table of ENUM: parsed once, shared by the metrics that refer to it. */
struct snp__enum_texts {
	uint32_t at; /* word index in ENUM */
	uint32_t nr;
	const char *prom_name, *otel_name;
	const char **texts; /* owned */
};

/* A metric as parsed and checked, and where its cells are. */
struct snp__metric {
	struct snp_metric pub;
	uint8_t storage, derive;
	bool sparse; /* SNP_DESC_SPARSE, and its cells are in the copy of the rows */
	uint32_t off, stride;
	uint32_t derive_a, derive_b;
	/* Its labels in order: attributes of the row, then perhaps the enum label,
	 * whose value is another for each cell. Values are filled in by series.c. */
	struct snp_label labels[SNP_LABELS_MAX];
	uint8_t sources[SNP_LABELS_MAX]; /* of each row label: SNP_KEY_* */
	uint8_t row_labels_nr;
	bool enum_label;
};

struct snp__key {
	uint32_t source;
	const char *prom_name, *otel_name;
};

#define SNP__KEYS_MAX	32 /* bits of desc.row_keys */
#define SNP__TABLES_MAX 256

/* The schema: parsed once, immutable until detach. Strings point into `strings`, bounds
 * into `bounds`. */
struct snp__schema {
	char *strings; /* private copy of STRT as it was at attach */
	uint64_t strings_bytes;
	uint64_t *bounds;		/* private copy of BNDS */
	struct snp__enum_texts *tables; /* by number */
	size_t tables_nr;
	struct snp__metric *metrics;
	size_t metrics_nr;
	uint64_t descs; /* desc_used at attach */
	struct snp__key keys[SNP__KEYS_MAX];
	size_t keys_nr;
};

/* Regions by what the library looks for; absent ones have type 0. */
struct snp__regions {
	struct snp_fmt_region desc, strt, keys, enums, bnds;
	struct snp_fmt_region snap, infl, evnt, evid, span, thrd;
	struct snp_fmt_region rowd[SNP_ROW_KINDS], rowc[SNP_ROW_KINDS],
	    bank[SNP_ROW_KINDS], text[SNP_ROW_KINDS], hist[SNP_ROW_KINDS],
	    ledg[SNP_ROW_KINDS];
};

struct snp_segment {
	int fd;
	const unsigned char *map; /* PROT_READ, size_bytes long */
	uint64_t size_bytes;
	struct snp__guarded *guard; /* of the map */
	struct snp_segment_info info;
	struct snp_fmt_region dir[SNP_FMT_DIR_MAX]; /* private, checked copy */
	size_t dir_nr;
	struct snp__regions regions; /* the same by name */
	uint64_t header[offsetof(struct snp_fmt_header, state) / 8]; /* as at attach */
	struct snp__schema schema;
	uint8_t boot_id[16];
	uint64_t dev, ino;
	/* Liveness: the heartbeat we saw last and when it changed. */
	uint64_t seen_hb_seq;
	snp_mono_t seen_hb_at;
};

/* Relaxed load of the aligned word at a checked file offset. */
static inline uint64_t snp__word(const struct snp_segment *seg, uint64_t off)
{
	return snp__load(seg->map, off);
}

static inline uint64_t snp__word_acquire(const struct snp_segment *seg, uint64_t off)
{
	return snp__load_acquire(seg->map, off);
}

/* See snp__latch_load(). */
static inline int snp__latch_copy(const struct snp_segment *seg,
				  struct snp__latch_shape shape, uint64_t *ret_words,
				  unsigned *retries)
{
	return snp__latch_load(seg->map, shape, ret_words, retries);
}

/* attach.c: -EBADMSG when the file is shorter than what is mapped; what has been read
 * since the last look may then be zeros. -errno when that cannot be told. One system
 * call. */
int snp__segment_check_whole(const struct snp_segment *seg, const char *path,
			     struct snp_err *err);

/* directory_read.c: fill `dir` and `regions`. The header has been checked. */
int snp__directory_read(struct snp_segment *seg, const struct snp_fmt_header *h,
			struct snp_err *err);

/* schema_read.c */
int snp__schema_read(struct snp_segment *seg, struct snp_err *err);
void snp__schema_fini(struct snp__schema *schema);

/* ---- snapshots ----------------------------------------------------------- */

enum snp__row_state {
	SNP__ROW_ABSENT = 0, /* free, skipped, or its pool is not there */
	SNP__ROW_PRESENT,    /* but not decoded yet */
	SNP__ROW_DECODED,
};

struct snp__row {
	struct snp_row pub;
	/* Label values; "" where the row is of another kind. */
	const char *slot_text, *pid_text; /* workers */
	const char *tool_text;
};

/* What is derived from the image when it is first asked for. */
struct snp__decoded {
	uint8_t *state[SNP_ROW_KINDS]; /* enum snp__row_state, by row */
	struct snp__row *rows[SNP_ROW_KINDS];
	/* Texts of rows: room for the longest there can be is reserved with the rows,
	 * so that decoding cannot fail. */
	char *text;
	size_t text_used;
	/* Workers by pool and WORKER_STATUS, by the rule of this metric. */
	const struct snp__metric *counted_by;
	uint64_t *counts;
};

struct snp_snapshot {
	const struct snp_segment *seg;
	struct snp_snapshot_stats stats;
	/* The image (gather.h): checked tables, and the entries they lead to. */
	struct snp_fmt_snap head;
	unsigned char *image;
	uint64_t image_bytes;
	bool gathered; /* the image is of live cells, and its layout that of `head` */
	uint32_t rows_nr[SNP_ROW_KINDS], rows_max[SNP_ROW_KINDS];
	struct snp__decoded *decoded;
};

/* The entry of a row that is there. */
static inline const unsigned char *snp__entry_of(const struct snp_snapshot *snap,
						 unsigned kind, uint32_t row)
{
	const struct snp_fmt_snap_table *t = &snap->head.table[kind];

	return snap->image + t->off + row * t->stride;
}

/* row_read.c: settle which rows of an image that has just been filled are there.
 * -ENOMEM. */
int snp__rows_prepare(struct snp_snapshot *snap);
void snp__rows_fini(struct snp_snapshot *snap);
/* Decode a row that is there. */
void snp__row_decode(const struct snp_snapshot *snap, unsigned kind, uint32_t index);

static inline bool snp__row_present(const struct snp_snapshot *snap, unsigned kind,
				    uint32_t row)
{
	return row < snap->rows_nr[kind] &&
	       snap->decoded->state[kind][row] != SNP__ROW_ABSENT;
}

/* Whether a worker's row, by its entry, has a process. */
static inline bool snp__has_process(const struct snp_snapshot *snap,
				    const unsigned char *entry)
{
	uint64_t record = snap->head.table[SNP_ROW_WORKER].record;

	return record && snp__load(entry, record + sizeof(uint64_t) * SNP_PROC_PID);
}

/* A row that is there, decoded. */
static inline const struct snp__row *snp__row_of(const struct snp_snapshot *snap,
						 unsigned kind, uint32_t row)
{
	if (snap->decoded->state[kind][row] != SNP__ROW_DECODED)
		snp__row_decode(snap, kind, row);
	return &snap->decoded->rows[kind][row];
}

#endif
