/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of workers that are busy, hang, starve, stop. */
#include "liveness_ward.h"

#include <sys/ptrace.h>

static void healthy_worker_is_left_alone(void **state)
{
	struct worker *w = admit_sleeping();
	struct snp_event event;

	(void)state;
	pass(600000);
	assert_health(w, SNP_HEALTH_OK);
	assert_alive(w);
	assert_false(w->fenced);
	assert_false(w->live.junk_told);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_SUSPECTED, &event), 0);
	assert_int_equal(snp_get(w->cells->sup.last_beat), now.ns);
	assert_true(now.ns - snp_get(w->cells->sup.last_interpreter_beat) <= 1000 * MS);
}

static void worker_that_holds_the_gil_and_computes_is_never_killed(void **state)
{
	struct worker *w = admit_computing();
	struct snp_event event;

	(void)state;
	pass(5000);
	hold_gil(w);
	pass(2000);
	snp_set(w->cells->hot.heartbeat_missed, 3); /* before it counts as silent */
	pass(600000);
	assert_health(w, SNP_HEALTH_BUSY_GIL);
	assert_alive(w);
	assert_true(w->fenced);
	assert_int_equal(SUSPICIONS(BUSY_GIL), 1);
	assert_int_equal(SUPPRESSED(BUSY), 1);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_FENCED, &event), 1);
	assert_int_equal(events_of(SNP_EVENT_KIND_KILL_SUPPRESSED, &event), 1);
	assert_int_equal(event.reason, SNP_MOVE_REASON_BUSY_GIL);
	/* once found, and once its stacks were asked for */
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_SUSPECTED, &event), 2);
	assert_true(event.evidence > 0);
}

static void two_fresh_beats_clear_a_suspicion_one_does_not(void **state)
{
	struct worker *w = admit_computing();
	struct snp_event event;

	(void)state;
	pass(5000);
	hold_gil(w);
	pass(6000);
	assert_health(w, SNP_HEALTH_BUSY_GIL);
	patients[w->slot].interpreter_beats = true;
	pass(PERIOD);
	assert_health(w, SNP_HEALTH_BUSY_GIL);
	assert_true(w->fenced);
	pass(1500);
	assert_health(w, SNP_HEALTH_OK);
	assert_false(w->fenced);
	assert_int_equal(CLEARED(), 1);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_CLEARED, &event), 1);
	assert_int_equal(event.reason, SNP_MOVE_REASON_BUSY_GIL);
}

static void worker_whose_native_thread_ended_recovers_all_the_same(void **state)
{
	struct worker *w = admit_computing();

	(void)state;
	pass(5000);
	patients[w->slot].process_beats = false;
	pass(5000);
	assert_health(w, SNP_HEALTH_OK);
	hold_gil(w);
	pass(6000);
	assert_health(w, SNP_HEALTH_STARVED);
	assert_true(w->fenced);
	patients[w->slot].interpreter_beats = true;
	pass(3000);
	assert_health(w, SNP_HEALTH_OK);
	assert_false(w->fenced);
}

static void worker_that_holds_the_gil_and_sleeps_is_killed_after_its_time(void **state)
{
	struct worker *w = admit_sleeping();
	struct snp_event event;

	(void)state;
	pass(5000);
	hold_gil(w);
	assert_in_range(pass_until_killed(w, 70000), 59000, 62000);
	assert_int_equal(SUSPICIONS(WEDGED), 1);
	assert_int_equal(SUSPICIONS(BUSY_GIL), 0);
	assert_int_equal(w->intent, SNP_EXIT_REASON_HEARTBEAT);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_MOVED, &event), 1);
	assert_int_equal(event.reason, SNP_MOVE_REASON_WEDGED);
	assert_true(event.evidence > 0);
}

static void misses_kill_a_wedged_worker_sooner(void **state)
{
	struct worker *w = admit_sleeping();
	struct snp_event event;

	(void)state;
	pass(5000);
	hold_gil(w);
	snp_set(w->cells->hot.heartbeat_missed, 3);
	assert_in_range(pass_until_killed(w, 70000), 2000, 6500);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_MOVED, &event), 1);
	assert_int_equal(event.reason, SNP_MOVE_REASON_HEARTBEAT);
}

static void verdict_that_forbids_a_kill_is_asked_again_when_it_changes(void **state)
{
	struct worker *w = admit_computing();

	(void)state;
	pass(5000);
	hold_gil(w);
	snp_set(w->cells->hot.heartbeat_missed, 3);
	pass(60000);
	assert_alive(w);
	stop_child(w);
	assert_in_range(pass_until_killed(w, 70000), 3000, 5000);
}

static void silent_and_asleep_is_unresponsive_and_killed_soon(void **state)
{
	struct worker *w = admit_sleeping();

	(void)state;
	pass(5000);
	fall_silent(w);
	assert_in_range(pass_until_killed(w, 70000), 14000, 16000);
	assert_int_equal(SUSPICIONS(UNRESPONSIVE), 1);
}

