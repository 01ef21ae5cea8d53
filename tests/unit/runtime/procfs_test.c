/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "snakepit/time.h"
#include "worker/procfs.h"

#define GROWTH_BYTES (UINT64_C(64) << 20)

static void sample_self_has_memory(void **state)
{
	struct procfs_sample before, after;
	char *memory;

	(void)state;
	assert_int_equal(procfs_sample(getpid(), &before), 0);
	assert_true(before.rss_bytes > 0);
	assert_int_equal(before.rss_bytes % (uint64_t)sysconf(_SC_PAGESIZE), 0);
	memory = mmap(NULL, GROWTH_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 1, GROWTH_BYTES);
	assert_int_equal(procfs_sample(getpid(), &after), 0);
	munmap(memory, GROWTH_BYTES);
	assert_true(after.rss_bytes > before.rss_bytes + GROWTH_BYTES / 2);
}

static void runs_self_is_its_own_program_and_no_other(void **state)
{
	(void)state;
	assert_true(procfs_runs(getpid(), "/proc/self/exe"));
	assert_false(procfs_runs(getpid(), "/bin/sh"));
	assert_false(procfs_runs(getpid(), "/nowhere"));
}

static void runs_process_that_is_gone_is_false(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(procfs_runs(pid, "/proc/self/exe"));
}

