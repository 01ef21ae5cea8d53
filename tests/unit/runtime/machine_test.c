/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of a worker slot: every event in every state, and the table as a graph.
 */
#include "snp_test.h"

#include <string.h>

#include "snakepit/read.h" /* snp_enum_text */
#include "worker/machine.h"

#define STATES SNP_WORKER_STATE_NR

static const char *const event_names[] = {
#define SNP_CODE(code, state)
#define SNP_ON(event, ...) #event,
#include "worker/worker_states.def"
#undef SNP_CODE
#undef SNP_ON
};

static const char *name_of(unsigned state)
{
	return snp_enum_text(SNP_ENUM_TABLE_WORKER_STATE, state);
}

static unsigned next(unsigned event, unsigned state)
{
	return machine_next((enum machine_event)event,
			    (enum snp_enum_WORKER_STATE)state);
}

static bool has_process(unsigned state)
{
	return machine_has_process((enum snp_enum_WORKER_STATE)state);
}

static bool may(unsigned from, unsigned to)
{
	for (unsigned e = 0; e < MACHINE_EVENT_NR; e++)
		if (next(e, from) == to)
			return true;
	return false;
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

/* ---- every event in every state ------------------------------------------ */

/* What must be so whatever the table says, by event: where it may lead at all. */
static bool leads_rightly(unsigned event, unsigned from, unsigned to)
{
	switch (event) {
	case MACHINE_START:
		return to == SNP_WORKER_STATE_SPAWNING && !has_process(from);
	case MACHINE_SPAWNED:
		return to == SNP_WORKER_STATE_STARTING;
	case MACHINE_FAILED:
	case MACHINE_CRASHED:
		return to == SNP_WORKER_STATE_BACKOFF;
	case MACHINE_HELLO:
		return to == SNP_WORKER_STATE_WARMING;
	case MACHINE_ANSWERED:
		return to == SNP_WORKER_STATE_READY;
	case MACHINE_DRAIN:
		return to == SNP_WORKER_STATE_EMPTY ? !has_process(from)
		       : from == SNP_WORKER_STATE_READY
			   ? to == SNP_WORKER_STATE_DRAINING
			   : to == SNP_WORKER_STATE_STOPPING;
	case MACHINE_IDLE:
		return to == SNP_WORKER_STATE_STOPPING;
	case MACHINE_STOP:
		return to == (has_process(from) ? SNP_WORKER_STATE_STOPPING
						: SNP_WORKER_STATE_EMPTY);
	case MACHINE_REFUSED:
	case MACHINE_KILL:
		return to == SNP_WORKER_STATE_KILLING && has_process(from);
	case MACHINE_DEADLINE: /* always one step harder */
		return to > from || to == SNP_WORKER_STATE_STOPPING;
	case MACHINE_EXIT:
		return to == SNP_WORKER_STATE_EXITED && has_process(from);
	case MACHINE_PLANNED:
		return to == SNP_WORKER_STATE_EMPTY;
	case MACHINE_HOLD:
		return to == SNP_WORKER_STATE_QUARANTINED;
	default:
		return false;
	}
}

static void every_event_in_every_state_leads_to_where_it_may(void **state)
{
	unsigned moves = 0, ignored = 0, impossible = 0;

	(void)state;
	for (unsigned e = 0; e < MACHINE_EVENT_NR; e++)
		for (unsigned s = 0; s < STATES; s++) {
			unsigned to = next(e, s);

			ignored += to == MACHINE_SAME;
			impossible += to == MACHINE_BUG;
			if (to >= STATES)
				continue;
			moves++;
			if (to == s || !leads_rightly(e, s, to))
				fail_msg("%s in %s leads to %s", event_names[e],
					 name_of(s), name_of(to));
		}
	assert_int_equal(moves + ignored + impossible, MACHINE_EVENT_NR * STATES);
}

/* Orders and deadlines can come at any time: there is always an answer to them, but in
 * the two states that are passed through within a call. */
static void orders_are_answered_in_every_lasting_state(void **state)
{
	static const enum machine_event orders[] = {
	    MACHINE_DRAIN, MACHINE_STOP, MACHINE_KILL, MACHINE_DEADLINE, MACHINE_HOLD};

	(void)state;
	for (unsigned i = 0; i < sizeof(orders) / sizeof(*orders); i++)
		for (unsigned s = 0; s < STATES; s++) {
			bool passing = s == SNP_WORKER_STATE_SPAWNING ||
				       s == SNP_WORKER_STATE_EXITED;

			if ((next(orders[i], s) == MACHINE_BUG) != passing)
				fail_msg("%s in %s", event_names[orders[i]],
					 name_of(s));
		}
}

/* A process may end, and an order to end it must work, wherever there is one. */
static void every_process_can_be_ended(void **state)
{
	bool reached[STATES];

	(void)state;
	for (unsigned s = 0; s < STATES; s++) {
		if (!has_process(s))
			continue;
		assert_int_equal(next(MACHINE_EXIT, s), SNP_WORKER_STATE_EXITED);
		assert_true(next(MACHINE_KILL, s) == SNP_WORKER_STATE_KILLING ||
			    s == SNP_WORKER_STATE_KILLING ||
			    s == SNP_WORKER_STATE_LOST);
		reach(s, reached);
		assert_true(reached[SNP_WORKER_STATE_EXITED]);
	}
}

/* ---- as a graph ---------------------------------------------------------- */

static void every_state_is_reached_from_empty_and_leads_back(void **state)
{
	bool reached[STATES], back[STATES];

	(void)state;
	reach(SNP_WORKER_STATE_EMPTY, reached);
	for (unsigned s = 0; s < STATES; s++) {
		reach(s, back);
		if (!reached[s] || !back[SNP_WORKER_STATE_EMPTY])
			fail_msg("%s", name_of(s));
	}
}

/* While a process exists the slot must not start another. */
static void spawning_follows_only_states_without_a_process(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES; s++)
		if (may(s, SNP_WORKER_STATE_SPAWNING))
			assert_false(has_process(s));
}

