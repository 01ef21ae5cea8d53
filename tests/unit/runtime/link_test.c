/* SPDX-License-Identifier: Apache-2.0 */
/* The way to one worker: first answer, heartbeats, what is counted of them. */
#include "request_client.h"

#include "log/log.h"

struct pulse {
	uint64_t pings, pongs, failures, missed, last_pong;
	uint64_t by[SNP_HEARTBEAT_FAILURE_NR];
};

static struct pulse pulse_of(uint32_t slot)
{
	uint32_t row = slot_of(slot)->worker_row;
	struct pulse p = {0};

	look();
	p.pings = seen("snakepit.heartbeat.pings", row, 0);
	p.pongs = seen("snakepit.heartbeat.pongs", row, 0);
	p.missed = seen("snakepit.heartbeat.missed", row, 0);
	p.last_pong = seen("snakepit.heartbeat.last_pong.timestamp", row, 0);
	for (uint32_t i = 0; i < SNP_HEARTBEAT_FAILURE_NR; i++) {
		p.by[i] = seen("snakepit.heartbeat.failures", row, i);
		p.failures += p.by[i];
	}
	return p;
}

/* Everything the loop of a slot has been told is done. */
static void settle(uint32_t slot)
{
	rpc_loop_run(loop_of(slot)->rpc, world_nothing, NULL);
}

/* A link that is started but, as before the first answer, not published. The first of a
 * pool decides whether its workers have heartbeats. */
static void meet(uint32_t slot, bool heartbeats)
{
	bool *enabled = &world.cfg[slot < WORLD_WORKERS ? 0 : 1].heartbeat.enabled;

	if (*enabled != heartbeats)
		*enabled = heartbeats;
	link_open(slot, 1);
}

static bool has_answered(void)
{
	mailbox_drain(&world.mailbox);
	return atomic_load(&world.answered) > 0;
}

static void start_waits_for_the_first_answer(void **state)
{
	struct pulse p;

	(void)state;
	meet(0, false);
	settle(0);
	assert_false(has_answered());
	fake_start(&world.fakes[0]); /* it listens only now */
	wait_until(has_answered());
	assert_int_equal(atomic_load(&world.answered), 1);
	p = pulse_of(0);
	assert_int_equal(p.pings, 0); /* not a heartbeat */
	assert_int_equal(p.failures, 0);
}

static void heartbeats_are_sent_and_answered(void **state)
{
	uint64_t before = snp_mono_now().ns;
	const struct snp_metric *latency;
	struct pulse p;

	(void)state;
	fake_start(&world.fakes[0]);
	meet(0, true);
	wait_until(pulse_of(0).pongs >= 3);
	p = pulse_of(0);
	assert_in_range(p.pings - p.pongs, 0, 1);
	assert_int_equal(p.failures, 0);
	assert_int_equal(p.missed, 0);
	assert_in_range(p.last_pong, before, snp_mono_now().ns);
	latency =
	    snp_snapshot_metric_find(world.snapshot, "snakepit.heartbeat.latency");
	assert_true(snp_hist_count(latency, snp_snapshot_hist(world.snapshot, latency,
							      0, 0)) >= p.pongs);
}

static void heartbeats_switched_off_are_not_sent(void **state)
{
	(void)state;
	fake_start(&world.fakes[0]);
	fake_start(&world.fakes[WORLD_WORKERS]);
	meet(0, false);
	wait_until(has_answered());
	meet(WORLD_WORKERS, true);
	wait_until(pulse_of(WORLD_WORKERS).pongs >= 3);
	assert_int_equal(pulse_of(0).pings, 0);
}

static void heartbeats_missed_in_a_row_are_counted(void **state)
{
	struct pulse p;

	(void)state;
	fake_start(&world.fakes[0]);
	meet(0, true);
	wait_until(pulse_of(0).pongs >= 1);
	atomic_store(&world.fakes[0].mute, true);
	wait_until(pulse_of(0).missed >= 8);
	p = pulse_of(0);
	assert_int_equal(p.by[SNP_HEARTBEAT_FAILURE_BAD_REPLY], p.failures);
	assert_in_range(p.pings - p.pongs - p.failures, 0, 1);
}

static void heartbeats_answered_again_clear_the_count(void **state)
{
	(void)state;
	fake_start(&world.fakes[0]);
	meet(0, true);
	wait_until(has_answered());
	atomic_store(&world.fakes[0].mute, true);
	wait_until(pulse_of(0).missed >= 2);
	atomic_store(&world.fakes[0].mute, false);
	wait_until(pulse_of(0).missed == 0 && pulse_of(0).pongs > 0);
	assert_true(pulse_of(0).failures >= 2);
}

static void heartbeats_switched_off_later_leave_no_misses(void **state)
{
	struct snp_cfg_heartbeat off = world.cfg[0].heartbeat;

	(void)state;
	off.enabled = false;
	fake_start(&world.fakes[0]);
	meet(0, true);
	wait_until(has_answered());
	atomic_store(&world.fakes[0].mute, true);
	wait_until(pulse_of(0).missed >= 2);
	link_set_heartbeat(world.fakes[0].link, &off);
	/* also when one that was on its way comes back */
	wait_until(pulse_of(0).pings == pulse_of(0).pongs + pulse_of(0).failures);
	settle(0);
	assert_int_equal(pulse_of(0).missed, 0);
}

static void worker_gone_is_an_rpc_error(void **state)
{
	(void)state;
	fake_start(&world.fakes[0]);
	meet(0, true);
	wait_until(pulse_of(0).pongs >= 1);
	fake_stop(&world.fakes[0]);
	wait_until(pulse_of(0).missed >= 3);
	assert_true(pulse_of(0).by[SNP_HEARTBEAT_FAILURE_RPC_ERROR] >= 3);
}

static void stop_ends_heartbeats_and_settles_the_counters(void **state)
{
	struct pulse p, later;

	(void)state;
	fake_start(&world.fakes[0]);
	meet(0, true);
	fake_start(&world.fakes[2]);
	meet(2, true);
	wait_until(pulse_of(0).pongs >= 2);
	link_withdraw(0);
	settle(0);
	p = pulse_of(0);
	assert_int_equal(p.pings, p.pongs + p.failures);
	assert_int_equal(p.failures, p.by[SNP_HEARTBEAT_FAILURE_WORKER_EXIT]);
	/* other heartbeats of the same loop go on, so time has passed here too */
	wait_until(pulse_of(2).pongs >= 6);
	later = pulse_of(0);
	assert_int_equal(later.pings, p.pings);
	assert_int_equal(later.pongs, p.pongs);
	assert_int_equal(later.missed, 0);
}

static void stop_before_the_first_answer_tells_nothing(void **state)
{
	(void)state;
	meet(0, true);
	link_withdraw(0);
	settle(0);
	rcu_wait();
	fake_start(&world.fakes[0]);
	fake_start(&world.fakes[2]);
	meet(2, true);
	wait_until(has_answered());
	assert_int_equal(atomic_load(&world.answered), 1);
	assert_int_equal(pulse_of(0).pings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(start_waits_for_the_first_answer),
	    T(heartbeats_are_sent_and_answered),
	    T(heartbeats_switched_off_are_not_sent),
	    T(heartbeats_missed_in_a_row_are_counted),
	    T(heartbeats_answered_again_clear_the_count),
	    T(heartbeats_switched_off_later_leave_no_misses),
	    T(worker_gone_is_an_rpc_error),
	    T(stop_ends_heartbeats_and_settles_the_counters),
	    T(stop_before_the_first_answer_tells_nothing),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/link", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
