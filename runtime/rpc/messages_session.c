/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of the bridge's sessions and tool registration. */
#include "rpc/messages.h"

#include <bridge.pb-c.h>
#include <errno.h>

#include "codec.h"
#include "timestamp.h"

/* ---- Requests ------------------------------------------------------------ */

int rpc_bridge_decode_init_session(const struct rpc_buf *buf, struct rpc_arena *arena,
				   struct rpc_session_request *ret, struct snp_err *err)
{
	struct rpc_session_request out = {0};
	Snakepit__Bridge__InitializeSessionRequest *m;
	int rc = RPC__UNPACK(snakepit__bridge__initialize_session_request, buf, arena,
			     &m, err);

	if (rc < 0)
		return rc;
	out.session_id = m->session_id;
	if (RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a session");
	*ret = out;
	return 0;
}

int rpc_bridge_encode_init_session(const struct rpc_session_request *in,
				   struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__InitializeSessionRequest m;
	struct rpc_arena scratch;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__initialize_session_request__init(&m);
	m.session_id = rpc__str(in->session_id);
	rc = RPC__ENCODE_MAP(snakepit__bridge__initialize_session_request, metadata,
			     &in->metadata, &scratch, &m, metadata);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

int rpc_bridge_decode_cleanup_session(const struct rpc_buf *buf,
				      struct rpc_arena *arena,
				      struct rpc_session_request *ret,
				      struct snp_err *err)
{
	Snakepit__Bridge__CleanupSessionRequest *m;
	int rc =
	    RPC__UNPACK(snakepit__bridge__cleanup_session_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_session_request){
	    .session_id = m->session_id,
	    .force = m->force,
	};
	return 0;
}

int rpc_bridge_encode_cleanup_session(const struct rpc_session_request *in,
				      struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__CleanupSessionRequest m;

	snakepit__bridge__cleanup_session_request__init(&m);
	m.session_id = rpc__str(in->session_id);
	m.force = in->force;
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_bridge_decode_get_session(const struct rpc_buf *buf, struct rpc_arena *arena,
				  struct rpc_session_request *ret, struct snp_err *err)
{
	Snakepit__Bridge__GetSessionRequest *m;
	int rc =
	    RPC__UNPACK(snakepit__bridge__get_session_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_session_request){.session_id = m->session_id};
	return 0;
}

int rpc_bridge_encode_get_session(const struct rpc_session_request *in,
				  struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__GetSessionRequest m;

	snakepit__bridge__get_session_request__init(&m);
	m.session_id = rpc__str(in->session_id);
	return rpc__buf_pack(&m.base, ret_buf);
}

static int copy_tool_names(const Snakepit__Bridge__RegisterToolsRequest *m,
			   struct rpc_arena *arena, struct rpc_register_tools *out)
{
	out->n_names = m->n_tools;
	if (m->n_tools == 0)
		return 0;
	out->names = rpc_arena_calloc(arena, m->n_tools, sizeof(*out->names));
	if (!out->names)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_tools; i++)
		out->names[i] = m->tools[i]->name;
	return 0;
}

int rpc_bridge_decode_register_tools(const struct rpc_buf *buf, struct rpc_arena *arena,
				     struct rpc_register_tools *ret,
				     struct snp_err *err)
{
	struct rpc_register_tools out = {0};
	Snakepit__Bridge__RegisterToolsRequest *m;
	int rc =
	    RPC__UNPACK(snakepit__bridge__register_tools_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.session_id = m->session_id;
	out.worker_id = m->worker_id;
	if (copy_tool_names(m, arena, &out) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a registration");
	*ret = out;
	return 0;
}

/* ---- Responses ----------------------------------------------------------- */

int rpc_bridge_encode_init_session_response(const char *error, struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__InitializeSessionResponse m;

	snakepit__bridge__initialize_session_response__init(&m);
	m.success = !error;
	m.error_message = rpc__str(error);
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_bridge_encode_cleanup_session_response(int32_t resources_cleaned,
					       struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__CleanupSessionResponse m;

	snakepit__bridge__cleanup_session_response__init(&m);
	m.success = resources_cleaned >= 0;
	m.resources_cleaned = m.success ? resources_cleaned : 0;
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_bridge_encode_get_session_response(const struct rpc_session_info *in,
					   struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__GetSessionResponse m;
	Google__Protobuf__Timestamp time;
	struct rpc_arena scratch;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__get_session_response__init(&m);
	m.session_id = rpc__str(in->session_id);
	m.created_at = rpc__timestamp_of_wall(in->created_at, &time);
	m.tool_count = in->tool_count;
	rc = RPC__ENCODE_MAP(snakepit__bridge__get_session_response, metadata,
			     &in->metadata, &scratch, &m, metadata);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

int rpc_bridge_encode_register_tools_response(const struct rpc_pairs *tool_ids,
					      const char *error,
					      struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__RegisterToolsResponse m;
	struct rpc_arena scratch;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__register_tools_response__init(&m);
	m.success = !error;
	m.error_message = rpc__str(error);
	rc = RPC__ENCODE_MAP(snakepit__bridge__register_tools_response, tool_ids,
			     tool_ids, &scratch, &m, tool_ids);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

int rpc_bridge_encode_no_exposed_tools(struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__GetExposedElixirToolsResponse m;

	snakepit__bridge__get_exposed_elixir_tools_response__init(&m);
	return rpc__buf_pack(&m.base, ret_buf);
}
