/* SPDX-License-Identifier: Apache-2.0 */
#include "embed/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pool/error_kind.h"
#include "worker/link.h" /* LINK_WORKER_ID_BYTES */

#define KIND_BYTES 32 /* of the longest name in error_kinds.def, and some */

/* What is handed out, and what it points into. */
struct box {
	struct snp_reply reply; /* first: the program has its address */
	struct rpc_arena arena;
	char correlation[RPC_CORRELATION_BYTES];
	char worker[LINK_WORKER_ID_BYTES];
	char kind[KIND_BYTES];
	struct rpc_status status;
};

static struct box *box_of(struct snp_reply *reply)
{
	return (struct box *)(void *)reply;
}

struct snp_reply *reply_create(const char correlation_id[RPC_CORRELATION_BYTES])
{
	struct box *box = calloc(1, sizeof(*box));

	if (!box)
		return NULL;
	rpc_arena_init(&box->arena, 0);
	memcpy(box->correlation, correlation_id, sizeof(box->correlation));
	box->reply = (struct snp_reply){
	    .result_json = "",
	    .error_type = "",
	    .message = "",
	    .error_json = "",
	    .status_name = rpc_code_name(RPC_OK),
	    .worker_id = box->worker,
	    .correlation_id = box->correlation,
	};
	return &box->reply;
}

void snp_reply_destroy(struct snp_reply **reply)
{
	struct snp_reply *gone = reply ? *reply : NULL;

	if (!gone)
		return;
	*reply = NULL;
	rpc_arena_fini(&box_of(gone)->arena);
	free(box_of(gone));
}

/* With a NUL behind it, as programs want it. */
static int keep(struct box *box, struct rpc_str text, const char **ret_text)
{
	char *copy = rpc_arena_alloc(&box->arena, text.len + 1);

	if (!copy)
		return -ENOMEM;
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	*ret_text = copy;
	return 0;
}

/* What does not fit is none of ours. */
static void set_text(char *text, size_t size, struct rpc_str value)
{
	if (!value.data || value.len >= size)
		return;
	memcpy(text, value.data, value.len);
	text[value.len] = '\0';
}

int reply_set_answer(struct snp_reply *reply, const struct rpc_buf *message,
		     struct snp_err *err)
{
	struct box *box = box_of(reply);
	struct rpc_execute_response answer;
	int rc = rpc_pool_decode_execute_response(message, &box->arena, &answer, err);

	if (rc < 0)
		return rc;
	reply->queue_wait_ns = answer.queue_wait_ns;
	reply->service_ns = answer.service_ns;
	set_text(box->worker, sizeof(box->worker), rpc_str_of(answer.worker_id));
	if (answer.outcome == RPC_OUTCOME_ERROR) {
		reply->kind = SNP_REPLY_TOOL_ERROR;
		reply->error_type = answer.error.type;
		reply->message = answer.error.message;
		return keep(box, answer.error.detail_json, &reply->error_json);
	}
	reply->binary = answer.binary_result.len ? answer.binary_result.data : NULL;
	reply->binary_len = answer.binary_result.len;
	return keep(box, answer.result_json, &reply->result_json);
}

void reply_set_end(struct snp_reply *reply, const struct rpc_call *call,
		   const struct rpc_status *status)
{
	struct box *box = box_of(reply);

	if (status->code == RPC_OK)
		return;
	box->status = *status;
	reply->kind = SNP_REPLY_FAILED;
	reply->status = (int)status->code;
	reply->status_name = rpc_code_name(status->code);
	reply->message = box->status.message;
	set_text(box->kind, sizeof(box->kind),
		 rpc_md_in_get(rpc_call_trailing_metadata(call), ERROR_KIND_KEY));
	reply->error_type = box->kind;
	reply->result_json = "";
	reply->binary = NULL;
	reply->binary_len = 0;
}
