/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - how a call ended: the 17 gRPC codes as our own enum, with a text.
 *
 * Plain values: copy them, keep them, no ownership. Safe from any thread.
 */
#ifndef RPC_STATUS_H
#define RPC_STATUS_H

#include <stdbool.h>

/* X(identifier, number on the wire, name as gRPC documents it) */
#define RPC_CODES(X)                                                                   \
	X(OK, 0, "OK")                                                                 \
	X(CANCELLED, 1, "CANCELLED")                                                   \
	X(UNKNOWN, 2, "UNKNOWN")                                                       \
	X(INVALID_ARGUMENT, 3, "INVALID_ARGUMENT")                                     \
	X(DEADLINE_EXCEEDED, 4, "DEADLINE_EXCEEDED")                                   \
	X(NOT_FOUND, 5, "NOT_FOUND")                                                   \
	X(ALREADY_EXISTS, 6, "ALREADY_EXISTS")                                         \
	X(PERMISSION_DENIED, 7, "PERMISSION_DENIED")                                   \
	X(RESOURCE_EXHAUSTED, 8, "RESOURCE_EXHAUSTED")                                 \
	X(FAILED_PRECONDITION, 9, "FAILED_PRECONDITION")                               \
	X(ABORTED, 10, "ABORTED")                                                      \
	X(OUT_OF_RANGE, 11, "OUT_OF_RANGE")                                            \
	X(UNIMPLEMENTED, 12, "UNIMPLEMENTED")                                          \
	X(INTERNAL, 13, "INTERNAL")                                                    \
	X(UNAVAILABLE, 14, "UNAVAILABLE")                                              \
	X(DATA_LOSS, 15, "DATA_LOSS")                                                  \
	X(UNAUTHENTICATED, 16, "UNAUTHENTICATED")

enum rpc_code {
#define X(id, number, name) RPC_##id = (number),
	RPC_CODES(X)
#undef X
	    RPC_CODE_NR = 17,
};

#define RPC_STATUS_MSG_BYTES 256

struct rpc_status {
	enum rpc_code code;
	/* The request never left this process (the connection could not be made), so
	 * sending it again cannot run it twice. Only ever true for UNAVAILABLE. */
	bool never_sent;
	/* UTF-8 on one line, cut at a character's end if longer; "" if none came. */
	char message[RPC_STATUS_MSG_BYTES];
};

/* "NOT_FOUND" and so on; "INVALID" for a number outside the enum. Static storage. */
const char *rpc_code_name(enum rpc_code code);

/* Fill *status; never_sent becomes false. The text is cut as described above, and
 * control characters and broken UTF-8 in it become '?'. */
void rpc_status_set(struct rpc_status *status, enum rpc_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The code that answers a failed decode or encode (negative errno) to the peer whose
 * bytes failed: -EBADMSG INVALID_ARGUMENT, -ENOBUFS and -ENOMEM RESOURCE_EXHAUSTED,
 * anything else INTERNAL. */
enum rpc_code rpc_code_of_errno(int neg_errno);

#endif
