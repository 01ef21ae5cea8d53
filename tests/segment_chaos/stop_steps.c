/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop_steps - stop a reader at an instruction of its look, let the writer recycle
 * everything it may be in the middle of, let it go on, and see what it makes of it.
 *
 *   stop_steps DIR STOPS
 *
 * The child judges (sane.h), look after look; the parent writes (scripted_writer.h) and
 * stops it at places spread over all instructions of a snapshot. Prints stops
 * and how many copies the reader had to repeat; exits 1 at the first fault.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sane.h"
#include "scripted_writer.h"

#define BEGIN SIGUSR1 /* the child's: it takes a snapshot from here */
#define END   SIGUSR2 /* to here */
/* Longer than the quarantine (1 ms), so that rows live again while the reader stands.
 */
#define RECYCLE_NS (2 * SNP_NS_PER_MS)

/* Shared by parent and child. */
struct tally {
	_Atomic uint64_t retries;
	char fault[256];
};

static void child_main(const char *path, struct tally *tally)
{
	struct snp_segment *seg = NULL;
	struct snp_err err = {0};
	struct sane sane;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ||
	    snp_segment_attach(path, &seg, &err) < 0)
		_exit(2);
	sane_init(&sane, seg, false);
	for (;;) {
		bool ok;

		(void)raise(BEGIN);
		ok = sane_take(&sane);
		(void)raise(END);
		if (!ok || !sane_judge(&sane)) {
			(void)snprintf(tally->fault, sizeof(tally->fault), "%s",
				       sane.fault);
			_exit(1);
		}
		tally->retries += snp_snapshot_stats(sane.now)->retries +
				  snp_snapshot_stats(sane.now)->rows_skipped;
	}
}

/* Resume and wait; false when the child ended. */
static bool resume(pid_t child, enum __ptrace_request how, int *ret_signal)
{
	int status;

	if (ptrace(how, child, NULL, NULL) < 0 || waitpid(child, &status, 0) < 0)
		return false;
	*ret_signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
	return WIFSTOPPED(status);
}

static bool to_next_look(pid_t child)
{
	int signal = 0;

	while (signal != BEGIN)
		if (!resume(child, PTRACE_CONT, &signal))
			return false;
	return true;
}

/* Instructions of one snapshot: the places there are to stop at. */
static bool count_instructions(pid_t child, uint64_t *ret_count)
{
	int signal = 0;

	*ret_count = 0;
	while (signal != END) {
		if (!resume(child, PTRACE_SINGLESTEP, &signal))
			return false;
		(*ret_count)++;
	}
	return to_next_look(child);
}

static bool stop_at(pid_t child, uint64_t place)
{
	int signal;

	while (place-- > 0)
		if (!resume(child, PTRACE_SINGLESTEP, &signal))
			return false;
		else if (signal == END)
			return true; /* this snapshot was shorter */
	return true;
}

static void recycle(struct script *script)
{
	snp_mono_t start = snp_mono_now();

	while (snp_mono_since_ns(snp_mono_now(), start) < RECYCLE_NS)
		script_round(script);
}

int main(int argc, char **argv)
{
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct script script = {0};
	struct snp_err err = {0};
	uint64_t stops, instructions = 0, done = 0;
	pid_t child;
	int status;
	bool ok;

	if (argc != 3 || tally == MAP_FAILED) {
		(void)fputs("usage: stop_steps DIR STOPS\n", stderr);
		return 2;
	}
	stops = strtoull(argv[2], NULL, 10);
	if (script_open(&script, argv[1], &err) < 0) {
		(void)fprintf(stderr, "stop_steps: %s\n", err.msg);
		return 2;
	}
	recycle(&script);
	child = fork();
	if (child == 0)
		child_main(snp_writer_path(script.writer), tally);
	ok = child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
	     count_instructions(child, &instructions);
	/* The places come in an order that mixes early and late ones. */
	for (; ok && done < stops; done++) {
		ok = stop_at(child, script_mix(done) % instructions);
		recycle(&script);
		ok = ok && to_next_look(child);
	}
	if (child > 0)
		(void)kill(child, SIGKILL);
	(void)printf("%llu stops, %llu retries, %llu instructions a snapshot: %s\n",
		     (unsigned long long)done, (unsigned long long)tally->retries,
		     (unsigned long long)instructions,
		     ok ? "never mixed" : tally->fault);
	return ok ? 0 : 1;
}
