/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload.h - read the configuration file again and go over to it, while the runtime
 * runs.
 *
 * A file that is bad, or that changes what only a restart can change, is refused as a
 * whole and the old configuration stays in force. Supervisor thread only.
 */
#ifndef SNAKEPIT_RUNTIME_RELOAD_H
#define SNAKEPIT_RUNTIME_RELOAD_H

#include "config/diff.h"
#include "snakepit/err.h"

struct supervisor;

/* Part of the supervisor; strings and configuration borrowed. */
struct reload {
	const char *file; /* NULL: there is none, nothing can be reloaded */
	const char *dir;  /* the runtime's, for the listeners' addresses */
	const struct snp_config *started; /* the configuration it was started with */
};

/* Logged, counted and written as an event whatever comes of it. 0: *ret_diff says what
 * changed, perhaps nothing; end it with snp_config_diff_fini(). -EBUSY: not now, or
 * this runtime cannot; otherwise the file will not do. */
int reload_run(struct supervisor *sup, struct snp_cfg_diff *ret_diff,
	       struct snp_err *err);

/* The same for a signal: nobody but the log hears of it. */
void reload_on_signal(struct supervisor *sup);

#endif
