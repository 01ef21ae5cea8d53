/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are cut off or damaged: any of them either loads or is refused with one
 * line that has a position. Run it with SAN=asan; a crash is what it looks for.
 */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
	char *text;
	size_t len;
};

static int setup(void **state)
{
	struct sample *sample = calloc(1, sizeof(*sample));
	FILE *in = fopen("tests/unit/config/example.yaml", "r");

	assert_non_null(sample);
	assert_non_null(in);
	sample->text = malloc(SNP_CONFIG_MAX_BYTES);
	assert_non_null(sample->text);
	sample->len = fread(sample->text, 1, SNP_CONFIG_MAX_BYTES, in);
	(void)fclose(in);
	*state = sample;
	return sample->len > 1000 ? 0 : -1;
}

static int teardown(void **state)
{
	struct sample *sample = *state;

	free(sample->text);
	free(sample);
	return 0;
}

/* "c:<digits>:<digits>: ..." and nothing that would break the line. */
static bool is_one_line_with_position(const char *msg)
{
	size_t line, column;
	int used = 0;

	if (sscanf(msg, "c:%zu:%zu: %n", &line, &column, &used) != 2 || used == 0)
		return false;
	for (const char *p = msg; *p; p++) {
		if (iscntrl((unsigned char)*p))
			return false;
	}
	return line >= 1 && column >= 1;
}

static void expect_no_harm(const char *text, size_t len)
{
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};
	/* A block of the exact size, so that reading one byte too far is seen. */
	char *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	rc = snp_config_parse(copy, len, "c", &cfg, &err);
	if (rc == 0) {
		assert_non_null(cfg);
	} else {
		assert_null(cfg);
		assert_int_equal(rc, -EINVAL);
		if (!is_one_line_with_position(err.msg))
			fail_msg("bad message: %s", err.msg);
	}
	snp_config_destroy(&cfg);
	free(copy);
}

static void every_truncation_is_harmless(void **state)
{
	const struct sample *sample = *state;

	for (size_t len = 0; len <= sample->len; len++)
		expect_no_harm(sample->text, len);
}

static void every_byte_damaged_is_harmless(void **state)
{
	static const char damage[] = {'\0', '\n', ' ', '\t', ':',  '-',	  '[',
				      ']',  '{',  '}', '"',  '\'', '#',	  '&',
				      '*',  '!',  '|', '%',  '$',  '\x80'};
	const struct sample *sample = *state;

	/* Each position with one kind of damage; which one turns with the position. */
	for (size_t at = 0; at < sample->len; at++) {
		char before = sample->text[at];

		sample->text[at] = damage[at % sizeof(damage)];
		expect_no_harm(sample->text, sample->len);
		sample->text[at] = (char)(before ^ (1 << (at % 8)));
		expect_no_harm(sample->text, sample->len);
		sample->text[at] = before;
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Pieces of the file in another order: well-formed more often than damaged bytes are.
 */
static void shuffled_pieces_are_harmless(void **state)
{
	const struct sample *sample = *state;
	uint32_t seed = 20260101;
	char text[2048];

	for (int round = 0; round < 2000; round++) {
		size_t len = 0;

		while (len < sizeof(text) - 200 && next_random(&seed) % 12 != 0) {
			size_t n = next_random(&seed) % 200;
			size_t from = next_random(&seed) % (sample->len - 200);

			memcpy(text + len, sample->text + from, n);
			len += n;
		}
		expect_no_harm(text, len);
	}
}

static void deep_and_wide_files_end_soon(void **state)
{
	size_t len = SNP_CONFIG_MAX_BYTES;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, '[', len);
	expect_no_harm(text, len);
	memset(text, '{', len);
	expect_no_harm(text, len);
	for (size_t i = 0; i < len; i++)
		text[i] = "- "[i % 2];
	expect_no_harm(text, len);
	for (size_t i = 0; i < len; i++)
		text[i] = "- \n"[i % 3];
	expect_no_harm(text, len);
	memset(text, 'a', len);
	memcpy(text, "instance: ", 10);
	expect_no_harm(text, len);
	memset(text, 'k', len);
	memcpy(text + len - 3, ": 1", 3);
	expect_no_harm(text, len);
	for (size_t i = 0; i + 8 <= len; i += 8)
		(void)snprintf(text + i, 8, "%05x:", (unsigned)i & 0xFFFFFU);
	for (size_t i = 6; i < len; i += 8)
		memcpy(text + i, " \n", 2);
	expect_no_harm(text, len);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_truncation_is_harmless),
	    cmocka_unit_test(every_byte_damaged_is_harmless),
	    cmocka_unit_test(shuffled_pieces_are_harmless),
	    cmocka_unit_test(deep_and_wide_files_end_soon),
	};

	return cmocka_run_group_tests_name("config/hostile", tests, setup, teardown);
}
