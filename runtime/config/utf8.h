/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - just enough UTF-8 to refuse what is not, and to say where.
 */
#ifndef SNP_CONFIG_UTF8_H
#define SNP_CONFIG_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decode the character at p[0..n), n > 0. Returns its bytes, 0 if it is not UTF-8. */
size_t snp__utf8_decode(const char *p, size_t n, uint32_t *ret_cp);

/* Bytes of text[0..len) before the first that is not UTF-8; `len` if all are. */
size_t snp__utf8_valid_len(const char *text, size_t len);

#endif
