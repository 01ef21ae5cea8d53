/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages.h - plain structs for the messages of our protocols, and their codecs.
 *
 * This is the edge: in front of it only these structs, behind it protobuf. Nothing here
 * does I/O or keeps state; any thread.
 *
 * Decoding. rpc_<protocol>_decode_<message>(buf, arena, ret, err): every pointer in
 * *ret is valid until the arena is reset or finished. `const char *` members are valid
 * UTF-8 without embedded NUL and never NULL (absent is ""); `struct rpc_str` members
 * are bytes. Of equal map keys the last wins; maps come out sorted by key. 0, or
 *   -EBADMSG  the bytes are not that message; err names the field where one is known
 *   -ENOBUFS  it would need far more memory than its length justifies
 *   -ENOMEM
 * rpc_code_of_errno() gives the status to answer with. *ret is untouched on failure.
 *
 * Encoding. rpc_<protocol>_encode_<message>(in, ret_buf): everything in `in` is
 * borrowed for the duration of the call; NULL strings count as "". The caller owns the
 * buffer. 0, -ENOMEM, or -EMSGSIZE beyond 2 GiB.
 *
 * JSON texts are passed through as bytes, never parsed, except a worker's error report.
 */
#ifndef RPC_MESSAGES_H
#define RPC_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/arena.h"
#include "rpc/buf.h"
#include "rpc/str.h"
#include "snakepit/err.h"
#include "snakepit/time.h"

/* ---- Method names -------------------------------------------------------- */

#define RPC_METHOD_POOL_EXECUTE	       "/snakepit.pool.v1.Pool/Execute"
#define RPC_METHOD_POOL_EXECUTE_STREAM "/snakepit.pool.v1.Pool/ExecuteStream"
#define RPC_METHOD_HEALTH_CHECK	       "/grpc.health.v1.Health/Check"
#define RPC_METHOD_HEALTH_WATCH	       "/grpc.health.v1.Health/Watch"

#define RPC_BRIDGE_METHOD(name)		  "/snakepit.bridge.BridgeService/" name
#define RPC_METHOD_BRIDGE_PING		  RPC_BRIDGE_METHOD("Ping")
#define RPC_METHOD_BRIDGE_HEARTBEAT	  RPC_BRIDGE_METHOD("Heartbeat")
#define RPC_METHOD_BRIDGE_EXECUTE	  RPC_BRIDGE_METHOD("ExecuteTool")
#define RPC_METHOD_BRIDGE_EXECUTE_STREAM  RPC_BRIDGE_METHOD("ExecuteStreamingTool")
#define RPC_METHOD_BRIDGE_INIT_SESSION	  RPC_BRIDGE_METHOD("InitializeSession")
#define RPC_METHOD_BRIDGE_CLEANUP_SESSION RPC_BRIDGE_METHOD("CleanupSession")
#define RPC_METHOD_BRIDGE_GET_SESSION	  RPC_BRIDGE_METHOD("GetSession")
#define RPC_METHOD_BRIDGE_REGISTER_TOOLS  RPC_BRIDGE_METHOD("RegisterTools")
#define RPC_METHOD_BRIDGE_EXPOSED_TOOLS	  RPC_BRIDGE_METHOD("GetExposedElixirTools")
#define RPC_METHOD_BRIDGE_HOST_TOOL	  RPC_BRIDGE_METHOD("ExecuteElixirTool")

/* ---- Shared parts -------------------------------------------------------- */

struct rpc_pair {
	const char *key;
	struct rpc_str value;
};

struct rpc_pairs {
	struct rpc_pair *v; /* NULL if n is 0 */
	size_t n;
};

/* The value under `key`, or the absent string. Works on sorted and unsorted pairs (the
 * last of equal keys wins). */
struct rpc_str rpc_pairs_get(const struct rpc_pairs *pairs, const char *key);

/* ---- Running a tool: the same structs for clients and for workers -------- */

struct rpc_execute_request {
	const char *pool; /* only in pool.v1; "" from the bridge protocol */
	const char *tool;
	const char *session_id;
	struct rpc_pairs arguments; /* values are JSON text as it came, not checked */
	struct rpc_pairs binary;
	struct rpc_pairs metadata; /* values are UTF-8 */
	bool stream;		   /* only in the bridge protocol */
};

struct rpc_tool_error {
	const char *type;    /* exception class; "" if the worker named none */
	const char *message; /* for people */
	/* The worker's whole report if it was a JSON object, else empty. */
	struct rpc_str detail_json;
};

