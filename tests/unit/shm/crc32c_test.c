/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C: the published answers, and both ways of computing it against each other. */
#include "snp_test.h"

#include <string.h>

#include "crc32c.h"

/* RFC 3720, appendix B.4. */
static const struct {
	const char *what;
	uint8_t bytes[48];
	size_t len;
	uint32_t crc;
} answers[] = {
    {"nothing", {0}, 0, 0},
    {"32 zeros", {0}, 32, UINT32_C(0x8A9136AA)},
    {"32 ones",
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
      0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
     32,
     UINT32_C(0x62A8AB43)},
    {"32 rising",
     {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
      16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
     32,
     UINT32_C(0x46DD794E)},
    {"32 falling",
     {31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
      15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4,  3,  2,  1,  0},
     32,
     UINT32_C(0x113FDB5C)},
    {"an iSCSI read command",
     {0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,	   0, 0, 0, 0,
      0x14, 0,	  0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
      0x28, 0,	  0, 0, 0, 0, 0, 0, 2, 0, 0, 0,	   0, 0, 0, 0},
     48,
     UINT32_C(0xD9963A56)},
    {"the check value", "123456789", 9, UINT32_C(0xE3069283)},
};

static void crc32c_gives_the_published_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint32_t crc = snp__crc32c(answers[i].bytes, answers[i].len);

		if (crc != answers[i].crc)
			fail_msg("%s: 0x%08x, expected 0x%08x", answers[i].what, crc,
				 answers[i].crc);
		assert_int_equal(snp__crc32c_by_table(answers[i].bytes, answers[i].len),
				 answers[i].crc);
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

/* Bit by bit, as the polynomial is written. */
static uint32_t plain_crc(const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (UINT32_C(0x82F63B78) & (0 - (crc & 1)));
	}
	return ~crc;
}

/* Random lengths from every alignment, against the polynomial. */
static void agree(bool (*crc_of)(const void *data, size_t len, uint32_t *ret_crc))
{
	static uint8_t bytes[4096 + 16];
	uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);
	uint32_t crc;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)next_random(&seed);
	for (int i = 0; i < 2000; i++) {
		size_t at = next_random(&seed) % 16;
		size_t len = next_random(&seed) % (i % 10 ? 300 : 4096);

		assert_true(crc_of(bytes + at, len, &crc));
		assert_int_equal(crc, plain_crc(bytes + at, len));
	}
}

static bool by_table(const void *data, size_t len, uint32_t *ret_crc)
{
	*ret_crc = snp__crc32c_by_table(data, len);
	return true;
}

static bool by_choice(const void *data, size_t len, uint32_t *ret_crc)
{
	*ret_crc = snp__crc32c(data, len);
	return true;
}

static void crc32c_by_table_agrees_with_the_polynomial(void **state)
{
	(void)state;
	agree(by_table);
}

static void crc32c_by_instruction_agrees_with_the_polynomial(void **state)
{
	uint32_t crc;

	(void)state;
	if (!snp__crc32c_by_instruction("", 0, &crc))
		snp_test_skip("this processor has no CRC instruction");
	agree(snp__crc32c_by_instruction);
}

static void crc32c_as_chosen_agrees_with_the_polynomial(void **state)
{
	(void)state;
	agree(by_choice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crc32c_gives_the_published_answers),
	    cmocka_unit_test(crc32c_by_table_agrees_with_the_polynomial),
	    cmocka_unit_test(crc32c_by_instruction_agrees_with_the_polynomial),
	    cmocka_unit_test(crc32c_as_chosen_agrees_with_the_polynomial),
	};

	return cmocka_run_group_tests_name("shm/crc32c", tests, NULL, NULL);
}
