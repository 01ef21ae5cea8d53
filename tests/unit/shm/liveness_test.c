/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the writer alive, hung, gone or done, and what does it leave behind? Writers that
 * have to die are processes of their own. Nothing is told apart by pid.
 */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "crc32c.h"
#include "snakepit/check.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

enum { STALE_MS = 60, KILLS = 50 };

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	char dir[64], path[128];
	struct snp_writer *w; /* of this process, where a test wants one */
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	pid_t child;
	_Atomic uint64_t *progress; /* shared with the child: what it has done so far */
	uint64_t wanted;	    /* of that, by child_is_that_far() */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/unit.seg", f->dir);
	f->progress =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(f->progress != MAP_FAILED);
	*state = f;
	return 0;
}

static void end_child(struct fixture *f)
{
	if (f->child <= 0)
		return;
	(void)kill(f->child, SIGKILL);
	(void)waitpid(f->child, NULL, 0);
	f->child = 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	end_child(f);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	snp_writer_close(&f->w);
	munmap((void *)(uintptr_t)f->progress, 4096);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static struct snp_writer *create(const struct fixture *f)
{
	struct snp_writer_options o = {.dir = f->dir,
				       .instance = "unit",
				       .pools_max = 1,
				       .workers_max = 1,
				       .tools_max = 64,
				       .banks_max = 2,
				       .events_per_ring = 16,
				       .stale_after_ms = STALE_MS};
	struct snp_writer *w = NULL;

	SNP_CHECK(snp_writer_create(&o, &w, NULL) == 0);
	return w;
}

static void attach(struct fixture *f)
{
	struct snp_err err = {0};

	snp_segment_detach(&f->seg);
	if (snp_segment_attach(f->path, &f->seg, &err) < 0)
		fail_msg("%s", err.msg);
}

static bool child_runs(struct fixture *f)
{
	if (waitpid(f->child, NULL, WNOHANG) == 0)
		return true;
	f->child = 0;
	return false;
}

/* Run `body` in a process that does not outlive this one. */
static void start_child(struct fixture *f, void (*body)(struct fixture *f))
{
	atomic_store(f->progress, 0);
	f->child = fork();
	assert_true(f->child >= 0);
	if (f->child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(f);
		_exit(0);
	}
}

static bool child_has_started(void *user)
{
	return atomic_load(((struct fixture *)user)->progress) > 0;
}

static bool child_is_that_far(void *user)
{
	struct fixture *f = user;

	return atomic_load(f->progress) >= f->wanted;
}

static void wait_for_child(struct fixture *f)
{
	assert_true(snp_test_wait_until(child_has_started, f, SNP_TEST_DEADLINE_MS));
}

/* A runtime with nothing to do. */
static void beat(struct fixture *f)
{
	const struct timespec interval = {.tv_nsec = 1000000};
	struct snp_writer *w = create(f);

	SNP_CHECK(snp_writer_publish(w, NULL) == 0);
	for (;;) {
		snp_writer_heartbeat(w, 0, 1);
		atomic_fetch_add(f->progress, 1);
		(void)nanosleep(&interval, NULL);
	}
}

/* ---- verdicts ------------------------------------------------------------ */

static void verdict_of_a_beating_writer_is_alive(void **state)
{
	struct fixture *f = *state;

	start_child(f, beat);
	wait_for_child(f);
	attach(f);
	/* A heartbeat for each look: on a busy machine a child can be silent for longer
	 * than a writer may. The last look may have seen one not yet counted. */
	for (int i = 0; i < 100; i++) {
		f->wanted = atomic_load(f->progress) + 2;
		assert_true(
		    snp_test_wait_until(child_is_that_far, f, SNP_TEST_DEADLINE_MS));
		assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_ALIVE);
	}
}

static void verdict_of_a_closed_writer_is_closed(void **state)
{
	struct fixture *f = *state;

	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	attach(f);
	snp_writer_set_draining(f->w);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_ALIVE);
	snp_writer_close(&f->w);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_CLOSED);
	attach(f); /* post-mortem */
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_CLOSED);
}

static void verdict_of_a_killed_writer_is_dead(void **state)
{
	struct fixture *f = *state;

	start_child(f, beat);
	wait_for_child(f);
	attach(f);
	end_child(f);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_DEAD);
	attach(f); /* also for who comes afterwards */
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_DEAD);
}

