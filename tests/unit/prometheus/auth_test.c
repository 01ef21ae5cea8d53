/* SPDX-License-Identifier: Apache-2.0 */
/* P21: basic_auth_users. */
#include "auth.h"

#include <crypt.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snakepit/time.h"
#include "snp_test.h"

struct fixture {
	struct auth *auth;
	struct webconfig_pair items[2];
	struct webconfig_pairs users;
	char hashes[2][64];
	sem_t woken;
};

static void park(void *who)
{
	(void)who; /* it waits for the semaphore */
}

static void wake(void *who)
{
	assert_int_equal(sem_post(who), 0);
}

static const struct auth_waiting waiting = {park, wake};

static enum auth_answer ask(struct fixture *f, const char *user, const char *password)
{
	return auth_ask(f->auth, &f->users, user, password, &f->woken);
}

/* Ask, and once more after the wait. */
static bool check(struct fixture *f, const char *user, const char *password)
{
	enum auth_answer answer = ask(f, user, password);

	if (answer == AUTH_LATER) {
		assert_int_equal(sem_wait(&f->woken), 0);
		answer = ask(f, user, password);
	}
	assert_in_range(answer, AUTH_NO, AUTH_YES);
	return answer == AUTH_YES;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *const passwords[2] = {"opensesame", "xyzzy"};
	const char *const names[2] = {"alice", "bob"};
	struct crypt_data work = {0};

	if (!f)
		return -1;
	for (int i = 0; i < 2; i++) {
		const char *salt = i ? "$2y$04$abcdefghijklmnopqrstuu"
				     : "$2b$04$ABCDEFGHIJKLMNOPQRSTUu";

		(void)snprintf(f->hashes[i], sizeof(f->hashes[i]), "%s",
			       crypt_r(passwords[i], salt, &work));
		f->items[i] = (struct webconfig_pair){names[i], f->hashes[i], 1};
	}
	assert_int_equal(sem_init(&f->woken, 0, 0), 0);
	f->users = (struct webconfig_pairs){f->items, 2};
	assert_int_equal(auth_create(&waiting, &f->auth), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	auth_destroy(&f->auth);
	free(f);
	return 0;
}

static void check_lets_in_who_knows_the_password(void **state)
{
	struct fixture *f = *state;

	for (int twice = 0; twice < 2; twice++) {
		assert_true(check(f, "alice", "opensesame"));
		assert_true(check(f, "bob", "xyzzy"));
		assert_false(check(f, "alice", "xyzzy"));
		assert_false(check(f, "bob", "opensesame"));
		assert_false(check(f, "alice", ""));
		assert_false(check(f, "", "opensesame"));
	}
}

/* A stranger is compared with the first user's hash, and must not get in by it. */
static void check_refuses_a_stranger_with_a_good_password(void **state)
{
	struct fixture *f = *state;

	assert_false(check(f, "mallory", "opensesame"));
	assert_false(check(f, "mallory", "opensesame"));
	assert_true(check(f, "alice", "opensesame"));
}

/* What was remembered of an old hash does not hold for a new one. */
static void check_follows_a_changed_password(void **state)
{
	struct fixture *f = *state;

	assert_true(check(f, "bob", "xyzzy"));
	f->items[1].value = f->hashes[0];
	assert_false(check(f, "bob", "xyzzy"));
	assert_true(check(f, "bob", "opensesame"));
}

/* P21: of as many wrong passwords for a user and for a stranger the medians are alike.
 * CPU time, which other programs do not stretch. */
static uint64_t cost_ns(struct fixture *f, const char *user, int which)
{
	char password[32];
	uint64_t begin;

	(void)snprintf(password, sizeof(password), "wrong %s %d", user, which);
	begin = snp__clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	assert_false(check(f, user, password));
	return snp__clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

#define MIDDLE 25
#define TRIES  (2 * MIDDLE + 1)

static void check_takes_as_long_for_a_stranger(void **state)
{
	struct fixture *f = *state;
	uint64_t known[TRIES], stranger[TRIES];
	double ratio;

	for (int i = 0; i < TRIES; i++) {
		known[i] = cost_ns(f, "bob", i);
		stranger[i] = cost_ns(f, "eve", i);
	}
	qsort(known, TRIES, sizeof(known[0]), by_size);
	qsort(stranger, TRIES, sizeof(stranger[0]), by_size);
	ratio = (double)known[MIDDLE] / (double)stranger[MIDDLE];
	if (ratio < 0.8 || ratio > 1.25)
		fail_msg("a stranger is told by the time: ratio %f", ratio);
}

static void check_remembers_what_came_out(void **state)
{
	struct fixture *f = *state;
	uint64_t first = cost_ns(f, "bob", 0), again = cost_ns(f, "bob", 0);

	assert_true(again < first / 5);
}

/* A storm of wrong ones: the listener gets an answer at once for who is known, and all
 * beyond what can wait are told so. */
static void check_storm_stalls_nobody_who_is_known(void **state)
{
	struct fixture *f = *state;
	unsigned later = 0, busy = 0;
	char password[32];

	assert_true(check(f, "alice", "opensesame"));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(password, sizeof(password), "wrong %d", i);
		switch (ask(f, "alice", password)) {
		case AUTH_LATER:
			later++;
			break;
		case AUTH_BUSY:
			busy++;
			break;
		default:
			fail_msg("answered without a comparison");
		}
		assert_int_equal(ask(f, "alice", "opensesame"), AUTH_YES);
	}
	assert_true(busy > 0);
	for (; later > 0; later--)
		assert_int_equal(sem_wait(&f->woken), 0);
	assert_int_equal(ask(f, "alice", "opensesame"), AUTH_YES);
}

static void stop_wakes_all_and_refuses_who_is_not_known(void **state)
{
	struct fixture *f = *state;
	unsigned later = 0;
	char password[32];
	int woken;

	assert_true(check(f, "bob", "xyzzy"));
	for (int i = 0; i < 20; i++) {
		(void)snprintf(password, sizeof(password), "wrong %d", i);
		later += ask(f, "bob", password) == AUTH_LATER;
	}
	auth_stop(f->auth);
	assert_int_equal(sem_getvalue(&f->woken, &woken), 0);
	assert_int_equal(woken, later);
	assert_int_equal(ask(f, "bob", "xyzzy"), AUTH_YES);
	assert_int_equal(ask(f, "alice", "opensesame"), AUTH_NO);
}

/* A comparison may be made to take days, which whoever stops does not have. */
static void stop_does_not_wait_for_a_comparison(void **state)
{
	struct fixture *f = *state;
	unsigned later = 0;
	char password[32];
	int woken;

	(void)alarm(60);
	f->items[0].value =
	    "$2b$31$ABCDEFGHIJKLMNOPQRSTUuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";
	/* There is room for so many only when one of them is compared. */
	while (later <= AUTH_WAITING_MAX) {
		(void)snprintf(password, sizeof(password), "wrong %u", later);
		later += ask(f, "alice", password) == AUTH_LATER;
	}
	auth_stop(f->auth);
	assert_int_equal(sem_getvalue(&f->woken, &woken), 0);
	assert_int_equal(woken, later);
	assert_int_equal(ask(f, "alice", "opensesame"), AUTH_NO);
	auth_destroy(&f->auth);
	(void)alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(check_lets_in_who_knows_the_password),
	    CASE(check_refuses_a_stranger_with_a_good_password),
	    CASE(check_follows_a_changed_password),
	    CASE(check_takes_as_long_for_a_stranger),
	    CASE(check_remembers_what_came_out),
	    CASE(check_storm_stalls_nobody_who_is_known),
	    CASE(stop_wakes_all_and_refuses_who_is_not_known),
	    /* The last, as it leaves a thread at work. */
	    CASE(stop_does_not_wait_for_a_comparison),
	};

	return cmocka_run_group_tests_name("prometheus/auth", tests, NULL, NULL);
}
