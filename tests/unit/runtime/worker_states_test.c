/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a worker slot's moves, seen as a graph. */
#include "snp_test.h"

#include <string.h>

#include "snakepit/read.h" /* snp_enum_text */
#include "worker/worker.h"

#define STATES SNP_WORKER_STATE_NR

static const char *name_of(unsigned state)
{
	return snp_enum_text(SNP_ENUM_TABLE_WORKER_STATE, state);
}

static bool may(unsigned from, unsigned to)
{
	return worker_may_move((enum snp_enum_WORKER_STATE)from,
			       (enum snp_enum_WORKER_STATE)to);
}

/* States of the format that this version never enters. */
static bool is_unused(unsigned state)
{
	return state == SNP_WORKER_STATE_DRAINING ||
	       state == SNP_WORKER_STATE_QUARANTINED;
}

static bool has_process(unsigned state)
{
	switch (state) {
	case SNP_WORKER_STATE_STARTING:
	case SNP_WORKER_STATE_WARMING:
	case SNP_WORKER_STATE_READY:
	case SNP_WORKER_STATE_STOPPING:
	case SNP_WORKER_STATE_KILLING:
	case SNP_WORKER_STATE_LOST:
		return true;
	default:
		return false;
	}
}

/* The states that can be reached from `start`; it alone counts without a move. */
static void reach(unsigned start, bool ret_reached[STATES])
{
	bool grown = true;

	memset(ret_reached, 0, STATES * sizeof(bool));
	ret_reached[start] = true;
	while (grown) {
		grown = false;
		for (unsigned from = 0; from < STATES; from++)
			for (unsigned to = 0; to < STATES; to++)
				if (ret_reached[from] && may(from, to) &&
				    !ret_reached[to])
					grown = ret_reached[to] = true;
	}
}

static void may_move_agrees_with_the_table_for_every_pair(void **state)
{
	bool table[STATES][STATES] = {{false}};
	unsigned moves = 0;

	(void)state;
#define SNP_MOVE(from, to)                                                             \
	if (table[SNP_WORKER_STATE_##from][SNP_WORKER_STATE_##to])                     \
		fail_msg("%s -> %s stands twice in the table", #from, #to);            \
	table[SNP_WORKER_STATE_##from][SNP_WORKER_STATE_##to] = true;                  \
	moves++;
#include "worker/worker_states.def"
#undef SNP_MOVE
	assert_true(moves > 0);
	for (unsigned from = 0; from < STATES; from++)
		for (unsigned to = 0; to < STATES; to++)
			if (may(from, to) != table[from][to])
				fail_msg("%s -> %s", name_of(from), name_of(to));
}

static void no_state_moves_to_itself(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES; s++)
		assert_false(may(s, s));
}

static void numbers_outside_the_enum_never_move(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES + 2; s++) {
		assert_false(may(STATES, s));
		assert_false(may(s, STATES));
		assert_false(may(UINT32_MAX, s));
	}
}

static void every_used_state_is_reached_from_empty(void **state)
{
	bool reached[STATES];

	(void)state;
	reach(SNP_WORKER_STATE_EMPTY, reached);
	for (unsigned s = 0; s < STATES; s++)
		if (reached[s] == is_unused(s))
			fail_msg("%s is %sreachable", name_of(s),
				 reached[s] ? "" : "not ");
}

static void empty_is_reached_from_every_used_state(void **state)
{
	bool reached[STATES];

	(void)state;
	for (unsigned s = 0; s < STATES; s++) {
		reach(s, reached);
		if (!is_unused(s) && !reached[SNP_WORKER_STATE_EMPTY])
			fail_msg("from %s no way leads to an empty slot", name_of(s));
	}
}

static void exited_follows_directly_exactly_where_there_is_a_process(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES; s++)
		if (may(s, SNP_WORKER_STATE_EXITED) != has_process(s))
			fail_msg("%s -> exited", name_of(s));
}

static void ready_follows_only_a_first_answer(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES; s++)
		assert_int_equal(may(s, SNP_WORKER_STATE_READY),
				 s == SNP_WORKER_STATE_WARMING);
}

/* While a process exists the slot must not start another. */
static void spawning_follows_only_states_without_a_process(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES; s++)
		if (may(s, SNP_WORKER_STATE_SPAWNING))
			assert_false(has_process(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(may_move_agrees_with_the_table_for_every_pair),
	    cmocka_unit_test(no_state_moves_to_itself),
	    cmocka_unit_test(numbers_outside_the_enum_never_move),
	    cmocka_unit_test(every_used_state_is_reached_from_empty),
	    cmocka_unit_test(empty_is_reached_from_every_used_state),
	    cmocka_unit_test(exited_follows_directly_exactly_where_there_is_a_process),
	    cmocka_unit_test(ready_follows_only_a_first_answer),
	    cmocka_unit_test(spawning_follows_only_states_without_a_process),
	};

	return cmocka_run_group_tests_name("runtime/worker_states", tests, NULL, NULL);
}
