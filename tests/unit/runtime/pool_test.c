/* SPDX-License-Identifier: Apache-2.0 */
/* The rows and the books of a pool, as a reader sees them. */
#include "snp_test.h"

#include <errno.h>
#include <string.h>

#include "pool/pool.h"
#include "pool/request.h"
#include "snakepit/read.h"
#include "test_random.h"

#define WORKERS 6
#define STEPS	2000

static char dir[64];
static struct snp_writer *writer;
static struct snp_cfg_pool cfg;
static struct pool *pool;
static struct link links[WORKERS];

static int set_up(void **state)
{
	const struct snp_writer_options options = {
	    .dir = dir,
	    .instance = "unit",
	    .pools_max = 1,
	    .workers_max = WORKERS,
	    .tools_max = 2,
	    .banks_max = 1,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};

	(void)state;
	snp_test_tmpdir_make(dir, sizeof(dir));
	assert_int_equal(snp_writer_create(&options, &writer, NULL), 0);
	cfg = (struct snp_cfg_pool){.name = (char *)(uintptr_t) "default",
				    .adapter = (char *)(uintptr_t) "a.B",
				    .workers = WORKERS,
				    .queue.limit = 7,
				    .max_tools = 1};
	assert_int_equal(pool_create(&cfg, writer, &pool, NULL), 0);
	memset(links, 0, sizeof(links));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pool_destroy(&pool);
	snp_writer_remove(&writer);
	snp_test_tmpdir_remove(dir);
	return pool ? -1 : 0;
}

/* ---- Lifetime ------------------------------------------------------------ */

static void create_declares_the_rows_readers_see(void **state)
{
	struct snp_segment *segment = NULL;
	struct snp_snapshot *snapshot = NULL;
	const struct snp_metric *limit, *queue;
	const struct snp_row *row;

	(void)state;
	snp_writer_heartbeat(writer, 0, 1);
	assert_int_equal(snp_writer_publish(writer, NULL), 0);
	assert_int_equal(snp_segment_attach(snp_writer_path(writer), &segment, NULL),
			 0);
	assert_int_equal(snp_segment_snapshot(segment, &snapshot, NULL), 0);
	assert_int_equal(snp_snapshot_rows_nr(snapshot, SNP_ROW_WORKER), WORKERS);
	for (uint32_t i = 0; i < WORKERS; i++) {
		row = snp_snapshot_row(snapshot, SNP_ROW_WORKER,
				       pool->slots[i].worker_row);
		assert_int_equal(row->slot, i);
		assert_string_equal(row->pool_name, "default");
	}
	limit = snp_snapshot_metric_find(snapshot, "snakepit.worker.limit");
	queue = snp_snapshot_metric_find(snapshot, "snakepit.pool.queue.limit");
	assert_int_equal(snp_snapshot_value(snapshot, limit, 0, 0), WORKERS);
	assert_int_equal(snp_snapshot_value(snapshot, queue, 0, 0), 7);
	snp_snapshot_destroy(&snapshot);
	snp_segment_detach(&segment);
}

static void create_in_a_full_segment_fails_and_leaves_nothing(void **state)
{
	struct pool *second = NULL;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(pool_create(&cfg, writer, &second, &err), -ENOSPC);
	assert_null(second);
	assert_true(strlen(err.msg) > 0);
	pool_destroy(&second); /* NULL is allowed */
}

/* ---- The books as a reader sees them ------------------------------------- */

struct reader {
	struct snp_segment *segment;
	struct snp_snapshot *snapshot;
};

static uint64_t seen(const struct reader *r, const char *name, uint32_t cell)
{
	const struct snp_metric *m = snp_snapshot_metric_find(r->snapshot, name);

	assert_non_null(m);
	return snp_snapshot_value(r->snapshot, m, 0, cell);
}

static void check_books(struct reader *r, const struct pool_books *expected)
{
	assert_int_equal(snp_segment_snapshot(r->segment, &r->snapshot, NULL), 0);
	assert_int_equal(seen(r, "snakepit.pool.requests", 0), expected->requests);
	assert_int_equal(seen(r, "snakepit.pool.request.outcomes", SNP_OUTCOME_OK),
			 expected->outcomes[SNP_OUTCOME_OK]);
	assert_int_equal(seen(r, "snakepit.pool.request.outcomes", SNP_OUTCOME_ERROR),
			 expected->outcomes[SNP_OUTCOME_ERROR]);
	assert_int_equal(seen(r, "snakepit.request.active", 0), expected->active);
	assert_int_equal(seen(r, "snakepit.pool.queue.depth", 0),
			 expected->queue_depth);
	assert_int_equal(seen(r, "snakepit.pool.queue.peak", 0), expected->queue_peak);
	assert_int_equal(seen(r, "snakepit.pool.queue.oldest.timestamp", 0),
			 expected->queue_oldest_ns);
	assert_int_equal(expected->requests, expected->outcomes[SNP_OUTCOME_OK] +
						 expected->outcomes[SNP_OUTCOME_ERROR] +
						 expected->active +
						 expected->queue_depth);
}

