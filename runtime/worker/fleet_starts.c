/* SPDX-License-Identifier: Apache-2.0 */
/* Processes for the slots that want one: by back-off, in batches, past the breaker. */
#define LOG_COMPONENT "fleet"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "log/log.h"
#include "snakepit/read.h" /* snp_enum_text */
#include "worker/fleet_parts.h"

static const struct snp_cfg_restart *restart_cfg(const struct fleet *f)
{
	return &f->pool->cfg->restart;
}

/* ---- the breaker --------------------------------------------------------- */

static void opened(struct fleet *f)
{
	snp_add(f->site->bank->pools[f->pool->index].breaker_opens, 1);
	fleet_event(f, SNP_EVENT_KIND_BREAKER_OPENED, SNP_MOVE_REASON_CRASH_LOOP, NULL);
	log_error("workers keep dying, they are no longer restarted but for probes",
		  LOG_STR("pool", f->pool->cfg->name),
		  LOG_U64("probe_ms", restart_cfg(f)->breaker_probe_ms),
		  LOG_STR("last", f->last_words));
}

/* For the log, and for clients while the breaker is open. */
static void keep_last_words(struct fleet *f, const struct worker *w)
{
	uint64_t reason = w->proc[SNP_PROC_LAST_EXIT_REASON];
	int n = snprintf(
	    f->last_words, sizeof(f->last_words), "%s (%s)%s%s", w->id,
	    reason ? snp_enum_text(SNP_ENUM_TABLE_EXIT_REASON, (unsigned)reason - 1)
		   : "not started",
	    *w->start_error ? ": " : "", w->start_error);

	if (n < 0 || (size_t)n + sizeof("; stderr: ") >= sizeof(f->last_words) ||
	    !*output_tail(&w->output[OUTPUT_STDERR]))
		return;
	memcpy(f->last_words + n, "; stderr: ", sizeof("; stderr: "));
	n += (int)strlen("; stderr: ");
	output_last_lines(&w->output[OUTPUT_STDERR], f->last_words + n,
			  sizeof(f->last_words) - (size_t)n);
}

void fleet_close_breaker(struct fleet *f, enum snp_enum_MOVE_REASON why)
{
	if (!breaker_close(&f->breaker))
		return;
	fleet_event(f, SNP_EVENT_KIND_BREAKER_CLOSED, why, NULL);
	log_info("workers are started again", LOG_STR("pool", f->pool->cfg->name),
		 LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, why)));
}

void fleet_note_failure(struct fleet *f, const struct worker *w)
{
	struct fleet_slot *slot = fleet_slot_of(w);
	snp_mono_t now = snp_mono_now();
	uint64_t ready_ns = w->ready.ns ? snp_mono_since_ns(now, w->ready) : 0;

	keep_last_words(f, w);
	if (!w->ready.ns && breaker_death(&f->breaker, restart_cfg(f), now))
		opened(f);
	if (fleet_is_rolling(f) && slot->generation == f->next_generation.number &&
	    (!w->ready.ns ||
	     ready_ns < f->pool->cfg->lifecycle.min_ready_ms * SNP_NS_PER_MS))
		f->roll_failures++;
}

/* Slots that keep failing, of those that are wanted. */
static void look_at_the_crowd(struct fleet *f, snp_mono_t now)
{
	uint32_t failing = 0, wanted = 0;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		const struct worker *w = f->slots[i].worker;

		wanted += fleet_is_wanted(&f->slots[i]);
		failing += fleet_is_wanted(&f->slots[i]) &&
			   w->state == SNP_WORKER_STATE_BACKOFF &&
			   w->failures >= restart_cfg(f)->breaker_deaths;
	}
	if (breaker_crowd(&f->breaker, restart_cfg(f), failing, wanted, now))
		opened(f);
}

/* ---- starts -------------------------------------------------------------- */

