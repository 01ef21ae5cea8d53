/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor with real processes that never become workers: shells which end at
 * once or sleep, by their slot. What it does is read from the segment.
 */
#include "programs.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "log/log.h"
#include "snakepit/read.h"
#include "worker/control.h"
#include "worker/supervisor.h"

#define WATCH_MS 400

static char dir[64], script[96], launcher[PATH_MAX], guard[PATH_MAX];
static struct snp_writer *writer;
static struct snp_segment *segment;
static struct snp_snapshot *snapshot;
static struct snp_cfg_pool cfg_pool;
static struct snp_config cfg;
static struct pool *pool;
static struct event_loop loop;
static struct front front;
static struct supervisor sup;
static sigset_t signals;
static pthread_t thread;
static bool running;
/* Of the configuration. */
static const struct snp_cfg_startup patient = {.exec_timeout_ms = 60000,
					       .boot_timeout_ms = 60000,
					       .answer_timeout_ms = 60000,
					       .batch_size = 1};
static struct snp_cfg_startup startup;
static uint32_t kill_timeout_ms = 5000;

/* ---- A process that cannot be killed --------------------------------------- */

int __real_kill(pid_t pid, int sig);
int __wrap_kill(pid_t pid, int sig);
int __real_pidfd_send_signal(int fd, int sig, siginfo_t *info, unsigned flags);
int __wrap_pidfd_send_signal(int fd, int sig, siginfo_t *info, unsigned flags);
static atomic_bool immortal; /* as a process in uninterruptible sleep is */

int __wrap_kill(pid_t pid, int sig)
{
	if (pid < 0 && sig == SIGKILL && atomic_load(&immortal))
		return 0;
	return __real_kill(pid, sig);
}

int __wrap_pidfd_send_signal(int fd, int sig, siginfo_t *info, unsigned flags)
{
	if (sig == SIGKILL && atomic_load(&immortal))
		return 0;
	return __real_pidfd_send_signal(fd, sig, info, flags);
}

/* ---- Fixture ------------------------------------------------------------- */

