/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram in a bank, and the bank's adoption by another thread: snp__hist_add()
 * (write.h), snp_bank_adopt() and snp_bank_release() (banks.c); read by sum_banks()
 * (gather.c). The mutex of adoption is one step here.
 *
 * Bounds: two threads of OBSERVATIONS observations each, two buckets, reads without end.
 *
 *   BROKEN_SUM_FIRST        the sum before its bucket            sum ahead of the buckets
 *   BROKEN_BUCKETS_FIRST    the reader loads the buckets first   sum ahead of the buckets
 *   BROKEN_ZERO_ON_ADOPTION the bank is cleared when it is taken a counter fell
 *   BROKEN_EARLY_RELEASE    the bank is given back while its
 *                           holder still counts                  observations lost
 */
#define WITH_CONTROL /* the second thread dies as CONTROL */
#include "crash.inc"

#define OBSERVATIONS 2

byte bucket[2], sum; /* bucket k holds observations of k + 1 */
bool bank_free, first_done, second_done;
byte observed; /* ghost: sum of all complete observations */

/* One value of either size. */
inline observe()
{
	if
	:: k = 0
	:: k = 1
	fi;
#ifdef BROKEN_SUM_FIRST
	v = sum;
	sum = v + k + 1;
	v = bucket[k];
	d_step { bucket[k] = v + 1; observed = observed + k + 1 }
#else
	v = bucket[k];
	bucket[k] = v + 1;
	v = sum;
	d_step { sum = v + k + 1; observed = observed + k + 1 }
#endif
	d_step { k = 0; v = 0; n++ }
}

active proctype first()
{
	byte n, k, v;

	{
#ifdef BROKEN_EARLY_RELEASE
		bank_free = true;
#endif
		do
		:: n == OBSERVATIONS -> break
		:: else -> observe()
		od;
		first_done = true;
		bank_free = true
	} unless { dead[WRITER] }
}

active proctype second()
{
	byte n, k, v;

	{
		if
		:: bank_free ->
#ifdef BROKEN_ZERO_ON_ADOPTION
			sum = 0;
			bucket[0] = 0;
			bucket[1] = 0;
#endif
			do
			:: n == OBSERVATIONS -> break
			:: else -> observe()
			od
		:: true /* no free bank: goes on without, and counts that */
		fi;
		second_done = true
	} unless { dead[CONTROL] }
}

active proctype reader()
{
	byte s, a, b, last_s, last_a, last_b;

	{
end:		do
		:: d_step { last_s = s; last_a = a; last_b = b };
#ifdef BROKEN_BUCKETS_FIRST
		   b = bucket[1];
		   a = bucket[0];
		   s = sum;
#else
		   s = sum;
		   b = bucket[1];
		   a = bucket[0];
#endif
		   assert(s <= a + 2 * b); /* the sum is not ahead */
		   assert(s >= last_s && a >= last_a && b >= last_b) /* nothing fell */
		od
	} unless { dead[READER] }
}

#define AT_REST (first_done && second_done)
#define EXACT	(sum == observed && sum == bucket[0] + 2 * bucket[1])

ltl nothing_lost { [](AT_REST -> EXACT) }
ltl writer_free
{
	<>(first_done || dead[WRITER]) && <>(second_done || dead[CONTROL])
}
