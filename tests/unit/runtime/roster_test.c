/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of a worker: case by case, and against the rule written down again. */
#include "snp_test.h"

#include <string.h>

#include "pool/roster.h"
#include "test_random.h"

#define SEATS 6
#define STEPS 20000

static struct roster roster;
static struct link links[SEATS];
static snp_mono_t now;

static int set_up(void **state)
{
	(void)state;
	memset(links, 0, sizeof(links));
	for (uint32_t i = 0; i < SEATS; i++) {
		atomic_init(&links[i].refs,
			    1); /* never given up: it is not from malloc */
		links[i].opt.slot = i;
		links[i].opt.capacity = 10;
		atomic_init(&links[i].open, true);
	}
	now = (snp_mono_t){1000000};
	return roster_init(&roster, SEATS);
}

static int tear_down(void **state)
{
	(void)state;
	roster_fini(&roster);
	for (uint32_t i = 0; i < SEATS; i++)
		assert_int_equal(atomic_load(&links[i].refs), 1);
	return 0;
}

static struct seat *put(uint32_t i)
{
	roster_seat(&roster, &roster.seats[i], &links[i]);
	return &roster.seats[i];
}

static void send(uint32_t i, unsigned times)
{
	while (times--)
		roster_sent(&roster, &roster.seats[i]);
}

#define assert_picks(i)	      assert_ptr_equal(roster_pick(&roster, now), &roster.seats[i])
#define assert_picks_nobody() assert_null(roster_pick(&roster, now))

/* ---- Case by case -------------------------------------------------------- */

static void pick_without_workers_is_null(void **state)
{
	(void)state;
	assert_picks_nobody();
	assert_int_equal(roster_next(&roster).ns, UINT64_MAX);
}

static void pick_takes_the_least_in_flight(void **state)
{
	(void)state;
	put(0);
	put(1);
	put(2);
	send(0, 3);
	send(1, 1);
	send(2, 2);
	assert_picks(1);
}

static void pick_takes_of_equals_the_one_active_last(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		put(i);
		send(i, 1);
	}
	roster_returned(&roster, &links[2]);
	roster_returned(&roster, &links[1]);
	roster_returned(&roster, &links[3]);
	assert_picks(3);
	send(3, 1);
	assert_picks(1);
}

/* Who never had a request comes after those who did, the oldest first. */
static void pick_takes_of_unused_ones_the_oldest(void **state)
{
	(void)state;
	put(4);
	put(2);
	put(5);
	assert_picks(4);
	send(4, 1);
	assert_picks(2);
	roster_returned(&roster, &links[4]);
	assert_picks(4);
}

static void pick_prefers_others_to_one_whose_caller_left(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		put(i);
	send(0, 1);
	roster_abandoned(&roster, &links[0]);
	assert_picks(1);
	send(1, 1);
	assert_picks(2);
	send(2, 1);
	assert_picks(0); /* all the same, it is better than one that is busy */
}

static void pick_passes_over_the_full(void **state)
{
	(void)state;
	links[0].opt.capacity = 1;
	put(0);
	send(0, 1);
	assert_picks_nobody();
	put(1);
	send(1, 9);
	assert_picks(1);
	send(1, 1);
	assert_picks_nobody();
	roster_returned(&roster, &links[0]);
	assert_picks(0);
}

static void pick_finds_out_that_a_link_was_closed(void **state)
{
	(void)state;
	put(0);
	send(put(1) == &roster.seats[1] ? 1 : 0, 5);
	atomic_store(&links[0].open, false);
	assert_picks(1);
	assert_null(roster.seats[0].link);
	assert_int_equal(roster.capacity, 10);
	atomic_store(&links[1].open, false);
	assert_picks_nobody();
	assert_int_equal(roster.capacity, 0);
}

/* What runs on a worker that is fenced counts when it is opened again. */
static void seat_again_after_a_fence_knows_what_is_in_flight(void **state)
{
	(void)state;
	links[0].opt.capacity = 2;
	put(0);
	send(0, 2);
	atomic_store(&links[0].open, false);
	assert_picks_nobody();
	roster_seat(&roster, &roster.seats[0], NULL);
	roster_returned(&roster, &links[0]);
	assert_int_equal(links[0].dispatched, 1);
	atomic_store(&links[0].open, true);
	put(0);
	assert_picks(0);
	send(0, 1);
	assert_picks_nobody();
}

