/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.h - one log line under construction, in a buffer that it cannot leave.
 *
 * The buffer always has room to end the line properly: what does not fit is left out,
 * never half a field, half a character or an open quote. Not thread-safe per object.
 */
#ifndef SNP_LOG_LINE_H
#define SNP_LOG_LINE_H

#include <stdint.h>

#include "log/log.h"

struct line {
	enum log_format format;
	bool cut;   /* something was left out */
	size_t len; /* bytes used in text */
	size_t cap; /* bytes of text that may be used before line_end() */
	char text[LOG_LINE_MAX];
};

/* Start a line with the keys that every line has. */
void line_begin(struct line *line, enum log_format format, enum log_level level,
		const char *msg, size_t msg_len);

void line_add(struct line *line, const struct log_field *field);

/* Close the line; text[0..len) is then complete and ends with a newline. At most
 * LOG_LINE_MAX - 1 bytes, so that a writer can put one byte in front. */
void line_end(struct line *line);

/*
 * Decode one character of `n` > 0 bytes at `p`. Returns the bytes it takes; *ret_cp is
 * its code point. Broken UTF-8 gives one byte and U+FFFD.
 */
size_t line_utf8_next(const char *p, size_t n, uint32_t *ret_cp);

/* True for what must not reach a terminal raw: control characters, the line separators
 * of Unicode and its direction overrides. */
bool line_is_unsafe(uint32_t cp);

#endif
