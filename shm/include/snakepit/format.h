/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - the bytes of a segment, and nothing else. shm/format/segment.md is the
 * normative text; the static assertions here hold the two together.
 *
 * All integers are little-endian. Every address is an offset from the start of the
 * file. Shared mutable words are aligned 64-bit atomics; each says who writes it, who
 * reads it and in which order. Everything else is immutable once `state` has left INIT
 * (header, directory) or once the watermark that covers it has been released
 * (descriptors, strings). No pointers, no enums, no bools: their size is the
 * compiler's, not ours.
 */
#ifndef SNP_SHM_FORMAT_H
#define SNP_SHM_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <atomic>
#define _Atomic /* C++ sees plain words of the same layout */
#else
#include <stdatomic.h>
#endif

#define SNP_FMT_MAGIC	     "\x93SNKM\r\n\x1a"
#define SNP_FMT_ENDIAN	     UINT32_C(0x01020304)
#define SNP_FMT_MAJOR	     1
#define SNP_FMT_MINOR	     0
#define SNP_FMT_HEADER_BYTES 0x1000
#define SNP_FMT_DIR_OFF	     0x1000
#define SNP_FMT_DIR_MAX	     64
#define SNP_FMT_PAGE	     4096
#define SNP_FMT_LINE	     64
#define SNP_FMT_NAME_BYTES   64
#define SNP_FMT_MAX_BYTES    (UINT64_C(1) << 32) /* readers refuse anything larger */

/* Enumerations of enums.def: SNP_<TABLE>_<ID>, and SNP_<TABLE>_NR values each. */
#define SNP_ENUM_BEGIN(table, label)                                                   \
	enum snp_enum_##table                                                          \
	{
#define SNP_ENUM_VALUE(table, id, text) SNP_##table##_##id,
#define SNP_ENUM_END(table)                                                            \
	SNP_##table##_NR                                                               \
	}                                                                              \
	;
#include "enums.def"
#undef SNP_ENUM_BEGIN
#undef SNP_ENUM_VALUE
#undef SNP_ENUM_END

/* Numbers of the tables themselves, in order of enums.def. */
enum snp_enum_table {
#define SNP_ENUM_BEGIN(table, label) SNP_ENUM_TABLE_##table,
#define SNP_ENUM_VALUE(table, id, text)
#define SNP_ENUM_END(table)
#include "enums.def"
#undef SNP_ENUM_BEGIN
#undef SNP_ENUM_VALUE
#undef SNP_ENUM_END
	SNP_ENUM_TABLE_NR
};

/* ---- header -------------------------------------------------------------- */

enum { /* header.state */
       SNP_STATE_INIT = 0,
       SNP_STATE_LIVE = 1,
       SNP_STATE_DRAINING = 2,
       SNP_STATE_CLOSED = 3,
       SNP_STATE_SUPERSEDED = 4,
};

/* One copy of the writer's heartbeat; the header holds two (see snp_fmt_header.hb). */
struct snp_fmt_heartbeat {
	_Atomic uint64_t seq;	  /* equals hb_seq when this copy was published */
	_Atomic uint64_t mono_ns; /* middle of the two monotonic reads */
	_Atomic uint64_t real_ns; /* wall clock at that moment */
	_Atomic uint64_t boottime_ns;
	_Atomic uint64_t pair_error_ns; /* half the distance of the two reads */
	_Atomic uint64_t loop_lag_max_ns;
	_Atomic uint64_t live_threads;
	_Atomic uint64_t crc; /* CRC32C of the 56 bytes before it */
	_Atomic uint64_t reserved[8];
};
static_assert(sizeof(struct snp_fmt_heartbeat) == 128, "heartbeat copy");

