/* SPDX-License-Identifier: Apache-2.0 */
#include "model/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/number.h"

#define FIRST_BYTES 4096

void snp_buf_fini(struct snp_buf *buf)
{
	free(buf->data);
	*buf = (struct snp_buf){0};
}

bool snp_buf_grow(struct snp_buf *buf, size_t len)
{
	size_t cap = buf->cap ? buf->cap : FIRST_BYTES;
	char *data;

	if (buf->failed)
		return false;
	if (len > SIZE_MAX / 2 - buf->len) {
		buf->failed = true;
		return false;
	}
	while (cap - buf->len < len)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void snp_buf_u64(struct snp_buf *buf, uint64_t value)
{
	char *at = snp_buf_reserve(buf, SNP_NUMBER_BYTES);

	if (at)
		snp_buf_commit(buf, snp_number_u64(at, value));
}

void snp_buf_seconds(struct snp_buf *buf, uint64_t ns)
{
	char *at = snp_buf_reserve(buf, SNP_NUMBER_BYTES);

	if (at)
		snp_buf_commit(buf, snp_number_seconds(at, ns));
}

void snp_buf_printf(struct snp_buf *buf, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0) {
		buf->failed = true;
		return;
	}
	at = snp_buf_reserve(buf, (size_t)len + 1); /* vsnprintf adds a NUL */
	if (!at)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(at, (size_t)len + 1, fmt, ap);
	va_end(ap);
	snp_buf_commit(buf, (size_t)len);
}

int snp_buf_write_fd(const struct snp_buf *buf, int fd)
{
	size_t done = 0;
	ssize_t n;

	if (buf->failed)
		return -ENOMEM;
	while (done < buf->len) {
		n = write(fd, buf->data + done, buf->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}
