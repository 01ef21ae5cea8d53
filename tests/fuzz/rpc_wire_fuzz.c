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

static void fuzz_small(uint8_t which, const struct rpc_buf *buf,
		       struct rpc_arena *arena)
{
	struct rpc_heartbeat_request heartbeat;
	struct rpc_heartbeat_response answer;
	struct rpc_register_tools tools;
	struct rpc_session_request session;
	struct rpc_execute_request host;
	struct rpc_ping ping;
	enum rpc_health health;
	const char *service;

	switch (which % 9) {
	case 0:
		(void)rpc_bridge_decode_heartbeat_request(buf, arena, &heartbeat, NULL);
		break;
	case 1:
		(void)rpc_bridge_decode_heartbeat_response(buf, arena, &answer, NULL);
		break;
	case 2:
		(void)rpc_bridge_decode_ping_response(buf, arena, &ping, NULL);
		break;
	case 3:
		(void)rpc_health_decode_request(buf, arena, &service, NULL);
		break;
	case 4:
		(void)rpc_health_decode_response(buf, arena, &health, NULL);
		break;
	case 5:
		(void)rpc_bridge_decode_init_session(buf, arena, &session, NULL);
		break;
	case 6:
		(void)rpc_bridge_decode_cleanup_session(buf, arena, &session, NULL);
		break;
	case 7:
		(void)rpc_bridge_decode_register_tools(buf, arena, &tools, NULL);
		break;
	default:
		(void)rpc_bridge_decode_host_tool(buf, arena, &host, NULL);
		break;
	}
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
	switch (data[0] % 5) {
	case 0:
		fuzz_request(buf, &arena, rpc_pool_decode_execute_request,
			     rpc_pool_encode_execute_request);
		break;
	case 1:
		fuzz_request(buf, &arena, rpc_bridge_decode_execute_request,
			     rpc_bridge_encode_execute_request);
		break;
	case 2:
		fuzz_responses(data[0] / 5, buf, &arena);
		break;
	case 3:
		fuzz_chunks(data[0] / 5, buf, &arena);
		break;
	default:
		fuzz_small(data[0] / 5, buf, &arena);
		break;
	}
	rpc_arena_fini(&arena);
	rpc_buf_unref(buf);
	return 0;
}
