/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings of events, spans, evidence and history: snp__ring_append()
 * (ring_write.h); read by snp__ring_copy() (ring_read.c) with a cursor of the reader's own.
 *
 * Bounds: RECORDS records of two words in CAPACITY entries, reads without end.
 *
 *   BROKEN_NO_RECHECK         no second look at seq              mixed record
 *   BROKEN_NO_INVALIDATION    seq is not 0 while it is written   mixed record
 *   BROKEN_HEAD_FIRST         head before the record             counted lost, but was not
 *   BROKEN_WRITER_WAITS       no overwriting of what is unread   writer held up
 *   BROKEN_READER_WAITS       waits for a record to be complete  never served again
 */
#include "crash.inc"

#define RECORDS	 5
#define CAPACITY 2

byte head, seq[CAPACITY], word[2 * CAPACITY]; /* each word is its record's number + 1 */
byte begun; /* ghost: records that the writer has begun */
byte cursor;  /* the reader's cursor */
bool writer_done;

active proctype writer()
{
	byte n, e;

	{
		do
		:: n == RECORDS -> break
		:: else ->
			e = n % CAPACITY;
#ifdef BROKEN_WRITER_WAITS
			n - cursor < CAPACITY;
#endif
#ifdef BROKEN_HEAD_FIRST
			head = n + 1;
#endif
#ifdef BROKEN_NO_INVALIDATION
			begun = n + 1;
#else
			d_step { seq[e] = 0; begun = n + 1 };
#endif
			word[2 * e] = n + 1;
			word[2 * e + 1] = n + 1;
			seq[e] = n + 1;
#ifndef BROKEN_HEAD_FIRST
			head = n + 1;
#endif
			n++
		od;
		writer_done = true
	} unless { dead[WRITER] }
}

/* Record `cursor` cannot be had; that is the truth only if its entry was used again. */
inline lose()
{
	assert(begun > cursor + CAPACITY)
}

active proctype reader()
{
	byte h, e, a, b;

	{
end:		do
		:: cursor != head ->
		   h = head;
		   do
		   :: h - cursor > CAPACITY -> d_step { lose(); cursor++ }
		   :: else -> break
		   od;
		   do
		   :: cursor == h -> break
		   :: else ->
			e = cursor % CAPACITY;
#ifdef BROKEN_READER_WAITS
			do
			:: seq[e] == 0
			:: else -> break
			od;
#endif
			if
			:: seq[e] == cursor + 1 ->
				a = word[2 * e];
				b = word[2 * e + 1];
				if
#ifdef BROKEN_NO_RECHECK
				:: true ->
#else
				:: seq[e] == cursor + 1 ->
#endif
					assert(a == cursor + 1 && b == cursor + 1)
#ifndef BROKEN_NO_RECHECK
				:: else -> lose()
#endif
				fi
			:: else -> lose()
			fi;
			atomic { cursor++; a = 0; b = 0 }
		   od;
		   atomic { h = 0; e = 0 }
		od
	} unless { dead[READER] }
}

ltl writer_free { <>(writer_done || dead[WRITER]) }
/* Whoever died, the reader gets to the end of what was published. */
ltl reader_served { <>dead[READER] || <>[](cursor == head) }