struct snp_fmt_header {
	/* 0x000: written once before state leaves INIT, covered by hdr_crc. */
	uint8_t magic[8];
	uint32_t endian;
	uint16_t ver_major, ver_minor;
	uint16_t compat_major_min, reserved0;
	uint32_t header_size;
	uint64_t feat_incompat;
	uint64_t feat_compat;
	uint64_t map_size;
	uint8_t instance_uuid[16];
	uint8_t boot_id[16];
	uint64_t incarnation;
	uint32_t pid, uid;
	uint64_t pid_start_ticks;
	uint64_t pidns_inode;
	uint64_t timens_inode;
	uint64_t start_monotonic_ns;
	uint64_t start_realtime_ns;
	uint64_t dir_off;
	uint64_t dir_count;
	uint64_t schema_hash; /* FNV-1a 64 over the schema regions, see segment.md */
	uint32_t heartbeat_interval_ms, stale_after_ms;
	uint32_t scrape_hint_ms, reuse_quarantine_ms;
	char name[SNP_FMT_NAME_BYTES]; /* instance, NUL-padded UTF-8 */
	uint32_t hdr_crc;	       /* CRC32C of 0x00..0xEF */
	uint32_t dir_crc;	       /* CRC32C of the dir_count directory entries */
	uint8_t pad0[8];

	/* 0x100  writer: runtime main thread | order: release store, acquire load.
	 * Partner of the acquire in attach: everything above is visible with LIVE. */
	_Atomic uint64_t state;
	_Atomic uint64_t stop_reason; /* STOP_REASON; stored before CLOSED */
	uint8_t pad1[0x30];

	/* 0x140  writer: supervisor | +2 for each change of descriptors, rows or banks
	 */
	_Atomic uint64_t struct_gen;
	uint8_t pad2[0x38];

	/* 0x180  writer: supervisor | order: release store, acquire load. Watermarks.
	 */
	_Atomic uint64_t desc_used;   /* entries of DESC; to be read first */
	_Atomic uint64_t strt_used;   /* bytes of STRT */
	_Atomic uint64_t bank_high;   /* banks that were ever adopted */
	_Atomic uint64_t row_high[4]; /* rows that were ever used, by row kind */
	_Atomic uint64_t reserved1;

	/* 0x1C0  writer: ticker | order: release store after the copy (hb_seq & 1). */
	_Atomic uint64_t hb_seq;
	uint8_t pad3[0x38];
	struct snp_fmt_heartbeat hb[2]; /* 0x200, 0x280 */

	/* 0x300  writer: any thread, under the writer's mutex, relaxed. The segment's
	 * own meters: what did not fit. */
	_Atomic uint64_t rows_dropped;
	_Atomic uint64_t banks_exhausted;
	_Atomic uint64_t text_truncated;
	_Atomic uint64_t reserved2[5];

