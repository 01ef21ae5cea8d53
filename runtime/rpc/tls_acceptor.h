/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_acceptor.h - the object through which gRPC takes connections for a listener that
 * has no socket ("external:<name>").
 *
 * gRPC looks up the listener's own address among the server's arguments and stores the
 * object there: grpc_core::TcpServerFdHandler, an abstract class with a destructor and
 * one method. It is meant for gRPC's C++ layer, which lives in another library, so its
 * layout is as stable as that of gRPC's C functions: both are fixed by libgrpc.so.29.
 * The table below is what the C++ ABI makes of it. The alternative, a port that gRPC
 * opens itself, stops accepting for good when descriptors run out (CVE-2023-4785) and
 * knows no limit for connections.
 */
#ifndef RPC_TLS_ACCEPTOR_H
#define RPC_TLS_ACCEPTOR_H

#include <grpc/byte_buffer.h>
#include <stddef.h>

#define RPC__TLS_ADDRESS "external:tls"

struct rpc__tls_acceptor {
	const struct rpc__tls_acceptor_methods {
		void (*destroy)(struct rpc__tls_acceptor *self);
		void (*destroy_and_free)(struct rpc__tls_acceptor *self);
		void (*handle)(struct rpc__tls_acceptor *self, int listener_fd, int fd,
			       grpc_byte_buffer *read_before);
	} * methods;
};

/* Takes `fd`. The server has started and is not shutting down. */
static inline void rpc__tls_accept(struct rpc__tls_acceptor *acceptor, int fd)
{
	acceptor->methods->handle(acceptor, -1, fd, NULL);
}

#endif
