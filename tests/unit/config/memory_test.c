/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading with the Nth allocation failing, for N = 0, 1, 2... until it succeeds: each
 * failure is reported as such, and nothing stays allocated. The allocator is replaced
 * for the whole process, so that libyaml and libcyaml meet the same fate; sanitizers
 * bring allocators of their own, with them the test is skipped.
 */
#include "config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

static void load_without_memory_fails_cleanly(void **state)
{
	(void)state;
	print_message("skip: a sanitizer has its own malloc()\n");
	skip();
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *p);

static long fail_in = -1; /* allocations until one fails; -1: never */
static long live;	  /* blocks allocated and not freed */

static bool must_fail(void)
{
	if (fail_in < 0 || fail_in-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

static void *counted(void *p)
{
	live += p != NULL;
	return p;
}

void *malloc(size_t size)
{
	return must_fail() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
	void *p;

	if (size > 0 && must_fail())
		return NULL;
	p = __libc_realloc(old, size);
	if (!old)
		return counted(p);
	live -= size == 0;
	return p;
}

void free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}

static int load_and_resolve(long nth, struct snp_err *err)
{
	struct snp_config *cfg = NULL;
	int rc;

	fail_in = nth;
	rc = snp_config_load("tests/unit/config/example.yaml", &cfg, err);
	if (rc == 0)
		rc = snp_config_resolve_dir(cfg, "/run/x", err);
	fail_in = -1;
	snp_config_destroy(&cfg);
	return rc;
}

static void load_without_memory_fails_cleanly(void **state)
{
	struct snp_err err = {0};
	int rc = -ENOMEM;
	long nth;

	(void)state;
	assert_int_equal(load_and_resolve(-1, &err), 0); /* warms libc's own caches */
	for (nth = 0; rc != 0; nth++) {
		long before = live;

		rc = load_and_resolve(nth, &err);
		assert_int_equal(live, before);
		if (rc == 0)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_non_null(strstr(err.msg, ": out of memory"));
	}
	assert_true(nth > 500); /* the loop did meet the allocations it is about */
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(load_without_memory_fails_cleanly),
	};

	return cmocka_run_group_tests_name("config/memory", tests, NULL, NULL);
}
