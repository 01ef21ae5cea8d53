/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - one look at one instance: attached, copied, judged.
 *
 * For commands that look once and end. One thread at a time.
 */
#ifndef SNAKEPIT_INSTANCE_H
#define SNAKEPIT_INSTANCE_H

#include "model/pools.h"
#include "snakepit/err.h"
#include "snakepit/read.h"

struct instance {
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct snp_look look;
	enum snp_writer_verdict verdict;
	uint64_t uptime_ns; /* up to now, or to the last heartbeat of a dead writer */
	uint64_t age_ns;    /* since the last heartbeat */
};

/* Look at the segment at `path`. Waits, up to the writer's `stale_after_ms`, only where
 * a heartbeat is overdue: one look cannot tell a hung writer from a living one. Errors
 * as snp_segment_attach(); on failure *inst is empty. */
int instance_open(const char *path, struct instance *inst, struct snp_err *err);
void instance_close(struct instance *inst);

/* "running", "starting", "stopping", "hung", "dead", "stopped", "old boot": the verdict
 * in the words of people. */
const char *instance_word(const struct instance *inst);

/* Whether this pool (an index of look.pools) takes requests, and has a worker for them.
 */
bool instance_pool_serves(const struct instance *inst, size_t pool);

#endif
