/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - characters as bytes: what output formats and prompts need of UTF-8. Pure. */
#ifndef SNP_MODEL_UTF8_H
#define SNP_MODEL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* What stands in for each byte that is not part of valid UTF-8. */
#define SNP_UTF8_REPLACEMENT "\xEF\xBF\xBD"

/* Bytes (1..4) of the character at the start of text[0..len), len > 0; 0 when it is not
 * UTF-8 (overlong forms, surrogates and values beyond U+10FFFF are not). */
size_t snp_utf8_char_len(const char *text, size_t len);

/* The code point of the character that these bytes are (snp_utf8_char_len()); '?' for
 * none. */
uint32_t snp_utf8_decode(const char *text, size_t char_len);
/* The bytes (1..4) of a code point. */
#define SNP_UTF8_BYTES_MAX 4
size_t snp_utf8_encode(char out[SNP_UTF8_BYTES_MAX], uint32_t ch);

/* Copy text (NULL: none) into `size` bytes, NUL included: cut before the first byte
 * that is not UTF-8, and on a character where it does not fit. */
void snp_utf8_copy(char *to, size_t size, const char *text);

#endif
