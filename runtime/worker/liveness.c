/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/liveness.h"

#include <stdio.h>
#include <string.h>

#include "log/log.h"
#include "snakepit/read.h" /* snp_enum_text */
#include "worker/machine.h"
#include "worker/procfs.h"
#include "worker/worker.h"

/* Between two looks at the pages where nothing is judged: for the metrics. */
#define LOOK_MS 500
/* A pause of the runtime that is worth an event. */
#define PAUSE_TOLD_NS SNP_NS_PER_S

static const struct snp_cfg_heartbeat *cfg_of(const struct worker *w)
{
	return &w->pool->cfg->heartbeat; /* a reload may change it */
}

static const char *health_text(enum snp_enum_HEALTH health)
{
	return snp_enum_text(SNP_ENUM_TABLE_HEALTH, health);
}

/* A health as the reason of an event. */
static enum snp_enum_MOVE_REASON reason_of(enum snp_enum_HEALTH health)
{
	static const enum snp_enum_MOVE_REASON reasons[SNP_HEALTH_NR] = {
	    [SNP_HEALTH_UNKNOWN] = SNP_MOVE_REASON_NONE,
	    [SNP_HEALTH_OK] = SNP_MOVE_REASON_NONE,
	    [SNP_HEALTH_BUSY_GIL] = SNP_MOVE_REASON_BUSY_GIL,
	    [SNP_HEALTH_WEDGED] = SNP_MOVE_REASON_WEDGED,
	    [SNP_HEALTH_STARVED] = SNP_MOVE_REASON_STARVED,
	    [SNP_HEALTH_STOPPED] = SNP_MOVE_REASON_STOPPED,
	    [SNP_HEALTH_SUSPENDED] = SNP_MOVE_REASON_SUSPENDED,
	    [SNP_HEALTH_UNRESPONSIVE] = SNP_MOVE_REASON_UNRESPONSIVE,
	};

	return reasons[health];
}

static uint64_t held_ns(const struct vigil *v, const struct worker *w)
{
	return v->watched_ns - w->live.since_ns;
}

/* value: how long the health holds in ms, and `more`. */
static void event(const struct vigil *v, const struct worker *w,
		  enum snp_enum_EVENT_KIND kind, uint64_t more, uint64_t evidence)
{
	struct snp_event_fields fields = {
	    .kind = kind,
	    .initiator = SNP_INITIATOR_SUPERVISOR,
	    .reason = reason_of(w->live.health),
	    .pool = w->pool->index,
	    .slot = w->slot,
	    .incarnation = w->incarnation,
	    .pid = (uint64_t)w->pid,
	    .value = {held_ns(v, w) / SNP_NS_PER_MS, more},
	    .evidence = evidence,
	};

	if (w->link)
		link_suspect(w->link, fields.trace_id);
	snp_event_record(w->site->bank, &fields, snp_mono_now());
}

/* ---- a process comes and goes ---------------------------------------------- */

/* What one incarnation leaves to the next. */
static void reset(struct worker *w)
{
	const uint64_t gc_ns = w->live.gc_before_ns + w->live.beat.gc_pause_ns;
	const uint64_t gc_nr = w->live.gc_before + w->live.beat.gc_collections;

	beat_destroy(&w->live.beat);
	w->live = (struct liveness){
	    .gc_before_ns = gc_ns,
	    .gc_before = gc_nr,
	    .told = {.suppressed = SNP_SUPPRESSION_NR},
	};
	beat_init(&w->live.beat);
}

void liveness_prepare(struct worker *w)
{
	struct snp_err err = {0};

	reset(w);
	if (w->cfg->bridge == SNP_CFG_BRIDGE_NATIVE &&
	    beat_create(&w->live.beat, w->incarnation, cfg_of(w)->beat_interval_ms,
			&err) < 0)
		log_warn("a worker has no page for beats, its heartbeats alone decide",
			 LOG_STR("worker", w->id), LOG_STR("error", err.msg));
}

