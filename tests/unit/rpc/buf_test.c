/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, arenas and statuses: the small values. */
#include "rpc_fixture.h"

#include <grpc/grpc.h>
#include <grpc/slice_buffer.h>

#include "buf_internal.h"
#include "rpc/arena.h"
#include "rpc/buf.h"
#include "rpc/status.h"

/* A buffer of several slices, as large messages arrive: "0123456789" in pieces. */
static struct rpc_buf *sliced_buf(void)
{
	grpc_slice slices[4] = {
	    grpc_slice_from_static_string("012"),
	    grpc_slice_from_static_string(""),
	    grpc_slice_from_static_string("3456"),
	    grpc_slice_from_static_string("789"),
	};

	return rpc__buf_wrap(grpc_raw_byte_buffer_create(slices, 4));
}

static void copy_out_crosses_slices_from_any_offset(void **state)
{
	struct rpc_buf *buf = sliced_buf();
	char out[16];

	(void)state;
	assert_int_equal(rpc_buf_len(buf), 10);
	for (size_t offset = 0; offset <= 12; offset++) {
		for (size_t cap = 0; cap <= 12; cap++) {
			size_t left = offset < 10 ? 10 - offset : 0;
			size_t expected = cap < left ? cap : left;

			memset(out, '?', sizeof(out));
			assert_int_equal(rpc_buf_copy_out(buf, offset, out, cap),
					 expected);
			if (expected)
				assert_memory_equal(out, "0123456789" + offset,
						    expected);
			assert_int_equal(out[expected], '?');
		}
	}
	rpc_buf_unref(buf);
}

static void flatten_copies_only_what_is_in_pieces(void **state)
{
	struct rpc_buf *pieces = sliced_buf(), *whole = rpc_buf_from_bytes("abc", 3);
	struct rpc__flat flat;

	(void)state;
	assert_int_equal(rpc__buf_flatten(pieces, &flat), 0);
	assert_non_null(flat.copy);
	assert_int_equal(flat.len, 10);
	assert_memory_equal(flat.data, "0123456789", 10);
	rpc__flat_release(&flat);
	assert_int_equal(rpc__buf_flatten(whole, &flat), 0);
	assert_null(flat.copy);
	assert_memory_equal(flat.data, "abc", 3);
	rpc__flat_release(&flat);
	rpc_buf_unref(pieces);
	rpc_buf_unref(whole);
}

/* gRPC empties what it sends; the buffer itself must stay whole for the next send. */
static void buffer_for_send_is_a_copy_of_references(void **state)
{
	size_t sizes[] = {0, 5, 4096, 4097, 100000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *bytes = calloc(1, sizes[i] + 1), *out = malloc(sizes[i] + 1);
		struct rpc_buf *buf = rpc_buf_from_bytes(bytes, sizes[i]);
		grpc_byte_buffer *send = rpc__buf_for_send(buf);

		assert_int_equal(grpc_byte_buffer_length(send), sizes[i]);
		grpc_slice_buffer_reset_and_unref(&send->data.raw.slice_buffer);
		grpc_byte_buffer_destroy(send);
		assert_int_equal(rpc_buf_copy_out(buf, 0, out, sizes[i]), sizes[i]);
		assert_ptr_equal(rpc_buf_ref(buf), buf);
		rpc_buf_unref(buf);
		rpc_buf_unref(buf);
		free(bytes);
		free(out);
	}
	rpc_buf_unref(NULL);
}

/* ---- Arena --------------------------------------------------------------- */

static void arena_hands_out_aligned_distinct_memory(void **state)
{
	struct rpc_arena arena;
	unsigned char *p[500];

	(void)state;
	rpc_arena_init(&arena, 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 500; i++) {
			p[i] = rpc_arena_alloc(&arena, i);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
			memset(p[i], (int)(i & 0xff), i);
		}
		for (size_t i = 0; i < 500; i++)
			for (size_t j = 0; j < i; j++)
				assert_int_equal(p[i][j], i & 0xff);
		rpc_arena_reset(&arena);
	}
	assert_non_null(rpc_arena_alloc(&arena, (size_t)3 << 20));
	rpc_arena_fini(&arena);
}

static void arena_refuses_beyond_its_limit_and_on_overflow(void **state)
{
	struct rpc_arena arena;

	(void)state;
	rpc_arena_init(&arena, 1000);
	assert_non_null(rpc_arena_alloc(&arena, 900));
	assert_null(rpc_arena_alloc(&arena, 200));
	assert_non_null(rpc_arena_alloc(&arena, 16));
	assert_null(rpc_arena_alloc(&arena, SIZE_MAX));
	assert_null(rpc_arena_alloc(&arena, SIZE_MAX - 8));
	assert_null(rpc_arena_calloc(&arena, SIZE_MAX / 2, 4));
	rpc_arena_reset(&arena);
	assert_non_null(rpc_arena_calloc(&arena, 10, 90));
	rpc_arena_fini(&arena);
}

/* ---- Status -------------------------------------------------------------- */

static void status_text_is_cut_at_a_characters_end(void **state)
{
	struct rpc_status status = {.never_sent = true};
	char text[400];

	(void)state;
	/* an odd start makes the two-byte character straddle the limit */
	memset(text, 0, sizeof(text));
	text[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof(text) - 1; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	rpc_status_set(&status, RPC_INTERNAL, "%s", text);
	assert_int_equal(strlen(status.message), RPC_STATUS_MSG_BYTES - 1);
	assert_memory_equal(status.message, text, RPC_STATUS_MSG_BYTES - 1);
	rpc_status_set(&status, RPC_INTERNAL, "x%s", text);
	assert_int_equal(strlen(status.message), RPC_STATUS_MSG_BYTES - 2);
	assert_false(status.never_sent);
}

static void status_text_is_one_clean_line(void **state)
{
	struct rpc_status status;

	(void)state;
	rpc_status_set(&status, RPC_UNKNOWN, "a\nb\tc\x7f\xff%s\x1b[31m", "\xc3\xa4");
	assert_string_equal(status.message, "a?b?c??\xc3\xa4?[31m");
	assert_int_equal(status.code, RPC_UNKNOWN);
}

static void code_names_are_complete(void **state)
{
	(void)state;
	for (int code = 0; code < RPC_CODE_NR; code++)
		assert_string_not_equal(rpc_code_name((enum rpc_code)code), "INVALID");
	assert_string_equal(rpc_code_name(RPC_OK), "OK");
	assert_string_equal(rpc_code_name(RPC_UNAUTHENTICATED), "UNAUTHENTICATED");
	assert_string_equal(rpc_code_name((enum rpc_code)99), "INVALID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copy_out_crosses_slices_from_any_offset),
	    cmocka_unit_test(flatten_copies_only_what_is_in_pieces),
	    cmocka_unit_test(buffer_for_send_is_a_copy_of_references),
	    cmocka_unit_test(arena_hands_out_aligned_distinct_memory),
	    cmocka_unit_test(arena_refuses_beyond_its_limit_and_on_overflow),
	    cmocka_unit_test(status_text_is_cut_at_a_characters_end),
	    cmocka_unit_test(status_text_is_one_clean_line),
	    cmocka_unit_test(code_names_are_complete),
	};
	int failed;

	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("rpc/buf", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
