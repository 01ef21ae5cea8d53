/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - make any bytes fit for readers, who refuse text that is not UTF-8. */
#ifndef SNP_SHM_TEXT_H
#define SNP_SHM_TEXT_H

#include <stddef.h>

/* Copy as many whole characters of `text` (`len` bytes) as `room` bytes hold; a byte
 * that is no part of one becomes '?'. Adds no NUL. Returns the bytes written, which are
 * as many as were read. */
size_t snp__text_clean(char *ret, size_t room, const char *text, size_t len);

#endif
