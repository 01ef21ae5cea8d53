/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence.h - what a worker was doing before it is killed: its Python stacks, which
 * SIGUSR1 makes it write into a file of ours, what the kernel says of it, and which
 * requests it ran. Kept in the segment for an event to point to.
 *
 * Never waits: the stacks come in while the supervisor does other things, at most
 * EVIDENCE_WAIT_MS. The supervisor's thread.
 */
#ifndef SNAKEPIT_RUNTIME_EVIDENCE_H
#define SNAKEPIT_RUNTIME_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snakepit/time.h"

#define EVIDENCE_WAIT_MS 200
#define EVIDENCE_POLL_MS 10

struct worker;

/* One collection under way. Starts as zeros. */
struct evidence {
	snp_mono_t deadline; /* .ns == 0: none is under way */
	snp_mono_t next;     /* look */
	size_t seen;	     /* bytes at the last look */
};

/* Ask a worker for its stacks. One that could not write them (no file, no handler,
 * stopped) is not asked, and evidence_is_in() at once. */
void evidence_begin(struct evidence *evidence, const struct worker *worker,
		    snp_mono_t now);

/* Whether all there will be is there, or its time is over. */
bool evidence_is_in(struct evidence *evidence, const struct worker *worker,
		    snp_mono_t now);

/* Keep what is there under the line `why`, count whether there were stacks, and end the
 * collection. Returns the number for an event. */
uint64_t evidence_keep(struct evidence *evidence, const struct worker *worker,
		       const char *why, snp_mono_t now);

/* ---- text; pure ------------------------------------------------------------ */

/* A dump of faulthandler, so that it fits into `size` bytes with a NUL: each thread
 * keeps its innermost calls, as many as there is room for. Anything but printable ASCII
 * and newlines becomes '?'. Returns the length. */
size_t evidence_stacks(const char *dump, size_t len, char *ret_text, size_t size);

#endif
