/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_fixture.h"

#include <errno.h>
#include <grpc/grpc.h>

#include "metadata_internal.h"
#include "rpc/metadata.h"

static bool grpc_takes_key(const char *key, size_t len)
{
	return grpc_header_key_is_legal(grpc_slice_from_static_buffer(key, len));
}

static bool grpc_takes_value(const char *value, size_t len)
{
	return grpc_header_nonbin_value_is_legal(
	    grpc_slice_from_static_buffer(value, len));
}

/* Ours may be stricter, never more lenient: gRPC would refuse the whole call. */
static void legality_agrees_with_grpc_for_every_byte(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char key[3] = {'a', (char)c, 'b'}, value[1] = {(char)c};
		struct rpc_str k = {key, 3}, v = {value, 1};

		assert_int_equal(rpc_md_key_is_legal(k), grpc_takes_key(key, 3));
		assert_int_equal(rpc_md_value_is_legal(rpc_str_of("k"), v),
				 grpc_takes_value(value, 1));
		assert_true(rpc_md_value_is_legal(rpc_str_of("k-bin"), v));
	}
	assert_false(rpc_md_key_is_legal(rpc_str_of("")));
	assert_false(rpc_md_key_is_legal(rpc_str_of("grpc-timeout")));
	assert_true(rpc_md_key_is_legal(rpc_str_of(RPC_MD_RETRY_PUSHBACK)));
	assert_false(rpc_md_key_is_legal(rpc_str_of(":path")));
	assert_true(rpc_md_value_is_legal(rpc_str_of("k"), rpc_str_of("")));
}

static void list_takes_sixteen_and_no_more(void **state)
{
	struct rpc_md_list list = {0};

	(void)state;
	for (int i = 0; i < RPC_MD_MAX; i++)
		assert_int_equal(rpc_md_add(&list, "k", rpc_str_of("v")), 0);
	assert_int_equal(rpc_md_add(&list, "k", rpc_str_of("v")), -ENOSPC);
	assert_int_equal(list.n, RPC_MD_MAX);
	list.n = 0;
	assert_int_equal(rpc_md_add(&list, "K", rpc_str_of("v")), -EINVAL);
	assert_int_equal(rpc_md_add(&list, "k", rpc_str_of("a\nb")), -EINVAL);
	assert_int_equal(list.n, 0);
}

static void get_finds_the_last_of_equal_keys(void **state)
{
	grpc_metadata pairs[] = {
	    {.key = grpc_slice_from_static_string("a"),
	     .value = grpc_slice_from_static_string("1")},
	    {.key = grpc_slice_from_static_string("b"),
	     .value = grpc_slice_from_static_string("2")},
	    {.key = grpc_slice_from_static_string("a"),
	     .value = grpc_slice_from_static_string("3")},
	};
	struct rpc_md_in md = {.array = {.count = 3, .capacity = 3, .metadata = pairs}};

	(void)state;
	assert_true(rpc_str_equal(rpc_md_in_get(&md, "a"), rpc_str_of("3")));
	assert_true(rpc_str_equal(rpc_md_in_get(&md, "b"), rpc_str_of("2")));
	assert_null(rpc_md_in_get(&md, "c").data);
	assert_int_equal(rpc_md_in_count(&md), 3);
	assert_true(rpc_str_equal(rpc_md_in_at(&md, 1).key, rpc_str_of("b")));
}

/* ---- Correlation ids ----------------------------------------------------- */

static void correlation_validity_is_as_documented(void **state)
{
	char id[RPC_CORRELATION_MAX + 1];

	(void)state;
	memset(id, 'x', sizeof(id));
	assert_true(
	    rpc_correlation_is_valid((struct rpc_str){id, RPC_CORRELATION_MAX}));
	assert_false(
	    rpc_correlation_is_valid((struct rpc_str){id, RPC_CORRELATION_MAX + 1}));
	assert_false(rpc_correlation_is_valid((struct rpc_str){0}));
	assert_true(rpc_correlation_is_valid(rpc_str_of("azAZ09._:-")));
	for (int c = 0; c < 256; c++) {
		char one[1] = {(char)c};
		bool expected = c != 0 && c < 128 &&
				strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789._:-",
				       c) != NULL;

		assert_int_equal(rpc_correlation_is_valid((struct rpc_str){one, 1}),
				 expected);
	}
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void correlation_made_ids_have_the_form_and_differ(void **state)
{
	enum { N = 5000 };
	char(*ids)[RPC_CORRELATION_BYTES] = calloc(N, sizeof(*ids));

	(void)state;
	for (int i = 0; i < N; i++) {
		rpc_correlation_make(ids[i]);
		assert_int_equal(strlen(ids[i]), 27);
		assert_memory_equal(ids[i], "sp-", 3);
		assert_int_equal(strspn(ids[i] + 3, "0123456789abcdef"), 24);
		assert_true(rpc_correlation_is_valid(rpc_str_of(ids[i])));
	}
	qsort(ids, N, sizeof(*ids), compare_ids);
	for (int i = 1; i < N; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	free(ids);
}

static void correlation_adopt_keeps_makes_or_replaces(void **state)
{
	char id[RPC_CORRELATION_BYTES];

	(void)state;
	assert_int_equal(rpc_correlation_adopt(rpc_str_of("req:1"), id),
			 RPC_CORRELATION_ADOPTED);
	assert_string_equal(id, "req:1");
	assert_int_equal(rpc_correlation_adopt((struct rpc_str){0}, id),
			 RPC_CORRELATION_MADE);
	assert_memory_equal(id, "sp-", 3);
	assert_int_equal(rpc_correlation_adopt(rpc_str_of("no good"), id),
			 RPC_CORRELATION_REPLACED);
	assert_memory_equal(id, "sp-", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(legality_agrees_with_grpc_for_every_byte),
	    cmocka_unit_test(list_takes_sixteen_and_no_more),
	    cmocka_unit_test(get_finds_the_last_of_equal_keys),
	    cmocka_unit_test(correlation_validity_is_as_documented),
	    cmocka_unit_test(correlation_made_ids_have_the_form_and_differ),
	    cmocka_unit_test(correlation_adopt_keeps_makes_or_replaces),
	};
	int failed;

	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("rpc/metadata", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
