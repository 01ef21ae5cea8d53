/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - run a program for what it prints, for a bounded time. */
#ifndef SNAKEPIT_CHILD_H
#define SNAKEPIT_CHILD_H

#include <stddef.h>

#include "snakepit/err.h"

/* Run argv[0] (a path) with `env` ("NAME=value" added to ours; NULL: nothing) and
 * collect what it writes to stdout and stderr, up to `size` - 1 bytes, NUL-terminated;
 * the rest is thrown away. Returns its exit status (128 + signal), -ETIMEDOUT after
 * `timeout_ms` (it is killed then), or the negative errno of what kept it from running.
 */
int child_output(char *const argv[], const char *env, unsigned timeout_ms,
		 char *ret_text, size_t size);

#endif
