/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>

#include "core/watch.h"

#define NR 8

static const snp_mono_t never = {UINT64_MAX};
static const snp_mono_t at_once = {1};

/* A watch on an eventfd of its own, and what its function shall do once. */
struct ear {
	struct watch watch; /* first member */
	int fd;
	unsigned calls;
	struct ear *remove, *add;
};

static struct watcher watcher;
static struct ear ears[NR];

static void on_readable(struct watch *watch)
{
	struct ear *ear = (struct ear *)(void *)watch;
	struct ear *remove = ear->remove, *add = ear->add;

	assert_ptr_equal(watch->user, ear);
	ear->calls++;
	ear->remove = ear->add = NULL;
	if (remove)
		watch_remove(&watcher, &remove->watch);
	if (add)
		assert_int_equal(
		    watch_add(&watcher, &add->watch, add->fd, on_readable, add), 0);
}

static void add(struct ear *ear)
{
	assert_int_equal(watch_add(&watcher, &ear->watch, ear->fd, on_readable, ear),
			 0);
}

static void ring(const struct ear *ear)
{
	assert_int_equal(eventfd_write(ear->fd, 1), 0);
}

static void silence(const struct ear *ear)
{
	eventfd_t count;

	assert_int_equal(eventfd_read(ear->fd, &count), 0);
}

static unsigned calls(void)
{
	unsigned n = 0;

	for (int i = 0; i < NR; i++)
		n += ears[i].calls;
	return n;
}

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < NR; i++)
		ears[i] = (struct ear){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				       .watch.fd = -1};
	return watcher_init(&watcher, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < NR; i++) {
		watch_remove(&watcher, &ears[i].watch);
		close(ears[i].fd);
	}
	watcher_fini(&watcher);
	return watcher.epoll_fd == -1 ? 0 : -1;
}

static void turn_calls_each_readable_watch_once(void **state)
{
	(void)state;
	for (int i = 0; i < NR; i++)
		add(&ears[i]);
	ring(&ears[2]);
	ring(&ears[5]);
	watcher_turn(&watcher, never);
	assert_int_equal(calls(), 2);
	assert_int_equal(ears[2].calls, 1);
	assert_int_equal(ears[5].calls, 1);
	silence(&ears[2]);
	watcher_turn(&watcher, never); /* level-triggered: the other still is */
	assert_int_equal(ears[2].calls, 1);
	assert_int_equal(ears[5].calls, 2);
}

static void turn_end_of_file_counts_as_readable(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(
	    watch_add(&watcher, &ears[0].watch, fds[0], on_readable, &ears[0]), 0);
	close(fds[1]);
	watcher_turn(&watcher, never);
	assert_int_equal(ears[0].calls, 1);
	watch_remove(&watcher, &ears[0].watch);
	close(fds[0]);
}

static void remove_ends_calls_and_is_idempotent(void **state)
{
	(void)state;
	add(&ears[0]);
	ring(&ears[0]);
	watch_remove(&watcher, &ears[0].watch);
	watch_remove(&watcher, &ears[0].watch);
	assert_int_equal(ears[0].watch.fd, -1);
	watcher_turn(&watcher, at_once);
	assert_int_equal(calls(), 0);
}

static void remove_itself_within_its_function_works(void **state)
{
	(void)state;
	ears[0].remove = &ears[0];
	add(&ears[0]);
	ring(&ears[0]);
	watcher_turn(&watcher, never);
	watcher_turn(&watcher, at_once);
	assert_int_equal(ears[0].calls, 1);
}

/* Whichever comes first removes the other, although this turn has found both. */
static void remove_another_of_the_same_turn_ends_its_calls(void **state)
{
	(void)state;
	ears[0].remove = &ears[1];
	ears[1].remove = &ears[0];
	add(&ears[0]);
	add(&ears[1]);
	ring(&ears[0]);
	ring(&ears[1]);
	watcher_turn(&watcher, never);
	assert_int_equal(calls(), 1);
	watcher_turn(&watcher, never);
	assert_int_equal(calls(), 2);
	assert_true(ears[0].calls == 0 || ears[1].calls == 0);
}

