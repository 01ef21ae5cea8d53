/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments.h - a tool's arguments, from what the user typed to what is sent.
 *
 * One JSON object becomes one pair an entry, each value again JSON text; files become
 * binary pairs. Everything is checked before anything is sent. One thread at a time.
 */
#ifndef EXEC_ARGUMENTS_H
#define EXEC_ARGUMENTS_H

#include "options.h"
#include "rpc/messages.h"
#include "snakepit/err.h"

struct arguments {
	struct rpc_pairs json;
	struct rpc_pairs binary;
};

/* Read and check. Errors name the source, and line and column of malformed JSON.
 * -EINVAL, -EFBIG (over the size of a message), -ENOMEM, or what open and read gave. */
int arguments_read(const struct exec_options *options, struct arguments *ret,
		   struct snp_err *err);
void arguments_fini(struct arguments *arguments);

#endif
