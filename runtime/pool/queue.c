/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/queue.h"

#include "pool/request.h"
#include "snakepit/check.h"

void waiter_init(struct waiter *waiter, snp_mono_t since)
{
	list_init(&waiter->turn);
	list_init(&waiter->age);
	waiter->seat = NULL;
	waiter->since = since;
}

static void enter(struct request *r, struct seat *seat)
{
	struct list *queue = seat ? &seat->lane : &r->pool->turn;

	r->waiter.seat = seat;
	if (r->last.number)
		list_add_first(queue, &r->waiter.turn);
	else
		list_add_last(queue, &r->waiter.turn);
	if (seat) {
		seat->waiting++;
		roster_lane_changed(&r->pool->roster, seat);
	} else if (r->session) {
		r->session->in_turn++;
	}
}

static void leave(struct request *r)
{
	struct seat *seat = r->waiter.seat;

	list_remove(&r->waiter.turn);
	r->waiter.seat = NULL;
	if (seat) {
		SNP_CHECK(seat->waiting > 0);
		seat->waiting--;
		roster_lane_changed(&r->pool->roster, seat);
	} else if (r->session) {
		SNP_CHECK(r->session->in_turn > 0);
		r->session->in_turn--;
	}
}

void queue_add(struct request *r, struct seat *seat)
{
	if (r->last.number)
		list_add_first(&r->pool->age, &r->waiter.age);
	else
		list_add_last(&r->pool->age, &r->waiter.age);
	if (r->session)
		r->session->waiting++;
	enter(r, seat);
}

void queue_to_lane(struct request *r, struct seat *seat)
{
	leave(r);
	enter(r, seat);
}

void queue_remove(struct request *r)
{
	leave(r);
	list_remove(&r->waiter.age);
	if (r->session)
		r->session->waiting--;
}

static struct request *first_of(const struct list *queue)
{
	struct list *node = list_first(queue);

	return node ? list_entry(node, struct request, waiter.turn) : NULL;
}

struct request *queue_next(struct pool *pool, snp_mono_t now)
{
	struct request *any = first_of(&pool->turn), *bound;
	const struct seat *seat = roster_eager(&pool->roster, now);

	if (!seat)
		return any;
	bound = first_of(&seat->lane);
	return any && any->waiter.since.ns <= bound->waiter.since.ns ? any : bound;
}

struct request *queue_oldest(const struct pool *pool)
{
	struct list *node = list_first(&pool->age);

	return node ? list_entry(node, struct request, waiter.age) : NULL;
}
