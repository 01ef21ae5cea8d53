/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits, and whose turn it is, against lists kept in the simplest way. */
#include "snp_test.h"

#include <string.h>

#include "pool/request.h"
#include "test_random.h"

#define SEATS	 3
#define SESSIONS 4
#define REQUESTS 40
#define STEPS	 20000

static struct pool pool;
static struct link links[SEATS];
static struct session *sessions[SESSIONS];
static struct request *requests;
static const snp_mono_t now = {1000};

static int set_up(void **state)
{
	(void)state;
	memset(&pool, 0, sizeof(pool));
	memset(links, 0, sizeof(links));
	list_init(&pool.turn);
	list_init(&pool.age);
	assert_int_equal(roster_init(&pool.roster, SEATS), 0);
	for (uint32_t i = 0; i < SEATS; i++) {
		atomic_init(&links[i].refs, 1);
		atomic_init(&links[i].open, true);
		links[i].opt.slot = i;
		links[i].opt.capacity = 1;
		roster_seat(&pool.roster, &pool.roster.seats[i], &links[i]);
	}
	for (uint32_t i = 0; i < SESSIONS; i++) {
		sessions[i] = calloc(1, sizeof(*sessions[i]));
		assert_non_null(sessions[i]);
	}
	requests = calloc(REQUESTS, sizeof(*requests));
	assert_non_null(requests);
	for (unsigned i = 0; i < REQUESTS; i++)
		requests[i].pool = &pool;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	roster_fini(&pool.roster);
	free(requests);
	for (uint32_t i = 0; i < SESSIONS; i++)
		free(sessions[i]);
	return 0;
}

/* ---- A list of pointers -------------------------------------------------- */

struct model {
	struct request *in[REQUESTS];
	unsigned n;
};

static void model_insert(struct model *m, unsigned at, struct request *r)
{
	for (unsigned i = m->n++; i > at; i--)
		m->in[i] = m->in[i - 1];
	m->in[at] = r;
}

static void model_remove(struct model *m, const struct request *r)
{
	unsigned at = 0;

	while (m->in[at] != r)
		at++;
	m->n--;
	for (unsigned i = at; i < m->n; i++)
		m->in[i] = m->in[i + 1];
}

static struct model out, age, turn, lanes[SEATS];

static struct model *model_of(const struct request *r)
{
	return r->waiter.seat ? &lanes[r->waiter.seat - pool.roster.seats] : &turn;
}

/* Forwards and backwards a queue is its list. */
static void check_list(const struct list *list, const struct model *m, size_t offset)
{
	const struct list *node = list, *back = list;

	for (unsigned i = 0; i < m->n; i++) {
		node = node->next;
		back = back->prev;
		assert_ptr_equal(node, (const char *)m->in[i] + offset);
		assert_ptr_equal(back, (const char *)m->in[m->n - 1 - i] + offset);
	}
	assert_ptr_equal(node->next, list);
}

static void check_sessions(void)
{
	for (unsigned s = 0; s < SESSIONS; s++) {
		unsigned waiting = 0, in_turn = 0;

		for (unsigned i = 0; i < age.n; i++)
			waiting += age.in[i]->session == sessions[s];
		for (unsigned i = 0; i < turn.n; i++)
			in_turn += turn.in[i]->session == sessions[s];
		assert_int_equal(sessions[s]->waiting, waiting);
		assert_int_equal(sessions[s]->in_turn, in_turn);
	}
}

/* The first of the pool's queue or of a lane whose worker has room, and not if an older
 * one of the two kinds could go first. */
static void check_next(void)
{
	const struct request *next = queue_next(&pool, now);
	bool free_lane = false;

	for (unsigned i = 0; i < SEATS; i++)
		free_lane |= lanes[i].n && links[i].dispatched == 0;
	assert_int_equal(next != NULL, turn.n || free_lane);
	if (!next)
		return;
	assert_ptr_equal(next, model_of(next)->in[0]);
	if (next->waiter.seat) {
		assert_int_equal(next->waiter.seat->link->dispatched, 0);
		if (turn.n)
			assert_true(next->waiter.since.ns <
				    turn.in[0]->waiter.since.ns);
	}
}

static void check_all(void)
{
	const size_t by_turn = offsetof(struct request, waiter.turn);

	check_list(&pool.age, &age, offsetof(struct request, waiter.age));
	check_list(&pool.turn, &turn, by_turn);
	for (unsigned i = 0; i < SEATS; i++) {
		check_list(&pool.roster.seats[i].lane, &lanes[i], by_turn);
		assert_int_equal(pool.roster.seats[i].waiting, lanes[i].n);
	}
	assert_ptr_equal(queue_oldest(&pool), age.n ? age.in[0] : NULL);
	check_sessions();
	check_next();
}

/* ---- Steps --------------------------------------------------------------- */

static void add(struct test_random *random, uint64_t since)
{
	struct request *r = out.in[test_random_below(random, out.n)];
	uint32_t kind = test_random_below(random, SEATS + 2);
	struct seat *seat = kind < SEATS ? &pool.roster.seats[kind] : NULL;

	model_remove(&out, r);
	waiter_init(&r->waiter, (snp_mono_t){since});
	r->session = test_random_below(random, 3)
			 ? sessions[test_random_below(random, SESSIONS)]
			 : NULL;
	r->last.number = test_random_below(random, 8) == 0; /* it comes back */
	queue_add(r, seat);
	model_insert(model_of(r), r->last.number ? 0 : model_of(r)->n, r);
	model_insert(&age, r->last.number ? 0 : age.n, r);
}

static void take(struct test_random *random)
{
	struct request *r = test_random_below(random, 2)
				? age.in[test_random_below(random, age.n)]
				: queue_oldest(&pool);

	model_remove(model_of(r), r);
	model_remove(&age, r);
	queue_remove(r);
	model_insert(&out, out.n, r);
}

static void to_lane(struct test_random *random)
{
	struct request *r = turn.in[0];
	struct seat *seat = &pool.roster.seats[test_random_below(random, SEATS)];

	model_remove(&turn, r);
	queue_to_lane(r, seat);
	model_insert(model_of(r), r->last.number ? 0 : model_of(r)->n, r);
}

static void queue_random_operations_agree_with_lists(void **state)
{
	struct test_random random = test_random_seeded(1);
	unsigned moved = 0;

	(void)state;
	out.n = age.n = turn.n = 0;
	memset(lanes, 0, sizeof(lanes));
	for (unsigned i = 0; i < REQUESTS; i++)
		out.in[out.n++] = &requests[i];
	for (unsigned step = 1; step <= STEPS; step++) {
		uint32_t i = test_random_below(&random, SEATS);

		if (links[i].dispatched)
			roster_returned(&pool.roster, &links[i]);
		else
			roster_sent(&pool.roster, &pool.roster.seats[i]);
		if (turn.n && test_random_below(&random, 6) == 0) {
			to_lane(&random);
			moved++;
		} else if (out.n && (!age.n || test_random_below(&random, 2))) {
			add(&random, step);
		} else {
			take(&random);
		}
		check_all();
	}
	assert_true(moved > 100);
	while (age.n)
		take(&random);
	check_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(queue_random_operations_agree_with_lists,
					    set_up, tear_down),
	};

	return cmocka_run_group_tests_name("runtime/queue", tests, NULL, NULL);
}
