/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_writer - a segment with known contents, kept alive without a runtime.
 *
 *   segment_writer DIR INSTANCE [POOLS WORKERS TOOLS] [hostile] [quarantine=MS]
 * [calls=NR] [spans=RING]
 *
 * WORKERS and TOOLS are per pool. Prints "ready" once the segment is there, then obeys
 * lines on stdin, answering each with "ok" once SNAP has it too:
 *   step               count one more round of everything
 *   load on            count as fast as it goes, load off stops that
 *   retire KIND INDEX  retire a row; KIND is pool, worker or tool
 *   churn on           declare and retire tool rows of the first pool as fast as the
 *                      quarantine (60 s where not given) allows, churn off stops that
 *   calls on           declare a tool, end the last request and begin one of that tool,
 *                      as often as `calls` says; the request has the tool's name
 *   spans NR PER_S     record so many spans, so many a second
 *   haste on           a heartbeat and a SNAP copy at each turn, haste off: at
 * intervals freeze             no more heartbeats, the lock stays: a hung runtime close
 * end cleanly and exit; end of input does the same
 *
 * `past` has the samples of so many seconds at the start, instead of room for 60.
 *
 * `hostile` gives pools and tools names with every byte a label may have to escape.
 *
 * Each round adds an event with evidence, a span of each kind, and for every odd worker
 * a request in flight in place of its last.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snakepit/write.h"

#define HEARTBEAT_MS  50
#define QUARANTINE_MS 60000
#define NAME_BYTES    129
#define CHURN_ROWS    8 /* beside the tools that stay */
#define INFLIGHT      2
#define RETIRED_MAX   16
#define CALL_NS	      200000 /* from call to call */

struct churn_row {
	uint32_t index;
	bool live;
	snp_mono_t next; /* not declared again before */
};

struct fixture {
	struct snp_writer *writer;
	struct snp_bank bank;
	unsigned pools, workers, tools; /* workers and tools: per pool */
	unsigned quarantine_ms;
	uint64_t rounds;
	bool hostile, loaded, churning, calling, hasty, frozen;
	struct churn_row churn[CHURN_ROWS];
	unsigned churned;
	unsigned calls, called;
	unsigned span_ring;
	unsigned past_s;  /* of which there are samples from the start */
	uint64_t spanned; /* requests that have spans and nothing else */
	snp_mono_t last_call;
	struct {
		unsigned kind, index;
	} retired[RETIRED_MAX];
	unsigned retired_nr;
	snp_mono_t last_beat;
};

/* ---- rows ---------------------------------------------------------------- */

/* Chunk `n` of all characters but NUL: each is in the names of some row. */
static void hostile_name(char name[NAME_BYTES], unsigned n)
{
	static const char multibyte[] = "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\x8D";
	size_t len = (size_t)snprintf(name, NAME_BYTES, "%u", n);

	for (unsigned i = 0; i < 32; i++) {
		unsigned c = (n * 32 + i) % 128;

		if (c != 0)
			name[len++] = (char)c;
	}
	(void)snprintf(name + len, NAME_BYTES - len, "%s", multibyte);
}

static void row_name(const struct fixture *f, char name[NAME_BYTES], const char *plain,
		     unsigned n)
{
	if (f->hostile)
		hostile_name(name, n);
	else if (n == 0)
		(void)snprintf(name, NAME_BYTES, "%s", plain);
	else
		(void)snprintf(name, NAME_BYTES, "%s%u", plain, n);
}

static int declare(struct fixture *f, struct snp_row_decl decl, struct snp_err *err)
{
	uint32_t index;

	return snp_row_declare(f->writer, &decl, &index, err);
}

static int declare_pool(struct fixture *f, unsigned pool, struct snp_err *err)
{
	char name[NAME_BYTES];
	int r;

	row_name(f, name, "default", pool);
	r = declare(f,
		    (struct snp_row_decl){
			.kind = SNP_ROW_POOL, .name = name, .text = "demo.Adapter"},
		    err);
	for (unsigned i = 0; i < f->workers && r == 0; i++)
		r = declare(f,
			    (struct snp_row_decl){
				.kind = SNP_ROW_WORKER, .pool = pool, .slot = i},
			    err);
	for (unsigned i = 0; i < f->tools && r == 0; i++) {
		row_name(f, name, "word_stats", i);
		r = declare(f,
			    (struct snp_row_decl){
				.kind = SNP_ROW_TOOL, .pool = pool, .name = name},
			    err);
	}
	return r;
}

