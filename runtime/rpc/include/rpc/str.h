/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.h - a borrowed run of bytes: what metadata values, JSON texts and payloads are.
 *
 * Not NUL-terminated, may be empty, may hold any byte unless a contract says UTF-8. Who
 * owns the memory and for how long is said where a value of this type is handed out.
 */
#ifndef RPC_STR_H
#define RPC_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct rpc_str {
	const char *data; /* NULL means "absent" where a contract distinguishes it */
	size_t len;
};

/* A NUL-terminated string without its NUL; NULL becomes the absent string. */
static inline struct rpc_str rpc_str_of(const char *s)
{
	return (struct rpc_str){.data = s, .len = s ? strlen(s) : 0};
}

static inline bool rpc_str_equal(struct rpc_str a, struct rpc_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