enum rpc_outcome {
	RPC_OUTCOME_RESULT, /* the tool returned */
	RPC_OUTCOME_ERROR,  /* the tool ran and failed */
};

struct rpc_execute_response {
	enum rpc_outcome outcome;
	struct rpc_str result_json;  /* RPC_OUTCOME_RESULT */
	struct rpc_tool_error error; /* RPC_OUTCOME_ERROR */
	struct rpc_str binary_result;
	struct rpc_pairs metadata;
	uint64_t queue_wait_ns; /* only in pool.v1 */
	uint64_t service_ns;	/* the bridge carries it as whole milliseconds */
	const char *worker_id;	/* only in pool.v1 */
};

enum rpc_chunk_position {
	RPC_CHUNK_MORE,
	RPC_CHUNK_FINAL,
};

struct rpc_chunk {
	const char *chunk_id;
	struct rpc_str data;
	enum rpc_chunk_position position;
	struct rpc_pairs metadata;
};

/* snakepit.pool.v1: both directions, for the front door and for client programs. */
int rpc_pool_decode_execute_request(const struct rpc_buf *buf, struct rpc_arena *arena,
				    struct rpc_execute_request *ret,
				    struct snp_err *err);
int rpc_pool_encode_execute_request(const struct rpc_execute_request *in,
				    struct rpc_buf **ret_buf);
int rpc_pool_decode_execute_response(const struct rpc_buf *buf, struct rpc_arena *arena,
				     struct rpc_execute_response *ret,
				     struct snp_err *err);
int rpc_pool_encode_execute_response(const struct rpc_execute_response *in,
				     struct rpc_buf **ret_buf);
int rpc_pool_decode_chunk(const struct rpc_buf *buf, struct rpc_arena *arena,
			  struct rpc_chunk *ret, struct snp_err *err);
int rpc_pool_encode_chunk(const struct rpc_chunk *in, struct rpc_buf **ret_buf);

/* snakepit.bridge: towards workers, and as a host for clients of that protocol. A
 * failed tool's error_message is split into type and message when decoded; encoding
 * sends detail_json, or makes {"type","message"} from the other two. */
int rpc_bridge_decode_execute_request(const struct rpc_buf *buf,
				      struct rpc_arena *arena,
				      struct rpc_execute_request *ret,
				      struct snp_err *err);
int rpc_bridge_encode_execute_request(const struct rpc_execute_request *in,
				      struct rpc_buf **ret_buf);
int rpc_bridge_decode_execute_response(const struct rpc_buf *buf,
				       struct rpc_arena *arena,
				       struct rpc_execute_response *ret,
				       struct snp_err *err);
int rpc_bridge_encode_execute_response(const struct rpc_execute_response *in,
				       struct rpc_buf **ret_buf);
int rpc_bridge_decode_chunk(const struct rpc_buf *buf, struct rpc_arena *arena,
			    struct rpc_chunk *ret, struct snp_err *err);
int rpc_bridge_encode_chunk(const struct rpc_chunk *in, struct rpc_buf **ret_buf);

/* ---- Liveness ------------------------------------------------------------ */

struct rpc_heartbeat_request {
	const char *session_id;
	snp_wall_t client_time; /* .ns == 0: absent, here and below */
};

enum rpc_session_verdict {
	RPC_SESSION_INVALID,
	RPC_SESSION_VALID,
};

struct rpc_heartbeat_response {
	snp_wall_t server_time;
	enum rpc_session_verdict session;
};

int rpc_bridge_decode_heartbeat_request(const struct rpc_buf *buf,
					struct rpc_arena *arena,
					struct rpc_heartbeat_request *ret,
					struct snp_err *err);
int rpc_bridge_encode_heartbeat_request(const struct rpc_heartbeat_request *in,
					struct rpc_buf **ret_buf);
int rpc_bridge_decode_heartbeat_response(const struct rpc_buf *buf,
					 struct rpc_arena *arena,
					 struct rpc_heartbeat_response *ret,
					 struct snp_err *err);
int rpc_bridge_encode_heartbeat_response(const struct rpc_heartbeat_response *in,
					 struct rpc_buf **ret_buf);

/* Both messages of Ping; a request has no time. */
struct rpc_ping {
	const char *message;
	snp_wall_t server_time;
};