static bool is_hung(void *user)
{
	return snp_segment_verdict(((struct fixture *)user)->seg) == SNP_WRITER_HUNG;
}

static bool is_alive(void *user)
{
	return snp_segment_verdict(((struct fixture *)user)->seg) == SNP_WRITER_ALIVE;
}

static void verdict_of_a_stopped_writer_is_hung_after_two_looks(void **state)
{
	struct fixture *f = *state;
	snp_mono_t first;
	int status;

	start_child(f, beat);
	wait_for_child(f);
	attach(f);
	assert_int_equal(kill(f->child, SIGSTOP), 0);
	assert_int_equal(waitpid(f->child, &status, WUNTRACED), f->child);
	assert_true(WIFSTOPPED(status));
	/* One look proves nothing, however old the heartbeat is by our clock. */
	first = snp_mono_now();
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_ALIVE);
	assert_true(snp_test_wait_until(is_hung, f, SNP_TEST_DEADLINE_MS));
	assert_true(snp_mono_since_ns(snp_mono_now(), first) >=
		    STALE_MS * SNP_NS_PER_MS);
	assert_int_equal(kill(f->child, SIGCONT), 0);
	assert_true(snp_test_wait_until(is_alive, f, SNP_TEST_DEADLINE_MS));
}

/* Write to the file behind everybody's back, with a fresh checksum. */
static void patch_boot_id(const struct fixture *f)
{
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	struct snp_fmt_header *h;

	assert_true(fd >= 0);
	h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(h != MAP_FAILED);
	close(fd);
	h->boot_id[3] ^= 0x55;
	h->hdr_crc = snp__crc32c(h, offsetof(struct snp_fmt_header, hdr_crc));
	munmap(h, sizeof(*h));
}

/* Old comes before dead: after a reboot of the machine the lock is always free, and
 * "killed" would be a guess. Also where the lock is held, which only another boot's
 * file copied over a living one's can be. */
static void verdict_of_a_file_from_an_earlier_boot_is_old(void **state)
{
	struct fixture *f = *state;

	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	patch_boot_id(f);
	attach(f);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_OLD);
	snp_writer_abandon(&f->w);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_OLD);
}

static void verdict_of_a_closed_file_from_an_earlier_boot_is_closed(void **state)
{
	struct fixture *f = *state;

	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	snp_writer_close(&f->w);
	patch_boot_id(f);
	attach(f);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_CLOSED);
}

static void verdict_names_are_all_there(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SNP_WRITER_VERDICT_NR; i++)
		assert_true(
		    strlen(snp_writer_verdict_name((enum snp_writer_verdict)i)) > 2);
	assert_string_equal(snp_writer_verdict_name(SNP_WRITER_VERDICT_NR), "?");
}

/* ---- replacement --------------------------------------------------------- */

static void replaced_tells_unlinked_and_restarted(void **state)
{
	struct fixture *f = *state;

	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	attach(f);
	assert_false(snp_segment_replaced(f->seg));
	snp_writer_close(&f->w);
	assert_false(snp_segment_replaced(f->seg));
	f->w = create(f);
	assert_false(snp_segment_replaced(f->seg)); /* not before it is published */
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	assert_true(snp_segment_replaced(f->seg));
	attach(f);
	assert_false(snp_segment_replaced(f->seg));
	assert_int_equal(unlink(f->path), 0);
	assert_true(snp_segment_replaced(f->seg));
}

static void restart_keeps_the_predecessor_and_counts_incarnations(void **state)
{
	struct fixture *f = *state;
	char prev[160], uuid[37] = "";

	(void)snprintf(prev, sizeof(prev), "%s/unit.prev.seg", f->dir);
	for (uint64_t i = 1; i <= 3; i++) {
		f->w = create(f);
		assert_int_equal(snp_writer_publish(f->w, NULL), 0);
		attach(f);
		assert_int_equal(snp_segment_info(f->seg)->incarnation, i);
		assert_string_not_equal(snp_segment_info(f->seg)->uuid, uuid);
		if (i > 1) {
			struct snp_segment *old = NULL;

			assert_int_equal(snp_segment_attach(prev, &old, NULL), 0);
			assert_int_equal(snp_segment_info(old)->incarnation, i - 1);
			assert_string_equal(snp_segment_info(old)->uuid, uuid);
			snp_segment_detach(&old);
		}
		memcpy(uuid, snp_writer_uuid(f->w), sizeof(uuid));
		snp_writer_abandon(&f->w);
	}
}

