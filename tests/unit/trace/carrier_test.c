/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <string.h>

#include "metadata_internal.h"
#include "trace/carrier.h"

#define ID    "0af7651916cd43dd8448eb211c80319c"
#define GOOD  "00-" ID "-b7ad6b7169203331-01"
#define OTHER "00-" ID "-b7ad6b7169203332-01"
#define MINE  "00-" ID "-0000000000000007-03"
#define PAIRS 80

static const struct trace_context span = {
    .id = {UINT64_C(0x0af7651916cd43dd), UINT64_C(0x8448eb211c80319c)},
    .span = 7,
    .flags = TRACE_FLAGS_KNOWN,
};

/* ---- a call's metadata ----------------------------------------------------- */

static grpc_metadata pairs[PAIRS];
static struct rpc_md_in md;
static struct trace_buffers buffers;
static struct rpc_md_list out;

static void receive(const char *key, const char *value)
{
	assert_true(md.array.count < PAIRS);
	pairs[md.array.count].key = grpc_slice_from_static_string(key);
	pairs[md.array.count++].value = grpc_slice_from_static_string(value);
}

static int set_up(void **state)
{
	(void)state;
	md.array = (grpc_metadata_array){.capacity = PAIRS, .metadata = pairs};
	receive("user-agent", "grpc-c/1");
	memset(&out, 0, sizeof(out));
	memset(&buffers, 'x', sizeof(buffers));
	return 0;
}

static void send_on(void)
{
	struct trace_context parent;

	out.n = 0;
	trace_incoming(&md, &parent);
	trace_outgoing(&buffers, &md, &parent, &span, &out);
}

static void forward(void)
{
	out.n = 0;
	trace_forward(&buffers, &md, &out);
}

