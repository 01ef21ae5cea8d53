/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real children through snakepit-launch: what they are given, and what is left when
 * they cannot be started. The "interpreter" is a shell that runs a script of the
 * test's.
 */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "snakepit/time.h"
#include "worker/spawn.h"

#define OUT_BYTES 65536
#define FDS_SEEN  256
#define RUN_UUID  "12ab34cd-0000-4000-8000-000000000000"

static char dir[64], script[96], launcher[PATH_MAX];
static int lifeline[2];
static struct spawn_site site;
static struct snp_cfg_pool pool;
static struct spawn_request request;
static char out_text[OUT_BYTES];

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

/* ---- Fixture ------------------------------------------------------------- */

/* Beside the build this test was made by: <build>/bin, or what SNP_BUILD names. */
static void find_launcher(void)
{
	const char *build = getenv("SNP_BUILD");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	if (build)
		(void)snprintf(launcher, sizeof(launcher), "%s/bin/snakepit-launch",
			       build);
	else
		(void)snprintf(launcher, sizeof(launcher),
			       "%.3900s/../../../bin/snakepit-launch", dirname(self));
}

static void make_lifeline(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	lifeline[0] = fds[0];
	lifeline[1] = fds[1];
}

static int set_up(void **state)
{
	(void)state;
	find_launcher();
	snp_test_tmpdir_make(dir, sizeof(dir));
	(void)snprintf(script, sizeof(script), "%s/script", dir);
	make_lifeline();
	site = (struct spawn_site){.launcher = launcher,
				   .server = script,
				   .package_path = "/the/package",
				   .instance = "unit",
				   .run_id = "12ab34cd",
				   .run_uuid = RUN_UUID,
				   .host_address = "unix:/the/front",
				   .lifeline_fd = lifeline[0],
				   .log_level = LOG_LEVEL_WARNING};
	pool = (struct snp_cfg_pool){.name = (char *)(uintptr_t) "default",
				     .adapter = (char *)(uintptr_t) "demo.Adapter",
				     .python = (char *)(uintptr_t) "/bin/sh",
				     .threads_per_worker = 7};
	request = (struct spawn_request){.site = &site,
					 .pool = &pool,
					 .worker_id = "default/3#2",
					 .slot = 3,
					 .address = "unix:/the/worker",
					 .beat_fd = -1,
					 .stacks_fd = -1};
	return access(launcher, X_OK);
}

static int tear_down(void **state)
{
	(void)state;
	close(lifeline[0]);
	if (lifeline[1] >= 0)
		close(lifeline[1]);
	snp_test_tmpdir_remove(dir);
	return 0;
}

static void write_script(const char *text)
{
	FILE *f = fopen(script, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct spawn_result spawn(void)
{
	struct spawn_result child;
	struct snp_err err = {0};

	if (spawn_worker(&request, &child, &err) < 0)
		fail_msg("%s", err.msg);
	return child;
}

/* All that comes out of a pipe until its end. */
static const char *read_all(int fd)
{
	const snp_mono_t until = snp_mono_add_ms(snp_mono_now(), SNP_TEST_DEADLINE_MS);
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 || (n < 0 && errno == EAGAIN)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		assert_true(snp_mono_now().ns < until.ns);
		(void)poll(&p, 1, 1000);
		n = read(fd, out_text + len, sizeof(out_text) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
		assert_true(len < sizeof(out_text) - 1);
	}
	assert_int_equal(n, 0);
	out_text[len] = '\0';
	return out_text;
}

/* Wait for the end by the pidfd; the wait status as waitid tells it. */
static siginfo_t reap(const struct spawn_result *child)
{
	struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
	siginfo_t info = {0};

	assert_int_equal(poll(&p, 1, SNP_TEST_DEADLINE_MS), 1);
	assert_int_equal(waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_pid, child->pid);
	return info;
}

static void close_result(const struct spawn_result *child)
{
	close(child->pidfd);
	close(child->ready_fd);
	close(child->log_fd);
	close(child->stdout_fd);
	close(child->stderr_fd);
}

/* What the script wrote to stdout; it must end by itself with status 0. */
static const char *output_of(const char *text)
{
	struct spawn_result child;
	siginfo_t info;

	write_script(text);
	child = spawn();
	(void)read_all(child.stdout_fd);
	info = reap(&child);
	close_result(&child);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, 0);
	return out_text;
}

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
	request.beat_fd = memfd_create("beat", MFD_CLOEXEC);
	request.stacks_fd = memfd_create("stacks", MFD_CLOEXEC);
	out = output_of("echo \"$@\"; env; readlink /proc/$$/fd/6 /proc/$$/fd/7\n");
	assert_non_null(strstr(out, " --beat-fd 6 --stacks-fd 7 "));
	assert_has_line(out, "SNAKEPIT_BEAT_LIBRARY=/the/lib.so");
	assert_has_line(out, "/memfd:beat (deleted)");
	assert_has_line(out, "/memfd:stacks (deleted)");
	site.beat_library = "";
	out = output_of("env\n");
	assert_int_equal(lines_with(out, "SNAKEPIT_BEAT_LIBRARY="), 0);
	(void)unsetenv("SNAKEPIT_BEAT_LIBRARY");
	close(request.beat_fd);
	close(request.stacks_fd);
}

