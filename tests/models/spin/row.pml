/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of a row: declared, counted in, retired, tombstone, recycled. Protocol: "Row
 * directory entry" in shm/format/segment.md; control is take_fresh() and take_tombstone(),
 * the reclaimer snp_row_retire() behind call_rcu (rows.c), the counting thread snp_add()
 * (write.h), the reader gather_row() (gather.c).
 *
 * A cell holds its life's uid and whether it was counted in. Quarantine is a time, so here a tombstone
 * may be recycled at once or not: nothing but a row's visibility depends on it. Control
 * that finds no row goes on without one, as with the overflow row.
 *
 * Bounds: one row of three words; ATTEMPTS declarations; turns of the counting thread and reads
 * without end.
 *
 *   BROKEN_NO_GRACE_PERIOD    tombstone without waiting        wrong final values
 *   BROKEN_NO_RECHECK         no second look at the generation mixed row
 *   BROKEN_NO_MARK            cleared before RECYCLING is set  mixed row
 *   BROKEN_STATE_ONLY         marked free, then overwritten; the
 *                             second look sees a state, not a
 *                             generation                       mixed row
 *   BROKEN_REGISTERED_READERS recycling waits for readers      control held up
 *   BROKEN_BLOCKING_RETIRE    retire waits for the grace period control held up
 */
#define WITH_CONTROL
#include "crash.inc"

#define ATTEMPTS 2

#define FREE	  0
#define LIVE	  1
#define TOMBSTONE 2
#define RECYCLING 3

#define CELL(uid) ((uid) * 2)
#define COUNTED(cell) ((cell) | 1)
#define UID(cell) ((cell) / 2)

byte gen, uid, cell;
byte pointer;	 /* the runtime's private pointer: the life it points to, 0 = NULL */
bool in_section; /* the counting thread is between two quiescent states */
bool retired;	 /* handed to call_rcu */
byte readers;	 /* BROKEN_REGISTERED_READERS */
byte final[ATTEMPTS + 1]; /* ghost: a life's cell when it became a tombstone */
bool control_done, served;

/* An event loop. It loads and stores: an update that a recycling overtakes shows. */
active proctype counting()
{
	byte life, v;

	{
		do
		:: in_section = true;
		   life = pointer;
		   if
		   :: life ->
			v = cell;
			cell = COUNTED(v)
		   :: else
		   fi;
		   d_step { in_section = false; life = 0; v = 0 }
		od
	} unless { dead[WRITER] }
}

inline make_tombstone()
{
	d_step { gen = gen - gen % 4 + TOMBSTONE; final[UID(cell)] = cell }
}

inline mark()
{
#ifdef BROKEN_STATE_ONLY
	gen = FREE
#else
	if
	:: gen % 4 == TOMBSTONE -> gen = gen + 1
	:: else
	fi
#endif
}

inline clear_and_fill()
{
	uid = life;
	cell = CELL(life)
}

active proctype control()
{
	byte n, life;

	{
		do
		:: n == ATTEMPTS -> break
		:: n < ATTEMPTS && (gen % 4 == FREE || gen % 4 == TOMBSTONE) ->
			atomic { n++; life++ };
#ifdef BROKEN_REGISTERED_READERS
			readers == 0;
#endif
#ifdef BROKEN_NO_MARK
			clear_and_fill();
			mark();
#else
			mark();
			clear_and_fill();
#endif
			gen = gen - gen % 4 + (gen % 4 == FREE -> LIVE : 4 + LIVE);
			pointer = life;
			/* ... and any time later: */
			pointer = 0;
#ifdef BROKEN_BLOCKING_RETIRE
			!in_section;
			make_tombstone()
#else
			retired = true
#endif
		:: n < ATTEMPTS -> n++ /* no free row, or its quarantine has not passed */
		od;
		control_done = true
	} unless { dead[CONTROL] }
}

active proctype reclaimer()
{
	{
end:		do
		:: retired ->
#ifndef BROKEN_NO_GRACE_PERIOD
			!in_section;
#endif
			retired = false;
			make_tombstone()
		od
	} unless { dead[RECLAIMER] }
}

/* A row in its first life has generation 1 or 2, in its second 5 or 6. */
inline check_copy()
{
	assert(UID(c) == u); /* not mixed */
#ifndef BROKEN_STATE_ONLY
	assert(u == g / 4 + 1);
#endif
	assert(g % 4 != TOMBSTONE || c == final[u]) /* settled */
}

/* One try a read: a further one is the next read. */
active proctype reader()
{
	byte g, u, c;

	{
		do
#ifdef BROKEN_REGISTERED_READERS
		:: readers++;
		   g = gen;
#else
		:: g = gen;
#endif
		   if
		   :: g % 4 == FREE || g % 4 == RECYCLING ->
			served = true /* no row here */
		   :: else ->
			u = uid;
			c = cell;
			if
#ifdef BROKEN_NO_RECHECK
			:: true ->
#else
			:: gen == g ->
#endif
				atomic { check_copy(); served = true }
#ifndef BROKEN_NO_RECHECK
			:: else /* left out, and counted */
#endif
			fi
		   fi;
#ifdef BROKEN_REGISTERED_READERS
		   readers--;
#endif
		   atomic { g = 0; u = 0; c = 0; served = false }
		od
	} unless { dead[READER] }
}

ltl writer_free
{
	(<>dead[WRITER] || []<>!in_section) && <>(control_done || dead[CONTROL])
}
ltl reader_served { <>dead[READER] || []<>served }
