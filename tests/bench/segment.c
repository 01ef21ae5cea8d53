/* SPDX-License-Identifier: Apache-2.0 */
#include "segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static void declare(struct bench_segment *s, struct snp_row_decl decl)
{
	struct snp_err err = {0};
	uint32_t index;

	if (snp_row_declare(s->writer, &decl, &index, &err) < 0)
		bench_die("%s", err.msg);
}

static void start_process(struct bench_segment *s, uint32_t worker)
{
	struct snp_worker_row *row = snp_worker_row(s->writer, worker);
	uint64_t proc[SNP_PROC_PYTHON_HI + 1] = {
	    [SNP_PROC_INCARNATION] = 1,
	    [SNP_PROC_PID] = 100000 + worker,
	    [SNP_PROC_START_MONO_NS] = snp_mono_now().ns,
	    [SNP_PROC_START_REAL_NS] = snp_wall_now().ns,
	    [SNP_PROC_READY_MONO_NS] = snp_mono_now().ns,
	};

	memcpy(&proc[SNP_PROC_PYTHON], "3.11.2", 6);
	snp_latch_publish(&row->proc, proc, sizeof(proc) / sizeof(proc[0]));
	snp_set(row->sup.state, SNP_WORKER_STATE_READY);
	snp_set(row->sup.start_time, proc[SNP_PROC_START_REAL_NS]);
	snp_set(row->sup.memory, UINT64_C(52428800) + worker);
	snp_add(row->sup.cpu, UINT64_C(1234567891) + worker);
	snp_add(row->hot.pings, 100000 + worker);
	snp_add(row->hot.pongs, 100000 + worker);
	snp_set(row->hot.last_pong, snp_mono_now().ns);
	snp_add(row->hot.worker_requests, UINT64_C(1000000) * worker);
	snp_add(row->hot.worker_busy, UINT64_C(987654321) * worker);
}

void bench_segment_open(struct bench_segment *s, struct bench_segment_size size)
{
	struct snp_writer_options options = {
	    .instance = "bench",
	    .pools_max = 1,
	    .workers_max = size.workers,
	    .tools_max = size.tools,
	    .banks_max = size.banks,
	};
	const char *parent = getenv("SNAKEPIT_BENCH_DIR");
	struct snp_err err = {0};

	*s = (struct bench_segment){0};
	(void)snprintf(s->dir, sizeof(s->dir), "%s/snakepit-bench-XXXXXX",
		       parent ? parent : "/dev/shm");
	if (!mkdtemp(s->dir))
		bench_die("cannot make %s", s->dir);
	options.dir = s->dir;
	if (snp_writer_create(&options, &s->writer, &err) < 0)
		bench_die("%s", err.msg);
	declare(s, (struct snp_row_decl){.kind = SNP_ROW_POOL,
					 .name = "default",
					 .text = "demo.adapters.Adapter"});
	if (snp_writer_publish(s->writer, &err) < 0)
		bench_die("%s", err.msg);
	snp_writer_heartbeat(s->writer, 0, 1);
	(void)snprintf(s->path, sizeof(s->path), "%s", snp_writer_path(s->writer));
}

void bench_segment_grow(struct bench_segment *s, struct bench_segment_size *have,
			struct bench_segment_size want)
{
	char name[32];

	for (; have->workers < want.workers; have->workers++) {
		declare(s, (struct snp_row_decl){.kind = SNP_ROW_WORKER,
						 .slot = have->workers});
		start_process(s, have->workers);
	}
	for (; have->tools < want.tools; have->tools++) {
		(void)snprintf(name, sizeof(name), "tool_%u", have->tools);
		declare(s, (struct snp_row_decl){.kind = SNP_ROW_TOOL, .name = name});
	}
}

void bench_segment_create(struct bench_segment *s, struct bench_segment_size size)
{
	struct bench_segment_size have = {0};

	bench_segment_open(s, size);
	bench_segment_grow(s, &have, size);
}

void bench_segment_remove(struct bench_segment *s)
{
	snp_writer_remove(&s->writer);
	(void)rmdir(s->dir);
}

struct snp_bank bench_bank_adopt(struct bench_segment *s)
{
	struct snp_bank bank;

	if (snp_bank_adopt(s->writer, &bank) < 0)
		bench_die("no bank left");
	return bank;
}

/* ---- records ------------------------------------------------------------- */

static const char correlation[] = "4f8c2b1e-90aa-4d8e-8f3c-7a5d5c1b2e60";
#define TRACE_ID                                                                       \
	{                                                                              \
		UINT64_C(0x4BF92F3577B34DA6), UINT64_C(0xA3CE929D0E0E4736)             \
	}

void bench_event(const struct snp_bank *bank, uint64_t now_ns)
{
	const struct snp_event_fields fields = {
	    .from = SNP_WORKER_STATE_STARTING,
	    .to = SNP_WORKER_STATE_READY,
	    .incarnation = 1,
	    .pid = 4711,
	    .value = {now_ns},
	    .trace_id = TRACE_ID,
	};

	snp_event_record(bank, &fields, (snp_mono_t){now_ns});
}

void bench_span(const struct snp_bank *bank, uint64_t now_ns)
{
	const struct snp_span_fields fields = {
	    .start = {now_ns / 2},
	    .end = {now_ns},
	    .queue_ns = now_ns / 8,
	    .trace_id = TRACE_ID,
	    .span_id = now_ns,
	    .slot = 1,
	    .incarnation = 1,
	    .attempt = 1,
	    .correlation = correlation,
	};

	snp_span_record(bank, &fields);
}

void bench_in_flight(struct snp_writer *writer, uint64_t now_ns)
{
	const struct snp_inflight_fields fields = {
	    .start = {now_ns},
	    .deadline = {now_ns + SNP_NS_PER_S},
	    .received = {now_ns},
	    .incarnation = 1,
	    .trace_id = TRACE_ID,
	    .correlation = correlation,
	};

	snp_inflight_begin(writer, 0, 0, &fields);
	snp_inflight_end(writer, 0, 0);
}
