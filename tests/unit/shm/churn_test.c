/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of both tiers while rows come and go as fast as they can and every value
 * changes: what a snapshot shows of a row is of one life of it. Also under TSan and
 * ASan.
 */
#include "snp_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "snakepit/read.h"
#include "snakepit/write.h"

enum { LIVES = 1000, ROUNDS = 200, TOOLS = 4, WORKERS = 2 };

struct world {
	char dir[64];
	struct snp_writer *w;
	struct snp_bank bank;
	uint32_t pool;
	_Atomic bool stop;
	_Atomic uint64_t lives;	   /* of tools and workers, ended */
	_Atomic uint64_t looks[2]; /* by tier */
	pthread_t threads[4];
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct snp_writer_options o = {.instance = "churn",
				       .pools_max = 1,
				       .workers_max = WORKERS,
				       .tools_max = TOOLS,
				       .banks_max = 2,
				       .events_per_ring = 8,
				       .spans_per_ring = 8,
				       .history_seconds = 60,
				       .reuse_quarantine_ms = 1};
	const struct snp_row_decl pool = {.kind = SNP_ROW_POOL, .name = "p"};

	assert_non_null(world);
	snp_test_tmpdir_make(world->dir, sizeof(world->dir));
	o.dir = world->dir;
	assert_int_equal(snp_writer_create(&o, &world->w, NULL), 0);
	assert_int_equal(snp_row_declare(world->w, &pool, &world->pool, NULL), 0);
	assert_int_equal(snp_bank_adopt(world->w, &world->bank), 0);
	assert_int_equal(snp_writer_publish(world->w, NULL), 0);
	snp_writer_snap(world->w);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	snp_writer_close(&world->w);
	snp_test_tmpdir_remove(world->dir);
	free(world);
	return 0;
}

/* ---- the writer ---------------------------------------------------------- */

/* Values that tell their life: the name of a tool is its number, its counter a multiple
 * of it, its durations that many microseconds; the words of a worker's record are
 * equal, and its text says them twice. */
static void live_tool(struct world *world, uint32_t row, uint64_t life)
{
	struct snp_tool_cells *tool = &world->bank.tools[row];

	for (unsigned i = 0; i < ROUNDS; i++) {
		snp_add(tool->requests, life);
		snp_hist_record(tool->duration, life * 1000);
	}
}

static void live_worker(struct world *world, uint32_t row, uint64_t life)
{
	struct snp_worker_row *worker = snp_worker_row(world->w, row);
	uint64_t proc[SNP_LATCH_WORDS];
	char text[48];

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t mark = life * ROUNDS + i;

		for (unsigned k = 0; k < SNP_LATCH_WORDS; k++)
			proc[k] = mark;
		proc[SNP_PROC_LAST_EXIT_REASON] = proc[SNP_PROC_PYTHON] =
		    proc[SNP_PROC_PYTHON_HI] = 0;
		(void)snprintf(text, sizeof(text), "%020llu %llu",
			       (unsigned long long)mark, (unsigned long long)mark);
		snp_latch_publish(&worker->proc, proc, SNP_LATCH_WORDS);
		snp_worker_text_set(world->w, row, text);
		snp_add(worker->hot.worker_requests, life);
	}
}

static bool turn(struct world *world, unsigned kind, uint64_t life)
{
	char name[24];
	struct snp_row_decl decl = {
	    .kind = kind, .pool = world->pool, .slot = (uint32_t)life, .name = name};
	uint32_t row;

	(void)snprintf(name, sizeof(name), "%llu", (unsigned long long)life);
	if (snp_row_declare(world->w, &decl, &row, NULL) < 0)
		return false; /* all are in quarantine */
	if (kind == SNP_ROW_TOOL)
		live_tool(world, row, life);
	else
		live_worker(world, row, life);
	snp_row_retire(world->w, kind, row, SNP_RETIRE_REASON_IDLE);
	return true;
}

static void *churn(void *user)
{
	struct world *world = user;
	uint64_t life = 1;

	while (!atomic_load(&world->stop)) {
		if (turn(world, life % 2 ? SNP_ROW_TOOL : SNP_ROW_WORKER, life))
			atomic_store(&world->lives, life++);
	}
	return NULL;
}

static void *tick(void *user)
{
	struct world *world = user;

	while (!atomic_load(&world->stop)) {
		snp_writer_heartbeat(world->w, 0, 1);
		snp_writer_snap(world->w);
		snp_writer_sample(world->w, snp_mono_now());
	}
	return NULL;
}

/* ---- the readers --------------------------------------------------------- */

struct reader {
	struct world *world;
	enum snp_tier tier;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	uint64_t last_uid[SNP_ROW_KINDS][TOOLS];
	const char *wrong; /* what was seen that must not be */
};

static uint64_t value(const struct reader *r, const char *name, uint32_t row)
{
	return snp_snapshot_value(r->snap, snp_snapshot_metric_find(r->snap, name), row,
				  0);
}

#define MUST(cond)                                                                     \
	do {                                                                           \
		if (!(cond) && !r->wrong)                                              \
			r->wrong = #cond;                                              \
	} while (0)

