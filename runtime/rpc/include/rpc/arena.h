/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is given back all at once: decoded messages live in one.
 *
 * Caller's storage. The first bytes come from a block inside the struct, so that a
 * small message costs no malloc. Everything handed out is valid until reset or fini. An
 * arena must not be moved or copied once used. One thread at a time.
 */
#ifndef RPC_ARENA_H
#define RPC_ARENA_H

#include <stddef.h>

#define RPC_ARENA_INLINE_BYTES 2048

struct rpc_arena_block;

struct rpc_arena {
	struct rpc_arena_block *blocks; /* newest first; NULL: only inline bytes used */
	size_t used;			/* of the newest block, or of first[] */
	size_t total;			/* handed out since init or reset */
	size_t limit;			/* allocations beyond this total fail */
	_Alignas(max_align_t) unsigned char first[RPC_ARENA_INLINE_BYTES];
};

/* `limit_bytes` bounds what may be handed out in total; 0 means no limit. */
void rpc_arena_init(struct rpc_arena *arena, size_t limit_bytes);

/* Free everything; the arena can be used again, with the same limit. */
void rpc_arena_reset(struct rpc_arena *arena);

/* Free everything; the arena must be initialised before it is used again. */
void rpc_arena_fini(struct rpc_arena *arena);

/* `size` bytes aligned for any type, not zeroed. NULL when memory or the limit ran out.
 */
void *rpc_arena_alloc(struct rpc_arena *arena, size_t size);

/* The same for n * size bytes, zeroed, with the product checked. */
void *rpc_arena_calloc(struct rpc_arena *arena, size_t n, size_t size);

#endif
