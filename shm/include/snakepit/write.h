/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - create a segment and write to it. One process writes a segment.
 *
 * Order of use: create, declare rows, publish, then adopt a bank in every thread that
 * counts, add/set/record; heartbeat, snap and sample from a thread of its own; close.
 *
 * Exclusion and progress:
 *                        | may run beside itself | takes a lock
 *   create/publish/close | no                    | -
 *   row_declare, _retire,| yes                   | the writer's mutex
 *   bank_*               |                       |
 *   heartbeat, snap,     | no (one thread)       | no
 *   sample               |                       |
 *   add, set, record,    | one thread a cell     | no: wait-free, no system call, no
 *   latch, event, span,  |                       | allocation, no LOCK-prefixed
 *   inflight             |                       | instruction
 *
 * Each cell has one writing thread at a time: bank cells the thread that holds the
 * bank, row cells the thread metrics.def names, a ring the thread that holds its bank.
 */
#ifndef SNP_SHM_WRITE_H
#define SNP_SHM_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snakepit/cells.h"
#include "snakepit/err.h"
#include "snakepit/format.h"
#include "snakepit/time.h"

/* Not on 32-bit x86: its plain 64-bit accesses are two. The bytes are the same there.
 */
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");

struct snp_writer;

enum snp_writer_flags {
	SNP_WRITER_ALLOW_DISK = 1, /* accept a directory that is not on tmpfs */
	/* Private memory in place of the file: same calls, no reader, nothing but the
	 * instance's lock in the directory. snp_writer_path() is "". */
	SNP_WRITER_ANONYMOUS = 2,
};

struct snp_writer_options {
	const char
	    *dir; /* created 0750 when missing; must be ours and not world-writable */
	const char
	    *instance; /* 1..63 bytes of [A-Za-z0-9_.-], not ".*" and not "*.prev" */
	uint32_t pools_max, workers_max, tools_max; /* rows; each at least 1 */
	uint32_t banks_max;			    /* threads that count, at least 1 */
	uint32_t events_per_ring;		    /* a power of two; 0 = 1024 */
	uint32_t spans_per_ring;		    /* a power of two; 0 = 1024 */
	uint32_t inflight_per_worker;		    /* most requests at once; 0 = 1 */
	uint32_t evidence_max;			    /* texts kept; 0 = 64 */
	uint32_t adapter_metrics_max; /* of adapters; SNP_ADAPTER_METRICS_MAX at most */
	uint32_t history_seconds;     /* 0 = 600 */
	uint32_t reuse_quarantine_ms; /* 0 = 60000 */
	uint32_t heartbeat_interval_ms; /* 0 = 100 */
	uint32_t stale_after_ms;	/* 0 = 1000 */
	enum snp_writer_flags flags;
};

/* Create the segment under a temporary name, fully allocated, state INIT.
 *   -EINVAL bad option; -EEXIST another process runs this instance; -EACCES/-EPERM
 * unsafe or unwritable directory; -ENOSPC the file system is too small (needs
 * snp_writer_size()); -EMEDIUMTYPE not a tmpfs and ALLOW_DISK not given. */
int snp_writer_create(const struct snp_writer_options *options,
		      struct snp_writer **ret_writer, struct snp_err *err);

/* Bytes the segment takes; what create would allocate for these options. Means nothing
 * for numbers that create refuses. */
uint64_t snp_writer_size(const struct snp_writer_options *options);

/* State LIVE, then visible as <dir>/<instance>.seg; a predecessor moves to .prev.seg.
 */
int snp_writer_publish(struct snp_writer *writer, struct snp_err *err);

void snp_writer_set_draining(struct snp_writer *writer);

/* Why the segment will be closed; say it before close or remove. */
void snp_writer_set_stop_reason(struct snp_writer *writer,
				enum snp_enum_STOP_REASON reason);

/* Last SNAP and heartbeat, state CLOSED, unmap, unlock. The file stays for post-mortem
 * readers. */
void snp_writer_close(struct snp_writer **writer);

/* The same, and remove the file and the instance's lock: a clean end leaves nothing
 * behind. Readers that are attached keep their map and see CLOSED. */
void snp_writer_remove(struct snp_writer **writer);

/* Unmap without a word, as a crash would: for tests. */
void snp_writer_abandon(struct snp_writer **writer);

/* In the child of a fork, right after it: let go of the instance's lock, which would
 * outlive the writer's process in the child's hands. The object is unusable then. One
 * system call, nothing else. */
void snp_writer_forget(const struct snp_writer *writer);

const char *snp_writer_path(const struct snp_writer *writer);
/* Instance uuid as text (36 characters and a NUL), new for each create. */
const char *snp_writer_uuid(const struct snp_writer *writer);