static void check_tool(struct reader *r, const struct snp_row *row)
{
	const struct snp_metric *m =
	    snp_snapshot_metric_find(r->snap, "snakepit.request.duration");
	const uint64_t *h = snp_snapshot_hist(r->snap, m, row->index, 0);
	uint64_t life = strtoull(row->name, NULL, 10), bucket = 0;
	uint64_t requests = value(r, "snakepit.requests", row->index);
	uint64_t count = snp_hist_count(m, h), sum = h[m->nbuckets + 2];

	while (bucket <= m->nbuckets && !h[bucket])
		bucket++;
	MUST(row->slot == life);
	MUST(requests % life == 0 && requests <= ROUNDS * life);
	MUST(count <= ROUNDS);
	MUST(sum % (life * 1000) == 0 && sum <= count * life * 1000);
	MUST(count == 0 || h[bucket] == count); /* all are equal: one bucket */
	MUST(count == 0 || snp_hist_upper_ns(m, (uint32_t)bucket) >= life * 1000);
	/* The last life of a tombstone is complete. */
	MUST(!row->tombstone || (requests == ROUNDS * life && count == ROUNDS));
}

static void check_worker(struct reader *r, const struct snp_row *row)
{
	uint64_t life = row->slot, mark = row->incarnation;
	uint64_t requests = value(r, "snakepit.worker.requests", row->index);
	unsigned long long first = life * ROUNDS, last = life * ROUNDS;

	MUST(requests % life == 0 && requests <= ROUNDS * life);
	MUST(mark == 0 || mark / ROUNDS == life);
	MUST((uint64_t)row->pid == mark && row->start_mono.ns == mark &&
	     row->ready_mono.ns == mark && row->last_exit_status == mark);
	MUST(!*row->last_error ||
	     sscanf(row->last_error, "%llu %llu", &first, &last) == 2);
	MUST(first == last && first / ROUNDS == life);
	MUST(!row->tombstone || (requests == ROUNDS * life && first == mark &&
				 mark % ROUNDS == ROUNDS - 1));
}

static void check(struct reader *r)
{
	for (unsigned kind = SNP_ROW_WORKER; kind < SNP_ROW_KINDS; kind++)
		for (uint32_t i = 0; i < snp_snapshot_rows_nr(r->snap, kind); i++) {
			const struct snp_row *row = snp_snapshot_row(r->snap, kind, i);

			if (!row)
				continue;
			if (kind == SNP_ROW_TOOL)
				check_tool(r, row);
			else
				check_worker(r, row);
			MUST(row->uid >= r->last_uid[kind][i]);
			MUST(row->tombstone == (row->retired_mono.ns != 0));
			MUST(strcmp(row->retire_reason, row->tombstone ? "idle" : "") ==
			     0);
			r->last_uid[kind][i] = row->uid;
		}
}

static void *look(struct world *world, enum snp_tier tier)
{
	struct reader r = {.world = world, .tier = tier};
	struct snp_err err;
	int rc;

	if (snp_segment_attach(snp_writer_path(world->w), &r.seg, NULL) < 0)
		return (void *)"attach";
	while (!atomic_load(&world->stop) && !r.wrong) {
		rc = snp_segment_snapshot_from(r.seg, tier, &r.snap, &err);
		/* A half can be overtaken a few times in a row: the writer here does
		 * nothing but write them. */
		if (rc == -EBADMSG && tier == SNP_TIER_SNAP)
			continue;
		if (rc < 0)
			r.wrong = "snapshot";
		else
			check(&r);
		atomic_fetch_add(&world->looks[tier], 1);
	}
	snp_snapshot_destroy(&r.snap);
	snp_segment_detach(&r.seg);
	return (void *)(uintptr_t)r.wrong;
}

static void *look_live(void *user)
{
	return look(user, SNP_TIER_LIVE);
}

static void *look_snap(void *user)
{
	return look(user, SNP_TIER_SNAP);
}

static bool enough(void *user)
{
	struct world *world = user;

	return atomic_load(&world->lives) >= LIVES &&
	       atomic_load(&world->looks[SNP_TIER_LIVE]) >= LIVES &&
	       atomic_load(&world->looks[SNP_TIER_SNAP]) >= 100;
}

static void snapshots_of_rows_that_come_and_go_are_never_mixed(void **state)
{
	void *(*const jobs[])(void *) = {churn, tick, look_live, look_snap};
	struct world *world = *state;
	void *wrong[4];
	bool done;

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&world->threads[i], NULL, jobs[i], world), 0);
	done = snp_test_wait_until(enough, world, SNP_TEST_DEADLINE_MS);
	atomic_store(&world->stop, true);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(world->threads[i], &wrong[i]), 0);
	for (unsigned i = 0; i < 4; i++)
		if (wrong[i])
			fail_msg("%s reader: not %s", i == 2 ? "live" : "snap",
				 (const char *)wrong[i]);
	if (!done)
		fail_msg("%lu lives, %lu and %lu looks in %d ms", world->lives,
			 world->looks[0], world->looks[1], SNP_TEST_DEADLINE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		snapshots_of_rows_that_come_and_go_are_never_mixed, setup, teardown),
	};

	return cmocka_run_group_tests_name("shm/churn", tests, NULL, NULL);
}
