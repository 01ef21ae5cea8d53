/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: what they mean, what is refused and where, and why a row does not match. */
#include "snp_test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/query.h"

/* ---- a row --------------------------------------------------------------- */

struct row {
	const char *pool, *state;
	double pid, p99, rss, rate, busy;
};

static const struct row one = {
    .pool = "ml_infer",
    .state = "busy",
    .pid = 12003,
    .p99 = 71e6,
    .rss = 412.0 * 1024 * 1024,
    .rate = 1210.5,
    .busy = 88,
};
static const struct row idle = {
    .pool = "io", .state = "idle", .pid = NAN, .p99 = NAN, .rss = 0, .rate = 0};

static const struct {
	const char *name;
	enum snp_query_kind kind;
} fields[] = {
    {"pool", SNP_QUERY_TEXT},	 {"state", SNP_QUERY_TEXT}, {"pid", SNP_QUERY_COUNT},
    {"p99_ns", SNP_QUERY_NS},	 {"rss", SNP_QUERY_BYTES},  {"req_s", SNP_QUERY_RATE},
    {"busy", SNP_QUERY_PERCENT},
};

static struct snp_query_field find(const char *word)
{
	for (int i = 0; i < (int)(sizeof(fields) / sizeof(*fields)); i++)
		if (strcmp(fields[i].name, word) == 0 ||
		    (i == 3 && strcmp(word, "p99") == 0))
			return (struct snp_query_field){i, fields[i].kind,
							fields[i].name};
	return (struct snp_query_field){.id = -1};
}

static const char *nearest(const char *word)
{
	return strcmp(word, "stat") == 0 ? "state" : NULL;
}

static struct snp_query_value get(const void *opaque, int id)
{
	const struct row *row = opaque;
	const double numbers[] = {row->pid, row->p99, row->rss, row->rate, row->busy};

	if (id < 2)
		return (struct snp_query_value){
		    .known = true, .text = id == 0 ? row->pool : row->state};
	return (struct snp_query_value){.known = !isnan(numbers[id - 2]),
					.number = numbers[id - 2]};
}

static const struct snp_query_terms terms = {find, nearest, get};

static struct snp_query *compile(const char *text)
{
	struct snp_query *query = NULL;
	struct snp_query_place place;
	struct snp_err err = {0};

	if (snp_query_compile(text, &terms, &query, &place, &err) < 0)
		fail_msg("%s: %s (at %zu)", text, err.msg, place.at);
	return query;
}

/* ---- meaning ------------------------------------------------------------- */

