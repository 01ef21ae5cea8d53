/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers judged on a clock of the test's own: it writes their beats, and their
 * processes are children that sleep, compute or are stopped, so that /proc says so.
 */
#include "snp_test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "log/log.h"
#include "snakepit/read.h"
#include "worker/procfs.h"
#include "worker/worker.h"

#define MS	 SNP_NS_PER_MS
#define WORKERS	 5
#define PERIOD	 250
#define LIMIT_MS 20000 /* in real time */

enum child_does {
	CHILD_SLEEPS,
	CHILD_COMPUTES,
	CHILD_WRITES_STACKS, /* on SIGUSR1, then sleeps on */
};

struct patient {
	struct beat_page *page;
	bool process_beats, interpreter_beats;
	uint64_t interpreter_due_ms;
};

static char dir[64];
static struct snp_writer *writer;
static struct snp_bank bank;
static struct snp_segment *segment;
static struct snp_cfg_pool cfg;
static struct snp_cfg_shutdown shutdown_cfg = {.kill_timeout_ms = 1000};
static struct pool pool;
static struct worker_site site;
static struct worker workers[WORKERS];
static struct patient patients[WORKERS];
static uint32_t workers_nr;
static struct vigil vigil;
static snp_mono_t now;

/* ---- children ----------------------------------------------------------------- */

static int stacks_fd;

static void write_stacks(int number)
{
	static const char dump[] = "Thread 0x1 (most recent call first):\n"
				   "  File \"/a/model.py\", line 7 in forward\n";

	(void)number;
	(void)!write(stacks_fd, dump, sizeof(dump) - 1);
}

static pid_t start_child(enum child_does what, int fd)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0) {
		(void)setpgid(pid, pid);
		return pid;
	}
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	stacks_fd = fd;
	if (what == CHILD_WRITES_STACKS)
		(void)signal(SIGUSR1, write_stacks);
	for (;;)
		(void)(what == CHILD_COMPUTES ? getppid() : pause());
}

static bool has_died(pid_t pid)
{
	siginfo_t info = {0};

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT),
			 0);
	/* a stop of one that we trace is reported as well */
	return info.si_pid == pid &&
	       (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED);
}

/* ---- fixture ------------------------------------------------------------------ */

static void moved(struct worker *worker, enum snp_enum_WORKER_STATE from)
{
	(void)worker;
	(void)from;
}

static int set_up(void **state)
{
	const struct snp_writer_options options = {
	    .dir = dir,
	    .instance = "unit",
	    .pools_max = 1,
	    .workers_max = WORKERS,
	    .tools_max = 1,
	    .banks_max = 1,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};
	const struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = "p"};

	(void)state;
	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	snp_test_tmpdir_make(dir, sizeof(dir));
	assert_int_equal(snp_writer_create(&options, &writer, NULL), 0);
	assert_int_equal(snp_row_declare(writer, &decl, &pool.index, NULL), 0);
	assert_int_equal(snp_bank_adopt(writer, &bank), 0);
	snp_writer_heartbeat(writer, 0, 1);
	assert_int_equal(snp_writer_publish(writer, NULL), 0);
	assert_int_equal(snp_segment_attach(snp_writer_path(writer), &segment, NULL),
			 0);
	cfg = (struct snp_cfg_pool){
	    .name = (char *)(uintptr_t) "p",
	    .workers = WORKERS,
	    .heartbeat = {.enabled = true,
			  .max_missed_heartbeats = 3,
			  .dependent = true,
			  .enforce = true,
			  .beat_interval_ms = PERIOD,
			  .suspect_ms = 3000,
			  .dump_ms = 10000,
			  .unresponsive_kill_ms = 15000,
			  .wedged_kill_ms = 60000,
			  .stopped_kill_ms = 60000},
	};
	pool.cfg = &cfg;
	site = (struct worker_site){
	    .writer = writer, .bank = &bank, .shutdown = &shutdown_cfg, .moved = moved};
	vigil = (struct vigil){0};
	now = snp_mono_now();
	workers_nr = 0;
	return 0;
}

