/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_fixture.h - a small live segment inside a test: one pool with one tool and
 * one worker, one bank, in a directory of its own. Readers under test attach to its
 * path.
 */
#ifndef SNP_TEST_SEGMENT_FIXTURE_H
#define SNP_TEST_SEGMENT_FIXTURE_H

#include "snp_test.h"

#include <string.h>

#include "snakepit/write.h"

struct segment_fixture {
	char dir[64];
	char path[128];
	struct snp_writer *writer;
	struct snp_bank bank;
};

static inline uint32_t segment_fixture_row(struct segment_fixture *f, unsigned kind,
					   const char *name)
{
	struct snp_row_decl decl = {.kind = kind, .name = name, .text = "demo.Adapter"};
	struct snp_err err = {0};
	uint32_t index = UINT32_MAX;

	if (snp_row_declare(f->writer, &decl, &index, &err) < 0)
		fail_msg("%s", err.msg);
	return index;
}

/* A writer in f->dir, rows declared, not published yet. */
static inline void segment_fixture_create(struct segment_fixture *f, const char *pool,
					  const char *tool)
{
	const struct snp_writer_options options = {
	    .dir = f->dir,
	    .instance = "unit",
	    .pools_max = 4,
	    .workers_max = 4,
	    .tools_max = 4,
	    .banks_max = 2,
	    .events_per_ring = 16,
	    .adapter_metrics_max = 4,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};
	struct snp_err err = {0};

	if (snp_writer_create(&options, &f->writer, &err) < 0)
		fail_msg("%s", err.msg);
	(void)segment_fixture_row(f, SNP_ROW_POOL, pool);
	(void)segment_fixture_row(f, SNP_ROW_TOOL, tool);
	(void)segment_fixture_row(f, SNP_ROW_WORKER, NULL);
	assert_int_equal(snp_bank_adopt(f->writer, &f->bank), 0);
	snp_writer_heartbeat(f->writer, 0, 1);
}

static inline void segment_fixture_publish(struct segment_fixture *f)
{
	struct snp_err err = {0};

	if (snp_writer_publish(f->writer, &err) < 0)
		fail_msg("%s", err.msg);
	(void)snprintf(f->path, sizeof(f->path), "%s", snp_writer_path(f->writer));
}

static inline void segment_fixture_open(struct segment_fixture *f, const char *pool,
					const char *tool)
{
	*f = (struct segment_fixture){0};
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	segment_fixture_create(f, pool, tool);
	segment_fixture_publish(f);
}

/* The runtime restarts: a new segment in the same place. */
static inline void segment_fixture_restart(struct segment_fixture *f)
{
	snp_writer_close(&f->writer);
	segment_fixture_create(f, "default", "word_stats");
	segment_fixture_publish(f);
}

/* Give the slot of the one worker a process. */
static inline void segment_fixture_run_worker(struct segment_fixture *f, uint64_t pid)
{
	uint64_t proc[SNP_PROC_PYTHON_HI + 1] = {
	    [SNP_PROC_INCARNATION] = 1,
	    [SNP_PROC_PID] = pid,
	    [SNP_PROC_START_MONO_NS] = snp_mono_now().ns,
	    [SNP_PROC_START_REAL_NS] = snp_wall_now().ns,
	};
	struct snp_worker_row *row = snp_worker_row(f->writer, 0);

	snp_latch_publish(&row->proc, proc, sizeof(proc) / sizeof(proc[0]));
	snp_set(&row->sup.state[0], SNP_WORKER_STATE_READY);
}

static inline void segment_fixture_close(struct segment_fixture *f)
{
	if (f->writer)
		snp_writer_close(&f->writer);
	snp_test_tmpdir_remove(f->dir);
}

#endif
