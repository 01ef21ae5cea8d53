/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "worker/procid.h"

#define UUID	 "5b0ce5a4-6d8b-4f34-9d4c-0e2f2f1d0c11"
#define OTHER	 "5b0ce5a4-6d8b-4f34-9d4c-0e2f2f1d0c12"
#define MARK	 "SNAKEPIT_RUN_ID=" UUID
#define SWEEP_MS 20000

extern char **environ;

/* A child that sleeps with this environment in a group of its own. */
static pid_t sleeper(char *const env[])
{
	char *const argv[] = {(char *)(uintptr_t) "sleep", (char *)(uintptr_t) "1000",
			      NULL};
	posix_spawnattr_t attr;
	pid_t pid;

	assert_int_equal(posix_spawnattr_init(&attr), 0);
	assert_int_equal(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP), 0);
	assert_int_equal(posix_spawnp(&pid, "sleep", NULL, &attr, argv, env), 0);
	posix_spawnattr_destroy(&attr);
	return pid;
}

static bool has_mark(void *pid)
{
	return procid_has_run(*(pid_t *)pid, UUID);
}

/* The parent goes on a moment before the new program's environment can be read. */
static pid_t marked_sleeper(char *const env[])
{
	pid_t pid = sleeper(env);

	assert_true(snp_test_wait_until(has_mark, &pid, SWEEP_MS));
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- names --------------------------------------------------------------- */

static void of_live_process_is_stable_and_says_its_group(void **state)
{
	struct procid a, b;
	pid_t group, pid = sleeper(environ);

	(void)state;
	assert_int_equal(procid_of(pid, &a, &group), 0);
	assert_int_equal(procid_of(pid, &b, NULL), 0);
	assert_int_equal(a.pid, pid);
	assert_int_equal(a.start, b.start);
	assert_true(a.start > 0);
	assert_int_equal(group, pid);
	end(pid);
}

static void of_name_with_parentheses_is_not_taken_in(void **state)
{
	struct procid plain, odd;

	(void)state;
	assert_int_equal(procid_of(getpid(), &plain, NULL), 0);
	assert_int_equal(prctl(PR_SET_NAME, "a) Z 1 (b", 0, 0, 0), 0);
	assert_int_equal(procid_of(getpid(), &odd, NULL), 0);
	assert_int_equal(odd.start, plain.start);
}

static void of_ended_process_returns_esrch_also_before_it_is_reaped(void **state)
{
	struct procid id = {.pid = 77};
	siginfo_t info;
	pid_t pid = sleeper(environ);

	(void)state;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(procid_of(pid, &id, NULL), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(procid_of(pid, &id, NULL), -ESRCH);
	assert_int_equal(id.pid, 77);
}

/* ---- the mark ------------------------------------------------------------ */

/* Behind a variable of so many bytes. */
static void find_mark_after(size_t before)
{
	char *padding = malloc(before + 1);
	char *env[] = {padding, (char *)(uintptr_t)MARK, NULL};

	assert_non_null(padding);
	memset(padding, 'x', before);
	padding[1] = '=';
	padding[before] = '\0';
	end(marked_sleeper(env));
	free(padding);
}

/* Wherever in the environment it stands: also first, and across what is read at once.
 */
static void has_run_finds_the_mark_at_any_place(void **state)
{
	enum { MOST = 40000, STEP = 1313 };

	(void)state;
	for (size_t before = 2; before < MOST; before += STEP)
		find_mark_after(before);
}

/* Across the end of the first read, byte by byte. */
static void has_run_finds_the_mark_across_two_reads(void **state)
{
	enum { CHUNK = 16384 };

	(void)state;
	for (size_t before = CHUNK - sizeof(MARK) - 2; before < CHUNK + 2; before++)
		find_mark_after(before);
}

static bool has_other_mark(void *pid)
{
	return procid_has_run(*(pid_t *)pid, OTHER);
}

static bool has_number(void *pid)
{
	return procid_worker(*(pid_t *)pid, UUID) == 0x1f;
}

static void worker_is_the_number_behind_its_own_run(void **state)
{
	static const char *const others[] = {
	    "SNAKEPIT_WORKER_KEY=" OTHER ".000000000000001f",
	    "SNAKEPIT_WORKER_KEY=" UUID ".1f",
	    "SNAKEPIT_WORKER_KEY=" UUID ".000000000000001fx",
	    "SNAKEPIT_WORKER_KEY=" UUID ".00000000000001fx",
	    "X=SNAKEPIT_WORKER_KEY=" UUID ".000000000000001f",
	    "SNAKEPIT_WORKER_KEY=" UUID,
	};
	char *env[] = {
	    (char *)(uintptr_t)MARK,
	    (char *)(uintptr_t) "SNAKEPIT_WORKER_KEY=" UUID ".000000000000001f", NULL};
	pid_t pid = sleeper(env);

	(void)state;
	assert_true(snp_test_wait_until(has_number, &pid, SWEEP_MS));
	assert_int_equal(procid_worker(pid, OTHER), 0);
	end(pid);
	assert_int_equal(procid_worker(1 << 30, UUID), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char *other[] = {(char *)(uintptr_t)MARK, (char *)(uintptr_t)others[i],
				 NULL};

		pid = marked_sleeper(other);
		assert_int_equal(procid_worker(pid, UUID), 0);
		end(pid);
	}
}

static void has_run_takes_nothing_for_the_mark_that_only_holds_it(void **state)
{
	static const char *const others[] = {
	    "", "X" MARK, MARK "0", "A= " MARK, "SNAKEPIT_RUN_ID=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char *env[] = {(char *)(uintptr_t)others[i],
			       (char *)(uintptr_t) "SNAKEPIT_RUN_ID=" OTHER, NULL};
		pid_t pid = sleeper(env);

		assert_true(snp_test_wait_until(has_other_mark, &pid, SWEEP_MS));
		assert_false(procid_has_run(pid, UUID));
		end(pid);
	}
	assert_false(procid_has_run(1 << 30, UUID));
}

/* ---- signals ------------------------------------------------------------- */

static void kill_hits_the_process_of_that_name_only(void **state)
{
	struct procid id, other;
	pid_t pid = sleeper(environ);
	int status;

	(void)state;
	assert_int_equal(procid_of(pid, &id, NULL), 0);
	other = (struct procid){.pid = pid, .start = id.start + 1};
	assert_int_equal(procid_kill(&other), -ESRCH);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(procid_kill(&id), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(procid_kill(&id), -ESRCH);
}

static bool is_marked(const struct procid *id, pid_t group, void *user)
{
	(void)group;
	return procid_has_run(id->pid, user);
}

static void sweep_kills_the_marked_and_nobody_else(void **state)
{
	const struct procid_sweep sweep = {.is_ours = is_marked,
					   .user = (char *)(uintptr_t)UUID,
					   .timeout_ms = SWEEP_MS};
	char *const env[] = {(char *)(uintptr_t)MARK, NULL};
	pid_t marked[3], plain = sleeper(environ);
	int status;

	(void)state;
	assert_int_equal(procid_sweep(&sweep), 0);
	for (int i = 0; i < 3; i++)
		marked[i] = marked_sleeper(env);
	assert_true(procid_sweep(&sweep) >= 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(marked[i], &status, WNOHANG), marked[i]);
		assert_int_equal(WTERMSIG(status), SIGKILL);
	}
	assert_int_equal(waitpid(plain, &status, WNOHANG), 0);
	end(plain);
}

/* Init is met first in each look: it has another child made when the last is gone. */
static bool is_one_more(const struct procid *id, pid_t group, void *user)
{
	struct procid *victim = user;

	(void)group;
	if (id->pid == 1 && waitpid(victim->pid, NULL, WNOHANG) != 0)
		victim->pid = sleeper(environ);
	return id->pid == victim->pid;
}

static void sweep_without_an_end_returns_etimedout(void **state)
{
	struct procid victim = {.pid = sleeper(environ)};
	const struct procid_sweep sweep = {
	    .is_ours = is_one_more, .user = &victim, .timeout_ms = 50};

	(void)state;
	assert_int_equal(procid_sweep(&sweep), -ETIMEDOUT);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(worker_is_the_number_behind_its_own_run),
	    cmocka_unit_test(of_live_process_is_stable_and_says_its_group),
	    cmocka_unit_test(of_name_with_parentheses_is_not_taken_in),
	    cmocka_unit_test(of_ended_process_returns_esrch_also_before_it_is_reaped),
	    cmocka_unit_test(has_run_finds_the_mark_at_any_place),
	    cmocka_unit_test(has_run_finds_the_mark_across_two_reads),
	    cmocka_unit_test(has_run_takes_nothing_for_the_mark_that_only_holds_it),
	    cmocka_unit_test(kill_hits_the_process_of_that_name_only),
	    cmocka_unit_test(sweep_kills_the_marked_and_nobody_else),
	    cmocka_unit_test(sweep_without_an_end_returns_etimedout),
	};

	return cmocka_run_group_tests_name("runtime/procid", tests, NULL, NULL);
}