static void silent_and_runnable_is_starved_and_never_killed(void **state)
{
	struct worker *w = admit_computing();

	(void)state;
	pass(5000);
	fall_silent(w);
	pass(600000);
	assert_health(w, SNP_HEALTH_STARVED);
	assert_alive(w);
}

static void stopped_is_killed_after_its_time_traced_never(void **state)
{
	struct worker *stopped = admit_sleeping(), *traced = admit_sleeping();

	(void)state;
	pass(5000);
	if (ptrace(PTRACE_SEIZE, traced->pid, NULL, NULL) < 0)
		snp_test_skip("may not trace");
	assert_int_equal(ptrace(PTRACE_INTERRUPT, traced->pid, NULL, NULL), 0);
	assert_true(snp_test_wait_until(state_is, traced, SNP_TEST_DEADLINE_MS));
	stop_child(stopped);
	fall_silent(stopped);
	fall_silent(traced);
	pass(3500);
	assert_health(stopped, SNP_HEALTH_STOPPED);
	assert_health(traced, SNP_HEALTH_STOPPED);
	pass(120000);
	assert_int_equal(stopped->state, SNP_WORKER_STATE_KILLING);
	assert_alive(traced);
	assert_int_equal(SUPPRESSED(TRACED), 1);
}

static void many_at_once_are_not_killed_for_a_minute(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		(void)admit_sleeping();
	pass(5000);
	for (int i = 0; i < 3; i++)
		fall_silent(&workers[i]);
	pass(60000);
	for (int i = 0; i < 3; i++) {
		assert_alive(&workers[i]);
		assert_true(workers[i].fenced);
	}
	pass(25000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(workers[i].state, SNP_WORKER_STATE_KILLING);
}

static void shadow_mode_counts_and_does_nothing(void **state)
{
	struct worker *w = admit_sleeping();

	(void)state;
	cfg.heartbeat.enforce = false;
	pass(5000);
	fall_silent(w);
	pass(120000);
	assert_health(w, SNP_HEALTH_UNRESPONSIVE);
	assert_alive(w);
	assert_false(w->fenced);
	assert_int_equal(SUPPRESSED(SHADOW), 1);
}

static void without_beats_misses_alone_decide(void **state)
{
	struct worker *w = admit_sleeping();

	(void)state;
	fall_silent(w);
	pass(5000);
	assert_health(w, SNP_HEALTH_UNKNOWN);
	snp_set(w->cells->hot.heartbeat_missed, 2);
	pass(60000);
	assert_alive(w);
	snp_set(w->cells->hot.heartbeat_missed, 3);
	assert_true(pass_until_killed(w, 1000) <= 500);
}

static void heartbeats_off_judge_nobody_and_release_the_fenced(void **state)
{
	struct worker *w = admit_computing();

	(void)state;
	pass(5000);
	hold_gil(w);
	pass(10000);
	assert_true(w->fenced);
	cfg.heartbeat.enabled = false;
	pass(600000);
	assert_health(w, SNP_HEALTH_UNKNOWN);
	assert_false(w->fenced);
	assert_alive(w);
}

/* A long stop of the runtime, during which its workers were stopped as well. */
static void what_the_runtime_slept_through_is_no_silence(void **state)
{
	struct worker *w = admit_sleeping();
	struct snp_event event;

	(void)state;
	pass(5000);
	now = snp_mono_add_ms(now, 30000);
	turn();
	assert_health(w, SNP_HEALTH_OK);
	/* the interpreter takes its time to get on */
	patients[0].interpreter_due_ms = now.ns / MS + 1900;
	pass(10000);
	assert_health(w, SNP_HEALTH_OK);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_SUSPECTED, &event), 0);
	assert_int_equal(count_of(&bank.proc->pauses[SNP_PAUSE_STALL]), 1);
	assert_int_equal(events_of(SNP_EVENT_KIND_RUNTIME_STALLED, &event), 1);
	assert_int_equal(event.value[0], 30000 - PERIOD);
}

/* ... and one that was silent before is still found: first as starved, because the
 * runtime was, too. */
static void silence_before_a_pause_counts_on(void **state)
{
	struct worker *w = admit_sleeping();

	(void)state;
	pass(5000);
	fall_silent(w);
	pass(2000);
	now = snp_mono_add_ms(now, 30000);
	turn();
	assert_health(w, SNP_HEALTH_OK);
	assert_in_range(pass_until_killed(w, 70000), 14000, 21000);
}

static void junk_in_the_page_counts_as_silence(void **state)
{
	struct worker *w = admit_computing();
	struct beat_page *page = patients[0].page;

	(void)state;
	pass(5000);
	fall_silent(w);
	for (unsigned i = 0; i < BEAT_WORDS_NR; i++)
		atomic_store(&page->word[i], UINT64_MAX - i);
	pass(10000);
	assert_health(w, SNP_HEALTH_STARVED);
	assert_alive(w);
	assert_true(w->live.junk_told);
	assert_true(snp_get(w->cells->sup.last_beat) < now.ns);
}

static void assert_evidence_says(uint64_t id, const char *what)
{
	struct snp_evidence evidence;

	assert_int_equal(snp_segment_evidence(segment, id, &evidence), 0);
	assert_int_equal(evidence.kind, SNP_EVIDENCE_KIND_STACKS);
	if (!strstr(evidence.text, what))
		fail_msg("no \"%s\" in:\n%s", what, evidence.text);
	free(evidence.text);
}