/* ---- values -------------------------------------------------------------- */

#define LEDGER_WORD(id) (offsetof(struct snp_pool_ledger, id) / sizeof(uint64_t))
#define HEADS_WORD(id)	(offsetof(struct snp_pool_heads, id) / sizeof(uint64_t))

static void count_pool(struct fixture *f, unsigned pool)
{
	struct snp_pool_row *row = snp_pool_row(f->writer, pool);
	struct snp_pool_cells *cells = &f->bank.pools[pool];
	uint64_t words[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {0};
	uint64_t heads[sizeof(struct snp_pool_heads) / sizeof(uint64_t)] = {0};

	snp_set(&row->worker_limit[0], f->workers);
	snp_set(&row->queue_limit[0], 100);
	words[LEDGER_WORD(pool_requests)] = f->rounds * 10;
	words[LEDGER_WORD(outcomes) + SNP_OUTCOME_OK] = f->rounds * 7;
	words[LEDGER_WORD(outcomes) + SNP_OUTCOME_ERROR] = f->rounds * 2;
	words[LEDGER_WORD(active)] = f->rounds;
	words[LEDGER_WORD(sessions)] = pool + 3;
	snp_latch_publish(&row->ledger, words, sizeof(words) / sizeof(words[0]));
	heads[HEADS_WORD(starts) + SNP_START_REASON_INITIAL] = f->rounds * 3;
	heads[HEADS_WORD(exits) + SNP_EXIT_REASON_CLEAN] = f->rounds;
	heads[HEADS_WORD(processes)] = f->rounds * 2;
	snp_latch_publish(snp_pool_heads(f->writer, pool), heads,
			  sizeof(heads) / sizeof(heads[0]));
	snp_add(&cells->queue_rejections[0], 2);
	snp_hist_record(&cells->heartbeat_latency[0], 700000 + f->rounds * 1000);
	/* Bounded, or the sums would wrap after minutes of load. */
	snp_hist_record(&cells->queue_wait[0], f->rounds % 1000 * 90001);
	snp_hist_record_long(&cells->lifetime[0], f->rounds % 10 * 100 * SNP_NS_PER_S);
}

static void count_tool(struct fixture *f, unsigned tool)
{
	struct snp_tool_cells *cells = &f->bank.tools[tool];

	snp_add(&cells->requests[0], 10);
	snp_add(&cells->failures[0], 1);
	snp_add(&cells->failures[SNP_FAILURE_CODE_UNAVAILABLE], 1);
	for (unsigned i = 0; i < 10; i++)
		snp_hist_record(&cells->duration[0],
				(f->rounds % 1000 + 1) * (i + 1) * 1234567);
}

static void count_worker(struct fixture *f, unsigned worker)
{
	struct snp_worker_row *row = snp_worker_row(f->writer, worker);
	uint64_t proc[SNP_PROC_PYTHON_HI + 1] = {
	    [SNP_PROC_INCARNATION] = 1 + worker % 3,
	    [SNP_PROC_PID] = 1000 + worker,
	    [SNP_PROC_START_MONO_NS] = snp_mono_now().ns,
	    [SNP_PROC_START_REAL_NS] = snp_wall_now().ns,
	    [SNP_PROC_READY_MONO_NS] = snp_mono_now().ns,
	};

	if (f->rounds == 1) {
		memcpy(&proc[SNP_PROC_PYTHON], "3.11.2", 6);
		snp_latch_publish(&row->proc, proc, sizeof(proc) / sizeof(proc[0]));
		snp_set(&row->sup.state[0], SNP_WORKER_STATE_READY);
		snp_set(&row->sup.start_time[0], proc[SNP_PROC_START_REAL_NS]);
		snp_set(&row->sup.memory[0], UINT64_C(123456789));
	}
	snp_add(&row->sup.cpu[0], 12345678);
	snp_set(&row->hot.worker_active[0], worker % 2);
	snp_add(&row->hot.pings[0], 1);
	snp_add(&row->hot.pongs[0], 1);
	snp_set(&row->hot.last_pong[0], snp_mono_now().ns);
}

/* A request in flight in the slots of the worker by turns. */
static void count_inflight(struct fixture *f, unsigned worker)
{
	const snp_mono_t now = snp_mono_now();
	const struct snp_inflight_fields request = {
	    .start = now,
	    .deadline = snp_mono_add_ms(now, 30000),
	    .received = now,
	    .tool = worker / f->workers * f->tools,
	    .incarnation = 1 + worker % 3,
	    .trace_id = {UINT64_C(0x0af7651916cd43dd), f->rounds},
	    .correlation = "request-\xC3\xA4",
	};

	snp_inflight_begin(f->writer, worker, f->rounds % INFLIGHT, &request);
	snp_inflight_end(f->writer, worker, (f->rounds + 1) % INFLIGHT);
}

static void record_event(struct fixture *f)
{
	const struct snp_evidence_fields output = {
	    .kind = SNP_EVIDENCE_KIND_OUTPUT, .incarnation = f->rounds, .pid = 1000};
	char text[64];
	int len = snprintf(text, sizeof(text), "last words of round %llu\n",
			   (unsigned long long)f->rounds);

	snp_event_record(&f->bank,
			 &(struct snp_event_fields){.kind = SNP_EVENT_KIND_WORKER_MOVED,
						    .initiator = SNP_INITIATOR_WORKER,
						    .from = SNP_WORKER_STATE_WARMING,
						    .to = SNP_WORKER_STATE_READY,
						    .reason = SNP_MOVE_REASON_ANSWERED,
						    .incarnation = f->rounds,
						    .pid = 1000,
						    .evidence = snp_evidence_record(
							f->writer, &output, text,
							(size_t)len, snp_mono_now())},
			 snp_mono_now());
}

/* A request and its one attempt, of the last of the workers. */
static void record_spans(struct fixture *f, uint64_t request)
{
	struct snp_span_fields span = {
	    .kind = SNP_SPAN_KIND_REQUEST,
	    .status =
		request % 3 == 0 ? SNP_SPAN_STATUS_TOOL_ERROR : SNP_SPAN_STATUS_OK,
	    .method = SNP_SPAN_METHOD_POOL_EXECUTE,
	    .flags = SNP_SPAN_FLAGS_EXPORT | 1,
	    .end = snp_mono_now(),
	    .queue_ns = 1000000,
	    .trace_id = {UINT64_C(0x0af7651916cd43dd), request},
	    .span_id = 2 * request,
	    .slot = f->workers,
	    .incarnation = 1,
	    .attempt = 1,
	    .correlation = "request-\xC3\xA4",
	    .session = "session-\xC3\xA4",
	};

	span.start.ns = span.end.ns - 5000000;
	snp_span_record(&f->bank, &span);
	span.kind = SNP_SPAN_KIND_ATTEMPT;
	span.method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL;
	span.parent_span_id = span.span_id++;
	span.start.ns += span.queue_ns;
	snp_span_record(&f->bank, &span);
}

/* Values of a retired row are final. */
static bool is_retired(const struct fixture *f, unsigned kind, unsigned index)
{
	for (unsigned i = 0; i < f->retired_nr; i++)
		if (f->retired[i].kind == kind && f->retired[i].index == index)
			return true;
	return false;
}

static void count_round(struct fixture *f)
{
	f->rounds++;
	for (unsigned i = 0; i < f->pools; i++)
		if (!is_retired(f, SNP_ROW_POOL, i))
			count_pool(f, i);
	for (unsigned i = 0; i < f->pools * f->tools; i++)
		if (!is_retired(f, SNP_ROW_TOOL, i))
			count_tool(f, i);
	for (unsigned i = 0; i < f->pools * f->workers; i++) {
		if (is_retired(f, SNP_ROW_WORKER, i))
			continue;
		count_worker(f, i);
		if (i % 2)
			count_inflight(f, i);
	}
	record_event(f);
	record_spans(f, f->rounds);
}

/* ---- rows that come and go ----------------------------------------------- */

static void churn_one(struct fixture *f, struct churn_row *row)
{
	char name[NAME_BYTES];
	const struct snp_row_decl decl = {.kind = SNP_ROW_TOOL, .name = name};
	snp_mono_t now = snp_mono_now();

	if (row->live) {
		snp_row_retire(f->writer, SNP_ROW_TOOL, row->index,
			       SNP_RETIRE_REASON_IDLE);
		row->live = false;
		/* A moment more: the writer took its own time of retirement. */
		row->next = snp_mono_add_ms(snp_mono_now(), f->quarantine_ms + 1);
	} else if (now.ns >= row->next.ns) {
		(void)snprintf(name, sizeof(name), "churn%u", f->churned);
		if (snp_row_declare(f->writer, &decl, &row->index, NULL) < 0)
			return;
		row->live = true;
		f->churned++;
		snp_add(f->bank.tools[row->index].requests, f->churned);
	}
}

/* The worker is one that count_inflight() leaves alone. */
static void call(struct fixture *f)
{
	const snp_mono_t now = snp_mono_now();
	char name[NAME_BYTES];
	struct snp_row_decl decl = {.kind = SNP_ROW_TOOL, .name = name};
	struct snp_inflight_fields request = {
	    .start = now, .received = now, .correlation = name};
	struct snp_span_fields span = {.start = now, .end = now, .correlation = name};

	if (f->called == f->calls || snp_mono_since_ns(now, f->last_call) < CALL_NS)
		return;
	(void)snprintf(name, sizeof(name), "call%u", f->called);
	if (snp_row_declare(f->writer, &decl, &request.tool, NULL) < 0)
		return;
	span.tool = request.tool;
	snp_inflight_end(f->writer, 0, 0);
	snp_inflight_begin(f->writer, 0, 0, &request);
	snp_span_record(&f->bank, &span);
	f->last_call = now;
	f->called++;
}

static bool retire(struct fixture *f, const char *command)
{
	static const char *const kinds[SNP_ROW_KINDS] = {[SNP_ROW_POOL] = "pool",
							 [SNP_ROW_WORKER] = "worker",
							 [SNP_ROW_TOOL] = "tool"};
	char kind[8];
	unsigned index;

	if (f->retired_nr == RETIRED_MAX ||
	    sscanf(command, "retire %7s %u", kind, &index) != 2)
		return false;
	for (unsigned i = SNP_ROW_POOL; i < SNP_ROW_KINDS; i++)
		if (strcmp(kind, kinds[i]) == 0) {
			snp_row_retire(f->writer, i, index, SNP_RETIRE_REASON_REMOVED);
			f->retired[f->retired_nr].kind = i;
			f->retired[f->retired_nr++].index = index;
			return true;
		}
	return false;
}

/* ---- life ---------------------------------------------------------------- */

static void beat(struct fixture *f)
{
	f->last_beat = snp_mono_now();
	snp_writer_heartbeat(f->writer, 0, 1);
	snp_writer_snap(f->writer);
	snp_writer_sample(f->writer, f->last_beat);
}

/* The samples of all seconds that are kept, as if it had run that long. */
static void live_through(struct fixture *f)
{
	const uint64_t now_ns = snp_mono_now().ns;

	snp_writer_heartbeat(f->writer, 0, 1);
	snp_writer_snap(f->writer);
	for (uint64_t back = f->past_s; back > 0; back--)
		snp_writer_sample(f->writer,
				  (snp_mono_t){now_ns - back * SNP_NS_PER_S});
}

/* As many at a time as are due by then. */
static void record_many(struct fixture *f, uint64_t spans, uint64_t per_s)
{
	const snp_mono_t begin = snp_mono_now();
	uint64_t done = 0;

	while (done < spans) {
		uint64_t due =
		    snp_mono_since_ns(snp_mono_now(), begin) * per_s / SNP_NS_PER_S;

		for (; done < spans && done + 2 <= due; done += 2)
			record_spans(f, f->spanned++);
		if (snp_mono_since_ns(snp_mono_now(), f->last_beat) >=
		    HEARTBEAT_MS * SNP_NS_PER_MS)
			beat(f);
		(void)poll(NULL, 0, 1);
	}
}

static int fixture_open(struct fixture *f, const char *dir, const char *instance,
			struct snp_err *err)
{
	const struct snp_writer_options options = {
	    .dir = dir,
	    .instance = instance,
	    .pools_max = f->pools,
	    .workers_max = f->pools * f->workers,
	    .tools_max = f->pools * f->tools + CHURN_ROWS + f->calls,
	    .banks_max = 1,
	    .events_per_ring = 64,
	    .spans_per_ring = f->span_ring,
	    .inflight_per_worker = INFLIGHT,
	    .evidence_max = 32,
	    .history_seconds = f->past_s ? f->past_s : 60,
	    .reuse_quarantine_ms = f->quarantine_ms,
	    .heartbeat_interval_ms = HEARTBEAT_MS,
	    .stale_after_ms = 500,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};
	int r = snp_writer_create(&options, &f->writer, err);

	for (unsigned i = 0; i < f->pools && r == 0; i++)
		r = declare_pool(f, i, err);
	if (r < 0)
		return r;
	r = snp_bank_adopt(f->writer, &f->bank);
	if (r < 0)
		return snp_err_set(err, r, "no bank");
	count_round(f);
	r = snp_writer_publish(f->writer, err);
	if (r == 0 && f->past_s)
		live_through(f);
	if (r == 0)
		beat(f);
	return r;
}

static bool on_or_off(const char *command, const char *what, bool *ret_on)
{
	size_t len = strlen(what);

	if (strncmp(command, what, len) != 0)
		return false;
	*ret_on = strcmp(command + len, " on\n") == 0;
	return *ret_on || strcmp(command + len, " off\n") == 0;
}

/* false: end. */
static bool obey(struct fixture *f, const char *command)
{
	uint64_t spans, per_s;

	if (strcmp(command, "close\n") == 0)
		return false;
	if (strcmp(command, "step\n") == 0)
		count_round(f);
	else if (strcmp(command, "freeze\n") == 0)
		f->frozen = true;
	else if (sscanf(command, "spans %" SCNu64 " %" SCNu64, &spans, &per_s) == 2)
		record_many(f, spans, per_s);
	else if (!on_or_off(command, "load", &f->loaded) &&
		 !on_or_off(command, "churn", &f->churning) &&
		 !on_or_off(command, "calls", &f->calling) &&
		 !on_or_off(command, "haste", &f->hasty) && !retire(f, command))
		(void)printf("unknown command: %s", command);
	if (!f->frozen)
		beat(f);
	(void)puts("ok");
	return true;
}

static void turn(struct fixture *f)
{
	bool due = snp_mono_since_ns(snp_mono_now(), f->last_beat) >=
		   HEARTBEAT_MS * SNP_NS_PER_MS;

	if (!f->frozen && (due || f->hasty))
		beat(f);
	for (int i = 0; f->loaded && i < (f->hasty ? 2 : 100); i++)
		count_round(f);
	for (int i = 0; f->churning && i < CHURN_ROWS; i++)
		churn_one(f, &f->churn[i]);
	if (f->calling)
		call(f);
}

static void live(struct fixture *f)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char command[64];
	bool busy;
	int n;

	(void)puts("ready");
	for (;;) {
		turn(f);
		busy = f->loaded || f->churning || f->calling || f->hasty;
		n = poll(&in, 1, busy ? 0 : HEARTBEAT_MS);
		if (n < 0 && errno != EINTR)
			return;
		/* stdin is unbuffered, so poll() sees all there is. */
		if (n > 0 &&
		    (!fgets(command, sizeof(command), stdin) || !obey(f, command)))
			return;
	}
}

