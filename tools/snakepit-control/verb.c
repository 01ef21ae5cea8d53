/* SPDX-License-Identifier: Apache-2.0 */
#include "verb.h"

#include <string.h>

#include "model/pools.h"
#include "rpc/messages.h"

/* ---- requests ------------------------------------------------------------- */

static int encode_drain(const struct request *request, struct rpc_buf **ret_buf)
{
	const struct rpc_drain_request drain = {.pool = request->pool};

	return rpc_control_encode_drain(&drain, ret_buf);
}

static int encode_resume(const struct request *request, struct rpc_buf **ret_buf)
{
	const struct rpc_drain_request drain = {.pool = request->pool, .resume = true};

	return rpc_control_encode_drain(&drain, ret_buf);
}

static int encode_recycle(const struct request *request, struct rpc_buf **ret_buf)
{
	const struct rpc_recycle_request recycle = {
	    .pool = request->pool,
	    .slot = request->slot < 0 ? RPC_SLOT_ALL : request->slot,
	    .force = request->force,
	};

	return rpc_control_encode_recycle(&recycle, ret_buf);
}

static int encode_scale(const struct request *request, struct rpc_buf **ret_buf)
{
	const struct rpc_scale_request scale = {.pool = request->pool,
						.workers = request->workers};

	return rpc_control_encode_scale(&scale, ret_buf);
}

static int encode_reload(const struct request *request, struct rpc_buf **ret_buf)
{
	(void)request;
	return rpc_control_encode_reload(ret_buf);
}

/* ---- done? ---------------------------------------------------------------- */

static bool means_pool(const struct request *request, const struct snp_look *look,
		       size_t pool)
{
	return !*request->pool || strcmp(look->pools[pool].name, request->pool) == 0;
}

static bool means_worker(const struct request *request, const struct snp_look *look,
			 const struct snp_worker_stat *worker)
{
	return means_pool(request, look, worker->pool) &&
	       (request->slot < 0 || request->slot == worker->slot);
}

static uint64_t serving(const struct snp_pool_stat *pool)
{
	return pool->by_status[SNP_WORKER_STATUS_IDLE] +
	       pool->by_status[SNP_WORKER_STATUS_BUSY];
}

static enum progress progress_of(bool done)
{
	return done ? PROGRESS_DONE : PROGRESS_UNDER_WAY;
}

static enum progress drain_progress(const struct request *request,
				    const struct looks *looks)
{
	const struct snp_look *now = looks->now;
	uint64_t left = 0;

	for (size_t i = 0; i < now->pools_nr; i++)
		if (means_pool(request, now, i))
			left += now->pools[i].active + now->pools[i].queue_depth;
	return progress_of(left == 0);
}

static bool has_process(const struct snp_look *look, pid_t pid)
{
	for (size_t i = 0; i < look->workers_nr; i++)
		if (look->workers[i].pid == pid)
			return true;
	return false;
}

static bool takes_requests(const struct snp_worker_stat *worker)
{
	return worker->status == SNP_WORKER_STATUS_IDLE ||
	       worker->status == SNP_WORKER_STATUS_BUSY;
}

static bool process_left(const struct request *request, const struct looks *looks)
{
	for (size_t i = 0; i < looks->before->workers_nr; i++) {
		const struct snp_worker_stat *worker = &looks->before->workers[i];

		/* One that still starts is not replaced. */
		if (takes_requests(worker) &&
		    means_worker(request, looks->before, worker) &&
		    has_process(looks->now, worker->pid))
			return true;
	}
	return false;
}

/* No process that took requests before is left, and their pools serve with as many as
 * then. */
static enum progress recycle_progress(const struct request *request,
				      const struct looks *looks)
{
	const struct snp_look *before = looks->before;
	bool done = !process_left(request, looks);

	for (size_t i = 0; i < before->pools_nr; i++) {
		const struct snp_pool_stat *pool =
		    snp_look_pool_by_row(looks->now, before->pools[i].row);

		if (means_pool(request, before, i) && pool)
			done = done && serving(pool) >= serving(&before->pools[i]);
	}
	return progress_of(done);
}

static enum progress scale_progress(const struct request *request,
				    const struct looks *looks)
{
	const struct snp_look *now = looks->now;
	bool done = true;

	for (size_t i = 0; i < now->pools_nr; i++)
		if (means_pool(request, now, i))
			done = done && serving(&now->pools[i]) == request->workers &&
			       !now->pools[i].by_status[SNP_WORKER_STATUS_DRAINING];
	return progress_of(done);
}

/* Every process is of the configuration its pool has; a roll that failed puts the pool
 * back to the one before. */
