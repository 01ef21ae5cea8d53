/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp.h - wall time as google.protobuf.Timestamp; 0 stands for "absent".
 */
#ifndef RPC_TIMESTAMP_H
#define RPC_TIMESTAMP_H

#include <google/protobuf/timestamp.pb-c.h>

#include "snakepit/time.h"

/* Fill *storage and return it, or NULL for an absent time. */
static inline Google__Protobuf__Timestamp *
rpc__timestamp_of_wall(snp_wall_t wall, Google__Protobuf__Timestamp *storage)
{
	if (wall.ns == 0)
		return NULL;
	google__protobuf__timestamp__init(storage);
	storage->seconds = (int64_t)(wall.ns / SNP_NS_PER_S);
	storage->nanos = (int32_t)(wall.ns % SNP_NS_PER_S);
	return storage;
}

/* Absent, before 1970, malformed or beyond the year 2500: 0. */
static inline snp_wall_t rpc__wall_of_timestamp(const Google__Protobuf__Timestamp *ts)
{
	if (!ts || ts->seconds < 0 || ts->nanos < 0 ||
	    ts->nanos >= (int32_t)SNP_NS_PER_S ||
	    ts->seconds >= (int64_t)(UINT64_MAX / SNP_NS_PER_S))
		return (snp_wall_t){0};
	return (snp_wall_t){(uint64_t)ts->seconds * SNP_NS_PER_S + (uint64_t)ts->nanos};
}

#endif