static void return_to_a_seat_taken_by_another_changes_nothing(void **state)
{
	struct link next = {.opt = {.slot = 0, .capacity = 1}};

	(void)state;
	atomic_init(&next.refs, 1);
	atomic_init(&next.open, true);
	put(0);
	send(0, 1);
	roster_seat(&roster, &roster.seats[0], &next);
	send(0, 1);
	roster_returned(&roster, &links[0]);
	assert_int_equal(links[0].dispatched, 0);
	assert_int_equal(next.dispatched, 1);
	assert_picks_nobody();
	roster_seat(&roster, &roster.seats[0], NULL);
	assert_int_equal(atomic_load(&next.refs), 1);
}

static void passed_over_until_its_time(void **state)
{
	(void)state;
	put(0);
	roster_pass_over(&roster, &links[0], (snp_mono_t){now.ns + 1});
	assert_picks_nobody();
	assert_int_equal(roster_next(&roster).ns, now.ns + 1);
	put(1);
	send(1, 5);
	assert_picks(1);
	now.ns++;
	assert_picks(0);
	assert_int_equal(roster_next(&roster).ns, UINT64_MAX);
}

/* ---- What it costs ------------------------------------------------------- */

/* Processor time of a choice, with what it changes, among so many; half are busy. */
static double choice_ns(uint32_t seats)
{
	struct link *many = calloc(seats, sizeof(*many));
	static struct roster large;
	uint64_t before;

	assert_non_null(many);
	assert_int_equal(roster_init(&large, seats), 0);
	for (uint32_t i = 0; i < seats; i++) {
		atomic_init(&many[i].refs, 1);
		atomic_init(&many[i].open, true);
		many[i].opt.slot = i;
		many[i].opt.capacity = 1;
		roster_seat(&large, &large.seats[i], &many[i]);
	}
	for (uint32_t i = 0; i < seats / 2; i++)
		roster_sent(&large, roster_pick(&large, now));
	before = snp__clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (unsigned i = 0; i < STEPS; i++) {
		struct seat *seat = roster_pick(&large, now);

		roster_sent(&large, seat);
		roster_returned(&large, seat->link);
	}
	before = snp__clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
	roster_fini(&large);
	free(many);
	return (double)before / STEPS;
}

static void pick_of_a_thousand_costs_what_one_of_ten_does(void **state)
{
	double few = choice_ns(10), many = choice_ns(1000);

	(void)state;
	print_message("a choice among 10 takes %.0f ns, among 1,000 %.0f ns\n", few,
		      many);
	assert_true(many < 10 * few); /* 100 if each were looked at */
}

/* ---- Lanes --------------------------------------------------------------- */

static void eager_are_those_with_room_and_a_lane(void **state)
{
	struct list waits, also;
	struct seat *seat;

	(void)state;
	list_init(&waits);
	list_init(&also);
	links[0].opt.capacity = 1;
	seat = put(0);
	assert_null(roster_eager(&roster, now));
	send(0, 1);
	list_add_last(&seat->lane, &waits);
	roster_lane_changed(&roster, seat);
	assert_null(roster_eager(&roster, now));
	roster_returned(&roster, &links[0]);
	assert_ptr_equal(roster_eager(&roster, now), seat);
	list_add_last(&seat->lane, &also);
	roster_lane_changed(&roster, seat);
	assert_ptr_equal(roster_eager(&roster, now), seat);
	atomic_store(&links[0].open, false);
	assert_null(roster_eager(&roster, now));
	atomic_store(&links[0].open, true);
	put(0);
	assert_ptr_equal(roster_eager(&roster, now), seat);
	roster_pass_over(&roster, &links[0], (snp_mono_t){now.ns + 5});
	assert_null(roster_eager(&roster, now));
	now.ns += 5;
	assert_ptr_equal(roster_eager(&roster, now), seat);
	list_remove(&waits);
	list_remove(&also);
	roster_lane_changed(&roster, seat);
	assert_null(roster_eager(&roster, now));
}

