/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args.h - a fixed-size set of channel arguments.
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

static inline void *rpc__args_same_pointer(void *p)
{
	return p;
}

static inline void rpc__args_forget_pointer(void *p)
{
	(void)p;
}

static inline int rpc__args_compare_pointers(void *a, void *b)
{
	return (a > b) - (a < b);
}

/* `p` is borrowed and must outlive whatever takes the arguments. */
static inline void rpc__args_add_pointer(struct rpc__args *args, const char *key,
					 void *p)
{
	static const grpc_arg_pointer_vtable borrowed = {
	    rpc__args_same_pointer,
	    rpc__args_forget_pointer,
	    rpc__args_compare_pointers,
	};

	SNP_CHECK(args->n < RPC__ARGS_MAX);
	args->v[args->n++] = (grpc_arg){
	    .type = GRPC_ARG_POINTER,
	    .key = (char *)(uintptr_t)key,
	    .value.pointer = {.p = p, .vtable = &borrowed},
	};
}

static inline uint32_t rpc__or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

#endif