static enum progress reload_progress(const struct request *request,
				     const struct looks *looks)
{
	const struct snp_look *now = looks->now;
	bool done = true;

	(void)request;
	for (size_t i = 0; i < looks->begun->pools_nr; i++) {
		const struct snp_pool_stat *begun = &looks->begun->pools[i];
		const struct snp_pool_stat *pool =
		    snp_look_pool_by_row(now, begun->row);

		if (pool && pool->generation < begun->generation)
			return PROGRESS_FAILED;
	}
	for (size_t i = 0; i < now->workers_nr; i++) {
		const struct snp_worker_stat *worker = &now->workers[i];

		if (worker->pid > 0)
			done = done && worker->generation ==
					   now->pools[worker->pool].generation;
	}
	return progress_of(done);
}

/* ---- the table ------------------------------------------------------------ */

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

#define EXITS                                                                          \
	"0 done, or begun\n"                                                           \
	"1 refused, or --wait gave up\n"                                               \
	"2 wrong usage\n"                                                              \
	"3 the runtime is not running\n"                                               \
	"4 its segment cannot be read\n"

static const struct verb verbs[] = {
    {
	.name = "drain",
	.method = RPC_METHOD_CONTROL_DRAIN,
	.flags = VERB_POOL,
	.command = {.name = "snakepit drain",
		    .summary = "have a pool take no new requests",
		    .examples = "  snakepit drain default --wait\n"
				"  snakepit drain\n",
		    .usage = "[POOL] [OPTION]...",
		    .notes = "All pools without POOL. What runs or waits is finished; "
			     "workers stay.\n'snakepit resume' undoes it.\n",
		    .exits = EXITS,
		    .operands = "@pool",
		    .options = rows,
		    .options_nr = ROWS_WAIT},
	.encode = encode_drain,
	.progress = drain_progress,
    },
    {
	.name = "resume",
	.method = RPC_METHOD_CONTROL_DRAIN,
	.flags = VERB_POOL,
	.command = {.name = "snakepit resume",
		    .summary = "have a drained pool take requests again",
		    .examples = "  snakepit resume default\n"
				"  snakepit resume\n",
		    .usage = "[POOL] [OPTION]...",
		    .notes = "All pools without POOL.\n",
		    .exits = EXITS,
		    .operands = "@pool",
		    .options = rows,
		    .options_nr = ROWS_PLAIN},
	.encode = encode_resume,
    },
    {
	.name = "recycle",
	.method = RPC_METHOD_CONTROL_RECYCLE,
	.flags = VERB_POOL | VERB_SLOT,
	.command = {.name = "snakepit recycle",
		    .summary = "replace workers",
		    .examples = "  snakepit recycle default\n"
				"  snakepit recycle default/3 --wait\n"
				"  snakepit recycle default/3 --force\n",
		    .usage = "[POOL[/SLOT]] [OPTION]...",
		    .notes = "A new one is started first, then the old one finishes "
			     "what it runs and is\nstopped. With --force they are "
			     "killed at once, and their requests fail.\n",
		    .exits = EXITS,
		    .operands = "@pool",
		    .options = rows,
		    .options_nr = ROWS_FORCE},
	.encode = encode_recycle,
	.progress = recycle_progress,
    },
    {
	.name = "scale",
	.method = RPC_METHOD_CONTROL_SCALE,
	.flags = VERB_POOL | VERB_WORKERS,
	.command = {.name = "snakepit scale",
		    .summary = "change a pool's number of workers",
		    .examples = "  snakepit scale default 8 --wait\n",
		    .usage = "POOL WORKERS [OPTION]...",
		    .notes = "Up to the pool's max_workers, until 'workers' is changed "
			     "in the configuration,\nor a restart.\n",
		    .exits = EXITS,
		    .operands = "@pool",
		    .options = rows,
		    .options_nr = ROWS_WAIT},
	.encode = encode_scale,
	.progress = scale_progress,
    },
    {
	.name = "reload",
	.method = RPC_METHOD_CONTROL_RELOAD,
	.command = {.name = "snakepit reload",
		    .summary = "have the runtime read its configuration file again",
		    .examples = "  snakepit reload\n"
				"  snakepit reload --wait\n",
		    .usage = "[OPTION]...",
		    .notes = "Prints what has changed. A file that is bad, or that "
			     "needs a restart, is refused\nand changes nothing. With "
			     "--wait until the workers it concerns are replaced.\n",
		    .exits = EXITS,
		    .options = rows,
		    .options_nr = ROWS_WAIT},
	.encode = encode_reload,
	.progress = reload_progress,
	.failure = "the new workers failed, and the old configuration of their pool is "
		   "back; see 'snakepit status' and 'snakepit events'",
    },
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
