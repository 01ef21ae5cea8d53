/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4) and FNV-1a.
 *
 * Pure leaf functions, safe from any thread and on the hot path.
 */
#ifndef SNP_SHM_CRC32C_H
#define SNP_SHM_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By the processor's own instruction where it has one, else by tables. */
uint32_t snp__crc32c(const void *data, size_t len_bytes);

/* The two ways, for the test that they agree. The first is false where the processor
 * has no such instruction; *ret_crc is untouched then. */
bool snp__crc32c_by_instruction(const void *data, size_t len_bytes, uint32_t *ret_crc);
uint32_t snp__crc32c_by_table(const void *data, size_t len_bytes);

#define SNP__FNV1A_SEED UINT64_C(0xcbf29ce484222325)
/* FNV-1a, 64 bits; chain calls by passing the previous result as seed. */
uint64_t snp__fnv1a(uint64_t seed, const void *data, size_t len_bytes);

#endif
