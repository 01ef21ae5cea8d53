/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error_kind.h - what clients can tell apart when the runtime fails a call.
 *
 * The table is error_kinds.def; the name of the kind goes with every such answer as
 * trailing metadata, beside the gRPC status that generic clients look at.
 */
#ifndef SNAKEPIT_RUNTIME_ERROR_KIND_H
#define SNAKEPIT_RUNTIME_ERROR_KIND_H

#include "rpc/server.h"
#include "rpc/status.h"
#include "snakepit/format.h"

#define ERROR_KIND_KEY "snakepit-error-kind"

enum error_kind {
#define ERROR_KIND(id, name, code, retry, rejection, meaning) ERROR_##id,
#include "pool/error_kinds.def"
#undef ERROR_KIND
	ERROR_KIND_NR
};

enum error_retry {
	ERROR_RETRY_SAFE,
	ERROR_RETRY_RISKY,
	ERROR_RETRY_USELESS,
};

struct error_kind_info {
	const char *name;
	enum rpc_code code;
	enum error_retry retry;
	enum snp_enum_QUEUE_REJECTION rejection; /* SNP_QUEUE_REJECTION_NR: none */
	const char *meaning;
};

extern const struct error_kind_info error_kinds[ERROR_KIND_NR];

/* The kind of a negative errno from a failed decode. */
enum error_kind error_kind_of_errno(int neg_errno);

/* Say the kind in the trailing metadata of `call`, which is not finished yet. */
void error_kind_say(struct rpc_server_call *call, enum error_kind kind);

/* End the call with the kind's code. `text` may be NULL: the kind's meaning. */
void error_kind_finish(struct rpc_server_call *call, enum error_kind kind,
		       const char *text);

#endif
