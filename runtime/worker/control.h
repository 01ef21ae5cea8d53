/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - what an operator asks of a running runtime, whichever way the words came:
 * the control service, a signal, an embedding program.
 *
 * All functions: the supervisor's thread, from a mail or a signal. They start what was
 * asked for and return; how it goes on shows in the segment. -ENOENT no such pool (or
 * slot), -EBUSY not now (the runtime is stopping, a roll is under way), -EINVAL it
 * cannot be; err says it for people.
 */
#ifndef SNAKEPIT_RUNTIME_CONTROL_H
#define SNAKEPIT_RUNTIME_CONTROL_H

#include <stdint.h>

#include "config/config.h"
#include "snakepit/err.h"

struct supervisor;

#define CONTROL_ALL_SLOTS (-1)

enum control_force {
	CONTROL_GENTLY, /* replacement first, then drain */
	CONTROL_FORCED, /* kill, then start anew */
};

/* Workers it concerns: >= 0. `pool` "" or NULL: every pool. */
int control_drain(struct supervisor *sup, const char *pool, struct snp_err *err);
int control_resume(struct supervisor *sup, const char *pool, struct snp_err *err);
int control_recycle(struct supervisor *sup, const char *pool, int64_t slot,
		    enum control_force force, struct snp_err *err);
/* One pool, "" = the first. At most snp_cfg_pool_most() of its configuration. */
int control_scale(struct supervisor *sup, const char *pool, uint32_t workers,
		  struct snp_err *err);

/* Go over to `take_cfg`, which has been checked and differs only in what can change
 * while the runtime runs (config/diff.h). Pools whose workers it concerns get a new
 * generation: their workers are replaced one after the other. Takes the configuration
 * over on success; on failure nothing has changed. */
int control_reload(struct supervisor *sup, struct snp_config *take_cfg,
		   struct snp_err *err);

#endif