void liveness_begin(struct worker *w)
{
	beat_handed_down(&w->live.beat);
	worker_set_fenced(w, false);
}

void liveness_end(struct worker *w)
{
	reset(w);
	snp_set(w->cells->sup.health, SNP_HEALTH_UNKNOWN);
	snp_set(w->cells->sup.last_beat, 0);
	snp_set(w->cells->sup.last_interpreter_beat, 0);
	snp_set(w->cells->sup.threads, 0);
	snp_set(w->cells->sup.open_files, 0);
}

/* ---- reading ---------------------------------------------------------------- */

static void complain_of_junk(struct worker *w)
{
	static struct log_ratelimit site =
	    LOG_RATELIMIT("junk in the page of a worker", 5, 60000);

	if (!w->live.beat.junk || w->live.junk_told)
		return;
	w->live.junk_told = true;
	if (log_ratelimit(&site))
		log_warn("a worker wrote what cannot be into the page of its beats, "
			 "which counts as silence",
			 LOG_STR("worker", w->id), LOG_I64("worker_pid", w->pid));
}

static void publish(struct worker *w, unsigned news)
{
	const struct beat *b = &w->live.beat;
	struct snp_worker_sup *cells = &w->cells->sup;

	snp_set(cells->last_beat, b->seen[BEAT_SIGN_PROCESS].at.ns);
	snp_set(cells->last_interpreter_beat, b->seen[BEAT_SIGN_INTERPRETER].at.ns);
	snp_set(cells->gc_pause, w->live.gc_before_ns + b->gc_pause_ns);
	snp_set(cells->gc_collections, w->live.gc_before + b->gc_collections);
	snp_set(cells->threads, b->threads);
	snp_set(cells->open_files, b->open_files);
	if (news & 1U << BEAT_SIGN_LOOP)
		snp_hist_record(worker_pool_cells(w)->loop_lag, b->loop_late_ns);
	if (news & 1U << BEAT_SIGN_INTERPRETER)
		snp_hist_record(worker_pool_cells(w)->gil_wait, b->late_ns);
}

static void read_beats(const struct vigil *v, struct worker *w, snp_mono_t now)
{
	struct liveness *l = &w->live;
	unsigned news = beat_read(&l->beat, &now);

	for (unsigned i = 0; i < BEAT_SIGN_NR; i++) {
		uint64_t age_ns = snp_mono_since_ns(now, l->beat.seen[i].at);
		uint64_t heard_ns = v->watched_ns > age_ns ? v->watched_ns - age_ns : 1;

		if (l->beat.seen[i].seq > 0 && heard_ns > l->heard_ns[i])
			l->heard_ns[i] = heard_ns;
	}
	if (!l->beat.page)
		return;
	complain_of_junk(w);
	publish(w, news);
}

/* ---- judging ---------------------------------------------------------------- */

static bool is_judged(const struct worker *w)
{
	return (w->state == SNP_WORKER_STATE_READY ||
		w->state == SNP_WORKER_STATE_DRAINING) &&
	       !w->live.dying && cfg_of(w)->enabled;
}

static uint64_t silence_ms(const struct vigil *v, const struct worker *w,
			   enum beat_sign sign)
{
	uint64_t heard_ns = w->live.heard_ns[sign];

	return heard_ns == 0 ? VERDICT_NEVER
			     : (v->watched_ns - heard_ns) / SNP_NS_PER_MS;
}

/* Until the last deadline of what it runs; 0 where that has passed. */
static uint64_t deadline_ms(const struct worker *w, snp_mono_t now)
{
	uint32_t places = (uint32_t)snp_get(w->cells->sup.capacity);
	char correlation[SNP_INFL_CORRELATION_BYTES + 1];
	struct snp_inflight_fields f;
	uint64_t last_ms = 0;

	for (uint32_t at = 0; at < places; at++) {
		uint64_t ms;

		if (!snp_inflight_look(w->site->writer, w->row, at, &f, correlation) ||
		    f.incarnation != w->incarnation)
			continue;
		ms = snp_mono_since_ns(f.deadline, now) / SNP_NS_PER_MS;
		last_ms = ms > last_ms ? ms : last_ms;
	}
	return last_ms;
}

