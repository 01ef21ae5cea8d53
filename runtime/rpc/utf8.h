/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - well-formedness of UTF-8 as RFC 3629 defines it.
 */
#ifndef RPC_UTF8_H
#define RPC_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the first character of `s` (1 to 4), or 0 if it is not well-formed:
 * overlong, a surrogate, beyond U+10FFFF, cut off, or len is 0. */
size_t rpc__utf8_char_len(const char *s, size_t len);

/* The whole text is well-formed and has no NUL. */
bool rpc__utf8_is_text(const char *s, size_t len);

#endif
