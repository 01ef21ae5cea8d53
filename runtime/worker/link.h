/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - the way to one worker process: its channel, its heartbeat, its calls.
 *
 * One link a worker incarnation. The supervisor creates it when the process has said
 * hello, starts it (first round trip, then heartbeats), publishes it to the pool when
 * the worker answered, and stops it when the worker ends.
 *
 *   thread       | may touch
 *   -------------+--------------------------------------------------------------
 *   supervisor   | create, start, stop; `open`, `closed` (writes)
 *   event loop   | the fields under "event loop", the slot's hot cells and requests in
 *                | flight
 *   front door   | the fields under "front door", `open`, `closed` (reads)
 *
 * Lifetime: references. The supervisor has one from create to the end of the grace
 * period after it withdrew the link from the pool; every request that runs on the link
 * has one; the event loop has one from start until stop has run there.
 */
#ifndef SNAKEPIT_RUNTIME_LINK_H
#define SNAKEPIT_RUNTIME_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/event_loop.h"
#include "core/mailbox.h"
#include "log/log.h"
#include "rcu.h"
#include "rpc/call.h"
#include "rpc/channel.h"
#include "worker/heartbeat.h"
#include "worker/inflight.h"
#include "worker/telemetry.h"

struct link;

/* What a link tells the supervisor, on the supervisor's thread. */
enum link_news {
	LINK_ANSWERED, /* first round trip: the worker serves */
	LINK_IDLE,     /* after link_drain(): nothing runs on it, and nothing will */
	LINK_NEWS_NR
};
typedef void (*link_news_fn)(struct link *link, enum link_news news, void *user);

#define LINK_WORKER_ID_BYTES 96

struct link_options {
	const char *address; /* "unix:..." */
	const char *worker_id;
	uint32_t pool, slot; /* pool row, slot within the pool */
	uint64_t incarnation;
	pid_t pid;
	uint32_t capacity;	/* calls at once */
	const char *no_session; /* what requests without one have; NULL: none. Static */
	struct snp_worker_row *row;
	struct inflight *inflight; /* of the slot */
	_Atomic unsigned *users;   /* of the slot: links that may still write to it */
	struct event_loop *loop;
	const struct snp_cfg_heartbeat *heartbeat;	  /* copied */
	const struct snp_cfg_telemetry_events *telemetry; /* copied; NULL: off */
	struct rpc_channel_opts limits; /* of messages and metadata; zero: defaults */
	uint32_t answer_timeout_ms;	/* for the first round trip */
	struct mailbox *news_box;	/* of the supervisor */
	link_news_fn on_news;
	void *user;
};

/* One kind of news on its way; holds a reference to the link. */
struct link_mail {
	struct mail mail;
	struct link *link;
	enum link_news news;
	bool sent;
};

struct link {
	_Atomic unsigned refs;
	_Atomic bool open; /* takes requests; supervisor writes, front door reads */
	/* It gets no request any more, for good: whoever waits for this worker and no
	 * other waits in vain. Supervisor writes, front door reads. */
	_Atomic bool closed;
	/* It was told to end: it is not pinged any more, and a ping that is out may
	 * fail. Supervisor writes, event loop reads. */
	_Atomic bool leaving;
	/* When the worker's page last showed a turn of its event loop, in nanoseconds,
	 * while it was well; supervisor writes, event loop reads. */
	_Atomic uint64_t turned_ns;
	struct rcu_later later, drain_later;
	/* Immutable. */
	struct link_options opt;
	char worker_id[LINK_WORKER_ID_BYTES];
	struct rpc_channel *channel;
	/* Front door. */
	uint32_t dispatched; /* requests handed to this link and not yet back */
	/* Event loop. */
	bool stopped;
	bool sealed;	/* no further call will begin */
	uint32_t calls; /* in flight */
	snp_mono_t busy_since;
	struct snp_fmt_latch suspect; /* written here, read by the supervisor */
	struct heartbeat heartbeat;
	struct snp_cfg_heartbeat heartbeat_cfg;
	struct rpc_timer timer;
	struct rpc_call *ping;
	struct telemetry telemetry;
	struct rpc_task start_task, stop_task, seal_task;
	struct link_mail news[LINK_NEWS_NR];
};

int link_create(const struct link_options *options, struct link **ret_link,
		struct snp_err *err);
struct link *link_ref(struct link *link);
void link_unref(struct link *link);

/* Supervisor: begin with the first round trip. Once. */
void link_start(struct link *link);
/* Supervisor: `open` was closed; LINK_IDLE is told when the last call that was let in
 * before has ended. Once. */
void link_drain(struct link *link);
/* Supervisor: go on with these settings of the heartbeat. Waits for the loop. */
void link_set_heartbeat(struct link *link, const struct snp_cfg_heartbeat *cfg);
/* Supervisor: no more heartbeats; running calls end by themselves when the worker does.
 * After link_start, once. */
void link_stop(struct link *link);

/* Front door: whether it will get no request again. */
static inline bool link_is_closed(const struct link *link)
{
	return atomic_load_explicit(&link->closed, memory_order_relaxed);
}

enum link_call_end {
	LINK_CALL_OK,
	LINK_CALL_FAILED,
	LINK_CALL_LOST, /* the worker took it and did not survive it */
};

/* Event loop: a request begins or ends on the worker: keeps the slot's hot cells and
 * what it shows in flight. `fields->start` is now. Returns the request's place in
 * flight for link_call_end(), INFLIGHT_NONE where there was none left, which is
 * counted. */
uint32_t link_call_begin(struct link *link, const struct snp_inflight_fields *fields);
void link_call_end(struct link *link, uint32_t place, enum link_call_end how,
		   snp_mono_t now);

/* The trace id of the request that the worker runs, or was lost with; zeros where it is
 * none, or one of several. Event loop and supervisor; as far as the loop has heard. */
void link_suspect(const struct link *link, uint64_t ret_trace_id[2]);
/* The same for a log line; `link` may be NULL. */
struct log_context link_suspect_log(const struct link *link);

#endif
