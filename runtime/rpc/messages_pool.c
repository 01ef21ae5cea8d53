/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of snakepit.pool.v1. */
#include "rpc/messages.h"

#include <errno.h>
#include <pool.pb-c.h>
#include <string.h>

#include "codec.h"

typedef Snakepit__Pool__V1__ExecuteRequest pb_request;
typedef Snakepit__Pool__V1__ExecuteResponse pb_response;
typedef Snakepit__Pool__V1__ToolError pb_tool_error;
typedef Snakepit__Pool__V1__ExecuteChunk pb_chunk;

#define OUTCOME(name) SNAKEPIT__POOL__V1__EXECUTE_RESPONSE__OUTCOME_##name

/* ---- ExecuteRequest ------------------------------------------------------ */

int rpc_pool_decode_execute_request(const struct rpc_buf *buf, struct rpc_arena *arena,
				    struct rpc_execute_request *ret,
				    struct snp_err *err)
{
	struct rpc_execute_request out = {0};
	pb_request *m;
	int rc = RPC__UNPACK(snakepit__pool__v1__execute_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.pool = m->pool;
	out.tool = m->tool;
	out.session_id = m->session_id;
	if (RPC__DECODE_MAP(m, arguments, arena, &out.arguments) < 0 ||
	    RPC__DECODE_MAP(m, binary, arena, &out.binary) < 0 ||
	    RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a request");
	*ret = out;
	return 0;
}

static int fill_request(const struct rpc_execute_request *in, struct rpc_arena *scratch,
			pb_request *m)
{
	m->pool = rpc__str(in->pool);
	m->tool = rpc__str(in->tool);
	m->session_id = rpc__str(in->session_id);
	if (RPC__ENCODE_MAP(snakepit__pool__v1__execute_request, arguments,
			    &in->arguments, scratch, m, arguments) < 0 ||
	    RPC__ENCODE_MAP(snakepit__pool__v1__execute_request, binary, &in->binary,
			    scratch, m, binary) < 0 ||
	    RPC__ENCODE_MAP(snakepit__pool__v1__execute_request, metadata,
			    &in->metadata, scratch, m, metadata) < 0)
		return -ENOMEM;
	return 0;
}

int rpc_pool_encode_execute_request(const struct rpc_execute_request *in,
				    struct rpc_buf **ret_buf)
{
	struct rpc_arena scratch;
	pb_request m;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__pool__v1__execute_request__init(&m);
	rc = fill_request(in, &scratch, &m);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

/* ---- ExecuteResponse ----------------------------------------------------- */

static int decode_outcome(const pb_response *m, struct rpc_execute_response *out,
			  struct snp_err *err)
{
	switch (m->outcome_case) {
	case OUTCOME(RESULT_JSON):
		out->outcome = RPC_OUTCOME_RESULT;
		out->result_json = rpc__str_of_bytes(m->result_json);
		return 0;
	case OUTCOME(ERROR):
		out->outcome = RPC_OUTCOME_ERROR;
		out->error.type = m->error->type;
		out->error.message = m->error->message;
		out->error.detail_json = rpc_str_of(m->error->detail_json);
		return 0;
	default:
		return snp_err_set(err, -EBADMSG, "ExecuteResponse has no outcome");
	}
}

int rpc_pool_decode_execute_response(const struct rpc_buf *buf, struct rpc_arena *arena,
				     struct rpc_execute_response *ret,
				     struct snp_err *err)
{
	struct rpc_execute_response out = {.error = {.type = "", .message = ""}};
	pb_response *m;
	int rc = RPC__UNPACK(snakepit__pool__v1__execute_response, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	rc = decode_outcome(m, &out, err);
	if (rc < 0)
		return rc;
	out.binary_result = rpc__str_of_bytes(m->binary_result);
	out.queue_wait_ns = m->queue_wait_ns;
	out.service_ns = m->service_ns;
	out.worker_id = m->worker_id;
	if (RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a response");
	*ret = out;
	return 0;
}

static int fill_response(const struct rpc_execute_response *in,
			 struct rpc_arena *scratch, pb_response *m)
{
	pb_tool_error *error;

	if (in->outcome == RPC_OUTCOME_RESULT) {
		m->outcome_case = OUTCOME(RESULT_JSON);
		m->result_json = rpc__bytes(in->result_json);
	} else {
		char *detail =
		    rpc_arena_calloc(scratch, in->error.detail_json.len + 1, 1);

		error = rpc_arena_alloc(scratch, sizeof(*error));
		if (!detail || !error)
			return -ENOMEM;
		snakepit__pool__v1__tool_error__init(error);
		error->type = rpc__str(in->error.type);
		error->message = rpc__str(in->error.message);
		if (in->error.detail_json.len)
			memcpy(detail, in->error.detail_json.data,
			       in->error.detail_json.len);
		error->detail_json = detail;
		m->outcome_case = OUTCOME(ERROR);
		m->error = error;
	}
	m->binary_result = rpc__bytes(in->binary_result);
	m->queue_wait_ns = in->queue_wait_ns;
	m->service_ns = in->service_ns;
	m->worker_id = rpc__str(in->worker_id);
	return RPC__ENCODE_MAP(snakepit__pool__v1__execute_response, metadata,
			       &in->metadata, scratch, m, metadata);
}

int rpc_pool_encode_execute_response(const struct rpc_execute_response *in,
				     struct rpc_buf **ret_buf)
{
	struct rpc_arena scratch;
	pb_response m;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__pool__v1__execute_response__init(&m);
	rc = fill_response(in, &scratch, &m);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}

/* ---- ExecuteChunk -------------------------------------------------------- */

int rpc_pool_decode_chunk(const struct rpc_buf *buf, struct rpc_arena *arena,
			  struct rpc_chunk *ret, struct snp_err *err)
{
	struct rpc_chunk out = {0};
	pb_chunk *m;
	int rc = RPC__UNPACK(snakepit__pool__v1__execute_chunk, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	out.chunk_id = m->chunk_id;
	out.data = rpc__str_of_bytes(m->data);
	out.position = m->final ? RPC_CHUNK_FINAL : RPC_CHUNK_MORE;
	if (RPC__DECODE_MAP(m, metadata, arena, &out.metadata) < 0)
		return snp_err_set(err, -ENOMEM, "out of memory for a chunk");
	*ret = out;
	return 0;
}

int rpc_pool_encode_chunk(const struct rpc_chunk *in, struct rpc_buf **ret_buf)
{
	struct rpc_arena scratch;
	pb_chunk m;
	int rc;

	rpc_arena_init(&scratch, 0);
	snakepit__pool__v1__execute_chunk__init(&m);
	m.chunk_id = rpc__str(in->chunk_id);
	m.data = rpc__bytes(in->data);
	m.final = in->position == RPC_CHUNK_FINAL;
	rc = RPC__ENCODE_MAP(snakepit__pool__v1__execute_chunk, metadata, &in->metadata,
			     &scratch, &m, metadata);
	if (rc == 0)
		rc = rpc__buf_pack(&m.base, ret_buf);
	rpc_arena_fini(&scratch);
	return rc;
}
