/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster.h - which worker takes the next request, found without looking at all of them.
 *
 * One seat a worker slot. The seats whose worker has room are in lists by how many
 * requests it runs; the front of a list is the worker that was active last, whose
 * caches are warm. New workers go to the end, so that of those never used the oldest is
 * first. A worker that could not be reached is passed over for a moment.
 *
 * A seat also has the lane: requests of sessions that wait for this very worker. The
 * seats that have room and somebody in their lane are `eager`.
 *
 * The supervisor opens and closes links (link->open) on its own thread. The roster
 * hears of an opened one by roster_seat(); a closed one it finds out by itself before
 * it names it. It has a reference to each link in a seat.
 *
 * Front door thread only. roster_init() and roster_fini(): before and after.
 */
#ifndef SNAKEPIT_RUNTIME_ROSTER_H
#define SNAKEPIT_RUNTIME_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/list.h"
#include "worker/link.h"

struct seat {
	struct list in;	       /* of a level, or of those passed over; alone: in none */
	struct list eager;     /* of roster.eager */
	struct link *link;     /* NULL: no worker takes requests here */
	struct list lane;      /* struct request, by waiter.turn */
	uint32_t waiting;      /* in the lane */
	uint32_t level;	       /* that it is in the list of */
	snp_mono_t not_before; /* passed over until then; .ns == 0: it is not */
};

struct roster {
	struct seat *seats;
	uint32_t seats_nr;
	uint32_t capacity;	 /* requests that all seated workers run at once */
	struct list passed_over; /* next one first */
	struct list eager;
	uint64_t in_use[INFLIGHT_MAX / 64]; /* levels with a list that is not empty */
	struct list levels[INFLIGHT_MAX];
};

/* -ENOMEM. */
int roster_init(struct roster *roster, uint32_t seats);
/* Gives the links back. Nobody may be in a lane. */
void roster_fini(struct roster *roster);

/* `link` (NULL: none) takes the requests of the seat from now on. */
void roster_seat(struct roster *roster, struct seat *seat, struct link *link);

/* The seat of the worker for the next request, or NULL: none has room. */
struct seat *roster_pick(struct roster *roster, snp_mono_t now);

/* Whether the seat's worker can take a request now. */
bool roster_has_room(struct roster *roster, struct seat *seat, snp_mono_t now);

/* A seat that has room and whose lane is not empty, or NULL. */
struct seat *roster_eager(struct roster *roster, snp_mono_t now);

/* The seat's worker was given a request. */
void roster_sent(struct roster *roster, struct seat *seat);
/* One came back from `link`, in its seat or not any more. */
void roster_returned(struct roster *roster, struct link *link);
/* The same for one whose caller has left. A plain Python tool cannot be stopped: its
 * worker may be at it for a while, so others are better. */
void roster_abandoned(struct roster *roster, struct link *link);
/* The lane was empty or has become so. */
void roster_lane_changed(struct roster *roster, struct seat *seat);

/* `link` could not be reached: do not use it before `until`, which is not before that
 * of an earlier call. */
void roster_pass_over(struct roster *roster, const struct link *link, snp_mono_t until);
/* When one passed over can be used again; .ns == UINT64_MAX: there is none. */
snp_mono_t roster_next(const struct roster *roster);

#endif
