/* SPDX-License-Identifier: Apache-2.0 */
#include "model/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "snp_test.h"

/* What a call writes to stderr. */
static void line_of(const char *msg, char *ret_line, size_t size)
{
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t len;

	assert_true(saved >= 0);
	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	snp_log_line(SNP_LOG_WARN, "%s", msg);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	(void)close(ends[1]);
	len = read(ends[0], ret_line, size - 1);
	(void)close(ends[0]);
	assert_true(len >= 0);
	ret_line[len] = '\0';
}

/* Without the time, whose figures all become 0. */
static void check(enum snp_log_form form, const char *msg, const char *expected)
{
	char line[8192];

	snp_log_set_form(form);
	line_of(msg, line, sizeof(line));
	snp_log_set_form(SNP_LOG_LOGFMT);
	for (char *c = line; c < strstr(line, "level"); c++)
		if (*c >= '0' && *c <= '9')
			*c = '0';
	assert_string_equal(line, expected);
}

static void line_is_logfmt_or_json(void **state)
{
	(void)state;
	check(SNP_LOG_LOGFMT, "all well",
	      "time=0000-00-00T00:00:00.000Z level=warn msg=\"all well\"\n");
	check(SNP_LOG_JSON, "all well",
	      "{\"time\":\"0000-00-00T00:00:00.000Z\",\"level\":\"warn\","
	      "\"msg\":\"all well\"}\n");
}

static void line_stays_one_line_of_text(void **state)
{
	(void)state;
	check(SNP_LOG_JSON, "a\"b\\c\nd\te\x1b f\x7f\xff\xc3\xa4",
	      "{\"time\":\"0000-00-00T00:00:00.000Z\",\"level\":\"warn\","
	      "\"msg\":\"a\\\"b\\\\c d e  f \xef\xbf\xbd\xc3\xa4\"}\n");
}

static void line_has_an_end_whatever_is_said(void **state)
{
	char msg[6000], line[8192];

	(void)state;
	memset(msg, '"', sizeof(msg) - 1);
	msg[sizeof(msg) - 1] = '\0';
	for (int form = SNP_LOG_LOGFMT; form <= SNP_LOG_JSON; form++) {
		snp_log_set_form((enum snp_log_form)form);
		line_of(msg, line, sizeof(line));
		assert_in_range(strlen(line), 4000, 4096);
		assert_string_equal(line + strlen(line) -
					(form == SNP_LOG_JSON ? 3 : 2),
				    form == SNP_LOG_JSON ? "\"}\n" : "\"\n");
	}
	snp_log_set_form(SNP_LOG_LOGFMT);
}

static void forms_have_names(void **state)
{
	enum snp_log_form form = SNP_LOG_LOGFMT;

	(void)state;
	assert_int_equal(snp_log_form_parse("json", &form, NULL), 0);
	assert_int_equal(form, SNP_LOG_JSON);
	assert_int_equal(snp_log_form_parse("logfmt", &form, NULL), 0);
	assert_int_equal(form, SNP_LOG_LOGFMT);
	assert_int_equal(snp_log_form_parse("JSON", &form, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(line_is_logfmt_or_json),
	    cmocka_unit_test(line_stays_one_line_of_text),
	    cmocka_unit_test(line_has_an_end_whatever_is_said),
	    cmocka_unit_test(forms_have_names),
	};

	return cmocka_run_group_tests_name("model/log", tests, NULL, NULL);
}
