/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory for many small things that are all forgotten at once.
 *
 * A zeroed struct is an empty arena. One thread at a time.
 */
#ifndef SNP_MODEL_ARENA_H
#define SNP_MODEL_ARENA_H

#include <stddef.h>

struct snp_arena_chunk;

struct snp_arena {
	struct snp_arena_chunk *first, *now;
	size_t used; /* of the chunk at hand */
};

/* Uninitialised, aligned for anything; NULL when there is no memory. */
void *snp_arena_alloc(struct snp_arena *arena, size_t bytes);
/* Forget everything, keep the memory. */
void snp_arena_reset(struct snp_arena *arena);
void snp_arena_fini(struct snp_arena *arena);

#endif