/* Exactly these pairs, in this order; NULL ends them. */
static void assert_sent(const char *const expected[][2])
{
	size_t n = 0;

	for (; expected[n][0]; n++) {
		assert_true(n < out.n);
		assert_true(rpc_str_equal(out.v[n].key, rpc_str_of(expected[n][0])));
		if (!rpc_str_equal(out.v[n].value, rpc_str_of(expected[n][1])))
			fail_msg("%s: '%.*s', not '%s'", expected[n][0],
				 (int)out.v[n].value.len, out.v[n].value.data,
				 expected[n][1]);
	}
	assert_int_equal(out.n, n);
}
#define ASSERT_SENT(...)                                                               \
	assert_sent((const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

/* ---- incoming -------------------------------------------------------------- */

static void incoming_takes_the_one_traceparent(void **state)
{
	struct trace_context parent;

	(void)state;
	trace_incoming(&md, &parent);
	assert_int_equal(parent.span, 0);
	receive("traceparent", GOOD);
	receive("trace-parent", OTHER);
	trace_incoming(&md, &parent);
	assert_true(parent.span == UINT64_C(0xb7ad6b7169203331));
	assert_true(parent.is_remote);
	receive("traceparent", OTHER);
	trace_incoming(&md, &parent);
	assert_int_equal(parent.span, 0);
}

/* ---- outgoing, as one who takes part ---------------------------------------- */

static void outgoing_names_the_span_of_the_runtime(void **state)
{
	(void)state;
	send_on();
	ASSERT_SENT({"traceparent", MINE});
	receive("traceparent", GOOD);
	send_on();
	ASSERT_SENT({"traceparent", MINE});
}

static void outgoing_joins_tracestate_in_order(void **state)
{
	(void)state;
	receive("tracestate", "foo=1, bar=2");
	receive("traceparent", GOOD);
	receive("tracestate", "");
	receive("tracestate", "baz=3,");
	send_on();
	ASSERT_SENT({"traceparent", MINE}, {"tracestate", "foo=1,bar=2,baz=3"});
}

static void outgoing_drops_a_tracestate_that_is_not_valid(void **state)
{
	(void)state;
	receive("traceparent", GOOD);
	receive("tracestate", "foo=1");
	receive("tracestate", "FOO=1");
	send_on();
	ASSERT_SENT({"traceparent", MINE});
}

static void outgoing_drops_the_tracestate_of_a_trace_that_does_not_go_on(void **state)
{
	(void)state;
	receive("tracestate", "foo=1");
	send_on();
	ASSERT_SENT({"traceparent", MINE});
	receive("traceparent", GOOD "-");
	send_on();
	ASSERT_SENT({"traceparent", MINE});
}

static void t04_baggage_goes_on_with_or_without_a_trace(void **state)
{
	(void)state;
	receive("baggage", "a=1;p , b=%20%FF,");
	send_on();
	ASSERT_SENT({"traceparent", MINE}, {"baggage", "a=1;p , b=%20%FF,"});
	receive("baggage", "c=3");
	send_on();
	ASSERT_SENT({"traceparent", MINE}, {"baggage", "a=1;p , b=%20%FF,,c=3"});
}

/* Any number of entries, each of one member: they must not need a pair each. */
static void t04_64_entries_of_baggage_become_one(void **state)
{
	static const char *const each = "k=v";
	char expected[TRACE_BAGGAGE_MEMBERS * 4];

	(void)state;
	md.array.count = 0;
	for (int i = 0; i < TRACE_BAGGAGE_MEMBERS; i++) {
		receive("baggage", each);
		memcpy(expected + i * 4, "k=v,", 4);
	}
	expected[sizeof(expected) - 1] = '\0';
	send_on();
	ASSERT_SENT({"traceparent", MINE}, {"baggage", expected});
	forward();
	ASSERT_SENT({"baggage", expected});
}

static char half[TRACE_BAGGAGE_MAX / 2 + 1];

static const char *half_of(char key)
{
	memset(half, 'v', sizeof(half) - 1);
	half[0] = key;
	half[1] = '=';
	return half;
}

static void t04_baggage_above_the_limit_loses_what_came_last(void **state)
{
	(void)state;
	receive("baggage", half_of('a'));
	receive("baggage", "b=2");
	receive("baggage", half); /* does not fit */
	receive("baggage", "c=3");
	send_on();
	assert_int_equal(out.n, 2);
	assert_int_equal(out.v[1].value.len, strlen(half) + 4);
	assert_memory_equal(out.v[1].value.data + strlen(half), ",b=2", 4);
}

static void t04_baggage_of_exactly_the_limit_is_joined(void **state)
{
	static char rest[TRACE_BAGGAGE_MAX / 2];

	(void)state;
	memset(rest, 'w', sizeof(rest) - 1);
	receive("baggage", half_of('a'));
	receive("baggage", rest);
	send_on();
	assert_int_equal(out.v[1].value.len, TRACE_BAGGAGE_MAX);
	receive("baggage", "c=3");
	send_on();
	assert_int_equal(out.v[1].value.len, TRACE_BAGGAGE_MAX);
}

/* ---- as one who does not ---------------------------------------------------- */

static void forward_passes_all_on_as_it_came(void **state)
{
	(void)state;
	forward();
	ASSERT_SENT({NULL, NULL});
	receive("tracestate", " FOO=1,, ");
	receive("baggage", "a=1,");
	receive("traceparent", "nonsense");
	forward();
	ASSERT_SENT({"traceparent", "nonsense"}, {"tracestate", " FOO=1,, "},
		    {"baggage", "a=1,"});
}

static void forward_lets_the_next_see_that_there_are_several_parents(void **state)
{
	(void)state;
	receive("traceparent", GOOD);
	receive("traceparent", OTHER);
	receive("tracestate", "a=1");
	receive("tracestate", "b=2");
	forward();
	ASSERT_SENT({"traceparent", GOOD}, {"traceparent", OTHER},
		    {"tracestate", "a=1,b=2"});
	receive("traceparent", MINE);
	forward();
	ASSERT_SENT({"traceparent", GOOD}, {"traceparent", MINE},
		    {"tracestate", "a=1,b=2"});
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(incoming_takes_the_one_traceparent),
	    T(outgoing_names_the_span_of_the_runtime),
	    T(outgoing_joins_tracestate_in_order),
	    T(outgoing_drops_a_tracestate_that_is_not_valid),
	    T(outgoing_drops_the_tracestate_of_a_trace_that_does_not_go_on),
	    T(t04_baggage_goes_on_with_or_without_a_trace),
	    T(t04_64_entries_of_baggage_become_one),
	    T(t04_baggage_above_the_limit_loses_what_came_last),
	    T(t04_baggage_of_exactly_the_limit_is_joined),
	    T(forward_passes_all_on_as_it_came),
	    T(forward_lets_the_next_see_that_there_are_several_parents),
	};

	return cmocka_run_group_tests_name("trace/carrier", tests, NULL, NULL);
}
