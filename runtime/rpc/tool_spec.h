/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_spec.h - descriptions of tools, which several messages of the bridge carry.
 *
 * What is decoded points into the unpacked message, what is encoded into the caller's
 * struct; the arena holds what lies between.
 */
#ifndef RPC_TOOL_SPEC_H
#define RPC_TOOL_SPEC_H

#include <bridge.pb-c.h>

#include "rpc/arena.h"
#include "rpc/messages.h"

/* -ENOMEM. */
int rpc__tool_of_spec(const Snakepit__Bridge__ToolSpec *spec, struct rpc_arena *arena,
		      struct rpc_tool *ret);

/* One spec for each tool, in the order of the tools. NULL for none. -ENOMEM. */
int rpc__specs_of_tools(const struct rpc_tools *tools, struct rpc_arena *arena,
			Snakepit__Bridge__ToolSpec ***ret_specs);

#endif