/* A slot whose process serves, and beats as the patient says. */
static struct worker *admit_patient(enum child_does what)
{
	struct snp_row_decl decl = {
	    .kind = SNP_ROW_WORKER, .pool = pool.index, .slot = workers_nr};
	struct worker *w = &workers[workers_nr];
	struct patient *p = &patients[workers_nr];
	uint32_t row;

	memset(w, 0, sizeof(*w));
	worker_init(w, &site, &pool, workers_nr, NULL);
	assert_int_equal(snp_row_declare(writer, &decl, &row, NULL), 0);
	worker_take_row(w, row);
	w->cfg = &cfg;
	w->incarnation = 1;
	(void)snprintf(w->id, sizeof(w->id), "p/%u#1", workers_nr);
	liveness_prepare(w);
	*p = (struct patient){.process_beats = true, .interpreter_beats = true};
	p->page = mmap(NULL, BEAT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		       w->live.beat.page_fd, 0);
	assert_ptr_not_equal(p->page, MAP_FAILED);
	w->pid = start_child(what, w->live.beat.stacks_fd);
	w->pidfd.fd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	assert_true(w->pidfd.fd >= 0);
	liveness_begin(w);
	w->state = SNP_WORKER_STATE_READY;
	snp_set(w->cells->sup.capacity, 1);
	workers_nr++;
	return w;
}

static void discharge(struct worker *w)
{
	(void)kill(-w->pid, SIGKILL);
	assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
	close(w->pidfd.fd);
	liveness_end(w);
	(void)munmap(patients[w->slot].page, BEAT_PAGE_BYTES);
}

static int tear_down(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < workers_nr; i++)
		discharge(&workers[i]);
	snp_segment_detach(&segment);
	snp_bank_release(writer, &bank);
	snp_writer_remove(&writer);
	snp_test_tmpdir_remove(dir);
	log_fini();
	return 0;
}

/* ---- time --------------------------------------------------------------------- */

static void beat_words(struct beat_page *page, enum beat_word seq)
{
	atomic_store(&page->word[seq + 1], now.ns);
	atomic_fetch_add(&page->word[seq], 1);
}

static void beat(struct patient *p)
{
	if (p->process_beats)
		beat_words(p->page, BEAT_PROCESS_SEQ);
	if (p->interpreter_beats && now.ns / MS >= p->interpreter_due_ms) {
		beat_words(p->page, BEAT_INTERPRETER_SEQ);
		p->interpreter_due_ms = now.ns / MS + 1000;
	}
}

/* Real time passes as well, where children have to do something. */
static void turn(void)
{
	(void)liveness_turn(&vigil, workers, workers_nr, now);
}

static void pass(uint64_t ms)
{
	for (uint64_t done = 0; done < ms; done += PERIOD) {
		now = snp_mono_add_ms(now, PERIOD);
		for (uint32_t i = 0; i < workers_nr; i++)
			beat(&patients[i]);
		turn();
	}
}

/* Let time pass until the worker is killed; how long that took. */
static uint64_t pass_until_killed(const struct worker *w, uint64_t most_ms)
{
	uint64_t ms = 0;

	for (; w->state != SNP_WORKER_STATE_KILLING; ms += PERIOD) {
		if (ms > most_ms)
			fail_msg("not killed within %llu ms",
				 (unsigned long long)most_ms);
		pass(PERIOD);
	}
	return ms;
}

static bool state_is(void *arg)
{
	const struct worker *w = arg;
	struct procfs_state s;

	return procfs_state(w->pid, &s) == 0 && (s.state == 'T' || s.state == 't');
}

static void stop_child(struct worker *w)
{
	assert_int_equal(kill(w->pid, SIGSTOP), 0);
	assert_true(snp_test_wait_until(state_is, w, LIMIT_MS));
}

static bool runs(void *arg)
{
	struct procfs_state s;

	return procfs_state(((const struct worker *)arg)->pid, &s) == 0 && s.runs;
}

static bool sleeps(void *arg)
{
	struct procfs_state s;

	return procfs_state(((const struct worker *)arg)->pid, &s) == 0 &&
	       s.state == 'S' && !s.runs;
}

