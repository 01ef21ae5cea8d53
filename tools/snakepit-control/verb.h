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

#include "rpc/buf.h"

struct watched;
struct snp_look;

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
	VERB_FORCE = 1 << 3,
	VERB_WAIT = 1 << 4,
};

struct verb {
	const char *name;
	const char *method;
	unsigned flags;
	const char *operands; /* for the usage line */
	const char *what;     /* what it does, for its help */
	const char *examples;
	int (*encode)(const struct request *request, struct rpc_buf **ret_buf);
	/* VERB_WAIT: whether what was begun is done, as `now` shows it and `before`
	 * was. */
	bool (*done)(const struct request *request, const struct snp_look *before,
		     const struct snp_look *now);
};

/* NULL: no such verb. */
const struct verb *verb_find(const char *name);

#endif
