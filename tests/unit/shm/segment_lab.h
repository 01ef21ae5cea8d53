/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_lab.h - a segment with known contents on the bench: damage it, seal it with
 * fresh checksums, read all of it.
 *
 * The file is mapped read-write beside the reader under test; lab_restore() makes it
 * whole again. Nothing here asserts through cmocka, so that the fuzzer can use it too;
 * what must not fail here is SNP_CHECKed.
 */
#ifndef SNP_SEGMENT_LAB_H
#define SNP_SEGMENT_LAB_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"
#include "snakepit/check.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

struct lab {
	char dir[64], path[128];
	uint64_t size;
	unsigned char *map;  /* the file, shared and writable */
	unsigned char *good; /* its bytes as the writer left them */
};

/* ---- making -------------------------------------------------------------- */

/* A text of two records, events of which the oldest are gone, a span of every kind, a
 * request in flight. */
static inline void lab_fill_records(struct snp_writer *w, const struct snp_bank *bank,
				    uint32_t pool, uint32_t worker, uint32_t tool)
{
	const struct snp_evidence_fields output = {.pool = pool, .pid = 4711};
	static char text[SNP_EVID_TEXT_BYTES + 10];
	uint64_t evidence;

	memset(text, 'x', sizeof(text));
	evidence =
	    snp_evidence_record(w, &output, text, sizeof(text), (snp_mono_t){900});
	for (unsigned i = 0; i < 11; i++)
		snp_event_record(
		    bank,
		    &(struct snp_event_fields){.kind = SNP_EVENT_KIND_WORKER_MOVED,
					       .to = SNP_WORKER_STATE_READY,
					       .pool = pool,
					       .slot = i,
					       .evidence = i == 10 ? evidence : 0},
		    (snp_mono_t){1000 + i});
	for (unsigned kind = 0; kind < SNP_SPAN_KIND_NR; kind++)
		snp_span_record(
		    bank, &(struct snp_span_fields){.kind = kind,
						    .start = {2000},
						    .end = {3000 + kind},
						    .trace_id = {1, 2},
						    .span_id = 3 + kind,
						    .pool = pool,
						    .tool = tool,
						    .correlation = "caf\xc3\xa9"});
	snp_inflight_begin(w, worker, 1,
			   &(struct snp_inflight_fields){.start = {4000},
							 .received = {3900},
							 .tool = tool,
							 .correlation = "req-1"});
}

static inline void lab_fill_row(struct snp_writer *w, const struct snp_bank *bank,
				uint32_t pool, uint32_t worker, uint32_t tool)
{
	uint64_t ledger[sizeof(struct snp_pool_ledger) / 8] = {10, 5, 2, 2, 1};
	uint64_t proc[SNP_LATCH_WORDS] = {[SNP_PROC_INCARNATION] = 2,
					  [SNP_PROC_PID] = 4711,
					  [SNP_PROC_START_MONO_NS] = 5,
					  [SNP_PROC_LAST_EXIT_REASON] = 1};

	memcpy(&proc[SNP_PROC_PYTHON], "3.11.2", 6);
	snp_latch_publish(&snp_pool_row(w, pool)->ledger, ledger,
			  sizeof(ledger) / sizeof(ledger[0]));
	snp_latch_publish(&snp_worker_row(w, worker)->proc, proc, SNP_LATCH_WORDS);
	snp_worker_text_set(w, worker, "ImportError: no module named 'x\xc3\xa9'");
	snp_set(snp_worker_row(w, worker)->sup.state, SNP_WORKER_STATE_READY);
	snp_set(snp_worker_row(w, worker)->hot.last_pong, 77);
	for (uint64_t v = 1; v < UINT64_C(1) << 40; v *= 3) {
		snp_add(bank->tools[tool].requests, 1);
		snp_hist_record(bank->tools[tool].duration, v);
		snp_hist_record_long(bank->pools[pool].lifetime, v);
	}
	lab_fill_records(w, bank, pool, worker, tool);
}

