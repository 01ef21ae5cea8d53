/* SPDX-License-Identifier: Apache-2.0 */
/* When starting workers is given up, and when it is tried again. */
#include "snp_test.h"

#include "worker/breaker.h"

static const struct snp_cfg_restart cfg = {
    .breaker_deaths = 5, .breaker_window_s = 60, .breaker_probe_ms = 30000};

static snp_mono_t at(uint64_t ms)
{
	return (snp_mono_t){(1000000 + ms) * SNP_NS_PER_MS};
}

static void assert_state(const struct breaker *b, enum snp_enum_BREAKER state)
{
	assert_int_equal(b->state, state);
}

static void fifth_death_in_the_window_opens_it(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_false(breaker_death(&b, &cfg, at(i * 15000)));
	assert_true(breaker_death(&b, &cfg, at(60000)));
	assert_state(&b, SNP_BREAKER_OPEN);
	assert_int_equal(b.probe_at.ns, at(90000).ns);
	assert_false(breaker_death(&b, &cfg, at(60001))); /* it opens once */
}

static void deaths_further_apart_do_not(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (uint64_t i = 0; i < 2000; i++)
		assert_false(breaker_death(&b, &cfg, at(i * 15001)));
	assert_state(&b, SNP_BREAKER_CLOSED);
}

static void many_deaths_long_ago_are_forgotten(void **state)
{
	struct breaker b = {0};
	struct snp_cfg_restart patient = cfg;

	(void)state;
	patient.breaker_deaths = BREAKER_DEATHS_MAX;
	for (uint64_t i = 0; i < BREAKER_DEATHS_MAX - 1; i++)
		assert_false(breaker_death(&b, &patient, at(i)));
	assert_false(breaker_death(&b, &patient, at(61000)));
	assert_state(&b, SNP_BREAKER_CLOSED);
}

static void one_death_is_enough_where_the_limit_is_one(void **state)
{
	struct snp_cfg_restart strict = cfg;
	struct breaker b = {0};

	(void)state;
	strict.breaker_deaths = 1;
	assert_true(breaker_death(&b, &strict, at(0)));
}

static void more_than_half_of_the_slots_open_it(void **state)
{
	static const struct {
		uint32_t failing, of;
		bool opens;
	} rows[] = {
	    {0, 1, false}, {1, 1, true},       {1, 2, false},
	    {2, 2, true},  {2, 4, false},      {3, 4, true},
	    {0, 0, false}, {500, 1000, false}, {501, 1000, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct breaker b = {0};

		assert_int_equal(
		    breaker_crowd(&b, &cfg, rows[i].failing, rows[i].of, at(0)),
		    rows[i].opens);
	}
}

static void probe_comes_when_it_is_due_and_one_at_a_time(void **state)
{
	struct breaker b = {0};

	(void)state;
	assert_false(breaker_probe(&b, at(0))); /* closed */
	assert_true(breaker_crowd(&b, &cfg, 1, 1, at(0)));
	assert_false(breaker_probe(&b, at(29999)));
	assert_true(breaker_probe(&b, at(30000)));
	assert_state(&b, SNP_BREAKER_HALF_OPEN);
	assert_false(breaker_probe(&b, at(90000)));
	breaker_probe_failed(&b, &cfg, at(31000));
	assert_state(&b, SNP_BREAKER_OPEN);
	assert_false(breaker_probe(&b, at(60999)));
	assert_true(breaker_probe(&b, at(61000)));
}

static void probe_failed_means_nothing_but_half_open(void **state)
{
	struct breaker b = {0};

	(void)state;
	breaker_probe_failed(&b, &cfg, at(0));
	assert_state(&b, SNP_BREAKER_CLOSED);
}

static void closing_forgets_the_deaths_and_says_whether_it_was_open(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		(void)breaker_death(&b, &cfg, at(i));
	assert_false(breaker_close(&b)); /* still closed: the deaths count on */
	assert_true(breaker_death(&b, &cfg, at(10)));
	assert_true(breaker_close(&b));
	assert_state(&b, SNP_BREAKER_CLOSED);
	for (uint64_t i = 0; i < 4; i++)
		assert_false(breaker_death(&b, &cfg, at(20 + i)));
	assert_true(breaker_death(&b, &cfg, at(30)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fifth_death_in_the_window_opens_it),
	    cmocka_unit_test(deaths_further_apart_do_not),
	    cmocka_unit_test(many_deaths_long_ago_are_forgotten),
	    cmocka_unit_test(one_death_is_enough_where_the_limit_is_one),
	    cmocka_unit_test(more_than_half_of_the_slots_open_it),
	    cmocka_unit_test(probe_comes_when_it_is_due_and_one_at_a_time),
	    cmocka_unit_test(probe_failed_means_nothing_but_half_open),
	    cmocka_unit_test(closing_forgets_the_deaths_and_says_whether_it_was_open),
	};

	return cmocka_run_group_tests_name("runtime/breaker", tests, NULL, NULL);
}
