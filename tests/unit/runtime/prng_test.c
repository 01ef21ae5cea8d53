/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include "core/prng.h"

/* From the authors' own code, seeded with 1, 2, 3, 4. */
static void next_gives_the_reference_sequence(void **state)
{
	static const uint64_t expected[] = {
	    UINT64_C(41943041),
	    UINT64_C(58720359),
	    UINT64_C(3588806011781223),
	    UINT64_C(3591011842654386),
	    UINT64_C(9228616714210784205),
	    UINT64_C(9973669472204895162),
	    UINT64_C(14011001112246962877),
	    UINT64_C(12406186145184390807),
	    UINT64_C(15849039046786891736),
	    UINT64_C(10450023813501588000),
	};
	struct prng prng = {{1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_true(prng_next(&prng) == expected[i]);
}

static void next_nonzero_passes_over_zero(void **state)
{
	/* rotl(s0 + s3, 23) + s0 of this state is 0 */
	struct prng zero = {{0, 1, 1, 0}}, same = zero;

	(void)state;
	assert_true(prng_next(&zero) == 0);
	assert_true(prng_next_nonzero(&same) != 0);
}

static void seed_differs_each_time(void **state)
{
	struct prng a = {{0}}, b = {{0}};

	(void)state;
	prng_seed(&a);
	prng_seed(&b);
	assert_true(prng_next(&a) != prng_next(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(next_gives_the_reference_sequence),
	    cmocka_unit_test(next_nonzero_passes_over_zero),
	    cmocka_unit_test(seed_differs_each_time),
	};

	return cmocka_run_group_tests_name("runtime/prng", tests, NULL, NULL);
}
