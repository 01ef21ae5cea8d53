/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment that is cut short while it is attached, at any moment: calls say so,
 * nothing dies. And every other SIGBUS of the process still goes where it went.
 */
#include "segment_expect.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* ---- cutting at a moment of our choice ----------------------------------- */

/* tools/make/shm.mk puts this between the library and the C library: what is set here
 * happens right after the segment has been mapped, when its size has been looked at. */
static const char *cut_path;
static off_t cut_bytes;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	void *map = __real_mmap(at, len, prot, flags, fd, off);

	if (cut_path && fd >= 0) {
		SNP_CHECK(truncate(cut_path, cut_bytes) == 0);
		cut_path = NULL;
	}
	return map;
}

/* A file like the one on the bench: what is cut here must not be the bench's own map.
 */
static void copy_file(const struct lab *lab, char ret_path[160])
{
	FILE *f;

	(void)snprintf(ret_path, 160, "%s/copy.seg", lab->dir);
	(void)unlink(ret_path);
	f = fopen(ret_path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(lab->good, 1, lab->size, f), lab->size);
	assert_int_equal(fclose(f), 0);
}

static void expect_cut(int rc, const struct snp_err *err, const char *path)
{
	assert_int_equal(rc, -EBADMSG);
	assert_string_equal(err->field, "file");
	assert_non_null(strstr(err->msg, path));
	assert_non_null(strstr(err->msg, "cut short"));
}

static void attach_once(const struct lab *lab)
{
	struct snp_segment *seg = NULL;

	SNP_CHECK(snp_segment_attach(lab->path, &seg, NULL) == 0);
	snp_segment_detach(&seg);
}

/* cmocka takes SIGBUS for itself around each test, the library only once: give it back.
 */
static void guard_on(const struct lab *lab)
{
	static struct sigaction of_library;

	if (!of_library.sa_flags) {
		attach_once(lab);
		SNP_CHECK(sigaction(SIGBUS, NULL, &of_library) == 0);
	}
	SNP_CHECK(sigaction(SIGBUS, &of_library, NULL) == 0);
}

/* ---- cut between two calls ----------------------------------------------- */

static void look_after_cut(const char *path, enum snp_tier tier, off_t bytes)
{
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};

	assert_int_equal(snp_segment_attach(path, &seg, &err), 0);
	assert_int_equal(snp_segment_snapshot_from(seg, tier, &snap, &err), 0);
	assert_int_equal(truncate(path, bytes), 0);
	for (int i = 0; i < 2; i++) {
		expect_cut(snp_segment_snapshot_from(seg, tier, &snap, &err), &err,
			   path);
		assert_int_equal(snp_snapshot_rows_nr(snap, SNP_ROW_POOL), 0);
		/* Everything else a reader can call comes back, too. */
		(void)lab_walk(seg, snap);
		(void)snp_segment_verdict(seg);
		(void)snp_segment_replaced(seg);
	}
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
}

static void snapshot_of_a_cut_file_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	/* To nothing, to pages, inside a page, to the last byte. */
	const off_t cuts[] = {0,     1,	    4096,
			      8192,  12345, (off_t)(lab->size / 2) & ~4095,
			      65536, 65537, (off_t)lab->size - 1};
	char path[160];

	guard_on(lab);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		for (unsigned tier = SNP_TIER_LIVE; tier <= SNP_TIER_SNAP; tier++) {
			copy_file(lab, path);
			look_after_cut(path, (enum snp_tier)tier, cuts[i]);
		}
	assert_int_equal(unlink(path), 0);
}

/* The hole is found by whoever comes first: rings, slots and history have no error to
 * return, the next snapshot has. */
