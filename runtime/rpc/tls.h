/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - certificates from PEM files, and gRPC's credentials made of them.
 *
 * Everything is checked when it is read, because gRPC would only log that something is
 * wrong, and that at the first connection.
 */
#ifndef RPC_TLS_H
#define RPC_TLS_H

#include <grpc/grpc_security.h>

#include "rpc/channel.h"
#include "rpc/server.h"

struct rpc__tls;

/* Errors as rpc_server_set_tls(). */
int rpc__tls_create(const struct rpc_tls_files *files, struct rpc__tls **ret_tls,
		    struct snp_err *err);

/* Other certificates for connections from now on. Any thread. On failure the old ones
 * stay. */
int rpc__tls_replace(struct rpc__tls *tls, const struct rpc_tls_files *files,
		     struct snp_err *err);

/* The caller releases them; they use `tls` until the server that has them is gone. */
grpc_server_credentials *rpc__tls_credentials(struct rpc__tls *tls);

void rpc__tls_destroy(struct rpc__tls **tls);

/* A client's. The caller releases them. Errors as rpc_channel_create_tls(). */
int rpc__tls_client_credentials(const struct rpc_tls_client_files *files,
				grpc_channel_credentials **ret_creds,
				struct snp_err *err);

#endif
