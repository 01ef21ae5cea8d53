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
#define RPC_METHOD_BRIDGE_TELEMETRY	  RPC_BRIDGE_METHOD("StreamTelemetry")

#define RPC_CONTROL_METHOD(name)   "/snakepit.control.v1.Control/" name
#define RPC_METHOD_CONTROL_DRAIN   RPC_CONTROL_METHOD("Drain")
#define RPC_METHOD_CONTROL_RECYCLE RPC_CONTROL_METHOD("Recycle")
#define RPC_METHOD_CONTROL_SCALE   RPC_CONTROL_METHOD("Scale")
#define RPC_METHOD_CONTROL_RELOAD  RPC_CONTROL_METHOD("Reload")

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

/* ---- Tools as sessions and hosts describe them --------------------------- */

struct rpc_parameter {
	const char *name;
	const char *type;
	const char *description;
	const char *validation_json;
	struct rpc_str default_json; /* absent: none */
	bool required;
};

struct rpc_tool {
	const char *name;
	const char *description;
	struct rpc_parameter *parameters; /* NULL if n_parameters is 0 */
	size_t n_parameters;
	struct rpc_pairs metadata;
	bool supports_streaming;
};

/* As they came: names may be empty and may repeat. */
struct rpc_tools {
	struct rpc_tool *v; /* NULL if n is 0 */
	size_t n;
};

/* ---- Sessions of the bridge: both sides ask and answer ------------------- */

struct rpc_session_config {
	bool enable_caching;
	int32_t cache_ttl_seconds;
	bool enable_telemetry;
};

