/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb.h - what can be asked of a runtime: `snakepit
 * drain|resume|recycle|scale|reload`.
 *
 * One table; each verb says what it takes, how it is put into a request, and when what
 * it began is done.
 */
#ifndef CONTROL_VERB_H
#define CONTROL_VERB_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "rpc/buf.h"

struct snp_look;

/* The segment before the request, right after its answer, and now. */
struct looks {
	const struct snp_look *before, *begun, *now;
};

enum progress {
	PROGRESS_UNDER_WAY,
	PROGRESS_DONE,
	PROGRESS_FAILED, /* it was given up; `failure` of the verb says what */
};

struct request {
	const struct verb *verb;
	const char *instance, *address;
	const char *pool; /* "": all */
	int64_t slot;	  /* -1: all */
	uint32_t workers;
	bool force, json, wait;
	uint64_t timeout_ms; /* of the wait */
};

enum verb_flags {
	VERB_POOL = 1 << 0,    /* takes POOL */
	VERB_SLOT = 1 << 1,    /* or POOL/SLOT */
	VERB_WORKERS = 1 << 2, /* POOL and WORKERS, both needed */
};

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR,
	/* How many of the rows a verb takes. */
	ROWS_PLAIN = OPT_WAIT,
	ROWS_WAIT = OPT_FORCE,
	ROWS_FORCE = OPT_NR
};

struct verb {
	struct cli_command command;
	const char *name; /* of the verb alone */
	const char *method;
	unsigned flags;
	int (*encode)(const struct request *request, struct rpc_buf **ret_buf);
	/* Of those with --wait: how far what was begun is. */
	enum progress (*progress)(const struct request *request,
				  const struct looks *looks);
	const char *failure; /* NULL: it cannot fail once begun */
};

/* NULL: no such verb. */
const struct verb *verb_find(const char *name);

#endif
