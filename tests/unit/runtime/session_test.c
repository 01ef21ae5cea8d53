/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions, and the table of affinity. */
#include "snp_test.h"

#include <errno.h>
#include <string.h>

#include "pool/session.h"
#include "test_random.h"

#define NAMES 300
#define STEPS 20000
#define TTL_S 10

static struct sessions sessions;

static int set_up(void **state)
{
	(void)state;
	return sessions_init(&sessions);
}

static int tear_down(void **state)
{
	(void)state;
	sessions_fini(&sessions);
	return 0;
}

static snp_mono_t at_s(uint64_t seconds)
{
	return (snp_mono_t){seconds * SNP_NS_PER_S};
}

/* ---- Open and close ------------------------------------------------------ */

static void find_knows_what_is_open(void **state)
{
	struct session *a, *b;

	(void)state;
	assert_null(session_find(&sessions, "a"));
	a = session_open(&sessions, "a", at_s(1));
	b = session_open(&sessions, "b", at_s(1));
	assert_ptr_equal(session_find(&sessions, "a"), a);
	assert_ptr_equal(session_find(&sessions, "b"), b);
	assert_int_equal(sessions.open, 2);
	session_close(&sessions, a);
	assert_null(session_find(&sessions, "a"));
	assert_int_equal(sessions.open, 1);
}

static void close_of_a_used_one_waits_for_the_last_user(void **state)
{
	struct session *s = session_open(&sessions, "s", at_s(1)), *next;

	(void)state;
	session_take(s);
	session_take(s);
	session_close(&sessions, s);
	next = session_open(&sessions, "s", at_s(2));
	assert_ptr_not_equal(next, s);
	session_release(&sessions, s, at_s(3));
	assert_string_equal(s->id, "s");
	session_release(&sessions, s, at_s(3)); /* gone: the sanitizer would see it */
	assert_ptr_equal(session_find(&sessions, "s"), next);
}

static void many_random_sessions_agree_with_flags(void **state)
{
	struct test_random random = test_random_seeded(5);
	struct session *open[NAMES] = {NULL};
	uint32_t n = 0;
	char name[16];

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = test_random_below(&random, NAMES);

		(void)snprintf(name, sizeof(name), "session-%u", i);
		assert_ptr_equal(session_find(&sessions, name), open[i]);
		if (open[i]) {
			session_close(&sessions, open[i]);
			open[i] = NULL;
			n--;
		} else {
			open[i] = session_open(&sessions, name, at_s(step));
			assert_non_null(open[i]);
			n++;
		}
		assert_int_equal(sessions.open, n);
	}
	assert_true(sessions.mask > 64); /* it grew on the way */
}

/* ---- Metadata ------------------------------------------------------------ */

static void describe_keeps_a_copy(void **state)
{
	struct session *s = session_open(&sessions, "s", at_s(1));
	char value[] = "yes\0no";
	struct rpc_pair pairs[] = {{"empty", {"", 0}}, {"user", {value, 6}}};
	struct rpc_pairs given = {pairs, 2};

	(void)state;
	assert_int_equal(session_describe(s, &given), 0);
	memset(value, 'x', sizeof(value));
	assert_int_equal(s->metadata.n, 2);
	assert_string_equal(s->metadata.v[1].key, "user");
	assert_int_equal(s->metadata.v[1].value.len, 6);
	assert_memory_equal(s->metadata.v[1].value.data, "yes\0no", 6);
	assert_int_equal(s->metadata.v[0].value.len, 0);
	given.n = 0;
	assert_int_equal(session_describe(s, &given), 0);
	assert_int_equal(s->metadata.n, 0);
}

static void describe_too_much_is_refused_and_changes_nothing(void **state)
{
	static char big[SESSION_METADATA_BYTES];
	struct session *s = session_open(&sessions, "s", at_s(1));
	struct rpc_pair pair = {"k", {"v", 1}};
	struct rpc_pairs given = {&pair, 1};

	(void)state;
	assert_int_equal(session_describe(s, &given), 0);
	pair.value = (struct rpc_str){big, sizeof(big) - 1};
	assert_int_equal(session_describe(s, &given), -E2BIG);
	assert_int_equal(s->metadata.v[0].value.len, 1);
	pair.value.len--;
	assert_int_equal(session_describe(s, &given), 0);
}

/* ---- Age ----------------------------------------------------------------- */

static void expired_is_the_one_unused_longest(void **state)
{
	struct session *a, *b;

	(void)state;
	assert_int_equal(sessions_next_expiry(&sessions, TTL_S).ns, UINT64_MAX);
	assert_null(session_expired(&sessions, at_s(1000), TTL_S));
	a = session_open(&sessions, "a", at_s(1));
	b = session_open(&sessions, "b", at_s(2));
	assert_int_equal(sessions_next_expiry(&sessions, TTL_S).ns, at_s(11).ns);
	session_touch(&sessions, a, at_s(5));
	assert_int_equal(sessions_next_expiry(&sessions, TTL_S).ns, at_s(12).ns);
	assert_null(session_expired(&sessions, (snp_mono_t){at_s(12).ns - 1}, TTL_S));
	assert_ptr_equal(session_expired(&sessions, at_s(12), TTL_S), b);
	session_close(&sessions, b);
	assert_ptr_equal(session_expired(&sessions, at_s(15), TTL_S), a);
}

static void expired_is_none_that_a_request_uses(void **state)
{
	struct session *s = session_open(&sessions, "s", at_s(1));

	(void)state;
	session_take(s);
	session_take(s);
	session_release(&sessions, s, at_s(2));
	assert_null(session_expired(&sessions, at_s(1000), TTL_S));
	session_release(&sessions, s, at_s(1000));
	assert_null(session_expired(&sessions, at_s(1009), TTL_S));
	assert_ptr_equal(session_expired(&sessions, at_s(1010), TTL_S), s);
}

/* ---- Affinity ------------------------------------------------------------ */

static void way_is_as_the_documentation_says(void **state)
{
	static const struct {
		enum snp_cfg_affinity affinity;
		enum session_worker worker;
		enum session_way way;
	} rows[] = {
#define ROW(a, w, y) {SNP_CFG_AFFINITY_##a, SESSION_WORKER_##w, SESSION_##y}
	    ROW(HINT, NONE, TO_ANY),
	    ROW(HINT, FREE, TO_OWNER),
	    ROW(HINT, BUSY, TO_ANY),
	    ROW(HINT, GONE, TO_ANY),
	    ROW(STRICT_QUEUE, NONE, TO_ANY),
	    ROW(STRICT_QUEUE, FREE, TO_OWNER),
	    ROW(STRICT_QUEUE, BUSY, WAITS),
	    ROW(STRICT_QUEUE, GONE, FAILS_LOST),
	    ROW(STRICT_FAIL_FAST, NONE, TO_ANY),
	    ROW(STRICT_FAIL_FAST, FREE, TO_OWNER),
	    ROW(STRICT_FAIL_FAST, BUSY, FAILS_BUSY),
	    ROW(STRICT_FAIL_FAST, GONE, FAILS_LOST),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(session_way(rows[i].affinity, rows[i].worker),
				 rows[i].way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(find_knows_what_is_open),
	    T(close_of_a_used_one_waits_for_the_last_user),
	    T(many_random_sessions_agree_with_flags),
	    T(describe_keeps_a_copy),
	    T(describe_too_much_is_refused_and_changes_nothing),
	    T(expired_is_the_one_unused_longest),
	    T(expired_is_none_that_a_request_uses),
	    T(way_is_as_the_documentation_says),
	};

	return cmocka_run_group_tests_name("runtime/session", tests, NULL, NULL);
}
