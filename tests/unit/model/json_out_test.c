/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_out.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/utf8.h"

/* ---- a decoder that accepts nothing JSON does not ------------------------ */

static unsigned hex_value(char c)
{
	assert_true(isxdigit((unsigned char)c));
	return isdigit((unsigned char)c)
		   ? (unsigned)(c - '0')
		   : (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

/* Decode one JSON string that fills text[0..len); returns the decoded length. Escapes
 * below U+0080 are all the writer has reason to use. */
static size_t decode_string(const char *text, size_t len, char *dst)
{
	static const char shorts[] = "\"\"\\\\/b\bf\fn\nr\rt\t";
	size_t n = 0;

	assert_true(len >= 2 && text[0] == '"' && text[len - 1] == '"');
	for (size_t i = 1; i < len - 1;) {
		unsigned char c = (unsigned char)text[i];
		size_t step;

		assert_true(c >= 0x20 && c != '"');
		if (c != '\\') {
			step = snp_utf8_char_len(text + i, len - 1 - i);
			assert_true(step > 0);
			memcpy(dst + n, text + i, step);
			n += step;
			i += step;
			continue;
		}
		assert_true(i + 1 < len - 1);
		if (text[i + 1] == 'u') {
			unsigned code = 0;

			assert_true(i + 5 < len - 1);
			for (size_t k = i + 2; k < i + 6; k++)
				code = code * 16 + hex_value(text[k]);
			assert_true(code < 0x80);
			dst[n++] = (char)code;
			i += 6;
			continue;
		}
		for (step = 0; step < sizeof(shorts) - 1; step++)
			if (text[i + 1] == shorts[step])
				break;
		assert_true(step < sizeof(shorts) - 1);
		if (text[i + 1] == '"' || text[i + 1] == '\\')
			dst[n++] = text[i + 1];
		else
			dst[n++] = shorts[step + 1];
		i += 2;
	}
	return n;
}

/* What the writer promises to make of bytes that are not UTF-8. */
static size_t replace_invalid(const char *text, size_t len, char *dst)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t step = snp_utf8_char_len(text + i, len - i);

		if (step == 0) {
			memcpy(dst + n, SNP_UTF8_REPLACEMENT, 3);
			n += 3;
			i++;
			continue;
		}
		memcpy(dst + n, text + i, step);
		n += step;
		i += step;
	}
	return n;
}

static void assert_string_survives(const char *text, size_t len)
{
	struct snp_buf buf = {0};
	struct snp_json json;
	char want[4096], got[4096];
	size_t want_len = replace_invalid(text, len, want);
	size_t got_len;

	snp_json_init(&json, &buf);
	snp_json_string_n(&json, text, len);
	got_len = decode_string(buf.data, buf.len, got);
	assert_int_equal(got_len, want_len);
	assert_memory_equal(got, want, want_len);
	snp_buf_fini(&buf);
}

static void assert_output(const struct snp_buf *buf, const char *want)
{
	if (buf->len == strlen(want) && memcmp(buf->data, want, buf->len) == 0)
		return;
	fail_msg("got %.*s, want %s", (int)buf->len, buf->data, want);
}

/* ---- strings ------------------------------------------------------------- */

static void string_every_single_byte_survives(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const char text[3] = {'a', (char)c, 'z'};

		assert_string_survives(text, sizeof(text));
		assert_string_survives(text + 1, 1);
	}
}

static void string_random_bytes_survive(void **state)
{
	char text[64];

	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		size_t len = (size_t)rand() % sizeof(text);

		for (size_t k = 0; k < len; k++)
			text[k] = (char)(rand() % 2 ? rand() : 0x80 + rand() % 0x80);
		assert_string_survives(text, len);
	}
}

static void string_hostile_text_is_escaped(void **state)
{
	struct snp_buf buf = {0};
	struct snp_json json;

	(void)state;
	snp_json_init(&json, &buf);
	snp_json_string(&json, "a\"b\\c\n\r\t\b\f\x01\x7f</script>\xff\xc3\xa4");
	assert_output(&buf, "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u007f</script>"
			    "\xEF\xBF\xBD\xc3\xa4\"");
	snp_buf_fini(&buf);
}

static void utf8_forbidden_forms_are_refused(void **state)
{
	static const char *const bad[] = {
	    "\x80",		/* a continuation alone */
	    "\xC0\x80",		/* overlong NUL */
	    "\xC1\xBF",		/* overlong DEL */
	    "\xE0\x9F\xBF",	/* overlong U+07FF */
	    "\xED\xA0\x80",	/* surrogate */
	    "\xF0\x8F\xBF\xBF", /* overlong U+FFFF */
	    "\xF4\x90\x80\x80", /* U+110000 */
	    "\xF5\x80\x80\x80",
	    "\xFE",
	    "\xFF",
	    "\xC3",	    /* cut short */
	    "\xE2\x82",	    /* cut short */
	    "\xF0\x9F\x98", /* cut short */
	    "\xC3\x28",	    /* wrong continuation */
	};
	static const char *const good[] = {"a",
					   "\xC2\x80",
					   "\xDF\xBF",
					   "\xE0\xA0\x80",
					   "\xED\x9F\xBF",
					   "\xEE\x80\x80",
					   "\xF0\x90\x80\x80",
					   "\xF4\x8F\xBF\xBF"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(snp_utf8_char_len(bad[i], strlen(bad[i])), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(snp_utf8_char_len(good[i], strlen(good[i])),
				 strlen(good[i]));
}

/* ---- structure ----------------------------------------------------------- */

static void nested_values_get_their_commas(void **state)
{
	struct snp_buf buf = {0};
	struct snp_json json;

	(void)state;
	snp_json_init(&json, &buf);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "max", UINT64_MAX);
	snp_json_kv_i64(&json, "min", INT64_MIN);
	snp_json_kv_seconds(&json, "s", 1000000001);
	snp_json_kv_double(&json, "d", 0.1);
	snp_json_kv_double(&json, "nan", (double)NAN);
	snp_json_kv_bool(&json, "yes", true);
	snp_json_key(&json, "list");
	snp_json_array_begin(&json);
	snp_json_array_begin(&json);
	snp_json_array_end(&json);
	snp_json_object_begin(&json);
	snp_json_object_end(&json);
	snp_json_null(&json);
	snp_json_bool(&json, false);
	snp_json_number(&json, "1e3", 3);
	snp_json_array_end(&json);
	snp_json_kv_string(&json, "k\"ey", "v");
	snp_json_object_end(&json);
	assert_output(&buf, "{\"max\":18446744073709551615,"
			    "\"min\":-9223372036854775808,\"s\":1.000000001,"
			    "\"d\":0.1,\"nan\":null,\"yes\":true,"
			    "\"list\":[[],{},null,false,1e3],\"k\\\"ey\":\"v\"}");
	snp_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(string_every_single_byte_survives),
	    cmocka_unit_test(string_random_bytes_survive),
	    cmocka_unit_test(string_hostile_text_is_escaped),
	    cmocka_unit_test(utf8_forbidden_forms_are_refused),
	    cmocka_unit_test(nested_values_get_their_commas),
	};

	return cmocka_run_group_tests_name("model/json_out", tests, NULL, NULL);
}