static void write_script(const char *text)
{
	FILE *f;

	(void)snprintf(script, sizeof(script), "%s/script", dir);
	f = fopen(script, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void make_config(uint32_t workers)
{
	cfg_pool = (struct snp_cfg_pool){
	    .name = (char *)(uintptr_t) "default",
	    .adapter = (char *)(uintptr_t) "demo.Adapter",
	    .python = (char *)(uintptr_t) "/bin/sh",
	    .script = script,
	    .workers = workers,
	    .max_workers = 3,
	    .queue = {.limit = 1, .timeout_ms = 1000},
	    .max_tools = 1,
	    .startup = startup,
	    .restart = {.backoff_min_ms = 1,
			.backoff_max_ms = 1,
			.breaker_deaths = 1000,
			.breaker_window_s = 1,
			.breaker_probe_ms = 60000},
	    .lifecycle = {.memory_sample_ms = 5000},
	};
	cfg = (struct snp_config){
	    .instance = (char *)(uintptr_t) "unit",
	    .pools = &cfg_pool,
	    .pools_count = 1,
	    .shutdown = {.drain_timeout_ms = 1000,
			 .stop_timeout_ms = 5000,
			 .kill_timeout_ms = kill_timeout_ms},
	};
}

static void make_segment(void)
{
	const struct snp_writer_options options = {
	    .dir = dir,
	    .instance = "unit",
	    .pools_max = 1,
	    .workers_max = 8,
	    .tools_max = 2,
	    .banks_max = 3,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};

	assert_int_equal(snp_writer_create(&options, &writer, NULL), 0);
	assert_int_equal(pool_create(&cfg_pool, writer, &pool, NULL), 0);
	snp_writer_heartbeat(writer, 0, 1);
	assert_int_equal(snp_writer_publish(writer, NULL), 0);
	assert_int_equal(snp_segment_attach(snp_writer_path(writer), &segment, NULL),
			 0);
}

static int set_up(void **state)
{
	(void)state;
	startup = patient;
	find_program("snakepit-launch", launcher);
	find_program("snakepit-guard", guard);
	snp_test_tmpdir_make(dir, sizeof(dir));
	return 0;
}

static void *run(void *arg)
{
	(void)arg;
	(void)pthread_setname_np(pthread_self(), "supervisor");
	supervisor_run(&sup);
	return NULL;
}

static void start(uint32_t workers, const char *text)
{
	struct supervisor_options options = {
	    .cfg = &cfg,
	    .front = &front,
	    .pools = &pool,
	    .pools_nr = 1,
	    .loops = &loop,
	    .loops_nr = 1,
	    .spawn = {.launcher = launcher,
		      .server = script,
		      .package_path = dir,
		      .instance = "unit",
		      .run_id = "12ab34cd",
		      .run_uuid = "12ab34cd-0000-4000-8000-000000000000",
		      .host_address = "unix:/the/front",
		      .log_level = LOG_LEVEL_INFO},
	    .dir = dir,
	    .guard = guard,
	    .socket_dir = dir,
	    .signals = &signals,
	};

	write_script(text);
	make_config(workers);
	make_segment();
	assert_int_equal(event_loop_init(&loop, "loop", writer, EVENT_LOOP_PLAIN, NULL),
			 0);
	memset(&front, 0, sizeof(front));
	assert_int_equal(front_init(&front, writer, &pool, 1, NULL), 0);
	options.writer = writer;
	assert_int_equal(supervisor_init(&sup, &options, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	running = true;
}

/* Take everything down after the supervisor has ended. */
static void stop_joined(void)
{
	running = false;
	supervisor_fini(&sup);
	front_close(&front);
	rcu_wait();
	event_loop_fini(&loop, writer);
	front_fini(&front, writer);
	pool_destroy(&pool);
	held_config_unref(&sup.held);
	snp_snapshot_destroy(&snapshot);
	snp_segment_detach(&segment);
	snp_writer_remove(&writer);
}

/* Stop it as snakepitd is stopped. */
static void stop(void)
{
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	pthread_join(thread, NULL);
	stop_joined();
}

static int tear_down(void **state)
{
	(void)state;
	atomic_store(&immortal, false);
	kill_timeout_ms = 5000;
	if (running)
		stop();
	snp_test_tmpdir_remove(dir);
	return 0;
}

/* ---- Reading ------------------------------------------------------------- */

static uint64_t seen(const char *name, uint32_t row, uint32_t cell)
{
	assert_int_equal(snp_segment_snapshot(segment, &snapshot, NULL), 0);
	return snp_snapshot_value(snapshot, snp_snapshot_metric_find(snapshot, name),
				  row, cell);
}

static bool waits_beside_a_slow_start(void *user)
{
	(void)user;
	return seen("snakepit.worker.state", 0, 0) == SNP_WORKER_STATE_BACKOFF &&
	       seen("snakepit.worker.state", 1, 0) == SNP_WORKER_STATE_STARTING;
}

static bool failed_often(void *user)
{
	(void)user;
	return seen("snakepit.worker.start_failures", 0, SNP_START_FAILURE_EXITED) >= 5;
}

/* The oldest event of the supervisor that is one of these, if it has happened. */
static bool event_of(unsigned kind, unsigned to, struct snp_event *ret)
{
	struct snp_ring_cursor cursor = {0};
	struct snp_event events[256];
	size_t n = snp_segment_events(segment, &cursor, events, 256);

	for (size_t i = 0; i < n; i++)
		if (events[i].kind == kind && events[i].to == to) {
			*ret = events[i];
			return true;
		}
	return false;
}

static bool has_exited(void *user)
{
	return event_of(SNP_EVENT_KIND_WORKER_MOVED, SNP_WORKER_STATE_EXITED, user);
}

static bool has_started(void *user)
{
	return event_of(SNP_EVENT_KIND_WORKER_MOVED, SNP_WORKER_STATE_STARTING, user);
}

static bool waits(void *user)
{
	struct snp_thread threads[8];
	size_t n = snp_segment_threads(segment, threads, 8);

	for (size_t i = 0; i < n; i++)
		if (strcmp(threads[i].name, user) == 0)
			return threads[i].busy_since.ns == 0;
	return false;
}

/* ---- Cases --------------------------------------------------------------- */

/* Slot 0 has failed and its pause is over, but slot 1 takes the whole batch. There is
 * nothing to do, so the supervisor must sleep. */
static void run_sleeps_while_a_restart_waits_for_its_batch(void **state)
{
	const struct timespec watch = {.tv_nsec = WATCH_MS * (long)SNP_NS_PER_MS};
	clockid_t clock;
	uint64_t before;

	(void)state;
	start(2, "case \"$*\" in *'--slot 0'*) exit 1;; esac\nexec sleep 1000\n");
	assert_int_equal(pthread_getcpuclockid(thread, &clock), 0);
	assert_true(
	    snp_test_wait_until(waits_beside_a_slow_start, NULL, SNP_TEST_DEADLINE_MS));
	before = snp__clock_ns(clock);
	nanosleep(&watch, NULL); /* the window that is measured */
	assert_in_range(snp__clock_ns(clock) - before, 0, WATCH_MS * SNP_NS_PER_MS / 4);
	assert_true(waits_beside_a_slow_start(NULL));
}

static void run_counts_failed_starts_and_keeps_why(void **state)
{
	const struct snp_row *row;

	(void)state;
	start(1, "echo because >&2; exit 1\n");
	assert_true(snp_test_wait_until(failed_often, NULL, SNP_TEST_DEADLINE_MS));
	row = snp_snapshot_row(snapshot, SNP_ROW_WORKER, 0);
	assert_non_null(row);
	assert_string_equal(row->last_error, "because");
	assert_string_equal(row->last_exit_reason, "start_failed");
	assert_int_equal(row->last_exit_status, 1);
}

/* ---- Starts that do not get on ---------------------------------------------- */

static bool failed_with(void *user)
{
	(void)seen("snakepit.worker.state", 0, 0);
	return strcmp(snp_snapshot_row(snapshot, SNP_ROW_WORKER, 0)->last_error,
		      user) == 0;
}

static void assert_boot_timeout(const char *last_error)
{
	assert_true(snp_test_wait_until(failed_with, (void *)(uintptr_t)last_error,
					SNP_TEST_DEADLINE_MS));
	assert_true(seen("snakepit.worker.start_failures", 0,
			 SNP_START_FAILURE_BOOT_TIMEOUT) >= 1);
}

/* This program in place of the launcher: main() waits for ever. */
static void start_stuck_in_exec_names_its_stage(void **state)
{
	ssize_t n = readlink("/proc/self/exe", launcher, sizeof(launcher) - 1);

	(void)state;
	assert_true(n > 0);
	launcher[n] = '\0';
	startup.exec_timeout_ms = 100;
	start(1, "");
	assert_boot_timeout(
	    "its program does not run: startup.exec_timeout_ms (100 ms) is over");
}

static void start_without_hello_names_its_stage_and_shows_stderr(void **state)
{
	(void)state;
	startup.boot_timeout_ms = 300;
	start(1, "echo loading >&2\nexec sleep 1000\n");
	assert_boot_timeout("no hello from it: startup.boot_timeout_ms (300 ms) is "
			    "over; stderr: loading");
}

/* The time for a hello is not the time for the answer, and the time for exec is over
 * before: each stage has its own. */
static void start_without_answer_names_its_stage_and_shows_stderr(void **state)
{
	(void)state;
	startup.exec_timeout_ms = 50;
	startup.answer_timeout_ms = 300;
	start(1, "echo serving >&2\n"
		 "echo '{\"ready\": true, \"pid\": '$$', \"python\": \"3\", "
		 "\"protocol\": 1, \"capacity\": 1}' >&3\nexec sleep 1000\n");
	assert_boot_timeout("no answer to its first call: startup.answer_timeout_ms "
			    "(300 ms) is over; stderr: serving");
}

static void run_keeps_the_last_words_of_a_process_for_its_event(void **state)
{
	struct snp_evidence evidence;
	struct snp_event exited;

	(void)state;
	start(1, "echo first >&2; echo aside; echo last words >&2; exit 3\n");
	assert_true(snp_test_wait_until(has_exited, &exited, SNP_TEST_DEADLINE_MS));
	assert_int_equal(exited.reason, SNP_MOVE_REASON_EXIT_CODE);
	assert_int_equal(exited.initiator, SNP_INITIATOR_KERNEL);
	assert_int_equal(exited.incarnation, 1);
	assert_true(exited.pid > 1);
	assert_int_not_equal(exited.evidence, 0);
	assert_int_equal(snp_segment_evidence(segment, exited.evidence, &evidence), 0);
	assert_string_equal(evidence.text, "first\nlast words");
	assert_int_equal(evidence.kind, SNP_EVIDENCE_KIND_OUTPUT);
	assert_int_equal(evidence.pid, exited.pid);
	assert_int_equal(evidence.incarnation, 1);
	assert_int_equal(evidence.slot, 0);
	free(evidence.text);
}

static void run_has_nothing_to_keep_of_a_silent_process(void **state)
{
	struct snp_event exited;

	(void)state;
	start(1, "exit 3\n");
	assert_true(snp_test_wait_until(has_exited, &exited, SNP_TEST_DEADLINE_MS));
	assert_int_equal(exited.evidence, 0);
}

/* Asked for, so it needs no explanation. */
static void stop_keeps_no_evidence_and_says_why(void **state)
{
	struct snp_event event;

	(void)state;
	start(1, "echo something >&2; exec sleep 1000\n");
	assert_true(snp_test_wait_until(has_started, &event, SNP_TEST_DEADLINE_MS));
	assert_true(event_of(SNP_EVENT_KIND_RUNTIME_STARTED, 0, &event));
	assert_false(event_of(SNP_EVENT_KIND_RUNTIME_STOPPING, 0, &event));
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	pthread_join(thread, NULL);
	assert_true(has_exited(&event));
	assert_int_equal(event.evidence, 0);
	assert_true(event_of(SNP_EVENT_KIND_RUNTIME_STOPPING, 0, &event));
	assert_int_equal(event.initiator, SNP_INITIATOR_OPERATOR);
	assert_true(event_of(SNP_EVENT_KIND_RUNTIME_STOPPED, 0, &event));
	(void)seen("snakepit.worker.state", 0, 0);
	assert_int_equal(snp_snapshot_stats(snapshot)->stop_reason,
			 SNP_STOP_REASON_REQUESTED);
	stop_joined();
}

static void run_says_when_it_waits(void **state)
{
	char name[] = "supervisor";

	(void)state;
	start(1, "exec sleep 1000\n");
	assert_true(snp_test_wait_until(waits, name, SNP_TEST_DEADLINE_MS));
}

/* ---- Orders ---------------------------------------------------------------- */

/* One that is carried out on the supervisor's thread. */
struct order {
	struct mail mail; /* first member */
	int (*give)(struct snp_err *err);
	int rc;
	struct snp_err err;
	atomic_bool done;
};

static void on_order(struct mail *mail)
{
	struct order *order = (struct order *)(void *)mail;

	order->rc = order->give(&order->err);
	atomic_store(&order->done, true);
}

static bool is_done(void *user)
{
	return atomic_load(&((struct order *)user)->done);
}

static struct order give(int (*what)(struct snp_err *err))
{
	static struct order order;

	order = (struct order){.mail = {.fn = on_order}, .give = what};
	mailbox_post(&sup.mailbox, &order.mail);
	assert_true(snp_test_wait_until(is_done, &order, SNP_TEST_DEADLINE_MS));
	return order;
}

static int scale_to_3(struct snp_err *err)
{
	return control_scale(&sup, "", 3, err);
}

static int scale_to_4(struct snp_err *err)
{
	return control_scale(&sup, "", 4, err);
}

static int scale_to_1(struct snp_err *err)
{
	return control_scale(&sup, "default", 1, err);
}

static int drain_of_another(struct snp_err *err)
{
	return control_drain(&sup, "another", err);
}

static int recycle_slot_7(struct snp_err *err)
{
	return control_recycle(&sup, "default", 7, CONTROL_GENTLY, err);
}

/* Over all cells of the pool's metric in the last snapshot. */
static uint64_t sum_of(const char *name)
{
	const struct snp_metric *m = snp_snapshot_metric_find(snapshot, name);
	uint64_t sum = 0;

	for (uint32_t cell = 0; cell < m->cells; cell++)
		sum += snp_snapshot_value(snapshot, m, 0, cell);
	return sum;
}

/* Workers with a process, which all books agree on. */
static uint64_t live(void)
{
	uint64_t processes = seen("snakepit.worker.processes", 0, 0);

	assert_int_equal(sum_of("snakepit.worker.starts"),
			 sum_of("snakepit.worker.exits") + processes);
	return processes;
}

static bool lives(void *user)
{
	return live() == *(uint64_t *)user;
}

static void scale_takes_spare_slots_and_gives_them_back(void **state)
{
	uint64_t one = 1, three = 3;
	struct snp_event event;

	(void)state;
	startup.batch_size = 3;
	start(1, "exec sleep 1000\n");
	assert_int_equal(give(scale_to_3).rc, 2);
	assert_true(snp_test_wait_until(lives, &three, SNP_TEST_DEADLINE_MS));
	assert_int_equal(seen("snakepit.worker.limit", 0, 0), 3);
	assert_int_equal(seen("snakepit.worker.starts", 0, SNP_START_REASON_SCALE), 2);
	assert_int_equal(give(scale_to_3).rc, 0);
	assert_int_equal(give(scale_to_1).rc, 2);
	assert_true(snp_test_wait_until(lives, &one, SNP_TEST_DEADLINE_MS));
	assert_true(event_of(SNP_EVENT_KIND_POOL_SCALED, 0, &event));
	assert_int_equal(event.initiator, SNP_INITIATOR_OPERATOR);
}

static void orders_that_cannot_be_followed_say_why(void **state)
{
	struct order order;

	(void)state;
	start(1, "exec sleep 1000\n");
	order = give(drain_of_another);
	assert_int_equal(order.rc, -ENOENT);
	assert_string_equal(order.err.msg, "there is no pool 'another'");
	order = give(recycle_slot_7);
	assert_int_equal(order.rc, -ENOENT);
	order = give(scale_to_4);
	assert_int_equal(order.rc, -EINVAL);
	assert_non_null(strstr(order.err.msg, "1 to 3 workers, not 4"));
}

static int kill_slot_0(struct snp_err *err)
{
	return control_recycle(&sup, "default", 0, CONTROL_FORCED, err);
}

static bool has_moved_out(void *user)
{
	char path[128];

	(void)user;
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	return access(path, F_OK) == 0;
}

static void kill_reaches_a_worker_that_left_its_group(void **state)
{
	struct snp_event exited;
	char text[256];

	(void)state;
	kill_timeout_ms = 100;
	(void)snprintf(text, sizeof(text),
		       "exec python3 -c 'import os, time\n"
		       "os.setpgid(0, os.getpgid(os.getppid()))\n"
		       "open(\"%s/out\", \"w\").close()\n"
		       "time.sleep(1000)'\n",
		       dir);
	start(1, text);
	assert_true(snp_test_wait_until(has_moved_out, NULL, SNP_TEST_DEADLINE_MS));
	assert_int_equal(give(kill_slot_0).rc, 1);
	assert_true(snp_test_wait_until(has_exited, &exited, SNP_TEST_DEADLINE_MS));
	assert_int_equal(exited.from, SNP_WORKER_STATE_KILLING); /* was not lost */
}

static bool is_lost(void *user)
{
	return event_of(SNP_EVENT_KIND_WORKER_MOVED, SNP_WORKER_STATE_LOST, user);
}

static bool slot_1_starts(void *user)
{
	(void)user;
	(void)seen("snakepit.worker.state", 0, 0);
	return snp_snapshot_rows_nr(snapshot, SNP_ROW_WORKER) > 1 &&
	       seen("snakepit.worker.start_time", 1, 0) > 0;
}

static bool row_is_retired(void *user)
{
	(void)seen("snakepit.worker.state", 0, 0);
	return snp_snapshot_row(snapshot, SNP_ROW_WORKER, *(uint32_t *)user)->tombstone;
}

/* The pool goes on with a slot of its reserve; what is left of the old one is taken
 * when it ends at last. */
static void run_replaces_a_worker_that_cannot_be_killed(void **state)
{
	struct snp_event event = {0};
	uint32_t slot = 0;

	(void)state;
	atomic_store(&immortal, true);
	startup.boot_timeout_ms = kill_timeout_ms = 100;
	start(1, "exec sleep 1000\n");
	assert_true(snp_test_wait_until(is_lost, &event, SNP_TEST_DEADLINE_MS));
	assert_int_equal(event.slot, 0);
	assert_int_equal(event.reason, SNP_MOVE_REASON_UNKILLABLE);
	assert_int_equal(event.initiator, SNP_INITIATOR_KERNEL);
	assert_true(snp_test_wait_until(slot_1_starts, NULL, SNP_TEST_DEADLINE_MS));
	atomic_store(&immortal, false);
	assert_int_equal(kill(-(pid_t)event.pid, SIGKILL), 0);
	assert_true(snp_test_wait_until(row_is_retired, &slot, SNP_TEST_DEADLINE_MS));
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) /* as a launcher: start_stuck_in_exec_names_its_stage() */
		return pause();

	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(run_keeps_the_last_words_of_a_process_for_its_event),
	    T(start_stuck_in_exec_names_its_stage),
	    T(start_without_hello_names_its_stage_and_shows_stderr),
	    T(start_without_answer_names_its_stage_and_shows_stderr),
	    T(run_has_nothing_to_keep_of_a_silent_process),
	    T(stop_keeps_no_evidence_and_says_why),
	    T(run_says_when_it_waits),
	    T(run_sleeps_while_a_restart_waits_for_its_batch),
	    T(run_counts_failed_starts_and_keeps_why),
	    T(scale_takes_spare_slots_and_gives_them_back),
	    T(orders_that_cannot_be_followed_say_why),
	    T(kill_reaches_a_worker_that_left_its_group),
	    T(run_replaces_a_worker_that_cannot_be_killed),
	};
	int failed;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	log_init(LOG_LEVEL_ERROR + 1, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("runtime/supervisor", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
