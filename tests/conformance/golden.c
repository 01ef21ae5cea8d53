/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden - write the segments that every reader is held to.
 *
 *   golden DIR
 *
 * Makes DIR/<name>.seg, byte for byte the same on each run: the clocks are ours (linked
 * with --wrap=clock_gettime), and what says which process wrote the file is replaced
 * afterwards. `make golden` runs it and tests/conformance/golden.py behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crc32c.h"
#include "snakepit/check.h"
#include "snakepit/write.h"

#define PATH_BYTES    4096
#define QUARANTINE_MS 1000

/* ---- clocks -------------------------------------------------------------- */

#define MONO_START_NS UINT64_C(5000000000000)
#define WALL_START_NS UINT64_C(1767225600000000000) /* 2026-01-01 */
#define CALL_NS	      1001 /* each look at a clock takes that long */

static uint64_t elapsed_ns;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_ts)
{
	uint64_t ns = clock == CLOCK_REALTIME ? WALL_START_NS : MONO_START_NS;

	elapsed_ns += CALL_NS;
	ns += elapsed_ns;
	ret_ts->tv_sec = (time_t)(ns / SNP_NS_PER_S);
	ret_ts->tv_nsec = (long)(ns % SNP_NS_PER_S);
	return 0;
}

static void pass(uint64_t ms)
{
	elapsed_ns += ms * SNP_NS_PER_MS;
}

/* ---- one segment --------------------------------------------------------- */

struct golden {
	struct snp_writer *writer;
	struct snp_bank bank[2];
	uint64_t next; /* values that differ from cell to cell */
};

static void die(const char *what, const struct snp_err *err)
{
	(void)fprintf(stderr, "golden: %s: %s\n", what, err->msg);
	exit(1);
}

static struct golden golden_open(const char *dir, const char *name)
{
	const struct snp_writer_options options = {
	    .dir = dir,
	    .instance = name,
	    .pools_max = 3,
	    .workers_max = 5,
	    .tools_max = 4,
	    .banks_max = 2,
	    .events_per_ring = 8,
	    .spans_per_ring = 8,
	    .inflight_per_worker = 2,
	    .evidence_max = 4,
	    .adapter_metrics_max = 5,
	    .history_seconds = 5,
	    .reuse_quarantine_ms = QUARANTINE_MS,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};
	struct golden g = {.next = 1};
	struct snp_err err = {0};

	elapsed_ns = 0;
	if (snp_writer_create(&options, &g.writer, &err) < 0)
		die(name, &err);
	return g;
}

static void look(struct golden *g)
{
	snp_writer_heartbeat(g->writer, 12345, 2);
	snp_writer_snap(g->writer);
	snp_writer_sample(g->writer, snp_mono_now());
}

static void publish(struct golden *g)
{
	struct snp_err err = {0};

	look(g);
	if (snp_writer_publish(g->writer, &err) < 0)
		die("publish", &err);
	look(g);
}

static uint32_t declare(struct golden *g, struct snp_row_decl decl)
{
	struct snp_err err = {0};
	uint32_t index = 0;

	if (snp_row_declare(g->writer, &decl, &index, &err) < 0)
		die(decl.name ? decl.name : "worker", &err);
	return index;
}

static uint32_t declare_pool(struct golden *g, const char *name, const char *adapter)
{
	return declare(g, (struct snp_row_decl){
			      .kind = SNP_ROW_POOL, .name = name, .text = adapter});
}

static uint32_t declare_worker(struct golden *g, uint32_t pool, uint32_t slot)
{
	return declare(g, (struct snp_row_decl){
			      .kind = SNP_ROW_WORKER, .pool = pool, .slot = slot});
}

static uint32_t declare_tool(struct golden *g, uint32_t pool, const char *name)
{
	return declare(
	    g, (struct snp_row_decl){.kind = SNP_ROW_TOOL, .pool = pool, .name = name});
}

static void adopt_banks(struct golden *g)
{
	for (unsigned i = 0; i < 2; i++)
		SNP_CHECK(snp_bank_adopt(g->writer, &g->bank[i]) == 0);
	snp_bank_busy(&g->bank[1], snp_mono_now());
}

/* ---- filling every cell that metrics.def knows ---------------------------- */

static void fill_cells(struct golden *g, _Atomic uint64_t *cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snp_add(&cells[i], g->next++);
}

