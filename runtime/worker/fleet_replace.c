/* SPDX-License-Identifier: Apache-2.0 */
/* Healthy workers that are to go: recycled, or rolled over to another configuration. */
#define LOG_COMPONENT "fleet"
#include "log/log.h"
#include "snakepit/read.h" /* snp_enum_text */
#include "worker/fleet_parts.h"
#include "worker/procfs.h"

/* How often to look at age and requests where a limit is set, and at wishes. */
#define LIMIT_LOOK_MS 250
#define WISH_LOOK_MS  1000
/* New workers that may fail before a roll is given up. */
#define ROLL_FAILURES 2

static const struct snp_cfg_lifecycle *lifecycle(const struct fleet *f)
{
	return &f->pool->cfg->lifecycle;
}

void fleet_count_recycle(const struct fleet *f, enum snp_enum_MOVE_REASON reason)
{
	snp_add(
	    &f->site->bank->pools[f->pool->index].recycles[recycle_counts_as(reason)],
	    1);
}

/* ---- who is due ---------------------------------------------------------- */

static bool serves(const struct fleet_slot *slot)
{
	return slot->duty == FLEET_MEMBER &&
	       slot->worker->state == SNP_WORKER_STATE_READY;
}

static void look(struct fleet *f, snp_mono_t now)
{
	const struct snp_cfg_lifecycle *cfg = lifecycle(f);
	bool limited = cfg->worker_ttl_s || cfg->worker_max_requests;

	if (now.ns < f->next_look.ns)
		return;
	f->next_look = snp_mono_add_ms(now, limited ? LIMIT_LOOK_MS : WISH_LOOK_MS);
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];
		const struct worker *w = slot->worker;

		if (!serves(slot) || slot->due != SNP_MOVE_REASON_NONE)
			continue;
		const struct recycle_facts facts = {
		    .ready_ns = snp_mono_since_ns(now, w->ready),
		    .requests = worker_requests(w),
		    .wish = w->live.beat.recycle_wish,
		};

		slot->due = recycle_judge(&slot->recycle, cfg, &facts);
	}
}

static void on_memory(struct fleet *f, struct fleet_slot *slot, uint64_t anon,
		      enum snp_enum_MOVE_REASON reason)
{
	const struct worker *w = slot->worker;

	if (reason == SNP_MOVE_REASON_NONE)
		return;
	log_warn(
	    reason == SNP_MOVE_REASON_RSS_BASELINE
		? "worker needs more than memory_soft_mb from its start; it is kept, "
		  "a new one would be no better"
		: "worker is over its memory limit",
	    LOG_STR("worker", w->id),
	    LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, reason)),
	    LOG_U64("memory_mb", anon >> 20),
	    LOG_U64("soft_mb", lifecycle(f)->memory_soft_mb),
	    LOG_U64("hard_mb", lifecycle(f)->memory_hard_mb));
	if (reason == SNP_MOVE_REASON_RSS_BASELINE) {
		fleet_event(f, SNP_EVENT_KIND_RECYCLE_DEFERRED, reason, w);
	} else if (reason == SNP_MOVE_REASON_RSS_HARD) {
		fleet_kill(f, slot, reason);
	} else {
		slot->due = reason;
	}
}

static void sample_memory(struct fleet *f, snp_mono_t now)
{
	if (now.ns < f->next_memory.ns)
		return;
	f->next_memory = snp_mono_add_ms(now, lifecycle(f)->memory_sample_ms);
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];
		const struct worker *w = slot->worker;
		uint64_t anon;

		if (w->pid <= 0 || procfs_anon(w->pid, &anon) < 0)
			continue;
		snp_set(w->cells->sup.memory_anon, anon);
		/* A worker that is on its way out may be killed, but not replaced. */
		if (serves(slot) && w->intent == SNP_EXIT_REASON_NR &&
		    slot->due == SNP_MOVE_REASON_NONE)
			on_memory(f, slot, anon,
				  recycle_sample(&slot->recycle, lifecycle(f),
						 snp_mono_since_ns(now, w->ready),
						 anon));
	}
}

/* ---- rolling ------------------------------------------------------------- */

bool fleet_is_rolling(const struct fleet *f)
{
	return f->next_generation.cfg != NULL;
}

