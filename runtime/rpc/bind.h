/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.h - listening sockets: parsing the address, taking the path, binding.
 */
#ifndef RPC_BIND_H
#define RPC_BIND_H

#include "rpc/accept.h"
#include "snakepit/err.h"

/* Long enough for "unix:" and the longest path, or any numeric address. */
#define RPC__ADDRESS_BYTES 128

struct rpc__bound {
	int fd;	     /* listening, non-blocking; -1 if none */
	int lock_fd; /* unix only, else -1 */
	enum rpc__family {
		RPC__UNIX,
		RPC__TCP,
	} family;
	char address[RPC__ADDRESS_BYTES]; /* in channel form, real port */
};

/* Contract and errors as rpc_listener_create(). Nothing is left behind on failure. */
int rpc__bind(const char *address, enum rpc_listen_reach reach,
	      struct rpc__bound *ret_bound, struct snp_err *err);

/* Close; remove the unix path and its lock file. */
void rpc__unbind(struct rpc__bound *bound);

#endif