static bool look(const struct vigil *v, struct liveness *l, pid_t pid,
		 struct procfs_state *ret_state)
{
	struct procfs_sample sample = {.cpu_ns = l->look_cpu_ns};
	uint64_t passed_ns = v->watched_ns - l->look_at_ns, used_ns = 0;

	if (procfs_state(pid, ret_state) < 0)
		return false;
	(void)procfs_sample(pid, &sample);
	if (l->looks.count > 0)
		used_ns = sample.cpu_ns - l->look_cpu_ns;
	l->look_cpu_ns = sample.cpu_ns;
	l->look_at_ns = v->watched_ns;
	looks_add(&l->looks, ret_state, used_ns > passed_ns / 4);
	return true;
}

static struct verdict_signs signs_of(const struct vigil *v, struct worker *w,
				     snp_mono_t now)
{
	struct verdict_signs s = {
	    .process_ms = silence_ms(v, w, BEAT_SIGN_PROCESS),
	    .interpreter_ms = silence_ms(v, w, BEAT_SIGN_INTERPRETER),
	    .loop_ms = silence_ms(v, w, BEAT_SIGN_LOOP),
	    .progress_ms = silence_ms(v, w, BEAT_SIGN_PROGRESS),
	    .missed = (uint32_t)snp_get(w->cells->hot.heartbeat_missed),
	    .in_flight =
		(uint32_t)snp_get(w->cells->hot.worker_active) + w->live.beat.abandoned,
	    .capacity = (uint32_t)snp_get(w->cells->sup.capacity),
	    .squeezed = vigil_is_squeezed(v) || v->braked,
	};
	struct procfs_state state;

	if (!verdict_needs_process(cfg_of(w), &s)) {
		w->live.looks = (struct looks){0};
	} else if (look(v, &w->live, w->pid, &state)) {
		s.process = looks_process(&w->live.looks, &state);
		s.traced = state.tracer != 0;
		s.deadline_ms = deadline_ms(w, now);
	}
	return s;
}

static bool has_beat_twice(const struct liveness *l, enum beat_sign sign)
{
	return l->beat.seen[sign].seq == 0 ||
	       l->beat.seen[sign].seq - l->ill_seq[sign] >= 2;
}

/* Two more beats of each kind it has: one may be the last gasp. A native thread that
 * does not beat any more is not waited for where the interpreter does. */
static bool is_well_again(const struct snp_cfg_heartbeat *cfg, const struct liveness *l,
			  const struct verdict_signs *s)
{
	return has_beat_twice(l, BEAT_SIGN_INTERPRETER) &&
	       (verdict_process_silent(cfg, s) || has_beat_twice(l, BEAT_SIGN_PROCESS));
}

/* When the illness began: with the last sign of the kind that is missing. */
static uint64_t illness_began_ns(const struct vigil *v, const struct worker *w,
				 const struct verdict_signs *s)
{
	enum beat_sign sign = s->interpreter_ms != VERDICT_NEVER ? BEAT_SIGN_INTERPRETER
								 : BEAT_SIGN_PROCESS;

	if (verdict_interpreter_silent(cfg_of(w), s) ||
	    verdict_process_silent(cfg_of(w), s))
		return w->live.heard_ns[sign];
	return v->watched_ns;
}

static void clear_illness(const struct vigil *v, struct worker *w)
{
	snp_add(worker_pool_cells(w)->suspicions_cleared, 1);
	event(v, w, SNP_EVENT_KIND_WORKER_CLEARED, 0, 0);
	log_info("worker is well again", LOG_STR("worker", w->id),
		 LOG_I64("worker_pid", w->pid),
		 LOG_STR("was", health_text(w->live.health)),
		 LOG_MS("for_ms", held_ns(v, w)));
	w->live.dumped = false;
}