/* A worker that never served has nothing that would speak for its old configuration. */
const struct fleet_generation *fleet_generation_for(const struct fleet *f,
						    const struct fleet_slot *slot)
{
	bool next = fleet_is_rolling(f) &&
		    (slot->duty == FLEET_SUBSTITUTE || slot->worker->ready.ns == 0 ||
		     slot->generation == f->next_generation.number);

	return next ? &f->next_generation : &f->generation;
}

static void end_roll(struct fleet *f, enum snp_enum_EVENT_KIND how)
{
	fleet_event(f, how, SNP_MOVE_REASON_GENERATION, NULL);
	f->next_generation.cfg = NULL;
	snp_set(f->pool->row->generation, f->generation.number);
}

static void finish_roll(struct fleet *f)
{
	log_info("all workers run with the new configuration",
		 LOG_STR("pool", f->pool->cfg->name),
		 LOG_U64("generation", f->next_generation.number));
	held_config_unref(&f->generation.held);
	f->generation = f->next_generation;
	f->next_generation.held = NULL;
	end_roll(f, SNP_EVENT_KIND_ROLL_FINISHED);
}

static void halt_roll(struct fleet *f)
{
	log_error("new workers fail, the pool goes back to the old configuration; mend "
		  "the new one and reload it",
		  LOG_STR("pool", f->pool->cfg->name),
		  LOG_U64("generation", f->next_generation.number),
		  LOG_STR("last", f->last_words));
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		if (slot->duty == FLEET_SUBSTITUTE)
			fleet_dismiss(slot, SNP_EXIT_REASON_SHUTDOWN,
				      SNP_MOVE_REASON_GENERATION);
		else if (slot->duty == FLEET_MEMBER &&
			 slot->due == SNP_MOVE_REASON_GENERATION)
			slot->due = SNP_MOVE_REASON_NONE;
	}
	held_config_unref(&f->next_generation.held);
	end_roll(f, SNP_EVENT_KIND_ROLL_HALTED);
}

/* Whether a worker is being replaced for the roll. */
static bool one_is_out(const struct fleet *f)
{
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		const struct fleet_slot *slot = &f->slots[i];
		const struct fleet_slot *old =
		    slot->duty == FLEET_SUBSTITUTE ? slot->partner : slot;

		if (slot->duty != FLEET_MEMBER &&
		    old->due == SNP_MOVE_REASON_GENERATION &&
		    !worker_is_gone(old->worker))
			return true;
	}
	return false;
}

/* Those that a roll had replaced before it was halted go the same way back. */
static void roll_back(struct fleet *f)
{
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		if (serves(slot) && slot->generation != f->generation.number &&
		    slot->due == SNP_MOVE_REASON_NONE)
			slot->due = SNP_MOVE_REASON_GENERATION;
	}
}

static void roll(struct fleet *f, snp_mono_t now)
{
	bool all_new = true;

	if (!fleet_is_rolling(f)) {
		roll_back(f);
		return;
	}
	if (f->roll_failures >= ROLL_FAILURES) {
		halt_roll(f);
		return;
	}
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];
		bool is_new = slot->generation == f->next_generation.number;

		if (slot->duty != FLEET_MEMBER)
			continue;
		all_new = all_new && is_new && serves(slot);
		if (serves(slot) && !is_new && slot->due == SNP_MOVE_REASON_NONE)
			slot->due = SNP_MOVE_REASON_GENERATION;
		if (serves(slot) && is_new) {
			snp_mono_t proved = snp_mono_add_ms(slot->worker->ready,
							    lifecycle(f)->min_ready_ms);

			if (proved.ns > f->roll_after.ns)
				f->roll_after = proved;
		}
	}
	if (all_new && now.ns >= f->roll_after.ns)
		finish_roll(f);
}

void fleet_roll(struct fleet *f, struct held_config *held,
		const struct snp_cfg_pool *cfg)
{
	f->next_generation =
	    (struct fleet_generation){++f->generations, held_config_ref(held), cfg};
	f->roll_failures = 0;
	f->roll_after.ns = 0;
	f->dirty = true;
	/* What failed may be what was mended. */
	fleet_close_breaker(f, SNP_MOVE_REASON_GENERATION);
	snp_set(f->pool->row->generation, f->generations);
	fleet_event(f, SNP_EVENT_KIND_ROLL_STARTED, SNP_MOVE_REASON_GENERATION, NULL);
	log_info("workers are replaced one by one for a new configuration",
		 LOG_STR("pool", cfg->name), LOG_U64("generation", f->generations));
}