static void restart_over_a_file_that_is_no_segment_starts_at_one(void **state)
{
	struct fixture *f = *state;
	FILE *junk = fopen(f->path, "w");

	assert_non_null(junk);
	for (int i = 0; i < 5000; i++)
		(void)fputc('x', junk);
	assert_int_equal(fclose(junk), 0);
	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	attach(f);
	assert_int_equal(snp_segment_info(f->seg)->incarnation, 1);
}

/* What a reader that polls the path sees while an instance restarts over and over. */
static void watch_path(struct fixture *f)
{
	while (access(f->path, F_OK) < 0)
		;
	for (;;) {
		if (access(f->path, F_OK) < 0)
			_exit(1);
		atomic_fetch_add(f->progress, 1);
	}
}

static void restart_never_leaves_the_path_empty(void **state)
{
	struct fixture *f = *state;

	/* Before there is a writer: a child that is not executed would share its locks.
	 */
	start_child(f, watch_path);
	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	wait_for_child(f);
	for (int i = 0; i < 300; i++) {
		snp_writer_abandon(&f->w);
		f->w = create(f);
		assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	}
	assert_true(child_runs(f));
}

static void remove_leaves_nothing_and_attached_readers_see_closed(void **state)
{
	struct fixture *f = *state;

	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	attach(f);
	snp_writer_remove(&f->w);
	assert_null(f->w);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_CLOSED);
	assert_true(snp_segment_replaced(f->seg));
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	assert_int_equal(rmdir(f->dir), 0); /* it is empty */
	snp_writer_remove(&f->w);
}

/* ---- one writer an instance ---------------------------------------------- */

static void create_while_the_instance_runs_returns_eexist(void **state)
{
	struct fixture *f = *state;
	struct snp_writer_options o = {.dir = f->dir,
				       .instance = "unit",
				       .pools_max = 1,
				       .workers_max = 1,
				       .tools_max = 1,
				       .banks_max = 1};
	struct snp_writer *w = NULL;
	struct snp_err err = {0};

	start_child(f, beat);
	wait_for_child(f);
	assert_int_equal(snp_writer_create(&o, &w, &err), -EEXIST);
	assert_null(w);
	assert_non_null(strstr(err.msg, "'unit' is already running"));
	assert_non_null(strstr(err.msg, f->dir));
	attach(f); /* and the first one's file is where it was */
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_ALIVE);
	o.instance = "other";
	assert_int_equal(snp_writer_create(&o, &w, &err), 0);
	snp_writer_close(&w);
	end_child(f);
	o.instance = "unit";
	assert_int_equal(snp_writer_create(&o, &w, &err), 0);
	snp_writer_close(&w);
}

/* ---- children of the writer ---------------------------------------------- */

/* How many mappings of a file this process has. By inode: a segment was nameless when
 * it was mapped. */
static int maps_of(ino_t inode)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128];
	unsigned long long mapped;
	int found = 0;

	SNP_CHECK(maps);
	while (fgets(line, sizeof(line), maps))
		found += sscanf(line, "%*s %*s %*s %*s %llu", &mapped) == 1 &&
			 mapped == inode;
	(void)fclose(maps);
	return found;
}

/* Looks at the child's mappings instead of writing where the cells were: something else
 * may have its place there. */
