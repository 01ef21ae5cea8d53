/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of heartbeats, pings and grpc.health.v1. */
#include "rpc/messages.h"

#include <bridge.pb-c.h>
#include <health.pb-c.h>

#include "codec.h"
#include "timestamp.h"

/* ---- Heartbeat ----------------------------------------------------------- */

int rpc_bridge_decode_heartbeat_request(const struct rpc_buf *buf,
					struct rpc_arena *arena,
					struct rpc_heartbeat_request *ret,
					struct snp_err *err)
{
	Snakepit__Bridge__HeartbeatRequest *m;
	int rc = RPC__UNPACK(snakepit__bridge__heartbeat_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	ret->session_id = m->session_id;
	ret->client_time = rpc__wall_of_timestamp(m->client_time);
	return 0;
}

int rpc_bridge_encode_heartbeat_request(const struct rpc_heartbeat_request *in,
					struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__HeartbeatRequest m;
	Google__Protobuf__Timestamp time;

	snakepit__bridge__heartbeat_request__init(&m);
	m.session_id = rpc__str(in->session_id);
	m.client_time = rpc__timestamp_of_wall(in->client_time, &time);
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_bridge_decode_heartbeat_response(const struct rpc_buf *buf,
					 struct rpc_arena *arena,
					 struct rpc_heartbeat_response *ret,
					 struct snp_err *err)
{
	Snakepit__Bridge__HeartbeatResponse *m;
	int rc = RPC__UNPACK(snakepit__bridge__heartbeat_response, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	ret->server_time = rpc__wall_of_timestamp(m->server_time);
	ret->session = m->session_valid ? RPC_SESSION_VALID : RPC_SESSION_INVALID;
	return 0;
}

int rpc_bridge_encode_heartbeat_response(const struct rpc_heartbeat_response *in,
					 struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__HeartbeatResponse m;
	Google__Protobuf__Timestamp time;

	snakepit__bridge__heartbeat_response__init(&m);
	m.server_time = rpc__timestamp_of_wall(in->server_time, &time);
	m.session_valid = in->session == RPC_SESSION_VALID;
	return rpc__buf_pack(&m.base, ret_buf);
}

/* ---- Ping ---------------------------------------------------------------- */

int rpc_bridge_decode_ping_request(const struct rpc_buf *buf, struct rpc_arena *arena,
				   struct rpc_ping *ret, struct snp_err *err)
{
	Snakepit__Bridge__PingRequest *m;
	int rc = RPC__UNPACK(snakepit__bridge__ping_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_ping){.message = m->message};
	return 0;
}

int rpc_bridge_encode_ping_request(const struct rpc_ping *in, struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__PingRequest m;

	snakepit__bridge__ping_request__init(&m);
	m.message = rpc__str(in->message);
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_bridge_decode_ping_response(const struct rpc_buf *buf, struct rpc_arena *arena,
				    struct rpc_ping *ret, struct snp_err *err)
{
	Snakepit__Bridge__PingResponse *m;
	int rc = RPC__UNPACK(snakepit__bridge__ping_response, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	ret->message = m->message;
	ret->server_time = rpc__wall_of_timestamp(m->server_time);
	return 0;
}

int rpc_bridge_encode_ping_response(const struct rpc_ping *in, struct rpc_buf **ret_buf)
{
	Snakepit__Bridge__PingResponse m;
	Google__Protobuf__Timestamp time;

	snakepit__bridge__ping_response__init(&m);
	m.message = rpc__str(in->message);
	m.server_time = rpc__timestamp_of_wall(in->server_time, &time);
	return rpc__buf_pack(&m.base, ret_buf);
}

/* ---- Health -------------------------------------------------------------- */

#define PB_STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

_Static_assert((int)RPC_HEALTH_UNKNOWN == PB_STATUS(UNKNOWN) &&
		   (int)RPC_HEALTH_SERVING == PB_STATUS(SERVING) &&
		   (int)RPC_HEALTH_NOT_SERVING == PB_STATUS(NOT_SERVING) &&
		   (int)RPC_HEALTH_SERVICE_UNKNOWN == PB_STATUS(SERVICE_UNKNOWN),
	       "numbers agree");

int rpc_health_decode_request(const struct rpc_buf *buf, struct rpc_arena *arena,
			      const char **ret_service, struct snp_err *err)
{
	Grpc__Health__V1__HealthCheckRequest *m;
	int rc =
	    RPC__UNPACK(grpc__health__v1__health_check_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret_service = m->service;
	return 0;
}

int rpc_health_encode_request(const char *service, struct rpc_buf **ret_buf)
{
	Grpc__Health__V1__HealthCheckRequest m;

	grpc__health__v1__health_check_request__init(&m);
	m.service = rpc__str(service);
	return rpc__buf_pack(&m.base, ret_buf);
}

/* proto3 enums are open: a number we do not know says no more than UNKNOWN. */
int rpc_health_decode_response(const struct rpc_buf *buf, struct rpc_arena *arena,
			       enum rpc_health *ret_health, struct snp_err *err)
{
	Grpc__Health__V1__HealthCheckResponse *m;
	int rc =
	    RPC__UNPACK(grpc__health__v1__health_check_response, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret_health = RPC_HEALTH_UNKNOWN;
	if ((int)m->status > 0 && (int)m->status <= (int)RPC_HEALTH_SERVICE_UNKNOWN)
		*ret_health = (enum rpc_health)m->status;
	return 0;
}

int rpc_health_encode_response(enum rpc_health health, struct rpc_buf **ret_buf)
{
	Grpc__Health__V1__HealthCheckResponse m;

	grpc__health__v1__health_check_response__init(&m);
	m.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)health;
	return rpc__buf_pack(&m.base, ret_buf);
}
