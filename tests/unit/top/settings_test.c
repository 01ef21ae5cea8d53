/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"

struct fixture {
	char dir[64], path[128];
	struct top_ui ui;
};

static int open_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/a/b/top.yaml", f->dir);
	top_ui_init(&f->ui);
	f->ui.utf8 = true;
	*state = f;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *f = *state;

	top_ui_fini(&f->ui);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static void write_text(struct fixture *f, const char *text)
{
	FILE *out;

	(void)snprintf(f->path, sizeof(f->path), "%s/top.yaml", f->dir);
	out = fopen(f->path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(0, fclose(out));
}

static void no_file_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct snp_err err = {0};

	assert_int_equal(0, top_settings_load(f->path, &f->ui, &err));
	assert_int_equal(TOP_DELAY_DEFAULT_MS, f->ui.delay_ms);
}

/* All that can be set, each as it is not by default. */
static void change_all(struct top_ui *ui)
{
	ui->view = TOP_VIEW_LATENCY;
	ui->delay_ms = 250;
	ui->sort = (struct top_sort){.column = TOP_COLUMN_WORKER_rss_bytes,
				     .flags = TOP_SORT_INVERT | TOP_SORT_BY_POOL};
	ui->follow = ui->mouse = false;
	ui->ascii = ui->header_hidden = ui->events_hidden = ui->lints_hidden = true;
	ui->theme = TOP_THEME_CB;
	ui->lints_silenced = 1u << TOP_LINT_SKEW | 1u << TOP_LINT_QUEUE_ETA;
	ui->limits.value[TOP_LIMIT_RSS_FIT] = 0.75;
	ui->shown[TOP_TABLE_WORKER] =
	    (struct top_shown){2, {TOP_COLUMN_WORKER_pid, TOP_COLUMN_WORKER_worker}};
	ui->shown[TOP_TABLE_POOL] = (struct top_shown){1, {TOP_COLUMN_POOL_p99_ns}};
}

static void what_is_saved_is_loaded(void **state)
{
	struct fixture *f = *state;
	struct top_ui *loaded = calloc(1, sizeof(*loaded));
	struct snp_err err = {0};
	struct stat st;

	assert_non_null(loaded);
	top_ui_init(loaded);
	loaded->utf8 = true;
	change_all(&f->ui);
	if (top_settings_save(f->path, &f->ui, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(0, stat(f->path, &st));
	assert_int_equal(0600, st.st_mode & 0777);
	if (top_settings_load(f->path, loaded, &err) < 0)
		fail_msg("%s", err.msg);
	/* Neither owns anything, so the same state is the same bytes. */
	assert_memory_equal(&f->ui, loaded, sizeof(*loaded));
	free(loaded);
}

static void defaults_survive_being_saved(void **state)
{
	struct fixture *f = *state;
	struct top_ui *loaded = calloc(1, sizeof(*loaded));
	struct snp_err err = {0};

	assert_non_null(loaded);
	assert_int_equal(0, top_settings_save(f->path, &f->ui, &err));
	*loaded = f->ui;
	change_all(loaded);
	assert_int_equal(0, top_settings_load(f->path, loaded, &err));
	assert_memory_equal(&f->ui, loaded, sizeof(*loaded));
	free(loaded);
}

static void each_mistake_says_where_it_is(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"theme: cb\ncolour: red\n", "top.yaml:2:1: no setting \"colour\""},
	    {"themes: cb\n", "top.yaml:1:1: no setting \"themes\"; \"theme\"?"},
	    {"theme: cbb\n", "top.yaml:1:8: theme: \"cbb\" is none of them; \"cb\"?"},
	    {"delay: 0\n", "top.yaml:1:8: delay: delay \"0\" is not"},
	    {"delay: [1]\n", "top.yaml:1:8: delay: a word was expected"},
	    {"sort: nope\n", "top.yaml:1:7: sort: no worker column \"nope\""},
	    {"mouse: 1\n", "top.yaml:1:8: mouse: true or false was expected"},
	    {"columns: worker\n", "top.yaml:1:10: a list was expected"},
	    {"columns: [[]]\n", "top.yaml:1:11: a word was expected"},
	    {"silenced: [skew, nope]\n", "top.yaml:1:18: no lint \"nope\""},
	    {"limits: {skew.nope: 1}\n", "top.yaml:1:10: no limit \"skew.nope\""},
	    {"limits:\n  skew.factor: x\n", "top.yaml:2:16: skew.factor: a number"},
	    {"limits: {skew.factor: .nan}\n", "top.yaml:1:23: skew.factor: a number"},
	    {"limits: 1\n", "top.yaml:1:9: limits were expected: \"queue-eta.seconds"},
	    {"columns: [worker,\n  nope]\n", "top.yaml:2:3: no worker column \"nope\""},
	    {"columns: [worker, worker]\n",
	     "top.yaml:1:19: column \"worker\" is named"},
	    {"mouse: true\nmouse: false\n",
	     "top.yaml:2:1: \"mouse\" stands here twice"},
	    {"just words\n", "top.yaml:1:1: settings were expected"},
	    {"theme: \"cb\n", "top.yaml:"},
	    {"? [a]\n: b\n", "top.yaml:1:3: no setting \"\""},
	    {"theme: \"c\\0b\"\n", "top.yaml:1:8: theme: a word was expected"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snp_err err = {0};

		write_text(f, cases[i].text);
		assert_int_equal(-EINVAL, top_settings_load(f->path, &f->ui, &err));
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s: %s", cases[i].text, err.msg);
	}
	/* A mistake below keeps what stands above from being taken over. */
	assert_int_equal(TOP_THEME_DEFAULT, f->ui.theme);
}

static void empty_file_and_comments_are_fine(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n"};
	struct fixture *f = *state;
	struct snp_err err = {0};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_text(f, texts[i]);
		if (top_settings_load(f->path, &f->ui, &err) < 0)
			fail_msg("\"%s\": %s", texts[i], err.msg);
	}
}

