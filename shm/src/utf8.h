/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - which bytes are text (RFC 3629, and no NUL). */
#ifndef SNP_SHM_UTF8_H
#define SNP_SHM_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `len` bytes are valid UTF-8 without NUL. */
bool snp__utf8_ok(const char *text, size_t len);

/* Bytes of the character that `text` (`len` bytes) starts with; 0 where it starts with
 * none. */
size_t snp__utf8_char(const char *text, size_t len);

#endif
