/* SPDX-License-Identifier: Apache-2.0 */
#include "scripted_writer.h"

#include <string.h>

#include "snakepit/check.h"

#define LEDGER_WORD(id) (offsetof(struct snp_pool_ledger, id) / sizeof(uint64_t))
#define HEADS_WORD(id)	(offsetof(struct snp_pool_heads, id) / sizeof(uint64_t))

static void declare_tool(struct script *s)
{
	struct snp_row_decl tool = {.kind = SNP_ROW_TOOL, .pool = s->pool};
	char name[64];
	unsigned n = (unsigned)s->round;

	(void)snprintf(name, sizeof(name), "tool-%u-%u-%u", n, n, n);
	tool.name = name;
	if (snp_row_declare(s->writer, &tool, &s->tool, NULL) < 0)
		s->tool = UINT32_MAX; /* all in quarantine */
}

int script_open(struct script *s, const char *dir, struct snp_err *err)
{
	const struct snp_writer_options options = {.dir = dir,
						   .instance = "script",
						   .pools_max = 1,
						   .workers_max = 1,
						   .tools_max = 3,
						   .banks_max = 3,
						   .events_per_ring = SCRIPT_RING,
						   .spans_per_ring = SCRIPT_RING,
						   .inflight_per_worker = 2,
						   .evidence_max = 4,
						   .history_seconds = 4,
						   .reuse_quarantine_ms = 1,
						   .flags = SNP_WRITER_ALLOW_DISK};
	const struct snp_row_decl pool = {
	    .kind = SNP_ROW_POOL, .name = "pool", .text = "pkg.Adapter"};
	struct snp_row_decl worker = {.kind = SNP_ROW_WORKER};
	int rc = snp_writer_create(&options, &s->writer, err);

	if (rc == 0)
		rc = snp_row_declare(s->writer, &pool, &s->pool, err);
	worker.pool = s->pool;
	if (rc == 0)
		rc = snp_row_declare(s->writer, &worker, &s->worker, err);
	if (rc == 0)
		rc = snp_bank_adopt(s->writer, &s->bank);
	if (rc < 0)
		return rc;
	declare_tool(s);
	return snp_writer_publish(s->writer, err);
}

/* ---- parts of a round ---------------------------------------------------- */

static void count(struct script *s)
{
	struct snp_pool_cells *pool = &s->bank.pools[s->pool];
	struct snp_worker_row *worker = snp_worker_row(s->writer, s->worker);
	struct snp_tool_cells *tool;

	snp_hist_record(pool->queue_wait, script_mix(s->round) >> 24);
	snp_add(worker->hot.pings, 1);
	snp_set(worker->sup.state, s->round % SNP_WORKER_STATE_NR);
	if (s->tool == UINT32_MAX)
		return;
	tool = &s->bank.tools[s->tool];
	snp_add(tool->requests, 1);
	snp_hist_record(tool->duration, script_mix(s->round) >> 30);
	snp_add(tool->retries, 1);
}

static void publish_records(struct script *s)
{
	uint64_t ledger[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {0};
	uint64_t heads[sizeof(struct snp_pool_heads) / sizeof(uint64_t)] = {0};
	uint64_t proc[SNP_PROC_PYTHON_HI + 1] = {
	    [SNP_PROC_INCARNATION] = s->round,
	    [SNP_PROC_PID] = script_pid(s->round),
	    [SNP_PROC_START_MONO_NS] = s->round,
	};
	char text[64];

	ledger[LEDGER_WORD(outcomes)] = 7 * s->round;
	ledger[LEDGER_WORD(outcomes) + 1] = 2 * s->round;
	ledger[LEDGER_WORD(active)] = s->round % 5;
	ledger[LEDGER_WORD(queue_depth)] = s->round % 3;
	ledger[LEDGER_WORD(pool_requests)] = 9 * s->round + s->round % 5 + s->round % 3;
	snp_latch_publish(&snp_pool_row(s->writer, s->pool)->ledger, ledger,
			  sizeof(ledger) / sizeof(ledger[0]));
	heads[HEADS_WORD(starts)] = 3 * s->round;
	heads[HEADS_WORD(starts) + 1] = s->round;
	heads[HEADS_WORD(exits) + 1] = 4 * s->round - s->round % 7;
	heads[HEADS_WORD(processes)] = s->round % 7;
	snp_latch_publish(snp_pool_heads(s->writer, s->pool), heads,
			  sizeof(heads) / sizeof(heads[0]));
	snp_latch_publish(&snp_worker_row(s->writer, s->worker)->proc, proc,
			  sizeof(proc) / sizeof(proc[0]));
	memset(text, 'a' + (int)(s->round % 26), sizeof(text));
	text[1 + s->round % (sizeof(text) - 1)] = '\0';
	snp_worker_text_set(s->writer, s->worker, text);
}

static void record(struct script *s)
{
	snp_mono_t now = snp_mono_now();
	char text[SNP_EVID_TEXT_BYTES + 64], correlation[64];
	const struct snp_evidence_fields evidence = {.kind = SNP_EVIDENCE_KIND_OUTPUT};
	struct snp_event_fields event = {
	    .kind = SNP_EVENT_KIND_WORKER_MOVED,
	    .incarnation = s->round,
	    .value = {s->round, script_mix(s->round)},
	};
	const struct snp_span_fields span = {
	    .start = now,
	    .end = {now.ns + s->round},
	    .queue_ns = s->round,
	    .trace_id = {s->round, script_mix(s->round)},
	    .correlation = correlation,
	};
	const struct snp_inflight_fields inflight = {
	    .start = now,
	    .incarnation = s->round,
	    .trace_id = {s->round, script_mix(s->round)},
	    .correlation = correlation,
	};

	script_correlation(s->round, correlation);
	memset(text, 'A' + (int)(s->round % 26), sizeof(text));
	event.evidence =
	    snp_evidence_record(s->writer, &evidence, text, sizeof(text), now);
	snp_event_record(&s->bank, &event, now);
	snp_inflight_begin(s->writer, s->worker, s->round % 2, &inflight);
	snp_span_record(&s->bank, &span);
	if (s->round % 3 == 0)
		snp_inflight_end(s->writer, s->worker, s->round % 2);
}

static void turn_over(struct script *s)
{
	if (s->tool != UINT32_MAX)
		snp_row_retire(s->writer, SNP_ROW_TOOL, s->tool,
			       SNP_RETIRE_REASON_IDLE);
	declare_tool(s);
}

void script_round(struct script *s)
{
	s->round++;
	count(s);
	publish_records(s);
	record(s);
	turn_over(s);
	snp_writer_heartbeat(s->writer, 0, 1);
	snp_writer_snap(s->writer);
	/* Every look is a second later, so that each round takes its samples. */
	snp_writer_sample(s->writer, (snp_mono_t){s->round * 5 * SNP_NS_PER_S});
}
