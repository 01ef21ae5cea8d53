/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pairs.h - protobuf maps to sorted pairs and back, for any map<string, T> whose T is
 * string, bytes, or an Any that holds JSON text.
 *
 * The generated entry types differ in name only, so this goes by their descriptors.
 */
#ifndef RPC_PAIRS_H
#define RPC_PAIRS_H

#include <protobuf-c/protobuf-c.h>

#include "rpc/arena.h"
#include "rpc/messages.h"

/* Sorted by key, of equal keys only the last; strings stay where they are. -ENOMEM. */
int rpc__pairs_of_map(size_t n, const void *entries, struct rpc_arena *arena,
		      struct rpc_pairs *ret_pairs);

/* `entry` describes the generated entry type. *ret_entries points at pointers to
 * entries, fit for assignment to the message's member. The strings are borrowed.
 * -ENOMEM. */
int rpc__map_of_pairs(const ProtobufCMessageDescriptor *entry,
		      const struct rpc_pairs *pairs, struct rpc_arena *arena,
		      size_t *ret_n, void **ret_entries);

/* protobuf-c has no const; it only reads what is packed. */
static inline char *rpc__str(const char *s)
{
	return (char *)(uintptr_t)(s ? s : "");
}

static inline ProtobufCBinaryData rpc__bytes(struct rpc_str s)
{
	return (ProtobufCBinaryData){.len = s.len,
				     .data = (uint8_t *)(uintptr_t)s.data};
}

static inline struct rpc_str rpc__str_of_bytes(ProtobufCBinaryData bytes)
{
	return (struct rpc_str){.data = (const char *)bytes.data, .len = bytes.len};
}

/* Repeated strings, which stay where they are. */
static inline struct rpc_texts rpc__texts(size_t n, char **v)
{
	return (struct rpc_texts){.v = (const char *const *)v, .n = n};
}

/* The reverse, for packing only. */
static inline char **rpc__strs(struct rpc_texts texts)
{
	return (char **)(uintptr_t)texts.v;
}

#define RPC__JSON_TYPE_URL "type.googleapis.com/google.protobuf.StringValue"

#endif
