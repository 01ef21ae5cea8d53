/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata.h - the key/value pairs beside a message, and correlation ids.
 *
 * Outgoing pairs are collected in `struct rpc_md_list`, which borrows every string: it
 * is copied when a call is started or answered, so it may live on the stack and point
 * at the caller's strings until then. Incoming pairs are read through the opaque
 * `struct rpc_md_in`, which belongs to its call and lives as long as the call does.
 * Reading is safe from any thread that holds the call; a list is for one thread.
 */
#ifndef RPC_METADATA_H
#define RPC_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/str.h"

#define RPC_MD_CORRELATION_ID "x-snakepit-correlation-id"
#define RPC_MD_WORKER_ID      "x-snakepit-worker-id"
#define RPC_MD_C_API	      "x-snakepit-c-api" /* the key of the program itself */
#define RPC_MD_TRACEPARENT    "traceparent"
#define RPC_MD_TRACESTATE     "tracestate"
#define RPC_MD_BAGGAGE	      "baggage"
/* From a server: when to try again. The one key of the protocol that is ours to set. */
#define RPC_MD_RETRY_PUSHBACK "grpc-retry-pushback-ms"

/* ---- Outgoing ------------------------------------------------------------ */

#define RPC_MD_MAX 16

struct rpc_md {
	struct rpc_str key;
	struct rpc_str value;
};

struct rpc_md_list {
	size_t n; /* start at 0, or use = {0} */
	struct rpc_md v[RPC_MD_MAX];
};

/* Append one pair; both strings are borrowed until the list has been used.
 * -EINVAL: the key or value is not legal (see below); -ENOSPC: RPC_MD_MAX pairs. */
int rpc_md_add(struct rpc_md_list *list, const char *key, struct rpc_str value);

/* Keys: one or more of [a-z0-9._-], not starting with "grpc-", which is the protocol's
 * own namespace (but for RPC_MD_RETRY_PUSHBACK). Upper case is not legal. */
bool rpc_md_key_is_legal(struct rpc_str key);

/* Values: printable ASCII, or any bytes at all where the key ends in "-bin". */
bool rpc_md_value_is_legal(struct rpc_str key, struct rpc_str value);

/* ---- Incoming ------------------------------------------------------------ */

struct rpc_md_in;

size_t rpc_md_in_count(const struct rpc_md_in *md);

/* Pair number i, i < count, in the order of arrival. */
struct rpc_md rpc_md_in_at(const struct rpc_md_in *md, size_t i);

/* Value of the last pair with this key, or the absent string. */
struct rpc_str rpc_md_in_get(const struct rpc_md_in *md, const char *key);

/* ---- Correlation ids ----------------------------------------------------- */

#define RPC_CORRELATION_MAX   128			/* characters on the wire */
#define RPC_CORRELATION_BYTES (RPC_CORRELATION_MAX + 1) /* with the NUL */

enum rpc_correlation_origin {
	RPC_CORRELATION_ADOPTED,  /* the caller's own */
	RPC_CORRELATION_MADE,	  /* none came */
	RPC_CORRELATION_REPLACED, /* what came was not valid: worth a log line */
};

/* 1 to RPC_CORRELATION_MAX characters of [A-Za-z0-9._:-]. */
bool rpc_correlation_is_valid(struct rpc_str id);

/* "sp-" and 24 lower-case hexadecimal digits from the kernel's random source, fetched
 * in batches of one system call for many ids. Any thread. */
void rpc_correlation_make(char ret_id[RPC_CORRELATION_BYTES]);

/* The candidate if it is valid, else a new id; says which. An absent or empty candidate
 * counts as none. */
enum rpc_correlation_origin rpc_correlation_adopt(struct rpc_str candidate,
						  char ret_id[RPC_CORRELATION_BYTES]);

#endif
