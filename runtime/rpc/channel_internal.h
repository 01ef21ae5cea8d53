/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_CHANNEL_INTERNAL_H
#define RPC_CHANNEL_INTERNAL_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "rpc/channel.h"

/* rpc_channel_create() with credentials, which stay the caller's. */
int rpc__channel_create(const char *target, const struct rpc_channel_opts *opts,
			grpc_channel_credentials *creds,
			struct rpc_channel **ret_channel, struct snp_err *err);

grpc_channel *rpc__channel_core(struct rpc_channel *channel);

#endif