static void rings_of_a_cut_file_are_empty_and_the_next_look_says_why(void **state)
{
	struct lab *lab = *state;
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_ring_cursor cursor = {{0}, 0};
	struct snp_event events[8];
	struct snp_inflight inflight[8];
	struct snp_err err = {0};
	char path[160];

	guard_on(lab);
	copy_file(lab, path);
	assert_int_equal(snp_segment_attach(path, &seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(snp_segment_events(seg, &cursor, events, 8), 0);
	assert_int_equal(snp_segment_inflight(seg, inflight, 8), 0);
	(void)lab_walk(seg, snap);
	assert_int_equal(truncate(path, (off_t)lab->size), 0); /* too late */
	expect_cut(snp_segment_snapshot(seg, &snap, &err), &err, path);
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	assert_int_equal(unlink(path), 0);
}

/* ---- cut inside a call --------------------------------------------------- */

static void attach_to_a_file_cut_meanwhile_returns_ebadmsg(void **state)
{
	struct lab *lab = *state;
	const off_t cuts[] = {0, 4096, 8192, 12288, (off_t)(lab->size / 2)};
	struct snp_segment *seg = NULL;
	struct snp_err err = {0};
	char path[160];

	guard_on(lab);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		copy_file(lab, path);
		cut_path = path;
		cut_bytes = cuts[i];
		expect_cut(snp_segment_attach(path, &seg, &err), &err, path);
		assert_null(cut_path); /* it happened */
		assert_null(seg);
	}
	assert_int_equal(unlink(path), 0);
}

struct cutter {
	const char *path;
	const unsigned char *good;
	off_t size;
	_Atomic uint64_t snapshots; /* whole ones */
	_Atomic uint64_t ends;	    /* calls that refused a cut file */
	_Atomic bool stop;
};

static void mend(const struct cutter *c)
{
	int fd = open(c->path, O_WRONLY | O_CLOEXEC);

	SNP_CHECK(fd >= 0);
	SNP_CHECK(pwrite(fd, c->good, (size_t)c->size, 0) == c->size);
	close(fd);
}

static void wait_for_more(const struct cutter *c, const _Atomic uint64_t *count,
			  uint64_t seen)
{
	while (atomic_load(count) == seen && !atomic_load(&c->stop))
		(void)sched_yield(); /* they may need our processor for it */
}

static void *cut_and_mend(void *user)
{
	struct cutter *c = user;

	for (off_t i = 0; !atomic_load(&c->stop); i++) {
		uint64_t whole = atomic_load(&c->snapshots);
		uint64_t ends = atomic_load(&c->ends);

		SNP_CHECK(truncate(c->path, i * 12288 % c->size) == 0);
		/* A cut mended at once is seen only by who is in the middle of it, on
		 * one processor hardly ever. One that stays is met by all. */
		if (i % 2 == 0)
			wait_for_more(c, &c->ends, ends);
		mend(c);
		/* Not before somebody is in the middle of it again. */
		wait_for_more(c, &c->snapshots, whole);
	}
	return NULL;
}

static void *look_again_and_again(void *user)
{
	struct cutter *c = user;
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};
	int rc;

	while (!atomic_load(&c->stop)) {
		rc = snp_segment_attach(c->path, &seg, &err);
		for (unsigned i = 0; rc == 0 && !atomic_load(&c->stop); i++) {
			rc = snp_segment_snapshot_from(
			    seg, i % 2 ? SNP_TIER_LIVE : SNP_TIER_SNAP, &snap, &err);
			if (rc < 0)
				break;
			(void)lab_walk(seg, snap);
			atomic_fetch_add(&c->snapshots, 1);
		}
		if (rc < 0)
			atomic_fetch_add(&c->ends, 1);
		snp_snapshot_destroy(&snap);
		snp_segment_detach(&seg);
	}
	return NULL;
}

static bool looked_enough(void *user)
{
	return atomic_load(&((struct cutter *)user)->ends) >= 40;
}

/* Two readers of one file that is cut and mended as fast as it goes: each call comes
 * back, whatever it says. */
static void reading_a_file_that_is_cut_all_the_time_ends(void **state)
{
	struct lab *lab = *state;
	char path[160];
	struct cutter c = {.path = path, .good = lab->good, .size = (off_t)lab->size};
	pthread_t threads[3];
	bool enough;

	guard_on(lab);
	copy_file(lab, path);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i ? look_again_and_again : cut_and_mend,
						&c),
				 0);
	enough = snp_test_wait_until(looked_enough, &c, SNP_TEST_DEADLINE_MS);
	atomic_store(&c.stop, true);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(enough);
	assert_int_equal(unlink(path), 0);
}

