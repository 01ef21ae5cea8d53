/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/error_kind.h"

const struct error_kind_info error_kinds[ERROR_KIND_NR] = {
#define ERROR_KIND(id, kind_name, rpc, again, why, text)                               \
	[ERROR_##id] = {.name = (kind_name),                                           \
			.code = RPC_##rpc,                                             \
			.retry = ERROR_RETRY_##again,                                  \
			.rejection = SNP_QUEUE_REJECTION_##why,                        \
			.meaning = (text)},
#include "pool/error_kinds.def"
#undef ERROR_KIND
};

enum error_kind error_kind_of_errno(int neg_errno)
{
	return rpc_code_of_errno(neg_errno) == RPC_INVALID_ARGUMENT
		   ? ERROR_INVALID_REQUEST
		   : ERROR_OUT_OF_MEMORY;
}

void error_kind_say(struct rpc_server_call *call, enum error_kind kind)
{
	(void)rpc_server_call_add_trailing(call, ERROR_KIND_KEY,
					   rpc_str_of(error_kinds[kind].name));
}

void error_kind_finish(struct rpc_server_call *call, enum error_kind kind,
		       const char *text)
{
	error_kind_say(call, kind);
	rpc_server_call_finish(call, NULL, error_kinds[kind].code,
			       text ? text : error_kinds[kind].meaning);
}