/* ---- Process ------------------------------------------------------------- */

/* "number what" for each descriptor of a process, in their order. */
static void describe_fds(pid_t pid, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int fd = 0; fd < FDS_SEEN; fd++) {
		char path[64], target[PATH_MAX];
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		target[strcspn(target, ":")] = '\0';
		len +=
		    (size_t)snprintf(text + len, size - len, "%d %.64s\n", fd, target);
		assert_true(len < size);
	}
}

static void spawn_child_has_the_fixed_descriptors_and_no_others(void **state)
{
	struct spawn_result child;
	siginfo_t info;
	char seen[1024];
	int extra[20]; /* also without close-on-exec, as a library may leave them */

	(void)state;
	/* the shell's own descriptor of the script does not survive its exec */
	write_script("exec sh -c 'kill -STOP $$'\n");
	for (int i = 0; i < 20; i++)
		extra[i] = open("/dev/null", O_RDONLY);
	child = spawn();
	for (int i = 0; i < 20; i++)
		close(extra[i]);
	assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WSTOPPED | WEXITED), 0);
	assert_int_equal(info.si_code, CLD_STOPPED);
	describe_fds(child.pid, seen, sizeof(seen));
	assert_int_equal(kill(child.pid, SIGKILL), 0);
	(void)reap(&child);
	close_result(&child);
	assert_string_equal(seen,
			    "0 /dev/null\n1 pipe\n2 pipe\n3 pipe\n4 pipe\n5 pipe\n");
}

static void spawn_pipes_lead_where_they_should(void **state)
{
	struct spawn_result child;

	(void)state;
	write_script(
	    "echo to-ready >&3; echo to-log >&5; echo to-out; echo to-err >&2\n"
	    "cat <&4; exit 3\n");
	child = spawn();
	/* the child waits for the end of its lifeline */
	close(lifeline[1]);
	lifeline[1] = -1;
	assert_string_equal(read_all(child.ready_fd), "to-ready\n");
	assert_string_equal(read_all(child.log_fd), "to-log\n");
	assert_string_equal(read_all(child.stdout_fd), "to-out\n");
	assert_string_equal(read_all(child.stderr_fd), "to-err\n");
	assert_int_equal(reap(&child).si_status, 3);
	close_result(&child);
}

static void spawn_result_is_close_on_exec_and_does_not_block(void **state)
{
	struct spawn_result child;
	int fds[4];

	(void)state;
	write_script("exit 0\n");
	child = spawn();
	fds[0] = child.ready_fd;
	fds[1] = child.log_fd;
	fds[2] = child.stdout_fd;
	fds[3] = child.stderr_fd;
	for (int i = 0; i < 4; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
	}
	assert_true(fcntl(child.pidfd, F_GETFD) & FD_CLOEXEC);
	(void)reap(&child);
	close_result(&child);
}

/* Signals of a mask in /proc/<pid>/status, without the two that belong to libc. */
static unsigned long long status_signals(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 16) & ~(3ULL << 31);
}

