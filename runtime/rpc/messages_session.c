/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of the bridge's sessions. */
#include "rpc/messages.h"

#include <bridge.pb-c.h>
#include <errno.h>

#include "codec.h"
#include "timestamp.h"
#include "tool_spec.h"

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
	if (m->config)
		out.config = (struct rpc_session_config){
		    .enable_caching = m->config->enable_caching,
		    .cache_ttl_seconds = m->config->cache_ttl_seconds,
		    .enable_telemetry = m->config->enable_telemetry,
		};
	if (RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a session");
	*ret = out;
	return 0;
}

int rpc_bridge_encode_init_session(const struct rpc_session_request *in,
				   struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__InitializeSessionRequest m;
	Snakepit__Bridge__SessionConfig config;
	struct rpc_arena scratch;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__initialize_session_request__init(&m);
	snakepit__bridge__session_config__init(&config);
	m.session_id = rpc__str(in->session_id);
	m.config = &config;
	config.enable_caching = in->config.enable_caching;
	config.cache_ttl_seconds = in->config.cache_ttl_seconds;
	config.enable_telemetry = in->config.enable_telemetry;
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

/* ---- InitializeSessionResponse ------------------------------------------- */

typedef Snakepit__Bridge__InitializeSessionResponse pb_started;
typedef Snakepit__Bridge__InitializeSessionResponse__AvailableToolsEntry pb_tool_entry;

/* The key of the map is the tool's name, whatever its spec says. */
static int decode_available(const pb_started *m, struct rpc_arena *arena,
			    struct rpc_tools *out)
{
	static const Snakepit__Bridge__ToolSpec empty =
	    SNAKEPIT__BRIDGE__TOOL_SPEC__INIT;

	out->n = m->n_available_tools;
	if (out->n == 0)
		return 0;
	out->v = rpc_arena_calloc(arena, out->n, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < out->n; i++) {
		const pb_tool_entry *entry = m->available_tools[i];

		if (rpc__tool_of_spec(entry->value ? entry->value : &empty, arena,
				      &out->v[i]) < 0)
			return -ENOMEM;
		out->v[i].name = entry->key;
	}
	return 0;
}

int rpc_bridge_decode_init_session_response(const struct rpc_buf *buf,
					    struct rpc_arena *arena,
					    struct rpc_session_started *ret,
					    struct snp_err *err)
{
	struct rpc_session_started out = {0};
	pb_started *m;
	int rc = RPC__UNPACK(snakepit__bridge__initialize_session_response, buf, arena,
			     &m, err);

	if (rc < 0)
		return rc;
	out.success = m->success;
	out.error = m->error_message;
	if (decode_available(m, arena, &out.tools) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a session");
	*ret = out;
	return 0;
}

static int fill_available(const struct rpc_tools *tools, struct rpc_arena *scratch,
			  pb_started *m)
{
	Snakepit__Bridge__ToolSpec **specs = NULL;
	pb_tool_entry *storage;

	if (tools->n == 0)
		return 0;
	m->available_tools =
	    rpc_arena_calloc(scratch, tools->n, sizeof(pb_tool_entry *));
	storage = rpc_arena_calloc(scratch, tools->n, sizeof(*storage));
	if (!m->available_tools || !storage ||
	    rpc__specs_of_tools(tools, scratch, &specs) < 0)
		return -ENOMEM;
	m->n_available_tools = tools->n;
	for (size_t i = 0; i < tools->n; i++) {
		snakepit__bridge__initialize_session_response__available_tools_entry__init(
		    &storage[i]);
		storage[i].key = specs[i]->name;
		storage[i].value = specs[i];
		m->available_tools[i] = &storage[i];
	}
	return 0;
}

int rpc_bridge_encode_init_session_response(const struct rpc_session_started *in,
					    struct rpc_buf **ret_buf)
{
	struct rpc_arena scratch;
	pb_started m;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__initialize_session_response__init(&m);
	m.success = in->success;
	m.error_message = rpc__str(in->error);
	rc = fill_available(&in->tools, &scratch, &m);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

/* ---- The other responses ------------------------------------------------- */

int rpc_bridge_decode_cleanup_session_response(const struct rpc_buf *buf,
					       struct rpc_arena *arena,
					       struct rpc_session_ended *ret,
					       struct snp_err *err)
{
	Snakepit__Bridge__CleanupSessionResponse *m;
	int rc = RPC__UNPACK(snakepit__bridge__cleanup_session_response, buf, arena, &m,
			     err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_session_ended){
	    .success = m->success,
	    .resources_cleaned = m->resources_cleaned,
	};
	return 0;
}

int rpc_bridge_encode_cleanup_session_response(const struct rpc_session_ended *in,
					       struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__CleanupSessionResponse m;

	snakepit__bridge__cleanup_session_response__init(&m);
	m.success = in->success;
	m.resources_cleaned = in->resources_cleaned;
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_bridge_decode_get_session_response(const struct rpc_buf *buf,
					   struct rpc_arena *arena,
					   struct rpc_session_info *ret,
					   struct snp_err *err)
{
	struct rpc_session_info out = {0};
	Snakepit__Bridge__GetSessionResponse *m;
	int rc =
	    RPC__UNPACK(snakepit__bridge__get_session_response, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.session_id = m->session_id;
	out.created_at = rpc__wall_of_timestamp(m->created_at);
	out.tool_count = m->tool_count;
	if (RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a session");
	*ret = out;
	return 0;
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
