/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "host"
#include "core/host_call.h"

#include <stdio.h>

#include "log/log.h"
#include "pool/error_kind.h"
#include "rpc/metadata.h"

void host_call_identify(const struct front *front, struct rpc_server_call *call,
			char ret_id[RPC_CORRELATION_BYTES])
{
	struct rpc_str given = {0};

	if (front->accept_correlation)
		given = rpc_md_in_get(rpc_server_call_metadata(call),
				      RPC_MD_CORRELATION_ID);
	if (rpc_correlation_adopt(given, ret_id) == RPC_CORRELATION_REPLACED)
		log_warn("correlation id of a call is not valid, using a new one",
			 LOG_STR("correlation_id", ret_id),
			 LOG_U64("given_len", given.len));
	(void)rpc_server_call_add_trailing(call, RPC_MD_CORRELATION_ID,
					   rpc_str_of(ret_id));
}

void host_call_reply(struct rpc_server_call *call, struct rpc_buf *take_reply, int rc)
{
	if (rc < 0)
		error_kind_finish(call, ERROR_OUT_OF_MEMORY, "cannot answer");
	else
		rpc_server_call_finish(call, take_reply, RPC_OK, NULL);
	rpc_buf_unref(take_reply);
}

void host_call_refuse(struct rpc_server_call *call, int rc, const struct snp_err *err)
{
	error_kind_finish(call, error_kind_of_errno(rc), err->msg);
}

/* "pool/slot#incarnation" */
static struct rpc_str pool_of_worker(struct rpc_str worker_id)
{
	while (worker_id.len && worker_id.data[worker_id.len - 1] != '/')
		worker_id.len--;
	if (worker_id.len)
		worker_id.len--;
	return worker_id;
}

struct pool *host_call_pool(struct front *front, struct rpc_server_call *call)
{
	const struct rpc_md_in *md = rpc_server_call_metadata(call);
	char name[SNP_FMT_NAME_BYTES], text[128];
	struct rpc_str asked = rpc_md_in_get(md, FRONT_POOL_KEY);
	struct pool *pool = NULL;

	if (!asked.len)
		asked = pool_of_worker(rpc_md_in_get(md, RPC_MD_WORKER_ID));
	(void)snprintf(name, sizeof(name), "%.*s", (int)asked.len,
		       asked.data ? asked.data : "");
	if (asked.len < sizeof(name)) /* no pool has a longer name */
		pool = front_find_pool(front, name);
	if (!pool) {
		(void)snprintf(text, sizeof(text), "no pool '%s'", name);
		error_kind_finish(call, ERROR_POOL_NOT_FOUND, text);
	}
	return pool;
}
