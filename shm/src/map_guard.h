/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_guard.h - survive a file that somebody cuts short while it is mapped.
 *
 * Reading a mapped page that the file no longer has raises SIGBUS. In a guarded map
 * what is missing is replaced by zeros instead, so that the reader goes on and comes
 * back; what it has read must then be thrown away. Every other SIGBUS goes to the
 * handler that was there before ours.
 *
 * Threads: any function from any thread. The handler is installed once, by the first
 * snp__guard_add() of the process, and stays.
 */
#ifndef SNP_SHM_MAP_GUARD_H
#define SNP_SHM_MAP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct snp__guarded;

/* Guard a map of whole pages. NULL when out of memory. */
struct snp__guarded *snp__guard_add(const void *map, size_t bytes);
/* Before it is unmapped. NULL is fine. */
void snp__guard_remove(struct snp__guarded *guard);
/* Whether a page was missing. */
bool snp__guard_hit(const struct snp__guarded *guard);

#endif
