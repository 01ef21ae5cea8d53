/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - results on stdout, failures on stderr. One thread at a time. */
#ifndef EXEC_OUTPUT_H
#define EXEC_OUTPUT_H

#include "options.h"
#include "rpc/messages.h"
#include "rpc/status.h"
#include "snakepit/err.h"

/* What failures name, so that the logs can be searched. */
struct output_call {
	const struct exec_options *options;
	const char *correlation_id;
};

/* A tool's result: JSON, and its bytes to --binary-out. */
int output_result(const struct exec_options *options,
		  const struct rpc_execute_response *response, struct snp_err *err);

/* One chunk of a stream, on a line of its own, at once. */
int output_chunk(const struct exec_options *options, const struct rpc_chunk *chunk,
		 struct snp_err *err);

/* The tool ran and failed. */
void output_tool_error(const struct output_call *call,
		       const struct rpc_tool_error *error);

/* The call failed. A failed stream carries the tool's own error in its status. */
void output_status(const struct output_call *call, const struct rpc_status *status);

#endif
