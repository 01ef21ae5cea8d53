/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <math.h>
#include <string.h>

#include "model/pools.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

/* ---- fixture: one pool, two workers, two tools --------------------------- */

struct fixture {
	char dir[64];
	struct snp_writer *writer;
	struct snp_bank bank;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	uint32_t pool, worker[2], tool[2];
	struct snp_look before, look;
	uint64_t hb_ns;
};

static uint32_t declare(struct fixture *f, struct snp_row_decl decl)
{
	struct snp_err err = {0};
	uint32_t index = 0;

	if (snp_row_declare(f->writer, &decl, &index, &err) < 0)
		fail_msg("declare: %s", err.msg);
	return index;
}

static void snapshot(struct fixture *f)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(f->seg, &f->snap, &err) < 0)
		fail_msg("snapshot: %s", err.msg);
}

static int open_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_writer_options options = {.instance = "pools",
					     .pools_max = 2,
					     .workers_max = 3,
					     .tools_max = 3,
					     .banks_max = 1,
					     .events_per_ring = 8};
	struct snp_err err = {0};

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	options.dir = f->dir;
	if (snp_writer_create(&options, &f->writer, &err) < 0)
		fail_msg("create: %s", err.msg);
	assert_int_equal(0, snp_bank_adopt(f->writer, &f->bank));
	f->pool =
	    declare(f, (struct snp_row_decl){
			   .kind = SNP_ROW_POOL, .name = "default", .text = "a.B"});
	/* Slots out of order: looks sort them. */
	for (uint32_t i = 0; i < 2; i++)
		f->worker[i] = declare(f, (struct snp_row_decl){.kind = SNP_ROW_WORKER,
								.pool = f->pool,
								.slot = 1 - i});
	f->tool[0] = declare(
	    f,
	    (struct snp_row_decl){.kind = SNP_ROW_TOOL, .pool = f->pool, .name = "x"});
	f->tool[1] = declare(
	    f,
	    (struct snp_row_decl){.kind = SNP_ROW_TOOL, .pool = f->pool, .name = "y"});
	snp_writer_heartbeat(f->writer, 0, 1);
	assert_int_equal(0, snp_writer_publish(f->writer, &err));
	if (snp_segment_attach(snp_writer_path(f->writer), &f->seg, &err) < 0)
		fail_msg("attach: %s", err.msg);
	snapshot(f);
	f->hb_ns = snp_snapshot_now(f->snap).ns;
	*state = f;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *f = *state;

	snp_look_fini(&f->before);
	snp_look_fini(&f->look);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	snp_bank_release(f->writer, &f->bank);
	snp_writer_close(&f->writer);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

/* ---- helpers ------------------------------------------------------------- */

#define WORD(id) (offsetof(struct snp_pool_ledger, id) / sizeof(uint64_t))

