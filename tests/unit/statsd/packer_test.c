/* SPDX-License-Identifier: Apache-2.0 */
/* S01: no datagram is longer than it may be, and no line is split. */
#include "packer.h"

#include <string.h>

#include "snp_test.h"

#define RECORD_MAX 1500

static void add_joins_by_newlines_alone(void **state)
{
	char data[16];
	struct packer packer = {.data = data, .max_bytes = sizeof(data)};

	(void)state;
	assert_int_equal(packer_add(&packer, "a:1|c", 5), PACKER_TAKEN);
	assert_int_equal(packer_add(&packer, "b:2|c", 5), PACKER_TAKEN);
	assert_int_equal(packer.len, 11);
	assert_memory_equal(data, "a:1|c\nb:2|c", 11);
}

static void add_fills_to_the_last_byte(void **state)
{
	char data[11];
	struct packer packer = {.data = data, .max_bytes = sizeof(data)};

	(void)state;
	assert_int_equal(packer_add(&packer, "a:1|c", 5), PACKER_TAKEN);
	assert_int_equal(packer_add(&packer, "b:22|c", 6), PACKER_FULL);
	assert_int_equal(packer.len, 5);
	assert_int_equal(packer_add(&packer, "b:2|c", 5), PACKER_TAKEN);
	assert_int_equal(packer.len, packer.max_bytes);
	assert_int_equal(packer_add(&packer, "x", 1), PACKER_FULL);
	packer_reset(&packer);
	assert_int_equal(packer_add(&packer, "exactly:11|", 11), PACKER_TAKEN);
	packer_reset(&packer);
	assert_int_equal(packer_add(&packer, "one:too|many", 12), PACKER_TOO_LONG);
	assert_int_equal(packer.len, 0);
}

/* Records with a newline inside (two lines that belong together) stay whole as well. */
static size_t random_record(unsigned *seed, char record[RECORD_MAX])
{
	static const char alphabet[] = "abc.:|@#,=-019 \n";
	size_t len =
	    1 + (size_t)rand_r(seed) % (rand_r(seed) % 8 ? 80 : RECORD_MAX - 1);

	for (size_t i = 0; i < len; i++)
		record[i] = alphabet[(unsigned)rand_r(seed) % (sizeof(alphabet) - 1)];
	return len;
}

/* What was sent, joined again, is what was put in: nothing lost, doubled or cut. */
static void add_random_records_come_out_whole(void **state)
{
	static char data[1432], record[RECORD_MAX], expected[1 << 21], sent[1 << 21];

	(void)state;
	for (unsigned round = 1; round <= 50; round++) {
		struct packer packer = {.data = data, .max_bytes = 512 + round * 18};
		size_t expected_len = 0, sent_len = 0, len;
		unsigned seed = round;

		for (unsigned i = 0; i < 500; i++) {
			enum packer_verdict verdict;

			len = random_record(&seed, record);
			verdict = packer_add(&packer, record, len);
			if (verdict == PACKER_FULL) {
				assert_true(packer.len > 0);
				assert_true(packer.len <= packer.max_bytes);
				assert_true(packer.len + 1 + len > packer.max_bytes);
				memcpy(sent + sent_len, data, packer.len);
				sent_len += packer.len;
				sent[sent_len++] = '\n';
				packer_reset(&packer);
				verdict = packer_add(&packer, record, len);
			}
			assert_int_equal(verdict, len > packer.max_bytes
						      ? PACKER_TOO_LONG
						      : PACKER_TAKEN);
			if (verdict == PACKER_TOO_LONG)
				continue;
			memcpy(expected + expected_len, record, len);
			expected_len += len;
			expected[expected_len++] = '\n';
		}
		memcpy(sent + sent_len, data, packer.len);
		sent_len += packer.len;
		sent[sent_len++] = '\n';
		assert_int_equal(sent_len, expected_len);
		assert_memory_equal(sent, expected, sent_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(add_joins_by_newlines_alone),
	    cmocka_unit_test(add_fills_to_the_last_byte),
	    cmocka_unit_test(add_random_records_come_out_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