/* What this turn has found belongs to the descriptor that was removed, not to the new
 * one, which is not readable. */
static void readd_in_the_same_turn_is_not_called_for_the_old_descriptor(void **state)
{
	const int quiet = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const int loud[2] = {ears[0].fd, ears[1].fd};

	(void)state;
	add(&ears[0]);
	add(&ears[1]);
	ring(&ears[0]);
	ring(&ears[1]);
	ears[0].remove = ears[0].add = &ears[1];
	ears[1].remove = ears[1].add = &ears[0];
	ears[0].fd = ears[1].fd = quiet;
	watcher_turn(&watcher, never);
	assert_int_equal(calls(), 1);
	ears[0].fd = loud[0];
	ears[1].fd = loud[1];
	/* the new one is heard from the next turn on */
	assert_int_equal(eventfd_write(quiet, 1), 0);
	silence(&ears[0]);
	silence(&ears[1]);
	watcher_turn(&watcher, never);
	assert_int_equal(calls(), 2);
	close(quiet);
}

static void add_bad_descriptor_fails_and_is_not_watched(void **state)
{
	(void)state;
	assert_int_equal(
	    watch_add(&watcher, &ears[0].watch, 1000000, on_readable, &ears[0]),
	    -EBADF);
	assert_int_equal(ears[0].watch.fd, -1);
}

static void more_than_one_batch_is_called_in_further_turns(void **state)
{
	enum { MANY = 150 };
	static struct ear many[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		many[i] = (struct ear){.fd = eventfd(1, EFD_CLOEXEC), .watch.fd = -1};
		assert_int_equal(watch_add(&watcher, &many[i].watch, many[i].fd,
					   on_readable, &many[i]),
				 0);
		many[i].remove = &many[i];
	}
	for (int turn = 0; turn < MANY; turn++)
		watcher_turn(&watcher, at_once);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(many[i].calls, 1);
		close(many[i].fd);
	}
}

static void turn_past_deadline_returns_at_once_but_still_listens(void **state)
{
	(void)state;
	add(&ears[0]);
	watcher_turn(&watcher, at_once);
	assert_int_equal(calls(), 0);
	ring(&ears[0]);
	watcher_turn(&watcher, at_once);
	assert_int_equal(calls(), 1);
}

/* Neither before the deadline, which would make the caller spin, nor long after. */
static void turn_returns_when_the_deadline_has_passed(void **state)
{
	static const uint64_t waits_ns[] = {1,	     1000,    999999,
					    1000001, 2500000, 20000000};

	(void)state;
	for (unsigned i = 0; i < sizeof(waits_ns) / sizeof(waits_ns[0]); i++) {
		snp_mono_t deadline = {snp_mono_now().ns + waits_ns[i]};
		unsigned turns = 0;

		while (snp_mono_now().ns < deadline.ns) {
			watcher_turn(&watcher, deadline);
			turns++;
		}
		if (turns > 1)
			fail_msg("%u turns for %llu ns", turns,
				 (unsigned long long)waits_ns[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(turn_calls_each_readable_watch_once),
	    T(turn_end_of_file_counts_as_readable),
	    T(remove_ends_calls_and_is_idempotent),
	    T(remove_itself_within_its_function_works),
	    T(remove_another_of_the_same_turn_ends_its_calls),
	    T(readd_in_the_same_turn_is_not_called_for_the_old_descriptor),
	    T(add_bad_descriptor_fails_and_is_not_watched),
	    T(more_than_one_batch_is_called_in_further_turns),
	    T(turn_past_deadline_returns_at_once_but_still_listens),
	    T(turn_returns_when_the_deadline_has_passed),
	};

	return cmocka_run_group_tests_name("runtime/watch", tests, NULL, NULL);
}
