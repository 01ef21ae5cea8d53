/* SPDX-License-Identifier: Apache-2.0 */
#include "marks.h"

#include "snp_test.h"

static const uint64_t trace[2] = {7, 9};

static int setup(void **state)
{
	return otlp_marks_create((struct otlp_marks **)state);
}

static int teardown(void **state)
{
	otlp_marks_destroy((struct otlp_marks **)state);
	return 0;
}

static void add(struct otlp_marks *marks, const uint64_t id[2], uint64_t ns)
{
	const struct otlp_mark mark = {.trace_id = {id[0], id[1]}, .mono = {ns}};

	otlp_marks_add(marks, &mark);
}

static unsigned of(const struct otlp_marks *marks, uint64_t start, uint64_t end,
		   struct otlp_mark *ret)
{
	return otlp_marks_of(marks, trace, (snp_mono_t){start}, (snp_mono_t){end}, ret);
}

/* Rings are read one after the other: what happened later may come first. */
static void those_of_a_trace_within_its_time_in_order(void **state)
{
	const uint64_t same_place[2] = {8, 9}, elsewhere[2] = {7, 10};
	struct otlp_mark found[OTLP_MARKS_MAX];

	add(*state, trace, 300);
	add(*state, trace, 99);
	add(*state, trace, 100);
	add(*state, same_place, 150);
	add(*state, elsewhere, 150);
	add(*state, trace, 200);
	add(*state, trace, 301);
	assert_int_equal(of(*state, 100, 300, found), 3);
	assert_int_equal(found[0].mono.ns, 100);
	assert_int_equal(found[1].mono.ns, 200);
	assert_int_equal(found[2].mono.ns, 300);
}

static void the_oldest_gives_way(void **state)
{
	struct otlp_mark found[OTLP_MARKS_MAX];

	for (uint64_t ns = 1; ns <= OTLP_MARKS_MAX + 3; ns++)
		add(*state, trace, ns);
	assert_int_equal(of(*state, 0, 1000, found), OTLP_MARKS_MAX);
	assert_int_equal(found[0].mono.ns, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(those_of_a_trace_within_its_time_in_order,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(the_oldest_gives_way, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
