/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snp_test.h - what every cmocka test needs: the headers cmocka wants in their order, a
 * private directory on tmpfs, and waiting for a condition with a deadline.
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

/* A fresh directory, 0700, on tmpfs. */
static inline void snp_test_tmpdir_make(char *ret_path, size_t size_bytes)
{
	int n = snprintf(ret_path, size_bytes, "/dev/shm/snp-test-XXXXXX");

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

static inline void snp_test_tmpdir_remove(const char *path)
{
	(void)nftw(path, snp_test_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* Poll `done` every millisecond until it is true or `timeout_ms` have passed. */
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
			return false;
		nanosleep(&tick, NULL);
	}
	return true;
}

#endif