static void fill_times(struct golden *g, _Atomic uint64_t *cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snp_set(&cells[i], MONO_START_NS + g->next++ * SNP_NS_PER_MS);
}

static void fill_states(struct golden *g, _Atomic uint64_t *cell, size_t n)
{
	(void)n;
	snp_set(cell, g->next++ % 3); /* no state has fewer values */
}

/* Zero, a bucket's edge and its neighbour, some in the middle, the overflow word. */
static void fill_hist(struct golden *g, struct snp_fmt_hist *hist, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		snp_hist_record(&hist[i], 0);
		snp_hist_record(&hist[i], snp__hist_upper[40]);
		snp_hist_record(&hist[i], snp__hist_upper[40] + 1);
		for (uint64_t k = 0; k < 5; k++)
			snp_hist_record(&hist[i], (g->next++ % 89 + 1) * 1234567);
		snp_hist_record(&hist[i], UINT64_C(1) << 52);
	}
}

static void fill_hist_long(struct golden *g, struct snp_fmt_hist *hist, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		snp_hist_record_long(&hist[i], 1);
		for (uint64_t k = 0; k < 5; k++)
			snp_hist_record_long(&hist[i],
					     (g->next++ % 89 + 1) * SNP_NS_PER_S);
		snp_hist_record_long(&hist[i], UINT64_C(1) << 59);
	}
}

#define CELLS(member)	       (member), sizeof(member) / sizeof((member)[0])
#define FILL_COUNTER(m)	       fill_cells(g, CELLS(m));
#define FILL_GAUGE(m)	       fill_cells(g, CELLS(m));
#define FILL_UPDOWN(m)	       fill_cells(g, CELLS(m));
#define FILL_NS_COUNTER(m)     fill_cells(g, CELLS(m));
#define FILL_MONO_TIME(m)      fill_times(g, CELLS(m));
#define FILL_WALL_TIME(m)      fill_times(g, CELLS(m));
#define FILL_STATE(m)	       fill_states(g, CELLS(m));
#define FILL_HISTOGRAM(m)      fill_hist(g, CELLS(m));
#define FILL_HISTOGRAM_LONG(m) fill_hist_long(g, CELLS(m));

#define IN_PROC_BANK(x)
#define IN_POOL_BANK(x)
#define IN_TOOL_BANK(x)
#define IN_POOL_LEDGER(x)
#define IN_POOL_HEADS(x)
#define IN_POOL_ROW(x)
#define IN_WORKER_HOT(x)
#define IN_WORKER_SUP(x)
#define IN_WORKER_INFO(x)
#define IN_DERIVED(x)
#define IN_HEADER(x)
#define SNP_METRIC(group, type, id, table, level, otel, prom, unit, bounds, help)      \
	IN_##group(FILL_##type(cells->id))

static void fill_process(struct golden *g, struct snp_proc_cells *cells)
{
#undef IN_PROC_BANK
#define IN_PROC_BANK(x) x
#include "metrics.def"
#undef IN_PROC_BANK
#define IN_PROC_BANK(x)
}

static void fill_pool(struct golden *g, struct snp_pool_cells *cells)
{
#undef IN_POOL_BANK
#define IN_POOL_BANK(x) x
#include "metrics.def"
#undef IN_POOL_BANK
#define IN_POOL_BANK(x)
}

/* `first` is what users' examples quote: it stays when metrics come to other groups. */
static void fill_tool(struct golden *g, struct snp_tool_cells *cells, uint64_t first)
{
	g->next = first;
#undef IN_TOOL_BANK
#define IN_TOOL_BANK(x) x
#include "metrics.def"
#undef IN_TOOL_BANK
#define IN_TOOL_BANK(x)
}

static void fill_heads(struct golden *g, struct snp_pool_heads *cells)
{
#undef IN_POOL_HEADS
#define IN_POOL_HEADS(x) x
#include "metrics.def"
#undef IN_POOL_HEADS
#define IN_POOL_HEADS(x)
}

static void fill_pool_row(struct golden *g, struct snp_pool_row *cells)
{
#undef IN_POOL_ROW
#define IN_POOL_ROW(x) x
#include "metrics.def"
#undef IN_POOL_ROW
#define IN_POOL_ROW(x)
}

static void fill_worker_hot(struct golden *g, struct snp_worker_hot *cells)
{
#undef IN_WORKER_HOT
#define IN_WORKER_HOT(x) x
#include "metrics.def"
#undef IN_WORKER_HOT
#define IN_WORKER_HOT(x)
}

