/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/looks.h"

#define MASK ((1U << LOOKS_MAX) - 1)

static void age(struct looks *l)
{
	l->used_cpu = l->used_cpu << 1 & MASK;
	for (unsigned i = 0; i < LOOKS_THREADS; i++)
		l->threads[i].ran = l->threads[i].ran << 1 & MASK;
	if (l->count < LOOKS_MAX)
		l->count++;
}

/* Its place, or else one that nobody has any more; with neither it is not noted: of so
 * many that run, others will be. */
static void note(struct looks *l, pid_t tid)
{
	unsigned at = LOOKS_THREADS;

	for (unsigned i = 0; i < LOOKS_THREADS; i++) {
		bool its = l->threads[i].ran && l->threads[i].tid == tid;

		if (its || (!l->threads[i].ran && at == LOOKS_THREADS))
			at = i;
		if (its)
			break;
	}
	if (at == LOOKS_THREADS)
		return;
	l->threads[at].tid = tid;
	l->threads[at].ran |= 1;
}

void looks_add(struct looks *l, const struct procfs_state *state, bool used_cpu)
{
	age(l);
	l->used_cpu |= used_cpu;
	for (unsigned i = 0; i < state->running_nr; i++)
		note(l, state->running[i]);
}

/* In three of four looks, or more. */
static bool mostly(const struct looks *l, unsigned bits)
{
	return 4 * (unsigned)__builtin_popcount(bits) >= 3 * l->count;
}

static bool computes(const struct looks *l)
{
	if (mostly(l, l->used_cpu))
		return true;
	for (unsigned i = 0; i < LOOKS_THREADS; i++)
		if (mostly(l, l->threads[i].ran))
			return true;
	return false;
}

enum verdict_process looks_process(const struct looks *l, const struct procfs_state *s)
{
	if (s->frozen)
		return VERDICT_PROCESS_FROZEN;
	if (s->state == 'T' || s->state == 't')
		return VERDICT_PROCESS_STOPPED;
	if (l->count < LOOKS_MIN)
		return VERDICT_PROCESS_UNSEEN;
	if (computes(l))
		return VERDICT_PROCESS_RUNS;
	return s->waits_for_disk ? VERDICT_PROCESS_DISK : VERDICT_PROCESS_WAITS;
}
