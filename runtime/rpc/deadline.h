/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.h - our monotonic time as gRPC's and back; 0 stands for "never".
 */
#ifndef RPC_DEADLINE_H
#define RPC_DEADLINE_H

#include <grpc/support/time.h>

#include "snakepit/time.h"

static inline gpr_timespec rpc__deadline_to_core(snp_mono_t deadline)
{
	gpr_timespec ts = gpr_time_0(GPR_CLOCK_MONOTONIC);

	if (deadline.ns == 0)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	ts.tv_sec = (int64_t)(deadline.ns / SNP_NS_PER_S);
	ts.tv_nsec = (int32_t)(deadline.ns % SNP_NS_PER_S);
	return ts;
}

/* A deadline that has passed even before the clock's zero is "now", never "never". */
static inline snp_mono_t rpc__deadline_from_core(gpr_timespec ts)
{
	ts = gpr_convert_clock_type(ts, GPR_CLOCK_MONOTONIC);
	if (gpr_time_cmp(ts, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0 ||
	    ts.tv_sec > (int64_t)(UINT64_MAX / SNP_NS_PER_S) - 1)
		return (snp_mono_t){0};
	if (ts.tv_sec < 0)
		return (snp_mono_t){1};
	return (snp_mono_t){(uint64_t)ts.tv_sec * SNP_NS_PER_S + (uint64_t)ts.tv_nsec};
}

#endif
