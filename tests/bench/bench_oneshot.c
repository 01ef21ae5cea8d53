/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole process, from exec to exit, that attaches, takes a snapshot and prints
 * 100,000 series as CSV, and the steps of it one by one.
 *
 *   bench_oneshot SNAKEPIT-INSPECT
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "segment.h"
#include "snakepit/read.h"

#define SERIES	 100000
#define START_NS 400000

extern char **environ;

struct command {
	char *const *argv;
	const char *output; /* file for stdout */
	bool disturbed;	    /* the last run, or one of them, waited for a processor */
};

/* A process that did not get a processor when it could have used one took much longer
 * than it computed. Starting and reaping it is the part that is not its own. */
static bool waited(uint64_t wall_ns, const struct rusage *usage)
{
	uint64_t cpu_us =
	    (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
	    (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);

	return wall_ns > cpu_us * 1200 + START_NS;
}

static void spawn(struct command *command)
{
	uint64_t begin = snp_mono_now().ns;
	struct rusage usage;
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, command->output,
					 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (posix_spawn(&pid, command->argv[0], &actions, NULL, command->argv,
			environ) != 0 ||
	    wait4(pid, &status, 0, &usage) != pid || status != 0)
		bench_die("%s failed, status %d", command->argv[0], status);
	posix_spawn_file_actions_destroy(&actions);
	command->disturbed |= waited(snp_mono_now().ns - begin, &usage);
}

static void run_command(void *ctx, uint64_t n)
{
	struct command *command = ctx;

	command->disturbed = false;
	for (uint64_t i = 0; i < n; i++)
		spawn(command);
}

/* ---- the steps, in this process ------------------------------------------ */

struct steps {
	const char *path;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	uint64_t series;
};

static void attach(struct steps *s)
{
	struct snp_err err = {0};

	if (snp_segment_attach(s->path, &s->seg, &err) < 0)
		bench_die("%s", err.msg);
}

static void snapshot(struct steps *s)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(s->seg, &s->snap, &err) < 0)
		bench_die("%s", err.msg);
}

static void step_attach(void *ctx, uint64_t n)
{
	struct steps *s = ctx;

	for (uint64_t i = 0; i < n; i++) {
		attach(s);
		snp_segment_detach(&s->seg);
	}
}

/* With fresh memory, as a process has that takes one. */
static void step_first_snapshot(void *ctx, uint64_t n)
{
	struct steps *s = ctx;

	for (uint64_t i = 0; i < n; i++) {
		attach(s);
		snapshot(s);
		snp_snapshot_destroy(&s->snap);
		snp_segment_detach(&s->seg);
	}
}

static void step_iterate(void *ctx, uint64_t n)
{
	struct steps *s = ctx;
	struct snp_series_iter it;
	struct snp_series series;

	for (uint64_t i = 0; i < n; i++) {
		snp_series_iter_init(&it, s->snap, NULL);
		for (s->series = 0; snp_series_next(&it, &series); s->series++)
			;
	}
}

/* ---- setting up ---------------------------------------------------------- */

static uint64_t count_series(uint32_t workers)
{
	struct bench_segment segment;
	struct steps steps = {.path = segment.path};

	bench_segment_create(&segment, (struct bench_segment_size){workers, 1, 1});
	attach(&steps);
	snapshot(&steps);
	step_iterate(&steps, 1);
	snp_snapshot_destroy(&steps.snap);
	snp_segment_detach(&steps.seg);
	bench_segment_remove(&segment);
	return steps.series;
}

/* Lines the command prints: the proof that it prints that many series. */
static uint64_t count_lines(struct command command, const char *file)
{
	uint64_t lines = 0;
	FILE *f;
	int c;

	command.output = file;
	spawn(&command);
	f = fopen(file, "r");
	if (!f)
		bench_die("cannot read %s", file);
	while ((c = getc_unlocked(f)) != EOF)
		lines += c == '\n';
	(void)fclose(f);
	(void)unlink(file);
	return lines;
}

static void measure(const struct command *dump, struct steps *steps)
{
	char *true_argv[] = {"/bin/true", NULL};
	struct command nothing = {.argv = true_argv, .output = "/dev/null"};
	struct command copy = *dump;
	const struct bench_variant variants[] = {
	    {.run = run_command, .ctx = &nothing, .disturbed = &nothing.disturbed},
	    {.run = run_command, .ctx = &copy, .disturbed = &copy.disturbed},
	    {.run = step_attach, .ctx = &(struct steps){.path = steps->path}},
	    {.run = step_first_snapshot, .ctx = &(struct steps){.path = steps->path}},
	    {.run = step_iterate, .ctx = steps},
	};
	enum { NR = sizeof(variants) / sizeof(variants[0]), DUMP = 1 };
	char names[NR][96] = {
	    "one shot: /bin/true",
	    "",
	    "one shot: attach and detach",
	    "one shot: attach, first snapshot, detach",
	    "one shot: walk over the series",
	};
	struct bench_samples samples[NR];

	(void)snprintf(names[DUMP], sizeof(names[DUMP]),
		       "one shot: snakepit-inspect --csv, %lu series",
		       (unsigned long)steps->series);
	bench_measure(variants, NR, samples);
	for (size_t i = 0; i < NR; i++)
		bench_print(&(struct bench_row){
		    .name = names[i],
		    .unit = "ms",
		    .scale = 1e-6,
		    .samples = &samples[i],
		    .target = i == DUMP ? BENCH_VALUE_AT_MOST : BENCH_NO_TARGET,
		    .limit = 5,
		});
}

int main(int argc, char **argv)
{
	struct bench_segment segment;
	struct steps steps = {.path = segment.path};
	char *dump_argv[] = {argc == 2 ? argv[1] : "", "--csv", "-n", segment.path,
			     NULL};
	struct command dump = {.argv = dump_argv, .output = "/dev/null"};
	char file[320];
	uint64_t one, per_worker;
	uint32_t workers;

	if (argc != 2)
		bench_die("usage: bench_oneshot SNAKEPIT-INSPECT");
	one = count_series(1);
	per_worker = count_series(2) - one;
	workers = (uint32_t)((SERIES - one) / per_worker + 2);

	bench_print_ghz();
	bench_segment_create(&segment, (struct bench_segment_size){workers, 1, 1});
	(void)bench_bank_adopt(&segment);
	attach(&steps);
	snapshot(&steps);
	step_iterate(&steps, 1);
	(void)snprintf(file, sizeof(file), "%s/out.csv", segment.dir);
	if (count_lines(dump, file) < SERIES)
		bench_die("fewer than %d lines", SERIES);
	measure(&dump, &steps);
	snp_snapshot_destroy(&steps.snap);
	snp_segment_detach(&steps.seg);
	bench_segment_remove(&segment);
	bench_print_ghz();
	return 0;
}
