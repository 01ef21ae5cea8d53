/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liveness_ward.h - workers whose beats a test writes, on a clock of its own; their
 * processes are children that sleep, compute or are stopped, so that /proc says so.
 */
#ifndef LIVENESS_WARD_H
#define LIVENESS_WARD_H

#include "snp_test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "log/log.h"
#include "snakepit/read.h"
#include "worker/procfs.h"
#include "worker/worker.h"

#define MS	SNP_NS_PER_MS
#define WORKERS 5
#define PERIOD	250

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

static inline void write_stacks(int number)
{
	static const char dump[] = "Thread 0x1 (most recent call first):\n"
				   "  File \"/a/model.py\", line 7 in forward\n";

	(void)number;
	(void)!write(stacks_fd, dump, sizeof(dump) - 1);
}

static inline pid_t start_child(enum child_does what, int fd)
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

static inline bool has_died(pid_t pid)
{
	siginfo_t info = {0};

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT),
			 0);
	/* a stop of one that we trace is reported as well */
	return info.si_pid == pid &&
	       (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED);
}

/* ---- fixture ------------------------------------------------------------------ */

static inline void moved(struct worker *worker, enum snp_enum_WORKER_STATE from)
{
	(void)worker;
	(void)from;
}

static inline int set_up(void **state)
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
static inline struct worker *admit_patient(enum child_does what)
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

static inline void discharge(struct worker *w)
{
	(void)kill(-w->pid, SIGKILL);
	assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
	close(w->pidfd.fd);
	liveness_end(w);
	(void)munmap(patients[w->slot].page, BEAT_PAGE_BYTES);
}

static inline int tear_down(void **state)
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

static inline void beat_words(struct beat_page *page, enum beat_word seq)
{
	atomic_store(&page->word[seq + 1], now.ns);
	atomic_fetch_add(&page->word[seq], 1);
}

static inline void beat(struct patient *p)
{
	if (p->process_beats)
		beat_words(p->page, BEAT_PROCESS_SEQ);
	if (p->interpreter_beats && now.ns / MS >= p->interpreter_due_ms) {
		beat_words(p->page, BEAT_INTERPRETER_SEQ);
		p->interpreter_due_ms = now.ns / MS + 1000;
	}
}

/* Real time passes as well, where children have to do something. */
static inline void turn(void)
{
	(void)liveness_turn(&vigil, workers, workers_nr, now);
}

static inline void pass(uint64_t ms)
{
	for (uint64_t done = 0; done < ms; done += PERIOD) {
		now = snp_mono_add_ms(now, PERIOD);
		for (uint32_t i = 0; i < workers_nr; i++)
			beat(&patients[i]);
		turn();
	}
}

/* Let time pass until the worker is killed; how long that took. */
static inline uint64_t pass_until_killed(const struct worker *w, uint64_t most_ms)
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

static inline bool state_is(void *arg)
{
	const struct worker *w = arg;
	struct procfs_state s;

	return procfs_state(w->pid, &s) == 0 && (s.state == 'T' || s.state == 't');
}

static inline void stop_child(struct worker *w)
{
	assert_int_equal(kill(w->pid, SIGSTOP), 0);
	assert_true(snp_test_wait_until(state_is, w, SNP_TEST_DEADLINE_MS));
}

static inline bool runs(void *arg)
{
	struct procfs_state s;

	return procfs_state(((const struct worker *)arg)->pid, &s) == 0 && s.running_nr;
}

static inline bool sleeps(void *arg)
{
	struct procfs_state s;

	return procfs_state(((const struct worker *)arg)->pid, &s) == 0 &&
	       s.state == 'S' && !s.running_nr;
}

static inline struct worker *admit_computing(void)
{
	struct worker *w = admit_patient(CHILD_COMPUTES);

	assert_true(snp_test_wait_until(runs, w, SNP_TEST_DEADLINE_MS));
	return w;
}

static inline struct worker *admit_sleeping(void)
{
	struct worker *w = admit_patient(CHILD_SLEEPS);

	assert_true(snp_test_wait_until(sleeps, w, SNP_TEST_DEADLINE_MS));
	return w;
}

static inline void fall_silent(const struct worker *w)
{
	patients[w->slot].process_beats = false;
	patients[w->slot].interpreter_beats = false;
}

static inline void hold_gil(const struct worker *w)
{
	patients[w->slot].interpreter_beats = false;
}

/* ---- books -------------------------------------------------------------------- */

static inline uint64_t count_of(const _Atomic uint64_t *cell)
{
	return snp_get(cell);
}

#define SUSPICIONS(health)                                                             \
	count_of(&bank.pools[pool.index].suspicions[SNP_HEALTH_##health])
#define SUPPRESSED(why)                                                                \
	count_of(&bank.pools[pool.index].kills_suppressed[SNP_SUPPRESSION_##why])
#define CLEARED() count_of(bank.pools[pool.index].suspicions_cleared)

static inline unsigned events_of(enum snp_enum_EVENT_KIND kind,
				 struct snp_event *ret_last)
{
	struct snp_ring_cursor *cursor = NULL;
	static struct snp_event events[512];
	size_t n;
	unsigned found = 0;

	*ret_last = (struct snp_event){0};
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

static inline void assert_health(const struct worker *w, enum snp_enum_HEALTH health)
{
	if (snp_get(w->cells->sup.health) != health)
		fail_msg("%s, not %s",
			 snp_enum_text(SNP_ENUM_TABLE_HEALTH,
				       (unsigned)snp_get(w->cells->sup.health)),
			 snp_enum_text(SNP_ENUM_TABLE_HEALTH, health));
}

static inline void assert_alive(const struct worker *w)
{
	assert_int_equal(w->state, SNP_WORKER_STATE_READY);
	assert_false(has_died(w->pid));
}

#endif
