/* SPDX-License-Identifier: Apache-2.0 */
/* rate.h - what two moments say of a counter; NaN where they say nothing. Pure. */
#ifndef SNP_MODEL_RATE_H
#define SNP_MODEL_RATE_H

#include <math.h>
#include <stdint.h>

#include "snakepit/time.h"

/* A counter that fell was begun anew: what happened in between is not known. */
static inline double snp_per_second(uint64_t now, uint64_t then, uint64_t interval_ns)
{
	if (interval_ns == 0 || now < then)
		return NAN;
	return (double)(now - then) * (double)SNP_NS_PER_S / (double)interval_ns;
}

/* To a sum of which nothing was known (NaN) or something. */
static inline void snp_add_known(double *sum, double part)
{
	if (isnan(part))
		return;
	*sum = isnan(*sum) ? part : *sum + part;
}

#endif