static inline void lab_fill(struct snp_writer *w)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct snp_row_decl pool = {.kind = SNP_ROW_POOL,
					    .text = "pkg.Adapter"};
		struct snp_row_decl worker = {.kind = SNP_ROW_WORKER, .slot = i};
		struct snp_row_decl tool = {.kind = SNP_ROW_TOOL, .name = "t\xc3\xa9"};
		struct snp_bank bank;
		uint32_t worker_row, tool_row;

		pool.name = i ? "search" : "default";
		SNP_CHECK(snp_bank_adopt(w, &bank) == 0);
		SNP_CHECK(snp_row_declare(w, &pool, &worker.pool, NULL) == 0);
		tool.pool = worker.pool;
		SNP_CHECK(snp_row_declare(w, &worker, &worker_row, NULL) == 0);
		SNP_CHECK(snp_row_declare(w, &tool, &tool_row, NULL) == 0);
		lab_fill_row(w, &bank, worker.pool, worker_row, tool_row);
	}
}

static inline void lab_fill_nothing(struct snp_writer *w)
{
	(void)w;
}

/* A segment of a writer that is gone without a word: state LIVE, no lock. */
static inline struct lab *lab_make_of(void (*fill)(struct snp_writer *w))
{
	struct lab *lab = calloc(1, sizeof(*lab));
	struct snp_writer_options o = {.instance = "lab",
				       .pools_max = 2,
				       .workers_max = 3,
				       .tools_max = 2,
				       .banks_max = 2,
				       .events_per_ring = 8,
				       .spans_per_ring = 8,
				       .inflight_per_worker = 2,
				       .evidence_max = 8,
				       .history_seconds = 10};
	struct snp_writer *w;
	int fd;

	SNP_CHECK(lab);
	(void)strcpy(lab->dir, "/dev/shm/snp-lab-XXXXXX");
	SNP_CHECK(mkdtemp(lab->dir));
	o.dir = lab->dir;
	(void)snprintf(lab->path, sizeof(lab->path), "%s/lab.seg", lab->dir);
	SNP_CHECK(snp_writer_create(&o, &w, NULL) == 0);
	fill(w);
	SNP_CHECK(snp_writer_publish(w, NULL) == 0);
	snp_writer_snap(w);
	snp_writer_sample(w, (snp_mono_t){10 * SNP_NS_PER_S});
	snp_writer_abandon(&w);
	lab->size = snp_writer_size(&o);
	fd = open(lab->path, O_RDWR | O_CLOEXEC);
	SNP_CHECK(fd >= 0);
	lab->map = mmap(NULL, lab->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SNP_CHECK(lab->map != MAP_FAILED);
	close(fd);
	lab->good = malloc(lab->size);
	SNP_CHECK(lab->good);
	memcpy(lab->good, lab->map, lab->size);
	return lab;
}

static inline struct lab *lab_make(void)
{
	return lab_make_of(lab_fill);
}

static inline void lab_destroy(struct lab **lab)
{
	struct lab *l = *lab;
	char path[160];

	*lab = NULL;
	munmap(l->map, l->size);
	(void)unlink(l->path);
	(void)snprintf(path, sizeof(path), "%s/lab.lock", l->dir);
	(void)unlink(path);
	(void)rmdir(l->dir);
	free(l->good);
	free(l);
}

/* Word by word and out of sight of the sanitizers, whose memcpy of all of it would take
 * most of a test's time; and of the fuzzer, which would learn nothing here. */
#ifdef __clang__
#define LAB_UNSEEN __attribute__((no_sanitize("thread", "address", "coverage")))
#else
#define LAB_UNSEEN __attribute__((no_sanitize("thread", "address")))
#endif

LAB_UNSEEN static inline void lab_restore(struct lab *lab)
{
	const uint64_t *good = (const void *)lab->good;
	uint64_t *map = (void *)lab->map;

	for (uint64_t i = 0; i < lab->size / sizeof(*map); i++)
		if (map[i] != good[i])
			map[i] = good[i];
}

/* ---- damaging ------------------------------------------------------------ */

static inline struct snp_fmt_header *lab_header(struct lab *lab)
{
	return (struct snp_fmt_header *)(void *)lab->map;
}

static inline struct snp_fmt_region *lab_dir(struct lab *lab)
{
	return (struct snp_fmt_region *)(void *)(lab->map + SNP_FMT_DIR_OFF);
}

/* The first directory entry of this type and kind, as the writer wrote it. */
static inline const struct snp_fmt_region *lab_region(const struct lab *lab,
						      uint32_t type, uint32_t kind)
{
	const struct snp_fmt_region *r = (const void *)(lab->good + SNP_FMT_DIR_OFF);
	const struct snp_fmt_header *h = (const void *)lab->good;

	for (uint64_t i = 0; i < h->dir_count; i++)
		if (r[i].type == type && r[i].kind == kind)
			return &r[i];
	SNP_CHECK(!"region exists");
	return NULL;
}

static inline void *lab_entry(struct lab *lab, uint32_t type, uint32_t kind,
			      uint64_t index)
{
	const struct snp_fmt_region *r = lab_region(lab, type, kind);

	return lab->map + r->off + index * r->stride;
}

/* The descriptor of a metric, to be damaged. */
static inline struct snp_fmt_desc *lab_desc(struct lab *lab, uint32_t id)
{
	return lab_entry(lab, SNP_REGION_DESC, 0, id - 1);
}

/* The half of SNAP that readers take. */
static inline struct snp_fmt_snap *lab_snap(struct lab *lab)
{
	const struct snp_fmt_region *r = lab_region(lab, SNP_REGION_SNAP, 0);
	const struct snp_fmt_header *good = (const void *)lab->good;

	return (void *)(lab->map + r->off +
			(snp_get(&good->snap_seq) & 1) * r->outer_stride);
}

static inline void lab_seal_snap(struct lab *lab)
{
	struct snp_fmt_snap *half = lab_snap(lab);
	uint64_t len = half->length;

	if (len >= sizeof(*half) && len <= lab_region(lab, SNP_REGION_SNAP, 0)->len)
		half->crc = snp__crc32c(&half->seq, len - sizeof(half->crc));
}

/* Fresh checksums over whatever the header, the directory and SNAP say now. */
static inline void lab_seal(struct lab *lab)
{
	struct snp_fmt_header *h = lab_header(lab);
	struct snp_fmt_heartbeat *hb = &h->hb[snp_get(&h->hb_seq) & 1];

	if (h->dir_off <= lab->size && h->dir_count <= SNP_FMT_DIR_MAX &&
	    h->dir_count * sizeof(struct snp_fmt_region) <= lab->size - h->dir_off)
		h->dir_crc = snp__crc32c(lab->map + h->dir_off,
					 h->dir_count * sizeof(struct snp_fmt_region));
	h->hdr_crc = snp__crc32c(h, offsetof(struct snp_fmt_header, hdr_crc));
	snp_set(&hb->crc, snp__crc32c(hb, offsetof(struct snp_fmt_heartbeat, crc)));
	lab_seal_snap(lab);
}

/* ---- reading everything -------------------------------------------------- */

/* Enough of everything to touch each byte a reader is handed. The results are of no use
 * but keep the reads from being optimised away. */
static inline uint64_t lab_walk_series(const struct snp_snapshot *snap)
{
	struct snp_series_iter it;
	struct snp_series s;
	uint64_t seen = 0;

	snp_series_iter_init(&it, snap, NULL);
	while (snp_series_next(&it, &s)) {
		const struct snp_metric *m = s.metric;

		seen += strlen(m->name) + strlen(m->prom_name) + strlen(m->unit) +
			strlen(m->help);
		for (unsigned i = 0; i < s.labels_nr; i++)
			seen += strlen(s.labels[i].prom_name) +
				strlen(s.labels[i].otel_name) +
				strlen(s.labels[i].value);
		for (uint32_t i = 0; i < m->enum_values_nr; i++)
			seen += strlen(m->enum_values[i]);
		/* A histogram without words would be a NULL in every exporter's hand.
		 */
		SNP_CHECK(m->kind != SNP_KIND_HISTOGRAM || s.hist);
		if (m->bounds_nr && s.hist)
			seen += snp_hist_count_le(m, s.hist,
						  m->bounds_ns[m->bounds_nr - 1]);
		if (s.hist)
			seen += snp_hist_quantile_ns(m, s.hist, 0.99) +
				s.hist[m->nbuckets + 2];
		else
			seen += snp_series_number(snap, &s) > 0;
	}
	return seen;
}

static inline uint64_t lab_walk_rows(struct snp_segment *seg,
				     const struct snp_snapshot *snap)
{
	struct snp_pool_sample pool_samples[16];
	struct snp_worker_sample worker_samples[16];
	uint64_t seen = 0;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		for (uint32_t i = 0; i < snp_snapshot_rows_nr(snap, kind); i++) {
			const struct snp_row *row = snp_snapshot_row(snap, kind, i);

			if (!row)
				continue;
			seen += strlen(row->name) + strlen(row->pool_name) +
				strlen(row->adapter) + strlen(row->worker_id) +
				strlen(row->python) + strlen(row->last_exit_reason) +
				strlen(row->last_error) + strlen(row->retire_reason);
			if (kind == SNP_ROW_POOL)
				seen += snp_segment_pool_history(seg, row, pool_samples,
								 16);
			if (kind == SNP_ROW_WORKER)
				seen += snp_snapshot_worker_status(snap, i) +
					snp_segment_worker_history(seg, row,
								   worker_samples, 16);
		}
	return seen;
}

static inline uint64_t lab_walk_evidence(struct snp_segment *seg, uint64_t evidence)
{
	struct snp_evidence text;
	uint64_t seen;

	if (snp_segment_evidence(seg, evidence, &text) != 0)
		return 0;
	seen = strlen(text.text) + text.len;
	free(text.text);
	return seen;
}

static inline uint64_t lab_walk_rings(struct snp_segment *seg)
{
	struct snp_ring_cursor cursor = {{0}, 0}, span_cursor = {{0}, 0};
	struct snp_event events[32];
	struct snp_span spans[32];
	uint64_t seen = 0;
	size_t n;

	/* Heads may lie: what they promise is bounded by patience. */
	for (int i = 0; i < 64; i++) {
		n = snp_segment_events(seg, &cursor, events, 32);
		for (size_t k = 0; k < n; k++)
			seen += lab_walk_evidence(seg, events[k].evidence) +
				strlen(snp_segment_enum_text(
				    seg, SNP_ENUM_TABLE_EVENT_KIND, events[k].kind));
		if (n == 0)
			break;
	}
	for (int i = 0; i < 64; i++) {
		n = snp_segment_spans(seg, &span_cursor, spans, 32);
		for (size_t k = 0; k < n; k++)
			seen += strlen(spans[k].correlation);
		if (n == 0)
			break;
	}
	return seen + cursor.lost + span_cursor.lost;
}

static inline uint64_t lab_walk_slots(struct snp_segment *seg)
{
	struct snp_inflight inflight[8];
	struct snp_thread threads[8];
	size_t n = snp_segment_inflight(seg, inflight, 8);
	uint64_t seen = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		seen += strlen(inflight[i].correlation);
	n = snp_segment_threads(seg, threads, 8);
	for (size_t i = 0; i < n && i < 8; i++)
		seen += strlen(threads[i].name);
	return seen;
}

static inline uint64_t lab_walk(struct snp_segment *seg,
				const struct snp_snapshot *snap)
{
	return lab_walk_series(snap) + lab_walk_rows(seg, snap) + lab_walk_rings(seg) +
	       lab_walk_slots(seg);
}

/* Attach, look twice at the live cells and once at SNAP, walk, judge, detach: the first
 * error of attaching or of a live look, or 0. */
static inline int lab_probe_path(const char *path, struct snp_err *err)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err snap_err = {0};
	int rc = snp_segment_attach(path, &seg, err);

	for (int look = 0; look < 2 && rc == 0; look++) {
		rc = snp_segment_snapshot(seg, &snap, err);
		/* After a failed look the snapshot is empty, not stale: walk it all the
		 * same. */
		if (snap)
			(void)lab_walk(seg, snap);
	}
	if (rc == 0) {
		SNP_CHECK(snp_segment_snapshot_from(seg, SNP_TIER_SNAP, &snap,
						    &snap_err) == snap_err.code);
		(void)lab_walk(seg, snap);
	}
	if (seg)
		(void)snp_segment_verdict(seg);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	return rc;
}

static inline int lab_probe(struct lab *lab, struct snp_err *err)
{
	return lab_probe_path(lab->path, err);
}

#endif