/* Words behind the numbers; returns how many arguments are left. */
static int take_words(struct fixture *f, int argc, char **argv)
{
	for (; argc > 3; argc--)
		if (strcmp(argv[argc - 1], "hostile") == 0)
			f->hostile = true;
		else if (sscanf(argv[argc - 1], "quarantine=%u", &f->quarantine_ms) !=
			     1 &&
			 sscanf(argv[argc - 1], "calls=%u", &f->calls) != 1 &&
			 sscanf(argv[argc - 1], "past=%u", &f->past_s) != 1 &&
			 sscanf(argv[argc - 1], "spans=%u", &f->span_ring) != 1)
			break;
	return argc;
}

int main(int argc, char **argv)
{
	struct fixture f = {.pools = 2,
			    .workers = 2,
			    .tools = 2,
			    .quarantine_ms = QUARANTINE_MS,
			    .span_ring = 64,
			    .spanned = UINT64_C(1) << 32};
	struct snp_err err = {0};

	argc = take_words(&f, argc, argv);
	if (argc != 3 && argc != 6) {
		(void)fputs("usage: segment_writer DIR INSTANCE [POOLS WORKERS TOOLS] "
			    "[hostile] [quarantine=MS] [calls=NR] [past=SECONDS] "
			    "[spans=RING]\n",
			    stderr);
		return 2;
	}
	if (argc == 6) {
		f.pools = (unsigned)atoi(argv[3]);
		f.workers = (unsigned)atoi(argv[4]);
		f.tools = (unsigned)atoi(argv[5]);
	}
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (fixture_open(&f, argv[1], argv[2], &err) < 0) {
		(void)fprintf(stderr, "segment_writer: %s\n", err.msg);
		return 1;
	}
	live(&f);
	snp_bank_release(f.writer, &f.bank);
	snp_writer_set_stop_reason(f.writer, SNP_STOP_REASON_REQUESTED);
	snp_writer_close(&f.writer);
	return 0;
}