static uint64_t cpu_now_ns(void)
{
	return snp__clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* The kernel counts in ticks, so both clocks are compared with a tick of slack. */
static void sample_self_has_the_cpu_time_of_the_process(void **state)
{
	const uint64_t tick_ns = SNP_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	const uint64_t until = cpu_now_ns() + 20 * tick_ns;
	struct procfs_sample sample;
	uint64_t cpu_ns;

	(void)state;
	while (cpu_now_ns() < until)
		;
	cpu_ns = cpu_now_ns();
	assert_int_equal(procfs_sample(getpid(), &sample), 0);
	assert_in_range(sample.cpu_ns, cpu_ns - 3 * tick_ns,
			cpu_now_ns() + 3 * tick_ns);
}

static void sample_command_with_parentheses_and_spaces_is_read_right(void **state)
{
	static const char evil[] = ") R 1 2 (3) 4";
	struct procfs_sample plain, sample;
	char name[16] = "";

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(procfs_sample(getpid(), &plain), 0);
	assert_int_equal(prctl(PR_SET_NAME, evil), 0);
	assert_int_equal(procfs_sample(getpid(), &sample), 0);
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
	assert_true(sample.cpu_ns >= plain.cpu_ns);
	assert_in_range(sample.rss_bytes, plain.rss_bytes / 2, plain.rss_bytes * 2);
}

static void sample_gone_process_returns_esrch(void **state)
{
	struct procfs_sample sample = {.cpu_ns = 5, .rss_bytes = 6};
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(procfs_sample(pid, &sample), -ESRCH);
	assert_int_equal(sample.cpu_ns, 5);
	assert_int_equal(sample.rss_bytes, 6);
}

static void sample_ended_but_unreaped_process_has_no_memory(void **state)
{
	struct procfs_sample sample;
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(procfs_sample(pid, &sample), 0);
	assert_int_equal(sample.rss_bytes, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- state ---------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

static void *spin(void *arg)
{
	(void)arg;
	for (;;)
		(void)getppid();
	return NULL;
}

enum child_does {
	CHILD_SLEEPS,
	CHILD_THREAD_SPINS, /* while its first thread sleeps */
	CHILD_HANDLES_SIGUSR1,
};

static pid_t start_child(enum child_does what)
{
	pid_t pid = fork();
	pthread_t thread;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (what == CHILD_THREAD_SPINS)
		(void)pthread_create(&thread, NULL, spin, NULL);
	if (what == CHILD_HANDLES_SIGUSR1)
		(void)signal(SIGUSR1, on_signal);
	for (;;)
		(void)pause();
}

static void end_child(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static struct procfs_state found;
static pid_t child;

static bool look(void)
{
	assert_int_equal(procfs_state(child, &found), 0);
	return true;
}

static bool sleeps_alone(void *arg)
{
	(void)arg;
	return look() && found.state == 'S' && !found.running_nr && found.threads >= 1;
}

static bool runs_in_a_thread(void *arg)
{
	(void)arg;
	return look() && found.state == 'S' && found.running_nr && found.threads >= 2;
}

static bool is_stopped(void *arg)
{
	(void)arg;
	return look() && found.state == 'T' && !found.running_nr;
}

static bool is_traced(void *arg)
{
	(void)arg;
	return look() && found.state == 't' && found.tracer == getpid();
}

static bool catches(void *arg)
{
	(void)arg;
	return look() && found.catches_sigusr1;
}

static void state_of_a_sleeper(void **state)
{
	(void)state;
	child = start_child(CHILD_SLEEPS);
	assert_true(snp_test_wait_until(sleeps_alone, NULL, SNP_TEST_DEADLINE_MS));
	assert_false(found.waits_for_disk || found.frozen || found.catches_sigusr1);
	assert_int_equal(found.tracer, 0);
	end_child(child);
}

/* It is the threads that tell: the first one of a busy worker often sleeps. */
static void state_of_a_process_whose_other_thread_computes(void **state)
{
	(void)state;
	child = start_child(CHILD_THREAD_SPINS);
	assert_true(snp_test_wait_until(runs_in_a_thread, NULL, SNP_TEST_DEADLINE_MS));
	end_child(child);
}

static void state_of_a_stopped_process(void **state)
{
	(void)state;
	child = start_child(CHILD_THREAD_SPINS);
	assert_int_equal(kill(child, SIGSTOP), 0);
	assert_true(snp_test_wait_until(is_stopped, NULL, SNP_TEST_DEADLINE_MS));
	assert_int_equal(found.tracer, 0);
	end_child(child);
}

static void state_of_a_traced_process_names_the_tracer(void **state)
{
	(void)state;
	child = start_child(CHILD_SLEEPS);
	if (ptrace(PTRACE_SEIZE, child, NULL, NULL) < 0) {
		end_child(child);
		snp_test_skip("may not trace");
	}
	assert_int_equal(ptrace(PTRACE_INTERRUPT, child, NULL, NULL), 0);
	assert_true(snp_test_wait_until(is_traced, NULL, SNP_TEST_DEADLINE_MS));
	end_child(child);
}

static void state_tells_a_handler_of_sigusr1(void **state)
{
	(void)state;
	child = start_child(CHILD_HANDLES_SIGUSR1);
	assert_true(snp_test_wait_until(catches, NULL, SNP_TEST_DEADLINE_MS));
	end_child(child);
}

static void state_of_gone_process_returns_esrch(void **state)
{
	(void)state;
	child = start_child(CHILD_SLEEPS);
	end_child(child);
	assert_int_equal(procfs_state(child, &found), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(runs_self_is_its_own_program_and_no_other),
	    cmocka_unit_test(runs_process_that_is_gone_is_false),
	    cmocka_unit_test(sample_self_has_memory),
	    cmocka_unit_test(sample_self_has_the_cpu_time_of_the_process),
	    cmocka_unit_test(sample_command_with_parentheses_and_spaces_is_read_right),
	    cmocka_unit_test(sample_gone_process_returns_esrch),
	    cmocka_unit_test(sample_ended_but_unreaped_process_has_no_memory),
	    cmocka_unit_test(state_of_a_sleeper),
	    cmocka_unit_test(state_of_a_process_whose_other_thread_computes),
	    cmocka_unit_test(state_of_a_stopped_process),
	    cmocka_unit_test(state_of_a_traced_process_names_the_tracer),
	    cmocka_unit_test(state_tells_a_handler_of_sigusr1),
	    cmocka_unit_test(state_of_gone_process_returns_esrch),
	};

	return cmocka_run_group_tests_name("runtime/procfs", tests, NULL, NULL);
}