static void forked_child_cannot_reach_the_cells(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int status;

	f->w = create(f);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	assert_int_equal(stat(snp_writer_path(f->w), &st), 0);
	assert_int_equal(maps_of(st.st_ino), 1);
	f->child = fork();
	assert_true(f->child >= 0);
	if (f->child == 0)
		_exit(maps_of(st.st_ino));
	assert_int_equal(waitpid(f->child, &status, 0), f->child);
	f->child = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int to_cat[2], from_cat[2];

/* A runtime that starts a worker (`cat`) and lives on. */
static void beat_with_worker(struct fixture *f)
{
	struct snp_writer *w = create(f);
	pid_t worker;

	SNP_CHECK(snp_writer_publish(w, NULL) == 0);
	worker = fork();
	SNP_CHECK(worker >= 0);
	if (worker == 0) {
		SNP_CHECK(dup2(to_cat[0], 0) == 0 && dup2(from_cat[1], 1) == 1);
		execl("/bin/cat", "cat", (char *)NULL);
		_exit(127);
	}
	atomic_store(f->progress, (uint64_t)worker);
	for (;;)
		(void)pause();
}

/* A worker that outlives the runtime must not keep its lock, or the dead would look
 * hung. */
static void executed_child_keeps_no_lock(void **state)
{
	struct fixture *f = *state;
	char echo = 0;

	assert_int_equal(pipe2(to_cat, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from_cat, O_CLOEXEC), 0);
	start_child(f, beat_with_worker);
	wait_for_child(f);
	attach(f);
	/* The echo shows that exec has happened, ... */
	assert_int_equal(write(to_cat[1], "a", 1), 1);
	assert_int_equal(read(from_cat[0], &echo, 1), 1);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_ALIVE);
	end_child(f);
	assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_DEAD);
	/* ... and that the worker is still there. */
	assert_int_equal(write(to_cat[1], "b", 1), 1);
	assert_int_equal(read(from_cat[0], &echo, 1), 1);
	assert_int_equal(echo, 'b');
	close(to_cat[0]);
	close(to_cat[1]); /* its end of input */
	close(from_cat[0]);
	close(from_cat[1]);
}

/* ---- death at any moment ------------------------------------------------- */

static void update_everything(struct snp_writer *w, const struct snp_bank *bank,
			      uint64_t i)
{
	uint64_t ledger[sizeof(struct snp_pool_ledger) / 8] = {3 * i, i, i, i - i / 2,
							       i / 2};
	uint64_t proc[SNP_LATCH_WORDS];
	char text[64];

	snp_add(bank->tools[0].requests, 1);
	snp_hist_record(bank->tools[0].duration, 1000 + i % 1000000);
	snp_latch_publish(&snp_pool_row(w, 0)->ledger, ledger,
			  sizeof(ledger) / sizeof(ledger[0]));
	for (unsigned k = 0; k < SNP_LATCH_WORDS; k++)
		proc[k] = i;
	proc[SNP_PROC_LAST_EXIT_REASON] = 0;
	proc[SNP_PROC_PYTHON] = proc[SNP_PROC_PYTHON_HI] = 0;
	snp_latch_publish(&snp_worker_row(w, 0)->proc, proc, SNP_LATCH_WORDS);
	(void)snprintf(text, sizeof(text), "%llu %0*d %llu", (unsigned long long)i,
		       (int)(1 + i % 20), 0, (unsigned long long)i);
	snp_worker_text_set(w, 0, text);
	snp_event_record(bank, &(struct snp_event_fields){.value = {i, ~i}},
			 (snp_mono_t){i});
	if (i % 7 == 0)
		snp_writer_heartbeat(w, i, 1);
	if (i % 13 == 0)
		(void)snp_row_declare(
		    w, &(struct snp_row_decl){.kind = SNP_ROW_TOOL, .name = text},
		    &(uint32_t){0}, NULL);
}

static void update_until_killed(struct fixture *f)
{
	struct snp_writer *w = create(f);
	struct snp_row_decl rows[] = {{.kind = SNP_ROW_POOL, .name = "p"},
				      {.kind = SNP_ROW_WORKER},
				      {.kind = SNP_ROW_TOOL, .name = "first"}};
	struct snp_bank bank;
	uint32_t row;

	for (int i = 0; i < 3; i++)
		SNP_CHECK(snp_row_declare(w, &rows[i], &row, NULL) == 0);
	SNP_CHECK(snp_bank_adopt(w, &bank) == 0);
	SNP_CHECK(snp_writer_publish(w, NULL) == 0);
	for (uint64_t i = 1;; i++) {
		update_everything(w, &bank, i);
		atomic_store_explicit(f->progress, i, memory_order_release);
	}
}

static uint64_t value(const struct fixture *f, const char *name, uint32_t cell)
{
	const struct snp_metric *m = snp_snapshot_metric_find(f->snap, name);

	assert_non_null(m);
	return snp_snapshot_value(f->snap, m, 0, cell);
}