static void find_ill(const struct vigil *v, struct worker *w,
		     const struct verdict_signs *s)
{
	snp_add(&worker_pool_cells(w)->suspicions[w->live.health], 1);
	event(v, w, SNP_EVENT_KIND_WORKER_SUSPECTED, s->missed, 0);
	log_warn("worker is suspected", LOG_STR("worker", w->id),
		 LOG_I64("worker_pid", w->pid), LOG_CONTEXT(link_suspect_log(w->link)),
		 LOG_STR("health", health_text(w->live.health)),
		 LOG_MS("for_ms", held_ns(v, w)), LOG_U64("missed", s->missed),
		 LOG_U64("in_flight", s->in_flight), LOG_BOOL("traced", s->traced));
}

/* Take over what the signs say. False: nothing is to be done by it now. */
static bool diagnose(const struct vigil *v, struct worker *w,
		     const struct verdict_signs *s)
{
	enum snp_enum_HEALTH health = verdict_health(cfg_of(w), s);
	struct liveness *l = &w->live;
	bool was_ill = verdict_is_ill(l->health);

	if (verdict_is_open(cfg_of(w), s))
		return false;
	if (verdict_is_ill(health))
		for (unsigned i = 0; i < BEAT_SIGN_NR; i++)
			l->ill_seq[i] = l->beat.seen[i].seq;
	else if (was_ill && !is_well_again(cfg_of(w), l, s))
		return false;
	if (health == l->health)
		return true;
	if (was_ill && !verdict_is_ill(health))
		clear_illness(v, w);
	l->since_ns = was_ill ? v->watched_ns : illness_began_ns(v, w, s);
	l->health = health;
	snp_set(w->cells->sup.health, health);
	if (verdict_is_ill(health))
		find_ill(v, w, s);
	return true;
}

/* ---- evidence and killing --------------------------------------------------- */

static void put_silence(char *text, size_t size, const char *what, uint64_t ms)
{
	size_t len = strlen(text);

	if (ms != VERDICT_NEVER)
		(void)snprintf(text + len, size - len, ", %s %.1f s ago", what,
			       (double)ms / 1000);
}

/* The first line of the evidence. */
static void explain(const struct vigil *v, const struct worker *w, char *ret_text,
		    size_t size)
{
	(void)snprintf(
	    ret_text, size, "%s%s; health %s for %.1f s; %llu heartbeats missed",
	    w->live.dying ? "killed for " : "suspected",
	    w->live.dying ? snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, w->live.reason)
			  : "",
	    health_text(w->live.health), (double)held_ns(v, w) / (double)SNP_NS_PER_S,
	    (unsigned long long)snp_get(w->cells->hot.heartbeat_missed));
	put_silence(ret_text, size, "process beat",
		    silence_ms(v, w, BEAT_SIGN_PROCESS));
	put_silence(ret_text, size, "interpreter beat",
		    silence_ms(v, w, BEAT_SIGN_INTERPRETER));
	put_silence(ret_text, size, "turn of its loop",
		    silence_ms(v, w, BEAT_SIGN_LOOP));
	put_silence(ret_text, size, "progress", silence_ms(v, w, BEAT_SIGN_PROGRESS));
}

/* Returns when to look again; .ns == UINT64_MAX: nothing is under way (any more). */
static snp_mono_t collect(const struct vigil *v, struct worker *w, snp_mono_t now)
{
	struct liveness *l = &w->live;
	char why[256];
	uint64_t id;

	if (!l->evidence.deadline.ns)
		return (snp_mono_t){UINT64_MAX};
	if (!evidence_is_in(&l->evidence, w, now))
		return l->evidence.next;
	explain(v, w, why, sizeof(why));
	id = evidence_keep(&l->evidence, w, why, now);
	if (!l->dying) {
		event(v, w, SNP_EVENT_KIND_WORKER_SUSPECTED, 0, id);
		return (snp_mono_t){UINT64_MAX};
	}
	if (machine_next(MACHINE_KILL, w->state) != MACHINE_SAME)
		w->note.evidence = id;
	worker_kill(w, l->intent, l->reason);
	return (snp_mono_t){UINT64_MAX};
}