/* ---- Against the rule ---------------------------------------------------- */

struct model {
	bool seated;
	uint32_t dispatched;
	uint64_t not_before;
	int64_t rank; /* higher: active later */
};

static struct model models[SEATS];
static int64_t newest, eldest;

static bool can_take(uint32_t i)
{
	return models[i].seated && models[i].dispatched < links[i].opt.capacity &&
	       models[i].not_before <= now.ns;
}

static int expected(void)
{
	int best = -1;

	for (int i = 0; i < SEATS; i++) {
		const struct model *m = &models[i];

		if (can_take((uint32_t)i) &&
		    (best < 0 || m->dispatched < models[best].dispatched ||
		     (m->dispatched == models[best].dispatched &&
		      m->rank > models[best].rank)))
			best = i;
	}
	return best;
}

/* Whose time has come goes last, in the order of the times. */
static void model_readmit(void)
{
	for (;;) {
		int first = -1;

		for (int i = 0; i < SEATS; i++)
			if (models[i].not_before && models[i].not_before <= now.ns &&
			    (first < 0 ||
			     models[i].not_before < models[first].not_before))
				first = i;
		if (first < 0)
			return;
		models[first].not_before = 0;
		models[first].rank = --eldest;
	}
}

static void do_something(struct test_random *random)
{
	uint32_t i = test_random_below(random, SEATS);
	struct model *m = &models[i];
	int best = expected();

	switch (test_random_below(random, 5)) {
	case 0: /* comes or goes */
		m->seated = !m->seated;
		roster_seat(&roster, &roster.seats[i], m->seated ? &links[i] : NULL);
		m->not_before = 0;
		if (m->seated)
			m->rank = --eldest;
		break;
	case 1:
		if (!m->dispatched)
			break;
		roster_returned(&roster, &links[i]);
		m->dispatched--;
		if (m->seated && !m->not_before)
			m->rank = ++newest;
		break;
	case 2:
		if (!m->seated || test_random_below(random, 4))
			break;
		m->not_before = now.ns + 7;
		roster_pass_over(&roster, &links[i], (snp_mono_t){m->not_before});
		break;
	default:
		if (best < 0)
			break;
		roster_sent(&roster, &roster.seats[best]);
		models[best].dispatched++;
		models[best].rank = ++newest;
	}
}

static void pick_random_workers_agree_with_the_rule(void **state)
{
	struct test_random random = test_random_seeded(3);
	unsigned able = 0;

	(void)state;
	memset(models, 0, sizeof(models));
	newest = eldest = 0;
	for (uint32_t i = 0; i < SEATS; i++)
		links[i].opt.capacity = 1 + i % 3;
	for (unsigned step = 0; step < STEPS; step++) {
		const struct seat *picked;
		int best;

		do_something(&random);
		now.ns++;
		model_readmit();
		best = expected();
		picked = roster_pick(&roster, now);
		assert_ptr_equal(picked, best < 0 ? NULL : &roster.seats[best]);
		able += picked != NULL;
	}
	assert_true(able > STEPS / 4 && able < STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(pick_without_workers_is_null),
	    T(pick_takes_the_least_in_flight),
	    T(pick_takes_of_equals_the_one_active_last),
	    T(pick_takes_of_unused_ones_the_oldest),
	    T(pick_prefers_others_to_one_whose_caller_left),
	    T(pick_passes_over_the_full),
	    T(pick_finds_out_that_a_link_was_closed),
	    T(seat_again_after_a_fence_knows_what_is_in_flight),
	    T(return_to_a_seat_taken_by_another_changes_nothing),
	    T(passed_over_until_its_time),
	    T(eager_are_those_with_room_and_a_lane),
	    T(pick_of_a_thousand_costs_what_one_of_ten_does),
	    T(pick_random_workers_agree_with_the_rule),
	};

	return cmocka_run_group_tests_name("runtime/roster", tests, NULL, NULL);
}