int rpc_bridge_decode_ping_request(const struct rpc_buf *buf, struct rpc_arena *arena,
				   struct rpc_ping *ret, struct snp_err *err);
int rpc_bridge_encode_ping_request(const struct rpc_ping *in, struct rpc_buf **ret_buf);
int rpc_bridge_decode_ping_response(const struct rpc_buf *buf, struct rpc_arena *arena,
				    struct rpc_ping *ret, struct snp_err *err);
int rpc_bridge_encode_ping_response(const struct rpc_ping *in,
				    struct rpc_buf **ret_buf);

/* ---- grpc.health.v1 ------------------------------------------------------ */

enum rpc_health {
	RPC_HEALTH_UNKNOWN = 0,
	RPC_HEALTH_SERVING = 1,
	RPC_HEALTH_NOT_SERVING = 2,
	RPC_HEALTH_SERVICE_UNKNOWN = 3, /* only from Watch */
};

/* Request of Check and Watch: the service's name, "" for the whole server. */
int rpc_health_decode_request(const struct rpc_buf *buf, struct rpc_arena *arena,
			      const char **ret_service, struct snp_err *err);
int rpc_health_encode_request(const char *service, struct rpc_buf **ret_buf);
int rpc_health_decode_response(const struct rpc_buf *buf, struct rpc_arena *arena,
			       enum rpc_health *ret_health, struct snp_err *err);
int rpc_health_encode_response(enum rpc_health health, struct rpc_buf **ret_buf);

/* ---- Sessions and host tools of the bridge: what a host needs to answer ---- */

/* InitializeSession, CleanupSession and GetSession requests. */
struct rpc_session_request {
	const char *session_id;
	struct rpc_pairs metadata; /* InitializeSession */
	bool force;		   /* CleanupSession */
};

int rpc_bridge_decode_init_session(const struct rpc_buf *buf, struct rpc_arena *arena,
				   struct rpc_session_request *ret,
				   struct snp_err *err);
int rpc_bridge_decode_cleanup_session(const struct rpc_buf *buf,
				      struct rpc_arena *arena,
				      struct rpc_session_request *ret,
				      struct snp_err *err);
int rpc_bridge_decode_get_session(const struct rpc_buf *buf, struct rpc_arena *arena,
				  struct rpc_session_request *ret, struct snp_err *err);
int rpc_bridge_encode_init_session(const struct rpc_session_request *in,
				   struct rpc_buf **ret_buf);
int rpc_bridge_encode_cleanup_session(const struct rpc_session_request *in,
				      struct rpc_buf **ret_buf);
int rpc_bridge_encode_get_session(const struct rpc_session_request *in,
				  struct rpc_buf **ret_buf);

/* `error` NULL: success. */
int rpc_bridge_encode_init_session_response(const char *error,
					    struct rpc_buf **ret_buf);
/* `resources_cleaned` negative: it failed. */
int rpc_bridge_encode_cleanup_session_response(int32_t resources_cleaned,
					       struct rpc_buf **ret_buf);

struct rpc_session_info {
	const char *session_id;
	struct rpc_pairs metadata;
	snp_wall_t created_at;
	int32_t tool_count;
};

int rpc_bridge_encode_get_session_response(const struct rpc_session_info *in,
					   struct rpc_buf **ret_buf);

/* RegisterTools: names only; the rest of a registration is not kept. */
struct rpc_register_tools {
	const char *session_id;
	const char *worker_id;
	const char **names;
	size_t n_names;
};

int rpc_bridge_decode_register_tools(const struct rpc_buf *buf, struct rpc_arena *arena,
				     struct rpc_register_tools *ret,
				     struct snp_err *err);
/* `tool_ids`: name to id. `error` NULL: success. */
int rpc_bridge_encode_register_tools_response(const struct rpc_pairs *tool_ids,
					      const char *error,
					      struct rpc_buf **ret_buf);

/* GetExposedElixirTools: no program has registered any, so the list is empty. */
int rpc_bridge_encode_no_exposed_tools(struct rpc_buf **ret_buf);

/* ExecuteElixirTool: the call a worker makes to a host tool. `pool` is "". Answer it
 * with rpc_bridge_encode_execute_response() (the layouts agree), or with NOT_FOUND. */
int rpc_bridge_decode_host_tool(const struct rpc_buf *buf, struct rpc_arena *arena,
				struct rpc_execute_request *ret, struct snp_err *err);

#endif
