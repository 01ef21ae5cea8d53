/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - the instance a long-lived reader watches, through restarts and absences.
 *
 * A segment (snakepit/read.h) is one file of one run of a runtime. A target is what the
 * user named: it finds the file, attaches when it appears, notices that a restarted
 * runtime has put a new one in its place, and keeps the last snapshot when there is no
 * news.
 *
 *   ABSENT --- found ---> LIVE --- writer ended ---> ENDED
 *      ^ |                  ^                           |
 *      | |                  '-- a successor attached ---'   (generation + 1)
 *      | '--> BROKEN: a file is there and cannot be read, or can no longer be
 *      '---------'
 *
 * What is attached is let go only for a successor that could be read, or when it no
 * longer holds together itself.
 *
 * Use: create, then for each look: snp_target_poll() and the accessors. What the
 * accessors return is valid until the next poll. One thread at a time. Nothing here
 * logs or sleeps.
 */
#ifndef SNP_MODEL_TARGET_H
#define SNP_MODEL_TARGET_H

#include <stdint.h>

#include "snakepit/err.h"
#include "snakepit/read.h"

struct snp_target;

enum snp_target_state {
	SNP_TARGET_ABSENT, /* nothing to attach to yet */
	SNP_TARGET_BROKEN, /* something is there, but not a segment we can read */
	SNP_TARGET_LIVE,   /* attached, the writer holds its lock (alive or hung) */
	SNP_TARGET_ENDED,  /* attached, the writer is gone: the data is its last word */
	SNP_TARGET_STATE_NR
};
const char *snp_target_state_name(enum snp_target_state state);

/* `name` as snp_segment_find() takes it (NULL: the only instance there is); copied.
 * Does not look yet. -ENOMEM. */
int snp_target_create(const char *name, struct snp_target **ret_target);
void snp_target_destroy(struct snp_target **target);

/* Look: attach or re-attach where needed, take a snapshot, judge the writer. Never
 * fails as such: what kept it from fresh data is in snp_target_error(). */
enum snp_target_state snp_target_poll(struct snp_target *target);

/* Of the last poll. */
enum snp_target_state snp_target_state(const struct snp_target *target);
/* A runtime is there and its heart beats. */
bool snp_target_is_up(const struct snp_target *target);
/* Whether the last poll took a new snapshot. */
bool snp_target_fresh(const struct snp_target *target);
/* Only of meaning in states LIVE and ENDED. */
enum snp_writer_verdict snp_target_verdict(const struct snp_target *target);
/* What the last poll could not do; code 0 when it could do everything. */
const struct snp_err *snp_target_error(const struct snp_target *target);
/* The last snapshot, NULL while there was none. */
const struct snp_snapshot *snp_target_snapshot(const struct snp_target *target);
/* What the snapshot was taken from, NULL while there is none; for events. */
struct snp_segment *snp_target_segment(const struct snp_target *target);
/* Where the last poll attached a successor: the last word of the segment it replaced,
 * for who counts up to the end. NULL otherwise. */
const struct snp_snapshot *snp_target_predecessor(const struct snp_target *target);
/* And what that was taken from, for the rest of its rings. NULL where there is none. */
struct snp_segment *snp_target_predecessor_segment(const struct snp_target *target);
/* Grows by 1 with each segment attached: 0 = none yet. Counters of two generations do
 * not compare, and what was learnt of one generation's metrics does not hold for the
 * next. */
uint64_t snp_target_generation(const struct snp_target *target);

/* ---- for a program's last line ------------------------------------------- */

enum snp_exit { /* exit codes of every reader */
		SNP_EXIT_OK = 0,
		SNP_EXIT_FAILURE = 1,
		SNP_EXIT_USAGE = 2,
		SNP_EXIT_NOT_RUNNING = 3, /* no such instance */
		SNP_EXIT_UNKNOWN = 4,	  /* damaged, or of another version */
};

/* The exit code for a failure to find or attach (a negative errno). */
int snp_exit_code(int error);

/* What to print behind the text of such a failure, so that it says what to do: "; ..."
 * or
 * "" where the text does already. */
const char *snp_exit_advice(int error);

#endif
