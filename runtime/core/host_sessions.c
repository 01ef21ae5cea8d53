/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host_sessions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/host_call.h"
#include "pool/session_life.h"
#include "rpc/messages.h"

static bool is_name(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len < SESSION_ID_BYTES;
}

static void refuse_name(struct rpc_server_call *call)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "'session_id' must have 1 to %d bytes",
		       SESSION_ID_BYTES - 1);
	error_kind_finish(call, ERROR_INVALID_REQUEST, text);
}

/* The session of that name in the pool the call is about, opened if it is not; NULL:
 * the call has been answered. */
static struct session *open_session(struct front *front, struct rpc_server_call *call,
				    const char *id)
{
	struct session *session = NULL;
	struct pool *pool;
	enum error_kind kind;

	if (!is_name(id)) {
		refuse_name(call);
		return NULL;
	}
	pool = host_call_pool(front, call);
	if (!pool)
		return NULL;
	kind = session_begin(pool, id, snp_mono_now(), &session);
	if (kind != ERROR_KIND_NR)
		error_kind_finish(call, kind, NULL);
	return session;
}

/* ---- InitializeSession --------------------------------------------------- */

static void answer_init(struct front *front, struct rpc_server_call *call)
{
	struct rpc_session_started answer = {.success = true, .error = ""};
	struct rpc_buf *reply = NULL;
	struct rpc_arena arena;
	int rc;

	rpc_arena_init(&arena, 0);
	rc = host_tools_list(&front->host_tools, &arena, &answer.tools);
	if (rc == 0)
		rc = rpc_bridge_encode_init_session_response(&answer, &reply);
	host_call_reply(call, reply, rc);
	rpc_arena_fini(&arena);
}

static void describe(struct front *front, struct rpc_server_call *call,
		     struct session *session, const struct rpc_pairs *metadata)
{
	int rc = metadata->n ? session_describe(session, metadata) : 0;
	char text[80];

	if (rc == 0) {
		answer_init(front, call);
	} else if (rc == -E2BIG) {
		(void)snprintf(text, sizeof(text),
			       "metadata of a session has at most %d bytes",
			       SESSION_METADATA_BYTES);
		error_kind_finish(call, ERROR_INVALID_REQUEST, text);
	} else {
		error_kind_finish(call, ERROR_OUT_OF_MEMORY, NULL);
	}
}

void host_sessions_init(struct rpc_server_call *call, struct rpc_buf *request,
			void *front)
{
	struct rpc_session_request msg;
	struct snp_err err = {0};
	struct session *session;
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_arena arena;
	int rc;

	host_call_identify(front, call, correlation);
	rpc_arena_init(&arena, 0);
	rc = rpc_bridge_decode_init_session(request, &arena, &msg, &err);
	if (rc < 0) {
		host_call_refuse(call, rc, &err);
	} else {
		session = open_session(front, call, msg.session_id);
		if (session)
			describe(front, call, session, &msg.metadata);
	}
	rpc_arena_fini(&arena);
}

/* ---- CleanupSession ------------------------------------------------------ */

static void on_ended(void *user, int32_t cleaned)
{
	const struct rpc_session_ended answer = {.success = true,
						 .resources_cleaned = cleaned};
	struct rpc_server_call *call = user;
	struct rpc_buf *reply = NULL;
	int rc = rpc_bridge_encode_cleanup_session_response(&answer, &reply);

	host_call_reply(call, reply, rc);
	rpc_server_call_unref(call);
}

/* A session that is not open has nothing to clean. Requests that use it go on; so
 * `force` adds nothing. */
void host_sessions_cleanup(struct rpc_server_call *call, struct rpc_buf *request,
			   void *front)
{
	struct rpc_session_request msg;
	struct session *session;
	struct snp_err err = {0};
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_arena arena;
	struct pool *pool;
	int rc;

	host_call_identify(front, call, correlation);
	rpc_arena_init(&arena, 0);
	rc = rpc_bridge_decode_cleanup_session(request, &arena, &msg, &err);
	if (rc < 0) {
		host_call_refuse(call, rc, &err);
	} else if (!is_name(msg.session_id)) {
		refuse_name(call);
	} else if ((pool = host_call_pool(front, call))) {
		(void)rpc_server_call_ref(call); /* on_ended drops it */
		session = session_find(&pool->sessions, msg.session_id);
		if (session)
			session_end(pool, session,
				    &(struct session_ender){
					correlation, rpc_server_call_metadata(call)},
				    on_ended, call);
		else
			on_ended(call, 0);
	}
	rpc_arena_fini(&arena);
}

/* ---- GetSession ---------------------------------------------------------- */

static void answer_get(struct rpc_server_call *call, const struct session *session)
{
	const struct rpc_session_info answer = {
	    .session_id = session->id,
	    .metadata = session->metadata,
	    .created_at = session->created,
	    .tool_count = (int32_t)session->tools,
	};
	struct rpc_buf *reply = NULL;
	int rc = rpc_bridge_encode_get_session_response(&answer, &reply);

	host_call_reply(call, reply, rc);
}

void host_sessions_get(struct rpc_server_call *call, struct rpc_buf *request,
		       void *front)
{
	struct rpc_session_request msg;
	const struct session *session;
	struct snp_err err = {0};
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_arena arena;
	struct pool *pool;
	int rc;

	host_call_identify(front, call, correlation);
	rpc_arena_init(&arena, 0);
	rc = rpc_bridge_decode_get_session(request, &arena, &msg, &err);
	if (rc < 0) {
		host_call_refuse(call, rc, &err);
	} else if ((pool = host_call_pool(front, call))) {
		session = session_find(&pool->sessions, msg.session_id);
		if (session)
			answer_get(call, session);
		else
			error_kind_finish(call, ERROR_SESSION_NOT_FOUND, NULL);
	}
	rpc_arena_fini(&arena);
}

/* ---- RegisterTools ------------------------------------------------------- */

/* A tool's id is its name: unique in its session, and the same when a worker registers
 * again. */
static void answer_register(struct rpc_server_call *call, struct rpc_arena *arena,
			    const struct rpc_tools *tools)
{
	struct rpc_pairs ids = {.n = tools->n};
	struct rpc_buf *reply = NULL;
	int rc = -ENOMEM;

	ids.v = rpc_arena_calloc(arena, tools->n ? tools->n : 1, sizeof(*ids.v));
	for (size_t i = 0; ids.v && i < tools->n; i++)
		ids.v[i] =
		    (struct rpc_pair){tools->v[i].name, rpc_str_of(tools->v[i].name)};
	if (ids.v)
		rc = rpc_bridge_encode_register_tools_response(&ids, NULL, &reply);
	host_call_reply(call, reply, rc);
}

void host_sessions_register_tools(struct rpc_server_call *call, struct rpc_buf *request,
				  void *front)
{
	struct rpc_register_tools msg;
	struct session *session;
	struct snp_err err = {0};
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_arena arena;
	int rc;

	host_call_identify(front, call, correlation);
	rpc_arena_init(&arena, 0);
	rc = rpc_bridge_decode_register_tools(request, &arena, &msg, &err);
	if (rc < 0) {
		host_call_refuse(call, rc, &err);
	} else if ((session = open_session(front, call, msg.session_id))) {
		session->tools = (uint32_t)msg.tools.n;
		answer_register(call, &arena, &msg.tools);
	}
	rpc_arena_fini(&arena);
}