static void fill_worker_sup(struct golden *g, struct snp_worker_sup *cells)
{
#undef IN_WORKER_SUP
#define IN_WORKER_SUP(x) x
#include "metrics.def"
#undef IN_WORKER_SUP
#define IN_WORKER_SUP(x)
}

#define LEDGER_WORD(id) (offsetof(struct snp_pool_ledger, id) / sizeof(uint64_t))

static void fill_ledger(struct golden *g, uint32_t pool)
{
	uint64_t words[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {0};

	words[LEDGER_WORD(pool_requests)] = 100;
	words[LEDGER_WORD(outcomes) + SNP_OUTCOME_OK] = 80;
	words[LEDGER_WORD(outcomes) + SNP_OUTCOME_ERROR] = 11;
	words[LEDGER_WORD(active)] = 5;
	words[LEDGER_WORD(queue_depth)] = 4;
	words[LEDGER_WORD(queue_peak)] = 40;
	words[LEDGER_WORD(queue_oldest)] = pool ? MONO_START_NS + 7 : 0;
	words[LEDGER_WORD(sessions)] = 3 + pool;
	snp_latch_publish(&snp_pool_row(g->writer, pool)->ledger, words,
			  sizeof(words) / sizeof(words[0]));
}

static void publish_heads(struct golden *g, uint32_t pool)
{
	struct snp_pool_heads heads = {0};
	uint64_t words[sizeof(heads) / sizeof(uint64_t)];

	fill_heads(g, &heads);
	memcpy(words, (const void *)&heads, sizeof(words));
	snp_latch_publish(snp_pool_heads(g->writer, pool), words,
			  sizeof(words) / sizeof(words[0]));
}

/* A process in each worker slot, in different states; every third slot has none now. */
static void fill_worker(struct golden *g, uint32_t worker)
{
	static const enum snp_enum_WORKER_STATE states[] = {
	    SNP_WORKER_STATE_READY, SNP_WORKER_STATE_STARTING, SNP_WORKER_STATE_EMPTY,
	    SNP_WORKER_STATE_DRAINING, SNP_WORKER_STATE_BACKOFF};
	struct snp_worker_row *row = snp_worker_row(g->writer, worker);
	uint64_t proc[SNP_LATCH_WORDS] = {
	    [SNP_PROC_INCARNATION] = 1 + worker,
	    [SNP_PROC_PID] = worker % 3 == 2 ? 0 : 1000 + worker,
	    [SNP_PROC_START_MONO_NS] = MONO_START_NS + worker,
	    [SNP_PROC_START_REAL_NS] = WALL_START_NS + worker,
	    [SNP_PROC_READY_MONO_NS] = worker ? MONO_START_NS + 5000 + worker : 0,
	    [SNP_PROC_LAST_EXIT_REASON] = worker,
	    [SNP_PROC_LAST_EXIT_STATUS] = worker ? 128 + worker : 0,
	};

	memcpy(&proc[SNP_PROC_PYTHON], "3.12.0rc3+debug1", 16);
	snp_latch_publish(&row->proc, proc, SNP_LATCH_WORDS);
	fill_worker_sup(g, &row->sup);
	fill_worker_hot(g, &row->hot);
	snp_set(&row->sup.state[0],
		states[worker % (sizeof(states) / sizeof(states[0]))]);
	if (worker % 2)
		snp_worker_text_set(g->writer, worker,
				    "Traceback:\n  \"a\\b\"\tImportError: caf\xC3\xA9");
}

/* ---- metrics of adapters ------------------------------------------------- */

static uint32_t declare_metric(struct golden *g, struct snp_adapter_metric metric)
{
	struct snp_err err = {0};
	uint32_t index = 0;

	if (snp_adapter_metric(g->writer, &metric, &index, &err) < 0)
		die(metric.name, &err);
	return index;
}

/* Of every kind and unit, each in one row and absent in the others. */
static void fill_adapter(struct golden *g, uint32_t pool, uint32_t worker)
{
	const double loss = 0.1;
	uint64_t word;
	uint32_t metric = declare_metric(
	    g, (struct snp_adapter_metric){SNP_KIND_COUNTER, "tokens", "{token}",
					   "Tokens that were made."});

	snp_adapter_begin(g->writer, metric, pool);
	snp_add(snp_adapter_cell(g->writer, metric, pool), 12345678901234);
	metric = declare_metric(
	    g, (struct snp_adapter_metric){SNP_KIND_COUNTER, "audio.time", "s", ""});
	snp_adapter_begin(g->writer, metric, pool);
	snp_add(snp_adapter_cell(g->writer, metric, pool), 1234567890);
	metric = declare_metric(g, (struct snp_adapter_metric){SNP_KIND_GAUGE, "loss",
							       "", "The last one."});
	memcpy(&word, &loss, sizeof(word));
	snp_set(snp_adapter_cell(g->writer, metric, worker), word);
	metric = declare_metric(
	    g, (struct snp_adapter_metric){SNP_KIND_HISTOGRAM, "embed.time", "s", ""});
	snp_adapter_begin(g->writer, metric, pool);
	fill_hist(g, (void *)snp_adapter_cell(g->writer, metric, pool), 1);
	metric = declare_metric(g, (struct snp_adapter_metric){
				       SNP_KIND_HISTOGRAM, "batch.size", "{item}", ""});
	snp_adapter_begin(g->writer, metric, pool);
	fill_hist_long(g, (void *)snp_adapter_cell(g->writer, metric, pool), 1);
}

/* ---- records ------------------------------------------------------------- */

/* More than the ring has room for; the last ones have all that an event may have. */
static void record_events(struct golden *g)
{
	static char text[SNP_EVID_TEXT_BYTES + 100];
	const struct snp_evidence_fields output = {
	    .kind = SNP_EVIDENCE_KIND_OUTPUT, .pool = 1, .incarnation = 3, .pid = 7};
	struct snp_event_fields event = {.pool = 1, .slot = 1, .incarnation = 3};

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 11; i++) {
		event.kind = i % 5; /* the last one is a move */
		event.initiator = i % SNP_INITIATOR_NR;
		event.from = i % SNP_WORKER_STATE_NR;
		event.to = (i + 1) % SNP_WORKER_STATE_NR;
		event.reason = i % SNP_MOVE_REASON_NR;
		event.pid = 1000 + i;
		event.value[0] = UINT64_MAX - i;
		event.value[1] = i;
		if (i == 10) {
			event.trace_id[0] = UINT64_C(0x0af7651916cd43dd);
			event.trace_id[1] = UINT64_C(0x8448eb211c80319c);
			event.evidence = snp_evidence_record(
			    g->writer, &output, text, sizeof(text), snp_mono_now());
		}
		snp_event_record(&g->bank[i % 5 == 0], &event, snp_mono_now());
	}
}

