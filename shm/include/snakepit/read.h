/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.h - attach to a segment, take snapshots of it, walk what is in them.
 *
 * A reader maps the file read-only and registers nowhere; the writer never learns of
 * it. Nothing in the file is trusted: sizes, offsets, counts, references and text are
 * checked once, on a private copy, and everything this header returns has passed those
 * checks.
 *
 * Use: attach, then for each look: snapshot, iterate, (snapshot again ...), detach.
 * Records (events, spans, requests in flight) point to rows. Who wants the names of
 * these copies the records first and takes the snapshot afterwards, or it may lack the
 * row of a tool that was declared and called in between. (A SNAP snapshot may be older
 * than what was read before it, by up to one interval.)
 *
 * A snapshot is a private copy: it stays valid after the writer died or the segment was
 * replaced, until it is destroyed. Strings and arrays reached from it live as long as
 * it.
 *
 * Threads: a segment and a snapshot each belong to one thread at a time; different
 * segments (also of the same file) are independent.
 */
#ifndef SNP_SHM_READ_H
#define SNP_SHM_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "snakepit/err.h"
#include "snakepit/format.h"
#include "snakepit/time.h"

#ifdef __cplusplus
extern "C" {
#endif

struct snp_segment;
struct snp_snapshot;

/* ---- finding segments ---------------------------------------------------- */

#define SNP_PATH_BYTES 4096

/* The directory of segments and sockets: the first of $SNAKEPIT_DIR,
 * $RUNTIME_DIRECTORY, /run/snakepit (root, where /run is tmpfs),
 * $XDG_RUNTIME_DIR/snakepit, /dev/shm/snakepit-<uid>. Pure: the directory need not
 * exist. -ENAMETOOLONG where it does not fit. */
int snp_dir_default(char ret_dir[SNP_PATH_BYTES], struct snp_err *err);

/* "<dir>/<instance>.seg" for the default directory. */
int snp_segment_path(const char *instance, char ret_path[SNP_PATH_BYTES],
		     struct snp_err *err);

/* Resolve what a user names: NULL (then $SNAKEPIT_INSTANCE, then the only segment in
 * the default directory), an instance name, or a path (contains '/'). -ENOENT: none
 * found, the text says where we looked; -EEXIST: several, the text lists them. */
int snp_segment_find(const char *name, char ret_path[SNP_PATH_BYTES],
		     struct snp_err *err);

/* Call `visit` for each "<instance>.seg" of the default directory, sorted by name;
 * predecessors (*.prev.seg) are left out. Stops at the first non-zero result of `visit`
 * and returns it; otherwise the number of segments. A missing directory counts as none.
 */
int snp_segment_list(int (*visit)(const char *instance, const char *path, void *user),
		     void *user, struct snp_err *err);

/* ---- attaching ----------------------------------------------------------- */

/* What can become of an attempt to attach, besides success. */
#define SNP_ATTACH_OUTCOMES(X)                                                         \
	X(MISSING, "missing", "there is no such file")                                 \
	X(NOT_READY, "not_ready", "it is being built; try again soon")                 \
	X(VERSION, "version", "another major version, or a feature not known here")    \
	X(DAMAGED, "damaged", "not a segment, or not whole")                           \
	X(DENIED, "denied", "not readable for this user, or not safe to read")

enum snp_attach_outcome {
#define SNP__ATTACH_OUTCOME(id, name, help) SNP_ATTACH_##id,
	SNP_ATTACH_OUTCOMES(SNP__ATTACH_OUTCOME)
#undef SNP__ATTACH_OUTCOME
	    SNP_ATTACH_NR /* none of these: out of memory, too many open files */
};

/* The outcome that a negative errno of snp_segment_attach(), _snapshot() or _find()
 * stands for, and its name for programs ("?" for SNP_ATTACH_NR). */
enum snp_attach_outcome snp_attach_outcome(int error);
const char *snp_attach_outcome_name(enum snp_attach_outcome outcome);

/* Map `path` read-only and check it. Each failure names the file and what is wrong with
 * it; err->field is the field in the vocabulary of shm/format/segment.md:
 *   -ENOENT           MISSING
 *   -EAGAIN           NOT_READY
 *   -EPROTO           VERSION
 *   -EBADMSG          DAMAGED
 *   -EACCES, -EPERM   DENIED: not readable; writable by everybody, not a regular file,
 * a symlink, or somebody else's (neither ours nor root's) A segment whose writer is
 * gone attaches like any other (post-mortem).
 *
 * A file that is truncated while it is attached does no harm: from then on what is
 * missing reads as zeros and the next call that notices says -EBADMSG. For this the
 * first attach installs a handler of SIGBUS for the process, which passes on every
 * fault that is not in a map of ours. */
int snp_segment_attach(const char *path, struct snp_segment **ret_seg,
		       struct snp_err *err);
void snp_segment_detach(struct snp_segment **seg);

/* Whether the path now leads to another file than the one attached (restarted runtime)
 * or to none, or the file has more metrics than when it was attached: true means detach
 * and attach again. Two system calls. */
bool snp_segment_replaced(const struct snp_segment *seg);

enum snp_writer_verdict { /* in the order in which they are decided */
			  SNP_WRITER_CLOSED, /* ended cleanly, or superseded */
			  SNP_WRITER_OLD,    /* the file is from an earlier boot */
			  SNP_WRITER_DEAD,   /* nobody holds the writer's lock (kernel
						truth, no pids) */
			  SNP_WRITER_HUNG, /* lock held, heartbeat stands still over two
					      looks of ours */
			  SNP_WRITER_ALIVE,
			  SNP_WRITER_VERDICT_NR
};
const char *snp_writer_verdict_name(enum snp_writer_verdict verdict);

/* Judge the writer now. HUNG needs two calls at least `stale_after_ms` apart without a
 * new heartbeat between them; earlier calls say ALIVE. */
enum snp_writer_verdict snp_segment_verdict(struct snp_segment *seg);

/* ---- what the header says (immutable while attached) --------------------- */

struct snp_segment_info {
	char path[SNP_PATH_BYTES];
	char instance[SNP_FMT_NAME_BYTES + 1];
	char uuid[37]; /* instance_uuid as text, new for each start of the runtime */
	unsigned ver_major, ver_minor;
	uint64_t incarnation; /* starts of this instance in a row, from 1 */
	pid_t pid;	      /* in the writer's pid namespace */
	uint64_t size_bytes;
	snp_mono_t start_mono;
	snp_wall_t start_wall;
	unsigned heartbeat_interval_ms, stale_after_ms, scrape_hint_ms;
};
const struct snp_segment_info *snp_segment_info(const struct snp_segment *seg);

/* ---- snapshots ----------------------------------------------------------- */

/* Where a snapshot comes from. Both say the same, SNAP up to one interval later. */
enum snp_tier {
	SNP_TIER_LIVE, /* the cells themselves, now */
	SNP_TIER_SNAP, /* the writer's own checksummed copy */
};

/* Copy everything the segment holds. *snap is created on first use (pass a NULL
 * pointer) and its memory reused afterwards; it belongs to `seg` and must be destroyed
 * before it is detached. Bounded: retries are counted, rows that stay unsettled are
 * left out and counted. -EBADMSG when the structure itself does not hold, the file was
 * truncated, or no whole SNAP could be had; -ENOMEM; on failure the previous contents
 * are gone. */
int snp_segment_snapshot_from(struct snp_segment *seg, enum snp_tier tier,
			      struct snp_snapshot **snap, struct snp_err *err);
/* The same from the live cells. */
int snp_segment_snapshot(struct snp_segment *seg, struct snp_snapshot **snap,
			 struct snp_err *err);
void snp_snapshot_destroy(struct snp_snapshot **snap);

struct snp_snapshot_stats {
	enum snp_tier tier;
	snp_mono_t begin, end; /* our own clock around the copy; SNAP: the writer's */
	uint64_t state;	       /* SNP_STATE_* */
	uint64_t heartbeat_seq;
	snp_mono_t heartbeat_mono; /* the writer's clock pair at its last heartbeat */
	snp_wall_t heartbeat_wall;
	unsigned retries;      /* torn reads that were repeated */
	uint64_t rows_skipped; /* rows left out because they would not settle */
	uint64_t rows_dropped, banks_exhausted, text_truncated;
	unsigned stop_reason; /* STOP_REASON */
};
const struct snp_snapshot_stats *snp_snapshot_stats(const struct snp_snapshot *snap);

/* The moment the data stands for: the writer's last heartbeat, on its monotonic clock.
 * Ages of stored monotonic times at the end of a writer are computed against this. */
snp_mono_t snp_snapshot_now(const struct snp_snapshot *snap);

/* The present on the writer's monotonic clock, for the ages of stored times while it
 * lives: our own clock where we share its boot and time namespace, else reckoned from
 * the wall clock by the writer's last clock pair. */
snp_mono_t snp_segment_now(const struct snp_segment *seg,
			   const struct snp_snapshot *snap);

/* A stored monotonic time as wall time, by the writer's clock pair. 0 stays 0. */
snp_wall_t snp_snapshot_wall(const struct snp_snapshot *snap, snp_mono_t mono);

/* ---- metrics ------------------------------------------------------------- */

struct snp_label {
	const char *prom_name; /* "pool" */
	const char *otel_name; /* "snakepit.pool.name" */
	const char *value;     /* valid UTF-8 */
};
#define SNP_LABELS_MAX 16

struct snp_metric {
	uint32_t id;
	uint8_t kind, vtype, level,
	    row_kind; /* SNP_KIND_*, SNP_VT_*, SNP_LEVEL_*, SNP_ROW_* */
	const char *name, *prom_name, *unit, *help;
	int unit_exp;		    /* value in `unit` = stored * 10^unit_exp */
	uint32_t cells;		    /* values of the enum label; 1 without one */
	const char *enum_prom_name; /* label name, NULL without one */
	const char *enum_otel_name;
	const char *const
	    *enum_values; /* STATE: names of the values, else of the cells */
	uint32_t enum_values_nr;
	const uint64_t *bounds_ns; /* histogram: classic bounds, ascending */
	uint32_t bounds_nr;
	int scale, idx_min; /* histogram */
	uint32_t nbuckets;
	const uint64_t
	    *upper_ns; /* histogram: inclusive upper bound of words 0..nbuckets */
	uint64_t zero_threshold_ns;
};

size_t snp_snapshot_metrics_nr(const struct snp_snapshot *snap);
/* In order of the schema; families of one name stand together. */
const struct snp_metric *snp_snapshot_metric(const struct snp_snapshot *snap,
					     size_t index);
/* By OpenTelemetry name; NULL when the segment has none of that name. */
const struct snp_metric *snp_snapshot_metric_find(const struct snp_snapshot *snap,
						  const char *name);

/* One series: a metric at one row and one value of its enum label. */
struct snp_series {
	const struct snp_metric *metric;
	uint32_t row;  /* index within metric->row_kind, see snp_snapshot_row() */
	uint32_t cell; /* index of the enum value, 0 without one */
	unsigned labels_nr;
	struct snp_label labels[SNP_LABELS_MAX]; /* row labels, then the enum label */
	uint64_t value;	      /* raw word by metric->vtype; unused for histograms */
	const uint64_t *hist; /* histogram: nbuckets + 2 words, then the sum in ns */
};

struct snp_series_iter {
	const struct snp_snapshot *snap;
	size_t metric, last_metric;
	bool bare;
	/* The library's, of the metric at hand: where in it we are, its rows and which
	 * of them are there, where the first one's first cell is (NULL: not in the copy
	 * of the rows), and how far the next row's is. */
	uint32_t row, rows, cell;
	const uint8_t *state;
	const struct snp_metric *at;
	const unsigned char *first;
	uint64_t stride, cell_stride;
	bool selective; /* not all rows have it */
};
/* All series of all metrics, or of one (metric != NULL). */
void snp_series_iter_init(struct snp_series_iter *it, const struct snp_snapshot *snap,
			  const struct snp_metric *metric);
/* Leave labels out of what snp_series_next() gives (labels_nr is 0), which makes it
 * twice as fast: for who keeps them by row. snp_series_labels() puts them in. */
void snp_series_iter_bare(struct snp_series_iter *it);
void snp_series_labels(const struct snp_snapshot *snap, struct snp_series *series);
/* false at the end. *ret_series is the caller's, filled anew by each call. */
bool snp_series_next(struct snp_series_iter *it, struct snp_series *ret_series);

/* The scalar as a number in the metric's unit: counts as they are, nanoseconds as
 * seconds, times as Unix seconds (0 stays 0). Not for histograms. */
double snp_series_number(const struct snp_snapshot *snap,
			 const struct snp_series *series);

/* Words of a histogram that may be other than 0: `first` to `end` - 1, none where they
 * are equal. Of hundreds few are, and to load the others is most of what one costs. */
struct snp_hist_span {
	uint32_t first, end; /* at most nbuckets + 2 */
};
struct snp_hist_span snp_series_span(const struct snp_snapshot *snap,
				     const struct snp_series *series);

/* Raw word of one cell without labels; 0 where the row is absent. For views that know
 * what they want. `row` is an index of metric->row_kind. Not for histograms. */
uint64_t snp_snapshot_value(const struct snp_snapshot *snap,
			    const struct snp_metric *metric, uint32_t row,
			    uint32_t cell);
/* Words of one histogram, or NULL where the row is absent. */
const uint64_t *snp_snapshot_hist(const struct snp_snapshot *snap,
				  const struct snp_metric *metric, uint32_t row,
				  uint32_t cell);

/* ---- histograms ---------------------------------------------------------- */

/* Observations in `words` (nbuckets + 2 words). */
uint64_t snp_hist_count(const struct snp_metric *metric, const uint64_t *words);
/* Upper bound in ns of word `i`; UINT64_MAX for the overflow word. */
uint64_t snp_hist_upper_ns(const struct snp_metric *metric, uint32_t i);
/* The q-quantile in ns (0 <= q <= 1): the geometric middle of the bucket that holds the
 * observation of that rank, so at most half a bucket (4.5 % at scale 3) from it. The
 * edge of the range where it lies outside the buckets; 0 when there are no
 * observations. */
uint64_t snp_hist_quantile_ns(const struct snp_metric *metric, const uint64_t *words,
			      double q);
/* Observations in buckets that lie wholly at or below `bound_ns`. */
uint64_t snp_hist_count_le(const struct snp_metric *metric, const uint64_t *words,
			   uint64_t bound_ns);

/* ---- rows ---------------------------------------------------------------- */

struct snp_row {
	uint32_t index; /* within its kind */
	uint64_t uid;
	bool tombstone;			    /* retired: values are final */
	const char *retire_reason;	    /* "" while it is live */
	snp_mono_t born_mono, retired_mono; /* retired 0 = live */
	const char *name;		    /* pool or tool name; "" for workers */
	uint32_t pool; /* row index of the pool it belongs to (pools: their own) */
	const char *pool_name;
	const char *adapter;
	uint32_t slot; /* workers: number within the pool */
	/* Process record, workers only. */
	uint64_t incarnation; /* 0 = never had a process */
	pid_t pid;	      /* 0 = none now */
	snp_mono_t start_mono, ready_mono;
	snp_wall_t start_wall;
	const char *worker_id;	      /* "pool/slot#incarnation" */
	const char *python;	      /* version, "" while unknown */
	const char *last_exit_reason; /* "" = never exited */
	unsigned last_exit_status;    /* exit code, or 128 + signal */
	const char *last_error;	      /* last lines of a failed start, "" = none */
};

/* Rows of a kind (SNP_ROW_*) that the snapshot holds: valid `index`es are below this,
 * but some may be absent. */
uint32_t snp_snapshot_rows_nr(const struct snp_snapshot *snap, unsigned kind);
/* NULL where the row is free or was skipped. */
const struct snp_row *snp_snapshot_row(const struct snp_snapshot *snap, unsigned kind,
				       uint32_t index);
/* Who is in a row, by numbers that are others when somebody else is: for who keeps what
 * he made of snp_snapshot_row() from snapshot to snapshot, as that decodes texts. */
struct snp_row_life {
	uint64_t uid;
	uint64_t process; /* workers: of pid, incarnation and python; 0 = no process */
	bool tombstone;
};
/* false where the row is free or was skipped. */
bool snp_snapshot_row_life(const struct snp_snapshot *snap, unsigned kind,
			   uint32_t index, struct snp_row_life *ret_life);
/* WORKER_STATUS of a worker row (derived as the format says). */
unsigned snp_snapshot_worker_status(const struct snp_snapshot *snap,
				    uint32_t worker_row);

/* ---- rings --------------------------------------------------------------- */

#define SNP_RINGS_MAX 64
/* Where a reader is in the rings of one region: its own, the writer knows nothing. */
struct snp_ring_cursor {
	uint64_t
	    next[SNP_RINGS_MAX]; /* zero-initialise to start with the oldest kept */
	uint64_t lost;		 /* overwritten before this cursor read them */
};

struct snp_event {
	uint64_t seq; /* per ring */
	unsigned ring;
	snp_mono_t mono;
	unsigned kind, initiator, from, to,
	    reason;	     /* EVENT_KIND, INITIATOR, WORKER_STATE x 2, MOVE_REASON */
	uint32_t pool, slot; /* row index */
	uint64_t pool_uid;   /* equal to the row's, or the pool is gone */
	uint64_t incarnation;
	pid_t pid;
	uint64_t value[2];
	uint64_t trace_id[2];
	uint64_t evidence; /* for snp_segment_evidence(); 0 = none */
};

/* Copy up to `max` new events, ring by ring, oldest first; returns how many. */
size_t snp_segment_events(struct snp_segment *seg, struct snp_ring_cursor *cursor,
			  struct snp_event *ret_events, size_t max);

struct snp_span {
	uint64_t seq; /* per ring */
	unsigned ring;
	unsigned kind, status, method; /* SPAN_KIND, SPAN_STATUS, SPAN_METHOD */
	unsigned flags;		       /* SNP_SPAN_FLAGS_* */
	snp_mono_t start, end;
	uint64_t queue_ns;
	uint64_t trace_id[2], span_id, parent_span_id;
	uint32_t pool, tool; /* row indexes; UINT32_MAX = none */
	uint64_t pool_uid, tool_uid;
	uint32_t slot; /* plus 1; 0 = reached none */
	uint64_t incarnation;
	unsigned attempt;
	char correlation[SNP_SPAN_CORRELATION_BYTES + 1]; /* UTF-8 */
	char session[SNP_SPAN_SESSION_BYTES + 1];	  /* UTF-8; "" = none */
};

/* Whether OpenTelemetry counts the span as an error. That of a server's call is one
 * where the server is to blame; any other where it did not end well. */
bool snp_span_is_error(const struct snp_span *span);

/* Copy up to `max` new spans, ring by ring, oldest first; returns how many. */
size_t snp_segment_spans(struct snp_segment *seg, struct snp_ring_cursor *cursor,
			 struct snp_span *ret_spans, size_t max);

struct snp_evidence {
	snp_mono_t mono;
	unsigned kind; /* EVIDENCE_KIND */
	uint32_t pool, slot;
	uint64_t incarnation;
	pid_t pid;
	size_t len;
	char *text; /* UTF-8, NUL-terminated, the caller's to free() */
};

/* The text an event points to. -ENOENT when it has been overwritten, -ENOMEM. */
int snp_segment_evidence(struct snp_segment *seg, uint64_t evidence,
			 struct snp_evidence *ret_evidence);

/* ---- requests in flight -------------------------------------------------- */

struct snp_inflight {
	uint32_t worker, at;		      /* row index, slot within the worker */
	snp_mono_t received, start, deadline; /* deadline.ns 0 = none */
	uint32_t tool;			      /* row index */
	uint64_t incarnation;
	uint64_t trace_id[2];
	char correlation[SNP_INFL_CORRELATION_BYTES + 1]; /* UTF-8 */
};

/* Copy the requests in flight, in order of worker rows, up to `max`; returns how many
 * there are, which may be more. A slot that would not settle is left out. */
size_t snp_segment_inflight(struct snp_segment *seg, struct snp_inflight *ret_inflight,
			    size_t max);

/* ---- history ------------------------------------------------------------- */

struct snp_pool_sample {
	snp_mono_t mono;
	uint64_t queue_depth, active;
	uint64_t requests, failures;	   /* since the start */
	uint32_t octave[SNP_HIST_OCTAVES]; /* ended since the previous sample, see
					      format.h */
};

struct snp_worker_sample {
	snp_mono_t mono;
	unsigned state;		    /* WORKER_STATE */
	uint64_t requests, busy_ns; /* since the start */
	uint64_t rss_bytes;
};

/* The newest `max` samples of a live row, oldest first; returns how many. `row` comes
 * from a snapshot of `seg`; samples of an earlier life of the row are left out. */
size_t snp_segment_pool_history(struct snp_segment *seg, const struct snp_row *row,
				struct snp_pool_sample *ret_samples, size_t max);
size_t snp_segment_worker_history(struct snp_segment *seg, const struct snp_row *row,
				  struct snp_worker_sample *ret_samples, size_t max);

/* ---- threads ------------------------------------------------------------- */

struct snp_thread {
	uint32_t bank;
	pid_t tid;
	char name[17];
	snp_mono_t busy_since; /* .ns 0 = waits for work */
};

/* The threads that hold a bank now, up to `max`; returns how many. */
size_t snp_segment_threads(struct snp_segment *seg, struct snp_thread *ret_threads,
			   size_t max);

/* ---- checking ------------------------------------------------------------ */

/* Look at every record of every ring (events, spans, evidence, history) and at every
 * request in flight. `fault` is called with a line of text for each that should be
 * whole and is not; also right beside a writer that overwrites records meanwhile.
 * Returns how many they are. */
uint64_t snp_segment_audit(struct snp_segment *seg,
			   void (*fault)(void *user, const char *text), void *user);

/* ---- enumerations -------------------------------------------------------- */

/* Text of a number, from the segment's own tables: right also for numbers that are
 * newer than this library. "?" for what the segment does not know. */
const char *snp_segment_enum_text(const struct snp_segment *seg,
				  enum snp_enum_table table, uint64_t value);

/* Text of a number of enums.def for people: "?" when the number is unknown here. */
const char *snp_enum_text(enum snp_enum_table table, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
