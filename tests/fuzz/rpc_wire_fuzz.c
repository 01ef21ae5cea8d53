/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: every decoder of runtime/rpc on arbitrary bytes. The first byte
 * picks the decoder. What decodes as a request or a chunk must encode, and decode again
 * to the same: a value that survives only one way would reach a worker changed.
 * `make fuzz TARGET=rpc_wire TIME=60` builds and runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/arena.h"
#include "rpc/buf.h"
#include "rpc/messages.h"
#include "snakepit/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool pairs_equal(const struct rpc_pairs *a, const struct rpc_pairs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].key, b->v[i].key) != 0 ||
		    !rpc_str_equal(a->v[i].value, b->v[i].value))
			return false;
	return true;
}

typedef int (*decode_request_fn)(const struct rpc_buf *, struct rpc_arena *,
				 struct rpc_execute_request *, struct snp_err *);
typedef int (*encode_request_fn)(const struct rpc_execute_request *, struct rpc_buf **);

static void fuzz_request(const struct rpc_buf *buf, struct rpc_arena *arena,
			 decode_request_fn decode, encode_request_fn encode)
{
	struct rpc_execute_request a, b;
	struct rpc_buf *again = NULL;
	struct snp_err err = {0};

	if (decode(buf, arena, &a, &err) < 0) {
		SNP_CHECK(err.msg[0] != '\0');
		return;
	}
	SNP_CHECK(encode(&a, &again) == 0);
	SNP_CHECK(decode(again, arena, &b, &err) == 0);
	SNP_CHECK(strcmp(a.pool, b.pool) == 0 && strcmp(a.tool, b.tool) == 0);
	SNP_CHECK(strcmp(a.session_id, b.session_id) == 0 && a.stream == b.stream);
	SNP_CHECK(pairs_equal(&a.arguments, &b.arguments));
	SNP_CHECK(pairs_equal(&a.binary, &b.binary));
	SNP_CHECK(pairs_equal(&a.metadata, &b.metadata));
	rpc_buf_unref(again);
}

static void fuzz_responses(uint8_t which, const struct rpc_buf *buf,
			   struct rpc_arena *arena)
{
	struct rpc_execute_response response;
	struct rpc_buf *again = NULL;
	int rc = which % 2
		     ? rpc_pool_decode_execute_response(buf, arena, &response, NULL)
		     : rpc_bridge_decode_execute_response(buf, arena, &response, NULL);

	/* as the runtime does it: a worker's answer goes to the client */
	if (rc == 0 && rpc_pool_encode_execute_response(&response, &again) == 0)
		rpc_buf_unref(again);
	again = NULL;
	if (rc == 0 && rpc_bridge_encode_execute_response(&response, &again) == 0)
		rpc_buf_unref(again);
}

static void fuzz_chunks(uint8_t which, const struct rpc_buf *buf,
			struct rpc_arena *arena)
{
	struct rpc_chunk a, b;
	struct rpc_buf *again = NULL;
	int rc = which % 2 ? rpc_pool_decode_chunk(buf, arena, &a, NULL)
			   : rpc_bridge_decode_chunk(buf, arena, &a, NULL);

	if (rc < 0)
		return;
	SNP_CHECK(rpc_pool_encode_chunk(&a, &again) == 0);
	SNP_CHECK(rpc_pool_decode_chunk(again, arena, &b, NULL) == 0);
	SNP_CHECK(rpc_str_equal(a.data, b.data) && a.position == b.position);
	SNP_CHECK(pairs_equal(&a.metadata, &b.metadata));
	rpc_buf_unref(again);
}

