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

/* Map `path` read-only and check it. Each failure names the file and what is wrong with
 * it: -ENOENT   there is none -EAGAIN   it is being built; try again soon -EPROTO
 * another major version, or a feature this library does not know -EBADMSG  not a
 * segment, or damaged -EACCES   not readable for this user -EPERM    unsafe: writable
 * by everybody, not a regular file, or a symlink A segment whose writer is gone
 * attaches like any other (post-mortem). */
int snp_segment_attach(const char *path, struct snp_segment **ret_seg,
		       struct snp_err *err);
void snp_segment_detach(struct snp_segment **seg);

/* Whether the path now leads to another file than the one attached (restarted runtime)
 * or to none: true means detach and attach again. Two system calls. */
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

/* Copy everything the segment holds now. *snap is created on first use (pass a NULL
 * pointer) and its memory reused afterwards; it belongs to `seg` and must be destroyed
 * before it is detached. Bounded: retries are counted, rows that stay unsettled are
 * left out and counted. -EBADMSG when the structure itself does not hold, -ENOMEM; on
 * failure the previous contents are gone. */
int snp_segment_snapshot(struct snp_segment *seg, struct snp_snapshot **snap,
			 struct snp_err *err);
void snp_snapshot_destroy(struct snp_snapshot **snap);

struct snp_snapshot_stats {
	snp_mono_t begin, end; /* our own clock around the copy */
	uint64_t state;	       /* SNP_STATE_* */
	uint64_t heartbeat_seq;
	snp_mono_t heartbeat_mono; /* the writer's clock pair at its last heartbeat */
	snp_wall_t heartbeat_wall;
	unsigned retries;      /* torn reads that were repeated */
	unsigned rows_skipped; /* rows left out because they would not settle */
	uint64_t rows_dropped, descs_dropped, banks_exhausted, overflow_obs,
	    text_truncated;
};
const struct snp_snapshot_stats *snp_snapshot_stats(const struct snp_snapshot *snap);

/* The moment the data stands for: the writer's last heartbeat, on its monotonic clock.
 * Ages of stored monotonic times are computed against this (or, while the writer is
 * alive and shares our boot, against snp_mono_now()). */
snp_mono_t snp_snapshot_now(const struct snp_snapshot *snap);

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
	uint32_t row, cell;
};
/* All series of all metrics, or of one (metric != NULL). */
void snp_series_iter_init(struct snp_series_iter *it, const struct snp_snapshot *snap,
			  const struct snp_metric *metric);
/* false at the end. *ret_series is the caller's, filled anew by each call. */
bool snp_series_next(struct snp_series_iter *it, struct snp_series *ret_series);

/* The scalar as a number in the metric's unit: counts as they are, nanoseconds as
 * seconds, times as Unix seconds (0 stays 0). Not for histograms. */
double snp_series_number(const struct snp_snapshot *snap,
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
	bool tombstone;	  /* retired: values are final */
	const char *name; /* pool or tool name; "" for workers */
	uint32_t pool;	  /* row index of the pool it belongs to (pools: their own) */
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
/* WORKER_STATUS of a worker row (derived as the format says). */
unsigned snp_snapshot_worker_status(const struct snp_snapshot *snap,
				    uint32_t worker_row);

/* ---- events -------------------------------------------------------------- */

struct snp_event {
	uint64_t seq; /* per ring */
	unsigned ring;
	snp_mono_t mono;
	unsigned kind, initiator, from, to,
	    reason; /* EVENT_KIND, INITIATOR, WORKER_STATE x 2, MOVE_REASON */
	uint32_t pool, slot;
	uint64_t incarnation;
	pid_t pid;
	uint64_t value[2];
};

#define SNP_RINGS_MAX 64
struct snp_event_cursor {
	uint64_t
	    next[SNP_RINGS_MAX]; /* zero-initialise to start with the oldest kept */
	uint64_t lost;		 /* overwritten before this cursor read them */
};

/* Copy up to `max` new events, ring by ring, oldest first; returns how many. */
size_t snp_segment_events(struct snp_segment *seg, struct snp_event_cursor *cursor,
			  struct snp_event *ret_events, size_t max);

/* Text of a number of enums.def for people: "?" when the number is unknown here. */
const char *snp_enum_text(enum snp_enum_table table, uint64_t value);

#endif