/* One random thing that can happen now, to the pool and to what is expected of it. */
static void book_something(struct test_random *random, struct pool_books *e)
{
	enum snp_enum_OUTCOME how =
	    test_random_below(random, 2) ? SNP_OUTCOME_OK : SNP_OUTCOME_ERROR;

	switch (test_random_below(random, 7)) {
	case 0:
		pool_book_arrival(pool, POOL_QUEUED);
		e->requests++;
		e->queue_depth++;
		break;
	case 1:
		pool_book_arrival(pool, POOL_ACTIVE);
		e->requests++;
		e->active++;
		break;
	case 2:
		pool_book_refusal(pool);
		e->requests++;
		e->outcomes[SNP_OUTCOME_ERROR]++;
		break;
	case 3:
		if (!e->queue_depth)
			break;
		pool_book_move(pool, POOL_QUEUED, POOL_ACTIVE);
		e->queue_depth--;
		e->active++;
		break;
	case 4:
		if (!e->active)
			break;
		pool_book_move(pool, POOL_ACTIVE, POOL_QUEUED);
		e->active--;
		e->queue_depth++;
		break;
	case 5:
		if (!e->queue_depth)
			break;
		pool_book_outcome(pool, POOL_QUEUED, how);
		e->queue_depth--;
		e->outcomes[how]++;
		break;
	default:
		if (!e->active)
			break;
		pool_book_outcome(pool, POOL_ACTIVE, how);
		e->active--;
		e->outcomes[how]++;
	}
	if (e->queue_depth > e->queue_peak)
		e->queue_peak = e->queue_depth;
}

static void books_random_operations_agree_with_what_a_reader_sees(void **state)
{
	struct test_random random = test_random_seeded(2);
	struct pool_books expected = {0};
	struct reader reader = {NULL};

	(void)state;
	snp_writer_heartbeat(writer, 0, 1);
	assert_int_equal(snp_writer_publish(writer, NULL), 0);
	assert_int_equal(
	    snp_segment_attach(snp_writer_path(writer), &reader.segment, NULL), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		book_something(&random, &expected);
		check_books(&reader, &expected);
	}
	assert_true(expected.outcomes[SNP_OUTCOME_OK] > 100);
	snp_snapshot_destroy(&reader.snapshot);
	snp_segment_detach(&reader.segment);
}

static void books_oldest_is_the_admission_of_the_head(void **state)
{
	struct request *r = calloc(2, sizeof(*r));
	struct pool_books expected = {0};
	struct reader reader = {NULL};

	(void)state;
	assert_non_null(r);
	snp_writer_heartbeat(writer, 0, 1);
	assert_int_equal(snp_writer_publish(writer, NULL), 0);
	assert_int_equal(
	    snp_segment_attach(snp_writer_path(writer), &reader.segment, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		waiter_init(&r[i].waiter, (snp_mono_t){1000 + i});
		r[i].pool = pool;
		queue_add(&r[i], NULL);
		pool_book_arrival(pool, POOL_QUEUED);
	}
	expected = (struct pool_books){
	    .requests = 2, .queue_depth = 2, .queue_peak = 2, .queue_oldest_ns = 1000};
	check_books(&reader, &expected);
	queue_remove(&r[0]);
	pool_book_move(pool, POOL_QUEUED, POOL_ACTIVE);
	expected.queue_depth = expected.active = 1;
	expected.queue_oldest_ns = 1001;
	check_books(&reader, &expected);
	queue_remove(&r[1]);
	pool_book_outcome(pool, POOL_QUEUED, SNP_OUTCOME_ERROR);
	expected.queue_depth = expected.queue_oldest_ns = 0;
	expected.outcomes[SNP_OUTCOME_ERROR] = 1;
	check_books(&reader, &expected);
	snp_snapshot_destroy(&reader.snapshot);
	snp_segment_detach(&reader.segment);
	free(r);
}

/* ---- Workers ------------------------------------------------------------- */

static void open_workers_are_those_whose_link_is_open(void **state)
{
	(void)state;
	assert_int_equal(pool_open_workers(pool), 0);
	for (unsigned i = 0; i < 3; i++) {
		atomic_store(&links[i].open, i != 1);
		rcu_set(&pool->slots[i].link, &links[i]);
	}
	assert_int_equal(pool_open_workers(pool), 2);
	rcu_set(&pool->slots[0].link, NULL);
	assert_int_equal(pool_open_workers(pool), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(create_declares_the_rows_readers_see),
	    T(create_in_a_full_segment_fails_and_leaves_nothing),
	    T(books_random_operations_agree_with_what_a_reader_sees),
	    T(books_oldest_is_the_admission_of_the_head),
	    T(open_workers_are_those_whose_link_is_open),
	};

	return cmocka_run_group_tests_name("runtime/pool", tests, NULL, NULL);
}
