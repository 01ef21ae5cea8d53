/* SPDX-License-Identifier: Apache-2.0 */
/* The queue, the books and the choice of a worker, each against a simple model. */
#include "snp_test.h"

#include <errno.h>
#include <string.h>

#include "pool/pool.h"
#include "pool/request.h"
#include "snakepit/read.h"
#include "test_random.h"

#define WORKERS	 6
#define REQUESTS 40
#define STEPS	 20000

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

/* ---- The queue against a list -------------------------------------------- */

struct model {
	struct request *in[REQUESTS];
	unsigned n;
};

static void model_insert(struct model *m, unsigned at, struct request *r)
{
	for (unsigned i = m->n++; i > at; i--)
		m->in[i] = m->in[i - 1];
	m->in[at] = r;
}

static struct request *model_take(struct model *m, unsigned at)
{
	struct request *r = m->in[at];

	m->n--;
	for (unsigned i = at; i < m->n; i++)
		m->in[i] = m->in[i + 1];
	return r;
}

/* Forwards and backwards the queue is the list. */
static void check_queue(const struct model *m)
{
	const struct request *r = pool_queue_head(pool), *prev = NULL;

	for (unsigned i = 0; i < m->n; i++) {
		assert_ptr_equal(r, m->in[i]);
		assert_ptr_equal(r->waiter.prev, prev);
		prev = r;
		r = r->waiter.next;
	}
	assert_null(r);
	assert_ptr_equal(pool->queue_tail, prev);
}

static void queue_random_operations_agree_with_a_list(void **state)
{
	struct test_random random = test_random_seeded(1);
	struct request *requests = calloc(REQUESTS, sizeof(*requests));
	struct model out = {.n = 0}, in = {.n = 0};

	(void)state;
	assert_non_null(requests);
	for (unsigned i = 0; i < REQUESTS; i++)
		out.in[out.n++] = &requests[i];
	for (unsigned step = 0; step < STEPS; step++) {
		struct request *r;

		if (out.n && (!in.n || test_random_below(&random, 2))) {
			r = model_take(&out, test_random_below(&random, out.n));
			if (test_random_below(&random, 4)) {
				model_insert(&in, in.n, r);
				pool_queue_push(pool, r);
			} else {
				model_insert(&in, 0, r);
				pool_queue_unpop(pool, r);
			}
		} else {
			r = model_take(&in, test_random_below(&random, 3)
						? 0
						: test_random_below(&random, in.n));
			pool_queue_remove(pool, r);
			assert_null(r->waiter.next);
			assert_null(r->waiter.prev);
			model_insert(&out, out.n, r);
		}
		check_queue(&in);
	}
	while (in.n)
		pool_queue_remove(pool, model_take(&in, in.n - 1));
	check_queue(&in);
	free(requests);
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
	for (unsigned step = 0; step < STEPS / 10; step++) {
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
		r[i].waiter.since = (snp_mono_t){1000 + i};
		pool_queue_push(pool, &r[i]);
		pool_book_arrival(pool, POOL_QUEUED);
	}
	expected = (struct pool_books){
	    .requests = 2, .queue_depth = 2, .queue_peak = 2, .queue_oldest_ns = 1000};
	check_books(&reader, &expected);
	pool_queue_remove(pool, &r[0]);
	pool_book_move(pool, POOL_QUEUED, POOL_ACTIVE);
	expected.queue_depth = expected.active = 1;
	expected.queue_oldest_ns = 1001;
	check_books(&reader, &expected);
	pool_queue_remove(pool, &r[1]);
	pool_book_outcome(pool, POOL_QUEUED, SNP_OUTCOME_ERROR);
	expected.queue_depth = expected.queue_oldest_ns = 0;
	expected.outcomes[SNP_OUTCOME_ERROR] = 1;
	check_books(&reader, &expected);
	snp_snapshot_destroy(&reader.snapshot);
	snp_segment_detach(&reader.segment);
	free(r);
}

/* ---- Which worker -------------------------------------------------------- */

static const snp_mono_t now = {1000000};

static struct link *put(unsigned slot, uint32_t dispatched, uint64_t last_dispatch)
{
	links[slot].opt.capacity = 10;
	links[slot].dispatched = dispatched;
	links[slot].last_dispatch = last_dispatch;
	atomic_store(&links[slot].open, true);
	rcu_set(&pool->slots[slot].link, &links[slot]);
	return &links[slot];
}

static void pick_without_workers_is_null(void **state)
{
	(void)state;
	assert_null(pool_pick(pool, now));
	assert_int_equal(pool_open_workers(pool), 0);
	assert_int_equal(pool_next_pick(pool, now).ns, UINT64_MAX);
}

