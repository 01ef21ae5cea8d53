/* SPDX-License-Identifier: Apache-2.0 */
/* fleet_parts.h - what the files that make up a fleet have of each other; nobody else
 * includes it. */
#ifndef SNAKEPIT_RUNTIME_FLEET_PARTS_H
#define SNAKEPIT_RUNTIME_FLEET_PARTS_H

#include "worker/fleet.h"

/* fleet.c: something happened to the pool, or to a worker of it. */
void fleet_event(const struct fleet *fleet, enum snp_enum_EVENT_KIND kind,
		 enum snp_enum_MOVE_REASON reason, const struct worker *worker);
/* Put a spare slot to use, with a row; NULL where there is no slot or no row. */
struct fleet_slot *fleet_employ(struct fleet *fleet, enum fleet_duty duty,
				enum snp_enum_START_REASON reason,
				enum snp_enum_MOVE_REASON why);
/* Let a member or a substitute go, for good. */
void fleet_dismiss(struct fleet_slot *slot, enum snp_enum_EXIT_REASON intent,
		   enum snp_enum_MOVE_REASON why);
/* Kill a member, which starts anew in its slot: a recycling that cannot wait. */
void fleet_kill(struct fleet *fleet, struct fleet_slot *slot,
		enum snp_enum_MOVE_REASON why);

static inline struct fleet_slot *fleet_slot_of(const struct worker *worker)
{
	return &worker->fleet->slots[worker->slot];
}

/* Slots whose worker is wanted: members and substitutes. */
static inline bool fleet_is_wanted(const struct fleet_slot *slot)
{
	return slot->duty == FLEET_MEMBER || slot->duty == FLEET_SUBSTITUTE;
}

/* fleet_starts.c: processes for the slots that want one, by back-off, batch, breaker.
 */
void fleet_start_due(struct fleet *fleet, snp_mono_t now);
snp_mono_t fleet_starts_next(const struct fleet *fleet, snp_mono_t now);
/* All may be started again: a worker is ready, none is missing, or what failed may have
 * been mended. Nothing where it is closed. */
void fleet_close_breaker(struct fleet *fleet, enum snp_enum_MOVE_REASON why);
/* A worker ended that should not have. */
void fleet_note_failure(struct fleet *fleet, const struct worker *worker);

/* fleet_replace.c: healthy workers that are to go. */
void fleet_replace_due(struct fleet *fleet, snp_mono_t now);
snp_mono_t fleet_replace_next(const struct fleet *fleet, snp_mono_t now);
/* What the slot's next process is started with. */
const struct fleet_generation *fleet_generation_for(const struct fleet *fleet,
						    const struct fleet_slot *slot);
void fleet_count_recycle(const struct fleet *fleet, enum snp_enum_MOVE_REASON reason);

#endif
