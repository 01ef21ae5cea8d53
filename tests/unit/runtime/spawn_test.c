/* SPDX-License-Identifier: Apache-2.0 */
/* What workers are started with, what happens where they cannot be started, and which
 * interpreter is taken. */
#include "spawn_world.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- A machine without room ---------------------------------------------- */

static int posix_spawn_fails_with;

int __real_posix_spawn(pid_t *pid, const char *path,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[],
		       char *const env[]);
int __wrap_posix_spawn(pid_t *pid, const char *path,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[],
		       char *const env[]);

int __wrap_posix_spawn(pid_t *pid, const char *path,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[],
		       char *const env[])
{
	if (posix_spawn_fails_with)
		return posix_spawn_fails_with;
	return __real_posix_spawn(pid, path, actions, attr, argv, env);
}

/* ---- Lines ---------------------------------------------------------------- */

static void assert_has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; (p = strstr(p, line)); p++)
		if ((p == text || p[-1] == '\n') && (p[len] == '\n' || !p[len]))
			return;
	fail_msg("no line '%s' in:\n%s", line, text);
}

static unsigned lines_with(const char *text, const char *start)
{
	size_t len = strlen(start);
	unsigned n = 0;

	for (; text && *text; text = strchr(text, '\n')) {
		text += *text == '\n';
		n += strncmp(text, start, len) == 0;
	}
	return n;
}

/* ---- Command line and environment ---------------------------------------- */

static void spawn_gives_the_arguments_of_the_contract(void **state)
{
	char expected[512];

	(void)state;
	(void)snprintf(expected, sizeof(expected),
		       "%s\n--adapter\ndemo.Adapter\n--address\nunix:/the/worker\n"
		       "--pool\ndefault\n--slot\n3\n--worker-id\ndefault/3#2\n"
		       "--snakepit-run-id\n12ab34cd\n--snakepit-instance-name\nunit\n"
		       "--host-address\nunix:/the/front\n--ready-fd\n3\n"
		       "--lifeline-fd\n4\n--log-fd\n5\n--max-workers\n1\n",
		       script);
	assert_string_equal(output_of("echo \"$0\"\nfor a; do echo \"$a\"; done\n"),
			    expected);
}

static void spawn_thread_profile_has_its_threads_as_workers(void **state)
{
	(void)state;
	pool.profile = SNP_CFG_PROFILE_THREAD;
	assert_non_null(
	    strstr(output_of("echo \"$@\"\n"), "--log-fd 5 --max-workers 7\n"));
}

static void spawn_says_how_long_a_stop_may_take(void **state)
{
	const struct snp_config cfg = {.shutdown.stop_timeout_ms = 1500};

	(void)state;
	site.cfg = &cfg;
	assert_non_null(strstr(output_of("echo \"$@\"\n"),
			       " --max-workers 1 --stop-timeout-ms 1500\n"));
}

static void spawn_script_of_the_pool_is_used(void **state)
{
	(void)state;
	site.server = "/nowhere";
	pool.script = script;
	(void)output_of("exit 0\n");
}

static void spawn_environment_has_what_workers_need(void **state)
{
	static char *paths[] = {(char *)(uintptr_t) "/pool/a",
				(char *)(uintptr_t) "/pool/b"};
	const char *env;

	(void)state;
	pool.pythonpath = paths;
	pool.pythonpath_count = 2;
	assert_int_equal(setenv("PYTHONPATH", "/inherited", 1), 0);
	assert_int_equal(setenv("SNP_TEST_INHERITED", "a b", 1), 0);
	assert_int_equal(unsetenv("MKL_NUM_THREADS"), 0);
	env = output_of("env\n");
	assert_has_line(env, "PYTHONPATH=/the/package:/pool/a:/pool/b:/inherited");
	assert_has_line(env, "PYTHONUNBUFFERED=1");
	assert_has_line(env, "SNAKEPIT_LOG_LEVEL=warning");
	assert_has_line(env, "OMP_NUM_THREADS=1");
	assert_has_line(env, "OPENBLAS_NUM_THREADS=1");
	assert_has_line(env, "MKL_NUM_THREADS=1");
	assert_has_line(env, "NUMEXPR_NUM_THREADS=1");
	assert_has_line(env, "SNP_TEST_INHERITED=a b");
}