	/* 0x340  writer: ticker | order: release store after the half (snap_seq & 1).
	 */
	_Atomic uint64_t snap_seq;
	uint8_t pad4[0x38];
	uint8_t reserved3[0xC80];
};
static_assert(sizeof(struct snp_fmt_header) == SNP_FMT_HEADER_BYTES, "header page");
#define SNP_FMT_AT(field, off)                                                         \
	static_assert(offsetof(struct snp_fmt_header, field) == (off), #field)
SNP_FMT_AT(endian, 0x08);
SNP_FMT_AT(ver_major, 0x0C);
SNP_FMT_AT(header_size, 0x14);
SNP_FMT_AT(feat_incompat, 0x18);
SNP_FMT_AT(map_size, 0x28);
SNP_FMT_AT(instance_uuid, 0x30);
SNP_FMT_AT(boot_id, 0x40);
SNP_FMT_AT(incarnation, 0x50);
SNP_FMT_AT(pid, 0x58);
SNP_FMT_AT(pid_start_ticks, 0x60);
SNP_FMT_AT(start_monotonic_ns, 0x78);
SNP_FMT_AT(dir_off, 0x88);
SNP_FMT_AT(schema_hash, 0x98);
SNP_FMT_AT(heartbeat_interval_ms, 0xA0);
SNP_FMT_AT(name, 0xB0);
SNP_FMT_AT(hdr_crc, 0xF0);
SNP_FMT_AT(state, 0x100);
SNP_FMT_AT(struct_gen, 0x140);
SNP_FMT_AT(desc_used, 0x180);
SNP_FMT_AT(hb_seq, 0x1C0);
SNP_FMT_AT(hb, 0x200);
SNP_FMT_AT(rows_dropped, 0x300);
SNP_FMT_AT(snap_seq, 0x340);

/* Words of the meters from 0x300 on, which every SNAP half repeats. */
#define SNP_FMT_METERS_OFF 0x300
#define SNP_FMT_METERS	   8

/* ---- region directory ---------------------------------------------------- */

enum {			     /* region.type; readers skip types they do not know */
       SNP_REGION_DESC = 1,  /* metric descriptors */
       SNP_REGION_STRT = 2,  /* strings */
       SNP_REGION_KEYS = 3,  /* row attributes that become labels */
       SNP_REGION_ENUM = 4,  /* tables of label values, u32 words */
       SNP_REGION_BNDS = 5,  /* classic histogram bounds, u64 nanoseconds */
       SNP_REGION_JSON = 6,  /* the schema as JSON text */
       SNP_REGION_ROWD = 7,  /* row directory of one kind */
       SNP_REGION_ROWC = 8,  /* row cells of one kind */
       SNP_REGION_BANK = 9,  /* bank cells of one kind, one block a bank */
       SNP_REGION_SNAP = 10, /* two checksummed copies of all rows and values */
       SNP_REGION_INFL = 11, /* requests in flight, a block a worker row */
       SNP_REGION_EVNT = 12, /* event rings, one a bank */
       SNP_REGION_EVID = 13, /* ring of texts that events point to */
       SNP_REGION_SPAN = 14, /* rings of finished spans, one a bank */
       SNP_REGION_HIST = 15, /* rings of samples of one row kind, one a row */
       SNP_REGION_TEXT = 16, /* why the last start of a worker slot failed */
       SNP_REGION_THRD = 17, /* the threads that hold the banks */
       SNP_REGION_LEDG = 18, /* a latched record a row of one kind, beside ROWC's */
};

enum {			 /* region.kind, desc.row_kind, index of header.row_high */
       SNP_ROW_PROC = 0, /* the runtime itself: exactly one row, no directory */
       SNP_ROW_POOL = 1,
       SNP_ROW_WORKER = 2, /* a worker slot */
       SNP_ROW_TOOL = 3,   /* a tool of a pool */
       SNP_ROW_KINDS = 4,
};

/* Immutable, covered by header.dir_crc. Block b starts at off + b * outer_stride and is
 * `len` bytes long; entry i of a block starts i * stride into it, in the ring regions
 * (EVNT, EVID, SPAN, HIST) behind the ring's header. Blocks are banks in BANK, EVNT and
 * SPAN, rows in HIST and INFL, halves in SNAP; everything else has one. */
struct snp_fmt_region {
	uint32_t type;
	uint32_t kind;
	uint64_t off;
	uint64_t len;	 /* bytes from off (of one block where outer_count > 1) */
	uint64_t stride; /* bytes of an entry; 1 for byte regions */
	uint64_t count;	 /* entries there is room for */
	uint64_t outer_stride;
	uint64_t outer_count; /* 1 where there is no outer dimension */
	uint32_t version;     /* layout of an entry, 1 */
	uint32_t reserved;
};
static_assert(sizeof(struct snp_fmt_region) == 64, "directory entry");

/* ---- schema -------------------------------------------------------------- */

enum { /* desc.kind */
       SNP_KIND_COUNTER = 1,
       SNP_KIND_UPDOWN = 2,
       SNP_KIND_GAUGE = 3,
       SNP_KIND_HISTOGRAM = 4,
       SNP_KIND_STATE = 5,
       SNP_KIND_TIMESTAMP = 6,
       SNP_KIND_INFO = 7,
};

enum { /* desc.vtype: what the stored word is */
       SNP_VT_U64 = 1,
       SNP_VT_I64 = 2,
       SNP_VT_F64 = 3,
       SNP_VT_MONO_NS =
	   4, /* CLOCK_MONOTONIC; convert with the heartbeat's clock pair */
       SNP_VT_REAL_NS = 5, /* CLOCK_REALTIME */
       SNP_VT_NONE = 6,
};

enum {			/* desc.storage: where the cell is */
       SNP_ST_BANK = 1, /* sum over banks of word `off` of the row's block */
       SNP_ST_ROW = 2,	/* word `off` of the row in ROWC */
       SNP_ST_LATCH =
	   3, /* word `off` of the latched record at the start of the ROWC row */
       SNP_ST_HEADER = 4,  /* word at file offset `off` */
       SNP_ST_DERIVED = 5, /* rule `derive` */
       SNP_ST_ONE = 6,	   /* no cell, the value is 1 */
       SNP_ST_LEDGER = 7,  /* word `off` of the row's latched record in LEDG */
};

enum { /* desc.derive */
       SNP_DERIVE_NONE = 0,
       /* Worker rows of the pool counted by status. DRAINING is draining; READY is busy
	* with requests in flight, idle without; SPAWNING, STARTING and WARMING are
	* starting; all others are down. Needs the cells `state` and `worker_active` of
	* the worker rows: their byte offsets in the row are `derive_a` and `derive_b`
	* of the descriptor. */
       SNP_DERIVE_WORKERS_BY_STATUS = 1,
};

enum {			    /* desc.flags */
       SNP_DESC_SPARSE = 1, /* rows whose first word of it is all ones do not have it */
};
#define SNP_FMT_ABSENT UINT64_MAX

enum { /* desc.level */
       SNP_LEVEL_INFO = 1,
       SNP_LEVEL_DIAG = 2,
       SNP_LEVEL_DEBUG = 3,
};

/* A string reference is the offset in STRT divided by 8; 0 is the empty string. At the
 * offset: u32 length in bytes, the bytes (UTF-8), a NUL, zeros up to a multiple of 8.
 */
struct snp_fmt_desc {
	uint32_t id; /* 1.. in order of metrics.def; never reused */
	uint8_t kind, vtype, storage, agg;
	uint8_t row_kind, level, stability, flags;
	uint32_t off;		  /* bytes, see `storage` */
	uint32_t count;		  /* cells: values of the enum table, or 1 */
	uint32_t stride;	  /* bytes from cell to cell */
	uint32_t name, prom_name; /* OpenTelemetry and Prometheus name */
	uint32_t unit;		  /* UCUM */
	int32_t unit_exp;	  /* value in `unit` = stored * 10^unit_exp */
	uint32_t help, help_long;
	uint32_t labels;   /* static labels, 0 = none */
	uint32_t row_keys; /* bit k set: KEYS entry k is a label of each series */
	uint32_t enum_off; /* word index of the table in ENUM; 0 = no enum label */
	uint32_t bounds_off, bounds_count; /* index and number of words in BNDS */
	int32_t idx_min;		   /* histogram: OTel index of bucket 1 */
	uint16_t nbuckets; /* histogram: buckets between underflow and overflow */
	int8_t scale;	   /* histogram: base = 2^(2^-scale) */
	uint8_t derive;
	uint16_t since_minor, retired_minor; /* retired_minor 0 = in use */
	uint64_t
	    zero_threshold_ns; /* histogram: values up to this are in the zero bucket */
	uint32_t derive_a, derive_b;
	uint32_t upper_off; /* histogram: index in BNDS of the inclusive upper bounds,
			       in ns, of words 0 to nbuckets */
	uint32_t reserved0;
	uint64_t reserved[3];
};
static_assert(sizeof(struct snp_fmt_desc) == 128, "descriptor");
static_assert(offsetof(struct snp_fmt_desc, zero_threshold_ns) == 80, "descriptor");

enum { /* KEYS entry `source`: which attribute of a row becomes the label */
       SNP_KEY_POOL = 0,   /* name of the pool row, or of the row's parent pool */
       SNP_KEY_WORKER = 1, /* slot number within the pool */
       SNP_KEY_METHOD = 2, /* name of the tool row */
       SNP_KEY_WORKER_ID =
	   3,		    /* "<pool>/<slot>#<incarnation>" from the process record */
       SNP_KEY_PID = 4,	    /* process record */
       SNP_KEY_ADAPTER = 5, /* second string of the parent pool's row */
       SNP_KEY_PYTHON = 6,  /* process record */
       SNP_KEY_NR = 7,
};

struct snp_fmt_key {
	uint32_t source;
	uint32_t prom_name; /* label, for example "pool" */
	uint32_t otel_name; /* attribute, for example "snakepit.pool.name" */
	uint32_t reserved;
};
static_assert(sizeof(struct snp_fmt_key) == 16, "key");

/* ENUM, u32 words: 0, number of tables n, then the word index of each table in the
 * order of enums.def (the numbers SNP_ENUM_TABLE_*). A table: label name (string ref),
 * OTel attribute name (string ref), number of values n, then n string refs. */

/* ---- rows ---------------------------------------------------------------- */

enum { /* gen mod 4 */
       SNP_GEN_FREE = 0,
       SNP_GEN_LIVE = 1,
       SNP_GEN_TOMBSTONE = 2,
       SNP_GEN_RECYCLING = 3,
};

/* Attributes of a row up to `name` and `text`, NUL-padded, need no string table: names
 * come and go with rows, and a table that only grows would fill. */
#define SNP_ROW_TEXT_WORDS 16
#define SNP_ROW_TEXT_BYTES (8 * SNP_ROW_TEXT_WORDS)

/* writer: the thread that declares or retires the row, under the writer's mutex |
 * readers: copy, then check gen. Publication: all words relaxed, then gen with release.
 * Partner: acquire load of gen before the copy, acquire fence and re-load after it
 * (snapshot.c). Recycling: gen to RECYCLING (relaxed), release fence, clear and fill,
 * gen to LIVE (release). */
struct snp_fmt_row {
	_Atomic uint64_t gen;
	_Atomic uint64_t uid;	 /* never used twice in one segment */
	_Atomic uint64_t parent; /* row index of the pool; own index for pools */
	_Atomic uint64_t slot;	 /* worker: slot number within its pool */
	_Atomic uint64_t born_mono_ns;
	_Atomic uint64_t retired_mono_ns;     /* tombstone: when it was retired */
	_Atomic uint64_t reuse_after_mono_ns; /* tombstone: not recycled before */
	_Atomic uint64_t retire_reason;	      /* tombstone: RETIRE_REASON */
	_Atomic uint64_t reserved[8];
	_Atomic uint64_t name[SNP_ROW_TEXT_WORDS]; /* pool or tool */
	_Atomic uint64_t text[SNP_ROW_TEXT_WORDS]; /* pool: adapter */
};
static_assert(sizeof(struct snp_fmt_row) == 384, "row directory entry");

/* ---- histograms ---------------------------------------------------------- */

#define SNP_HIST_BUCKETS 256
#define SNP_HIST_SCALE	 3
#define SNP_HIST_IDX_MIN (-160) /* bucket 1 covers (2^-20 s, 2^(-20+1/8) s] */
#define SNP_HIST_WORDS	 (SNP_HIST_BUCKETS + 2)

/* bucket[0] zero and underflow, bucket[1..256], bucket[257] overflow. The writer adds
 * to the bucket (relaxed), then to the sum (release); a reader loads the sum (acquire)
 * before the buckets, so that the sum is never ahead of them. */
struct snp_fmt_hist {
	_Atomic uint64_t bucket[SNP_HIST_WORDS];
	_Atomic uint64_t sum; /* ns */
};

/* ---- latched records ----------------------------------------------------- */

/* Two copies and a sequence word. Writer: copy (seq + 1) & 1 (release fence, relaxed
 * stores), then seq + 1 (release). Reader: seq (acquire), copy seq & 1, acquire fence,
 * seq again; unequal: again. One copy is whole even if the writer died half-way. */
#define SNP_LATCH_WORDS 16

struct snp_fmt_latch {
	_Atomic uint64_t seq;
	_Atomic uint64_t reserved[7];
	_Atomic uint64_t copy[2][SNP_LATCH_WORDS];
};
static_assert(sizeof(struct snp_fmt_latch) == 320, "latch");

enum {				 /* words of a worker's process record */
       SNP_PROC_INCARNATION = 0, /* 1.. ; 0 = the slot never had a process */
       SNP_PROC_PID = 1,	 /* 0 = none now */
       SNP_PROC_START_MONO_NS = 2,
       SNP_PROC_START_REAL_NS = 3,
       SNP_PROC_READY_MONO_NS = 4, /* 0 = not ready yet */
       SNP_PROC_LAST_EXIT_REASON =
	   5, /* EXIT_REASON of the previous process plus 1, 0 = none */
       SNP_PROC_LAST_EXIT_STATUS = 6, /* exit code, or 128 + signal */
       SNP_PROC_PYTHON = 7,	      /* Python version, up to 16 bytes, NUL-padded */
       SNP_PROC_PYTHON_HI = 8,
};

/* A two-copy latch around NUL-terminated UTF-8 text of at most 503 bytes. Protocol as
 * snp_fmt_latch. */
#define SNP_TEXT_WORDS 63
#define SNP_TEXT_BYTES (8 * SNP_TEXT_WORDS)

struct snp_fmt_text {
	_Atomic uint64_t seq;
	_Atomic uint64_t reserved;
	_Atomic uint64_t copy[2][SNP_TEXT_WORDS];
};
static_assert(sizeof(struct snp_fmt_text) == 1024, "text record");

/* ---- requests in flight -------------------------------------------------- */

/* One request a worker runs now. A two-copy latch like snp_fmt_latch, plus a CRC of the
 * words before it in the same copy, for readers without memory ordering. writer: the
 * event loop that owns the worker. */
#define SNP_INFL_WORDS 14

enum {				      /* words of a copy */
       SNP_INFL_START_MONO_NS = 0,    /* sent to the worker; 0 = the slot is free */
       SNP_INFL_DEADLINE_MONO_NS = 1, /* 0 = none */
       SNP_INFL_RECEIVED_MONO_NS = 2, /* by the runtime */
       SNP_INFL_TOOL = 3,	      /* row index */
       SNP_INFL_INCARNATION = 4,      /* of the worker process */
       SNP_INFL_TRACE_ID = 5,	      /* first 8 bytes, big-endian value; 0 = none */
       SNP_INFL_TRACE_ID_LO = 6,      /* last 8 bytes */
       SNP_INFL_CORRELATION = 7,      /* 7 words: text, NUL-padded, cut at 56 bytes */
       SNP_INFL_CRC = 14,	      /* CRC32C of the words before it */
};
static_assert(SNP_INFL_CRC == SNP_INFL_WORDS, "the checksum follows the payload");
#define SNP_INFL_CORRELATION_BYTES 56

struct snp_fmt_inflight {
	_Atomic uint64_t seq;
	_Atomic uint64_t reserved;
	_Atomic uint64_t copy[2][SNP_INFL_WORDS + 1];
};
static_assert(sizeof(struct snp_fmt_inflight) == 256, "in-flight slot");

/* ---- rings --------------------------------------------------------------- */

/* Ring of one writer thread. Writer of record n: record.seq = 0 (relaxed), release
 * fence, payload (relaxed), record.seq = n + 1 (release), head = n + 1 (release).
 * Reader: head (acquire), then for each n: seq (acquire) == n + 1, copy, acquire fence,
 * seq again. Word 1 of each record is the CRC32C of n + 1 and of words 2 to the end of
 * the entry: readers without memory ordering copy and check that. Record n is entry
 * n mod capacity. */
struct snp_fmt_ring {
	_Atomic uint64_t head; /* records ever written */
	uint64_t capacity;     /* records, immutable; a power of two in EVNT and SPAN */
	_Atomic uint64_t reserved[6];
};
static_assert(sizeof(struct snp_fmt_ring) == 64, "ring header");

struct snp_fmt_event {
	_Atomic uint64_t seq, crc;
	_Atomic uint64_t mono_ns;
	_Atomic uint64_t
	    kind; /* EVENT_KIND | initiator << 16 | from << 32 | to << 48 */
	_Atomic uint64_t reason;     /* MOVE_REASON */
	_Atomic uint64_t pool, slot; /* row index of the pool; slot within it */
	_Atomic uint64_t pool_uid;
	_Atomic uint64_t incarnation, pid;
	_Atomic uint64_t value[2];
	_Atomic uint64_t trace_id[2];
	_Atomic uint64_t evidence; /* record n of EVID plus 1; 0 = none */
	_Atomic uint64_t reserved;
};
static_assert(sizeof(struct snp_fmt_event) == 128, "event record");

/* A text that an event points to. Longer ones take several records in a row, of which
 * the event names the first. writer: supervisor. */
#define SNP_EVID_TEXT_WORDS 496
#define SNP_EVID_TEXT_BYTES (8 * SNP_EVID_TEXT_WORDS)

struct snp_fmt_evidence {
	_Atomic uint64_t seq, crc;
	_Atomic uint64_t mono_ns;
	_Atomic uint64_t kind;	     /* EVIDENCE_KIND */
	_Atomic uint64_t part;	     /* from 0 | parts << 32 */
	_Atomic uint64_t length;     /* bytes of text in this record */
	_Atomic uint64_t pool, slot; /* as in an event */
	_Atomic uint64_t pool_uid;
	_Atomic uint64_t incarnation, pid;
	_Atomic uint64_t reserved[5];
	_Atomic uint64_t text[SNP_EVID_TEXT_WORDS]; /* UTF-8, NUL-padded */
};
static_assert(sizeof(struct snp_fmt_evidence) == 4096, "evidence record");

/* A finished span. writer: the thread that holds the bank. */
#define SNP_SPAN_CORRELATION_BYTES 128
#define SNP_SPAN_SESSION_BYTES	   64

/* Bits of `flags`. The first three are those of OpenTelemetry's Span.flags. */
#define SNP_SPAN_FLAGS_W3C	 0x0FF /* of the traceparent: 1 sampled, 2 random */
#define SNP_SPAN_FLAGS_REMOTE	 0x100 /* whether the parent is remote is known */
#define SNP_SPAN_FLAGS_IS_REMOTE 0x200 /* and it is: another process's */
#define SNP_SPAN_FLAGS_EXPORT	 0x400 /* may leave the host: tracing is on, sampled */

struct snp_fmt_span {
	_Atomic uint64_t seq, crc;
	_Atomic uint64_t start_mono_ns, end_mono_ns;
	_Atomic uint64_t trace_id[2]; /* as in flight: first and last 8 bytes */
	_Atomic uint64_t span_id, parent_span_id; /* parent 0 = root */
	_Atomic uint64_t kind;	/* SPAN_KIND | SPAN_STATUS << 16 | SPAN_METHOD << 32 */
	_Atomic uint64_t flags; /* SNP_SPAN_FLAGS_* */
	_Atomic uint64_t queue_ns; /* time in the queue before `start` of an attempt, or
				      in all */
	_Atomic uint64_t pool, pool_uid;
	_Atomic uint64_t tool, tool_uid; /* row index and uid */
	_Atomic uint64_t slot;		 /* worker slot plus 1; 0 = reached none */
	_Atomic uint64_t incarnation;
	_Atomic uint64_t attempt; /* from 1; of the whole request: attempts made */
	_Atomic uint64_t correlation[SNP_SPAN_CORRELATION_BYTES / 8]; /* NUL-padded */
	_Atomic uint64_t session[SNP_SPAN_SESSION_BYTES / 8];	      /* NUL-padded */
	_Atomic uint64_t reserved[6];
};
static_assert(sizeof(struct snp_fmt_span) == 384, "span record");

/* ---- history ------------------------------------------------------------- */

/* HIST rings hold the last minutes of each row. writer: ticker. `uid` is the row's when
 * the sample was taken: samples of an earlier life of the row are not the row's. */
#define SNP_HIST_OCTAVES 32

struct snp_fmt_pool_sample { /* one a second */
	_Atomic uint64_t seq, crc;
	_Atomic uint64_t mono_ns;
	_Atomic uint64_t uid;
	_Atomic uint64_t queue_depth, active;
	_Atomic uint64_t requests, failures; /* since the start, not of this second */
	/* Requests that ended since the previous sample, by duration, two u32 a word,
	 * the lower first: octave j counts (2^(j-1), 2^j] * 2^-20 s, the first all
	 * below, the last all above. */
	_Atomic uint64_t octave[SNP_HIST_OCTAVES / 2];
};
static_assert(sizeof(struct snp_fmt_pool_sample) == 192, "pool sample");

struct snp_fmt_worker_sample { /* one in five seconds */
	_Atomic uint64_t seq, crc;
	_Atomic uint64_t mono_ns;
	_Atomic uint64_t uid;
	_Atomic uint64_t state;		    /* WORKER_STATE */
	_Atomic uint64_t requests, busy_ns; /* since the start */
	_Atomic uint64_t rss_bytes;
};
static_assert(sizeof(struct snp_fmt_worker_sample) == 64, "worker sample");

/* ---- writer threads ------------------------------------------------------ */

/* Entry b: the thread that holds bank b. writer: that thread. */
struct snp_fmt_thread {
	/* Since when it has been at work without going back to wait; 0 = it waits. A
	 * loop that is stuck shows here although the ticker goes on. */
	_Atomic uint64_t busy_since_mono_ns;
	_Atomic uint64_t tid;	  /* in the writer's pid namespace; 0 = bank is free */
	_Atomic uint64_t name[2]; /* up to 16 bytes, NUL-padded */
	_Atomic uint64_t reserved[12];
};
static_assert(sizeof(struct snp_fmt_thread) == 128, "thread");

/* ---- SNAP ---------------------------------------------------------------- */

/* Where the rows of one kind are in a half of SNAP. Offsets within an entry; 0 = the
 * kind has no such part. */
struct snp_fmt_snap_table {
	uint64_t off;	 /* from the start of the half */
	uint64_t count;	 /* rows ever used; entry i is row i */
	uint64_t stride; /* bytes from entry to entry */
	uint64_t record; /* the current copy of the row's latched record */
	uint64_t text;	 /* workers: the current copy of TEXT */
	uint64_t
	    cells; /* the row's ROWC entry from byte sizeof(struct snp_fmt_latch) on */
	uint64_t sums;	 /* the row's BANK entry, summed over banks */
	uint64_t ledger; /* the current copy of the row's LEDG record */
};
static_assert(sizeof(struct snp_fmt_snap_table) == 64, "snap table");

/* A half: this header, then the entries, each of which starts with the row's ROWD entry
 * (PROC: zeros but for gen). Plain bytes under one checksum: right for any reader that
 * can copy them, from the map, with read(), or from a copy of the file. writer: ticker,
 * only ever into the half that header.snap_seq does not select. */
struct snp_fmt_snap {
	uint64_t crc;	 /* CRC32C of bytes 8 to `length` */
	uint64_t seq;	 /* header.snap_seq when this half became the current one */
	uint64_t length; /* bytes of the half in use, this header included */
	uint64_t begin_mono_ns, end_mono_ns; /* when the values were gathered */
	uint64_t real_ns;		     /* wall clock at the end */
	uint64_t struct_gen;
	uint64_t rows_unsettled; /* rows left out (gen 0) because they were changing */
	uint64_t meters[SNP_FMT_METERS]; /* header words from 0x300 on */
	struct snp_fmt_snap_table table[SNP_ROW_KINDS];
	uint64_t reserved[16];
};
static_assert(sizeof(struct snp_fmt_snap) == 512, "snap header");

static_assert(sizeof(_Atomic uint64_t) == 8, "atomics must be plain words");

#ifdef __cplusplus
#undef _Atomic
#endif

#endif
