/* SPDX-License-Identifier: Apache-2.0 */
/* Which directory, which instance: precedence of the environment, and what a name
 * means. */
#include "snp_test.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "snakepit/read.h"

/* ---- fixture ------------------------------------------------------------- */

static const char *const variables[] = {"SNAKEPIT_DIR", "RUNTIME_DIRECTORY",
					"XDG_RUNTIME_DIR", "SNAKEPIT_INSTANCE"};

struct fixture {
	char dir[64], path[SNP_PATH_BYTES];
	struct snp_err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		assert_int_equal(unsetenv(variables[i]), 0);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static void set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

static void touch(const struct fixture *f, const char *name)
{
	char path[400];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

static void expect_dir(struct fixture *f, const char *dir)
{
	assert_int_equal(snp_dir_default(f->path, &f->err), 0);
	assert_string_equal(f->path, dir);
}

/* ---- directory ----------------------------------------------------------- */

static void dir_default_takes_the_first_that_is_set(void **state)
{
	struct fixture *f = *state;

	set("XDG_RUNTIME_DIR", "/xdg");
	set("RUNTIME_DIRECTORY", "/systemd");
	set("SNAKEPIT_DIR", "/own");
	expect_dir(f, "/own");
	set("SNAKEPIT_DIR", ""); /* set but empty is not set */
	expect_dir(f, "/systemd");
}

static void dir_default_of_several_systemd_directories_is_the_first(void **state)
{
	struct fixture *f = *state;

	set("RUNTIME_DIRECTORY", "/run/a:/run/b");
	expect_dir(f, "/run/a");
}

static void dir_default_depends_on_the_user(void **state)
{
	struct fixture *f = *state;
	char own[64];
	bool was_root = geteuid() == 0;

	if (was_root) {
		struct statfs run;

		set("XDG_RUNTIME_DIR", "/xdg");
		assert_int_equal(statfs("/run", &run), 0);
		/* On disk, as in many containers, it is passed over. */
		expect_dir(f, run.f_type == TMPFS_MAGIC ? "/run/snakepit"
							: "/xdg/snakepit");
		assert_int_equal(seteuid(65534), 0);
	}
	set("XDG_RUNTIME_DIR", "/xdg");
	expect_dir(f, "/xdg/snakepit");
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	(void)snprintf(own, sizeof(own), "/dev/shm/snakepit-%u", geteuid());
	expect_dir(f, own);
	if (was_root)
		assert_int_equal(seteuid(0), 0);
}

static void dir_default_too_long_returns_enametoolong(void **state)
{
	struct fixture *f = *state;
	static char dir[SNP_PATH_BYTES + 1];

	memset(dir, 'd', sizeof(dir) - 1);
	set("SNAKEPIT_DIR", dir);
	memcpy(f->path, "untouched", 10);
	assert_int_equal(snp_dir_default(f->path, &f->err), -ENAMETOOLONG);
	assert_string_equal(f->path, "untouched");
	dir[SNP_PATH_BYTES - 1] = '\0'; /* fits alone, but not with a name */
	set("SNAKEPIT_DIR", dir);
	assert_int_equal(snp_dir_default(f->path, &f->err), 0);
	assert_int_equal(snp_segment_path("a", f->path, &f->err), -ENAMETOOLONG);
}

/* ---- one instance -------------------------------------------------------- */

static void segment_path_joins_directory_and_name(void **state)
{
	struct fixture *f = *state;
	char longest[SNP_FMT_NAME_BYTES + 1];

	set("SNAKEPIT_DIR", "/own");
	assert_int_equal(snp_segment_path("a.b", f->path, &f->err), 0);
	assert_string_equal(f->path, "/own/a.b.seg");
	memset(longest, 'n', sizeof(longest));
	longest[SNP_FMT_NAME_BYTES] = '\0';
	assert_int_equal(snp_segment_path(longest, f->path, &f->err), -ENAMETOOLONG);
	longest[SNP_FMT_NAME_BYTES - 1] = '\0';
	assert_int_equal(snp_segment_path(longest, f->path, &f->err), 0);
}

static void find_name_or_path_needs_no_directory(void **state)
{
	struct fixture *f = *state;

	set("SNAKEPIT_DIR", "/there/is/none");
	assert_int_equal(snp_segment_find("a", f->path, &f->err), 0);
	assert_string_equal(f->path, "/there/is/none/a.seg");
	assert_int_equal(snp_segment_find("./x", f->path, &f->err), 0);
	assert_string_equal(f->path, "./x");
	assert_int_equal(snp_segment_find("/a/b.prev.seg", f->path, &f->err), 0);
	assert_string_equal(f->path, "/a/b.prev.seg");
}

static void find_without_name_takes_the_environment_then_the_only_one(void **state)
{
	struct fixture *f = *state;
	char expected[128];

	set("SNAKEPIT_DIR", f->dir);
	touch(f, "only.seg");
	(void)snprintf(expected, sizeof(expected), "%s/only.seg", f->dir);
	assert_int_equal(snp_segment_find(NULL, f->path, &f->err), 0);
	assert_string_equal(f->path, expected);
	assert_int_equal(snp_segment_find("", f->path, &f->err), 0);
	assert_string_equal(f->path, expected);
	set("SNAKEPIT_INSTANCE", "other");
	(void)snprintf(expected, sizeof(expected), "%s/other.seg", f->dir);
	assert_int_equal(snp_segment_find(NULL, f->path, &f->err), 0);
	assert_string_equal(f->path, expected);
	set("SNAKEPIT_INSTANCE", "/p/q");
	assert_int_equal(snp_segment_find(NULL, f->path, &f->err), 0);
	assert_string_equal(f->path, "/p/q");
}

static void find_none_returns_enoent_and_says_where_it_looked(void **state)
{
	struct fixture *f = *state;

	set("SNAKEPIT_DIR", f->dir);
	assert_int_equal(snp_segment_find(NULL, f->path, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.msg, f->dir));
	set("SNAKEPIT_DIR", "/dev/shm/there-is-none");
	assert_int_equal(snp_segment_find(NULL, f->path, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.msg, "/dev/shm/there-is-none"));
}

static void find_several_returns_eexist_and_lists_them(void **state)
{
	struct fixture *f = *state;

	set("SNAKEPIT_DIR", f->dir);
	touch(f, "b.seg");
	touch(f, "a.seg");
	assert_int_equal(snp_segment_find(NULL, f->path, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.msg, f->dir));
	assert_non_null(strstr(f->err.msg, "(a, b)"));
	for (int i = 0; i < 40; i++) { /* more than a line holds: cut, not overrun */
		char name[64];

		(void)snprintf(name, sizeof(name),
			       "an-instance-with-a-long-name-%02d.seg", i);
		touch(f, name);
	}
	assert_int_equal(snp_segment_find(NULL, f->path, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.msg, "an-instance-with-a-long-name-00"));
}

/* ---- all instances ------------------------------------------------------- */

struct visited {
	char names[256];
	const char *stop_at;
};

static int visit(const char *instance, const char *path, void *user)
{
	struct visited *v = user;
	char tail[128];

	(void)snprintf(tail, sizeof(tail), "/%s.seg", instance);
	assert_string_equal(path + strlen(path) - strlen(tail), tail);
	(void)strncat(v->names, instance, sizeof(v->names) - strlen(v->names) - 1);
	(void)strncat(v->names, " ", sizeof(v->names) - strlen(v->names) - 1);
	return v->stop_at && strcmp(instance, v->stop_at) == 0 ? -ECANCELED : 0;
}

static void list_is_sorted_and_leaves_out_what_is_no_instance(void **state)
{
	static const char *const files[] = {
	    "z.seg", "a.seg",	  "a.prev.seg", ".hidden.seg", "a.lock", ".seg",
	    "seg",   "b.seg.bak", "prev.seg",	"m.seg",       ".m.new"};
	struct fixture *f = *state;
	struct visited v = {.names = ""};

	set("SNAKEPIT_DIR", f->dir);
	assert_int_equal(snp_segment_list(visit, &v, &f->err), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		touch(f, files[i]);
	assert_int_equal(snp_segment_list(visit, &v, &f->err), 4);
	assert_string_equal(v.names, "a m prev z ");
	v = (struct visited){.names = "", .stop_at = "m"};
	assert_int_equal(snp_segment_list(visit, &v, &f->err), -ECANCELED);
	assert_string_equal(v.names, "a m ");
}

static void list_of_a_missing_directory_is_empty_of_a_file_an_error(void **state)
{
	struct fixture *f = *state;
	struct visited v = {.names = ""};
	char path[128];

	set("SNAKEPIT_DIR", "/dev/shm/there-is-none");
	assert_int_equal(snp_segment_list(visit, &v, &f->err), 0);
	touch(f, "file");
	(void)snprintf(path, sizeof(path), "%s/file", f->dir);
	set("SNAKEPIT_DIR", path);
	assert_int_equal(snp_segment_list(visit, &v, &f->err), -ENOTDIR);
	assert_non_null(strstr(f->err.msg, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(dir_default_takes_the_first_that_is_set),
	    T(dir_default_of_several_systemd_directories_is_the_first),
	    T(dir_default_depends_on_the_user),
	    T(dir_default_too_long_returns_enametoolong),
	    T(segment_path_joins_directory_and_name),
	    T(find_name_or_path_needs_no_directory),
	    T(find_without_name_takes_the_environment_then_the_only_one),
	    T(find_none_returns_enoent_and_says_where_it_looked),
	    T(find_several_returns_eexist_and_lists_them),
	    T(list_is_sorted_and_leaves_out_what_is_no_instance),
	    T(list_of_a_missing_directory_is_empty_of_a_file_an_error),
	};

	return cmocka_run_group_tests_name("shm/path", tests, NULL, NULL);
}
