/* SPDX-License-Identifier: Apache-2.0 */
#include "model/news.h"

#include <string.h>
#include <unistd.h>

#include "segment_fixture.h"

struct fixture {
	struct segment_fixture writer;
	struct snp_target *target;
	struct snp_news news;
	char said[1024]; /* at the last look */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	segment_fixture_open(&f->writer, "default", "word_stats");
	assert_int_equal(snp_target_create(f->writer.path, &f->target), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_target_destroy(&f->target);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

/* What a look writes to stderr. */
static const char *look(struct fixture *f)
{
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t len;

	assert_true(saved >= 0);
	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	(void)snp_target_poll(f->target);
	snp_news_tell(&f->news, f->target);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	(void)close(ends[1]);
	len = read(ends[0], f->said, sizeof(f->said) - 1);
	(void)close(ends[0]);
	assert_true(len >= 0);
	f->said[len] = '\0';
	return f->said;
}

static void tell_says_each_change_once(void **state)
{
	struct fixture *f = *state;

	assert_non_null(strstr(look(f), "level=info msg=\"runtime is alive: "));
	assert_non_null(strstr(f->said, f->writer.path));
	assert_string_equal(look(f), "");
	/* Another one that is alive, too, is news. */
	segment_fixture_restart(&f->writer);
	assert_non_null(strstr(look(f), "runtime is alive: "));
	assert_string_equal(look(f), "");
	snp_writer_close(&f->writer.writer);
	assert_non_null(strstr(look(f), "level=warn msg=\"runtime is closed: "));
	assert_string_equal(look(f), "");
}

static void tell_without_a_runtime_says_why(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(f->writer.path), 0);
	assert_non_null(strstr(look(f), "level=warn msg=\"no runtime to read: "));
	assert_non_null(strstr(f->said, f->writer.path));
	assert_string_equal(look(f), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(tell_says_each_change_once),
	    CASE(tell_without_a_runtime_says_why),
	};

	return cmocka_run_group_tests_name("model/news", tests, NULL, NULL);
}