static void put_ledger(struct fixture *f, uint64_t requests, uint64_t errors)
{
	uint64_t words[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {0};

	words[WORD(pool_requests)] = requests;
	words[WORD(outcomes) + SNP_OUTCOME_ERROR] = errors;
	words[WORD(active)] = 3;
	words[WORD(queue_depth)] = 2;
	words[WORD(queue_oldest)] = f->hb_ns - 5 * SNP_NS_PER_MS;
	snp_latch_publish(&snp_pool_row(f->writer, f->pool)->ledger, words,
			  sizeof(words) / sizeof(*words));
}

static void put_process(struct fixture *f, unsigned worker, uint64_t pid,
			uint64_t start_ns)
{
	uint64_t words[SNP_PROC_PYTHON_HI + 1] = {[SNP_PROC_INCARNATION] = 2,
						  [SNP_PROC_PID] = pid,
						  [SNP_PROC_START_MONO_NS] = start_ns,
						  [SNP_PROC_LAST_EXIT_REASON] =
						      SNP_EXIT_REASON_SIGNAL + 1,
						  [SNP_PROC_LAST_EXIT_STATUS] = 137};

	snp_latch_publish(&snp_worker_row(f->writer, f->worker[worker])->proc, words,
			  sizeof(words) / sizeof(*words));
}

static struct snp_worker_row *row(struct fixture *f, unsigned worker)
{
	return snp_worker_row(f->writer, f->worker[worker]);
}

static void look_before(struct fixture *f)
{
	snapshot(f);
	assert_int_equal(0, snp_look_read(&f->before, f->snap, NULL, NULL));
}

/* As if `ms` had passed since look_before(). */
static void look_after(struct fixture *f, uint64_t ms)
{
	snapshot(f);
	assert_int_equal(0, snp_look_read(&f->look, f->snap, NULL, NULL));
	f->before.taken.ns = f->look.taken.ns - ms * SNP_NS_PER_MS;
	assert_int_equal(0, snp_look_read(&f->look, f->snap, &f->before, &f->before));
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-6;
}

/* ---- cases --------------------------------------------------------------- */

static void read_alone_has_values_and_no_rates(void **state)
{
	struct fixture *f = *state;
	const struct snp_pool_stat *p;

	put_ledger(f, 100, 5);
	snp_set(&row(f, 0)->sup.capacity[0], 4);
	snapshot(f);
	assert_int_equal(0, snp_look_read(&f->look, f->snap, NULL, NULL));
	assert_int_equal(1, f->look.pools_nr);
	assert_int_equal(2, f->look.workers_nr);
	p = &f->look.pools[0];
	assert_string_equal("default", p->name);
	assert_string_equal("a.B", p->adapter);
	assert_int_equal(100, p->requests);
	assert_int_equal(5, p->errors);
	assert_int_equal(2, p->queue_depth);
	assert_int_equal(5 * SNP_NS_PER_MS, p->queue_oldest_ns);
	assert_true(near(75.0, p->busy_percent));
	assert_true(isnan(p->req_s) && isnan(p->err_s) && isnan(f->look.total.req_s));
	assert_true(p->p99_ns == SNP_UNKNOWN);
	assert_true(isnan(f->look.workers[0].req_s));
	assert_int_equal(0, f->look.interval_ns);
}

static void workers_stand_in_order_of_their_slots(void **state)
{
	struct fixture *f = *state;

	look_before(f);
	assert_int_equal(0, f->before.workers[0].slot);
	assert_int_equal(f->worker[1], f->before.workers[0].row);
	assert_int_equal(1, f->before.workers[1].slot);
}

static void rates_are_of_the_interval(void **state)
{
	struct fixture *f = *state;

	put_ledger(f, 100, 5);
	look_before(f);
	put_ledger(f, 150, 6);
	snp_add(&row(f, 0)->hot.worker_requests[0], 30);
	snp_add(&row(f, 0)->sup.cpu[0], SNP_NS_PER_S);
	look_after(f, 500);
	assert_int_equal(500 * SNP_NS_PER_MS, f->look.interval_ns);
	assert_true(near(100.0, f->look.pools[0].req_s));
	assert_true(near(2.0, f->look.pools[0].err_s));
	assert_true(near(100.0, f->look.total.req_s));
	assert_true(near(60.0, f->look.workers[1].req_s)); /* slot 1 is row 0 */
	assert_true(near(0.0, f->look.workers[0].req_s));
	assert_true(near(200.0, f->look.workers[1].cpu_percent));
	assert_true(near(200.0, f->look.total.cpu_percent));
}

static void counter_that_fell_gives_unknown_not_a_spike(void **state)
{
	struct fixture *f = *state;

	put_ledger(f, 1000000, 50);
	snp_set(&row(f, 0)->hot.worker_requests[0], 5000);
	look_before(f);
	put_ledger(f, 7, 51);
	snp_set(&row(f, 0)->hot.worker_requests[0], 3);
	look_after(f, 1000);
	assert_true(isnan(f->look.pools[0].req_s));
	assert_true(isnan(f->look.total.req_s));
	assert_true(near(1.0, f->look.pools[0].err_s));
	assert_true(isnan(f->look.workers[1].req_s));
}

static void reused_row_gives_unknown(void **state)
{
	struct fixture *f = *state;

	put_ledger(f, 100, 0);
	snp_hist_record(&f->bank.tools[f->tool[0]].duration[0], 1000000);
	look_before(f);
	/* The same slots, as another uid: what was before is somebody else's. */
	f->before.pools[0].uid++;
	f->before.workers[0].uid++;
	put_ledger(f, 200, 0);
	snp_hist_record(&f->bank.tools[f->tool[0]].duration[0], 1000000);
	look_after(f, 1000);
	assert_true(isnan(f->look.pools[0].req_s));
	assert_true(f->look.pools[0].p50_ns == SNP_UNKNOWN);
	assert_true(isnan(f->look.workers[0].req_s));
	assert_true(near(0.0, f->look.workers[1].req_s));
}

static void pool_that_appeared_does_not_enter_the_total(void **state)
{
	struct fixture *f = *state;
	uint64_t words[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {0};
	uint32_t late;

	put_ledger(f, 100, 0);
	look_before(f);
	put_ledger(f, 110, 0);
	late = declare(f, (struct snp_row_decl){.kind = SNP_ROW_POOL, .name = "late"});
	words[WORD(pool_requests)] = 1000000;
	snp_latch_publish(&snp_pool_row(f->writer, late)->ledger, words,
			  sizeof(words) / sizeof(*words));
	look_after(f, 1000);
	assert_int_equal(2, f->look.pools_nr);
	assert_int_equal(1000110, f->look.total.requests);
	assert_true(isnan(f->look.pools[1].req_s));
	assert_true(near(10.0, f->look.total.req_s));
}

static void quantiles_are_of_the_window_and_add_up_tools(void **state)
{
	struct fixture *f = *state;
	const struct snp_pool_stat *p;

	/* Before the window: slow ones that must not count. */
	for (int i = 0; i < 1000; i++)
		snp_hist_record(&f->bank.tools[f->tool[0]].duration[0],
				10 * SNP_NS_PER_S);
	look_before(f);
	for (int i = 0; i < 50; i++) {
		snp_hist_record(&f->bank.tools[f->tool[0]].duration[0], SNP_NS_PER_MS);
		snp_hist_record(&f->bank.tools[f->tool[1]].duration[0],
				100 * SNP_NS_PER_MS);
	}
	look_after(f, 1000);
	p = &f->look.pools[0];
	assert_in_range(p->p50_ns, 900000, 1100000);
	assert_in_range(p->p95_ns, 91 * SNP_NS_PER_MS, 110 * SNP_NS_PER_MS);
	assert_int_equal(p->p99_ns, f->look.total.p99_ns);
	assert_int_equal(SNP_NS_PER_S, f->look.window_ns);
}

static void timeouts_are_of_all_time_of_the_interval_and_of_the_window(void **state)
{
	struct fixture *f = *state;

	snp_add(&f->bank.tools[f->tool[0]].failures[SNP_FAILURE_CODE_DEADLINE_EXCEEDED],
		3);
	snp_add(&f->bank.tools[f->tool[0]].failures[SNP_FAILURE_CODE_INTERNAL], 9);
	look_before(f);
	assert_true(f->before.pools[0].timeouts_window == SNP_UNKNOWN);
	snp_add(&f->bank.tools[f->tool[1]].failures[SNP_FAILURE_CODE_DEADLINE_EXCEEDED],
		4);
	look_after(f, 2000);
	assert_int_equal(7, f->look.pools[0].timeouts);
	assert_int_equal(4, f->look.pools[0].timeouts_window);
	assert_true(near(2.0, f->look.pools[0].timeout_s));
}

static void quantiles_without_requests_are_unknown(void **state)
{
	struct fixture *f = *state;

	look_before(f);
	look_after(f, 1000);
	assert_true(f->look.pools[0].p50_ns == SNP_UNKNOWN);
	assert_true(f->look.total.p99_ns == SNP_UNKNOWN);
	assert_true(near(0.0, f->look.total.req_s));
}

static void ages_are_of_the_running_process(void **state)
{
	struct fixture *f = *state;
	const struct snp_worker_stat *w;

	put_process(f, 0, 4711, f->hb_ns - 3 * SNP_NS_PER_S);
	snp_set(&row(f, 0)->hot.last_pong[0], f->hb_ns - 200 * SNP_NS_PER_MS);
	look_before(f);
	w = &f->before.workers[1];
	assert_int_equal(3 * SNP_NS_PER_S, w->uptime_ns);
	assert_int_equal(200 * SNP_NS_PER_MS, w->heartbeat_age_ns);
	assert_string_equal("signal", w->last_exit);
	assert_int_equal(137, w->last_exit_status);
	/* The answer was its predecessor's. */
	put_process(f, 0, 4712, f->hb_ns - 100 * SNP_NS_PER_MS);
	look_before(f);
	assert_true(f->before.workers[1].heartbeat_age_ns == SNP_UNKNOWN);
	/* No process: no age at all. */
	put_process(f, 0, 0, f->hb_ns - 100 * SNP_NS_PER_MS);
	look_before(f);
	assert_true(f->before.workers[1].uptime_ns == SNP_UNKNOWN);
	assert_true(f->before.workers[1].heartbeat_age_ns == SNP_UNKNOWN);
}

static void statuses_are_counted_and_judged(void **state)
{
	struct fixture *f = *state;
	struct snp_worker_stat *busy, *down;

	snp_set(&row(f, 0)->sup.state[0], SNP_WORKER_STATE_BACKOFF);
	snp_set(&row(f, 1)->sup.state[0], SNP_WORKER_STATE_READY);
	snp_set(&row(f, 1)->hot.worker_active[0], 1);
	look_before(f);
	busy = &f->before.workers[0];
	down = &f->before.workers[1];
	assert_int_equal(1, f->before.pools[0].by_status[SNP_WORKER_STATUS_BUSY]);
	assert_int_equal(1, f->before.total.by_status[SNP_WORKER_STATUS_DOWN]);
	assert_int_equal(2, f->before.total.workers);
	assert_true(snp_worker_unhealthy(down));
	assert_false(snp_worker_unhealthy(busy));
	busy->heartbeat_missed = 1;
	assert_true(snp_worker_unhealthy(busy));
}

static void copy_is_equal_and_independent(void **state)
{
	struct fixture *f = *state;
	struct snp_look copy = {0};

	put_ledger(f, 100, 5);
	look_before(f);
	assert_int_equal(0, snp_look_copy(&copy, &f->before));
	assert_ptr_not_equal(copy.pools, f->before.pools);
	assert_memory_equal(copy.pools, f->before.pools,
			    copy.pools_nr * sizeof(*copy.pools));
	assert_memory_equal(copy.workers, f->before.workers,
			    copy.workers_nr * sizeof(*copy.workers));
	/* It serves as the earlier look as well as the original does. */
	put_ledger(f, 160, 5);
	snapshot(f);
	assert_int_equal(0, snp_look_read(&f->look, f->snap, NULL, NULL));
	copy.taken.ns = f->look.taken.ns - SNP_NS_PER_S;
	assert_int_equal(0, snp_look_read(&f->look, f->snap, &copy, &copy));
	assert_true(near(60.0, f->look.total.req_s));
	snp_look_fini(&copy);
}

static void look_outlives_snapshot_and_segment(void **state)
{
	struct fixture *f = *state;
	struct snp_err err = {0};

	put_ledger(f, 42, 0);
	look_before(f);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	assert_string_equal("default", f->before.pools[0].name);
	assert_int_equal(42, f->before.total.requests);
	assert_int_equal(0,
			 snp_segment_attach(snp_writer_path(f->writer), &f->seg, &err));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
	const struct CMUnitTest tests[] = {
	    T(read_alone_has_values_and_no_rates),
	    T(workers_stand_in_order_of_their_slots),
	    T(rates_are_of_the_interval),
	    T(counter_that_fell_gives_unknown_not_a_spike),
	    T(reused_row_gives_unknown),
	    T(pool_that_appeared_does_not_enter_the_total),
	    T(quantiles_are_of_the_window_and_add_up_tools),
	    T(timeouts_are_of_all_time_of_the_interval_and_of_the_window),
	    T(quantiles_without_requests_are_unknown),
	    T(ages_are_of_the_running_process),
	    T(statuses_are_counted_and_judged),
	    T(copy_is_equal_and_independent),
	    T(look_outlives_snapshot_and_segment),
	};

	return cmocka_run_group_tests_name("model/pools", tests, NULL, NULL);
}
