/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker writes into its page, and what of it is believed. */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "test_random.h"
#include "worker/beat.h"

#define MS SNP_NS_PER_MS

static const snp_mono_t start = {1000 * MS};
static struct beat beat;
static uint64_t words[BEAT_WORDS_NR];

/* A worker that started at `start` and has not beaten; no page behind it. */
static int set_up(void **state)
{
	(void)state;
	beat_init(&beat);
	beat.created = start;
	memset(words, 0, sizeof(words));
	return 0;
}

static snp_mono_t later(uint64_t ms)
{
	return (snp_mono_t){start.ns + ms * MS};
}

static void process_beat(uint64_t seq, uint64_t ms)
{
	words[BEAT_PROCESS_SEQ] = seq;
	words[BEAT_PROCESS_NS] = later(ms).ns;
}

static void interpreter_beat(uint64_t seq, uint64_t ms)
{
	words[BEAT_INTERPRETER_SEQ] = seq;
	words[BEAT_INTERPRETER_NS] = later(ms).ns;
}

/* ---- believing ---------------------------------------------------------------- */

static void take_page_without_beats_is_no_news(void **state)
{
	(void)state;
	assert_int_equal(beat_take(&beat, words, later(5)), 0);
	assert_false(beat.junk);
	assert_int_equal(beat.seen[BEAT_SIGN_PROCESS].seq, 0);
}

static void take_each_sign_is_told_from_the_others(void **state)
{
	static const enum beat_word seqs[] = {BEAT_PROCESS_SEQ, BEAT_INTERPRETER_SEQ,
					      BEAT_LOOP_SEQ, BEAT_PROGRESS_SEQ};

	(void)state;
	for (unsigned i = 0; i < BEAT_SIGN_NR; i++) {
		words[seqs[i]] = 1;
		words[seqs[i] + 1] = later(7).ns;
		assert_int_equal(beat_take(&beat, words, later(9)), 1U << i);
		assert_int_equal(beat.seen[i].at.ns, later(7).ns);
	}
	assert_int_equal(beat_take(&beat, words, later(10)), 0);
	assert_false(beat.junk);
}

static void take_time_that_follows_its_sequence_a_look_later_is_taken(void **state)
{
	(void)state;
	process_beat(1, 10);
	(void)beat_take(&beat, words, later(11));
	process_beat(2, 10); /* the time was still the old one */
	assert_int_equal(beat_take(&beat, words, later(21)), 1U << BEAT_SIGN_PROCESS);
	process_beat(2, 20);
	assert_int_equal(beat_take(&beat, words, later(22)), 0);
	assert_int_equal(beat.seen[BEAT_SIGN_PROCESS].at.ns, later(20).ns);
}

static void take_what_cannot_be_is_junk_and_silence(void **state)
{
	static const struct {
		const char *what;
		uint64_t seq;
		int64_t at_ms;
	} cases[] = {
	    {"sequence falls", 4, 120},
	    {"sequence is reset", 0, 120},
	    {"time of the future", 6, 151},
	    {"time far ahead", 6, INT64_MAX / 2000000},
	    {"time falls", 6, 99},
	    {"time before the start", 6, -1},
	    {"same sequence, time ahead", 5, 151},
	    {"no time", 6, -1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)set_up(NULL);
		process_beat(5, 100);
		(void)beat_take(&beat, words, later(110));
		words[BEAT_PROCESS_SEQ] = cases[i].seq;
		words[BEAT_PROCESS_NS] = start.ns + (uint64_t)cases[i].at_ms * MS;
		if (beat_take(&beat, words, later(150)) != 0 || !beat.junk)
			fail_msg("%s: believed", cases[i].what);
		assert_int_equal(beat.seen[BEAT_SIGN_PROCESS].seq, 5);
		assert_int_equal(beat.seen[BEAT_SIGN_PROCESS].at.ns, later(100).ns);
		/* and a good word is believed again */
		process_beat(7, 160);
		assert_int_equal(beat_take(&beat, words, later(160)),
				 1U << BEAT_SIGN_PROCESS);
		assert_false(beat.junk);
	}
}

static void take_junk_in_one_sign_leaves_the_others(void **state)
{
	(void)state;
	process_beat(1, 999);
	interpreter_beat(1, 5);
	assert_int_equal(beat_take(&beat, words, later(10)),
			 1U << BEAT_SIGN_INTERPRETER);
	assert_true(beat.junk);
}

