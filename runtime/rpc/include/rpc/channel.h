/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - a client's connection to one server, made on the first call.
 *
 * Each channel has a connection of its own; gRPC re-makes it after a loss, with
 * backoff, when a call wants it. Channels are not tied to a loop: each call names the
 * loop it completes on. All functions may be called from any thread, destroy by the
 * last user.
 */
#ifndef RPC_CHANNEL_H
#define RPC_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "snakepit/err.h"

#define RPC_MESSAGE_BYTES_DEFAULT  (100u << 20)
#define RPC_METADATA_BYTES_DEFAULT (16u << 10)

/* Zero means the default in brackets. */
struct rpc_channel_opts {
	uint32_t max_message_bytes;    /* each way [RPC_MESSAGE_BYTES_DEFAULT] */
	uint32_t max_metadata_bytes;   /* of answers [RPC_METADATA_BYTES_DEFAULT] */
	uint32_t connect_timeout_ms;   /* also when a peer accepts but is mute [2000] */
	uint32_t backoff_initial_ms;   /* after the first failed connect [50] */
	uint32_t backoff_max_ms;       /* [1000] */
	uint32_t keepalive_ms;	       /* HTTP/2 ping interval while calls run [off] */
	uint32_t keepalive_timeout_ms; /* unanswered ping = connection lost [5000] */
};

struct rpc_channel;

/* `target` is "unix:/absolute/path" or "host:port". Connects lazily, so an absent peer
 * is no error here. `opts` may be NULL. -EINVAL (malformed target, path over 107
 * bytes), -ENOMEM. */
int rpc_channel_create(const char *target, const struct rpc_channel_opts *opts,
		       struct rpc_channel **ret_channel, struct snp_err *err);

/* Paths of PEM files. */
struct rpc_tls_client_files {
	const char *ca;	  /* where the server's certificate must come from */
	const char *cert; /* our own, for servers that ask for one; NULL: none */
	const char *key;  /* its private key; NULL where cert is */
};

/* The same over TLS: the server must show a certificate for the host in `target`. Also
 * -EINVAL (a unix socket, or what is wrong with a file, by its name) and the errno of
 * an open() or read(). A program that calls this needs gRPC with TLS. */
int rpc_channel_create_tls(const char *target, const struct rpc_channel_opts *opts,
			   const struct rpc_tls_client_files *files,
			   struct rpc_channel **ret_channel, struct snp_err *err);

/* Free the channel. Does not cancel: calls on a connection run to their end; cancel
 * them first if you want them gone. */
void rpc_channel_destroy(struct rpc_channel **channel);

/* Forget the backoff, for when the peer is known to be back. */
void rpc_channel_reset_backoff(struct rpc_channel *channel);

/* As given to create; lives as long as the channel. */
const char *rpc_channel_target(const struct rpc_channel *channel);

#endif
