/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.h - text from a segment on somebody's terminal: nothing in it may act. Pure.
 */
#ifndef SNP_MODEL_TERMINAL_H
#define SNP_MODEL_TERMINAL_H

#include <stdbool.h>

#include "model/buf.h"

/* Whether valid UTF-8 at `s` starts with a control character: C0, DEL, or C1, which
 * takes two bytes. */
bool snp_terminal_is_control(const char *s);

/* `text` with each byte of a control character as \xHH. */
void snp_terminal_put(struct snp_buf *out, const char *text);
/* The first `len` bytes of it, which end on a character. */
void snp_terminal_put_n(struct snp_buf *out, const char *text, size_t len);

#endif
