/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "fleet"
#include "worker/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "snakepit/check.h"
#include "worker/fleet_parts.h"

/* How soon to look again whether a row can be retired. */
#define ROW_RETRY_MS 100

void fleet_event(const struct fleet *f, enum snp_enum_EVENT_KIND kind,
		 enum snp_enum_MOVE_REASON reason, const struct worker *w)
{
	const struct snp_event_fields event = {
	    .kind = kind,
	    .initiator = machine_initiator(reason),
	    .reason = reason,
	    .pool = f->pool->index,
	    .slot = w ? w->slot : 0,
	    .incarnation = w ? w->incarnation : 0,
	    .pid = w ? (uint64_t)w->pid : 0,
	    .value = {f->target, f->generations},
	};

	snp_event_record(f->site->bank, &event, snp_mono_now());
}

/* ---- rows ---------------------------------------------------------------- */

/* As many requests in flight are shown as the segment has places for, whatever the
 * configuration of the moment: a reload may give the same row to larger workers. */
static void give_row(const struct fleet *f, struct worker *w)
{
	struct pool_slot *place = &f->pool->slots[w->slot];

	inflight_init(&place->inflight, f->site->writer, place->worker_row,
		      f->inflight_max);
	worker_take_row(w, place->worker_row);
}

static bool take_row(struct fleet *f, struct worker *w)
{
	struct pool_slot *place = &f->pool->slots[w->slot];
	const struct snp_row_decl decl = {
	    .kind = SNP_ROW_WORKER, .pool = f->pool->index, .slot = w->slot};
	struct snp_err err = {0};

	if (w->cells)
		return true;
	/* Its old one where it had one: what the slot has counted goes on. */
	if ((place->worker_row == POOL_NO_ROW ||
	     snp_row_revive(f->site->writer, &decl, place->worker_row) < 0) &&
	    snp_row_declare(f->site->writer, &decl, &place->worker_row, &err) < 0) {
		if (!f->rows_refused)
			log_warn("a worker has to wait for a row in the segment",
				 LOG_STR("pool", f->pool->cfg->name),
				 LOG_STR("error", err.msg));
		f->rows_refused = true;
		return false;
	}
	f->rows_refused = false;
	give_row(f, w);
	return true;
}

static bool may_drop_row(const struct worker *w)
{
	/* Acquire: what the last link wrote to the row. Partner: link_unref(). */
	return atomic_load_explicit(&w->pool->slots[w->slot].links,
				    memory_order_acquire) == 0;
}

static void drop_row(struct fleet *f, struct worker *w)
{
	if (!w->cells || !may_drop_row(w))
		return;
	worker_drop_row(w);
	snp_row_retire(f->site->writer, SNP_ROW_WORKER, w->row,
		       SNP_RETIRE_REASON_REMOVED);
}

/* ---- duties -------------------------------------------------------------- */

struct fleet_slot *fleet_employ(struct fleet *f, enum fleet_duty duty,
				enum snp_enum_START_REASON reason,
				enum snp_enum_MOVE_REASON why)
{
	struct fleet_slot *slot = NULL;

	for (uint32_t i = 0; i < f->pool->slots_nr && !slot; i++)
		if (f->slots[i].duty == FLEET_SPARE)
			slot = &f->slots[i];
	if (!slot || !take_row(f, slot->worker))
		return NULL;
	slot->duty = duty;
	slot->start_reason = reason;
	slot->start_why = why;
	slot->worker->failures = 0;
	return slot;
}

static void part(struct fleet_slot *slot)
{
	if (slot->partner)
		slot->partner->partner = NULL;
	slot->partner = NULL;
}

void fleet_dismiss(struct fleet_slot *slot, enum snp_enum_EXIT_REASON intent,
		   enum snp_enum_MOVE_REASON why)
{
	struct fleet_slot *substitute =
	    slot->duty == FLEET_MEMBER ? slot->partner : NULL;

