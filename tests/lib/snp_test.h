/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snp_test.h - what every cmocka test needs: the headers cmocka wants in their order, a
 * private directory on tmpfs, waiting for a condition with a deadline, skipping with a
 * reason.
 *
 * All of it fails the running test through cmocka, so it belongs to the thread that
 * runs the tests; snp_test_wait_until alone may be called from any.
 */
#ifndef SNP_TEST_H
#define SNP_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* How long a test waits for what has to come. It finds failures and measures nothing,
 * so there is room in it for the slowest build on one busy processor. */
enum { SNP_TEST_DEADLINE_MS = 120000 };

/* End the running test as skipped; the reason is what tests/run prints. */
#define snp_test_skip(...)                                                             \
	do {                                                                           \
		print_message("skip: " __VA_ARGS__);                                   \
		print_message("\n");                                                   \
		skip();                                                                \
	} while (0)

/* A fresh directory, 0700, on tmpfs; the test removes it with snp_test_tmpdir_remove.
 */
static inline void snp_test_tmpdir_make(char *ret_path, size_t size_bytes)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	int n = snprintf(ret_path, size_bytes, "%s/snp-test-XXXXXX", base);

	assert_true(n > 0 && (size_t)n < size_bytes);
	assert_non_null(mkdtemp(ret_path));
}

static inline int snp_test_unlink(const char *path, const struct stat *st, int flag,
				  struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Remove the directory and all in it. What cannot be removed stays. */
static inline void snp_test_tmpdir_remove(const char *path)
{
	(void)nftw(path, snp_test_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/*
 * The same as a cmocka fixture, for a test that needs nothing else:
 *   cmocka_unit_test_setup_teardown(f, snp_test_tmpdir_setup, snp_test_tmpdir_teardown)
 * *state is the path, a string.
 */
static inline int snp_test_tmpdir_setup(void **state)
{
	char *path = calloc(1, 64);

	if (!path)
		return -1;
	snp_test_tmpdir_make(path, 64);
	*state = path;
	return 0;
}

static inline int snp_test_tmpdir_teardown(void **state)
{
	snp_test_tmpdir_remove(*state);
	free(*state);
	*state = NULL;
	return 0;
}

/*
 * Poll `done` every millisecond until it is true or `timeout_ms` have passed. It is
 * asked once more at the end, so a late wake-up of a busy machine is no false alarm.
 */
static inline bool snp_test_wait_until(bool (*done)(void *user), void *user,
				       unsigned timeout_ms)
{
	const struct timespec tick = {.tv_nsec = 1000000};
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!done(user)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - start.tv_sec) * 1000 +
			(now.tv_nsec - start.tv_nsec) / 1000000 >=
		    (long)timeout_ms)
			return done(user);
		nanosleep(&tick, NULL);
	}
	return true;
}

#endif
