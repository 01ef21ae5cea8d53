/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN	    _Alignof(max_align_t)
#define BLOCK_BYTES ((size_t)8192)

struct rpc_arena_block {
	struct rpc_arena_block *older;
	size_t size; /* of data[] */
	_Alignas(max_align_t) unsigned char data[];
};

void rpc_arena_init(struct rpc_arena *arena, size_t limit_bytes)
{
	arena->blocks = NULL;
	arena->used = 0;
	arena->total = 0;
	arena->limit = limit_bytes ? limit_bytes : SIZE_MAX;
}

void rpc_arena_reset(struct rpc_arena *arena)
{
	while (arena->blocks) {
		struct rpc_arena_block *older = arena->blocks->older;

		free(arena->blocks);
		arena->blocks = older;
	}
	arena->used = 0;
	arena->total = 0;
}

void rpc_arena_fini(struct rpc_arena *arena)
{
	rpc_arena_reset(arena);
}

/* Blocks double, up to a limit, so that a large message takes few of them. */
static struct rpc_arena_block *add_block(struct rpc_arena *arena, size_t at_least)
{
	size_t size = arena->blocks ? arena->blocks->size * 2 : BLOCK_BYTES;
	struct rpc_arena_block *block;

	if (size > BLOCK_BYTES * 64)
		size = BLOCK_BYTES * 64;
	if (size < at_least)
		size = at_least;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	block->size = size;
	block->older = arena->blocks;
	arena->blocks = block;
	arena->used = 0;
	return block;
}

void *rpc_arena_alloc(struct rpc_arena *arena, size_t size)
{
	unsigned char *data = arena->blocks ? arena->blocks->data : arena->first;
	size_t room = arena->blocks ? arena->blocks->size : sizeof(arena->first);
	struct rpc_arena_block *block;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = size ? (size + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
	if (size > arena->limit - arena->total)
		return NULL;
	if (size > room - arena->used) {
		block = add_block(arena, size);
		if (!block)
			return NULL;
		data = block->data;
	}
	p = data + arena->used;
	arena->used += size;
	arena->total += size;
	return p;
}

void *rpc_arena_calloc(struct rpc_arena *arena, size_t n, size_t size)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		return NULL;
	p = rpc_arena_alloc(arena, n * size);
	if (p)
		memset(p, 0, n * size);
	return p;
}
