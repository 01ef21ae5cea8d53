/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sample_self_has_memory),
	    cmocka_unit_test(sample_self_has_the_cpu_time_of_the_process),
	    cmocka_unit_test(sample_command_with_parentheses_and_spaces_is_read_right),
	    cmocka_unit_test(sample_gone_process_returns_esrch),
	    cmocka_unit_test(sample_ended_but_unreaped_process_has_no_memory),
	};

	return cmocka_run_group_tests_name("runtime/procfs", tests, NULL, NULL);
}