static bool has_written_stacks(void *arg)
{
	return lseek(((const struct worker *)arg)->live.beat.stacks_fd, 0, SEEK_CUR) >
	       0;
}

static void kill_waits_for_the_stacks_and_keeps_them(void **state)
{
	const struct snp_inflight_fields call = {.start = now,
						 .incarnation = 1,
						 .trace_id = {0xab, 0xcd},
						 .correlation = "req-77"};
	struct worker *w = admit_patient(CHILD_WRITES_STACKS);
	static const char *const words[] = {
	    "killed for operator",
	    "health unknown",
	    "process: state ",
	    "in flight: req-77 for ",
	    "trace 00000000000000ab00000000000000cd",
	    "Thread 0x1 (most recent call first):\n  File \"/a/model.py\", line 7",
	};
	struct snp_event event;

	(void)state;
	assert_true(snp_test_wait_until(sleeps, w, SNP_TEST_DEADLINE_MS));
	for (struct procfs_state s = {0}; !s.catches_sigusr1;)
		assert_int_equal(procfs_state(w->pid, &s), 0);
	snp_inflight_begin(writer, w->row, 0, &call);
	turn();
	liveness_kill(w, SNP_EXIT_REASON_RECYCLED, SNP_MOVE_REASON_OPERATOR);
	assert_true(w->fenced);
	assert_alive(w);
	assert_true(snp_test_wait_until(has_written_stacks, w, SNP_TEST_DEADLINE_MS));
	now = w->live.evidence.next; /* two looks that find the same */
	turn();
	assert_alive(w);
	now = w->live.evidence.next;
	turn();
	assert_int_equal(w->state, SNP_WORKER_STATE_KILLING);
	assert_int_equal(w->intent, SNP_EXIT_REASON_RECYCLED);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_MOVED, &event), 1);
	assert_int_equal(event.reason, SNP_MOVE_REASON_OPERATOR);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_evidence_says(event.evidence, words[i]);
	assert_int_equal(count_of(&bank.pools[pool.index].captures[SNP_CAPTURE_TAKEN]),
			 1);
}

static void kill_of_a_process_that_cannot_write_stacks_is_immediate(void **state)
{
	struct worker *w = admit_sleeping();
	struct snp_event event;

	(void)state;
	pass(1000);
	liveness_kill(w, SNP_EXIT_REASON_HEARTBEAT, SNP_MOVE_REASON_HEARTBEAT);
	turn();
	assert_int_equal(w->state, SNP_WORKER_STATE_KILLING);
	assert_int_equal(events_of(SNP_EVENT_KIND_WORKER_MOVED, &event), 1);
	assert_evidence_says(event.evidence, "its stacks could not be had");
	assert_int_equal(
	    count_of(&bank.pools[pool.index].captures[SNP_CAPTURE_MISSING]), 1);
}

static bool is_long_past(void *user)
{
	const snp_mono_t *since = user;

	return snp_mono_since_ns(snp_mono_now(), *since) > 3 * PERIOD * MS;
}

static void time_spent_before_the_clock_is_read_is_no_suspend(void **state)
{
	snp_mono_t began = now;

	(void)state;
	(void)admit_sleeping();
	turn();
	/* The supervisor's turn began a period later, and was held up before this. */
	assert_true(snp_test_wait_until(is_long_past, &began, 60000));
	now = snp_mono_add_ms(began, PERIOD);
	turn();
	assert_int_equal(count_of(&bank.proc->pauses[SNP_PAUSE_SUSPEND]), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(healthy_worker_is_left_alone),
	    T(worker_that_holds_the_gil_and_computes_is_never_killed),
	    T(two_fresh_beats_clear_a_suspicion_one_does_not),
	    T(worker_whose_native_thread_ended_recovers_all_the_same),
	    T(worker_that_holds_the_gil_and_sleeps_is_killed_after_its_time),
	    T(misses_kill_a_wedged_worker_sooner),
	    T(verdict_that_forbids_a_kill_is_asked_again_when_it_changes),
	    T(silent_and_asleep_is_unresponsive_and_killed_soon),
	    T(silent_and_runnable_is_starved_and_never_killed),
	    T(stopped_is_killed_after_its_time_traced_never),
	    T(many_at_once_are_not_killed_for_a_minute),
	    T(shadow_mode_counts_and_does_nothing),
	    T(without_beats_misses_alone_decide),
	    T(heartbeats_off_judge_nobody_and_release_the_fenced),
	    T(what_the_runtime_slept_through_is_no_silence),
	    T(silence_before_a_pause_counts_on),
	    T(time_spent_before_the_clock_is_read_is_no_suspend),
	    T(junk_in_the_page_counts_as_silence),
	    T(kill_waits_for_the_stacks_and_keeps_them),
	    T(kill_of_a_process_that_cannot_write_stacks_is_immediate),
	};

	return cmocka_run_group_tests_name("runtime/liveness", tests, NULL, NULL);
}
