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

static bool drain_done(const struct request *request, const struct snp_look *before,
		       const struct snp_look *now)
{
	(void)before;
	for (size_t i = 0; i < now->pools_nr; i++)
		if (means_pool(request, now, i) &&
		    now->pools[i].active + now->pools[i].queue_depth > 0)
			return false;
	return true;
}

static bool has_process(const struct snp_look *look, pid_t pid)
{
	for (size_t i = 0; i < look->workers_nr; i++)
		if (look->workers[i].pid == pid)
			return true;
	return false;
}

/* No process from before is left, and their pools serve with as many as then. */
static bool recycle_done(const struct request *request, const struct snp_look *before,
			 const struct snp_look *now)
{
	for (size_t i = 0; i < before->workers_nr; i++) {
		const struct snp_worker_stat *worker = &before->workers[i];

		if (worker->pid > 0 && means_worker(request, before, worker) &&
		    has_process(now, worker->pid))
			return false;
	}
	for (size_t i = 0; i < before->pools_nr; i++) {
		const struct snp_pool_stat *pool =
		    snp_look_pool_by_row(now, before->pools[i].row);

		if (means_pool(request, before, i) && pool &&
		    serving(pool) < serving(&before->pools[i]))
			return false;
	}
	return true;
}

static bool scale_done(const struct request *request, const struct snp_look *before,
		       const struct snp_look *now)
{
	(void)before;
	for (size_t i = 0; i < now->pools_nr; i++)
		if (means_pool(request, now, i) &&
		    (serving(&now->pools[i]) != request->workers ||
		     now->pools[i].by_status[SNP_WORKER_STATUS_DRAINING] > 0))
			return false;
	return true;
}

/* ---- the table ------------------------------------------------------------ */

static const struct verb verbs[] = {
    {
	.name = "drain",
	.method = RPC_METHOD_CONTROL_DRAIN,
	.flags = VERB_POOL | VERB_WAIT,
	.operands = "[POOL]",
	.what =
	    "Has a pool (all of them without POOL) take no new requests. What runs or "
	    "waits\nis finished; workers stay. 'snakepit resume' undoes it.\n",
	.examples = "  snakepit drain default --wait\n  snakepit drain\n",
	.encode = encode_drain,
	.done = drain_done,
    },
    {
	.name = "resume",
	.method = RPC_METHOD_CONTROL_DRAIN,
	.flags = VERB_POOL,
	.operands = "[POOL]",
	.what = "Has a drained pool (all of them without POOL) take requests again.\n",
	.examples = "  snakepit resume default\n",
	.encode = encode_resume,
    },
    {
	.name = "recycle",
	.method = RPC_METHOD_CONTROL_RECYCLE,
	.flags = VERB_POOL | VERB_SLOT | VERB_FORCE | VERB_WAIT,
	.operands = "[POOL[/SLOT]]",
	.what =
	    "Replaces workers: a new one is started first, then the old one finishes "
	    "what\nit runs and is stopped. With --force they are killed at once, and "
	    "their requests\nfail.\n",
	.examples = "  snakepit recycle default\n"
		    "  snakepit recycle default/3 --wait\n"
		    "  snakepit recycle default/3 --force\n",
	.encode = encode_recycle,
	.done = recycle_done,
    },
    {
	.name = "scale",
	.method = RPC_METHOD_CONTROL_SCALE,
	.flags = VERB_POOL | VERB_WORKERS | VERB_WAIT,
	.operands = "POOL WORKERS",
	.what =
	    "Changes the number of workers of a pool, up to its max_workers, until the "
	    "next\nreload or restart.\n",
	.examples = "  snakepit scale default 8 --wait\n",
	.encode = encode_scale,
	.done = scale_done,
    },
    {
	.name = "reload",
	.method = RPC_METHOD_CONTROL_RELOAD,
	.operands = "",
	.what =
	    "Has the runtime read its configuration file again, and prints what has "
	    "changed.\nA file that is bad, or that needs a restart, is refused and "
	    "changes nothing.\n",
	.examples = "  snakepit reload\n",
	.encode = encode_reload,
    },
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
