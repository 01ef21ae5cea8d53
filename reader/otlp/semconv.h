/* SPDX-License-Identifier: Apache-2.0 */
/*
 * semconv.h - the names that OpenTelemetry's semantic conventions have for things, of
 * one version: they and the version change together, here.
 *
 * (Behind 1.44.0, rpc.response.status_code becomes rpc.status_code.)
 */
#ifndef SNP_OTLP_SEMCONV_H
#define SNP_OTLP_SEMCONV_H

#define OTLP_SCHEMA_URL "https://opentelemetry.io/schemas/1.44.0"

#define SEMCONV_RPC_SYSTEM     "rpc.system.name"
#define SEMCONV_RPC_GRPC       "grpc"
#define SEMCONV_RPC_METHOD     "rpc.method"
#define SEMCONV_RPC_STATUS     "rpc.response.status_code"
#define SEMCONV_RPC_NAME_OTHER "grpc" /* of a span whose method is not known */
#define SEMCONV_ERROR_TYPE     "error.type"
#define SEMCONV_PID	       "process.pid"

/* Ours. Labels of metrics (shm/metrics.def) have the same names. */
#define SEMCONV_POOL	    "snakepit.pool.name"
#define SEMCONV_TOOL	    "snakepit.tool.name"
#define SEMCONV_SLOT	    "snakepit.worker.slot"
#define SEMCONV_WORKER	    "snakepit.worker.id"
#define SEMCONV_CORRELATION "snakepit.correlation_id"
#define SEMCONV_SESSION	    "snakepit.session.id"
#define SEMCONV_ATTEMPT	    "snakepit.attempt" /* from 1 */
#define SEMCONV_STATE	    "snakepit.worker.state"
#define SEMCONV_STATE_WAS   "snakepit.worker.previous_state"
#define SEMCONV_REASON	    "snakepit.reason"
#define SEMCONV_INITIATOR   "snakepit.initiator"

/* Before the kind of a lifecycle event, for its name. */
#define SEMCONV_EVENT_PREFIX "snakepit."
#define SEMCONV_EVENT_RETRY  "snakepit.request_retried"

#endif
