/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_fixture.h"

#include <bridge.pb-c.h>
#include <errno.h>
#include <pool.pb-c.h>

#include "rpc/arena.h"
#include "rpc/buf.h"
#include "rpc/messages.h"
#include "utf8.h"
#include "wire.h"

/* A type that contains itself, which none of ours does: field 1 a message of the same
 * type, field 2 text. protobuf-c unpacks such a type until the stack is gone. */
struct node {
	ProtobufCMessage base;
	struct node *child;
	char *text;
};

static const ProtobufCMessageDescriptor node_descriptor;

static const ProtobufCFieldDescriptor node_fields[] = {
    {.name = "child",
     .id = 1,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_MESSAGE,
     .offset = offsetof(struct node, child),
     .descriptor = &node_descriptor},
    {.name = "text",
     .id = 2,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_STRING,
     .offset = offsetof(struct node, text)},
};
static const ProtobufCIntRange node_ranges[] = {{1, 0}, {0, 2}};

static void node_init(ProtobufCMessage *message)
{
	static char empty[1];

	*(struct node *)message =
	    (struct node){.base = {.descriptor = &node_descriptor}, .text = empty};
}

static const ProtobufCMessageDescriptor node_descriptor = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "test.Node",
    .short_name = "Node",
    .sizeof_message = sizeof(struct node),
    .n_fields = 2,
    .fields = node_fields,
    .n_field_ranges = 1,
    .field_ranges = node_ranges,
    .message_init = node_init,
};

/* `levels` nodes, each the only member of the one around it, innermost empty. Returns
 * the length; the bytes end at buf + size. */
static size_t nest(unsigned char *buf, size_t size, unsigned levels)
{
	unsigned char *p = buf + size;

	for (unsigned i = 1; i < levels; i++) {
		size_t len = (size_t)(buf + size - p);
		unsigned char header[8];
		size_t n = 0;

		header[n++] = 0x0a;
		do {
			header[n] = (unsigned char)(len & 0x7f);
			len >>= 7;
			if (len)
				header[n] |= 0x80;
			n++;
		} while (len);
		p -= n;
		memcpy(p, header, n);
	}
	return (size_t)(buf + size - p);
}

static int check_nested(unsigned levels)
{
	static unsigned char buf[400000];
	size_t len = nest(buf, sizeof(buf), levels);
	struct snp_err err = {0};

	return rpc__wire_check(&node_descriptor, buf + sizeof(buf) - len, len, &err);
}

static void check_nesting_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(check_nested(1), 0);
	assert_int_equal(check_nested(RPC__WIRE_DEPTH_MAX), 0);
	assert_int_equal(check_nested(RPC__WIRE_DEPTH_MAX + 1), -EBADMSG);
	assert_int_equal(check_nested(10001), -EBADMSG);
	assert_int_equal(check_nested(100000), -EBADMSG);
}

static void unpack_deep_nesting_is_refused_not_fatal(void **state)
{
	static unsigned char bytes[400000];
	size_t len = nest(bytes, sizeof(bytes), 100000);
	struct rpc_buf *buf = rpc_buf_from_bytes(bytes + sizeof(bytes) - len, len);
	ProtobufCMessage *m = NULL;
	struct rpc_arena arena;
	struct snp_err err = {0};

	(void)state;
	rpc_arena_init(&arena, 0);
	assert_int_equal(rpc__unpack(&node_descriptor, buf, &arena, &m, &err),
			 -EBADMSG);
	assert_null(m);
	assert_non_null(strstr(err.msg, "nested"));
	rpc_arena_fini(&arena);
	rpc_buf_unref(buf);
}

static int check_bytes(const char *bytes, size_t len)
{
	struct snp_err err = {0};

	return rpc__wire_check(&node_descriptor, (const uint8_t *)bytes, len, &err);
}

#define CHECK(literal) check_bytes("" literal, sizeof("" literal) - 1)

static void check_text_must_be_utf8_without_nul(void **state)
{
	(void)state;
	assert_int_equal(CHECK("\x12\x02\xc3\xa4"), 0);
	assert_int_equal(CHECK("\x12\x00"), 0);
	assert_int_equal(CHECK("\x12\x03"
			       "a\0b"),
			 -EBADMSG);
	assert_int_equal(CHECK("\x12\x01\xff"), -EBADMSG);
	assert_int_equal(CHECK("\x12\x01\xc3"), -EBADMSG);
	/* inside a child, and in the second of two values of the same field */
	assert_int_equal(CHECK("\x0a\x03\x12\x01\xff"), -EBADMSG);
	assert_int_equal(CHECK("\x12\x01"
			       "a"
			       "\x12\x01\xff"),
			 -EBADMSG);
}

