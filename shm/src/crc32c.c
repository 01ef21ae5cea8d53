/* SPDX-License-Identifier: Apache-2.0 */
#include "crc32c.h"

/* Bit by bit: it runs over a few kilobytes at start and 56 bytes a heartbeat. */
uint32_t snp__crc32c(const void *data, size_t len_bytes)
{
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len_bytes; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (UINT32_C(0x82F63B78) & (0 - (crc & 1)));
	}
	return ~crc;
}

uint64_t snp__fnv1a(uint64_t seed, const void *data, size_t len_bytes)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len_bytes; i++)
		seed = (seed ^ p[i]) * UINT64_C(0x100000001b3);
	return seed;
}
