/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of what a worker of the bridge asks its host about tools; running a host tool
 * is in messages_bridge.c. */
#include "rpc/messages.h"

#include <bridge.pb-c.h>
#include <errno.h>

#include "codec.h"
#include "tool_spec.h"

/* ---- RegisterTools ------------------------------------------------------- */

/* A registration is a spec under another name, down to the numbers of its fields. */
static Snakepit__Bridge__ToolSpec
spec_of_registration(const Snakepit__Bridge__ToolRegistration *m)
{
	Snakepit__Bridge__ToolSpec spec;

	snakepit__bridge__tool_spec__init(&spec);
	spec.name = m->name;
	spec.description = m->description;
	spec.n_parameters = m->n_parameters;
	spec.parameters = m->parameters;
	spec.n_metadata = m->n_metadata;
	spec.metadata = (void *)m->metadata; /* read by each entry's descriptor */
	spec.supports_streaming = m->supports_streaming;
	return spec;
}

static int decode_registrations(const Snakepit__Bridge__RegisterToolsRequest *m,
				struct rpc_arena *arena, struct rpc_tools *out)
{
	out->n = m->n_tools;
	if (m->n_tools == 0)
		return 0;
	out->v = rpc_arena_calloc(arena, m->n_tools, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_tools; i++) {
		const Snakepit__Bridge__ToolSpec spec =
		    spec_of_registration(m->tools[i]);

		if (rpc__tool_of_spec(&spec, arena, &out->v[i]) < 0)
			return -ENOMEM;
	}
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
	if (decode_registrations(m, arena, &out.tools) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a registration");
	*ret = out;
	return 0;
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

/* ---- GetExposedElixirTools ----------------------------------------------- */

int rpc_bridge_decode_exposed_tools_request(const struct rpc_buf *buf,
					    struct rpc_arena *arena,
					    const char **ret_session_id,
					    struct snp_err *err)
{
	Snakepit__Bridge__GetExposedElixirToolsRequest *m;
	int rc = RPC__UNPACK(snakepit__bridge__get_exposed_elixir_tools_request, buf,
			     arena, &m, err);

	if (rc < 0)
		return rc;
	*ret_session_id = m->session_id;
	return 0;
}

int rpc_bridge_encode_exposed_tools(const struct rpc_tools *in,
				    struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__GetExposedElixirToolsResponse m;
	struct rpc_arena scratch;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__get_exposed_elixir_tools_response__init(&m);
	m.n_tools = in->n;
	rc = rpc__specs_of_tools(in, &scratch, &m.tools);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}