static void record_spans(struct golden *g)
{
	struct snp_span_fields span = {
	    .kind = SNP_SPAN_KIND_REQUEST,
	    .method = SNP_SPAN_METHOD_POOL_EXECUTE,
	    .flags = SNP_SPAN_FLAGS_EXPORT | SNP_SPAN_FLAGS_REMOTE | 1,
	    .start = {MONO_START_NS},
	    .end = {MONO_START_NS + SNP_NS_PER_MS},
	    .queue_ns = 1000,
	    .trace_id = {1, 2},
	    .span_id = 3,
	    .pool = 1,
	    .tool = 1,
	    .slot = 2,
	    .incarnation = 3,
	    .attempt = 2,
	    .correlation = "request-\xC3\xA9",
	    .session = "session-\xC3\xA9",
	};

	snp_span_record(&g->bank[0], &span);
	span.kind = SNP_SPAN_KIND_ATTEMPT;
	span.method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL;
	span.status = SNP_SPAN_STATUS_TOOL_ERROR;
	span.parent_span_id = span.span_id++;
	snp_span_record(&g->bank[1], &span);
}

static void begin_request(struct golden *g, uint32_t worker, uint32_t tool)
{
	snp_inflight_begin(
	    g->writer, worker, 1,
	    &(struct snp_inflight_fields){.start = {MONO_START_NS + 10},
					  .deadline = {MONO_START_NS + SNP_NS_PER_S},
					  .received = {MONO_START_NS + 5},
					  .tool = tool,
					  .incarnation = 2,
					  .trace_id = {1, 2},
					  .correlation = "request-1"});
}

/* ---- endings ------------------------------------------------------------- */

static struct snp_fmt_region *find(unsigned char *map, uint32_t type)
{
	struct snp_fmt_header *h = (struct snp_fmt_header *)(void *)map;
	struct snp_fmt_region *r = (struct snp_fmt_region *)(void *)(map + h->dir_off);