static void ready_follows_only_a_first_answer(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES; s++)
		assert_int_equal(may(s, SNP_WORKER_STATE_READY),
				 s == SNP_WORKER_STATE_WARMING);
}

static void draining_follows_only_ready(void **state)
{
	(void)state;
	for (unsigned s = 0; s < STATES; s++)
		assert_int_equal(may(s, SNP_WORKER_STATE_DRAINING),
				 s == SNP_WORKER_STATE_READY);
}

static void every_reason_has_an_initiator(void **state)
{
	(void)state;
	for (unsigned r = 0; r < SNP_MOVE_REASON_NR; r++)
		assert_in_range(machine_initiator((enum snp_enum_MOVE_REASON)r), 0,
				SNP_INITIATOR_NR - 1);
	assert_int_equal(machine_initiator(SNP_MOVE_REASON_KILLED_EXTERNAL),
			 SNP_INITIATOR_UNKNOWN);
	assert_int_equal(machine_initiator(SNP_MOVE_REASON_SCALE_DOWN),
			 SNP_INITIATOR_OPERATOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_event_in_every_state_leads_to_where_it_may),
	    cmocka_unit_test(orders_are_answered_in_every_lasting_state),
	    cmocka_unit_test(every_process_can_be_ended),
	    cmocka_unit_test(every_state_is_reached_from_empty_and_leads_back),
	    cmocka_unit_test(spawning_follows_only_states_without_a_process),
	    cmocka_unit_test(ready_follows_only_a_first_answer),
	    cmocka_unit_test(draining_follows_only_ready),
	    cmocka_unit_test(every_reason_has_an_initiator),
	};

	return cmocka_run_group_tests_name("runtime/machine", tests, NULL, NULL);
}
