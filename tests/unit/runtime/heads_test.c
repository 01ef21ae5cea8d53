/* SPDX-License-Identifier: Apache-2.0 */
/* Starts, exits and live processes of a pool, as the segment shows them. */
#include "snp_test.h"

#include "pool/heads.h"

static const struct snp_pool_heads *shown(const struct snp_fmt_latch *latch)
{
	return (const void *)latch->copy[snp_get(&latch->seq) & 1];
}

static void a_start_and_an_exit_move_one_process(void **state)
{
	struct snp_fmt_latch latch = {0};
	struct heads h = {.latch = &latch};

	(void)state;
	heads_start(&h, SNP_START_REASON_INITIAL);
	heads_start(&h, SNP_START_REASON_RECYCLE);
	assert_int_equal(snp_get(shown(&latch)->processes), 2);
	heads_exit(&h, SNP_EXIT_REASON_SIGNAL);
	assert_int_equal(snp_get(&latch.seq), 3);
	assert_int_equal(snp_get(&shown(&latch)->starts[SNP_START_REASON_INITIAL]), 1);
	assert_int_equal(snp_get(&shown(&latch)->starts[SNP_START_REASON_RECYCLE]), 1);
	assert_int_equal(snp_get(&shown(&latch)->exits[SNP_EXIT_REASON_SIGNAL]), 1);
	assert_int_equal(snp_get(shown(&latch)->processes), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_start_and_an_exit_move_one_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
