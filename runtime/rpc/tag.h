/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tag.h - what a completion queue hands back: one embedded tag per batch in flight.
 *
 * The trip of a tag through gRPC orders memory for the CPU, but ThreadSanitizer cannot
 * see into that library. The release store before the trip and the acquire load after
 * it say the same in terms it understands, and cost nothing on x86.
 */
#ifndef RPC_TAG_H
#define RPC_TAG_H

#include <stdatomic.h>
#include <stdbool.h>

struct rpc__tag {
	void (*fn)(struct rpc__tag *tag, bool ok);
	atomic_uint published;
};

/* The tag argument for one batch; everything written so far is visible to `fn`. */
static inline void *rpc__tag_arm(struct rpc__tag *tag)
{
	/* pairs with the acquire in rpc__tag_run() */
	atomic_store_explicit(&tag->published, 1, memory_order_release);
	return tag;
}

static inline void rpc__tag_run(void *opaque, bool ok)
{
	struct rpc__tag *tag = opaque;

	/* pairs with the release in rpc__tag_arm() */
	(void)atomic_load_explicit(&tag->published, memory_order_acquire);
	tag->fn(tag, ok);
}

#endif