/* Many at once, given back in another order: each has its own hole. */
static void cut_of_one_segment_is_not_anothers(void **state)
{
	enum { SEGMENTS = 40 };
	struct lab *lab = *state;
	struct snp_segment *seg[SEGMENTS] = {NULL};
	struct snp_snapshot *snap = NULL;
	struct snp_err err = {0};
	char path[160];

	guard_on(lab);
	for (unsigned round = 0; round < 3; round++) {
		copy_file(lab, path);
		for (unsigned i = 0; i < SEGMENTS; i++)
			assert_int_equal(
			    snp_segment_attach(i % 2 ? path : lab->path, &seg[i], NULL),
			    0);
		assert_int_equal(truncate(path, 4096), 0);
		for (unsigned k = 0; k < SEGMENTS; k++) {
			unsigned i = k * 7 % SEGMENTS;
			int rc = snp_segment_snapshot(seg[i], &snap, &err);

			if (i % 2)
				expect_cut(rc, &err, path);
			else
				assert_int_equal(rc, 0);
			snp_snapshot_destroy(&snap);
			snp_segment_detach(&seg[i]);
		}
	}
	assert_int_equal(unlink(path), 0);
}

/* ---- faults that are not ours -------------------------------------------- */

/* A page that faults: of a map of our own of a file that has no bytes. */
static volatile char *hole(const struct lab *lab)
{
	char path[160];
	void *map;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/hole", lab->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	SNP_CHECK(fd >= 0 && unlink(path) == 0);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	SNP_CHECK(map != MAP_FAILED);
	return map;
}

static volatile char *volatile expected_address;

static void exit_well(int sig, siginfo_t *info, void *context)
{
	(void)context;
	_exit(sig == SIGBUS && info->si_addr == (void *)(uintptr_t)expected_address
		  ? 42
		  : 1);
}

static void exit_plainly(int sig)
{
	_exit(sig == SIGBUS ? 43 : 1);
}

static void touch_with_siginfo_handler(struct lab *lab)
{
	struct sigaction action = {.sa_sigaction = exit_well, .sa_flags = SA_SIGINFO};

	SNP_CHECK(sigaction(SIGBUS, &action, NULL) == 0);
	attach_once(lab);
	expected_address = hole(lab) + 17;
	(void)*expected_address;
}

static void touch_with_plain_handler(struct lab *lab)
{
	SNP_CHECK(signal(SIGBUS, exit_plainly) != SIG_ERR);
	attach_once(lab);
	(void)*hole(lab);
}

static void touch_without_handler(struct lab *lab)
{
	SNP_CHECK(signal(SIGBUS, SIG_DFL) != SIG_ERR);
	attach_once(lab);
	(void)*hole(lab);
}

/* A fault cannot be ignored: the kernel ends the process, and so do we. */
static void touch_ignoring(struct lab *lab)
{
	SNP_CHECK(signal(SIGBUS, SIG_IGN) != SIG_ERR);
	attach_once(lab);
	(void)*hole(lab);
}

static void raise_without_handler(struct lab *lab)
{
	SNP_CHECK(signal(SIGBUS, SIG_DFL) != SIG_ERR);
	attach_once(lab);
	(void)raise(SIGBUS);
}

static void raise_ignoring(struct lab *lab)
{
	SNP_CHECK(signal(SIGBUS, SIG_IGN) != SIG_ERR);
	attach_once(lab);
	(void)raise(SIGBUS);
	_exit(44);
}

/* In a process where nobody has attached yet: the handler is installed once. */
static int status_of(struct lab *lab, void (*body)(struct lab *lab))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		body(lab);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void other_faults_go_where_they_went(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(status_of(lab, touch_with_siginfo_handler), 42);
	assert_int_equal(status_of(lab, touch_with_plain_handler), 43);
	assert_int_equal(status_of(lab, touch_without_handler), -SIGBUS);
	assert_int_equal(status_of(lab, touch_ignoring), -SIGBUS);
	assert_int_equal(status_of(lab, raise_without_handler), -SIGBUS);
	assert_int_equal(status_of(lab, raise_ignoring), 44);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
	    T(other_faults_go_where_they_went), /* first: before anybody attaches */
	    T(snapshot_of_a_cut_file_returns_ebadmsg),
	    T(rings_of_a_cut_file_are_empty_and_the_next_look_says_why),
	    T(attach_to_a_file_cut_meanwhile_returns_ebadmsg),
	    T(reading_a_file_that_is_cut_all_the_time_ends),
	    T(cut_of_one_segment_is_not_anothers),
	};

	return cmocka_run_group_tests_name("shm/map_guard", tests, NULL, NULL);
}
