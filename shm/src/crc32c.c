/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checksum runs over every event, span and request in flight, and over megabytes of
 * SNAP ten times a second. So: 8 bytes an instruction where the processor can (x86-64:
 * three of them at once), and 8 bytes a step by tables (slicing-by-8) where it cannot.
 * Which, is found out before main().
 */
#include "crc32c.h"

#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define POLYNOMIAL UINT32_C(0x82F63B78) /* reversed */
#define SLICES	   8
/* A block are three lanes, each of which must be a few words long to be worth it. That
 * of a span's record is nearly all of it. */
#define LANE_WORDS 15
#define LANE_BYTES (LANE_WORDS * sizeof(uint64_t))

static uint32_t table[SLICES][256];
static bool has_instruction;

/* ---- by instruction ------------------------------------------------------ */

#if defined(__x86_64__)

static bool processor_has_instruction(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

/* What moves the checksum of one lane, or of two, past a lane that follows: x to the
 * power of the lane's bits, less the 33 by which multiplying and reducing go too far.
 */
static uint64_t past_one_lane, past_two_lanes;

static uint64_t power_of_x(size_t n)
{
	uint32_t power = UINT32_C(1) << 31; /* reversed: x^0 */

	while (n-- > 0)
		power = (power >> 1) ^ (POLYNOMIAL & (0 - (power & 1)));
	return power;
}

static void prepare_instruction(void)
{
	past_one_lane = power_of_x(8 * LANE_BYTES - 33);
	past_two_lanes = power_of_x(16 * LANE_BYTES - 33);
}

__attribute__((target("sse4.2,pclmul"))) static uint64_t move_past(uint64_t crc,
								   uint64_t power)
{
	__m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc),
					       _mm_cvtsi64_si128((long long)power), 0);

	return (uint64_t)_mm_cvtsi128_si64(product);
}

/* The instruction takes three cycles but starts every one: three lanes at once. */
__attribute__((target("sse4.2,pclmul"))) static uint64_t run_block(uint64_t crc,
								   const uint8_t *p)
{
	uint64_t lanes[3] = {crc}, words[3];

#pragma GCC unroll 15
	for (size_t i = 0; i < LANE_BYTES; i += sizeof(words[0])) {
		for (int k = 0; k < 3; k++) {
			memcpy(&words[k], p + (size_t)k * LANE_BYTES + i,
			       sizeof(words[k]));
			lanes[k] = __builtin_ia32_crc32di(lanes[k], words[k]);
		}
	}
	crc = move_past(lanes[0], past_two_lanes) ^ move_past(lanes[1], past_one_lane);
	return __builtin_ia32_crc32di(0, crc) ^ lanes[2];
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
run_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t wide = crc, word;

	for (; len >= 3 * LANE_BYTES; p += 3 * LANE_BYTES, len -= 3 * LANE_BYTES)
		wide = run_block(wide, p);
#pragma GCC unroll 8
	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; len > 0; p++, len--)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}

#elif defined(__aarch64__) && defined(__linux__)

static bool processor_has_instruction(void)
{
	return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

static void prepare_instruction(void)
{
}

/* Assembler, because what compilers call these instructions depends on the machine the
 * whole file is compiled for. */
static uint32_t run_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1"
			: "+r"(crc)
			: "r"(word));
	}
	for (; len > 0; p++, len--)
		__asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1"
			: "+r"(crc)
			: "r"((uint32_t)*p));
	return crc;
}

#else

static bool processor_has_instruction(void)
{
	return false;
}

static void prepare_instruction(void)
{
}

static uint32_t run_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	(void)p;
	(void)len;
	return crc; /* never called */
}

#endif

/* ---- by table ------------------------------------------------------------ */

static void fill_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (POLYNOMIAL & (0 - (crc & 1)));
		table[0][byte] = crc;
	}
	for (int slice = 1; slice < SLICES; slice++)
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t before = table[slice - 1][byte];

			table[slice][byte] = (before >> 8) ^ table[0][before & 0xFF];
		}
}

static uint32_t run_table(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= SLICES; p += SLICES, len -= SLICES)
		crc = table[7][p[0] ^ (crc & 0xFF)] ^
		      table[6][p[1] ^ (crc >> 8 & 0xFF)] ^
		      table[5][p[2] ^ (crc >> 16 & 0xFF)] ^ table[4][p[3] ^ crc >> 24] ^
		      table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	for (; len > 0; p++, len--)
		crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xFF];
	return crc;
}

/* Before main() and before any thread: the path needs no lock and no first call. */
__attribute__((constructor)) static void choose(void)
{
	fill_table();
	prepare_instruction();
	has_instruction = processor_has_instruction();
}

/* ---- public -------------------------------------------------------------- */

uint32_t snp__crc32c(const void *data, size_t len_bytes)
{
	return ~(has_instruction ? run_instruction(UINT32_MAX, data, len_bytes)
				 : run_table(UINT32_MAX, data, len_bytes));
}

bool snp__crc32c_by_instruction(const void *data, size_t len_bytes, uint32_t *ret_crc)
{
	if (!has_instruction)
		return false;
	*ret_crc = ~run_instruction(UINT32_MAX, data, len_bytes);
	return true;
}

uint32_t snp__crc32c_by_table(const void *data, size_t len_bytes)
{
	return ~run_table(UINT32_MAX, data, len_bytes);
}

uint64_t snp__fnv1a(uint64_t seed, const void *data, size_t len_bytes)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len_bytes; i++)
		seed = (seed ^ p[i]) * UINT64_C(0x100000001b3);
	return seed;
}
