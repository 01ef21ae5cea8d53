/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/metadata.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "snakepit/check.h"

#define ID_RANDOM_BYTES 12
#define ID_PREFIX	"sp-"

/* A batch of 21 ids, not above 256 bytes: up to there getrandom() is neither cut short
 * nor interrupted once the kernel's pool is ready. */
static _Thread_local struct {
	unsigned char bytes[21 * ID_RANDOM_BYTES];
	size_t left;
} pool;

static void refill_pool(void)
{
	ssize_t n;

	do {
		n = getrandom(pool.bytes, sizeof(pool.bytes), 0);
	} while (n < 0 && errno == EINTR);
	SNP_CHECK(n == (ssize_t)sizeof(pool.bytes));
	pool.left = sizeof(pool.bytes);
}

bool rpc_correlation_is_valid(struct rpc_str id)
{
	if (id.len < 1 || id.len > RPC_CORRELATION_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' ||
		      c == '-'))
			return false;
	}
	return true;
}

void rpc_correlation_make(char ret_id[RPC_CORRELATION_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *out = ret_id;

	if (pool.left < ID_RANDOM_BYTES)
		refill_pool();
	memcpy(out, ID_PREFIX, sizeof(ID_PREFIX) - 1);
	out += sizeof(ID_PREFIX) - 1;
	for (size_t i = 0; i < ID_RANDOM_BYTES; i++) {
		unsigned char c = pool.bytes[--pool.left];

		*out++ = digits[c >> 4];
		*out++ = digits[c & 0xf];
	}
	*out = '\0';
}

enum rpc_correlation_origin rpc_correlation_adopt(struct rpc_str candidate,
						  char ret_id[RPC_CORRELATION_BYTES])
{
	if (rpc_correlation_is_valid(candidate)) {
		memcpy(ret_id, candidate.data, candidate.len);
		ret_id[candidate.len] = '\0';
		return RPC_CORRELATION_ADOPTED;
	}
	rpc_correlation_make(ret_id);
	return candidate.len ? RPC_CORRELATION_REPLACED : RPC_CORRELATION_MADE;
}
