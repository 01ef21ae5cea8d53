/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args.h - a fixed-size set of integer channel arguments.
 */
#ifndef RPC_ARGS_H
#define RPC_ARGS_H

#include <grpc/grpc.h>
#include <limits.h>
#include <stdint.h>

#include "snakepit/check.h"

#define RPC__ARGS_MAX 20

struct rpc__args {
	size_t n;
	grpc_arg v[RPC__ARGS_MAX];
};

/* `key` must be static; gRPC takes a char pointer it never writes through. */
static inline void rpc__args_add(struct rpc__args *args, const char *key,
				 uint32_t value)
{
	SNP_CHECK(args->n < RPC__ARGS_MAX);
	args->v[args->n++] = (grpc_arg){
	    .type = GRPC_ARG_INTEGER,
	    .key = (char *)(uintptr_t)key,
	    .value.integer = value > INT_MAX ? INT_MAX : (int)value,
	};
}

static inline uint32_t rpc__or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

#endif
