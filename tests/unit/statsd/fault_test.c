/* SPDX-License-Identifier: Apache-2.0 */
/* A flush, with each allocation failing in turn: what was handed over is told, the rest
 * is said to be missing. */
#include "fault.h"

#include "flush.h"
#include "segment_look.h"

static struct segment_look f;

static int take(void *user, const char *datagram, size_t len)
{
	(void)datagram;
	*(uint64_t *)user += len;
	return 0;
}

static int flush_once(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const struct flush_options *options = user;
	struct flush_result told = {0};
	struct ledger *ledger = NULL;
	struct flush *flush = NULL;
	uint64_t bytes = 0;
	int rc = flush_create(options, take, &bytes, &flush), end;

	if (rc == 0)
		rc = ledger_create(f.snap, &ledger);
	if (rc == 0) {
		flush_begin(flush);
		rc = flush_snapshot(flush, f.snap, ledger, FLUSH_ALL);
		end = flush_end(flush, &told);
		rc = rc < 0 ? rc : end;
		/* A datagram that could not be made is one that could not be sent. */
		rc = rc < 0 ? rc : told.error;
	}
	*ret_result = told.lines;
	ledger_destroy(&ledger);
	flush_destroy(&flush);
	return fault_say(rc, err);
}

static void a_flush_is_whole_or_says_that_it_is_not(void **state)
{
	const struct flush_options options = {
	    .format = {.style = FORMAT_DOGSTATSD, .prefix = "p."},
	    .latency = FLUSH_LATENCY_TIMINGS,
	    .datagram_bytes_max = 512,
	    .level_max = SNP_LEVEL_DIAG,
	    .send_zero = true,
	};

	(void)state;
	fault_drive(flush_once, (void *)(uintptr_t)&options, NULL);
}

static int set_up(void **state)
{
	(void)state;
	segment_look_open(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	segment_look_close(&f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flush_is_whole_or_says_that_it_is_not),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
