/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_internal.h - status texts from the network.
 */
#ifndef RPC_STATUS_INTERNAL_H
#define RPC_STATUS_INTERNAL_H

#include <stddef.h>

#include "rpc/status.h"

/* rpc_status_set() for bytes that are not NUL-terminated and not to be trusted. */
void rpc__status_set_bytes(struct rpc_status *status, enum rpc_code code,
			   const char *text, size_t len);

#endif
