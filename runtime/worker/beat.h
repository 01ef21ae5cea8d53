/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beat.h - what a worker says of itself in memory: the page of its beats and the file
 * for its stacks, one pair a process incarnation.
 *
 * Both are sealed memfds of fixed size, so a worker can neither shrink them under our
 * map nor fill the memory. It can write anything into them. beat_take() therefore
 * believes a word only where it is possible at all: a sequence that grew, a time
 * between the last one and now. Anything else is junk, which counts as silence.
 *
 * Judges nothing: ages and verdicts are the caller's. One thread.
 */
#ifndef SNAKEPIT_RUNTIME_BEAT_H
#define SNAKEPIT_RUNTIME_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "beat/beat_page.h"
#include "snakepit/err.h"
#include "snakepit/time.h"

#define BEAT_STACKS_BYTES 65536

/* Signs of life, each a pair of words: sequence and time. */
enum beat_sign {
	BEAT_SIGN_PROCESS,
	BEAT_SIGN_INTERPRETER,
	BEAT_SIGN_LOOP,
	BEAT_SIGN_PROGRESS,
	BEAT_SIGN_NR
};

struct beat_seen {
	uint64_t seq; /* 0 = there was none yet */
	snp_mono_t at;
};

struct beat {
	int page_fd;		      /* to hand down; -1 once that is done, or none */
	int stacks_fd;		      /* -1 = none */
	const struct beat_page *page; /* NULL = none */
	uint64_t incarnation;
	snp_mono_t created;
	/* The last that was believed. */
	struct beat_seen seen[BEAT_SIGN_NR];
	uint64_t late_ns;      /* of the last beat of the interpreter */
	uint64_t loop_late_ns; /* of the last beat of the event loop */
	uint64_t gc_pause_ns;  /* since the start of the process */
	uint64_t gc_collections;
	uint64_t threads, open_files;
	uint32_t
	    abandoned; /* places of its executor that calls keep nobody waits for */
	bool recycle_wish;
	bool junk; /* the last look found words that cannot be */
};

/* No page and no file: a worker without beats. */
void beat_init(struct beat *beat);

/* Make page and file. On failure the beat is as after beat_init(). */
int beat_create(struct beat *beat, uint64_t incarnation, uint32_t interval_ms,
		struct snp_err *err);
/* The worker has its copy of the page's descriptor: close ours. */
void beat_handed_down(struct beat *beat);
void beat_destroy(struct beat *beat);

/* Take over what is new of `words`, copied from the page before `now` was read. Returns
 * the signs that are, as bits (1 << BEAT_SIGN_...). */
unsigned beat_take(struct beat *beat, const uint64_t words[BEAT_WORDS_NR],
		   snp_mono_t now);

/* The same with the words of its own page; 0 where there is none. `now` moves on to
 * when the words were read, if that is later. */
unsigned beat_read(struct beat *beat, snp_mono_t *now);

#endif
