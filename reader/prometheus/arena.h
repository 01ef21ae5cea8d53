/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory for many small things that are all forgotten at once.
 *
 * A zeroed struct is an empty arena. One thread at a time.
 */
#ifndef SNP_PROMETHEUS_ARENA_H
#define SNP_PROMETHEUS_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *first, *now;
	size_t used; /* of the chunk at hand */
};

/* Uninitialised, aligned for anything; NULL when there is no memory. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* Forget everything, keep the memory. */
void arena_reset(struct arena *arena);
void arena_fini(struct arena *arena);

#endif
