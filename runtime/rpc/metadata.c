/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata_internal.h"

static bool starts_with(struct rpc_str s, struct rpc_str prefix)
{
	return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

static bool ends_with(struct rpc_str s, struct rpc_str suffix)
{
	return s.len >= suffix.len &&
	       memcmp(s.data + s.len - suffix.len, suffix.data, suffix.len) == 0;
}

bool rpc_md_key_is_legal(struct rpc_str key)
{
	if (rpc_str_equal(key, rpc_str_of(RPC_MD_RETRY_PUSHBACK)))
		return true;
	if (key.len == 0 || starts_with(key, rpc_str_of("grpc-")))
		return false;
	for (size_t i = 0; i < key.len; i++) {
		char c = key.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_' || c == '.'))
			return false;
	}
	return true;
}

bool rpc_md_value_is_legal(struct rpc_str key, struct rpc_str value)
{
	if (ends_with(key, rpc_str_of("-bin")))
		return true;
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < 0x20 || value.data[i] > 0x7e)
			return false;
	return true;
}

int rpc_md_add(struct rpc_md_list *list, const char *key, struct rpc_str value)
{
	struct rpc_md md = {.key = rpc_str_of(key), .value = value};

	if (!rpc_md_key_is_legal(md.key) || !rpc_md_value_is_legal(md.key, value))
		return -EINVAL;
	if (list->n == RPC_MD_MAX)
		return -ENOSPC;
	list->v[list->n++] = md;
	return 0;
}

int rpc__md_out_add(struct rpc__md_out *out, struct rpc_str key, struct rpc_str value)
{
	grpc_metadata *v;
	size_t cap;

	if (!rpc_md_key_is_legal(key) || !rpc_md_value_is_legal(key, value))
		return -EINVAL;
	if (out->n == RPC_MD_MAX)
		return -ENOSPC;
	if (out->n == out->cap) {
		cap = out->cap ? out->cap * 2 : 4;
		v = realloc(out->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		out->v = v;
		out->cap = cap;
	}
	out->v[out->n++] = (grpc_metadata){
	    .key = grpc_slice_from_copied_buffer(key.data, key.len),
	    .value = grpc_slice_from_copied_buffer(value.data, value.len),
	};
	return 0;
}

void rpc__md_out_fini(struct rpc__md_out *out)
{
	for (size_t i = 0; i < out->n; i++) {
		grpc_slice_unref(out->v[i].key);
		grpc_slice_unref(out->v[i].value);
	}
	free(out->v);
	*out = (struct rpc__md_out){0};
}

static struct rpc_str str_of_slice(const grpc_slice *slice)
{
	return (struct rpc_str){
	    .data = (const char *)GRPC_SLICE_START_PTR(*slice),
	    .len = GRPC_SLICE_LENGTH(*slice),
	};
}

size_t rpc_md_in_count(const struct rpc_md_in *md)
{
	return md->array.count;
}

struct rpc_md rpc_md_in_at(const struct rpc_md_in *md, size_t i)
{
	const grpc_metadata *pair = &md->array.metadata[i];

	return (struct rpc_md){
	    .key = str_of_slice(&pair->key),
	    .value = str_of_slice(&pair->value),
	};
}

struct rpc_str rpc_md_in_get(const struct rpc_md_in *md, const char *key)
{
	struct rpc_str wanted = rpc_str_of(key);

	for (size_t i = md->array.count; i-- > 0;)
		if (rpc_str_equal(rpc_md_in_at(md, i).key, wanted))
			return rpc_md_in_at(md, i).value;
	return (struct rpc_str){0};
}
