/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_CHANNEL_INTERNAL_H
#define RPC_CHANNEL_INTERNAL_H

#include <grpc/grpc.h>

#include "rpc/channel.h"

grpc_channel *rpc__channel_core(struct rpc_channel *channel);

#endif
