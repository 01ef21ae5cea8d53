/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include "trace/sampler.h"

static struct trace_sampler make(const char *name, const char *arg, unsigned ignored)
{
	const struct snp_cfg_traces cfg = {
	    .sampler = SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON, .ratio = 0.25};
	struct trace_sampler sampler;

	assert_int_equal(trace_sampler_init(&sampler, &cfg, name, arg), ignored);
	return sampler;
}

enum { ROOT, UNDER_SAMPLED, UNDER_UNSAMPLED };

static bool decides(const struct trace_sampler *sampler, int where, uint64_t id)
{
	const struct trace_context parents[] = {
	    [ROOT] = {.flags = TRACE_FLAG_SAMPLED}, /* no span, so it does not count */
	    [UNDER_SAMPLED] = {.span = 1, .flags = TRACE_FLAG_SAMPLED},
	    [UNDER_UNSAMPLED] = {.span = 1, .flags = TRACE_FLAG_RANDOM},
	};

	return trace_sampler_decide(sampler, &parents[where], id);
}

/* Ids at both ends and around 0.25 of their range. */
#define QUARTER (UINT64_C(1) << 62)

static void each_sampler_decides_as_its_name_says(void **state)
{
	static const struct {
		const char *name;
		/* of the smallest id, the last below a quarter, the first not, the
		 * largest; without a parent, with one sampled, with one not */
		const char *decisions[3];
	} table[] = {
	    {"always_on", {"1111", "1111", "1111"}},
	    {"always_off", {"0000", "0000", "0000"}},
	    {"traceidratio", {"1100", "1100", "1100"}},
	    {"parentbased_always_on", {"1111", "1111", "0000"}},
	    {"parentbased_always_off", {"0000", "1111", "0000"}},
	    {"parentbased_traceidratio", {"1100", "1111", "0000"}},
	    {"ParentBased_TraceIdRatio", {"1100", "1111", "0000"}},
	};
	static const uint64_t ids[] = {0, QUARTER - 1, QUARTER, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct trace_sampler sampler = make(table[i].name, NULL, 0);

		for (int where = 0; where < 3; where++)
			for (int k = 0; k < 4; k++)
				if (decides(&sampler, where, ids[k]) !=
				    (table[i].decisions[where][k] == '1'))
					fail_msg("%s, %d, %d", table[i].name, where, k);
	}
}

static void environment_wins_and_nonsense_is_ignored(void **state)
{
	struct trace_sampler s;

	(void)state;
	s = make("traceidratio", "0.5", 0);
	assert_true(s.bound == UINT64_C(1) << 63);
	s = make("traceidratio", "", 0);
	assert_true(s.bound == QUARTER);
	s = make("", "0.5", 0); /* of no use to parentbased_always_on */
	assert_true(s.all && s.by_parent);
	s = make("sometimes", NULL, TRACE_IGNORED_SAMPLER);
	assert_true(s.all && s.by_parent);
	s = make("jaeger_remote", "nonsense",
		 TRACE_IGNORED_SAMPLER | TRACE_IGNORED_ARG);
	assert_true(s.all && s.by_parent);
}

static void ratios_that_are_none_are_ignored(void **state)
{
	static const char *const bad[] = {"x",	 "-0.1",   "1.1",  "1e9", "nan",
					  "inf", "0x1p-1", "0.5x", "0,5", "-"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct trace_sampler s =
		    make("traceidratio", bad[i], TRACE_IGNORED_ARG);

		if (s.bound != QUARTER)
			fail_msg("%s", bad[i]);
	}
}

static void ratios_at_the_ends_of_the_range(void **state)
{
	struct trace_sampler s;

	(void)state;
	s = make("traceidratio", "1", 0);
	assert_true(s.all);
	s = make("traceidratio", "1.0", 0);
	assert_true(s.all);
	s = make("traceidratio", "0", 0);
	assert_true(!s.all && s.bound == 0);
	s = make("traceidratio", "-0", 0);
	assert_true(!s.all && s.bound == 0);
	s = make("traceidratio", "1e-300", 0);
	assert_true(!s.all && s.bound == 0);
	/* One step of a double below 1 is 2^11 ids below all of them. */
	s = make("traceidratio", "0.99999999999999988897769753748", 0);
	assert_true(!s.all && s.bound == UINT64_MAX - 2047);
	/* Half of an id is none, one and a half are two. */
	s = make("traceidratio", "2.710505431213761e-20", 0);
	assert_true(s.bound == 0);
	s = make("traceidratio", "8.131516293641283e-20", 0);
	assert_true(s.bound == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_sampler_decides_as_its_name_says),
	    cmocka_unit_test(environment_wins_and_nonsense_is_ignored),
	    cmocka_unit_test(ratios_that_are_none_are_ignored),
	    cmocka_unit_test(ratios_at_the_ends_of_the_range),
	};

	return cmocka_run_group_tests_name("trace/sampler", tests, NULL, NULL);
}
