/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - assertions about our own code. Always on in release builds.
 *
 * SNP_CHECK states an invariant of ours (a state-machine move, a table index, a
 * non-NULL object). It prints expression, file and line to stderr and aborts. It is
 * never applied to bytes that came from a segment, a file, a socket or a user: those
 * get an error return. SNP_DCHECK is for expensive checks, in debug builds only.
 */
#ifndef SNP_SHM_CHECK_H
#define SNP_SHM_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define SNP_CHECK(x)                                                                   \
	do {                                                                           \
		if (__builtin_expect(!(x), 0)) {                                       \
			(void)fprintf(stderr, "snakepit: check failed: %s (%s:%d)\n",  \
				      #x, __FILE__, __LINE__);                         \
			abort();                                                       \
		}                                                                      \
	} while (0)

#ifdef SNP_DEBUG
#define SNP_DCHECK(x) SNP_CHECK(x)
#else
#define SNP_DCHECK(x)                                                                  \
	do {                                                                           \
		(void)sizeof(x);                                                       \
	} while (0)
#endif

#endif
