/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growable byte buffer for output that is built often.
 *
 * Memory is kept by snp_buf_reset(), so a buffer that is used again does not allocate
 * once it has reached its size. Running out of memory is sticky: later puts do nothing
 * and `failed` says so, which lets a renderer check once, at its end.
 *
 * A zeroed struct is an empty buffer. `data` and `len` may be read; `data` is not
 * NUL-terminated and moves when the buffer grows. One thread at a time.
 */
#ifndef SNP_MODEL_BUF_H
#define SNP_MODEL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct snp_buf {
	char *data;
	size_t len, cap;
	bool failed; /* something was lost: the content must not be used */
};

/* Free the memory; the buffer is empty and usable afterwards. */
void snp_buf_fini(struct snp_buf *buf);

/* Forget the content and a failure, keep the memory. */
static inline void snp_buf_reset(struct snp_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

/* Make room for `len` more bytes; false, and the buffer has failed, when there is none.
 */
bool snp_buf_grow(struct snp_buf *buf, size_t len);

/* Where the next `len` bytes may be written, NULL when the buffer has failed. They
 * count only once snp_buf_commit() says how many they were (at most `len`). */
static inline char *snp_buf_reserve(struct snp_buf *buf, size_t len)
{
	if (buf->failed || (buf->cap - buf->len < len && !snp_buf_grow(buf, len)))
		return NULL;
	return buf->data + buf->len;
}

static inline void snp_buf_commit(struct snp_buf *buf, size_t len)
{
	buf->len += len;
}

static inline void snp_buf_put(struct snp_buf *buf, const void *bytes, size_t len)
{
	char *at = snp_buf_reserve(buf, len);

	if (!at || len == 0)
		return;
	memcpy(at, bytes, len);
	buf->len += len;
}

static inline void snp_buf_puts(struct snp_buf *buf, const char *text)
{
	snp_buf_put(buf, text, strlen(text));
}

static inline void snp_buf_putc(struct snp_buf *buf, char c)
{
	char *at = snp_buf_reserve(buf, 1);

	if (!at)
		return;
	*at = c;
	buf->len++;
}

void snp_buf_u64(struct snp_buf *buf, uint64_t value);

/* Nanoseconds as exact decimal seconds: 1500000000 gives "1.5". */
void snp_buf_seconds(struct snp_buf *buf, uint64_t ns);

/* For text that is not on a hot path. */
void snp_buf_printf(struct snp_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* For lines put together from many short pieces: a copy of constant size is a few
 * instructions where one of any size is a call. So up to SNP_SHORT_BYTES are copied and
 * the next piece overwrites what was too much: behind `from` and behind `to` + len must
 * be that much room. Returns to + len. */
#define SNP_SHORT_BYTES 64
static inline char *snp_put_short(char *to, const char *from, size_t len)
{
	if (len <= SNP_SHORT_BYTES / 4)
		memcpy(to, from, SNP_SHORT_BYTES / 4);
	else if (len <= SNP_SHORT_BYTES / 2)
		memcpy(to, from, SNP_SHORT_BYTES / 2);
	else if (len <= SNP_SHORT_BYTES)
		memcpy(to, from, SNP_SHORT_BYTES);
	else
		memcpy(to, from, len);
	return to + len;
}

/* Write everything to a descriptor, through short writes and EINTR. -errno on failure,
 * -ENOMEM when the buffer has failed. */
int snp_buf_write_fd(const struct snp_buf *buf, int fd);

#endif
