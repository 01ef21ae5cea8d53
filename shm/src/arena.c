/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of a snapshot: appended, then dropped together; chunks are kept for reuse. */
#include <stdlib.h>
#include <string.h>

#include "reader_private.h"

#define CHUNK_BYTES 16384

struct chunk {
	struct chunk *next;
	size_t used, size;
	char bytes[];
};

struct snp__arena {
	struct chunk *first, *current;
};

static struct chunk *chunk_create(size_t size)
{
	struct chunk *c = malloc(sizeof(*c) + size);

	if (c)
		*c = (struct chunk){.size = size};
	return c;
}

struct snp__arena *snp__arena_create(void)
{
	struct snp__arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return NULL;
	arena->first = arena->current = chunk_create(CHUNK_BYTES);
	if (!arena->first) {
		free(arena);
		return NULL;
	}
	return arena;
}

void snp__arena_destroy(struct snp__arena **arena)
{
	struct snp__arena *a = *arena;

	*arena = NULL;
	if (!a)
		return;
	for (struct chunk *c = a->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

void snp__arena_reset(struct snp__arena *arena)
{
	for (struct chunk *c = arena->first; c; c = c->next)
		c->used = 0;
	arena->current = arena->first;
}

char *snp__arena_text(struct snp__arena *arena, const char *text, size_t len)
{
	struct chunk *c = arena->current;
	char *p;

	while (c->size - c->used < len + 1 && c->next)
		c = arena->current = c->next;
	if (c->size - c->used < len + 1) {
		c->next = chunk_create(len + 1 > CHUNK_BYTES ? len + 1 : CHUNK_BYTES);
		if (!c->next)
			return NULL;
		c = arena->current = c->next;
	}
	p = c->bytes + c->used;
	memcpy(p, text, len);
	p[len] = '\0';
	c->used += len + 1;
	return p;
}