static void spawn_child_has_default_signals_and_an_empty_mask(void **state)
{
	sigset_t all, before;
	const char *status;

	(void)state;
	sigfillset(&all);
	assert_int_equal(sigprocmask(SIG_BLOCK, &all, &before), 0);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	/* cat inherits what the shell was given and did not change */
	status = output_of("exec cat /proc/self/status\n");
	(void)signal(SIGUSR1, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(status_signals(status, "\nSigBlk:\t"), 0);
	assert_int_equal(status_signals(status, "\nSigIgn:\t"), 0);
	assert_int_equal(status_signals(status, "\nSigCgt:\t"), 0);
}

static void spawn_child_leads_a_group_of_its_own(void **state)
{
	struct spawn_result child;

	(void)state;
	write_script("cat <&4\n");
	child = spawn();
	assert_int_equal(getpgid(child.pid), child.pid);
	assert_int_equal(kill(-child.pid, SIGKILL), 0);
	assert_int_equal(reap(&child).si_status, SIGKILL);
	close_result(&child);
}

/* The thread that spawns ends: the kernel kills the child, although it ignores the
 * lifeline and SIGTERM. */
static void spawn_child_dies_with_its_parent(void **state)
{
	struct pollfd p = {.events = POLLIN};
	pid_t parent, child = 0;
	int fds[2];

	(void)state;
	write_script("trap '' TERM HUP; while :; do sleep 1000; done\n");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		struct spawn_result r;

		if (spawn_worker(&request, &r, NULL) == 0 &&
		    write(fds[1], &r.pid, sizeof(r.pid)) == sizeof(r.pid))
			pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &child, sizeof(child)), sizeof(child));
	p.fd = (int)syscall(SYS_pidfd_open, child, 0);
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_int_equal(poll(&p, 1, SNP_TEST_DEADLINE_MS), 1);
	close(p.fd);
	close(fds[0]);
	close(fds[1]);
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

/* ---- The launcher by itself ---------------------------------------------- */

static int launch(const char *parent, const char *program)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, STDERR_FILENO);
		execl(launcher, "snakepit-launch", parent, program, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void launch_statuses_tell_what_went_wrong(void **state)
{
	char parent[16];

	(void)state;
	(void)snprintf(parent, sizeof(parent), "%d", getpid());
	assert_int_equal(launch(parent, "true"), 0);
	assert_int_equal(launch(parent, "/nowhere/program"), 127);
	assert_int_equal(launch("1", "true"), getpid() == 1 ? 0 : 126);
	assert_int_equal(launch(parent, NULL), 125);
	assert_int_equal(launch("", "true"), 125);
	assert_int_equal(launch("12x", "true"), 125);
	assert_int_equal(launch("99999999999999999999", "true"), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(spawn_gives_the_arguments_of_the_contract),
	    T(spawn_thread_profile_has_its_threads_as_workers),
	    T(spawn_script_of_the_pool_is_used),
	    T(spawn_environment_has_what_workers_need),
	    T(spawn_environment_of_the_runtime_and_the_pool_win),
	    T(spawn_environment_carries_the_run_whatever_else_it_has),
	    T(spawn_environment_has_no_name_twice),
	    T(spawn_beat_page_comes_with_its_arguments_and_library),
	    T(spawn_child_has_the_fixed_descriptors_and_no_others),
	    T(spawn_pipes_lead_where_they_should),
	    T(spawn_result_is_close_on_exec_and_does_not_block),
	    T(spawn_child_has_default_signals_and_an_empty_mask),
	    T(spawn_child_leads_a_group_of_its_own),
	    T(spawn_child_dies_with_its_parent),
	    T(spawn_missing_interpreter_says_what_to_set),
	    T(spawn_missing_launcher_fails_and_leaves_nothing),
	    T(spawn_with_too_few_descriptors_fails_and_leaves_nothing),
	    T(spawn_without_a_process_names_the_limit),
	    T(python_is_the_pools_then_the_environments_then_the_venvs),
	    T(launch_statuses_tell_what_went_wrong),
	};

	return cmocka_run_group_tests_name("runtime/spawn", tests, NULL, NULL);
}
