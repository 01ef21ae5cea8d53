/* SPDX-License-Identifier: Apache-2.0 */
/* origin.h - which boot and which namespaces we run in: whose clocks and pids ours are.
 */
#ifndef SNP_SHM_ORIGIN_H
#define SNP_SHM_ORIGIN_H

#include <stdint.h>

/* The kernel's boot id as 16 bytes; -ENOENT where it cannot be read. */
int snp__boot_id(uint8_t ret_id[16]);

/* Inode of one of our namespaces, "/proc/self/ns/..."; 0 where it cannot be read. */
uint64_t snp__namespace_inode(const char *path);

#endif
