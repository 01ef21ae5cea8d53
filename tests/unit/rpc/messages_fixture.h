/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages_fixture.h - what the tests of the codecs share: an arena, round trips, and
 * what hostile bytes must not do.
 */
#ifndef MESSAGES_FIXTURE_H
#define MESSAGES_FIXTURE_H

#include "rpc_fixture.h"

#include <errno.h>

#include "buf_internal.h"
#include "rpc/arena.h"
#include "rpc/messages.h"

static struct rpc_arena arena;

static inline int set_up(void **state)
{
	(void)state;
	rpc_arena_init(&arena, 0);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	rpc_arena_fini(&arena);
	return 0;
}

static inline void assert_str(struct rpc_str actual, const char *expected)
{
	assert_int_equal(actual.len, strlen(expected));
	if (actual.len)
		assert_memory_equal(actual.data, expected, actual.len);
}

/* Encode, decode, drop the buffer: what was decoded must not depend on it. */
#define ROUND_TRIP(encode, decode, in, out)                                            \
	do {                                                                           \
		struct rpc_buf *buf_ = NULL;                                           \
		struct snp_err err_ = {0};                                             \
		assert_int_equal(encode((in), &buf_), 0);                              \
		if (decode(buf_, &arena, (out), &err_) < 0)                            \
			fail_msg("%s", err_.msg);                                      \
		rpc_buf_unref(buf_);                                                   \
	} while (0)

/* A message as protobuf-c makes it; the caller's reference. */
static inline struct rpc_buf *packed(const ProtobufCMessage *message)
{
	struct rpc_buf *buf = NULL;

	assert_int_equal(rpc__buf_pack(message, &buf), 0);
	return buf;
}

/* Unpack with protobuf-c itself what a peer would get. */
#define UNPACK(type, buf, ret)                                                         \
	do {                                                                           \
		struct rpc__flat flat_;                                                \
		assert_int_equal(rpc__buf_flatten((buf), &flat_), 0);                  \
		*(ret) = type##__unpack(NULL, flat_.len, flat_.data);                  \
		assert_non_null(*(ret));                                               \
		rpc__flat_release(&flat_);                                             \
		rpc_buf_unref(buf);                                                    \
	} while (0)

/* Decode into a struct of the test's own and look at all of it. */
typedef int (*decode_all_fn)(const struct rpc_buf *buf, struct rpc_arena *arena,
			     struct snp_err *err);

static inline void decode_bytes(decode_all_fn decode, const void *bytes, size_t len)
{
	/* its own allocation, so that a sanitizer sees a read beyond */
	struct rpc_buf *buf = rpc_buf_from_bytes(bytes, len);
	struct rpc_arena scratch;
	struct snp_err err = {0};
	int rc;

	rpc_arena_init(&scratch, 0);
	rc = decode(buf, &scratch, &err);
	assert_true(rc == 0 || rc == -EBADMSG);
	assert_int_equal(err.code, rc);
	rpc_arena_fini(&scratch);
	rpc_buf_unref(buf);
}

/* Every prefix of the message, and the message with each of its bits flipped, decodes
 * or is refused with a reason. Takes `whole`. */
static inline void assert_survives(struct rpc_buf *whole, decode_all_fn decode)
{
	size_t len = rpc_buf_len(whole);
	unsigned char *bytes = malloc(len ? len : 1);

	assert_int_equal(rpc_buf_copy_out(whole, 0, bytes, len), len);
	for (size_t n = 0; n <= len; n++)
		decode_bytes(decode, bytes, n);
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		decode_bytes(decode, bytes, len);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	free(bytes);
	rpc_buf_unref(whole);
}

/* So that the compiler may not skip a read, and a sanitizer sees it. */
static inline void look_at_text(const char *text)
{
	assert_non_null(text);
	assert_true(strlen(text) < 1u << 20);
}

static inline void look_at_pairs(const struct rpc_pairs *pairs)
{
	volatile char sink = 0;

	for (size_t i = 0; i < pairs->n; i++) {
		look_at_text(pairs->v[i].key);
		for (size_t j = 0; j < pairs->v[i].value.len; j++)
			sink = pairs->v[i].value.data[j];
	}
	(void)sink;
}

static inline void look_at_texts(const struct rpc_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		look_at_text(texts->v[i]);
}

#define MESSAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
