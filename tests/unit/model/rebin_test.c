/* SPDX-License-Identifier: Apache-2.0 */
/* Fine buckets as coarse ones, against counting one by one. */
#include "model/rebin.h"

#include "snp_test.h"

static const uint64_t upper[] = {10, 20, 30, 40, 50};
static const uint64_t bounds[] = {5, 20, 35, 50};
static const struct snp_metric metric = {
    .upper_ns = upper, .nbuckets = 4, .bounds_ns = bounds, .bounds_nr = 4};

static void buckets_count_where_they_are_whole(void **state)
{
	/* Up to 10, 20, 30, 40, 50, and beyond. */
	const uint64_t words[] = {1, 2, 4, 8, 16, 32};
	const uint64_t expected[] = {0, 1 + 2, 4, 8 + 16, 32};
	uint64_t counts[5], below = 0;

	(void)state;
	assert_int_equal(
	    snp_rebin(&metric, words, (struct snp_hist_span){0, 6}, counts), 63);
	for (int i = 0; i < 5; i++)
		assert_int_equal(counts[i], expected[i]);
	for (int i = 0; i < 4; i++) {
		below += counts[i];
		assert_int_equal(below, snp_hist_count_le(&metric, words, bounds[i]));
	}
}

static void words_outside_of_the_span_are_not_read(void **state)
{
	const uint64_t words[] = {99, 99, 4, 8, 99, 99};
	uint64_t counts[5];

	(void)state;
	assert_int_equal(
	    snp_rebin(&metric, words, (struct snp_hist_span){2, 4}, counts), 12);
	assert_int_equal(counts[2], 4);
	assert_int_equal(counts[3], 8);
	assert_int_equal(
	    snp_rebin(&metric, words, (struct snp_hist_span){0, 0}, counts), 0);
	assert_int_equal(counts[4], 0);
}

static void without_bounds_all_is_one_bucket(void **state)
{
	const struct snp_metric none = {.upper_ns = upper, .nbuckets = 4};
	const uint64_t words[] = {1, 2, 4, 8, 16, 32};
	uint64_t count;

	(void)state;
	assert_int_equal(snp_rebin(&none, words, (struct snp_hist_span){0, 6}, &count),
			 63);
	assert_int_equal(count, 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buckets_count_where_they_are_whole),
	    cmocka_unit_test(words_outside_of_the_span_are_not_read),
	    cmocka_unit_test(without_bounds_all_is_one_bucket),
	};

	return cmocka_run_group_tests_name("model/rebin", tests, NULL, NULL);
}