static void start(struct fleet *f, struct fleet_slot *slot)
{
	const struct fleet_generation *generation = fleet_generation_for(f, slot);
	const struct worker_start how = {
	    .cfg = generation->cfg,
	    .generation = generation->number,
	    .reason = slot->start_reason,
	    .why = slot->start_why,
	};
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = UINT32_MAX / 2; /* without dice: no spread */
	recycle_begin(&slot->recycle, random);
	held_config_unref(&slot->held);
	slot->held = held_config_ref(generation->held);
	slot->generation = generation->number;
	slot->due = SNP_MOVE_REASON_NONE;
	slot->deferred = false;
	slot->start_reason = SNP_START_REASON_RESTART;
	slot->start_why = SNP_MOVE_REASON_REPLACE;
	worker_start(slot->worker, &how);
}

static bool wants_process(const struct fleet_slot *slot)
{
	return fleet_is_wanted(slot) && !machine_has_process(slot->worker->state);
}

/* Only the wait in BACKOFF is for a time. */
static bool is_due(const struct fleet_slot *slot, snp_mono_t now)
{
	return slot->worker->state != SNP_WORKER_STATE_BACKOFF ||
	       now.ns >= slot->worker->deadline.ns;
}

/* At most batch_size workers of a pool boot at once, and a pause follows each batch. */
static bool may_start(struct fleet *f, snp_mono_t now)
{
	const struct snp_cfg_startup *cfg = &f->pool->cfg->startup;

	if (now.ns < f->batch_after.ns || f->starting >= cfg->batch_size)
		return false;
	if (++f->batch_started >= cfg->batch_size) {
		f->batch_started = 0;
		f->batch_after = snp_mono_add_ms(now, cfg->batch_delay_ms);
	}
	return true;
}

static void start_all_due(struct fleet *f, snp_mono_t now)
{
	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		if (!wants_process(slot) || !is_due(slot, now))
			continue;
		if (!may_start(f, now))
			return;
		start(f, slot);
	}
}

/* The slot that was started longest ago: where one slot is bad, others get their turn.
 */
static void start_probe(struct fleet *f)
{
	struct fleet_slot *oldest = NULL;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++) {
		struct fleet_slot *slot = &f->slots[i];

		if (wants_process(slot) &&
		    (!oldest || slot->worker->started.ns < oldest->worker->started.ns))
			oldest = slot;
	}
	if (!oldest) { /* none is missing any more */
		fleet_close_breaker(f, SNP_MOVE_REASON_PROBE);
		return;
	}
	fleet_event(f, SNP_EVENT_KIND_BREAKER_PROBING, SNP_MOVE_REASON_PROBE,
		    oldest->worker);
	oldest->start_why = SNP_MOVE_REASON_PROBE;
	start(f, oldest);
}

static void hold_back(struct fleet *f)
{
	for (uint32_t i = 0; i < f->pool->slots_nr; i++)
		if (wants_process(&f->slots[i]))
			worker_hold(f->slots[i].worker);
}

void fleet_start_due(struct fleet *f, snp_mono_t now)
{
	look_at_the_crowd(f, now);
	if (f->breaker.state == SNP_BREAKER_CLOSED) {
		start_all_due(f, now);
		return;
	}
	hold_back(f);
	if (f->starting > 0)
		return;
	breaker_probe_failed(&f->breaker, restart_cfg(f), now);
	if (breaker_probe(&f->breaker, now))
		start_probe(f);
}

snp_mono_t fleet_starts_next(const struct fleet *f, snp_mono_t now)
{
	snp_mono_t next = {UINT64_MAX};

	if (f->mode == FLEET_STOPPING)
		return next;
	if (f->batch_after.ns > now.ns)
		next = f->batch_after;
	if (f->breaker.state == SNP_BREAKER_OPEN && f->breaker.probe_at.ns < next.ns &&
	    f->starting == 0)
		next = f->breaker.probe_at;
	return next;
}