	while (r->type != type)
		r++;
	return r;
}

/* Whoever ran this leaves no trace. */
static void anonymize(unsigned char *map, const char *name, bool known_boot)
{
	struct snp_fmt_header *h = (struct snp_fmt_header *)(void *)map;
	const struct snp_fmt_region *threads = find(map, SNP_REGION_THRD);

	memset(h->instance_uuid, 0xA5, sizeof(h->instance_uuid));
	memcpy(h->instance_uuid, name, strlen(name) < 6 ? strlen(name) : 6);
	memset(h->boot_id, known_boot ? 0xB0 : 0, sizeof(h->boot_id));
	h->pid = 4711;
	h->uid = 1000;
	h->pid_start_ticks = 77;
	h->pidns_inode = h->timens_inode = 4026531836;
	for (uint64_t i = 0; i < threads->count; i++) {
		struct snp_fmt_thread *t =
		    (struct snp_fmt_thread *)(void *)(map + threads->off +
						      i * threads->stride);

		if (snp_get(&t->tid))
			snp_set(&t->tid, 4712 + i);
	}
	h->hdr_crc = snp__crc32c(h, offsetof(struct snp_fmt_header, hdr_crc));
}

static void finish(const char *dir, const char *name, bool known_boot)
{
	char path[PATH_BYTES];
	struct stat st = {.st_size = 0};
	void *map;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s.seg", dir, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	SNP_CHECK(fd >= 0 && fstat(fd, &st) == 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SNP_CHECK(map != MAP_FAILED);
	anonymize(map, name, known_boot);
	(void)munmap(map, (size_t)st.st_size);
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/%s.lock", dir, name);
	(void)unlink(path);
}

/* ---- the segments -------------------------------------------------------- */

static void fill_everything(struct golden *g)
{
	adopt_banks(g);
	for (uint32_t pool = 0; pool < 2; pool++) {
		uint32_t row = declare_pool(g, pool ? "search" : "default",
					    pool ? "pkg.Search" : "demo.Adapter");

		fill_ledger(g, row);
		publish_heads(g, row);
		fill_pool_row(g, snp_pool_row(g->writer, row));
		for (uint32_t i = 0; i < 2; i++) {
			uint32_t tool =
			    declare_tool(g, row, i ? "word_stats" : "caf\xC3\xA9");

			fill_worker(g, declare_worker(g, row, i));
			fill_tool(g, &g->bank[i].tools[tool], 22 + 100 * tool);
		}
		fill_pool(g, &g->bank[0].pools[row]);
		fill_pool(g, &g->bank[1].pools[row]);
	}
	fill_process(g, g->bank[1].proc);
	fill_adapter(g, 1, 2);
	record_events(g);
	record_spans(g);
	begin_request(g, 1, 1);
}

/* The runtime of an earlier boot, with something in every region. */
static void make_full(const char *dir)
{
	struct golden g = golden_open(dir, "full");

	fill_everything(&g);
	publish(&g);
	for (unsigned i = 0; i < 7; i++) {
		pass(1000);
		look(&g);
	}
	snp_writer_abandon(&g.writer);
	finish(dir, "full", true);
}

static void make_empty(const char *dir)
{
	struct golden g = golden_open(dir, "empty");

	publish(&g);
	snp_writer_abandon(&g.writer);
	finish(dir, "empty", true);
}

static void make_closed(const char *dir)
{
	struct golden g = golden_open(dir, "closed");

	fill_everything(&g);
	publish(&g);
	snp_writer_set_stop_reason(g.writer, SNP_STOP_REASON_FAILED);
	snp_writer_close(&g.writer);
	finish(dir, "closed", true);
}

/* Without the kernel's boot id nobody can tell an earlier boot from this one: dead. */
static void make_dead(const char *dir)
{
	struct golden g = golden_open(dir, "dead");

	(void)declare_worker(&g, declare_pool(&g, "default", NULL), 0);
	publish(&g);
	snp_writer_set_draining(g.writer);
	snp_writer_abandon(&g.writer);
	finish(dir, "dead", false);
}

static void retire(struct golden *g, unsigned kind, uint32_t index,
		   enum snp_enum_RETIRE_REASON reason)
{
	pass(10);
	snp_row_retire(g->writer, kind, index, reason);
}

