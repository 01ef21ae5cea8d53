/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of snakepit.control.v1. */
#include "rpc/messages.h"

#include <control.pb-c.h>

#include "codec.h"

#define ONE_SLOT(name) SNAKEPIT__CONTROL__V1__RECYCLE_REQUEST__ONE_SLOT_##name

int rpc_control_decode_drain(const struct rpc_buf *buf, struct rpc_arena *arena,
			     struct rpc_drain_request *ret, struct snp_err *err)
{
	Snakepit__Control__V1__DrainRequest *m;
	int rc = RPC__UNPACK(snakepit__control__v1__drain_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_drain_request){.pool = m->pool, .resume = m->resume};
	return 0;
}

int rpc_control_encode_drain(const struct rpc_drain_request *in,
			     struct rpc_buf **ret_buf)
{
	Snakepit__Control__V1__DrainRequest m;

	snakepit__control__v1__drain_request__init(&m);
	m.pool = rpc__str(in->pool);
	m.resume = in->resume;
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_control_decode_recycle(const struct rpc_buf *buf, struct rpc_arena *arena,
			       struct rpc_recycle_request *ret, struct snp_err *err)
{
	Snakepit__Control__V1__RecycleRequest *m;
	int rc =
	    RPC__UNPACK(snakepit__control__v1__recycle_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_recycle_request){
	    .pool = m->pool,
	    .slot = m->one_slot_case == ONE_SLOT(SLOT) ? m->slot : RPC_SLOT_ALL,
	    .force = m->force,
	};
	return 0;
}

int rpc_control_encode_recycle(const struct rpc_recycle_request *in,
			       struct rpc_buf **ret_buf)
{
	Snakepit__Control__V1__RecycleRequest m;

	snakepit__control__v1__recycle_request__init(&m);
	m.pool = rpc__str(in->pool);
	m.force = in->force;
	if (in->slot != RPC_SLOT_ALL) {
		m.one_slot_case = ONE_SLOT(SLOT);
		m.slot = (uint32_t)in->slot;
	}
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_control_decode_scale(const struct rpc_buf *buf, struct rpc_arena *arena,
			     struct rpc_scale_request *ret, struct snp_err *err)
{
	Snakepit__Control__V1__ScaleRequest *m;
	int rc = RPC__UNPACK(snakepit__control__v1__scale_request, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_scale_request){.pool = m->pool, .workers = m->workers};
	return 0;
}

int rpc_control_encode_scale(const struct rpc_scale_request *in,
			     struct rpc_buf **ret_buf)
{
	Snakepit__Control__V1__ScaleRequest m;

	snakepit__control__v1__scale_request__init(&m);
	m.pool = rpc__str(in->pool);
	m.workers = in->workers;
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_control_decode_reload(const struct rpc_buf *buf, struct snp_err *err)
{
	Snakepit__Control__V1__ReloadRequest *m;
	struct rpc_arena scratch;
	int rc;

	rpc_arena_init(&scratch, 0);
	rc = RPC__UNPACK(snakepit__control__v1__reload_request, buf, &scratch, &m, err);
	rpc_arena_fini(&scratch);
	return rc;
}

int rpc_control_encode_reload(struct rpc_buf **ret_buf)
{
	Snakepit__Control__V1__ReloadRequest m;

	snakepit__control__v1__reload_request__init(&m);
	return rpc__buf_pack(&m.base, ret_buf);
}

int rpc_control_decode_reply(const struct rpc_buf *buf, struct rpc_arena *arena,
			     struct rpc_control_reply *ret, struct snp_err *err)
{
	Snakepit__Control__V1__ControlReply *m;
	int rc = RPC__UNPACK(snakepit__control__v1__control_reply, buf, arena, &m, err);

	if (rc < 0)
		return rc;
	*ret = (struct rpc_control_reply){
	    .message = m->message,
	    .workers = m->workers,
	    .changes = rpc__texts(m->n_changes, m->changes),
	};
	return 0;
}

int rpc_control_encode_reply(const struct rpc_control_reply *in,
			     struct rpc_buf **ret_buf)
{
	Snakepit__Control__V1__ControlReply m;

	snakepit__control__v1__control_reply__init(&m);
	m.message = rpc__str(in->message);
	m.workers = in->workers;
	m.n_changes = in->changes.n;
	m.changes = rpc__strs(in->changes);
	return rpc__buf_pack(&m.base, ret_buf);
}