/* InitializeSession, CleanupSession and GetSession requests. */
struct rpc_session_request {
	const char *session_id;
	struct rpc_pairs metadata;	  /* InitializeSession, like the next one */
	struct rpc_session_config config; /* absent is all zero */
	bool force;			  /* CleanupSession */
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

struct rpc_session_started {
	bool success;
	const char *error; /* for people; "" on success */
	struct rpc_tools tools;
};

struct rpc_session_ended {
	bool success;
	int32_t resources_cleaned;
};

struct rpc_session_info {
	const char *session_id;
	struct rpc_pairs metadata;
	snp_wall_t created_at;
	int32_t tool_count;
};

int rpc_bridge_decode_init_session_response(const struct rpc_buf *buf,
					    struct rpc_arena *arena,
					    struct rpc_session_started *ret,
					    struct snp_err *err);
int rpc_bridge_encode_init_session_response(const struct rpc_session_started *in,
					    struct rpc_buf **ret_buf);
int rpc_bridge_decode_cleanup_session_response(const struct rpc_buf *buf,
					       struct rpc_arena *arena,
					       struct rpc_session_ended *ret,
					       struct snp_err *err);
int rpc_bridge_encode_cleanup_session_response(const struct rpc_session_ended *in,
					       struct rpc_buf **ret_buf);
int rpc_bridge_decode_get_session_response(const struct rpc_buf *buf,
					   struct rpc_arena *arena,
					   struct rpc_session_info *ret,
					   struct snp_err *err);
int rpc_bridge_encode_get_session_response(const struct rpc_session_info *in,
					   struct rpc_buf **ret_buf);

/* ---- What a worker asks its host ----------------------------------------- */

struct rpc_register_tools {
	const char *session_id;
	const char *worker_id;
	struct rpc_tools tools;
};

int rpc_bridge_decode_register_tools(const struct rpc_buf *buf, struct rpc_arena *arena,
				     struct rpc_register_tools *ret,
				     struct snp_err *err);
/* `tool_ids`: name to id. `error` NULL: success. */
int rpc_bridge_encode_register_tools_response(const struct rpc_pairs *tool_ids,
					      const char *error,
					      struct rpc_buf **ret_buf);

/* GetExposedElixirTools: the tools that the embedding program offers to Python. */
int rpc_bridge_decode_exposed_tools_request(const struct rpc_buf *buf,
					    struct rpc_arena *arena,
					    const char **ret_session_id,
					    struct snp_err *err);
int rpc_bridge_encode_exposed_tools(const struct rpc_tools *in,
				    struct rpc_buf **ret_buf);

/* ExecuteElixirTool: the call a worker makes to a host tool. `pool` is "". Answer it
 * with rpc_bridge_encode_execute_response() (the layouts agree), or with NOT_FOUND. */
int rpc_bridge_decode_host_tool(const struct rpc_buf *buf, struct rpc_arena *arena,
				struct rpc_execute_request *ret, struct snp_err *err);

/* ---- StreamTelemetry: the host sends controls, the worker events --------- */

enum rpc_telemetry_control_kind {
	RPC_TELEMETRY_TOGGLE,
	RPC_TELEMETRY_SAMPLING,
	RPC_TELEMETRY_FILTER,
};

struct rpc_texts {
	const char *const *v; /* NULL if n is 0; no item is NULL */
	size_t n;
};

struct rpc_telemetry_control {
	enum rpc_telemetry_control_kind kind;
	bool enabled;		   /* TOGGLE */
	double sampling_rate;	   /* SAMPLING: 0 to 1 */
	struct rpc_texts patterns; /* SAMPLING: which events; none means all */
	struct rpc_texts allow;	   /* FILTER; none means all */
	struct rpc_texts deny;	   /* FILTER; wins over allow */
};

int rpc_bridge_encode_telemetry_control(const struct rpc_telemetry_control *in,
					struct rpc_buf **ret_buf);

enum rpc_measurement_kind {
	RPC_MEASUREMENT_NONE, /* the worker named it and gave no value */
	RPC_MEASUREMENT_INT,
	RPC_MEASUREMENT_FLOAT, /* any double: also infinite, also not a number */
	RPC_MEASUREMENT_TEXT,
};

struct rpc_measurement {
	const char *key;
	enum rpc_measurement_kind kind;
	int64_t integer;
	double number;
	const char *text; /* "" for the other kinds */
};

struct rpc_telemetry_event {
	struct rpc_texts parts; /* its name: "tool", "execution", "stop" */
	struct rpc_measurement *measurements; /* in order of arrival; keys may repeat */
	size_t n_measurements;
	struct rpc_pairs metadata;
	int64_t timestamp_ns;	    /* the worker's word: any number */
	const char *correlation_id; /* the same: not checked */
};

int rpc_bridge_decode_telemetry_event(const struct rpc_buf *buf,
				      struct rpc_arena *arena,
				      struct rpc_telemetry_event *ret,
				      struct snp_err *err);

/* ---- snakepit.control.v1: both directions, for the runtime and for its CLI --- */

struct rpc_drain_request {
	const char *pool; /* "": all */
	bool resume;
};

#define RPC_SLOT_ALL INT64_C(-1)

struct rpc_recycle_request {
	const char *pool; /* "": all */
	int64_t slot;	  /* 0 to UINT32_MAX, or RPC_SLOT_ALL */
	bool force;	  /* kill instead of draining */
};

struct rpc_scale_request {
	const char *pool;
	uint32_t workers;
};

struct rpc_control_reply {
	const char *message; /* one line, for people */
	uint32_t workers;
	struct rpc_texts changes;
};

int rpc_control_decode_drain(const struct rpc_buf *buf, struct rpc_arena *arena,
			     struct rpc_drain_request *ret, struct snp_err *err);
int rpc_control_encode_drain(const struct rpc_drain_request *in,
			     struct rpc_buf **ret_buf);
int rpc_control_decode_recycle(const struct rpc_buf *buf, struct rpc_arena *arena,
			       struct rpc_recycle_request *ret, struct snp_err *err);
int rpc_control_encode_recycle(const struct rpc_recycle_request *in,
			       struct rpc_buf **ret_buf);
int rpc_control_decode_scale(const struct rpc_buf *buf, struct rpc_arena *arena,
			     struct rpc_scale_request *ret, struct snp_err *err);
int rpc_control_encode_scale(const struct rpc_scale_request *in,
			     struct rpc_buf **ret_buf);
/* Reload says nothing: its request is checked and dropped. */
int rpc_control_decode_reload(const struct rpc_buf *buf, struct snp_err *err);
int rpc_control_encode_reload(struct rpc_buf **ret_buf);
int rpc_control_decode_reply(const struct rpc_buf *buf, struct rpc_arena *arena,
			     struct rpc_control_reply *ret, struct snp_err *err);
int rpc_control_encode_reply(const struct rpc_control_reply *in,
			     struct rpc_buf **ret_buf);

#endif