static void take_values_of_the_interpreter_come_with_its_beat(void **state)
{
	(void)state;
	words[BEAT_INTERPRETER_LATE_NS] = 3 * MS;
	words[BEAT_GC_PAUSE_NS] = 2 * MS;
	words[BEAT_GC_COLLECTIONS] = 5;
	words[BEAT_THREADS] = 12;
	words[BEAT_OPEN_FILES] = 30;
	(void)beat_take(&beat, words, later(10));
	assert_int_equal(beat.threads, 0);
	interpreter_beat(1, 9);
	(void)beat_take(&beat, words, later(10));
	assert_int_equal(beat.late_ns, 3 * MS);
	assert_int_equal(beat.gc_pause_ns, 2 * MS);
	assert_int_equal(beat.gc_collections, 5);
	assert_int_equal(beat.threads, 12);
	assert_int_equal(beat.open_files, 30);
}

static void take_lag_of_the_loop_comes_with_its_beat(void **state)
{
	(void)state;
	words[BEAT_LOOP_LATE_NS] = 3 * MS;
	(void)beat_take(&beat, words, later(10));
	assert_int_equal(beat.loop_late_ns, 0);
	words[BEAT_LOOP_SEQ] = 1;
	words[BEAT_LOOP_NS] = later(9).ns;
	(void)beat_take(&beat, words, later(10));
	assert_int_equal(beat.loop_late_ns, 3 * MS);
	assert_false(beat.junk);
	words[BEAT_LOOP_LATE_NS] = 21 * MS; /* later than it is old */
	words[BEAT_LOOP_SEQ] = 2;
	assert_int_equal(beat_take(&beat, words, later(20)), 1U << BEAT_SIGN_LOOP);
	assert_true(beat.junk);
	assert_int_equal(beat.loop_late_ns, 3 * MS);
}

/* Later than it is old, more garbage collection than time, less than before. */
static void take_values_that_cannot_be_are_not_taken(void **state)
{
	static const struct {
		enum beat_word word;
		uint64_t value;
	} cases[] = {
	    {BEAT_INTERPRETER_LATE_NS, 21 * MS},
	    {BEAT_INTERPRETER_LATE_NS, UINT64_MAX},
	    {BEAT_GC_PAUSE_NS, 21 * MS},
	    {BEAT_GC_PAUSE_NS, UINT64_MAX},
	    {BEAT_GC_PAUSE_NS, 1 * MS},
	    {BEAT_THREADS, UINT64_MAX},
	    {BEAT_GC_COLLECTIONS, 4},
	    {BEAT_GC_COLLECTIONS, UINT64_MAX},
	    {BEAT_OPEN_FILES, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)set_up(NULL);
		words[BEAT_INTERPRETER_LATE_NS] = 3 * MS;
		words[BEAT_GC_PAUSE_NS] = 2 * MS;
		words[BEAT_GC_COLLECTIONS] = 5;
		words[BEAT_THREADS] = 12;
		words[BEAT_OPEN_FILES] = 30;
		interpreter_beat(1, 9);
		(void)beat_take(&beat, words, later(10));
		words[cases[i].word] = cases[i].value;
		interpreter_beat(2, 19);
		assert_int_equal(beat_take(&beat, words, later(20)),
				 1U << BEAT_SIGN_INTERPRETER);
		assert_true(beat.junk);
		assert_int_equal(beat.late_ns, 3 * MS);
		assert_int_equal(beat.gc_pause_ns, 2 * MS);
		assert_int_equal(beat.gc_collections, 5);
		assert_int_equal(beat.threads, 12);
		assert_int_equal(beat.open_files, 30);
	}
}

static void take_recycle_wish_is_the_one_value(void **state)
{
	(void)state;
	words[BEAT_RECYCLE_WISH] = 77;
	(void)beat_take(&beat, words, later(1));
	assert_false(beat.recycle_wish);
	words[BEAT_RECYCLE_WISH] = 1;
	(void)beat_take(&beat, words, later(2));
	assert_true(beat.recycle_wish);
}

static void take_abandoned_places_are_as_many_as_there_can_be(void **state)
{
	(void)state;
	words[BEAT_ABANDONED] = 256;
	(void)beat_take(&beat, words, later(1));
	assert_int_equal(beat.abandoned, 256);
	words[BEAT_ABANDONED] = 257;
	(void)beat_take(&beat, words, later(2));
	assert_int_equal(beat.abandoned, 256);
	assert_true(beat.junk);
}

