/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include "model/octave.h"
#include "snakepit/write.h"

/* As the writer's samples have it (shm/src/history_write.c). */
static unsigned octave_of(unsigned word)
{
	unsigned octave = (word + 7) / 8;

	return octave < SNP_HIST_OCTAVES ? octave : SNP_HIST_OCTAVES - 1;
}

static void observe(uint64_t octave[SNP_HIST_OCTAVES], uint64_t life[SNP_HIST_WORDS],
		    uint64_t ns)
{
	unsigned word = snp__hist_word(ns);

	life[word]++;
	octave[octave_of(word)]++;
}

static void nothing_seen_is_zero(void **state)
{
	const uint64_t octave[SNP_HIST_OCTAVES] = {0};

	(void)state;
	assert_int_equal(0, snp_octave_quantile_ns(octave, NULL, 0.5));
}

/* With the life at hand the answer is to half a bucket, at every duration. */
static void one_duration_is_found_again_within_its_bucket(void **state)
{
	(void)state;
	for (uint64_t ns = 2000; ns < UINT64_C(2000000000000); ns += ns / 3) {
		uint64_t octave[SNP_HIST_OCTAVES] = {0}, life[SNP_HIST_WORDS] = {0};
		double got;

		observe(octave, life, ns);
		got = (double)snp_octave_quantile_ns(octave, life, 0.99);
		assert_in_range((uint64_t)(got * 1000 / (double)ns), 955, 1047);
		got = (double)snp_octave_quantile_ns(octave, NULL, 0.99);
		assert_in_range((uint64_t)(got * 1000 / (double)ns), 706, 1415);
	}
}

static void rank_chooses_the_octave_and_the_life_the_bucket(void **state)
{
	uint64_t octave[SNP_HIST_OCTAVES] = {0}, life[SNP_HIST_WORDS] = {0};
	uint64_t got;

	(void)state;
	for (int i = 0; i < 90; i++)
		observe(octave, life, 1100000);
	for (int i = 0; i < 9; i++)
		observe(octave, life, 40000000);
	observe(octave, life, 1000000000);
	got = snp_octave_quantile_ns(octave, life, 0.50);
	assert_in_range(got, 1050000, 1150000);
	got = snp_octave_quantile_ns(octave, life, 0.95);
	assert_in_range(got, 38000000, 42000000);
	got = snp_octave_quantile_ns(octave, life, 0.999);
	assert_in_range(got, 955000000, 1047000000);
	/* A minute of which the life knows much more. */
	for (int i = 0; i < 100000; i++)
		life[snp__hist_word(1700000)]++;
	got = snp_octave_quantile_ns(octave, life, 0.95);
	assert_in_range(got, 38000000, 42000000);
}

static void what_is_beyond_the_buckets_is_the_edge(void **state)
{
	uint64_t octave[SNP_HIST_OCTAVES] = {0}, life[SNP_HIST_WORDS] = {0};

	(void)state;
	observe(octave, life, 1);
	assert_int_equal(953, snp_octave_quantile_ns(octave, life, 0.5));
	assert_int_equal(953, snp_octave_quantile_ns(octave, NULL, 0.5));
	octave[0] = life[0] = 0;
	octave[SNP_HIST_OCTAVES - 1] = life[SNP_HIST_WORDS - 1] = 1;
	assert_int_equal(UINT64_C(4096000000000),
			 snp_octave_quantile_ns(octave, life, 0.5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_seen_is_zero),
	    cmocka_unit_test(one_duration_is_found_again_within_its_bucket),
	    cmocka_unit_test(rank_chooses_the_octave_and_the_life_the_bucket),
	    cmocka_unit_test(what_is_beyond_the_buckets_is_the_edge),
	};

	return cmocka_run_group_tests_name("model/octave", tests, NULL, NULL);
}
