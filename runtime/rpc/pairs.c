/* SPDX-License-Identifier: Apache-2.0 */
#include "pairs.h"

#include <errno.h>
#include <google/protobuf/any.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "snakepit/check.h"

/* Map entries have field 1, the key, and field 2, the value; descriptors are sorted. */
enum { KEY, VALUE };

static const void *member_of(const ProtobufCMessage *entry, int which)
{
	return (const char *)entry + entry->descriptor->fields[which].offset;
}

static const char *key_of(const ProtobufCMessage *entry)
{
	const char *key;

	memcpy(&key, member_of(entry, KEY), sizeof(key));
	return key;
}

static struct rpc_str value_of(const ProtobufCMessage *entry)
{
	const void *member = member_of(entry, VALUE);
	const Google__Protobuf__Any *any;
	ProtobufCBinaryData bytes;
	const void *pointer;
	const char *text;

	switch (entry->descriptor->fields[VALUE].type) {
	case PROTOBUF_C_TYPE_STRING:
		memcpy(&text, member, sizeof(text));
		return rpc_str_of(text);
	case PROTOBUF_C_TYPE_BYTES:
		memcpy(&bytes, member, sizeof(bytes));
		break;
	default:
		memcpy(&pointer, member, sizeof(pointer));
		any = pointer;
		if (!any)
			return rpc_str_of("");
		bytes = any->value;
		break;
	}
	return bytes.len ? rpc__str_of_bytes(bytes) : rpc_str_of("");
}

struct placed {
	struct rpc_pair pair;
	size_t place; /* makes the order total, so that "last" survives the sort */
};

static int by_key_and_place(const void *left, const void *right)
{
	const struct placed *a = left, *b = right;
	int order = strcmp(a->pair.key, b->pair.key);

	return order ? order : (a->place > b->place) - (a->place < b->place);
}

int rpc__pairs_of_map(size_t n, const void *entries, struct rpc_arena *arena,
		      struct rpc_pairs *ret_pairs)
{
	const ProtobufCMessage *const *entry = entries;
	struct placed *placed;
	struct rpc_pair *v;
	size_t kept = 0;

	if (n == 0) {
		*ret_pairs = (struct rpc_pairs){0};
		return 0;
	}
	placed = rpc_arena_calloc(arena, n, sizeof(*placed));
	v = rpc_arena_calloc(arena, n, sizeof(*v));
	if (!placed || !v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		placed[i] = (struct placed){{key_of(entry[i]), value_of(entry[i])}, i};
	qsort(placed, n, sizeof(*placed), by_key_and_place);
	for (size_t i = 0; i < n; i++) {
		if (kept && strcmp(v[kept - 1].key, placed[i].pair.key) == 0)
			kept--;
		v[kept++] = placed[i].pair;
	}
	*ret_pairs = (struct rpc_pairs){.v = v, .n = kept};
	return 0;
}

struct rpc_str rpc_pairs_get(const struct rpc_pairs *pairs, const char *key)
{
	for (size_t i = pairs->n; i-- > 0;)
		if (strcmp(pairs->v[i].key, key) == 0)
			return pairs->v[i].value;
	return (struct rpc_str){0};
}

static int set_value(ProtobufCMessage *entry, struct rpc_str value,
		     struct rpc_arena *arena)
{
	const ProtobufCFieldDescriptor *field = &entry->descriptor->fields[VALUE];
	void *member = (char *)entry + field->offset;
	ProtobufCBinaryData bytes = rpc__bytes(value);
	Google__Protobuf__Any *any;
	void *pointer;
	char *text;

	switch (field->type) {
	case PROTOBUF_C_TYPE_BYTES:
		memcpy(member, &bytes, sizeof(bytes));
		return 0;
	case PROTOBUF_C_TYPE_STRING:
		text = rpc_arena_alloc(arena, value.len + 1);
		if (!text)
			return -ENOMEM;
		if (value.len)
			memcpy(text, value.data, value.len);
		text[value.len] = '\0';
		memcpy(member, &text, sizeof(text));
		return 0;
	default:
		SNP_CHECK(field->descriptor == &google__protobuf__any__descriptor);
		any = rpc_arena_alloc(arena, sizeof(*any));
		if (!any)
			return -ENOMEM;
		google__protobuf__any__init(any);
		any->type_url = rpc__str(RPC__JSON_TYPE_URL);
		any->value = bytes;
		pointer = any;
		memcpy(member, &pointer, sizeof(pointer));
		return 0;
	}
}

int rpc__map_of_pairs(const ProtobufCMessageDescriptor *entry,
		      const struct rpc_pairs *pairs, struct rpc_arena *arena,
		      size_t *ret_n, void **ret_entries)
{
	ProtobufCMessage **entries;
	char *storage;

	if (pairs->n == 0) {
		*ret_n = 0;
		*ret_entries = NULL;
		return 0;
	}
	entries = rpc_arena_calloc(arena, pairs->n, sizeof(ProtobufCMessage *));
	storage = rpc_arena_calloc(arena, pairs->n, entry->sizeof_message);
	if (!entries || !storage)
		return -ENOMEM;
	for (size_t i = 0; i < pairs->n; i++) {
		ProtobufCMessage *message =
		    (void *)(storage + i * entry->sizeof_message);
		char *key = rpc__str(pairs->v[i].key);

		entry->message_init(message);
		memcpy((char *)message + entry->fields[KEY].offset, &key, sizeof(key));
		if (set_value(message, pairs->v[i].value, arena) < 0)
			return -ENOMEM;
		entries[i] = message;
	}
	*ret_n = pairs->n;
	*ret_entries = entries;
	return 0;
}