static void a_query_means_what_it_says(void **state)
{
	static const struct {
		const char *text;
		bool one, idle;
	} cases[] = {
	    {"state=busy", true, false},
	    {"state == busy", true, false},
	    {"state!=busy", false, true},
	    {"state='busy'", true, false},
	    {"state=\"busy\"", true, false},
	    {"pool~ml", true, false},
	    {"pool~'^ml_(infer|train)$'", true, false},
	    {"pool!~ml", false, true},
	    {"pid=12003", true, false},
	    {"pid=12.003K", true, false},
	    {"pid!=12003", false, false}, /* unknown passes no test */
	    {"not pid=12003", false, true},
	    {"!(pid=12003)", false, true},
	    {"pid=-", false, true},
	    {"pid!=-", true, false},
	    {"p99>50ms", true, false},
	    {"p99>=71ms", true, false},
	    {"p99<=71000us", true, false},
	    {"p99<0.071s", false, false},
	    {"p99_ns<1m", true, false},
	    {"p99>0", true, false},
	    {"rss>400M", true, false},
	    {"rss>412M", false, false},
	    {"rss>=412MiB", true, false},
	    {"rss=0", false, true},
	    {"rss<1g", true, true},
	    {"req_s>1.2k", true, false},
	    {"req_s<1.21e3", false, true},
	    {"busy>=88%", true, false},
	    {"busy>=88", true, false},
	    {"state=idle or pool=ml_infer and busy>90", false, true},
	    {"(state=idle or pool=ml_infer) and busy>90", false, false},
	    {"state=idle or state=busy", true, true},
	    {"state=busy OR Not state=busy", true, true},
	    {"not not state=busy", true, false},
	    {"  state  =  busy  ", true, false},
	    {"state=busy and p99>50ms and pool~ml", true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snp_query *query = compile(cases[i].text);

		if (snp_query_matches(query, &one) != cases[i].one ||
		    snp_query_matches(query, &idle) != cases[i].idle)
			fail_msg("%s", cases[i].text);
		snp_query_free(query);
	}
}

/* ---- refusal ------------------------------------------------------------- */

static void a_bad_query_is_refused_where_it_is_bad(void **state)
{
	static const struct {
		const char *text, *says;
		size_t at, len;
	} cases[] = {
	    {"", "nothing is asked", 0, 1},
	    {"stat=busy", "no field \"stat\"; did you mean \"state\"?", 0, 4},
	    {"state=busy and nix>3", "no field \"nix\"", 15, 3},
	    {"state", "after \"state\" comes one of", 5, 1},
	    {"state busy", "after \"state\" comes one of", 6, 4},
	    {"state=", "a value is missing", 6, 1},
	    {"state=busy and", "the query ends where", 14, 1},
	    {"state=busy pool=io", "\"and\" or \"or\" is missing", 11, 4},
	    {"(state=busy", "\")\" is missing", 11, 1},
	    {"state=busy)", "\"(\" is missing", 10, 1},
	    {"and state=busy", "a field is missing", 0, 3},
	    {"p99>50", "p99_ns is a duration: write 50ms", 4, 2},
	    {"p99>fast", "p99_ns is a number", 4, 4},
	    {"p99>50M", "\"M\" is no unit of p99_ns", 6, 1},
	    {"rss>5ms", "\"ms\" is no unit of rss", 5, 2},
	    {"busy>5K", "\"K\" is no unit of busy", 6, 1},
	    {"p99~50ms", "~ searches texts, and p99_ns is a number", 3, 1},
	    {"state<busy", "state is a text", 5, 1},
	    {"pool~'('", "no regular expression", 5, 3},
	    {"pool~'a{9}'", "at most 8 of * + ?, and no {", 5, 6},
	    {"pool~'a+++++++++'", "at most 8 of * + ?, and no {", 5, 12},
	    {"state='busy", "the quote is not closed", 6, 5},
	    {"state=busy;", "\";\" means nothing", 10, 1},
	    {"pid=1e999", "pid is a number", 4, 5},
	    {"pid=nan", "pid is a number", 4, 3},
	    {"pid<-", "\"-\" stands for what is not known", 3, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snp_query *query = NULL;
		struct snp_query_place place = {0};
		struct snp_err err = {0};
		int rc = snp_query_compile(cases[i].text, &terms, &query, &place, &err);

		if (rc != -EINVAL || !strstr(err.msg, cases[i].says) ||
		    place.at != cases[i].at || place.len != cases[i].len)
			fail_msg("%s: %d \"%s\" at %zu, %zu", cases[i].text, rc,
				 err.msg, place.at, place.len);
		assert_null(query);
	}
}

static void a_query_of_any_depth_and_length_is_refused_or_done(void **state)
{
	char text[SNP_QUERY_BYTES_MAX + 2];
	struct snp_query_place place;
	struct snp_query *query = NULL;
	struct snp_err err = {0};

	(void)state;
	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(snp_query_compile(text, &terms, &query, &place, &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "at most 1024 bytes"));
	text[SNP_QUERY_BYTES_MAX] = '\0';
	assert_int_equal(snp_query_compile(text, &terms, &query, &place, &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "nested"));
	for (size_t i = 0; i + 8 < SNP_QUERY_BYTES_MAX; i += 9)
		memcpy(text + i, "pid=1 or ", 9);
	memcpy(text + SNP_QUERY_BYTES_MAX / 9 * 9 - 9, "pid=12003", 10);
	query = compile(text);
	assert_true(snp_query_matches(query, &one));
	snp_query_free(query);
}

/* ---- explanation --------------------------------------------------------- */

static void why_not_names_the_test_that_decided(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"p99<50ms", "p99_ns is 71ms, not < 50ms"},
	    {"state=busy and p99<50ms and rss<1K", "p99_ns is 71ms, not < 50ms"},
	    {"state=idle or pool=io", "pool is ml_infer, not = io"},
	    {"not state=busy", "state is busy"},
	    {"rss<1K", "rss is 412M, not < 1K"},
	    {"busy<50%", "busy is 88%, not < 50%"},
	    {"req_s<1K", "req_s is 1210.5, not < 1K"},
	    {"pid=-", "pid is 12003, not = -"},
	    {"state=busy", ""},
	};
	struct snp_buf out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snp_query *query = compile(cases[i].text);

		snp_buf_reset(&out);
		snp_query_why_not(query, &one, &out);
		snp_buf_putc(&out, '\0');
		assert_string_equal(out.data, cases[i].why);
		snp_query_free(query);
	}
	snp_buf_reset(&out);
	{
		struct snp_query *query = compile("p99<50ms");

		snp_query_why_not(query, &idle, &out);
		snp_buf_putc(&out, '\0');
		assert_string_equal(out.data, "p99_ns is not known");
		snp_query_free(query);
	}
	snp_buf_fini(&out);
}

static void the_place_is_pointed_at(void **state)
{
	const struct snp_query_place place = {.at = 11, .len = 4};
	struct snp_buf out = {0};

	(void)state;
	snp_query_point("state=busy stat\t=1", &place, &out);
	snp_buf_putc(&out, '\0');
	assert_string_equal(out.data, "  state=busy stat?=1\n"
				      "             ^~~~\n");
	snp_buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_query_means_what_it_says),
	    cmocka_unit_test(a_bad_query_is_refused_where_it_is_bad),
	    cmocka_unit_test(a_query_of_any_depth_and_length_is_refused_or_done),
	    cmocka_unit_test(why_not_names_the_test_that_decided),
	    cmocka_unit_test(the_place_is_pointed_at),
	};

	return cmocka_run_group_tests_name("model/query", tests, NULL, NULL);
}
