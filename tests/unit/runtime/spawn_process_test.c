/* SPDX-License-Identifier: Apache-2.0 */
/* What a started process is: its descriptors, signals, group and death, and what the
 * launcher says where it cannot become the interpreter. */
#include "spawn_world.h"

#include <sys/syscall.h>

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
	    T(spawn_child_has_the_fixed_descriptors_and_no_others),
	    T(spawn_pipes_lead_where_they_should),
	    T(spawn_result_is_close_on_exec_and_does_not_block),
	    T(spawn_child_has_default_signals_and_an_empty_mask),
	    T(spawn_child_leads_a_group_of_its_own),
	    T(spawn_child_dies_with_its_parent),
	    T(launch_statuses_tell_what_went_wrong),
	};

	return cmocka_run_group_tests_name("runtime/spawn_process", tests, NULL, NULL);
}