/* ---- replacing ----------------------------------------------------------- */

/* Workers in replacement: one too many of them runs, or soon will. */
static uint32_t count_out(const struct fleet *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		const struct fleet_slot *slot = &f->slots[i];

		n += slot->duty == FLEET_SUBSTITUTE ||
		     (slot->duty == FLEET_LEAVING &&
		      slot->due != SNP_MOVE_REASON_SCALE_DOWN &&
		      !worker_is_gone(slot->worker));
	}
	return n;
}

static bool waits_for_substitute(const struct fleet_slot *slot)
{
	return serves(slot) && slot->due != SNP_MOVE_REASON_NONE && !slot->partner;
}

static struct fleet_slot *oldest_due(const struct fleet *f, snp_mono_t now)
{
	bool roll_waits =
	    fleet_is_rolling(f) && (now.ns < f->roll_after.ns || one_is_out(f));
	struct fleet_slot *oldest = NULL;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		if (!waits_for_substitute(slot) ||
		    (roll_waits && slot->due == SNP_MOVE_REASON_GENERATION))
			continue;
		if (!oldest || slot->worker->ready.ns < oldest->worker->ready.ns)
			oldest = slot;
	}
	return oldest;
}

static bool begin_replacement(struct fleet *f, struct fleet_slot *old)
{
	struct fleet_slot *substitute = fleet_employ(
	    f, FLEET_SUBSTITUTE, SNP_START_REASON_RECYCLE, SNP_MOVE_REASON_SURGE);

	if (!substitute)
		return false;
	substitute->partner = old;
	old->partner = substitute;
	log_info("worker is replaced", LOG_STR("worker", old->worker->id),
		 LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, old->due)),
		 LOG_U64("substitute_slot", substitute->worker->slot));
	return true;
}

/* Those that must wait are counted, each once. In a roll, waiting is the plan. */
static void defer_others(struct fleet *f)
{
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		if (!waits_for_substitute(slot) || slot->deferred ||
		    slot->due == SNP_MOVE_REASON_GENERATION)
			continue;
		slot->deferred = true;
		snp_add(f->site->bank->pools[f->pool->index].recycles_deferred, 1);
		fleet_event(f, SNP_EVENT_KIND_RECYCLE_DEFERRED, slot->due,
			    slot->worker);
	}
}

void fleet_replace_due(struct fleet *f, snp_mono_t now)
{
	uint32_t budget = recycle_budget(lifecycle(f), f->target);
	uint32_t out;

	look(f, now);
	sample_memory(f, now);
	roll(f, now);
	out = f->breaker.state == SNP_BREAKER_CLOSED ? count_out(f) : budget;
	for (struct fleet_slot *slot; (slot = oldest_due(f, now)); out++)
		if (out >= budget || !begin_replacement(f, slot)) {
			defer_others(f);
			return;
		}
}

snp_mono_t fleet_replace_next(const struct fleet *f, snp_mono_t now)
{
	snp_mono_t next = f->next_look;

	if (f->mode != FLEET_RUNNING)
		return (snp_mono_t){UINT64_MAX};
	if (f->next_memory.ns < next.ns)
		next = f->next_memory;
	if (fleet_is_rolling(f) && f->roll_after.ns > now.ns &&
	    f->roll_after.ns < next.ns)
		next = f->roll_after;
	return next;
}

/* ---- other settings ------------------------------------------------------ */

void fleet_reconfigured(struct fleet *f, const struct snp_cfg_pool *old)
{
	const struct snp_cfg_pool *new = f->pool->cfg;

	f->dirty = true;
	f->next_look.ns = f->next_memory.ns = 0;
	snp_set(f->pool->row->queue_limit, new->queue.limit);
	if (new->workers != old->workers)
		fleet_scale(f, new->workers);
	else if (f->target > snp_cfg_pool_most(new))
		fleet_scale(f, snp_cfg_pool_most(new));
	for (uint32_t i = 0; i < f->pool->slots_nr; i++)
		if (f->slots[i].worker->link)
			link_set_heartbeat(f->slots[i].worker->link, &new->heartbeat);
}