static void spawn_environment_of_the_runtime_and_the_pool_win(void **state)
{
	static char *pool_env[] = {(char *)(uintptr_t) "OMP_NUM_THREADS=8",
				   (char *)(uintptr_t) "SNP_TEST_BOTH=pool",
				   (char *)(uintptr_t) "EMPTY="};
	const char *env;

	(void)state;
	pool.env = pool_env;
	pool.env_count = 3;
	assert_int_equal(setenv("SNP_TEST_BOTH", "runtime", 1), 0);
	assert_int_equal(setenv("MKL_NUM_THREADS", "4", 1), 0);
	env = output_of("env\n");
	(void)unsetenv("MKL_NUM_THREADS");
	assert_has_line(env, "OMP_NUM_THREADS=8");
	assert_has_line(env, "MKL_NUM_THREADS=4");
	assert_has_line(env, "SNP_TEST_BOTH=pool");
	assert_has_line(env, "EMPTY=");
}

/* Neither the runtime's own environment nor the pool's can take the mark away. */
static void spawn_environment_carries_the_run_whatever_else_it_has(void **state)
{
	static char *pool_env[] = {(char *)(uintptr_t) "SNAKEPIT_RUN_ID=of-the-pool"};
	const char *env;

	(void)state;
	pool.env = pool_env;
	pool.env_count = 1;
	assert_int_equal(setenv("SNAKEPIT_RUN_ID", "of-another", 1), 0);
	env = output_of("tr '\\0' '\\n' </proc/$$/environ\n");
	(void)unsetenv("SNAKEPIT_RUN_ID");
	assert_has_line(env, "SNAKEPIT_RUN_ID=" RUN_UUID);
	assert_int_equal(lines_with(env, "SNAKEPIT_RUN_ID="), 1);
}

static struct snp_config with_otel(void)
{
	struct snp_config cfg = {.instance = NULL};

	cfg.telemetry.python.otel = true;
	cfg.readers.otlp.endpoint = (char *)(uintptr_t) "http://collector:4318";
	cfg.readers.otlp.protocol = SNP_CFG_OTLP_PROTOCOL_HTTP_PROTOBUF;
	return cfg;
}

