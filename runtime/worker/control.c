/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "control"
#include "worker/control.h"

#include <errno.h>
#include <string.h>

#include "config/diff.h"
#include "log/log.h"
#include "snakepit/check.h"
#include "worker/supervisor.h"

/* ---- which --------------------------------------------------------------- */

static bool is_meant(const struct fleet *f, const char *pool)
{
	return !pool || !*pool || strcmp(f->pool->cfg->name, pool) == 0;
}

/* The first pool that is meant, after `after`; NULL: none. */
static struct fleet *next_meant(struct supervisor *sup, const char *pool,
				const struct fleet *after)
{
	struct fleet *f = after ? sup->fleets + (after - sup->fleets) + 1 : sup->fleets;

	for (; f < sup->fleets + sup->pools_nr; f++)
		if (is_meant(f, pool))
			return f;
	return NULL;
}

/* Whether orders are taken, and about this pool. */
static int check(struct supervisor *sup, const char *pool, struct snp_err *err)
{
	if (sup->phase != SUPERVISOR_RUNNING)
		return snp_err_set(err, -EBUSY, "the runtime is stopping");
	if (!next_meant(sup, pool, NULL))
		return snp_err_set(err, -ENOENT, "there is no pool '%s'", pool);
	return 0;
}

/* ---- orders -------------------------------------------------------------- */

static int each_pool(struct supervisor *sup, const char *pool,
		     void (*order)(struct fleet *fleet), struct snp_err *err)
{
	int rc = check(sup, pool, err), workers = 0;

	if (rc < 0)
		return rc;
	for (struct fleet *f = NULL; (f = next_meant(sup, pool, f));) {
		order(f);
		workers += (int)f->target;
	}
	return workers;
}

int control_drain(struct supervisor *sup, const char *pool, struct snp_err *err)
{
	return each_pool(sup, pool, fleet_drain, err);
}

int control_resume(struct supervisor *sup, const char *pool, struct snp_err *err)
{
	return each_pool(sup, pool, fleet_resume, err);
}

static int recycle_slots(struct fleet *f, int64_t slot, enum control_force force)
{
	int workers = 0;

	for (uint32_t i = 0; i < f->pool->slots_nr; i++)
		if (slot == CONTROL_ALL_SLOTS || slot == i)
			workers += force == CONTROL_FORCED ? fleet_restart(f, i)
							   : fleet_recycle(f, i);
	return workers;
}

int control_recycle(struct supervisor *sup, const char *pool, int64_t slot,
		    enum control_force force, struct snp_err *err)
{
	int rc = check(sup, pool, err), workers = 0;

	if (rc < 0)
		return rc;
	for (struct fleet *f = NULL; (f = next_meant(sup, pool, f));)
		workers += recycle_slots(f, slot, force);
	if (workers == 0 && slot != CONTROL_ALL_SLOTS)
		return snp_err_set(err, -ENOENT,
				   "slot %lld has no worker that could be replaced now",
				   (long long)slot);
	return workers;
}

int control_scale(struct supervisor *sup, const char *pool, uint32_t workers,
		  struct snp_err *err)
{
	int rc = check(sup, pool, err);
	struct fleet *f;
	uint32_t most, before;

	if (rc < 0)
		return rc;
	f = next_meant(sup, pool, NULL);
	SNP_CHECK(f);
	most = snp_cfg_pool_most(f->pool->cfg);
	if (workers < 1 || workers > most)
		return snp_err_set(err, -EINVAL,
				   "pool '%s' can have 1 to %u workers, not %u "
				   "(max_workers in the configuration)",
				   f->pool->cfg->name, most, workers);
	before = f->target;
	fleet_scale(f, workers);
	return workers > before ? (int)(workers - before) : (int)(before - workers);
}

/* ---- another configuration ----------------------------------------------- */

static int check_rolls(const struct supervisor *sup, struct snp_err *err)
{
	for (uint32_t i = 0; i < sup->pools_nr; i++)
		if (fleet_is_rolling(&sup->fleets[i]))
			return snp_err_set(err, -EBUSY,
					   "the workers of pool '%s' are still being "
					   "replaced for the last reload",
					   sup->pools[i]->cfg->name);
	return 0;
}

static void apply(struct supervisor *sup, struct held_config *held,
		  const struct snp_cfg_diff *diff)
{
	const struct snp_config *cfg = held_config_get(held);

	sup->cfg = cfg;
	sup->site.shutdown = &cfg->shutdown;
	sup->site.telemetry = &cfg->telemetry.events;
	sup->spawn.cfg = cfg;
	for (uint32_t i = 0; i < sup->pools_nr; i++) {
		const struct snp_cfg_pool *old = sup->pools[i]->cfg;

		front_set_config(sup->front, sup->pools[i], &cfg->pools[i]);
		if (snp_config_diff_rolls(diff, i))
			fleet_roll(&sup->fleets[i], held, &cfg->pools[i]);
		fleet_reconfigured(&sup->fleets[i], old);
	}
	/* Nobody but running workers knows the old one any more. */
	held_config_unref(&sup->held);
	sup->held = held;
}

int control_reload(struct supervisor *sup, struct snp_config *take_cfg,
		   struct snp_err *err)
{
	struct held_config *held = NULL;
	struct snp_cfg_diff diff = {0};
	int rc = check(sup, "", err);

	if (rc == 0)
		rc = check_rolls(sup, err);
	if (rc == 0)
		rc = snp_config_diff(sup->reload.started, sup->cfg, take_cfg, &diff);
	if (rc < 0)
		return rc;
	held = held_config_create(take_cfg);
	if (held)
		apply(sup, held, &diff);
	else
		rc = snp_err_set(err, -ENOMEM, "out of memory");
	snp_config_diff_fini(&diff);
	return rc;
}