/* Publish a heartbeat with a fresh clock pair; call every heartbeat_interval_ms.
 * `loop_lag_max_ns`: how late the call is; `live_threads`: threads that run. */
void snp_writer_heartbeat(struct snp_writer *writer, uint64_t loop_lag_max_ns,
			  unsigned live_threads);

/* Gather all rows and values into the half of SNAP that is not the current one, then
 * make it current. Waits for nobody; a row that would not settle is left out and
 * counted. Same thread as the heartbeat. */
void snp_writer_snap(struct snp_writer *writer);

/* Take the samples of HIST that are due (pools: 1 s, workers: 5 s after the last),
 * from the current half of SNAP. Same thread as the heartbeat; call at least once a
 * second, after snp_writer_snap(). */
void snp_writer_sample(struct snp_writer *writer, snp_mono_t now);

/* ---- rows ---------------------------------------------------------------- */

struct snp_row_decl {
	unsigned kind;	  /* SNP_ROW_POOL, _WORKER or _TOOL */
	uint32_t pool;	  /* row index of the pool; ignored for pools */
	uint32_t slot;	  /* workers: number within the pool */
	const char *name; /* pools, tools: 1..128 bytes of UTF-8 */
	const char *text; /* pools: adapter; may be NULL */
};

/* Take a row that was never used or, when there is none, the one retired longest ago
 * whose quarantine has passed; fill and publish it. -ENOSPC when there is neither
 * (counted in rows_dropped): the caller goes on with an overflow row of its own.
 * -EINVAL where readers would not take the name, or the pool is not live.
 * A thread other than the caller that will write to the row makes a release fence after
 * it learned of the row and before its first store: the row may have lived before. */
int snp_row_declare(struct snp_writer *writer, const struct snp_row_decl *decl,
		    uint32_t *ret_index, struct snp_err *err);

/* Make a live row a tombstone: its values are final, readers still show them. To be
 * called when nobody can write to the row any more, that is after a grace period of the
 * caller's (runtime/rcu.h). The row is not used again before reuse_quarantine_ms. A
 * pool must not have live rows of its own. */
void snp_row_retire(struct snp_writer *writer, unsigned kind, uint32_t index,
		    enum snp_enum_RETIRE_REASON reason);

/* Let the retired row of a worker slot live again, with the values it had: for a slot
 * that is used now and then, whose counters so never fall. The same pool and slot as
 * before; its quarantine need not have passed. A new uid. -ESTALE: the row has become
 * another's meanwhile, declare one. As for snp_row_declare() otherwise. */
int snp_row_revive(struct snp_writer *writer, const struct snp_row_decl *decl,
		   uint32_t index);

struct snp_pool_row *snp_pool_row(struct snp_writer *writer, uint32_t index);
/* The latch that shows a pool's headcount (struct snp_pool_heads). Supervisor only. */
struct snp_fmt_latch *snp_pool_heads(struct snp_writer *writer, uint32_t index);
struct snp_worker_row *snp_worker_row(struct snp_writer *writer, uint32_t index);

/* ---- metrics of adapters -------------------------------------------------- */

#define SNP_ADAPTER_METRICS_MAX	   64
#define SNP_ADAPTER_METRICS_A_HIST 4  /* one in so many may be a histogram */
#define SNP_ADAPTER_NAME_BYTES	   64 /* with its NUL */
#define SNP_ADAPTER_UNIT_BYTES	   24
#define SNP_ADAPTER_HELP_BYTES	   168

/* A metric that the code of an adapter counts, which joins the schema while the runtime
 * lives. */
struct snp_adapter_metric {
	unsigned kind; /* SNP_KIND_COUNTER, _GAUGE or _HISTOGRAM */
	const char
	    *name; /* words of letters and digits, by single dots or underscores */
	const char *unit; /* "", s, By, %, 1 or {thing} */
	const char *help; /* UTF-8 */
};

/* Find the metric, or append its descriptor: readers that attach from now on see it,
 * and snp_segment_replaced() tells the others. A counter or histogram has a cell in
 * each pool's row, counted in nanoseconds (counters: where the unit is s) or whole
 * numbers; a gauge has one in each worker's row, a double. Of other units a histogram
 * counts 1 as 10^9, so that all of them are read alike. The first word of a cell is
 * SNP_FMT_ABSENT until it is stored to, and readers see no such cell.
 *   -EINVAL  kind, name, unit or help is not as above
 *   -EEXIST  another metric has the name, or one that would look like it
 *   -ENOSPC  there are as many as the segment has room for
 * Takes the writer's mutex. */
int snp_adapter_metric(struct snp_writer *writer,
		       const struct snp_adapter_metric *metric, uint32_t *ret_metric,
		       struct snp_err *err);