	part(slot);
	if (substitute)
		fleet_dismiss(substitute, intent, why);
	slot->duty = FLEET_LEAVING;
	slot->due = why;
	worker_drain(slot->worker, intent, why);
}

/* The substitute is the member from now on; the old one goes, if it has not yet. */
static void succeed(struct fleet *f, struct fleet_slot *substitute)
{
	struct fleet_slot *old = substitute->partner;

	part(substitute);
	substitute->duty = FLEET_MEMBER;
	if (machine_has_process(old->worker->state))
		fleet_count_recycle(f, old->due);
	fleet_dismiss(old, SNP_EXIT_REASON_RECYCLED, old->due);
}

static void review_member(struct fleet *f, struct fleet_slot *slot)
{
	bool gone = worker_is_gone(slot->worker);

	if (gone && slot->partner)
		succeed(f, slot->partner);
	else if (slot->worker->state == SNP_WORKER_STATE_LOST)
		slot->duty = FLEET_LEAVING;
}

static void review_leaving(struct fleet_slot *slot)
{
	/* It ended before it could be told to: then nothing has to be waited for. */
	if (!machine_has_process(slot->worker->state))
		worker_stop(slot->worker, SNP_EXIT_REASON_SHUTDOWN, slot->due);
	if (slot->worker->state != SNP_WORKER_STATE_EMPTY)
		return;
	slot->duty = FLEET_SPARE;
	slot->due = SNP_MOVE_REASON_NONE;
	held_config_unref(&slot->held);
}

static void review(struct fleet *f, struct fleet_slot *slot)
{
	switch (slot->duty) {
	case FLEET_MEMBER:
		review_member(f, slot);
		break;
	case FLEET_SUBSTITUTE:
		if (worker_is_open(slot->worker))
			succeed(f, slot);
		else if (slot->worker->state == SNP_WORKER_STATE_LOST)
			fleet_dismiss(slot, SNP_EXIT_REASON_RECYCLED,
				      SNP_MOVE_REASON_UNKILLABLE);
		break;
	case FLEET_LEAVING:
		review_leaving(slot);
		break;
	case FLEET_SPARE:
		break;
	}
	if (slot->duty == FLEET_SPARE)
		drop_row(f, slot->worker);
}

void fleet_kill(struct fleet *f, struct fleet_slot *slot, enum snp_enum_MOVE_REASON why)
{
	fleet_count_recycle(f, why);
	slot->start_reason = SNP_START_REASON_RECYCLE;
	liveness_kill(slot->worker, SNP_EXIT_REASON_RECYCLED, why);
}

/* ---- how many ------------------------------------------------------------ */

static uint32_t count_members(const struct fleet *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++)
		n += f->slots[i].duty == FLEET_MEMBER;
	return n;
}

/* Whom a smaller pool misses least: who serves nobody yet, who is idle, who is young.
 */
static bool is_missed_less(const struct worker *a, const struct worker *b)
{
	bool a_ready = a->state == SNP_WORKER_STATE_READY;
	bool b_ready = b->state == SNP_WORKER_STATE_READY;
	bool a_busy = snp_get(a->cells->hot.worker_active) > 0;
	bool b_busy = snp_get(b->cells->hot.worker_active) > 0;

	if (a_ready != b_ready)
		return b_ready;
	if (a_busy != b_busy)
		return b_busy;
	return a->started.ns >= b->started.ns;
}

static struct fleet_slot *least_missed(const struct fleet *f)
{
	struct fleet_slot *least = NULL;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		if (slot->duty == FLEET_MEMBER &&
		    (!least || is_missed_less(slot->worker, least->worker)))
			least = slot;
	}
	SNP_CHECK(least);
	return least;
}