static struct worker *admit_computing(void)
{
	struct worker *w = admit_patient(CHILD_COMPUTES);

	assert_true(snp_test_wait_until(runs, w, LIMIT_MS));
	return w;
}

static struct worker *admit_sleeping(void)
{
	struct worker *w = admit_patient(CHILD_SLEEPS);

	assert_true(snp_test_wait_until(sleeps, w, LIMIT_MS));
	return w;
}

static void fall_silent(const struct worker *w)
{
	patients[w->slot].process_beats = false;
	patients[w->slot].interpreter_beats = false;
}

static void hold_gil(const struct worker *w)
{
	patients[w->slot].interpreter_beats = false;
}

/* ---- books -------------------------------------------------------------------- */

static uint64_t count_of(const _Atomic uint64_t *cell)
{
	return snp_get(cell);
}

#define SUSPICIONS(health)                                                             \
	count_of(&bank.pools[pool.index].suspicions[SNP_HEALTH_##health])
#define SUPPRESSED(why)                                                                \
	count_of(&bank.pools[pool.index].kills_suppressed[SNP_SUPPRESSION_##why])
#define CLEARED() count_of(bank.pools[pool.index].suspicions_cleared)

static unsigned events_of(enum snp_enum_EVENT_KIND kind, struct snp_event *ret_last)
{
	struct snp_ring_cursor *cursor = NULL;
	static struct snp_event events[512];
	size_t n;
	unsigned found = 0;

	cursor = calloc(1, sizeof(*cursor));
	assert_non_null(cursor);
	n = snp_segment_events(segment, cursor, events, 512);
	free(cursor);
	for (size_t i = 0; i < n; i++)
		if (events[i].kind == kind) {
			found++;
			*ret_last = events[i];
		}
	return found;
}

static void assert_health(const struct worker *w, enum snp_enum_HEALTH health)
{
	if (snp_get(w->cells->sup.health) != health)
		fail_msg("%s, not %s",
			 snp_enum_text(SNP_ENUM_TABLE_HEALTH,
				       (unsigned)snp_get(w->cells->sup.health)),
			 snp_enum_text(SNP_ENUM_TABLE_HEALTH, health));
}

static void assert_alive(const struct worker *w)
{
	assert_int_equal(w->state, SNP_WORKER_STATE_READY);
	assert_false(has_died(w->pid));
}

/* ---- tests -------------------------------------------------------------------- */

static void healthy_worker_is_left_alone(void **state)
{
	struct worker *w = admit_sleeping();
	struct snp_event event;

	(void)state;
	pass(600000);
	assert_health(w, SNP_HEALTH_OK);
	assert_alive(w);
	assert_false(w->fenced);
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
	assert_true(snp_test_wait_until(state_is, traced, LIMIT_MS));
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
	pass(10000);
	assert_health(w, SNP_HEALTH_OK);
	assert_int_equal(SUSPICIONS(UNRESPONSIVE) + SUSPICIONS(STARVED), 0);
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
	assert_true(snp_test_wait_until(sleeps, w, LIMIT_MS));
	for (struct procfs_state s = {0}; !s.catches_sigusr1;)
		assert_int_equal(procfs_state(w->pid, &s), 0);
	snp_inflight_begin(writer, w->row, 0, &call);
	turn();
	liveness_kill(w, SNP_EXIT_REASON_RECYCLED, SNP_MOVE_REASON_OPERATOR);
	assert_true(w->fenced);
	assert_alive(w);
	assert_true(snp_test_wait_until(has_written_stacks, w, LIMIT_MS));
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
	struct snp_event event = {0};

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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(healthy_worker_is_left_alone),
	    T(worker_that_holds_the_gil_and_computes_is_never_killed),
	    T(two_fresh_beats_clear_a_suspicion_one_does_not),
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
	    T(junk_in_the_page_counts_as_silence),
	    T(kill_waits_for_the_stacks_and_keeps_them),
	    T(kill_of_a_process_that_cannot_write_stacks_is_immediate),
	};

	return cmocka_run_group_tests_name("runtime/liveness", tests, NULL, NULL);
}
