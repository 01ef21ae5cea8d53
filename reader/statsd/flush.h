/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush.h - turn what has changed into lines, lines into datagrams, and remember what
 * became of them.
 *
 * A counter is told as its growth since the last time it was told. "Told" is decided
 * datagram by datagram: only when one has been handed over are the counters in it
 * written down (ledger.h); what was in one that could not be sent comes again with the
 * next flush. Gauges are of now, and are simply told again.
 *
 * No clock, no socket: snapshots come in, datagrams go to the function given. One
 * thread at a time.
 */
#ifndef SNP_STATSD_FLUSH_H
#define SNP_STATSD_FLUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "ledger.h"
#include "snakepit/read.h"

struct flush;

/* How the observations of a histogram are told. */
enum flush_latency {
	FLUSH_LATENCY_COUNTERS,	     /* two counters: name.count and name.sum_ms */
	FLUSH_LATENCY_TIMINGS,	     /* |ms, a line a bucket, its middle as value */
	FLUSH_LATENCY_DISTRIBUTIONS, /* the same as |d, which is DogStatsD's own */
	FLUSH_LATENCY_NR
};

const char *flush_latency_name(enum flush_latency latency);
/* False, and *ret_latency untouched, for what is none. */
bool flush_latency_parse(const char *text, enum flush_latency *ret_latency);

struct flush_options {
	struct format format;
	enum flush_latency latency;
	size_t datagram_bytes_max;
	uint8_t level_max; /* SNP_LEVEL_INFO or SNP_LEVEL_DIAG */
	bool send_zero;	   /* tell counters that have not grown as well */
};

/* Hand over one datagram: 0, or a negative errno when it was certainly not delivered.
 */
typedef int flush_send_fn(void *user, const char *datagram, size_t len);

struct flush_result {
	uint64_t lines, datagrams; /* handed over */
	uint64_t failed;	   /* datagrams that could not be */
	uint64_t too_long;	   /* lines that fit into no datagram */
	int error; /* why the last of `failed` could not be; 0 = none did */
};

/* `options` is copied, what it points to is borrowed. -ENOMEM. */
int flush_create(const struct flush_options *options, flush_send_fn *send, void *user,
		 struct flush **ret_flush);
void flush_destroy(struct flush **flush);

/* A flush: begin, any of the others, end. */
void flush_begin(struct flush *flush);

enum flush_part {
	FLUSH_ALL,
	FLUSH_LASTING, /* of a runtime that is gone: its gauges describe nothing */
};

/* Tell what `snap` says. -ENOMEM when not all of it could be. */
int flush_snapshot(struct flush *flush, const struct snp_snapshot *snap,
		   struct ledger *ledger, enum flush_part part);

/* A figure of this program's own, without labels. `*told` is what of it has been told,
 * and follows as a ledger does. */
void flush_own_counter(struct flush *flush, const char *name, uint64_t value,
		       uint64_t *told);
void flush_own_gauge(struct flush *flush, const char *name, uint64_t value);

/* Hand over what is left and say how it went. -ENOMEM when memory ran out meanwhile. */
int flush_end(struct flush *flush, struct flush_result *ret_result);

/* Write everything down as told without telling it: what there was before we came. */
int flush_baseline(struct flush *flush, const struct snp_snapshot *snap,
		   struct ledger *ledger);

#endif