/* Whether histograms of that unit are recorded by snp_hist_record(); else by _long().
 */
bool snp_adapter_unit_is_time(const char *unit);

/* The cell of a metric in the row of a pool or, of a gauge, of a worker: one word, or a
 * struct snp_fmt_hist. Supervisor only. */
_Atomic uint64_t *snp_adapter_cell(struct snp_writer *writer, uint32_t metric,
				   uint32_t row);

/* The row of a pool has the metric from now on, as 0 where it had none. Not for gauges.
 * Supervisor only. */
void snp_adapter_begin(struct snp_writer *writer, uint32_t metric, uint32_t pool_row);

/* The row of a worker has no gauges any more. Supervisor only. */
void snp_adapter_gauges_clear(struct snp_writer *writer, uint32_t worker_row);

/* ---- banks --------------------------------------------------------------- */

/* A thread's private copy of all bank cells, and its rings of events and spans. */
struct snp_bank {
	const struct snp_writer *writer;
	struct snp_proc_cells *proc;
	struct snp_pool_cells *pools; /* array by pool row */
	struct snp_tool_cells *tools; /* array by tool row */
	struct snp_fmt_thread *thread;
	struct snp_fmt_ring *event_ring, *span_ring; /* records follow the header */
	uint32_t index;
};

/* Take over a free bank with the totals its last holder left: sums never fall. The
 * bank is in the name of the calling thread until snp_bank_name_thread().
 * -ENOSPC when all are taken (counted in banks_exhausted). */
int snp_bank_adopt(struct snp_writer *writer, struct snp_bank *ret_bank);
void snp_bank_release(struct snp_writer *writer, struct snp_bank *bank);

/* The calling thread is the one that will write to the bank: publish its id and name.
 */
void snp_bank_name_thread(struct snp_bank *bank);

/* ---- the hot path -------------------------------------------------------- */

static inline void snp_add(_Atomic uint64_t *cell, uint64_t n)
{
	uint64_t v = atomic_load_explicit(cell, memory_order_relaxed);

	atomic_store_explicit(cell, v + n, memory_order_relaxed);
}

static inline void snp_set(_Atomic uint64_t *cell, uint64_t v)
{
	atomic_store_explicit(cell, v, memory_order_relaxed);
}