static void a_link_is_written_through(void **state)
{
	struct fixture *f = *state;
	char real[128];
	struct snp_err err = {0};
	struct stat st;

	write_text(f, "");
	(void)snprintf(real, sizeof(real), "%s/real.yaml", f->dir);
	assert_int_equal(0, rename(f->path, real));
	assert_int_equal(0, symlink(real, f->path));
	assert_int_equal(0, top_settings_save(f->path, &f->ui, &err));
	assert_int_equal(0, lstat(f->path, &st));
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(0, stat(real, &st));
	assert_true(st.st_size > 0);
}

static void a_file_of_another_user_stays_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct snp_err err = {0};
	struct stat st;

	if (geteuid() != 0)
		skip(); /* nobody else can give files away */
	write_text(f, "");
	assert_int_equal(0, chown(f->path, 65534, 65534));
	assert_int_equal(-EPERM, top_settings_save(f->path, &f->ui, &err));
	assert_int_equal(0, stat(f->path, &st));
	assert_int_equal(0, st.st_size);
}

static void a_directory_that_cannot_be_made_is_said(void **state)
{
	struct fixture *f = *state;
	struct snp_err err = {0};
	char path[160];

	write_text(f, "");
	(void)snprintf(path, sizeof(path), "%s/sub/top.yaml", f->path);
	assert_int_equal(-ENOTDIR, top_settings_save(path, &f->ui, &err));
	assert_non_null(strstr(err.msg, f->path));
}

static void path_follows_the_environment(void **state)
{
	static const struct {
		const char *config, *home, *want;
	} cases[] = {
	    {"/c", "/h", "/c/snakepit/top.yaml"},
	    {"", "/h", "/h/.config/snakepit/top.yaml"},
	    {"relative", "/h", "/h/.config/snakepit/top.yaml"},
	    {"", "", NULL},
	};
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(0, setenv("XDG_CONFIG_HOME", cases[i].config, 1));
		assert_int_equal(0, setenv("HOME", cases[i].home, 1));
		if (!cases[i].want) {
			assert_int_equal(-ENOENT, top_settings_path(path));
			continue;
		}
		assert_int_equal(0, top_settings_path(path));
		assert_string_equal(cases[i].want, path);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
	const struct CMUnitTest tests[] = {
	    T(no_file_changes_nothing),
	    T(what_is_saved_is_loaded),
	    T(defaults_survive_being_saved),
	    T(each_mistake_says_where_it_is),
	    T(empty_file_and_comments_are_fine),
	    T(a_link_is_written_through),
	    T(a_file_of_another_user_stays_as_it_is),
	    T(a_directory_that_cannot_be_made_is_said),
	    cmocka_unit_test(path_follows_the_environment),
	};

	return cmocka_run_group_tests_name("top/settings", tests, NULL, NULL);
}