static void check_bounds_and_forms(void **state)
{
	(void)state;
	assert_int_equal(CHECK(""), 0);
	assert_int_equal(CHECK("\x18\x01"), 0);		     /* unknown varint */
	assert_int_equal(CHECK("\x1d\1\2\3\4"), 0);	     /* unknown fixed32 */
	assert_int_equal(CHECK("\x19\1\2\3\4\5\6\7\10"), 0); /* unknown fixed64 */
	assert_int_equal(CHECK("\x1d\1\2\3"), -EBADMSG);     /* cut off */
	assert_int_equal(CHECK("\x19\1\2\3\4\5\6\7"), -EBADMSG);
	assert_int_equal(CHECK("\x12"), -EBADMSG); /* no length */
	assert_int_equal(CHECK("\x12\x05"
			       "abcd"),
			 -EBADMSG);		       /* length beyond */
	assert_int_equal(CHECK("\x02\x00"), -EBADMSG); /* field 0 */
	assert_int_equal(CHECK("\x0b\x0c"), -EBADMSG); /* a group */
	assert_int_equal(CHECK("\x0e"), -EBADMSG);     /* no such type */
	assert_int_equal(CHECK("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0);
	assert_int_equal(CHECK("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
			 -EBADMSG);
	assert_int_equal(CHECK("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
			 -EBADMSG);
	/* a length near 2^64 must not wrap */
	assert_int_equal(CHECK("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
			 -EBADMSG);
}

static void utf8_accepts_exactly_what_rfc_3629_does(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
	    {"a", 1},
	    {"\x7f", 1},
	    {"\x80", 0},
	    {"\xc0\x80", 0},
	    {"\xc1\xbf", 0},
	    {"\xc2\x80", 2},
	    {"\xdf\xbf", 2},
	    {"\xe0\x9f\xbf", 0},
	    {"\xe0\xa0\x80", 3},
	    {"\xed\x9f\xbf", 3},
	    {"\xed\xa0\x80", 0},
	    {"\xee\x80\x80", 3},
	    {"\xef\xbf\xbf", 3},
	    {"\xf0\x8f\xbf\xbf", 0},
	    {"\xf0\x90\x80\x80", 4},
	    {"\xf4\x8f\xbf\xbf", 4},
	    {"\xf4\x90\x80\x80", 0},
	    {"\xf5\x80\x80\x80", 0},
	    {"\xe2\x82", 0},
	    {"\xc3(", 0},
	    {"\xf0\x90\x80(", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    rpc__utf8_char_len(cases[i].bytes, strlen(cases[i].bytes)),
		    cases[i].len);
	assert_int_equal(rpc__utf8_char_len("", 0), 0);
}

/* The word-wise fast path must find a bad byte wherever it stands. */
static void utf8_text_finds_a_bad_byte_at_every_place(void **state)
{
	static const char bad[] = {0, (char)0x80, (char)0xff};
	char text[40];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++) {
		memset(text, 'x', sizeof(text));
		assert_true(rpc__utf8_is_text(text, sizeof(text)));
		for (size_t b = 0; b < sizeof(bad); b++) {
			text[at] = bad[b];
			assert_false(rpc__utf8_is_text(text, sizeof(text)));
		}
	}
}

/* ---- Whole messages ------------------------------------------------------ */

static struct rpc_buf *sample_request(void)
{
	struct rpc_pair arguments[] = {{"path", rpc_str_of("\"/etc\"")},
				       {"n", rpc_str_of("12")}};
	struct rpc_pair binary[] = {{"blob", {"\0\1\2", 3}}};
	struct rpc_pair metadata[] = {{"k", rpc_str_of("v")}};
	const struct rpc_execute_request request = {
	    .pool = "default",
	    .tool = "word_stats",
	    .session_id = "s-1",
	    .arguments = {arguments, 2},
	    .binary = {binary, 1},
	    .metadata = {metadata, 1},
	};
	struct rpc_buf *buf = NULL;

	assert_int_equal(rpc_pool_encode_execute_request(&request, &buf), 0);
	return buf;
}

static int decode_bytes(const void *bytes, size_t len)
{
	struct rpc_execute_request request;
	struct rpc_arena arena;
	struct rpc_buf *buf = rpc_buf_from_bytes(bytes, len);
	struct snp_err err = {0};
	int rc;

	rpc_arena_init(&arena, 0);
	rc = rpc_pool_decode_execute_request(buf, &arena, &request, &err);
	if (rc < 0)
		assert_int_equal(err.code, rc);
	else
		assert_non_null(request.tool);
	rpc_arena_fini(&arena);
	rpc_buf_unref(buf);
	return rc;
}

/* Cut at a field's end a message is a shorter message; anywhere else it is malformed.
 */
static void decode_truncated_at_every_length_is_safe(void **state)
{
	struct rpc_buf *whole = sample_request();
	size_t len = rpc_buf_len(whole), n_bad = 0;
	unsigned char *bytes = malloc(len);

	(void)state;
	assert_int_equal(rpc_buf_copy_out(whole, 0, bytes, len), len);
	for (size_t n = 0; n <= len; n++) {
		/* its own allocation, so that a sanitizer sees a read beyond */
		void *copy = malloc(n ? n : 1);
		int rc;

		memcpy(copy, bytes, n);
		rc = decode_bytes(copy, n);
		assert_true(rc == 0 || rc == -EBADMSG);
		n_bad += rc == -EBADMSG;
		free(copy);
	}
	assert_true(n_bad > len / 2);
	assert_int_equal(decode_bytes(bytes, len), 0);
	free(bytes);
	rpc_buf_unref(whole);
}

static void decode_with_each_bit_flipped_is_safe(void **state)
{
	struct rpc_buf *whole = sample_request();
	size_t len = rpc_buf_len(whole);
	unsigned char *bytes = malloc(len);

	(void)state;
	assert_int_equal(rpc_buf_copy_out(whole, 0, bytes, len), len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		int rc;

		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		rc = decode_bytes(bytes, len);
		assert_true(rc == 0 || rc == -EBADMSG);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	free(bytes);
	rpc_buf_unref(whole);
}

/* Two bytes on the wire make a map entry of a hundred in memory. */
static void decode_amplifying_message_is_refused(void **state)
{
	size_t n = 4u << 20;
	unsigned char *bytes = malloc(n);

	(void)state;
	for (size_t i = 0; i < n; i += 2) {
		bytes[i] = 0x1a;
		bytes[i + 1] = 0;
	}
	assert_int_equal(decode_bytes(bytes, n), -ENOBUFS);
	assert_int_equal(rpc_code_of_errno(-ENOBUFS), RPC_RESOURCE_EXHAUSTED);
	assert_int_equal(rpc_code_of_errno(-EBADMSG), RPC_INVALID_ARGUMENT);
	free(bytes);
}

static void decode_error_names_the_field(void **state)
{
	static const char bytes[] = "\x12\x02\xff\xfe";
	struct rpc_buf *buf = rpc_buf_from_bytes(bytes, 4);
	struct rpc_execute_request request;
	struct rpc_arena arena;
	struct snp_err err = {0};

	(void)state;
	rpc_arena_init(&arena, 0);
	assert_int_equal(rpc_pool_decode_execute_request(buf, &arena, &request, &err),
			 -EBADMSG);
	assert_string_equal(err.msg,
			    "field \"tool\" of ExecuteRequest is not UTF-8 text");
	rpc_arena_fini(&arena);
	rpc_buf_unref(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_nesting_is_bounded),
	    cmocka_unit_test(unpack_deep_nesting_is_refused_not_fatal),
	    cmocka_unit_test(check_text_must_be_utf8_without_nul),
	    cmocka_unit_test(check_bounds_and_forms),
	    cmocka_unit_test(utf8_accepts_exactly_what_rfc_3629_does),
	    cmocka_unit_test(utf8_text_finds_a_bad_byte_at_every_place),
	    cmocka_unit_test(decode_truncated_at_every_length_is_safe),
	    cmocka_unit_test(decode_with_each_bit_flipped_is_safe),
	    cmocka_unit_test(decode_amplifying_message_is_refused),
	    cmocka_unit_test(decode_error_names_the_field),
	};
	int failed;

	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("rpc/wire", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