static void adjust_members(struct fleet *f)
{
	uint32_t members = count_members(f);

	for (; members > f->target; members--)
		fleet_dismiss(least_missed(f), SNP_EXIT_REASON_SHUTDOWN,
			      SNP_MOVE_REASON_SCALE_DOWN);
	for (; members < f->target; members++)
		if (!fleet_employ(f, FLEET_MEMBER,
				  f->growing ? SNP_START_REASON_SCALE
					     : SNP_START_REASON_RESTART,
				  f->growing ? SNP_MOVE_REASON_SCALE_UP
					     : SNP_MOVE_REASON_REPLACE))
			return; /* until one that leaves is gone */
	f->growing = false;
}

/* ---- admission ----------------------------------------------------------- */

static bool has_open_worker(const struct fleet *f)
{
	for (uint32_t i = 0; i < f->pool->slots_nr; i++)
		if (worker_is_open(f->slots[i].worker))
			return true;
	return false;
}

static void admit(struct fleet *f)
{
	enum pool_admission wanted = POOL_OPEN;
	char why[POOL_WHY_BYTES];

	if (f->mode == FLEET_STOPPING)
		return;
	if (f->drained)
		wanted = POOL_DRAINED;
	else if (f->breaker.state != SNP_BREAKER_CLOSED && !has_open_worker(f))
		wanted = POOL_DOWN;
	if (wanted == f->admission)
		return;
	f->admission = wanted;
	(void)snprintf(why, sizeof(why), "workers keep dying, the last one was %.200s",
		       f->last_words);
	front_pool_admission(f->site->front, f->pool, wanted, why);
}

/* ---- the turn ------------------------------------------------------------ */

/* What is counted as living and as starting is. */
static void check_books(const struct fleet *f)
{
	uint64_t live = 0;
	uint32_t starting = 0;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		live += machine_has_process(f->slots[i].worker->state);
		starting += machine_is_starting(f->slots[i].worker->state);
	}
	SNP_CHECK(f->pool->heads.now.processes == live);
	SNP_CHECK(f->starting == starting);
}

static snp_mono_t earlier(snp_mono_t a, snp_mono_t b)
{
	return a.ns < b.ns ? a : b;
}

static snp_mono_t next_due(const struct fleet *f, snp_mono_t now)
{
	snp_mono_t next =
	    earlier(fleet_starts_next(f, now), fleet_replace_next(f, now));

	if (f->dirty)
		return now;
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		const struct fleet_slot *slot = &f->slots[i];

		/* One that has passed and still stands is a restart that waits for its
		 * batch; the end of another start brings it on. */
		if (slot->worker->deadline.ns > now.ns)
			next = earlier(next, slot->worker->deadline);
		if (slot->duty == FLEET_SPARE && slot->worker->cells)
			next = earlier(next, snp_mono_add_ms(now, ROW_RETRY_MS));
	}
	return next;
}

snp_mono_t fleet_tend(struct fleet *f, snp_mono_t now)
{
	f->dirty = false;
	for (uint32_t i = 0; i < f->pool->slots_nr; i++)
		review(f, &f->slots[i]);
	if (f->mode != FLEET_STOPPING)
		adjust_members(f);
	if (f->mode == FLEET_RUNNING)
		fleet_replace_due(f, now);
	if (f->mode != FLEET_STOPPING)
		fleet_start_due(f, now);
	for (uint32_t i = 0; i < f->pool->slots_nr; i++)
		worker_deadline(f->slots[i].worker, now);
	admit(f);
	snp_set(f->pool->row->breaker, f->breaker.state);
	check_books(f);
	f->next = next_due(f, now);
	return f->next;
}

void fleet_moved(struct worker *w, enum snp_enum_WORKER_STATE from)
{
	struct fleet *f = w->fleet;

	f->dirty = true;
	if (w->state == from)
		return;
	f->starting -= machine_is_starting(from);
	f->starting += machine_is_starting(w->state);
	if (w->state == SNP_WORKER_STATE_READY)
		fleet_close_breaker(f, SNP_MOVE_REASON_ANSWERED);
	else if (w->state == SNP_WORKER_STATE_BACKOFF)
		fleet_note_failure(f, w);
}

/* ---- orders -------------------------------------------------------------- */

