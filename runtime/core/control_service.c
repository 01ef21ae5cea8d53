/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control_service.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reload.h"
#include "rpc/messages.h"
#include "worker/control.h"
#include "worker/supervisor.h"

#define MESSAGE_BYTES 192

struct verb;

/* One call, from the loop to the supervisor and back; whoever holds it owns it. */
struct job {
	struct mail mail;
	struct rpc_task task;
	struct supervisor *sup;
	struct rpc_server_call *call;
	const struct verb *verb;
	/* What is asked; pool is owned. */
	char *pool;
	int64_t slot;
	uint32_t workers;
	bool resume, force;
	/* The answer: of a failure err, else the rest. */
	int rc;
	struct snp_err err;
	char message[MESSAGE_BYTES];
	struct snp_cfg_diff diff; /* of a reload */
};

struct verb {
	/* Loop. Takes over what the request says. */
	int (*decode)(const struct rpc_buf *request, struct rpc_arena *arena,
		      struct job *job);
	/* Supervisor. Number of workers it concerns, and the message. */
	int (*act)(struct job *job);
};

/* ---- what is asked -------------------------------------------------------- */

static int keep_pool(struct job *job, const char *pool)
{
	job->pool = strdup(pool);
	return job->pool ? 0 : snp_err_set(&job->err, -ENOMEM, "out of memory");
}

static int decode_drain(const struct rpc_buf *request, struct rpc_arena *arena,
			struct job *job)
{
	struct rpc_drain_request drain;
	int rc = rpc_control_decode_drain(request, arena, &drain, &job->err);

	if (rc < 0)
		return rc;
	job->resume = drain.resume;
	return keep_pool(job, drain.pool);
}

static int decode_recycle(const struct rpc_buf *request, struct rpc_arena *arena,
			  struct job *job)
{
	struct rpc_recycle_request recycle;
	int rc = rpc_control_decode_recycle(request, arena, &recycle, &job->err);

	if (rc < 0)
		return rc;
	job->slot = recycle.slot == RPC_SLOT_ALL ? CONTROL_ALL_SLOTS : recycle.slot;
	job->force = recycle.force;
	return keep_pool(job, recycle.pool);
}

static int decode_scale(const struct rpc_buf *request, struct rpc_arena *arena,
			struct job *job)
{
	struct rpc_scale_request scale;
	int rc = rpc_control_decode_scale(request, arena, &scale, &job->err);

	if (rc < 0)
		return rc;
	job->workers = scale.workers;
	return keep_pool(job, scale.pool);
}

static int decode_reload(const struct rpc_buf *request, struct rpc_arena *arena,
			 struct job *job)
{
	(void)arena;
	return rpc_control_decode_reload(request, &job->err);
}

/* ---- doing it ------------------------------------------------------------- */

static const char *pool_words(const struct job *job)
{
	return *job->pool ? job->pool : "all pools";
}

static int act_drain(struct job *job)
{
	int rc = job->resume ? control_resume(job->sup, job->pool, &job->err)
			     : control_drain(job->sup, job->pool, &job->err);

	(void)snprintf(job->message, sizeof(job->message),
		       job->resume ? "%s: taking requests again"
				   : "%s: no new requests; what is there is finished",
		       pool_words(job));
	return rc;
}

static int act_recycle(struct job *job)
{
	int rc =
	    control_recycle(job->sup, job->pool, job->slot,
			    job->force ? CONTROL_FORCED : CONTROL_GENTLY, &job->err);

	(void)snprintf(job->message, sizeof(job->message), "%s: %s %d worker%s",
		       pool_words(job), job->force ? "killing" : "replacing", rc,
		       rc == 1 ? "" : "s");
	return rc;
}

static int act_scale(struct job *job)
{
	const char *pool = *job->pool ? job->pool : job->sup->pools[0]->cfg->name;
	int rc = control_scale(job->sup, job->pool, job->workers, &job->err);

	(void)snprintf(job->message, sizeof(job->message), "%s: going to %u worker%s",
		       pool, job->workers, job->workers == 1 ? "" : "s");
	return rc;
}

