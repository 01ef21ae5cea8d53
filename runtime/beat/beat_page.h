/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beat_page.h - the page in which a worker says that it lives. Shared by the worker's
 * native beat thread (beat.c, a small library that Python loads) and the runtime
 * (worker/beat.h).
 *
 * One page a process incarnation, in a sealed memfd that the runtime made and handed
 * down as SPAWN_FD_BEAT; no other process has it. The worker writes, the runtime reads:
 * it copies each word once, checks its range, and trusts nothing else about the page.
 * Whatever is in it can at worst make its own worker look ill.
 *
 * Every word is a relaxed 64-bit atomic with one writing thread, so words are never
 * torn; two words need not belong together. Sequence numbers start at 1 and only grow;
 * 0 says that there was no such beat yet. Times are CLOCK_MONOTONIC nanoseconds, which
 * all processes of a host share.
 */
#ifndef SNAKEPIT_RUNTIME_BEAT_PAGE_H
#define SNAKEPIT_RUNTIME_BEAT_PAGE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define BEAT_PAGE_BYTES 4096
#define BEAT_PAGE_MAGIC UINT64_C(0x3154414542504e53) /* "SNPBEAT1", little-endian */

/* X(id, who writes it, what it is) */
#define BEAT_WORDS(X)                                                                  \
	X(MAGIC, runtime, "BEAT_PAGE_MAGIC")                                           \
	X(INCARNATION, runtime, "of the worker slot; a worker only reads it")          \
	X(INTERVAL_MS, runtime, "time between two process beats")                      \
	X(PROCESS_SEQ, native thread, "beats of the process, which need no GIL")       \
	X(PROCESS_NS, native thread, "time of the last one")                           \
	X(INTERPRETER_SEQ, Python thread, "beats of the interpreter")                  \
	X(INTERPRETER_NS, Python thread, "time of the last one")                       \
	X(INTERPRETER_LATE_NS, Python thread, "how much later than planned it came")   \
	X(GC_PAUSE_NS, Python, "time spent in garbage collection since the start")     \
	X(GC_COLLECTIONS, Python, "collections since the start")                       \
	X(THREADS, Python thread, "Python threads there are")                          \
	X(LOOP_SEQ, event loop, "turns of the server's event loop seen by its beat")   \
	X(LOOP_NS, event loop, "time of the last one")                                 \
	X(PROGRESS_SEQ, Python, "calls finished, chunks made, snakepit.progress()")    \
	X(PROGRESS_NS, Python, "time of the last one")                                 \
	X(RECYCLE_WISH, Python, "1: the adapter asks to be replaced")                  \
	X(ABANDONED, Python, "places taken by calls whose caller has left")            \
	X(LOOP_LATE_NS, event loop, "how much later than planned its last beat came")  \
	X(OPEN_FILES, Python thread, "file descriptors the process has open")

enum beat_word {
#define X(id, writer, text) BEAT_##id,
	BEAT_WORDS(X)
#undef X
	    BEAT_WORDS_NR
};

struct beat_page {
	_Atomic uint64_t word[BEAT_PAGE_BYTES / sizeof(uint64_t)];
};
static_assert(sizeof(struct beat_page) == BEAT_PAGE_BYTES, "a page");
static_assert(BEAT_WORDS_NR <= BEAT_PAGE_BYTES / sizeof(uint64_t), "they fit");

#endif
