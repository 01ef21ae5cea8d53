/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/machine.h"

#include "snakepit/check.h"

enum code {
#define SNP_CODE(code, state) code = SNP_WORKER_STATE_##state,
#define SNP_ON(event, ...)
#include "worker/worker_states.def"
#undef SNP_CODE
#undef SNP_ON
	same = MACHINE_SAME,
	bug_ = MACHINE_BUG,
};

static const unsigned char table[MACHINE_EVENT_NR][SNP_WORKER_STATE_NR] = {
#define SNP_CODE(code, state)
#define SNP_ON(event, ...) [MACHINE_##event] = {__VA_ARGS__},
#include "worker/worker_states.def"
#undef SNP_CODE
#undef SNP_ON
};

unsigned machine_next(enum machine_event event, enum snp_enum_WORKER_STATE state)
{
	SNP_CHECK(event < MACHINE_EVENT_NR && state < SNP_WORKER_STATE_NR);
	return table[event][state];
}

bool machine_has_process(enum snp_enum_WORKER_STATE state)
{
	return machine_next(MACHINE_EXIT, state) != MACHINE_BUG;
}

bool machine_is_starting(enum snp_enum_WORKER_STATE state)
{
	return state == SNP_WORKER_STATE_SPAWNING ||
	       state == SNP_WORKER_STATE_STARTING || state == SNP_WORKER_STATE_WARMING;
}

bool machine_is_ending(enum snp_enum_WORKER_STATE state)
{
	return state == SNP_WORKER_STATE_DRAINING ||
	       state == SNP_WORKER_STATE_STOPPING || state == SNP_WORKER_STATE_KILLING;
}

enum snp_enum_INITIATOR machine_initiator(enum snp_enum_MOVE_REASON reason)
{
	switch (reason) {
	case SNP_MOVE_REASON_HELLO:
	case SNP_MOVE_REASON_ANSWERED:
	case SNP_MOVE_REASON_WORKER_REQUESTED:
		return SNP_INITIATOR_WORKER;
	case SNP_MOVE_REASON_EXIT_ZERO:
	case SNP_MOVE_REASON_EXIT_CODE:
	case SNP_MOVE_REASON_SIGNAL:
	case SNP_MOVE_REASON_OOM_CGROUP:
	case SNP_MOVE_REASON_UNKILLABLE:
		return SNP_INITIATOR_KERNEL;
	case SNP_MOVE_REASON_OPERATOR:
	case SNP_MOVE_REASON_SCALE_UP:
	case SNP_MOVE_REASON_SCALE_DOWN:
	case SNP_MOVE_REASON_GENERATION:
		return SNP_INITIATOR_OPERATOR;
	case SNP_MOVE_REASON_KILLED_EXTERNAL:
		return SNP_INITIATOR_UNKNOWN;
	default:
		return SNP_INITIATOR_SUPERVISOR;
	}
}