static void check_cells(const struct fixture *f, uint64_t done)
{
	const struct snp_metric *m =
	    snp_snapshot_metric_find(f->snap, "snakepit.request.duration");
	const uint64_t *h = snp_snapshot_hist(f->snap, m, 0, 0);
	uint64_t requests = value(f, "snakepit.requests", 0),
		 count = snp_hist_count(m, h);

	/* Everything up to the last store: finished rounds, and at most the one begun.
	 */
	assert_in_range(requests, done, done + 1);
	assert_in_range(count, requests - 1, requests);
	assert_true(h[m->nbuckets + 2] <= count * 1001000);
	assert_int_equal(value(f, "snakepit.pool.requests", 0),
			 value(f, "snakepit.pool.request.outcomes", 0) +
			     value(f, "snakepit.pool.request.outcomes", 1) +
			     value(f, "snakepit.request.active", 0) +
			     value(f, "snakepit.pool.queue.depth", 0));
	assert_in_range(value(f, "snakepit.pool.requests", 0), 3 * done, 3 * done + 3);
}

static void check_records(const struct fixture *f, uint64_t done)
{
	const struct snp_row *row = snp_snapshot_row(f->snap, SNP_ROW_WORKER, 0);
	struct snp_ring_cursor cursor = {{0}, 0};
	struct snp_event events[32];
	unsigned long long first = 0, last = 0;
	size_t n;

	assert_non_null(row);
	assert_in_range(row->incarnation, done, done + 1);
	assert_int_equal(row->pid, row->incarnation);
	assert_int_equal(row->start_mono.ns, row->incarnation);
	assert_int_equal(row->last_exit_status, row->incarnation);
	assert_int_equal(sscanf(row->last_error, "%llu %*d %llu", &first, &last), 2);
	assert_int_equal(first, last);
	assert_in_range(first, done, done + 1);
	n = snp_segment_events(f->seg, &cursor, events, 32);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].value[0], events[i].seq + 1);
		assert_int_equal(events[i].value[1], ~events[i].value[0]);
		assert_int_equal(events[i].mono.ns, events[i].value[0]);
	}
	/* One of the ring may be the record it died in. */
	assert_in_range(events[n - 1].value[0], done > 0 ? done - 1 : 0, done + 1);
	assert_in_range(n + cursor.lost, done, done + 1);
}

static void files_of_killed_writers_are_whole(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 20261121;

	for (uint64_t round = 1; round <= KILLS; round++) {
		uint64_t target, done;
		const struct snp_row *row;

		seed = seed * UINT64_C(6364136223846793005) +
		       UINT64_C(1442695040888963407);
		target = 1 + (seed >> 33) % 3000;
		start_child(f, update_until_killed);
		wait_for_child(f);
		while (atomic_load(f->progress) <
		       target) /* a poll would hit the same spots */
			assert_true(child_runs(f));
		end_child(f);
		done = atomic_load(f->progress);
		attach(f);
		assert_int_equal(snp_segment_info(f->seg)->incarnation, round);
		assert_int_equal(snp_segment_verdict(f->seg), SNP_WRITER_DEAD);
		assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
		assert_int_equal(snp_snapshot_stats(f->snap)->rows_skipped, 0);
		assert_int_equal(snp_snapshot_stats(f->snap)->retries, 0);
		check_cells(f, done);
		check_records(f, done);
		for (uint32_t i = 0; (row = snp_snapshot_row(f->snap, SNP_ROW_TOOL, i));
		     i++)
			assert_true(*row->name && row->uid == i + 3);
		snp_snapshot_destroy(&f->snap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(verdict_of_a_beating_writer_is_alive),
	    T(verdict_of_a_closed_writer_is_closed),
	    T(verdict_of_a_killed_writer_is_dead),
	    T(verdict_of_a_stopped_writer_is_hung_after_two_looks),
	    T(verdict_of_a_file_from_an_earlier_boot_is_old),
	    T(verdict_of_a_closed_file_from_an_earlier_boot_is_closed),
	    T(verdict_names_are_all_there),
	    T(replaced_tells_unlinked_and_restarted),
	    T(restart_keeps_the_predecessor_and_counts_incarnations),
	    T(restart_over_a_file_that_is_no_segment_starts_at_one),
	    T(restart_never_leaves_the_path_empty),
	    T(remove_leaves_nothing_and_attached_readers_see_closed),
	    T(create_while_the_instance_runs_returns_eexist),
	    T(forked_child_cannot_reach_the_cells),
	    T(executed_child_keeps_no_lock),
	    T(files_of_killed_writers_are_whole),
	};

	return cmocka_run_group_tests_name("shm/liveness", tests, NULL, NULL);
}