/* The request was in order; what is wrong is the file, or the moment. */
static int act_reload(struct job *job)
{
	int rc = reload_run(job->sup, &job->diff, &job->err);

	if (rc < 0)
		return -EBUSY;
	if (job->diff.nr == 0)
		(void)snprintf(job->message, sizeof(job->message),
			       "nothing has changed");
	else
		(void)snprintf(job->message, sizeof(job->message), "%zu key%s changed",
			       job->diff.nr, job->diff.nr == 1 ? "" : "s");
	return 0;
}

static const struct verb drain = {decode_drain, act_drain};
static const struct verb recycle = {decode_recycle, act_recycle};
static const struct verb scale = {decode_scale, act_scale};
static const struct verb reload = {decode_reload, act_reload};

/* ---- the answer ----------------------------------------------------------- */

static enum rpc_code code_of(int rc)
{
	switch (rc) {
	case -ENOENT:
		return RPC_NOT_FOUND;
	case -EBUSY:
		return RPC_FAILED_PRECONDITION;
	case -EINVAL:
		return RPC_INVALID_ARGUMENT;
	default:
		return rpc_code_of_errno(rc);
	}
}

static int encode_reply(const struct job *job, struct rpc_buf **ret_buf)
{
	const size_t n = job->diff.nr;
	const char **lines = calloc(n + 1, sizeof(*lines));
	const struct rpc_control_reply reply = {
	    .message = job->message,
	    .workers = (uint32_t)job->rc,
	    .changes = {.v = lines, .n = n},
	};
	int rc;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		lines[i] = job->diff.changes[i].text;
	rc = rpc_control_encode_reply(&reply, ret_buf);
	free(lines);
	return rc;
}

static void job_end(struct job *job)
{
	struct rpc_buf *buf = NULL;

	if (job->rc >= 0 && encode_reply(job, &buf) < 0)
		job->rc = snp_err_set(&job->err, -ENOMEM, "done, but out of memory");
	if (job->rc < 0)
		rpc_server_call_finish(job->call, NULL, code_of(job->rc), job->err.msg);
	else
		rpc_server_call_finish(job->call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
	snp_config_diff_fini(&job->diff);
	free(job->pool);
	free(job);
}

static void on_answer(struct rpc_task *task)
{
	job_end((struct job *)(void *)((char *)task - offsetof(struct job, task)));
}

static void on_mail(struct mail *mail)
{
	struct job *job =
	    (struct job *)(void *)((char *)mail - offsetof(struct job, mail));

	job->rc = job->verb->act(job);
	job->task.fn = on_answer;
	rpc_loop_post(rpc_server_call_loop(job->call), &job->task);
}

/* ---- calls ---------------------------------------------------------------- */

static void take_on(struct supervisor *sup, const struct verb *verb,
		    struct rpc_server_call *call, const struct rpc_buf *request)
{
	struct job *job = calloc(1, sizeof(*job));
	struct rpc_arena arena;

	if (!job) {
		rpc_server_call_finish(call, NULL, RPC_RESOURCE_EXHAUSTED,
				       "out of memory");
		return;
	}
	job->sup = sup;
	job->call = call;
	job->verb = verb;
	job->mail.fn = on_mail;
	rpc_arena_init(&arena, 0);
	job->rc = verb->decode(request, &arena, job);
	rpc_arena_fini(&arena);
	if (job->rc < 0)
		job_end(job);
	else
		mailbox_post(&sup->mailbox, &job->mail);
}

static void on_drain(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	take_on(user, &drain, call, request);
}

static void on_recycle(struct rpc_server_call *call, struct rpc_buf *request,
		       void *user)
{
	take_on(user, &recycle, call, request);
}

static void on_scale(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	take_on(user, &scale, call, request);
}

static void on_reload(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	take_on(user, &reload, call, request);
}

int control_service_register(struct rpc_server *server, struct supervisor *sup)
{
	static const struct {
		const char *method;
		rpc_handler_fn fn;
	} methods[] = {
	    {RPC_METHOD_CONTROL_DRAIN, on_drain},
	    {RPC_METHOD_CONTROL_RECYCLE, on_recycle},
	    {RPC_METHOD_CONTROL_SCALE, on_scale},
	    {RPC_METHOD_CONTROL_RELOAD, on_reload},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && rc == 0; i++)
		rc = rpc_server_method(server, methods[i].method, methods[i].fn, sup);
	return rc;
}
