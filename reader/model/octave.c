/* SPDX-License-Identifier: Apache-2.0 */
#include "model/octave.h"

#include <math.h>
#include <stddef.h>

#define WORDS_PER_OCTAVE (1U << SNP_HIST_SCALE)

/* Words of a histogram that the octave counts. The first is in octave 0 alone, the last
 * octave has what lies beyond it. */
static unsigned first_word(unsigned octave)
{
	return octave == 0 ? 0 : (octave - 1) * WORDS_PER_OCTAVE + 1;
}

static unsigned end_word(unsigned octave)
{
	return octave == SNP_HIST_OCTAVES - 1 ? SNP_HIST_WORDS
					      : octave * WORDS_PER_OCTAVE + 1;
}

/* 2^(place / 8) times the first bound. */
static uint64_t ns_at(double place)
{
	return (uint64_t)(exp2((SNP_HIST_IDX_MIN + place) / WORDS_PER_OCTAVE) * 1e9);
}

/* The geometric middle of a word's bucket; beyond the buckets the edge, as
 * snp_hist_quantile_ns() has it. */
static uint64_t word_ns(unsigned word)
{
	if (word == 0)
		return ns_at(0);
	return ns_at(word <= SNP_HIST_BUCKETS ? word - 0.5 : SNP_HIST_BUCKETS);
}

static uint64_t octave_ns(unsigned octave)
{
	return ns_at(octave == 0 ? 0 : (octave - 0.5) * WORDS_PER_OCTAVE);
}

/* The word of the octave in which the share `part` of its observations has been seen.
 */
static uint64_t within(unsigned octave, const uint64_t *life, double part)
{
	unsigned first = first_word(octave), end = end_word(octave), last = first;
	uint64_t all = 0, seen = 0;

	for (unsigned i = first; life && i < end; i++)
		all += life[i];
	if (all == 0)
		return octave_ns(octave);
	for (unsigned i = first; i < end; i++) {
		seen += life[i];
		last = life[i] ? i : last;
		if (life[i] && (double)seen >= part * (double)all)
			break;
	}
	return word_ns(last);
}

uint64_t snp_octave_quantile_ns(const uint64_t octave[SNP_HIST_OCTAVES],
				const uint64_t *life, double q)
{
	uint64_t all = 0, before = 0;
	double rank;

	for (unsigned i = 0; i < SNP_HIST_OCTAVES; i++)
		all += octave[i];
	if (all == 0)
		return 0;
	/* Of the observations in order, the one with this number, from 1. */
	rank = fmax(1, ceil(q * (double)all));
	for (unsigned i = 0; i < SNP_HIST_OCTAVES; i++) {
		if ((double)(before + octave[i]) >= rank)
			return within(i, life,
				      (rank - (double)before) / (double)octave[i]);
		before += octave[i];
	}
	return 0;
}
