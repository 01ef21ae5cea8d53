/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter.h - one flush: look at the runtime, tell a receiver what has changed.
 *
 * A runtime that was there before the exporter is a baseline: what it had counted by
 * then is never told, as somebody else may have told it. One that starts later, also in
 * place of another, is told from zero, and of the one it replaced the rest is told
 * first. So nothing is told twice, and what is missed is what happened while no
 * exporter ran.
 *
 * Changes of state (of the runtime, of sending) are a line in the log each. One thread
 * at a time.
 */
#ifndef SNP_STATSD_EXPORTER_H
#define SNP_STATSD_EXPORTER_H

#include <stdbool.h>

#include "address.h"
#include "flush.h"
#include "model/target.h"

struct exporter;

struct exporter_options {
	const char *instance; /* as snp_segment_find() takes it */
	struct address address;
	struct flush_options flush;
};

/* Also takes the first look. What `options` points to is borrowed. -ENOMEM. */
int exporter_create(const struct exporter_options *options,
		    struct exporter **ret_exporter);
void exporter_destroy(struct exporter **exporter);

/* Look and tell. A failure is in the result, and not one of the exporter. */
void exporter_flush(struct exporter *exporter, struct flush_result *ret_result);

/* Of the last look. */
enum snp_target_state exporter_target_state(const struct exporter *exporter);
/* Why there is nothing to read, where that is so. */
const char *exporter_target_error(const struct exporter *exporter);
/* Where it sends to, for people. */
const char *exporter_receiver(const struct exporter *exporter);

#endif
