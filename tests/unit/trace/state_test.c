/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <stdlib.h>
#include <string.h>

#include "trace/state.h"

#define S16  "0123456789abcdef"
#define S128 S16 S16 S16 S16 S16 S16 S16 S16
#define S255 S128 S16 S16 S16 S16 S16 S16 S16 "0123456789abcde"
#define S256 S128 S128

#define VALUE_CHARS                                                                    \
	" !\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"            \
	"abcdefghijklmnopqrstuvwxyz{|}~"
#define KEY_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_-*/"

#define TEN_1                                                                          \
	"bar01=01,bar02=02,bar03=03,bar04=04,bar05=05,bar06=06,bar07=07,bar08=08,"     \
	"bar09=09,bar10=10"
#define TEN_2                                                                          \
	"bar11=11,bar12=12,bar13=13,bar14=14,bar15=15,bar16=16,bar17=17,bar18=18,"     \
	"bar19=19,bar20=20"
#define TEN_3                                                                          \
	"bar21=21,bar22=22,bar23=23,bar24=24,bar25=25,bar26=26,bar27=27,bar28=28,"     \
	"bar29=29,bar30=30"
#define MEMBERS_30 TEN_1 "," TEN_2 "," TEN_3

struct vector {
	const char *entries[5]; /* up to the first NULL */
	const char *expected;	/* "" = nothing is passed on */
};

static void check(const struct vector *v)
{
	char text[TRACE_STATE_MAX];
	struct trace_state state;
	size_t len;

	trace_state_init(&state);
	for (unsigned i = 0; i < 5 && v->entries[i]; i++)
		trace_state_add(&state, rpc_str_of(v->entries[i]));
	len = trace_state_write(&state, text);
	if (len != strlen(v->expected) || memcmp(text, v->expected, len) != 0)
		fail_msg("'%s'...: '%.*s', not '%s'", v->entries[0], (int)len, text,
			 v->expected);
}

