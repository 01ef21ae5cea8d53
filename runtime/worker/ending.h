/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ending.h - what is recorded of a worker process that ended: why, with which status,
 * what it said last. The supervisor's thread only; the process is reaped, its output
 * read, and the worker still knows it.
 */
#ifndef SNAKEPIT_RUNTIME_ENDING_H
#define SNAKEPIT_RUNTIME_ENDING_H

#include <signal.h>

#include "worker/worker.h"

/* What waitid() says, as the reason of the move to EXITED. */
enum snp_enum_MOVE_REASON ending_move_reason(const siginfo_t *info);

/* Counters, the process record (not yet published), a failed start's text, the log. */
void ending_record(struct worker *worker, const siginfo_t *info);

/* Keep the end of its stderr as evidence; returns its number for the event, 0 where it
 * wrote nothing. */
uint64_t ending_keep_words(const struct worker *worker);

#endif