static inline uint64_t snp_get(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

/* A loop says when it starts to work on something and when it goes back to wait: one
 * that is stuck then shows in the segment. */
static inline void snp_bank_busy(struct snp_bank *bank, snp_mono_t now)
{
	snp_set(&bank->thread->busy_since_mono_ns, now.ns);
}

static inline void snp_bank_idle(struct snp_bank *bank)
{
	snp_set(&bank->thread->busy_since_mono_ns, 0);
}

/* Generated (tools/gen-hist-table): guess from exponent and four mantissa bits, then
 * one compare with the exact boundary floor(1e9 * 2^(i/8)). */
extern const uint16_t snp__hist_guess[1024];
extern const uint64_t snp__hist_upper[SNP_HIST_WORDS];

/* Word of the bucket for a value in steps of the histogram: (lower, upper], as
 * OpenTelemetry and Prometheus define it. */
static inline unsigned snp__hist_word(uint64_t v)
{
	unsigned clz = (unsigned)__builtin_clzll(v | 1);
	unsigned mantissa = (unsigned)((v << clz) >> 59) & 15;
	unsigned k = snp__hist_guess[(63 - clz) * 16 + mantissa];

	return k + (v > snp__hist_upper[k]);
}

/* Fetch the cell's line with the right to write to it. One that a reader on another
 * processor has looked at is shared: without this the load finds it so, and the store
 * asks for it once more and waits. */
static inline void snp__will_write(_Atomic uint64_t *cell)
{
#ifdef __x86_64__ /* gcc's own, without -mprfchw, is for reading */
	__asm__ volatile("prefetchw %0" : : "m"(*cell));
#else
	__builtin_prefetch(cell, 1);
#endif
}

static inline void snp__hist_add(struct snp_fmt_hist *h, unsigned word, uint64_t ns)
{
	uint64_t sum;

	snp__will_write(&h->bucket[word]);
	snp__will_write(&h->sum);
	sum = atomic_load_explicit(&h->sum, memory_order_relaxed);
	snp_add(&h->bucket[word], 1);
	/* Release: a reader that sees this sum also sees the bucket (snapshot.c). */
	atomic_store_explicit(&h->sum, sum + ns, memory_order_release);
}

/* HISTOGRAM: up to 68 minutes in 9 % steps. */
static inline void snp_hist_record(struct snp_fmt_hist *h, uint64_t ns)
{
	snp__hist_add(h, snp__hist_word(ns), ns);
}

/* HISTOGRAM_LONG: the same buckets in steps of 64 ns, up to three days. Rounded up, so
 * that no value counts under a bound that it exceeds. */
#define SNP_HIST_LONG_SHIFT 6
static inline void snp_hist_record_long(struct snp_fmt_hist *h, uint64_t ns)
{
	uint64_t part = ns & ((UINT64_C(1) << SNP_HIST_LONG_SHIFT) - 1);

	snp__hist_add(h, snp__hist_word((ns >> SNP_HIST_LONG_SHIFT) + (part != 0)), ns);
}

/* Publish `n` words as the latch's new whole record; words beyond n keep old values of
 * two publications ago, so always publish the same n. */
static inline void snp_latch_publish(struct snp_fmt_latch *latch, const uint64_t *words,
				     unsigned n)
{
	uint64_t seq = atomic_load_explicit(&latch->seq, memory_order_relaxed) + 1;
	_Atomic uint64_t *copy = latch->copy[seq & 1];

	/* Orders the previous seq before these stores: a reader that sees one of them
	 * and then re-loads seq finds it changed. */
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(&copy[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&latch->seq, seq, memory_order_release);
}

struct snp_event_fields {
	unsigned kind, initiator, from, to, reason;
	uint32_t pool, slot; /* row index of the pool; slot within it */
	uint64_t incarnation, pid;
	uint64_t value[2];
	uint64_t trace_id[2]; /* as numbers, big-endian halves; 0 = none */
	uint64_t evidence;    /* what snp_evidence_record() returned; 0 = none */
};

/* Append to the bank's event ring; overwrites the oldest. `now` is a time the caller
 * has. */
void snp_event_record(const struct snp_bank *bank,
		      const struct snp_event_fields *fields, snp_mono_t now);

struct snp_span_fields {
	enum snp_enum_SPAN_KIND kind;
	enum snp_enum_SPAN_STATUS status;
	enum snp_enum_SPAN_METHOD method;
	unsigned flags; /* SNP_SPAN_FLAGS_* */
	snp_mono_t start, end;
	uint64_t queue_ns;
	uint64_t trace_id[2], span_id, parent_span_id;
	uint32_t pool, tool; /* row indexes; UINT32_MAX = none */
	uint32_t slot;	     /* worker slot plus 1; 0 = reached none */
	uint64_t incarnation;
	unsigned attempt;
	const char *correlation; /* cut at 128 bytes; may be NULL */
	const char *session;	 /* cut at 64 bytes; may be NULL */
};

/* Append to the bank's span ring; overwrites the oldest. */
void snp_span_record(const struct snp_bank *bank, const struct snp_span_fields *fields);

struct snp_inflight_fields {
	snp_mono_t start, deadline, received; /* deadline.ns 0 = none */
	uint32_t tool;			      /* row index */
	uint64_t incarnation;
	uint64_t trace_id[2];
	const char *correlation; /* cut at 56 bytes; may be NULL */
};

/* A request starts on, or leaves, slot `at` (below inflight_per_worker) of a worker
 * row. The event loop that owns the worker. */
void snp_inflight_begin(struct snp_writer *writer, uint32_t worker_row, uint32_t at,
			const struct snp_inflight_fields *fields);
void snp_inflight_end(struct snp_writer *writer, uint32_t worker_row, uint32_t at);

/* What that slot shows now, read by any thread. False: nothing, it changed under the
 * look, or the row has no such slot: a worker may take more calls.
 * `ret_fields->correlation` is `ret_correlation`. */
bool snp_inflight_look(const struct snp_writer *writer, uint32_t worker_row,
		       uint32_t at, struct snp_inflight_fields *ret_fields,
		       char ret_correlation[SNP_INFL_CORRELATION_BYTES + 1]);

struct snp_evidence_fields {
	enum snp_enum_EVIDENCE_KIND kind;
	uint32_t pool, slot;
	uint64_t incarnation, pid;
};

/* Keep a text (the last output of a worker, the stacks of its threads) for an event to
 * point to; split over as many records as it needs, at most evidence_max / 2, its head
 * cut off beyond that. Bytes that are not UTF-8 become '?'. Returns the number for
 * snp_event_fields.evidence, 0 for an empty text. Supervisor only. */
uint64_t snp_evidence_record(struct snp_writer *writer,
			     const struct snp_evidence_fields *fields, const char *text,
			     size_t len, snp_mono_t now);

/* Replace the text of a worker slot (why its last start failed); cut at 503 bytes
 * between characters, bytes that are not UTF-8 become '?'. Supervisor only. */
void snp_worker_text_set(struct snp_writer *writer, uint32_t worker_row,
			 const char *text);

#endif