void fleet_set_mode(struct fleet *f, enum fleet_mode mode)
{
	f->mode = mode;
	f->dirty = true;
	for (uint32_t i = 0; mode == FLEET_STOPPING && i < f->pool->slots_nr; i++)
		worker_stop(f->slots[i].worker, SNP_EXIT_REASON_SHUTDOWN,
			    SNP_MOVE_REASON_SHUTDOWN);
}

void fleet_drain(struct fleet *f)
{
	if (f->drained)
		return;
	f->drained = f->dirty = true;
	fleet_event(f, SNP_EVENT_KIND_POOL_DRAINED, SNP_MOVE_REASON_OPERATOR, NULL);
}

void fleet_resume(struct fleet *f)
{
	if (!f->drained)
		return;
	f->drained = false;
	f->dirty = true;
	fleet_event(f, SNP_EVENT_KIND_POOL_RESUMED, SNP_MOVE_REASON_OPERATOR, NULL);
}

void fleet_scale(struct fleet *f, uint32_t workers)
{
	if (workers == f->target)
		return;
	log_info("pool changes its size", LOG_STR("pool", f->pool->cfg->name),
		 LOG_U64("from", f->target), LOG_U64("to", workers));
	f->growing = workers > f->target;
	f->target = workers;
	f->dirty = true;
	snp_set(f->pool->row->worker_limit, workers);
	fleet_event(f, SNP_EVENT_KIND_POOL_SCALED,
		    f->growing ? SNP_MOVE_REASON_SCALE_UP : SNP_MOVE_REASON_SCALE_DOWN,
		    NULL);
}

bool fleet_recycle(struct fleet *f, uint32_t slot_nr)
{
	struct fleet_slot *slot = &f->slots[slot_nr];

	if (slot->duty != FLEET_MEMBER || slot->partner ||
	    slot->worker->state != SNP_WORKER_STATE_READY)
		return false;
	slot->due = SNP_MOVE_REASON_OPERATOR;
	f->dirty = true;
	return true;
}

bool fleet_restart(struct fleet *f, uint32_t slot_nr)
{
	struct fleet_slot *slot = &f->slots[slot_nr];

	if (slot->duty != FLEET_MEMBER ||
	    machine_next(MACHINE_KILL, slot->worker->state) == MACHINE_SAME)
		return false;
	fleet_kill(f, slot, SNP_MOVE_REASON_OPERATOR);
	return true;
}

/* ---- lifetime ------------------------------------------------------------ */

int fleet_init(struct fleet *f, const struct worker_site *site, struct pool *pool,
	       struct worker *workers, struct held_config *held, struct snp_err *err)
{
	const struct snp_config *cfg = held_config_get(held);

	*f = (struct fleet){.pool = pool,
			    .site = site,
			    .target = pool->cfg->workers,
			    .inflight_max = snp_config_largest_capacity(cfg),
			    .generations = 1,
			    .dirty = true};
	f->slots = calloc(pool->slots_nr, sizeof(*f->slots));
	if (!f->slots)
		return snp_err_set(err, -ENOMEM, "out of memory for %u workers",
				   pool->slots_nr);
	f->generation = (struct fleet_generation){1, held_config_ref(held), pool->cfg};
	snp_set(pool->row->generation, 1);
	for (uint32_t i = 0; i < pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		slot->worker = &workers[i];
		workers[i].fleet = f;
		if (i >= f->target)
			continue;
		give_row(f, slot->worker);
		slot->duty = FLEET_MEMBER;
		slot->start_reason = SNP_START_REASON_INITIAL;
		slot->start_why = SNP_MOVE_REASON_INITIAL;
	}
	return 0;
}

void fleet_fini(struct fleet *f)
{
	for (uint32_t i = 0; f->slots && i < f->pool->slots_nr; i++)
		held_config_unref(&f->slots[i].held);
	held_config_unref(&f->generation.held);
	held_config_unref(&f->next_generation.held);
	free(f->slots);
	f->slots = NULL;
}
