/* SPDX-License-Identifier: Apache-2.0 */
/* bucket.h - a token bucket: how often something may happen. Pure, no clock. */
#ifndef SNP_PROMETHEUS_BUCKET_H
#define SNP_PROMETHEUS_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/time.h"

/* Zeroed: full. */
struct bucket {
	snp_mono_t full; /* when it will be, or was, full again */
	uint64_t interval_ns, burst;
};

/* Take a token if there is one. One comes each `interval_ns` > 0, up to `burst` > 0.
 * Both may differ from call to call; `now` does not go back. */
bool bucket_take(struct bucket *bucket, snp_mono_t now, uint64_t interval_ns,
		 uint64_t burst);

#endif
