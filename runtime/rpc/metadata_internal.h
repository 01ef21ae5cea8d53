/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata_internal.h - metadata as gRPC takes and gives it.
 */
#ifndef RPC_METADATA_INTERNAL_H
#define RPC_METADATA_INTERNAL_H

#include <grpc/grpc.h>

#include "rpc/metadata.h"

/* The array is ours, the slices in it are the grpc_call's. */
struct rpc_md_in {
	grpc_metadata_array array;
};

/* Pairs on their way out, copied. Zeroed is empty. */
struct rpc__md_out {
	grpc_metadata *v;
	size_t n, cap;
};

/* -EINVAL, -ENOSPC beyond RPC_MD_MAX, -ENOMEM. */
int rpc__md_out_add(struct rpc__md_out *out, struct rpc_str key, struct rpc_str value);
void rpc__md_out_fini(struct rpc__md_out *out);

#endif
