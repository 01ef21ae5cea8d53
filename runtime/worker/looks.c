/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/looks.h"

#include <string.h>

#define MASK ((1U << LOOKS_MAX) - 1)

static bool has_run_since(const struct looks *l, const struct procfs_thread *thread)
{
	for (unsigned i = 0; i < l->running_nr; i++)
		if (l->running[i].tid == thread->tid)
			return l->running[i].waits == thread->waits;
	return false;
}

void looks_add(struct looks *l, const struct procfs_state *state, bool used_cpu)
{
	bool computed = used_cpu;

	for (unsigned i = 0; i < state->running_nr; i++)
		computed = computed || has_run_since(l, &state->running[i]);
	l->computed = (l->computed << 1 | computed) & MASK;
	if (l->count < LOOKS_MAX)
		l->count++;
	memcpy(l->running, state->running, sizeof(l->running));
	l->running_nr = state->running_nr;
}

enum verdict_process looks_process(const struct looks *l, const struct procfs_state *s)
{
	if (s->frozen)
		return VERDICT_PROCESS_FROZEN;
	if (s->state == 'T' || s->state == 't')
		return VERDICT_PROCESS_STOPPED;
	if (l->count < LOOKS_MIN)
		return VERDICT_PROCESS_UNSEEN;
	/* Of the looks since the first, which has none before it. */
	if (2 * (unsigned)__builtin_popcount(l->computed) >= l->count - 1)
		return VERDICT_PROCESS_RUNS;
	return s->waits_for_disk ? VERDICT_PROCESS_DISK : VERDICT_PROCESS_WAITS;
}
