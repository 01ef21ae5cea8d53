/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SNAP, the tier that needs no memory ordering: snp_writer_snap() (snap_write.c), read by
 * fill_snap() (snapshot.c) and in every other language.
 *
 * The reader copies the words of a half in any order, as a reader without fences or with
 * pread() may. The CRC is a word that fits one set of words and no other, so a copy is
 * whole or it is not: that two different copies have one CRC (2^-32) is left out.
 *
 * Bounds: SNAPS snapshots of two words beside seq and crc, TRIES tries a read, reads
 * without end.
 *
 *   BROKEN_NO_CRC          the copy is believed when seq fits   mixed snapshot
 *   BROKEN_ONE_HALF        there is one half                    never served again
 *   BROKEN_SELECTOR_FIRST  snap_seq before the half is filled   never served again
 */
#include "crash.inc"

#define SNAPS 3
#define TRIES 2

#define SEQ   0
#define WORD0 1
#define WORD1 2
#define CRC   3
#define WORDS 4

#ifdef BROKEN_ONE_HALF
#define HALF(s) 0
#else
#define HALF(s) (WORDS * ((s) & 1))
#endif

byte snap_seq, half[2 * WORDS]; /* each word is the number of its snapshot */
bool writer_done, served;

active proctype writer()
{
	byte s;

	{
		do
		:: s == SNAPS -> break
		:: else ->
			s++;
#ifdef BROKEN_SELECTOR_FIRST
			snap_seq = s;
#endif
			half[HALF(s) + SEQ] = s;
			half[HALF(s) + WORD0] = s;
			half[HALF(s) + WORD1] = s;
			half[HALF(s) + CRC] = s;
#ifndef BROKEN_SELECTOR_FIRST
			snap_seq = s
#endif
		od;
		writer_done = true
	} unless { dead[WRITER] }
}

/* One word of the private copy, and which words it has. */
inline take(i)
{
	d_step { copy[i] = half[HALF(s) + i]; have = have | (1 << i) }
}

active proctype reader()
{
	byte s, copy[WORDS], have, tries;

	{
		do
		:: served = false;
		   tries = 0;
		   do
		   :: tries == TRIES -> break /* "try again later" */
		   :: else ->
			s = snap_seq;
			if
			:: s == 0 -> served = true; break /* there is none yet */
			:: else
			fi;
			have = 0;
			do
			:: !(have & 1) -> take(0)
			:: !(have & 2) -> take(1)
			:: !(have & 4) -> take(2)
			:: !(have & 8) -> take(3)
			:: have == 15 -> break
			od;
			if
#ifdef BROKEN_NO_CRC
			:: copy[SEQ] == s ->
#else
			:: copy[SEQ] == s && copy[CRC] == s && copy[WORD0] == s &&
				   copy[WORD1] == s ->
#endif
				assert(copy[WORD0] == s && copy[WORD1] == s);
				served = true;
				break
			:: else -> tries++
			fi
		   od;
		   atomic {
			s = 0; have = 0;
			copy[0] = 0; copy[1] = 0; copy[2] = 0; copy[3] = 0
		   }
		od
	} unless { dead[READER] }
}

ltl writer_free { <>(writer_done || dead[WRITER]) }
ltl reader_served { <>dead[READER] || []<>served }