/* Decoders whose result goes nowhere but to our own code. */
#define SMALL(type, decode)                                                            \
	static void small_##decode(const struct rpc_buf *buf, struct rpc_arena *arena) \
	{                                                                              \
		type out;                                                              \
		struct snp_err err = {0};                                              \
                                                                                       \
		SNP_CHECK(rpc_##decode(buf, arena, &out, &err) == 0 || err.msg[0]);    \
	}
#define SMALLS(X)                                                                      \
	X(struct rpc_heartbeat_request, bridge_decode_heartbeat_request)               \
	X(struct rpc_heartbeat_response, bridge_decode_heartbeat_response)             \
	X(struct rpc_ping, bridge_decode_ping_response)                                \
	X(const char *, health_decode_request)                                         \
	X(enum rpc_health, health_decode_response)                                     \
	X(struct rpc_session_request, bridge_decode_init_session)                      \
	X(struct rpc_session_request, bridge_decode_cleanup_session)                   \
	X(struct rpc_session_ended, bridge_decode_cleanup_session_response)            \
	X(struct rpc_session_info, bridge_decode_get_session_response)                 \
	X(struct rpc_execute_request, bridge_decode_host_tool)                         \
	X(const char *, bridge_decode_exposed_tools_request)                           \
	X(struct rpc_telemetry_event, bridge_decode_telemetry_event)                   \
	X(struct rpc_drain_request, control_decode_drain)                              \
	X(struct rpc_recycle_request, control_decode_recycle)                          \
	X(struct rpc_scale_request, control_decode_scale)                              \
	X(struct rpc_control_reply, control_decode_reply)
SMALLS(SMALL)

static void fuzz_small(uint8_t which, const struct rpc_buf *buf,
		       struct rpc_arena *arena)
{
	static void (*const smalls[])(const struct rpc_buf *, struct rpc_arena *) = {
#define X(type, decode) small_##decode,
	    SMALLS(X)
#undef X
	};

	smalls[which % (sizeof(smalls) / sizeof(smalls[0]))](buf, arena);
}

/* Tools a worker describes may be offered to another: they must survive that. */
static void fuzz_tools(uint8_t which, const struct rpc_buf *buf,
		       struct rpc_arena *arena)
{
	struct rpc_session_started started = {.success = true}, again;
	struct rpc_register_tools registered;
	struct rpc_buf *encoded = NULL;

	if (which % 2) {
		if (rpc_bridge_decode_init_session_response(buf, arena, &started,
							    NULL) < 0)
			return;
	} else {
		if (rpc_bridge_decode_register_tools(buf, arena, &registered, NULL) < 0)
			return;
		started.tools = registered.tools;
	}
	SNP_CHECK(rpc_bridge_encode_init_session_response(&started, &encoded) == 0);
	if (rpc_bridge_decode_init_session_response(encoded, arena, &again, NULL) ==
	    0) { /* what was squeezed may need more memory than its length allows */
		SNP_CHECK(again.tools.n == started.tools.n);
		for (size_t i = 0; i < again.tools.n; i++)
			SNP_CHECK(again.tools.v[i].n_parameters ==
				      started.tools.v[i].n_parameters &&
				  pairs_equal(&again.tools.v[i].metadata,
					      &started.tools.v[i].metadata));
	}
	rpc_buf_unref(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_arena arena;
	struct rpc_buf *buf;

	if (size == 0)
		return 0;
	buf = rpc_buf_from_bytes(data + 1, size - 1);
	SNP_CHECK(buf);
	rpc_arena_init(&arena, 0);
	switch (data[0] % 6) {
	case 0:
		fuzz_request(buf, &arena, rpc_pool_decode_execute_request,
			     rpc_pool_encode_execute_request);
		break;
	case 1:
		fuzz_request(buf, &arena, rpc_bridge_decode_execute_request,
			     rpc_bridge_encode_execute_request);
		break;
	case 2:
		fuzz_responses(data[0] / 6, buf, &arena);
		break;
	case 3:
		fuzz_chunks(data[0] / 6, buf, &arena);
		break;
	case 4:
		fuzz_tools(data[0] / 6, buf, &arena);
		break;
	default:
		fuzz_small(data[0] / 6, buf, &arena);
		break;
	}
	rpc_arena_fini(&arena);
	rpc_buf_unref(buf);
	return 0;
}
