/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/inflight.h"

#include <string.h>

#include "snakepit/check.h"

#define WORDS (INFLIGHT_MAX / 64)

static uint64_t bit_of(uint32_t place)
{
	return UINT64_C(1) << (place % 64);
}

void inflight_init(struct inflight *inflight, struct snp_writer *writer,
		   uint32_t worker_row, uint32_t places)
{
	SNP_CHECK(places <= INFLIGHT_MAX);
	*inflight = (struct inflight){.writer = writer, .worker_row = worker_row};
	memset(inflight->taken, 0xff, sizeof(inflight->taken));
	for (uint32_t i = 0; i < places; i++)
		inflight->taken[i / 64] &= ~bit_of(i);
}

static uint32_t first_free(const struct inflight *inflight)
{
	for (uint32_t i = 0; i < WORDS; i++)
		if (~inflight->taken[i])
			return 64 * i + (uint32_t)__builtin_ctzll(~inflight->taken[i]);
	return INFLIGHT_NONE;
}

uint32_t inflight_begin(struct inflight *inflight,
			const struct snp_inflight_fields *fields)
{
	uint32_t place = first_free(inflight);

	if (place == INFLIGHT_NONE)
		return INFLIGHT_NONE;
	inflight->taken[place / 64] |= bit_of(place);
	snp_inflight_begin(inflight->writer, inflight->worker_row, place, fields);
	return place;
}

void inflight_end(struct inflight *inflight, uint32_t place)
{
	if (place == INFLIGHT_NONE)
		return;
	SNP_CHECK(inflight->taken[place / 64] & bit_of(place));
	inflight->taken[place / 64] &= ~bit_of(place);
	snp_inflight_end(inflight->writer, inflight->worker_row, place);
}
