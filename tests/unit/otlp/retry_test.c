/* SPDX-License-Identifier: Apache-2.0 */
/* O11, O13, O16: when a request is tried again. */
#include "retry.h"

#include "snp_test.h"

#define NO_BUDGET UINT64_C(0)
#define MIDDLE	  (UINT32_MAX / 2)

static snp_mono_t at(uint64_t ms)
{
	return snp_mono_add_ms((snp_mono_t){SNP_NS_PER_S}, ms);
}

static struct otlp_retry begun(uint64_t budget_ms)
{
	struct otlp_retry retry = {.first_wait_ms = 1000};

	otlp_retry_begin(&retry, at(0), budget_ms);
	return retry;
}

static void expect(const struct otlp_retry *retry, uint64_t now_ms, enum otlp_step step)
{
	snp_mono_t until;

	assert_int_equal(otlp_retry_next(retry, at(now_ms), &until), step);
}

/* The wait that the next step is, in milliseconds. */
static uint64_t wait_ms(const struct otlp_retry *retry, uint64_t now_ms)
{
	snp_mono_t until = {0};

	assert_int_equal(otlp_retry_next(retry, at(now_ms), &until), OTLP_WAIT);
	return (until.ns - at(now_ms).ns + SNP_NS_PER_MS / 2) / SNP_NS_PER_MS;
}

static void first_attempt_is_made_at_once_and_may_take_the_budget(void **state)
{
	struct otlp_retry retry = begun(5000);
	snp_mono_t until = {0};

	(void)state;
	assert_int_equal(otlp_retry_next(&retry, at(0), &until), OTLP_ATTEMPT);
	assert_int_equal(until.ns, at(5000).ns);
}

static void o13_waits_grow_by_half_up_to_thirty_seconds(void **state)
{
	static const uint64_t waits[] = {1000,	1500,  2250,  3375,  5063, 7594,
					 11391, 17086, 25629, 30000, 30000};
	struct otlp_retry retry = begun(NO_BUDGET);

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		otlp_retry_failed(&retry, at(0), 0, MIDDLE);
		assert_in_range(wait_ms(&retry, 0), waits[i] - 1, waits[i] + 1);
	}
}

static void o13_a_wait_is_drawn_within_a_fifth(void **state)
{
	static const uint32_t chances[] = {0, UINT32_MAX / 4, UINT32_MAX};
	static const uint64_t waits[] = {800, 900, 1200};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct otlp_retry retry = begun(NO_BUDGET);

		otlp_retry_failed(&retry, at(0), 0, chances[i]);
		assert_in_range(wait_ms(&retry, 0), waits[i] - 1, waits[i] + 1);
	}
}

static void a_new_request_starts_with_short_waits_again(void **state)
{
	struct otlp_retry retry = begun(NO_BUDGET);

	(void)state;
	for (int i = 0; i < 5; i++)
		otlp_retry_failed(&retry, at(0), 0, MIDDLE);
	otlp_retry_begin(&retry, at(10), NO_BUDGET);
	expect(&retry, 10, OTLP_ATTEMPT);
	otlp_retry_failed(&retry, at(10), 0, MIDDLE);
	assert_in_range(wait_ms(&retry, 10), 999, 1001);
}

static void o11_the_longer_of_both_waits_counts(void **state)
{
	struct otlp_retry retry = begun(NO_BUDGET);

	(void)state;
	otlp_retry_failed(&retry, at(0), 4 * SNP_NS_PER_S, MIDDLE);
	assert_int_equal(wait_ms(&retry, 0), 4000);
	expect(&retry, 4000, OTLP_ATTEMPT);
	otlp_retry_failed(&retry, at(4000), SNP_NS_PER_MS, MIDDLE);
	assert_in_range(wait_ms(&retry, 4000), 1499, 1501);
}

static void o11_what_was_asked_for_holds_for_the_next_request_too(void **state)
{
	struct otlp_retry retry = begun(NO_BUDGET);

	(void)state;
	otlp_retry_failed(&retry, at(0), 4 * SNP_NS_PER_S, MIDDLE);
	otlp_retry_begin(&retry, at(1000), NO_BUDGET);
	assert_int_equal(wait_ms(&retry, 1000), 3000);
}

static void o11_no_receiver_silences_us_for_long(void **state)
{
	struct otlp_retry retry = begun(NO_BUDGET);

	(void)state;
	otlp_retry_failed(&retry, at(0), UINT64_MAX, MIDDLE);
	assert_int_equal(wait_ms(&retry, 0), OTLP_RETRY_ASKED_MAX_MS);
}

static void a_request_is_given_up_when_its_budget_is_used(void **state)
{
	struct otlp_retry retry = begun(5000);

	(void)state;
	otlp_retry_failed(&retry, at(100), 0, MIDDLE);
	expect(&retry, 4999, OTLP_ATTEMPT);
	expect(&retry, 5000, OTLP_GIVE_UP);
}

static void a_wait_beyond_the_budget_is_not_begun(void **state)
{
	struct otlp_retry retry = begun(5000);

	(void)state;
	otlp_retry_failed(&retry, at(0), 5 * SNP_NS_PER_S, MIDDLE);
	expect(&retry, 0, OTLP_GIVE_UP);
}

static void o16_stop_ends_a_wait_with_one_more_attempt(void **state)
{
	struct otlp_retry retry = begun(NO_BUDGET);
	snp_mono_t until = {0};

	(void)state;
	otlp_retry_failed(&retry, at(0), 0, MIDDLE);
	otlp_retry_stop(&retry, at(2000));
	assert_int_equal(otlp_retry_next(&retry, at(10), &until), OTLP_ATTEMPT);
	assert_int_equal(until.ns, at(2000).ns);
	otlp_retry_failed(&retry, at(20), 0, MIDDLE);
	expect(&retry, 20, OTLP_GIVE_UP);
	/* And so for what is sent afterwards. */
	otlp_retry_begin(&retry, at(30), 60000);
	assert_int_equal(otlp_retry_next(&retry, at(30), &until), OTLP_ATTEMPT);
	assert_int_equal(until.ns, at(2000).ns);
	otlp_retry_failed(&retry, at(40), 0, MIDDLE);
	expect(&retry, 40, OTLP_GIVE_UP);
}

static void o16_what_was_asked_for_holds_while_stopping(void **state)
{
	struct otlp_retry retry = begun(NO_BUDGET);

	(void)state;
	otlp_retry_failed(&retry, at(0), SNP_NS_PER_S, MIDDLE);
	otlp_retry_stop(&retry, at(2000));
	assert_int_equal(wait_ms(&retry, 10), 990);
	otlp_retry_stop(&retry, at(500));
	expect(&retry, 10, OTLP_GIVE_UP);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_attempt_is_made_at_once_and_may_take_the_budget),
	    cmocka_unit_test(o13_waits_grow_by_half_up_to_thirty_seconds),
	    cmocka_unit_test(o13_a_wait_is_drawn_within_a_fifth),
	    cmocka_unit_test(a_new_request_starts_with_short_waits_again),
	    cmocka_unit_test(o11_the_longer_of_both_waits_counts),
	    cmocka_unit_test(o11_what_was_asked_for_holds_for_the_next_request_too),
	    cmocka_unit_test(o11_no_receiver_silences_us_for_long),
	    cmocka_unit_test(a_request_is_given_up_when_its_budget_is_used),
	    cmocka_unit_test(a_wait_beyond_the_budget_is_not_begun),
	    cmocka_unit_test(o16_stop_ends_a_wait_with_one_more_attempt),
	    cmocka_unit_test(o16_what_was_asked_for_holds_while_stopping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
