/* SPDX-License-Identifier: Apache-2.0 */
#include "model/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)64 << 10)

struct snp_arena_chunk {
	struct snp_arena_chunk *next;
	size_t bytes;
	alignas(max_align_t) char data[];
};

static size_t rounded(size_t bytes)
{
	return (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

/* A chunk of at least that much becomes the one at hand. */
static int next_chunk(struct snp_arena *arena, size_t bytes)
{
	struct snp_arena_chunk **link = arena->now ? &arena->now->next : &arena->first;
	struct snp_arena_chunk *chunk = *link;

	if (!chunk || chunk->bytes < bytes) {
		bytes = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
		chunk = malloc(sizeof(*chunk) + bytes);
		if (!chunk)
			return -1;
		chunk->next = *link;
		chunk->bytes = bytes;
		*link = chunk;
	}
	arena->now = chunk;
	arena->used = 0;
	return 0;
}

void *snp_arena_alloc(struct snp_arena *arena, size_t bytes)
{
	void *at;

	bytes = rounded(bytes);
	if ((!arena->now || arena->now->bytes - arena->used < bytes) &&
	    next_chunk(arena, bytes) < 0)
		return NULL;
	at = arena->now->data + arena->used;
	arena->used += bytes;
	return at;
}

void snp_arena_reset(struct snp_arena *arena)
{
	arena->now = NULL;
	arena->used = 0;
}

void snp_arena_fini(struct snp_arena *arena)
{
	struct snp_arena_chunk *chunk;

	while ((chunk = arena->first) != NULL) {
		arena->first = chunk->next;
		free(chunk);
	}
	*arena = (struct snp_arena){0};
}
