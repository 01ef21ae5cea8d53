/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_guard.h - survive a segment that somebody cuts short while we read it.
 *
 * Reading a mapped page that the file no longer has raises SIGBUS. Between begin and
 * end such a page is replaced by one of zeros, so that the reader goes on and comes
 * back; what it has read must then be thrown away. Any other SIGBUS goes where it went
 * before. One thread; not nested.
 */
#ifndef SNP_TOP_MAP_GUARD_H
#define SNP_TOP_MAP_GUARD_H

#include <stdbool.h>

void map_guard_begin(void);
/* Whether a page was missing. */
bool map_guard_end(void);

#endif
