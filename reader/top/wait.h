/* SPDX-License-Identifier: Apache-2.0 */
/* wait.h - time between two looks, where there are no keys to wait for. */
#ifndef SNP_TOP_WAIT_H
#define SNP_TOP_WAIT_H

#include <stdint.h>
#include <time.h>

static inline void top_wait_ms(uint64_t ms)
{
	const struct timespec wait = {.tv_sec = (time_t)(ms / 1000),
				      .tv_nsec = (long)(ms % 1000) * 1000000L};

	(void)nanosleep(&wait, NULL);
}

#endif
