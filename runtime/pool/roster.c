/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snakepit/check.h"

#define WORDS (INFLIGHT_MAX / 64)

/* ---- lifetime ------------------------------------------------------------ */

int roster_init(struct roster *roster, uint32_t seats)
{
	memset(roster, 0, sizeof(*roster));
	roster->seats = calloc(seats, sizeof(*roster->seats));
	if (!roster->seats)
		return -ENOMEM;
	roster->seats_nr = seats;
	list_init(&roster->passed_over);
	list_init(&roster->eager);
	for (uint32_t i = 0; i < INFLIGHT_MAX; i++)
		list_init(&roster->levels[i]);
	for (uint32_t i = 0; i < seats; i++) {
		list_init(&roster->seats[i].in);
		list_init(&roster->seats[i].eager);
		list_init(&roster->seats[i].lane);
	}
	return 0;
}

void roster_fini(struct roster *roster)
{
	for (uint32_t i = 0; i < roster->seats_nr; i++) {
		SNP_CHECK(list_is_empty(&roster->seats[i].lane));
		link_unref(roster->seats[i].link);
	}
	free(roster->seats);
	roster->seats = NULL;
	roster->seats_nr = 0;
}

/* ---- lists --------------------------------------------------------------- */

static void leave(struct roster *roster, struct seat *seat)
{
	list_remove(&seat->in);
	list_remove(&seat->eager);
	if (list_is_empty(&roster->levels[seat->level]))
		roster->in_use[seat->level / 64] &=
		    ~(UINT64_C(1) << (seat->level % 64));
}

static bool has_room(const struct seat *seat)
{
	return seat->link && !seat->not_before.ns &&
	       seat->link->dispatched < seat->link->opt.capacity;
}

enum end {
	FIRST, /* it was active just now */
	LAST,
};

/* Put the seat where it belongs after anything about it has changed. */
static void settle(struct roster *roster, struct seat *seat, enum end end)
{
	struct list *level;

	leave(roster, seat);
	if (!has_room(seat))
		return;
	seat->level = seat->link->dispatched;
	SNP_CHECK(seat->level < INFLIGHT_MAX);
	level = &roster->levels[seat->level];
	if (end == FIRST)
		list_add_first(level, &seat->in);
	else
		list_add_last(level, &seat->in);
	roster->in_use[seat->level / 64] |= UINT64_C(1) << (seat->level % 64);
	if (!list_is_empty(&seat->lane))
		list_add_last(&roster->eager, &seat->eager);
}

void roster_seat(struct roster *roster, struct seat *seat, struct link *link)
{
	struct link *before = seat->link;

	if (before == link)
		return;
	if (before)
		roster->capacity -= before->opt.capacity;
	if (link)
		roster->capacity += link->opt.capacity;
	leave(roster, seat);
	seat->link = link ? link_ref(link) : NULL;
	seat->not_before.ns = 0;
	settle(roster, seat, LAST);
	link_unref(before);
}

/* The supervisor may have closed it since it was seated. */
static bool is_open(struct roster *roster, struct seat *seat)
{
	if (atomic_load_explicit(&seat->link->open, memory_order_relaxed))
		return true;
	roster_seat(roster, seat, NULL);
	return false;
}

/* ---- choosing ------------------------------------------------------------ */

/* Those whose time is over: they have had no request for a moment, so they go last. */
static void readmit(struct roster *roster, snp_mono_t now)
{
	struct list *node;

	while ((node = list_first(&roster->passed_over))) {
		struct seat *seat = list_entry(node, struct seat, in);

		if (seat->not_before.ns > now.ns)
			return;
		list_remove(&seat->in);
		seat->not_before.ns = 0;
		settle(roster, seat, LAST);
	}
}

static struct seat *first_seat(struct roster *roster)
{
	for (uint32_t i = 0; i < WORDS; i++) {
		uint64_t bits = roster->in_use[i];

		if (bits)
			return list_entry(
			    roster->levels[64 * i + (uint32_t)__builtin_ctzll(bits)]
				.next,
			    struct seat, in);
	}
	return NULL;
}

struct seat *roster_pick(struct roster *roster, snp_mono_t now)
{
	struct seat *seat;

	readmit(roster, now);
	while ((seat = first_seat(roster)))
		if (is_open(roster, seat))
			return seat;
	return NULL;
}

bool roster_has_room(struct roster *roster, struct seat *seat, snp_mono_t now)
{
	readmit(roster, now);
	return has_room(seat) && is_open(roster, seat);
}

struct seat *roster_eager(struct roster *roster, snp_mono_t now)
{
	struct list *node;

	readmit(roster, now);
	while ((node = list_first(&roster->eager))) {
		struct seat *seat = list_entry(node, struct seat, eager);

		if (is_open(roster, seat))
			return seat;
	}
	return NULL;
}

/* ---- what happened to a seat --------------------------------------------- */

static struct seat *seat_of(const struct roster *roster, const struct link *link)
{
	struct seat *seat = &roster->seats[link->opt.slot];

	return seat->link == link ? seat : NULL;
}

void roster_sent(struct roster *roster, struct seat *seat)
{
	seat->link->dispatched++;
	settle(roster, seat, FIRST);
}

static void come_back(struct roster *roster, struct link *link, enum end end)
{
	struct seat *seat = seat_of(roster, link);

	SNP_CHECK(link->dispatched > 0);
	link->dispatched--;
	if (seat && !seat->not_before.ns)
		settle(roster, seat, end);
}

void roster_returned(struct roster *roster, struct link *link)
{
	come_back(roster, link, FIRST);
}

void roster_abandoned(struct roster *roster, struct link *link)
{
	come_back(roster, link, LAST);
}

void roster_lane_changed(struct roster *roster, struct seat *seat)
{
	if (list_is_empty(&seat->lane))
		list_remove(&seat->eager);
	else if (has_room(seat) && !list_has(&seat->eager))
		list_add_last(&roster->eager, &seat->eager);
}

/* ---- passing over -------------------------------------------------------- */

void roster_pass_over(struct roster *roster, const struct link *link, snp_mono_t until)
{
	struct seat *seat = seat_of(roster, link);

	if (!seat)
		return;
	leave(roster, seat);
	seat->not_before = until;
	list_add_last(&roster->passed_over, &seat->in);
}

snp_mono_t roster_next(const struct roster *roster)
{
	const struct list *node = list_first(&roster->passed_over);

	return node ? list_entry(node, struct seat, in)->not_before
		    : (snp_mono_t){UINT64_MAX};
}
