/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_error.h - a worker's report of a failed tool, which is JSON text in a string.
 */
#ifndef RPC_TOOL_ERROR_H
#define RPC_TOOL_ERROR_H

#include "rpc/arena.h"
#include "rpc/messages.h"

/* Split a report. Text that is not a JSON object, or larger than 1 MiB, becomes the
 * message as it is. `text` must outlive *ret. -ENOMEM. */
int rpc__tool_error_parse(const char *text, struct rpc_arena *arena,
			  struct rpc_tool_error *ret);

/* The report to send: detail_json if there is one, else an object made of type and
 * message. NUL-terminated, in the arena. -ENOMEM. */
int rpc__tool_error_format(const struct rpc_tool_error *error, struct rpc_arena *arena,
			   char **ret_text);

#endif