static void pick_takes_the_least_in_flight(void **state)
{
	(void)state;
	put(0, 3, 9);
	put(1, 1, 1);
	put(2, 2, 8);
	assert_ptr_equal(pool_pick(pool, now), &links[1]);
}

static void pick_takes_of_equals_the_most_recent(void **state)
{
	(void)state;
	put(0, 1, 5);
	put(2, 1, 7);
	put(5, 1, 6);
	assert_ptr_equal(pool_pick(pool, now), &links[2]);
}

static void pick_passes_over_the_closed(void **state)
{
	(void)state;
	put(0, 0, 9);
	put(1, 5, 1);
	atomic_store(&links[0].open, false);
	assert_ptr_equal(pool_pick(pool, now), &links[1]);
	assert_int_equal(pool_open_workers(pool), 1);
	atomic_store(&links[1].open, false);
	assert_null(pool_pick(pool, now));
	assert_int_equal(pool_open_workers(pool), 0);
}

static void pick_passes_over_the_full(void **state)
{
	(void)state;
	put(0, 1, 9)->opt.capacity = 1;
	assert_null(pool_pick(pool, now));
	assert_int_equal(pool_open_workers(pool), 1);
	put(1, 9, 1);
	assert_ptr_equal(pool_pick(pool, now), &links[1]);
	links[1].dispatched = 10;
	assert_null(pool_pick(pool, now));
}

static void pick_passes_over_the_unreachable_until_its_time(void **state)
{
	(void)state;
	put(0, 0, 9)->shunned_until.ns = now.ns + 1;
	assert_null(pool_pick(pool, now));
	assert_int_equal(pool_next_pick(pool, now).ns, now.ns + 1);
	put(1, 5, 1);
	assert_ptr_equal(pool_pick(pool, now), &links[1]);
	links[0].shunned_until.ns = now.ns;
	assert_ptr_equal(pool_pick(pool, now), &links[0]);
	assert_int_equal(pool_next_pick(pool, now).ns, UINT64_MAX);
}

/* Against the rule written down a second time. */
static bool may_take(const struct link *l)
{
	return atomic_load(&l->open) && l->dispatched < l->opt.capacity &&
	       l->shunned_until.ns <= now.ns;
}

static void pick_random_workers_agree_with_the_rule(void **state)
{
	struct test_random random = test_random_seeded(3);

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		const struct link *picked;
		uint64_t next = UINT64_MAX;
		unsigned able = 0;

		for (unsigned i = 0; i < WORKERS; i++) {
			struct link *l = put(i, test_random_below(&random, 4),
					     10 * test_random_below(&random, 9) + i);

			l->opt.capacity = 1 + test_random_below(&random, 4);
			l->shunned_until.ns =
			    now.ns + test_random_below(&random, 3) - 1;
			atomic_store(&l->open, test_random_below(&random, 4));
			if (test_random_below(&random, 5) == 0)
				rcu_set(&pool->slots[i].link, NULL);
		}
		picked = pool_pick(pool, now);
		for (unsigned i = 0; i < WORKERS; i++) {
			const struct link *l = rcu_get(&pool->slots[i].link);

			if (!l)
				continue;
			able += may_take(l);
			if (may_take(l))
				assert_true(
				    picked->dispatched < l->dispatched ||
				    (picked->dispatched == l->dispatched &&
				     picked->last_dispatch >= l->last_dispatch));
			if (atomic_load(&l->open) && l->dispatched < l->opt.capacity &&
			    l->shunned_until.ns > now.ns)
				next = l->shunned_until.ns;
		}
		assert_int_equal(picked != NULL, able > 0);
		assert_true(!picked || may_take(picked));
		assert_int_equal(pool_next_pick(pool, now).ns, next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(create_declares_the_rows_readers_see),
	    T(create_in_a_full_segment_fails_and_leaves_nothing),
	    T(queue_random_operations_agree_with_a_list),
	    T(books_random_operations_agree_with_what_a_reader_sees),
	    T(books_oldest_is_the_admission_of_the_head),
	    T(pick_without_workers_is_null),
	    T(pick_takes_the_least_in_flight),
	    T(pick_takes_of_equals_the_most_recent),
	    T(pick_passes_over_the_closed),
	    T(pick_passes_over_the_full),
	    T(pick_passes_over_the_unreachable_until_its_time),
	    T(pick_random_workers_agree_with_the_rule),
	};

	return cmocka_run_group_tests_name("runtime/pool", tests, NULL, NULL);
}
