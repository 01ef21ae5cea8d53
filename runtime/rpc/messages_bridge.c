/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of snakepit.bridge for running tools. */
#include "rpc/messages.h"

#include <bridge.pb-c.h>
#include <errno.h>

#include "codec.h"
#include "tool_error.h"

typedef Snakepit__Bridge__ExecuteToolRequest pb_request;
typedef Snakepit__Bridge__ExecuteToolResponse pb_response;
typedef Snakepit__Bridge__ExecuteElixirToolRequest pb_host_request;
typedef Snakepit__Bridge__ToolChunk pb_chunk;

/* ---- ExecuteToolRequest, ExecuteElixirToolRequest ------------------------ */

int rpc_bridge_decode_execute_request(const struct rpc_buf *buf,
				      struct rpc_arena *arena,
				      struct rpc_execute_request *ret,
				      struct snp_err *err)
{
	struct rpc_execute_request out = {.pool = ""};
	pb_request *m;
	int rc =
	    RPC__UNPACK(snakepit__bridge__execute_tool_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.tool = m->tool_name;
	out.session_id = m->session_id;
	out.stream = m->stream;
	if (RPC__DECODE_MAP(m, parameters, arena, &out.arguments) < 0 ||
	    RPC__DECODE_MAP(m, binary_parameters, arena, &out.binary) < 0 ||
	    RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a request");
	*ret = out;
	return 0;
}

static int fill_request(const struct rpc_execute_request *in, struct rpc_arena *scratch,
			pb_request *m)
{
	m->session_id = rpc__str(in->session_id);
	m->tool_name = rpc__str(in->tool);
	m->stream = in->stream;
	if (RPC__ENCODE_MAP(snakepit__bridge__execute_tool_request, parameters,
			    &in->arguments, scratch, m, parameters) < 0 ||
	    RPC__ENCODE_MAP(snakepit__bridge__execute_tool_request, binary_parameters,
			    &in->binary, scratch, m, binary_parameters) < 0 ||
	    RPC__ENCODE_MAP(snakepit__bridge__execute_tool_request, metadata,
			    &in->metadata, scratch, m, metadata) < 0)
		return -ENOMEM;
	return 0;
}

int rpc_bridge_encode_execute_request(const struct rpc_execute_request *in,
				      struct rpc_buf **ret_buf)
{
	struct rpc_arena scratch;
	pb_request m;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__execute_tool_request__init(&m);
	rc = fill_request(in, &scratch, &m);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

int rpc_bridge_decode_host_tool(const struct rpc_buf *buf, struct rpc_arena *arena,
				struct rpc_execute_request *ret, struct snp_err *err)
{
	struct rpc_execute_request out = {.pool = ""};
	pb_host_request *m;
	int rc = RPC__UNPACK(snakepit__bridge__execute_elixir_tool_request, buf, arena,
			     &m, err);

	if (rc < 0)
		return rc;
	out.tool = m->tool_name;
	out.session_id = m->session_id;
	if (RPC__DECODE_MAP(m, parameters, arena, &out.arguments) < 0 ||
	    RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a request");
	*ret = out;
	return 0;
}

/* ---- ExecuteToolResponse ------------------------------------------------- */

static uint64_t ns_of_ms(int64_t ms)
{
	if (ms <= 0)
		return 0;
	return (uint64_t)ms > UINT64_MAX / SNP_NS_PER_MS ? UINT64_MAX
							 : (uint64_t)ms * SNP_NS_PER_MS;
}

int rpc_bridge_decode_execute_response(const struct rpc_buf *buf,
				       struct rpc_arena *arena,
				       struct rpc_execute_response *ret,
				       struct snp_err *err)
{
	struct rpc_execute_response out = {
	    .error = {.type = "", .message = ""},
	    .worker_id = "",
	};
	pb_response *m;
	int rc =
	    RPC__UNPACK(snakepit__bridge__execute_tool_response, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.outcome = m->success ? RPC_OUTCOME_RESULT : RPC_OUTCOME_ERROR;
	out.binary_result = rpc__str_of_bytes(m->binary_result);
	out.service_ns = ns_of_ms(m->execution_time_ms);
	if (m->success && m->result)
		out.result_json = rpc__str_of_bytes(m->result->value);
	if (!m->success)
		rc = rpc__tool_error_parse(m->error_message, arena, &out.error);
	if (rc < 0 || RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a response");
	*ret = out;
	return 0;
}

static int fill_response(const struct rpc_execute_response *in,
			 struct rpc_arena *scratch, pb_response *m)
{
	Google__Protobuf__Any *any;
	int rc = 0;

	m->success = in->outcome == RPC_OUTCOME_RESULT;
	m->binary_result = rpc__bytes(in->binary_result);
	m->execution_time_ms = (int64_t)(in->service_ns / SNP_NS_PER_MS);
	if (m->success) {
		any = rpc_arena_alloc(scratch, sizeof(*any));
		if (!any)
			return -ENOMEM;
		google__protobuf__any__init(any);
		any->type_url = rpc__str(RPC__JSON_TYPE_URL);
		any->value = rpc__bytes(in->result_json);
		m->result = any;
	} else {
		rc = rpc__tool_error_format(&in->error, scratch, &m->error_message);
	}
	if (rc < 0)
		return rc;
	return RPC__ENCODE_MAP(snakepit__bridge__execute_tool_response, metadata,
			       &in->metadata, scratch, m, metadata);
}

int rpc_bridge_encode_execute_response(const struct rpc_execute_response *in,
				       struct rpc_buf **ret_buf)
{
	struct rpc_arena scratch;
	pb_response m;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__execute_tool_response__init(&m);
	rc = fill_response(in, &scratch, &m);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

/* ---- ToolChunk ----------------------------------------------------------- */

int rpc_bridge_decode_chunk(const struct rpc_buf *buf, struct rpc_arena *arena,
			    struct rpc_chunk *ret, struct snp_err *err)
{
	struct rpc_chunk out = {0};
	pb_chunk *m;
	int rc = RPC__UNPACK(snakepit__bridge__tool_chunk, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.chunk_id = m->chunk_id;
	out.data = rpc__str_of_bytes(m->data);
	out.position = m->is_final ? RPC_CHUNK_FINAL : RPC_CHUNK_MORE;
	if (RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a chunk");
	*ret = out;
	return 0;
}

int rpc_bridge_encode_chunk(const struct rpc_chunk *in, struct rpc_buf **ret_buf)
{
	struct rpc_arena scratch;
	pb_chunk m;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__bridge__tool_chunk__init(&m);
	m.chunk_id = rpc__str(in->chunk_id);
	m.data = rpc__bytes(in->data);
	m.is_final = in->position == RPC_CHUNK_FINAL;
	rc = RPC__ENCODE_MAP(snakepit__bridge__tool_chunk, metadata, &in->metadata,
			     &scratch, &m, metadata);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}
