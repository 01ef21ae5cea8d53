/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that the hot path takes, counted one by one with PTRACE_SINGLESTEP:
 * exact, the same on a busy machine, and possible in virtual machines without counters.
 *
 * A child runs the work N times in a loop of the inlined functions; what an empty loop
 * takes is subtracted. Getting at the row and at the input is part of the count. The
 * budgets are for x86-64. Status 77 where tracing is not allowed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

#define TIMES	 200
#define NOT_HERE 77

static struct work state;

static void nothing(void *ctx, uint64_t n)
{
	(void)ctx;
	for (uint64_t i = 0; i < n; i++)
		__asm__ volatile("");
}

static void add(void *ctx, uint64_t n)
{
	struct work *s = ctx;

	for (uint64_t i = 0; i < n; i++)
		snp_add(s->bank.tools[i % WORK_ROWS].requests, 1);
}

/* A writer's map is not inherited, so the child makes its own. Between two stops it
 * does the work. */
_Noreturn static void child(bench_work work)
{
	bench_segment_create(&state.segment,
			     (struct bench_segment_size){1, WORK_ROWS, 1});
	state.bank = bench_bank_adopt(&state.segment);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) {
		(void)raise(SIGSTOP);
		work(&state, TIMES);
		(void)raise(SIGSTOP);
	}
	bench_segment_remove(&state.segment);
	_exit(EXIT_SUCCESS);
}

/* Instructions between the stops. */
static uint64_t count_steps(bench_work work)
{
	uint64_t steps = 0;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		bench_die("cannot fork");
	if (pid == 0)
		child(work);
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

int main(void)
{
	static const struct {
		const char *name;
		bench_work work;
		double limit; /* 0: printed only */
	} counted[] = {
	    {"instructions: snp_add", add, 14},
	    {"instructions: snp_hist_record", work_record, 42},
	    {"instructions: finished call", work_finished_call, 62},
	    {"instructions: event", work_event, 0},
	    {"instructions: span", work_span, 0},
	    {"instructions: request in flight, begin and end", work_in_flight, 0},
	};
	uint64_t empty;

	bench_fill_inputs(state.inputs);
	empty = count_steps(nothing);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		uint64_t steps = count_steps(counted[i].work);
		struct bench_samples samples =
		    bench_value((double)(steps - empty) / TIMES);
		struct bench_row row = {
		    .name = counted[i].name, .unit = "instr", .samples = &samples};

#ifdef __x86_64__
		row.limit = counted[i].limit;
		row.target = row.limit > 0 ? BENCH_VALUE_AT_MOST : BENCH_NO_TARGET;
#endif
		bench_print(&row);
	}
	return EXIT_SUCCESS;
}