/* Whatever is in the page: times within the life of the process, nothing falls. */
static void take_random_pages_keep_what_is_believed_possible(void **state)
{
	struct test_random random = test_random_seeded(7);
	uint64_t now_ms = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct beat before = beat;

		now_ms += test_random_below(&random, 3);
		words[test_random_below(&random, BEAT_WORDS_NR)] =
		    test_random_below(&random, 4)
			? start.ns + test_random_below(&random, 400000) * MS / 1000
			: test_random_u64(&random) >> test_random_below(&random, 64);
		(void)beat_take(&beat, words, later(now_ms));
		for (unsigned s = 0; s < BEAT_SIGN_NR; s++) {
			assert_true(beat.seen[s].seq >= before.seen[s].seq);
			assert_true(beat.seen[s].at.ns >= before.seen[s].at.ns);
			assert_true(beat.seen[s].at.ns <= later(now_ms).ns);
		}
		assert_true(beat.gc_pause_ns >= before.gc_pause_ns);
		assert_true(beat.gc_pause_ns <= now_ms * MS);
		assert_true(beat.late_ns <= now_ms * MS);
	}
}

/* ---- page and file ------------------------------------------------------------ */

static struct beat made;

static int make(void **state)
{
	(void)state;
	return beat_create(&made, 42, 250, NULL);
}

static int unmake(void **state)
{
	(void)state;
	beat_destroy(&made);
	return 0;
}

static struct beat_page *map_as_worker(int fd)
{
	void *map =
	    mmap(NULL, BEAT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(map, MAP_FAILED);
	return map;
}

static void create_page_says_what_it_is_for(void **state)
{
	(void)state;
	assert_int_equal(made.page->word[BEAT_MAGIC], BEAT_PAGE_MAGIC);
	assert_int_equal(made.page->word[BEAT_INCARNATION], 42);
	assert_int_equal(made.page->word[BEAT_INTERVAL_MS], 250);
	assert_int_equal(beat_read(&made, &(snp_mono_t){0}), 0);
}

static void create_worker_beats_arrive(void **state)
{
	struct beat_page *page = map_as_worker(made.page_fd);
	snp_mono_t now = snp_mono_now();

	(void)state;
	beat_handed_down(&made);
	assert_int_equal(made.page_fd, -1);
	page->word[BEAT_PROCESS_NS] = now.ns;
	page->word[BEAT_PROCESS_SEQ] = 1;
	assert_int_equal(beat_read(&made, &(snp_mono_t){0}), 1U << BEAT_SIGN_PROCESS);
	assert_int_equal(made.seen[BEAT_SIGN_PROCESS].at.ns, now.ns);
	assert_int_equal(munmap(page, BEAT_PAGE_BYTES), 0);
}

/* A worker can neither take the memory from under our map nor fill the host's. */
static void create_files_can_change_neither_size_nor_seals(void **state)
{
	const int fds[] = {made.page_fd, made.stacks_fd};
	const off_t sizes[] = {BEAT_PAGE_BYTES, BEAT_STACKS_BYTES};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lseek(fds[i], 0, SEEK_END), sizes[i]);
		assert_int_equal(ftruncate(fds[i], 0), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(ftruncate(fds[i], sizes[i] + 1), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(write(fds[i], "x", 1), -1);
		assert_int_equal(fcntl(fds[i], F_ADD_SEALS, F_SEAL_WRITE), -1);
		assert_int_equal(errno, EPERM);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	}
}

static void destroy_closes_and_forgets(void **state)
{
	int fd = made.stacks_fd;

	(void)state;
	beat_destroy(&made);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_null(made.page);
	assert_int_equal(made.stacks_fd, -1);
	assert_int_equal(beat_read(&made, &(snp_mono_t){0}), 0);
	beat_destroy(&made);
}

int main(void)
{
#define TAKE(f)	 cmocka_unit_test_setup(f, set_up)
#define FILES(f) cmocka_unit_test_setup_teardown(f, make, unmake)
	const struct CMUnitTest tests[] = {
	    TAKE(take_page_without_beats_is_no_news),
	    TAKE(take_each_sign_is_told_from_the_others),
	    TAKE(take_time_that_follows_its_sequence_a_look_later_is_taken),
	    TAKE(take_what_cannot_be_is_junk_and_silence),
	    TAKE(take_junk_in_one_sign_leaves_the_others),
	    TAKE(take_values_of_the_interpreter_come_with_its_beat),
	    TAKE(take_lag_of_the_loop_comes_with_its_beat),
	    TAKE(take_values_that_cannot_be_are_not_taken),
	    TAKE(take_recycle_wish_is_the_one_value),
	    TAKE(take_abandoned_places_are_as_many_as_there_can_be),
	    TAKE(take_random_pages_keep_what_is_believed_possible),
	    FILES(create_page_says_what_it_is_for),
	    FILES(create_worker_beats_arrive),
	    FILES(create_files_can_change_neither_size_nor_seals),
	    FILES(destroy_closes_and_forgets),
	};

	return cmocka_run_group_tests_name("runtime/beat", tests, NULL, NULL);
}