static void t01_valid_states_are_passed_on(void **state)
{
	static const struct vector vectors[] = {
	    {{"foo=1"}, "foo=1"},
	    {{"foo=1,bar=2"}, "foo=1,bar=2"},
	    {{"foo=1, bar=2"}, "foo=1,bar=2"},
	    {{"foo=1 \t , \t bar=2, \t baz=3"}, "foo=1,bar=2,baz=3"},
	    {{"foo=1\t \t,\t \tbar=2,\t \tbaz=3"}, "foo=1,bar=2,baz=3"},
	    {{"foo=1,\t,bar=2,"}, "foo=1,bar=2"},
	    {{" foo=1"}, "foo=1"},
	    {{"\tfoo=1"}, "foo=1"},
	    {{"foo=1 "}, "foo=1"},
	    {{"foo=1\t"}, "foo=1"},
	    {{"\t foo=1 \t"}, "foo=1"},
	    {{""}, ""},
	    {{" , ,\t,"}, ""},
	    {{"foo=1", ""}, "foo=1"},
	    {{"", "foo=1"}, "foo=1"},
	    {{"foo=1,bar=2", "rojo=1,congo=2", "baz=3"},
	     "foo=1,bar=2,rojo=1,congo=2,baz=3"},
	    {{MEMBERS_30, "bar31=31,bar32=32"}, MEMBERS_30 ",bar31=31,bar32=32"},
	    {{"0foo=1"}, "0foo=1"},
	    {{S256 "=1"}, S256 "=1"},
	    {{"foo=" S256}, "foo=" S256},
	    {{S256 "=" S256}, S256 "=" S256},
	    {{"foo=1," S256 "=1"}, "foo=1," S256 "=1"},
	    {{"t" S16 S16 "@v=1"}, "t" S16 S16 "@v=1"},
	    {{KEY_CHARS "=" VALUE_CHARS}, KEY_CHARS "=" VALUE_CHARS},
	    {{KEY_CHARS "@a-z0-9_-*/=" VALUE_CHARS},
	     KEY_CHARS "@a-z0-9_-*/=" VALUE_CHARS},
	    /* Level 2 knows no tenants: "@" is a character like others. */
	    {{"foo@=1,bar=2"}, "foo@=1,bar=2"},
	    {{"foo@@bar=1,bar=2"}, "foo@@bar=1,bar=2"},
	    {{"foo@bar@baz=1,bar=2"}, "foo@bar@baz=1,bar=2"},
	    {{"foo=a  b"}, "foo=a  b"},
	    {{"foo=  b"}, "foo=  b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check(&vectors[i]);
}

/* The first is the newest, so it is the one that counts. */
static void t01_of_equal_keys_the_first_is_kept(void **state)
{
	static const struct vector vectors[] = {
	    {{"foo=1,foo=1"}, "foo=1"},
	    {{"foo=1,bar=3,foo=2"}, "foo=1,bar=3"},
	    {{"foo=1", "foo=2"}, "foo=1"},
	    {{"foo=1,fo=2,fooo=3"}, "foo=1,fo=2,fooo=3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check(&vectors[i]);
}

static void t01_one_bad_member_discards_the_whole_state(void **state)
{
	static const char *const bad[] = {
	    "foo",	   "foo=",     "foo= ",		"=1",	     "=",
	    "foo =1",	   "FOO=1",    "foo.bar=1",	"foo bar=1", "@foo=1",
	    "_foo=1",	   "-foo=1",   "*foo=1",	"/foo=1",    "foo=1=2",
	    "foo=bar=",	   "foo=\x01", "foo=a\tb",	"foo=a\x7f", "foo=\xc3\xa9",
	    "f\xc3\xa9=1", S256 "0=1", "foo=" S256 "0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check(&(struct vector){{bad[i]}, ""});
		check(&(struct vector){{"ok=1", bad[i]}, ""});
		check(&(struct vector){{bad[i], "ok=1"}, ""});
	}
	check(&(struct vector){{MEMBERS_30, "bar31=31,bar32=32,bar33=33"}, ""});
	check(&(struct vector){{MEMBERS_30, "bar31=31,bar32=32,", "", "bar33=33"}, ""});
}

static void t01_what_is_too_long_loses_large_members_first(void **state)
{
	/* 5 + 128 + 1 = 134 characters each, and members of at most 128. */
	static const struct vector vectors[] = {
	    {{"a=1,large=" S255 ",b=2,other=" S255 ",c=" S255, "d=" S255, "e=5"},
	     "a=1,large=" S255 ",b=2,other=" S255 ",c=" S255 ",e=5"},
	    {{"a=" S256 S16, "b=2"}, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check(&vectors[i]);
}

static void t01_what_is_still_too_long_loses_whole_members_at_the_right(void **state)
{
	/* "x0=" and 121 digits are 124, 8 of them with commas 999, a ninth too many. */
	static char entry[4096], expected[4096];
	size_t at = 0, kept = 0;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		at += (size_t)snprintf(entry + at, sizeof(entry) - at, "%sx%c=%.121s",
				       i ? "," : "", (char)('a' + i), S256);
		if (i == 7)
			kept = at;
	}
	assert_true(kept <= TRACE_STATE_MAX && kept + 125 > TRACE_STATE_MAX);
	memcpy(expected, entry, kept);
	check(&(struct vector){{entry}, expected});
}

/* Exactly as long as may be, and one more. */
static void t01_the_limit_itself_fits(void **state)
{
	static char entry[2 * TRACE_STATE_MAX];
	static const char small[] = ",z=1";
	char head[] = "a=" S255, second[] = "b=" S255, third[] = "c=" S255;
	size_t left;
	int at;

	(void)state;
	at = snprintf(entry, sizeof(entry), "%s,%s,%s,d=", head, second, third);
	left = TRACE_STATE_MAX - (size_t)at - strlen(small);
	(void)snprintf(entry + at, sizeof(entry) - (size_t)at, "%.*s%s", (int)left,
		       S256, small);
	assert_int_equal(strlen(entry), TRACE_STATE_MAX);
	check(&(struct vector){{entry}, entry});
	(void)snprintf(entry + at, sizeof(entry) - (size_t)at, "%.*s%s", (int)left + 1,
		       S256, small);
	check(&(struct vector){{entry}, "a=" S255 ",b=" S255 ",c=" S255 ",z=1"});
}

static void add_stays_within_the_text(void **state)
{
	static const char text[] = "foo=1, bar=2 ,,baz=3";

	(void)state;
	for (size_t len = 1; len < sizeof(text); len++) {
		struct trace_state s;
		char *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, text, len);
		trace_state_init(&s);
		trace_state_add(&s, (struct rpc_str){copy, len});
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(t01_valid_states_are_passed_on),
	    cmocka_unit_test(t01_of_equal_keys_the_first_is_kept),
	    cmocka_unit_test(t01_one_bad_member_discards_the_whole_state),
	    cmocka_unit_test(t01_what_is_too_long_loses_large_members_first),
	    cmocka_unit_test(
		t01_what_is_still_too_long_loses_whole_members_at_the_right),
	    cmocka_unit_test(t01_the_limit_itself_fits),
	    cmocka_unit_test(add_stays_within_the_text),
	};

	return cmocka_run_group_tests_name("trace/state", tests, NULL, NULL);
}