static void spawn_environment_says_all_the_sdk_needs(void **state)
{
	const struct snp_config cfg = with_otel();
	const char *env;

	(void)state;
	site.cfg = &cfg;
	request.number = 10;
	env = output_of("env\n");
	assert_has_line(env, "SNAKEPIT_OTEL=1");
	assert_has_line(env, "OTEL_SERVICE_NAME=snakepit-worker");
	assert_has_line(env, "OTEL_RESOURCE_ATTRIBUTES="
			     "service.instance.id="
			     "12ab34cd-0000-8000-8000-00000000000a"
			     ","
			     "snakepit.runtime.instance.id=" RUN_UUID ","
			     "snakepit.pool.name=default,snakepit.worker.slot=3,"
			     "snakepit.worker.id=default/3#2");
	assert_has_line(env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318");
	assert_has_line(env, "OTEL_TRACES_SAMPLER=parentbased_always_on");
	assert_has_line(env, "OTEL_METRICS_EXPORTER=none");
	assert_has_line(env, "OTEL_LOGS_EXPORTER=none");
	assert_has_line(env, "OTEL_BSP_SCHEDULE_DELAY=1000");
}

static void spawn_environment_of_the_sdk_that_is_set_stays(void **state)
{
	const struct snp_config cfg = with_otel();
	const char *env;

	(void)state;
	site.cfg = &cfg;
	assert_int_equal(setenv("OTEL_SERVICE_NAME", "mine", 1), 0);
	assert_int_equal(setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b", 1), 0);
	assert_int_equal(setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t", 1),
			 0);
	assert_int_equal(setenv("OTEL_BSP_SCHEDULE_DELAY", "7", 1), 0);
	env = output_of("env\n");
	(void)unsetenv("OTEL_SERVICE_NAME");
	(void)unsetenv("OTEL_RESOURCE_ATTRIBUTES");
	(void)unsetenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
	(void)unsetenv("OTEL_BSP_SCHEDULE_DELAY");
	assert_has_line(env, "OTEL_SERVICE_NAME=mine");
	assert_non_null(
	    strstr(env, "OTEL_RESOURCE_ATTRIBUTES=a=b,service.instance.id="));
	assert_int_equal(lines_with(env, "OTEL_RESOURCE_ATTRIBUTES="), 1);
	assert_int_equal(lines_with(env, "OTEL_EXPORTER_OTLP_ENDPOINT="), 0);
	assert_has_line(env, "OTEL_BSP_SCHEDULE_DELAY=7");
}

static void spawn_environment_has_no_sdk_unless_asked(void **state)
{
	struct snp_config cfg = with_otel();
	const char *env;

	(void)state;
	cfg.telemetry.python.otel = false;
	site.cfg = &cfg;
	assert_int_equal(setenv("SNAKEPIT_OTEL", "1", 1), 0); /* another runtime's */
	env = output_of("env\n");
	(void)unsetenv("SNAKEPIT_OTEL");
	assert_int_equal(lines_with(env, "SNAKEPIT_OTEL="), 0);
	assert_int_equal(lines_with(env, "OTEL_"), 0);
}

/* An existing server has a package, and perhaps spans, of its own. */
static void spawn_environment_of_a_legacy_worker_has_no_sdk(void **state)
{
	const struct snp_config cfg = with_otel();
	char ready[128];

	(void)state;
	(void)snprintf(ready, sizeof(ready), "%s/ready", dir);
	site.cfg = &cfg;
	pool.bridge = SNP_CFG_BRIDGE_LEGACY;
	request.ready_file = ready;
	request.legacy_host = "127.0.0.1:1";
	assert_int_equal(lines_with(output_of("env\n"), "OTEL_"), 0);
}

/* /proc shows the block as it was given, before a shell tidies it up. */
static void spawn_environment_has_no_name_twice(void **state)
{
	const char *env;

	(void)state;
	assert_int_equal(setenv("SNAKEPIT_LOG_LEVEL", "debug", 1), 0);
	assert_int_equal(setenv("PYTHONUNBUFFERED", "x", 1), 0);
	env = output_of("tr '\\0' '\\n' </proc/$$/environ\n");
	(void)unsetenv("SNAKEPIT_LOG_LEVEL");
	(void)unsetenv("PYTHONUNBUFFERED");
	assert_int_equal(lines_with(env, "SNAKEPIT_LOG_LEVEL="), 1);
	assert_int_equal(lines_with(env, "PYTHONUNBUFFERED="), 1);
	assert_int_equal(lines_with(env, "PYTHONPATH="), 1);
	assert_has_line(env, "SNAKEPIT_LOG_LEVEL=warning");
}

static void spawn_beat_page_comes_with_its_arguments_and_library(void **state)
{
	const char *out;

	(void)state;
	assert_int_equal(setenv("SNAKEPIT_BEAT_LIBRARY", "/of/another", 1), 0);
	site.beat_library = "/the/lib.so";
	out = output_of("echo \"$@\"; env\n");
	assert_int_equal(lines_with(out, "SNAKEPIT_BEAT_LIBRARY="), 0);
	assert_null(strstr(out, "--beat-fd"));
	assert_null(strstr(out, "--stacks-fd"));
	assert_null(strstr(out, "--metrics-fd"));
	request.beat_fd = memfd_create("beat", MFD_CLOEXEC);
	request.stacks_fd = memfd_create("stacks", MFD_CLOEXEC);
	request.metrics_fd = memfd_create("metrics", MFD_CLOEXEC);
	out = output_of("echo \"$@\"; env; cd /proc/$$/fd; readlink 6 7 8\n");
	assert_non_null(strstr(out, " --beat-fd 6 --stacks-fd 7 --metrics-fd 8 "));
	assert_has_line(out, "SNAKEPIT_BEAT_LIBRARY=/the/lib.so");
	assert_has_line(out, "/memfd:beat (deleted)");
	assert_has_line(out, "/memfd:stacks (deleted)");
	assert_has_line(out, "/memfd:metrics (deleted)");
	site.beat_library = "";
	out = output_of("env\n");
	assert_int_equal(lines_with(out, "SNAKEPIT_BEAT_LIBRARY="), 0);
	(void)unsetenv("SNAKEPIT_BEAT_LIBRARY");
	close(request.beat_fd);
	close(request.stacks_fd);
	close(request.metrics_fd);
}

/* ---- What cannot be started ---------------------------------------------- */

static void spawn_missing_interpreter_says_what_to_set(void **state)
{
	struct spawn_result child;
	siginfo_t info;

	(void)state;
	pool.python = (char *)(uintptr_t) "/nowhere/python3";
	child = spawn();
	(void)read_all(child.stderr_fd);
	info = reap(&child);
	close_result(&child);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, 127);
	assert_non_null(strstr(out_text, "cannot run '/nowhere/python3'"));
	assert_non_null(strstr(out_text, "SNAKEPIT_PYTHON"));
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < FDS_SEEN; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void spawn_missing_launcher_fails_and_leaves_nothing(void **state)
{
	unsigned before = open_fds();
	struct spawn_result child = {.pid = 77};
	struct snp_err err = {0};

	(void)state;
	site.launcher = "/nowhere/launch";
	assert_int_equal(spawn_worker(&request, &child, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "cannot start /nowhere/launch"));
	assert_non_null(strstr(err.msg, "default/3#2"));
	assert_int_equal(child.pid, 77);
	assert_int_equal(open_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Room for no descriptor, for one, for two ... until there is enough. */
static void spawn_with_too_few_descriptors_fails_and_leaves_nothing(void **state)
{
	struct spawn_result child = {.pidfd = -1};
	struct rlimit before, limit;
	unsigned failures = 0, fds = open_fds();
	int rc = -EMFILE;

	(void)state;
	write_script("exit 0\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	for (limit.rlim_cur = 6; rc < 0; limit.rlim_cur++) {
		struct snp_err err = {0};

		assert_true(limit.rlim_cur < FDS_SEEN);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		rc = spawn_worker(&request, &child, &err);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (rc == 0)
			break;
		failures++;
		assert_true(rc == -EMFILE || rc == -EINVAL);
		assert_true(strlen(err.msg) > 0);
		assert_int_equal(open_fds(), fds);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child */
	}
	assert_true(failures >= 8);
	(void)reap(&child);
	close_result(&child);
	assert_int_equal(open_fds(), fds);
}

/* No process to be had: the limit is named, and nothing stays open. */
static void spawn_without_a_process_names_the_limit(void **state)
{
	struct spawn_result child = {.pid = 77};
	unsigned before = open_fds();
	struct snp_err err = {0};

	(void)state;
	posix_spawn_fails_with = EAGAIN;
	assert_int_equal(spawn_worker(&request, &child, &err), -EAGAIN);
	posix_spawn_fails_with = 0;
	assert_non_null(strstr(err.msg, "default/3#2"));
	assert_non_null(strstr(err.msg, "the limit of processes is reached"));
	assert_int_equal(child.pid, 77);
	assert_int_equal(open_fds(), before);
}

/* ---- Which interpreter --------------------------------------------------- */

static void python_is_the_pools_then_the_environments_then_the_venvs(void **state)
{
	static char venv[160];
	FILE *f;

	(void)state;
	assert_int_equal(chdir(dir), 0);
	(void)unsetenv("SNAKEPIT_PYTHON");
	pool.python = NULL;
	assert_string_equal(spawn_python(&site, &pool), "python3");
	(void)snprintf(venv, sizeof(venv), "%s/python3", dir);
	site.venv_python = venv;
	assert_string_equal(spawn_python(&site, &pool), "python3"); /* not there */
	f = fopen(venv, "we");
	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0700), 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(spawn_python(&site, &pool), venv);
	assert_int_equal(mkdir(".venv", 0700), 0);
	assert_int_equal(mkdir(".venv/bin", 0700), 0);
	assert_int_equal(rename("python3", ".venv/bin/python3"), 0);
	assert_string_equal(spawn_python(&site, &pool), ".venv/bin/python3");
	assert_int_equal(setenv("SNAKEPIT_PYTHON", "/env/python", 1), 0);
	assert_string_equal(spawn_python(&site, &pool), "/env/python");
	pool.python = (char *)(uintptr_t) "/pool/python";
	assert_string_equal(spawn_python(&site, &pool), "/pool/python");
	pool.python = NULL;
	assert_int_equal(setenv("SNAKEPIT_PYTHON", "", 1), 0);
	assert_string_equal(spawn_python(&site, &pool), ".venv/bin/python3");
	(void)unsetenv("SNAKEPIT_PYTHON");
	assert_int_equal(chdir("/"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(spawn_gives_the_arguments_of_the_contract),
	    T(spawn_thread_profile_has_its_threads_as_workers),
	    T(spawn_says_how_long_a_stop_may_take),
	    T(spawn_script_of_the_pool_is_used),
	    T(spawn_environment_has_what_workers_need),
	    T(spawn_environment_of_the_runtime_and_the_pool_win),
	    T(spawn_environment_carries_the_run_whatever_else_it_has),
	    T(spawn_environment_says_all_the_sdk_needs),
	    T(spawn_environment_of_the_sdk_that_is_set_stays),
	    T(spawn_environment_has_no_sdk_unless_asked),
	    T(spawn_environment_of_a_legacy_worker_has_no_sdk),
	    T(spawn_environment_has_no_name_twice),
	    T(spawn_beat_page_comes_with_its_arguments_and_library),
	    T(spawn_missing_interpreter_says_what_to_set),
	    T(spawn_missing_launcher_fails_and_leaves_nothing),
	    T(spawn_with_too_few_descriptors_fails_and_leaves_nothing),
	    T(spawn_without_a_process_names_the_limit),
	    T(python_is_the_pools_then_the_environments_then_the_venvs),
	};

	return cmocka_run_group_tests_name("runtime/spawn", tests, NULL, NULL);
}
