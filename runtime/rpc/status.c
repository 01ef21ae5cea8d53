/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <grpc/status.h>

#include "status_internal.h"
#include "utf8.h"

#define X(id, number, name)                                                            \
	_Static_assert((int)RPC_##id == (int)GRPC_STATUS_##id, "numbers agree");
RPC_CODES(X)
#undef X

const char *rpc_code_name(enum rpc_code code)
{
	static const char *const names[RPC_CODE_NR] = {
#define X(id, number, name) [RPC_##id] = (name),
	    RPC_CODES(X)
#undef X
	};

	return (unsigned)code < RPC_CODE_NR ? names[code] : "INVALID";
}

void rpc__status_set_bytes(struct rpc_status *status, enum rpc_code code,
			   const char *text, size_t len)
{
	size_t in = 0, out = 0;

	status->code = code;
	status->never_sent = false;
	while (in < len) {
		size_t n = rpc__utf8_char_len(text + in, len - in);
		unsigned char c = (unsigned char)text[in];
		int is_bad = n == 0 || c < 0x20 || c == 0x7f;

		if (n == 0)
			n = 1;
		if ((is_bad ? 1 : n) > sizeof(status->message) - 1 - out)
			break;
		if (is_bad) {
			status->message[out++] = '?';
		} else {
			memcpy(status->message + out, text + in, n);
			out += n;
		}
		in += n;
	}
	status->message[out] = '\0';
}

void rpc_status_set(struct rpc_status *status, enum rpc_code code, const char *fmt, ...)
{
	/* Room for a whole character beyond the cut, so that the cut finds its end. */
	char text[RPC_STATUS_MSG_BYTES + 4];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rpc__status_set_bytes(status, code, text, n < 0 ? 0 : strlen(text));
}

enum rpc_code rpc_code_of_errno(int neg_errno)
{
	switch (neg_errno) {
	case -EBADMSG:
		return RPC_INVALID_ARGUMENT;
	case -ENOBUFS:
	case -ENOMEM:
		return RPC_RESOURCE_EXHAUSTED;
	default:
		return RPC_INTERNAL;
	}
}
