/* SPDX-License-Identifier: Apache-2.0 */
/* T08: when records leave the queue, as a table over a clock of the test's own. */
#include "queue.h"

#include "snp_test.h"

#define MS(n) ((snp_mono_t){(n)*SNP_NS_PER_MS})

static const struct otlp_batching defaults = {
    .delay_ms = 5000, .queue_max = 2048, .batch_max = 512};

struct fixture {
	struct otlp_identity *identity;
	struct otlp_resource *resource, *other;
	struct otlp_queue queue;
	struct otlp_record *taken;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(otlp_identity_create(NULL, NULL, &f->identity), 0);
	f->resource = otlp_resource_of_self(f->identity);
	f->other = otlp_resource_of_self(f->identity);
	f->taken = calloc(defaults.batch_max, sizeof(*f->taken));
	assert_int_equal(otlp_queue_init(&f->queue, &defaults), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	otlp_queue_fini(&f->queue);
	otlp_resource_drop(&f->resource);
	otlp_resource_drop(&f->other);
	otlp_identity_destroy(&f->identity);
	free(f->taken);
	free(f);
	return 0;
}

/* How many of them the queue took. */
static size_t put(struct fixture *f, struct otlp_resource *resource, size_t nr,
		  snp_mono_t now)
{
	size_t taken = 0;

	for (size_t i = 0; i < nr; i++) {
		struct otlp_record record = {
		    .signal = OTLP_TRACES,
		    .resource = otlp_resource_hold(resource),
		    .span.span.span_id = f->queue.taken + 1,
		};

		taken += otlp_queue_put(&f->queue, &record, now);
	}
	return taken;
}

/* Take a batch; span ids follow on from `first`. */
static size_t take(struct fixture *f, uint64_t first, snp_mono_t now)
{
	size_t nr = otlp_queue_take(&f->queue, f->taken, now);

	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(f->taken[i].span.span.span_id, first + i);
		otlp_record_fini(&f->taken[i]);
	}
	return nr;
}

/* A step: at a time some come, perhaps a flush is asked for; is a batch due then, and
 * of how many? */
struct step {
	uint64_t at_ms;
	size_t come;
	bool flush;
	size_t leave; /* 0: none is due */
};

static void run_steps(struct fixture *f, const struct step *steps, size_t nr)
{
	uint64_t next = 1;

	for (size_t i = 0; i < nr; i++) {
		const struct step *step = &steps[i];
		snp_mono_t now = MS(step->at_ms);

		(void)put(f, f->resource, step->come, now);
		if (step->flush)
			otlp_queue_flush(&f->queue);
		if (otlp_queue_due(&f->queue).ns > now.ns) {
			if (step->leave > 0)
				fail_msg("step %zu: nothing is due", i);
			continue;
		}
		if (step->leave == 0)
			fail_msg("step %zu: a batch is due", i);
		assert_int_equal(take(f, next, now), step->leave);
		next += step->leave;
	}
}

static void t08_a_batch_leaves_when_full_or_late_or_flushed(void **state)
{
	static const struct step steps[] = {
	    {10000, 0, false, 0},   /* nothing is never due */
	    {10000, 511, false, 0}, /* one too few */
	    {10001, 1, false, 512}, /* full */
	    {10002, 1, false, 0},   /* the delay counts from when it came */
	    {15001, 1, false, 0},   /* 4,999 ms */
	    {15002, 0, false, 2},   /* 5 s */
	    {99000, 3, false, 0},   /* and anew after a rest */
	    {99500, 0, true, 3},    /* a flush does not wait */
	    {99501, 1, false, 0},   /* and concerns what was there alone */
	    {99502, 1300, true, 512},
	    {99503, 5, false, 512}, /* more than a batch: one after the other */
	    {99504, 0, false, 282}, /* what is left of the flush, and what came */
	    {99505, 1, false, 0},
	};

	run_steps(*state, steps, sizeof(steps) / sizeof(steps[0]));
}

static void t08_due_says_when(void **state)
{
	struct fixture *f = *state;

	assert_true(otlp_queue_due(&f->queue).ns == UINT64_MAX);
	(void)put(f, f->resource, 1, MS(100));
	(void)put(f, f->resource, 1, MS(200));
	assert_int_equal(otlp_queue_due(&f->queue).ns, MS(5100).ns);
}

static void t08_a_full_queue_drops_what_is_new_and_counts_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, f->resource, 2100, MS(1)), 2048);
	assert_int_equal(f->queue.taken, 2048);
	assert_int_equal(f->queue.dropped, 52);
	assert_true(otlp_queue_is_full(&f->queue));
	assert_int_equal(take(f, 1, MS(2)), 512);
	assert_int_equal(put(f, f->resource, 600, MS(3)), 512);
	assert_int_equal(f->queue.dropped, 52 + 88);
	for (uint64_t first = 513; first <= 2560; first += 512)
		assert_int_equal(take(f, first, MS(4)), 512);
	assert_int_equal(take(f, 0, MS(5)), 0);
}

/* A request speaks of one run of the runtime. */
static void a_batch_is_of_one_resource(void **state)
{
	struct fixture *f = *state;

	(void)put(f, f->resource, 3, MS(1));
	(void)put(f, f->other, 2, MS(1));
	(void)put(f, f->resource, 1, MS(1));
	assert_int_equal(take(f, 1, MS(1)), 3);
	assert_int_equal(take(f, 4, MS(1)), 2);
	assert_int_equal(take(f, 6, MS(1)), 1);
}

/* Or a few records now and then would come to hold the whole ring. */
static void a_ring_that_was_emptied_begins_anew(void **state)
{
	struct fixture *f = *state;

	for (uint64_t round = 0; round < 100; round++) {
		(void)put(f, f->resource, 3, MS(1));
		assert_int_equal(take(f, 3 * round + 1, MS(1)), 3);
	}
	assert_non_null(f->queue.records[2].resource); /* what was there is let be */
	assert_null(f->queue.records[3].resource);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		t08_a_batch_leaves_when_full_or_late_or_flushed, setup, teardown),
	    cmocka_unit_test_setup_teardown(t08_due_says_when, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		t08_a_full_queue_drops_what_is_new_and_counts_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_batch_is_of_one_resource, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_ring_that_was_emptied_begins_anew, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
