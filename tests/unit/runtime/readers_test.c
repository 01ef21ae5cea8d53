/* SPDX-License-Identifier: Apache-2.0 */
/* Readers as processes: scripts in the place of the programs, and a clock of our own.
 */
#include "programs.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "snakepit/read.h"
#include "worker/readers.h"

static char dir[64], launcher[PATH_MAX];
static struct snp_writer *writer;
static struct snp_bank bank;
static struct watcher watcher;
static struct readers readers;
static struct snp_cfg_readers cfg;

static void write_program_of(const char *reader, const char *text)
{
	char path[128];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/snakepit-%s", dir, reader);
	out = fopen(path, "w");
	assert_non_null(out);
	(void)fprintf(out, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

static void write_program(const char *text)
{
	write_program_of("prometheus", text);
}

static int set_up(void **state)
{
	const struct snp_writer_options options = {.dir = dir,
						   .instance = "unit",
						   .pools_max = 1,
						   .workers_max = 1,
						   .tools_max = 1,
						   .banks_max = 1,
						   .flags = SNP_WRITER_ALLOW_DISK};

	(void)state;
	find_program("snakepit-launch", launcher);
	snp_test_tmpdir_make(dir, sizeof(dir));
	assert_int_equal(snp_writer_create(&options, &writer, NULL), 0);
	assert_int_equal(snp_bank_adopt(writer, &bank), 0);
	assert_int_equal(watcher_init(&watcher, NULL), 0);
	readers_init(&readers, &(struct readers_options){.watcher = &watcher,
							 .bank = &bank,
							 .launcher = launcher,
							 .programs = dir,
							 .segment = "/the/segment"});
	cfg = (struct snp_cfg_readers){
	    .prometheus = {.enabled = true, .listen = (char *)"127.0.0.1:1"}};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	readers_fini(&readers);
	watcher_fini(&watcher);
	snp_bank_release(writer, &bank);
	snp_writer_remove(&writer);
	snp_test_tmpdir_remove(dir);
	return 0;
}

static struct reader *prometheus(void)
{
	return &readers.reader[READER_PROMETHEUS];
}

/* Turn until `done`, for at most five seconds. */
static void turn_until(bool (*done)(void))
{
	snp_mono_t end = snp_mono_add_ms(snp_mono_now(), 5000);

	while (!done()) {
		assert_true(snp_mono_now().ns < end.ns);
		watcher_turn(&watcher, snp_mono_add_ms(snp_mono_now(), 10));
	}
}

static bool is_gone(void)
{
	return prometheus()->pid == 0;
}

static bool file_is_there(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/up", dir);
	return access(path, F_OK) == 0;
}

static void one_that_dies_is_started_after_a_growing_wait(void **state)
{
	static const uint64_t waits_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
	snp_mono_t now;

	(void)state;
	write_program("exit 3");
	readers_apply(&readers, &cfg);
	now = snp_mono_now();
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		uint64_t wait_ns;

		(void)readers_turn(&readers, now);
		assert_true(prometheus()->pid > 0);
		turn_until(is_gone);
		wait_ns = snp_mono_since_ns(prometheus()->due, snp_mono_now());
		assert_in_range(wait_ns, (waits_s[i] - 1) * SNP_NS_PER_S,
				waits_s[i] * SNP_NS_PER_S);
		/* Not before its time. */
		(void)readers_turn(&readers, snp_mono_now());
		assert_int_equal(prometheus()->pid, 0);
		now = prometheus()->due;
		assert_int_equal(readers_turn(&readers, snp_mono_now()).ns, now.ns);
	}
}

static void one_that_is_no_longer_wanted_is_killed_if_it_will_not_leave(void **state)
{
	static const struct snp_cfg_readers none;
	char script[256];
	snp_mono_t due;

	(void)state;
	(void)snprintf(script, sizeof(script),
		       "trap '' TERM\n: >%s/up\nwhile :; do sleep 1; done", dir);
	write_program(script);
	readers_apply(&readers, &cfg);
	(void)readers_turn(&readers, snp_mono_now());
	turn_until(file_is_there);
	readers_apply(&readers, &none);
	due = readers_turn(&readers, snp_mono_now());
	assert_true(due.ns > snp_mono_now().ns);
	watcher_turn(&watcher, snp_mono_add_ms(snp_mono_now(), 50));
	assert_true(prometheus()->pid > 0);
	(void)readers_turn(&readers, due);
	turn_until(is_gone);
	assert_int_equal(readers_turn(&readers, snp_mono_now()).ns, UINT64_MAX);
}

static void one_that_shall_run_otherwise_is_started_anew_at_once(void **state)
{
	pid_t first;

	(void)state;
	write_program("exec sleep 60");
	readers_apply(&readers, &cfg);
	(void)readers_turn(&readers, snp_mono_now());
	first = prometheus()->pid;
	assert_true(first > 0);
	readers_apply(&readers, &cfg); /* nothing new */
	assert_false(prometheus()->ending);
	cfg.prometheus.listen = (char *)"127.0.0.1:2";
	readers_apply(&readers, &cfg);
	turn_until(is_gone);
	(void)readers_turn(&readers, snp_mono_now());
	assert_true(prometheus()->pid > 0);
	assert_string_equal(prometheus()->running.text[0],
			    "--web.listen-address=127.0.0.1:2");
	assert_int_equal(prometheus()->failures, 0);
}

static void one_is_given_all_its_arguments(void **state)
{
	char text[256], line[256] = "";
	FILE *in;

	(void)state;
	/* Whole at once: the test looks as soon as it is there. */
	(void)snprintf(text, sizeof(text),
		       "echo \"$*\" >%s/new\nmv %s/new %s/up\nexec sleep 60", dir, dir,
		       dir);
	write_program_of("statsd", text);
	cfg.prometheus.enabled = false;
	cfg.statsd = (struct snp_cfg_statsd){.enabled = true,
					     .address = (char *)"unix:/run/dsd.socket",
					     .tags = SNP_CFG_STATSD_TAGS_INFLUX};
	readers_apply(&readers, &cfg);
	(void)readers_turn(&readers, snp_mono_now());
	turn_until(file_is_there);
	(void)snprintf(text, sizeof(text), "%s/up", dir);
	in = fopen(text, "r");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	(void)fclose(in);
	assert_string_equal(line, "-n /the/segment "
				  "--statsd.address=unix:/run/dsd.socket "
				  "--statsd.tags=influx\n");
	assert_false(readers.reader[READER_STATSD].ending);
	cfg.statsd.tags = SNP_CFG_STATSD_TAGS_NONE;
	readers_apply(&readers, &cfg);
	assert_true(readers.reader[READER_STATSD].ending);
	assert_int_equal(prometheus()->pid, 0);
}

static void put_variable(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

/* OpenTelemetry's variables come before the configuration, but not where they are
 * empty. */
static void otlp_is_given_what_the_environment_does_not_say(void **state)
{
	char text[512], line[256] = "";
	FILE *in;

	(void)state;
	(void)snprintf(text, sizeof(text),
		       "echo $OTEL_EXPORTER_OTLP_ENDPOINT $OTEL_TRACES_EXPORTER "
		       "$OTEL_LOGS_EXPORTER >%s/new\nmv %s/new %s/up\nexec sleep 60",
		       dir, dir, dir);
	write_program_of("otlp", text);
	put_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "");
	put_variable("OTEL_TRACES_EXPORTER", "none");
	(void)unsetenv("OTEL_LOGS_EXPORTER");
	cfg.prometheus.enabled = false;
	cfg.otlp = (struct snp_cfg_otlp){.enabled = true,
					 .endpoint = (char *)"http://collector:4318",
					 .exporter = SNP_CFG_OTLP_EXPORTER_CONSOLE};
	readers_apply(&readers, &cfg);
	(void)readers_turn(&readers, snp_mono_now());
	turn_until(file_is_there);
	(void)unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
	(void)unsetenv("OTEL_TRACES_EXPORTER");
	(void)snprintf(text, sizeof(text), "%s/up", dir);
	in = fopen(text, "r");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	(void)fclose(in);
	assert_string_equal(line, "http://collector:4318 none console\n");
}

static void without_a_file_to_read_none_is_started(void **state)
{
	(void)state;
	readers.options.segment = "";
	readers_apply(&readers, &cfg);
	assert_int_equal(readers_turn(&readers, snp_mono_now()).ns, UINT64_MAX);
	assert_int_equal(prometheus()->pid, 0);
}

/* As a program around the runtime may do, which waits for any child. */
static void one_whose_status_somebody_else_took_is_started_again(void **state)
{
	pid_t pid;

	(void)state;
	write_program("exit 3");
	readers_apply(&readers, &cfg);
	(void)readers_turn(&readers, snp_mono_now());
	pid = prometheus()->pid;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	turn_until(is_gone);
	assert_true(prometheus()->due.ns > 0);
}

static void fini_leaves_no_process(void **state)
{
	pid_t pid;

	(void)state;
	write_program("trap '' TERM\nwhile :; do sleep 1; done");
	readers_apply(&readers, &cfg);
	(void)readers_turn(&readers, snp_mono_now());
	pid = prometheus()->pid;
	assert_false(readers_gone(&readers));
	readers_fini(&readers);
	assert_int_equal(kill(pid, 0), -1);
	assert_true(readers_gone(&readers));
	assert_int_equal(prometheus()->pid, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(one_that_dies_is_started_after_a_growing_wait),
	    TEST(one_that_is_no_longer_wanted_is_killed_if_it_will_not_leave),
	    TEST(one_that_shall_run_otherwise_is_started_anew_at_once),
	    TEST(one_is_given_all_its_arguments),
	    TEST(otlp_is_given_what_the_environment_does_not_say),
	    TEST(without_a_file_to_read_none_is_started),
	    TEST(one_whose_status_somebody_else_took_is_started_again),
	    TEST(fini_leaves_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
