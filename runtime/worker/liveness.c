/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/liveness.h"

#include "log/log.h"
#include "worker/worker.h"

#define LOOK_MS 500

void liveness_prepare(struct worker *w)
{
	struct snp_err err = {0};

	beat_init(&w->live.beat);
	if (w->pool->cfg->bridge == SNP_CFG_BRIDGE_NATIVE &&
	    beat_create(&w->live.beat, w->incarnation,
			w->pool->cfg->heartbeat.beat_interval_ms, &err) < 0)
		log_warn("a worker has no page for beats, its heartbeats alone decide",
			 LOG_STR("worker", w->id), LOG_STR("error", err.msg));
}

void liveness_begin(struct worker *w)
{
	beat_handed_down(&w->live.beat);
}

void liveness_end(struct worker *w)
{
	beat_destroy(&w->live.beat);
}

void liveness_heartbeats_lost(struct worker *w)
{
	liveness_kill(w, SNP_EXIT_REASON_HEARTBEAT, SNP_MOVE_REASON_HEARTBEAT);
}

void liveness_kill(struct worker *w, enum snp_enum_EXIT_REASON intent,
		   enum snp_enum_MOVE_REASON reason)
{
	worker_kill(w, intent, reason);
}

snp_mono_t liveness_turn(struct vigil *vigil, struct worker *workers,
			 uint32_t workers_nr, snp_mono_t now)
{
	if (now.ns >= vigil->next.ns) {
		vigil->next = snp_mono_add_ms(now, LOOK_MS);
		for (uint32_t i = 0; i < workers_nr; i++)
			(void)beat_read(&workers[i].live.beat);
	}
	return vigil->next;
}
