/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry.h - what a worker's adapter reports by itself: the host opens the bridge's
 * StreamTelemetry on the worker, and each event becomes a count, an event in the ring
 * and a log line.
 *
 * Off unless telemetry.events.enabled says so: then no stream is opened. Whatever a
 * worker sends costs at most two reads for each event it may send (max_per_s): what is
 * beyond the first half is dropped and counted, and beyond the second it is not read
 * before the second is over, so that flow control slows the worker down. An event that
 * makes no sense is dropped and counted. A worker that knows no such stream is left
 * alone; a stream that ends otherwise is opened again after a pause.
 *
 * Event loop of the link only. The open call holds a reference to the link.
 */
#ifndef SNAKEPIT_RUNTIME_TELEMETRY_H
#define SNAKEPIT_RUNTIME_TELEMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "rpc/call.h"
#include "rpc/loop.h"
#include "rpc/messages.h"
#include "snakepit/time.h"

struct link;

/* ---- How much a worker may send ------------------------------------------ */

struct telemetry_rate {
	snp_mono_t since; /* the second it is about */
	uint32_t seen;	  /* events in it */
};

enum telemetry_verdict {
	TELEMETRY_TAKE,
	TELEMETRY_DROP,
	TELEMETRY_DROP_AND_PAUSE, /* read the next at telemetry_rate_next() */
};

/* An event arrived at `now`. */
enum telemetry_verdict telemetry_rate_judge(struct telemetry_rate *rate,
					    uint32_t max_per_s, snp_mono_t now);
snp_mono_t telemetry_rate_next(const struct telemetry_rate *rate);

/* ---- What an event must be ----------------------------------------------- */

#define TELEMETRY_EVENT_BYTES ((size_t)65536) /* encoded, at most */
#define TELEMETRY_NAME_BYTES  128	      /* with the NUL */

/* The parts joined by dots. False: none, one of them is empty, or it is too long. */
bool telemetry_name(const struct rpc_texts *parts, char ret[TELEMETRY_NAME_BYTES]);

/* ---- The stream ---------------------------------------------------------- */

struct telemetry {
	struct snp_cfg_telemetry_events cfg;
	struct rpc_call *call; /* NULL: none open */
	struct rpc_timer timer;
	struct telemetry_rate rate;
	unsigned controls_left; /* still to be sent */
};

/* Zeroed is stopped. The worker has answered. */
void telemetry_start(struct link *link);
void telemetry_stop(struct link *link);

#endif
