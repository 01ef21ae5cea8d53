/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Death between any two steps, for all models.
 *
 * A process that may die has the body `{ ... } unless { dead[ME] }`: the escape is looked
 * at before each statement, and each statement that touches shared words touches one.
 * What stands in a d_step with a store is a ghost, which only properties read. Death is
 * also how a process that was stopped for good looks to the others; one that was stopped
 * for a while is an interleaving like any other.
 */
#define WRITER	  0
#define READER	  1
#define CONTROL	  2
#define RECLAIMER 3

bool dead[4];

#define MAY_DIE(who)		  \
	if			  \
	:: dead[who] = true	  \
	:: skip			  \
	fi

/* At any one moment, any set of them. That is as good as a moment for each: who dies
 * earlier does nothing until then. */
active proctype killer()
{
	atomic {
		MAY_DIE(WRITER);
		MAY_DIE(READER);
#ifdef WITH_CONTROL
		MAY_DIE(CONTROL);
		MAY_DIE(RECLAIMER);
#endif
		skip
	}
}