/* Tombstones of every kind, and rows in their second life. */
static void make_retired(const char *dir)
{
	struct golden g = golden_open(dir, "retired");
	uint32_t worker, pool;

	fill_everything(&g);
	pool = declare_pool(&g, "third", "pkg.Third");
	worker = declare_worker(&g, pool, 9);
	fill_worker(&g, worker);
	publish(&g);
	retire(&g, SNP_ROW_TOOL, 1, SNP_RETIRE_REASON_IDLE);
	retire(&g, SNP_ROW_TOOL, 2, SNP_RETIRE_REASON_IDLE);
	retire(&g, SNP_ROW_WORKER, 0, SNP_RETIRE_REASON_REMOVED);
	retire(&g, SNP_ROW_WORKER, worker, SNP_RETIRE_REASON_REMOVED);
	retire(&g, SNP_ROW_POOL, pool, SNP_RETIRE_REASON_REMOVED);
	look(&g);
	pass(QUARANTINE_MS);
	(void)declare_tool(&g, 0, "second life");
	fill_worker(&g, declare_worker(&g, 1, 7));
	look(&g);
	snp_writer_abandon(&g.writer);
	finish(dir, "retired", true);
}

/* Everything is full, and each kind of row was asked for once too often. */
static void make_overflow(const char *dir)
{
	struct golden g = golden_open(dir, "overflow");
	char text[SNP_TEXT_BYTES + 100], name[16];
	struct snp_row_decl decl = {.name = "too many", .text = "pkg.Adapter"};
	struct snp_bank none;
	uint32_t index;

	for (uint32_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "pool%u", i);
		(void)declare_pool(&g, name, "pkg.Adapter");
	}
	for (uint32_t i = 0; i < 5; i++)
		(void)declare_worker(&g, i % 3, i);
	for (uint32_t i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof(name), i ? "tool%u" : "_OTHER", i);
		(void)declare_tool(&g, 0, name);
	}
	for (decl.kind = SNP_ROW_POOL; decl.kind < SNP_ROW_KINDS; decl.kind++)
		SNP_CHECK(snp_row_declare(g.writer, &decl, &index, NULL) == -ENOSPC);
	adopt_banks(&g);
	SNP_CHECK(snp_bank_adopt(g.writer, &none) == -ENOSPC);
	fill_process(&g, g.bank[0].proc);
	fill_tool(&g, &g.bank[0].tools[0], 1);
	snp_set(&g.bank[0].tools[1].requests[0], UINT64_MAX);
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	snp_worker_text_set(g.writer, 4, text);
	publish(&g);
	snp_writer_abandon(&g.writer);
	finish(dir, "overflow", true);
}

/* All of ASCII but NUL, and characters that break naive escaping or counting. */
static void make_hostile(const char *dir)
{
	static const char wide[] = "\xC2\x85\xE2\x80\xA8\xEF\xBB\xBF\xEF\xBF\xBF"
				   "\xF0\x9F\x90\x8D\xF4\x8F\xBF\xBF";
	struct golden g = golden_open(dir, "hostile");
	char ascii[SNP_ROW_TEXT_BYTES], full[SNP_ROW_TEXT_BYTES + 1];
	uint32_t pool;

	for (unsigned i = 0; i < sizeof(ascii) - 1; i++)
		ascii[i] = (char)(i + 1);
	ascii[sizeof(ascii) - 1] = '\0';
	memset(full, 'n', sizeof(full) - 1);
	memcpy(full + sizeof(full) - 3, "\xC3\xA9", 3);
	pool = declare_pool(&g, ascii, wide);
	(void)declare_pool(&g, full, full);
	fill_worker(&g, declare_worker(&g, pool, 0));
	snp_worker_text_set(g.writer, 0, ascii);
	fill_worker(&g, declare_worker(&g, 1, UINT32_MAX));
	snp_worker_text_set(g.writer, 1, wide);
	(void)declare_tool(&g, pool, wide);
	(void)declare_tool(&g, 1, full);
	(void)declare_tool(&g, 1, "\" , } = \\ {\n");
	publish(&g);
	snp_writer_abandon(&g.writer);
	finish(dir, "hostile", true);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		(void)fputs("usage: golden DIR\n", stderr);
		return 2;
	}
	make_full(argv[1]);
	make_empty(argv[1]);
	make_retired(argv[1]);
	make_overflow(argv[1]);
	make_closed(argv[1]);
	make_dead(argv[1]);
	make_hostile(argv[1]);
	return 0;
}