void liveness_kill(struct worker *w, enum snp_enum_EXIT_REASON intent,
		   enum snp_enum_MOVE_REASON reason)
{
	struct liveness *l = &w->live;

	if (l->dying || machine_next(MACHINE_KILL, w->state) == MACHINE_SAME)
		return;
	l->dying = true;
	l->intent = intent;
	l->reason = reason;
	worker_intend(w, intent, reason);
	worker_set_fenced(w, true);
	evidence_begin(&l->evidence, w, snp_mono_now());
}

/* ---- acting ----------------------------------------------------------------- */

static void fence(const struct vigil *v, struct worker *w, bool on)
{
	if (w->fenced == on)
		return;
	worker_set_fenced(w, on);
	if (on)
		event(v, w, SNP_EVENT_KIND_WORKER_FENCED, 0, 0);
}

/* Told when it begins and when it changes, not at every tick. */
static void tell_suppressed(const struct vigil *v, struct worker *w,
			    const struct verdict_orders *o)
{
	if (w->live.told.kill == o->kill && w->live.told.suppressed == o->suppressed)
		return;
	snp_add(&worker_pool_cells(w)->kills_suppressed[o->suppressed], 1);
	event(v, w, SNP_EVENT_KIND_KILL_SUPPRESSED, o->suppressed, 0);
	log_warn("worker would be killed, but is not", LOG_STR("worker", w->id),
		 LOG_I64("worker_pid", w->pid), LOG_CONTEXT(link_suspect_log(w->link)),
		 LOG_STR("health", health_text(w->live.health)),
		 LOG_STR("kill", snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, o->kill)),
		 LOG_STR("why_not",
			 snp_enum_text(SNP_ENUM_TABLE_SUPPRESSION, o->suppressed)));
}

static void carry_out(const struct vigil *v, struct worker *w,
		      const struct verdict_orders *o, snp_mono_t now)
{
	bool kills = o->kill != SNP_MOVE_REASON_NONE;

	fence(v, w, o->fence);
	if (kills && o->suppressed == SNP_SUPPRESSION_NR) {
		liveness_kill(w, SNP_EXIT_REASON_HEARTBEAT, o->kill);
	} else if (o->dump && !w->live.dumped) {
		w->live.dumped = true;
		evidence_begin(&w->live.evidence, w, now);
	}
	if (kills && o->suppressed != SNP_SUPPRESSION_NR)
		tell_suppressed(v, w, o);
	w->live.told = *o;
}

static void tell_pause(const struct worker *w, const struct vigil_tick *tick)
{
	const struct snp_event_fields fields = {
	    .kind = tick->pause == SNP_PAUSE_STALL ? SNP_EVENT_KIND_RUNTIME_STALLED
						   : SNP_EVENT_KIND_RUNTIME_SUSPENDED,
	    .initiator = SNP_INITIATOR_KERNEL,
	    .value = {tick->paused_ns / SNP_NS_PER_MS},
	};

	snp_add(&w->site->bank->proc->pauses[tick->pause], 1);
	if (tick->paused_ns < PAUSE_TOLD_NS)
		return;
	snp_event_record(w->site->bank, &fields, snp_mono_now());
	log_warn("the runtime did not run for a while, nothing is judged by that",
		 LOG_STR("why", snp_enum_text(SNP_ENUM_TABLE_PAUSE, tick->pause)),
		 LOG_MS("paused_ms", tick->paused_ns));
}

