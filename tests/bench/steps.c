/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define NOT_HERE 77

void bench_steps_mark(void)
{
	(void)raise(SIGSTOP);
}

static pid_t start(void (*run)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("cannot fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			run(ctx);
		_exit(EXIT_SUCCESS);
	}
	return pid;
}

uint64_t bench_steps(void (*child)(void *ctx), void *ctx)
{
	pid_t pid = start(child, ctx);
	uint64_t steps = 0;
	int status;

	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status)) {
		bench_print_skipped("instruction counts", "ptrace is not allowed here");
		exit(NOT_HERE);
	}
	do {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			bench_die("cannot step: %s", strerror(errno));
		steps++;
	} while (WSTOPSIG(status) == SIGTRAP);
	if (WSTOPSIG(status) != SIGSTOP)
		bench_die("the work ended with signal %d", WSTOPSIG(status));
	if (ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		bench_die("the work did not end well");
	return steps;
}
