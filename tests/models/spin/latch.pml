/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two-copy latch: snp_latch_publish() (write.h), inflight_publish() (records.c), texts
 * and heartbeats; read by snp__latch_load() (gather.c).
 *
 * Bounds: PUBLICATIONS publications of two words, TRIES tries a read, reads without end.
 *
 *   BROKEN_SINGLE_COPY   a seqcount, odd while it is written  never served again
 *   BROKEN_NO_RECHECK    no second look at seq                mixed record
 *   BROKEN_SEQ_FIRST     seq before the words                 mixed record
 *   BROKEN_READER_LOCK   the writer waits for readers         writer held up
 */
#include "crash.inc"

#define PUBLICATIONS 4
#define TRIES	     3

byte seq, copy[4]; /* copy k starts at word 2k; each word is its publication's number */
byte readers;
bool writer_done, served;

#ifdef BROKEN_SINGLE_COPY
#define COPY(s)	       0
#define RECORD(s)      ((s) / 2)
#define BEING_WRITTEN(s) ((s) & 1)
#else
#define COPY(s)	       (2 * ((s) & 1))
#define RECORD(s)      (s)
#define BEING_WRITTEN(s) false
#endif

active proctype writer()
{
	byte n;

	{
		do
		:: n == PUBLICATIONS -> break
		:: else ->
			n++;
#ifdef BROKEN_READER_LOCK
			readers == 0;
#endif
#if defined(BROKEN_SINGLE_COPY)
			seq = 2 * n - 1;
#elif defined(BROKEN_SEQ_FIRST)
			seq = n;
#endif
			copy[COPY(n)] = n;
			copy[COPY(n) + 1] = n;
#if defined(BROKEN_SINGLE_COPY)
			seq = 2 * n
#elif !defined(BROKEN_SEQ_FIRST)
			seq = n
#endif
		od;
		writer_done = true
	} unless { dead[WRITER] }
}

active proctype reader()
{
	byte s, a, b, tries;

	{
		do
		:: served = false;
		   tries = 0;
#ifdef BROKEN_READER_LOCK
		   readers++;
#endif
		   do
		   :: tries == TRIES -> break /* "try again later" */
		   :: else ->
			s = seq;
			a = copy[COPY(s)];
			b = copy[COPY(s) + 1];
			if
#ifdef BROKEN_NO_RECHECK
			:: true ->
#else
			:: seq == s && !BEING_WRITTEN(s) ->
#endif
				assert(a == RECORD(s) && b == RECORD(s));
				served = true;
				break
#ifndef BROKEN_NO_RECHECK
			:: else -> tries++
#endif
			fi
		   od;
#ifdef BROKEN_READER_LOCK
		   readers--;
#endif
		   s = 0; a = 0; b = 0
		od
	} unless { dead[READER] }
}

ltl writer_free { <>(writer_done || dead[WRITER]) }
ltl reader_served { <>dead[READER] || []<>served }
