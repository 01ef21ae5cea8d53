/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed.h - memory that a worker shares with us and cannot take away: a memfd of fixed
 * size. It can write anything into it, so whoever reads it checks every word.
 */
#ifndef SNAKEPIT_RUNTIME_SEALED_H
#define SNAKEPIT_RUNTIME_SEALED_H

#include <sys/types.h>

/* A descriptor, closed on exec, of exactly `size` zeros for good; a negative errno. */
int sealed_file(const char *name, off_t size);

#endif