static void judge(const struct vigil *v, struct worker *w, snp_mono_t now)
{
	struct verdict_signs signs = signs_of(v, w, now);
	struct verdict_orders orders;
	struct verdict_case c;

	if (!diagnose(v, w, &signs))
		return;
	if (w->link && w->live.health == SNP_HEALTH_OK)
		atomic_store_explicit(&w->link->turned_ns,
				      w->live.beat.seen[BEAT_SIGN_LOOP].at.ns,
				      memory_order_relaxed);
	c = (struct verdict_case){w->live.health, held_ns(v, w) / SNP_NS_PER_MS,
				  v->braked};
	orders = verdict_orders(cfg_of(w), &signs, &c);
	carry_out(v, w, &orders, now);
}

/* Where heartbeats were switched off while the runtime runs, nobody stays fenced. */
static void stop_judging(const struct vigil *v, struct worker *w)
{
	if (!w->pid || w->live.health == SNP_HEALTH_UNKNOWN || cfg_of(w)->enabled ||
	    w->live.dying)
		return;
	w->live.health = SNP_HEALTH_UNKNOWN;
	snp_set(w->cells->sup.health, SNP_HEALTH_UNKNOWN);
	fence(v, w, false);
}

static void judge_all(struct vigil *v, struct worker *workers, uint32_t n,
		      snp_mono_t now)
{
	uint32_t ill = 0, judged = 0;

	for (uint32_t i = 0; i < n; i++)
		if (is_judged(&workers[i])) {
			judged++;
			ill += verdict_is_ill(workers[i].live.health) &&
			       workers[i].live.health != SNP_HEALTH_BUSY_GIL;
		}
	v->braked =
	    verdict_brake(&v->brake, ill, judged, v->watched_ns / SNP_NS_PER_MS);
	for (uint32_t i = 0; i < n; i++)
		if (is_judged(&workers[i]))
			judge(v, &workers[i], now);
		else
			stop_judging(v, &workers[i]);
}

/* ---- ticks ------------------------------------------------------------------ */

static uint32_t period_ms(const struct worker *workers, uint32_t n)
{
	uint32_t ms = LOOK_MS;

	for (uint32_t i = 0; i < n; i++)
		if (is_judged(&workers[i]) &&
		    cfg_of(&workers[i])->beat_interval_ms < ms)
			ms = cfg_of(&workers[i])->beat_interval_ms;
	return ms;
}

#define CLOCKS_APART_NS (10 * SNP_NS_PER_MS)
#define CLOCK_TRIES	8

/* How long the host has been suspended since it was started. The clocks are read again
 * where something came between: that would look like a suspend. */
static uint64_t suspended_ns(void)
{
	uint64_t before_ns, boot_ns, after_ns;
	unsigned tries = CLOCK_TRIES;

	do {
		before_ns = snp__clock_ns(CLOCK_MONOTONIC);
		boot_ns = snp__clock_ns(CLOCK_BOOTTIME);
		after_ns = snp__clock_ns(CLOCK_MONOTONIC);
	} while (after_ns - before_ns > CLOCKS_APART_NS && --tries > 0);
	return boot_ns > before_ns ? boot_ns - before_ns : 0;
}

static void tick(struct vigil *v, struct worker *workers, uint32_t n, snp_mono_t now)
{
	struct vigil_tick t =
	    vigil_tick(v, now, now.ns + suspended_ns(), period_ms(workers, n));

	if (t.pause != SNP_PAUSE_NR && n > 0)
		tell_pause(&workers[0], &t);
	for (uint32_t i = 0; i < n; i++)
		if (workers[i].pid)
			read_beats(v, &workers[i], now);
	if (t.judge)
		judge_all(v, workers, n, now);
}

snp_mono_t liveness_turn(struct vigil *v, struct worker *workers, uint32_t n,
			 snp_mono_t now)
{
	snp_mono_t next;

	if (now.ns >= v->next.ns)
		tick(v, workers, n, now);
	next = v->next;
	for (uint32_t i = 0; i < n; i++) {
		snp_mono_t at = collect(v, &workers[i], now);

		if (at.ns < next.ns)
			next = at;
	}
	return next;
}
