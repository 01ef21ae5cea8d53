/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readers.h - programs that read the segment, run beside the workers because the
 * configuration says so (`readers:`).
 *
 * They are processes of their own that map the segment read-only: what they do cannot
 * hold the runtime up. One that ends is started again after a growing wait; what it
 * prints goes to the log; with the runtime they end. Supervisor thread only.
 */
#ifndef SNAKEPIT_RUNTIME_READERS_H
#define SNAKEPIT_RUNTIME_READERS_H

#include <stdbool.h>

#include "config/config.h"
#include "core/watch.h"
#include "worker/output.h"

#define READER_ARGUMENT_BYTES 4160 /* a flag and a path */
#define READER_ARGUMENTS_MAX  5

/* X(ID, name in the configuration and the log) */
#define READERS(X)                                                                     \
	X(PROMETHEUS, "prometheus")                                                    \
	X(STATSD, "statsd")                                                            \
	X(OTLP, "otlp")

enum reader_kind {
#define X(id, name) READER_##id,
	READERS(X)
#undef X
	    READERS_NR
};

struct readers;

/* The last ones of a command line; "" ends them, and all "" = not to be run. What does
 * not begin with '-' is a variable instead, for an environment that lacks it. */
struct reader_arguments {
	char text[READER_ARGUMENTS_MAX][READER_ARGUMENT_BYTES];
};

struct reader {
	struct readers *set;
	enum reader_kind kind;
	bool wanted;
	/* What it is to be started with, and what it runs with. */
	struct reader_arguments arguments, running;
	pid_t pid;   /* 0 = no process */
	bool ending; /* we asked it to */
	snp_mono_t started;
	/* Without a process: when to start one. Ending: when to kill. 0 = never. */
	snp_mono_t due;
	unsigned failures;
	struct watch pidfd, output_watch;
	struct output output;
};

struct readers_options {
	struct watcher *watcher;
	struct snp_bank *bank; /* the supervisor's */
	const char *launcher;  /* path of snakepit-launch */
	const char *programs;  /* directory of the readers' programs */
	const char *segment;   /* path; "" = there is no file to read */
};

struct readers {
	struct readers_options options; /* strings borrowed */
	struct reader reader[READERS_NR];
};

void readers_init(struct readers *readers, const struct readers_options *options);

/* Have those run that `cfg` enables, as it says. Starts and ends of processes follow in
 * readers_turn(). `cfg` may go afterwards. */
void readers_apply(struct readers *readers, const struct snp_cfg_readers *cfg);

/* Do what is due; returns when something will be (.ns == UINT64_MAX: nothing). */
snp_mono_t readers_turn(struct readers *readers, snp_mono_t now);

/* Whether no reader's process is left. */
bool readers_gone(const struct readers *readers);

/* Kill and reap what is left; waits for that at most a moment. The runtime has
 * readers_apply() end them first, with a configuration that enables none. */
void readers_fini(struct readers *readers);

#endif
