/* SPDX-License-Identifier: Apache-2.0 */
/* Kills by the kernel for memory, from files as the kernel writes them. */
#include "snp_test.h"

#include <stdio.h>
#include <sys/stat.h>

#include "worker/oom.h"

static char dir[64], list[96];

static int set_up(void **state)
{
	(void)state;
	snp_test_tmpdir_make(dir, sizeof(dir));
	(void)snprintf(list, sizeof(list), "%s/cgroup", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	snp_test_tmpdir_remove(dir);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Say how many kills there were, in the group `group` of version 2. */
static void set_kills(const char *group, unsigned kills)
{
	char path[192], text[96];

	(void)snprintf(path, sizeof(path), "%s%s", dir, group);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s%s/memory.events", dir, group);
	(void)snprintf(text, sizeof(text), "low 0\nhigh 0\nmax 9\noom 8\noom_kill %u\n",
		       kills);
	write_file(path, text);
}

static void kill_explains_one_death_only(void **state)
{
	struct oom oom;

	(void)state;
	write_file(list, "0::/ours\n");
	set_kills("/ours", 3);
	oom_init(&oom, list, dir);
	assert_false(oom_take(&oom)); /* those were before our time */
	set_kills("/ours", 5);
	assert_true(oom_take(&oom));
	assert_true(oom_take(&oom));
	assert_false(oom_take(&oom));
}

/* One that nobody here died of, some time ago, does not explain what happens now. */
static void old_kill_explains_nothing(void **state)
{
	struct oom oom;

	(void)state;
	write_file(list, "0::/ours\n");
	set_kills("/ours", 0);
	oom_init(&oom, list, dir);
	set_kills("/ours", 1);
	oom_look(&oom);
	assert_true(oom_take(&oom)); /* just now */
	set_kills("/ours", 2);
	oom_look(&oom);
	oom_look(&oom);
	assert_false(oom_take(&oom));
}

static void container_finds_its_group_at_the_root(void **state)
{
	struct oom oom;

	(void)state;
	write_file(list, "0::/not/here\n");
	set_kills("", 1);
	oom_init(&oom, list, dir);
	set_kills("", 2);
	assert_true(oom_take(&oom));
}

static void version_1_has_it_in_another_file(void **state)
{
	char path[192];
	struct oom oom;

	(void)state;
	write_file(list, "5:devices:/x\n4:memory:/ours\n0::/\n");
	(void)snprintf(path, sizeof(path), "%s/memory", dir);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/memory/ours", dir);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/memory/ours/memory.oom_control", dir);
	write_file(path, "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
	oom_init(&oom, list, dir);
	write_file(path, "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
	assert_true(oom_take(&oom));
	assert_false(oom_take(&oom));
}

static void nothing_is_claimed_where_nothing_can_be_read(void **state)
{
	static const char *const lists[] = {
	    "", "\n", "garbage", "0::", "4:memory:/x\n", ":::\n"};
	struct oom oom;

	(void)state;
	oom_init(&oom, "/nonexistent", "/nonexistent");
	assert_false(oom_take(&oom));
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		write_file(list, lists[i]);
		oom_init(&oom, list, dir);
		oom_look(&oom);
		assert_false(oom_take(&oom));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(kill_explains_one_death_only),
	    T(old_kill_explains_nothing),
	    T(container_finds_its_group_at_the_root),
	    T(version_1_has_it_in_another_file),
	    T(nothing_is_claimed_where_nothing_can_be_read),
	};

	return cmocka_run_group_tests_name("runtime/oom", tests, NULL, NULL);
}
