/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_out.h"

#include <math.h>
#include <string.h>

#include "model/number.h"
#include "model/utf8.h"
#include "snakepit/check.h"

void snp_json_init(struct snp_json *json, struct snp_buf *out)
{
	*json = (struct snp_json){.out = out};
}

/* Called before each value and key: the comma, if one is due. */
static void separate(struct snp_json *json)
{
	if (json->key_pending) {
		json->key_pending = false;
		return;
	}
	if (json->depth == 0)
		return;
	SNP_CHECK(json->level[json->depth - 1].close == ']');
	if (json->level[json->depth - 1].has_items)
		snp_buf_putc(json->out, ',');
	json->level[json->depth - 1].has_items = true;
}

static void level_begin(struct snp_json *json, char open, char close)
{
	separate(json);
	SNP_CHECK(json->depth < SNP_JSON_DEPTH_MAX);
	json->level[json->depth].close = close;
	json->level[json->depth].has_items = false;
	json->depth++;
	snp_buf_putc(json->out, open);
}

static void level_end(struct snp_json *json, char close)
{
	SNP_CHECK(json->depth > 0 && !json->key_pending);
	json->depth--;
	SNP_CHECK(json->level[json->depth].close == close);
	snp_buf_putc(json->out, close);
}

void snp_json_object_begin(struct snp_json *json)
{
	level_begin(json, '{', '}');
}

void snp_json_object_end(struct snp_json *json)
{
	level_end(json, '}');
}

void snp_json_array_begin(struct snp_json *json)
{
	level_begin(json, '[', ']');
}

void snp_json_array_end(struct snp_json *json)
{
	level_end(json, ']');
}

static void put_control(struct snp_buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[0x20] = {
	    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

	if (c < 0x20 && shorts[c]) {
		const char text[2] = {'\\', shorts[c]};

		snp_buf_put(out, text, sizeof(text));
	} else {
		const char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

		snp_buf_put(out, text, sizeof(text));
	}
}

static bool is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u < 0x7F && c != '"' && c != '\\';
}

static void put_quoted(struct snp_buf *out, const char *text, size_t len)
{
	size_t i = 0;
	size_t run;

	snp_buf_putc(out, '"');
	while (i < len) {
		for (run = i; run < len && is_plain(text[run]);)
			run++;
		snp_buf_put(out, text + i, run - i);
		i = run;
		if (i == len)
			break;
		run = snp_utf8_char_len(text + i, len - i);
		if (run == 0) {
			snp_buf_puts(out, SNP_UTF8_REPLACEMENT);
			run = 1;
		} else if (run > 1) {
			snp_buf_put(out, text + i, run);
		} else if (text[i] == '"' || text[i] == '\\') {
			snp_buf_putc(out, '\\');
			snp_buf_putc(out, text[i]);
		} else {
			put_control(out, (unsigned char)text[i]);
		}
		i += run;
	}
	snp_buf_putc(out, '"');
}

void snp_json_key(struct snp_json *json, const char *key)
{
	SNP_CHECK(json->depth > 0 && !json->key_pending);
	SNP_CHECK(json->level[json->depth - 1].close == '}');
	if (json->level[json->depth - 1].has_items)
		snp_buf_putc(json->out, ',');
	json->level[json->depth - 1].has_items = true;
	put_quoted(json->out, key, strlen(key));
	snp_buf_putc(json->out, ':');
	json->key_pending = true;
}

void snp_json_string_n(struct snp_json *json, const char *text, size_t len)
{
	separate(json);
	put_quoted(json->out, text, len);
}

void snp_json_string(struct snp_json *json, const char *text)
{
	snp_json_string_n(json, text, strlen(text));
}

void snp_json_number(struct snp_json *json, const char *text, size_t len)
{
	separate(json);
	snp_buf_put(json->out, text, len);
}

void snp_json_u64(struct snp_json *json, uint64_t value)
{
	separate(json);
	snp_buf_u64(json->out, value);
}

void snp_json_i64(struct snp_json *json, int64_t value)
{
	char text[SNP_NUMBER_BYTES];

	snp_json_number(json, text, snp_number_i64(text, value));
}

void snp_json_seconds(struct snp_json *json, uint64_t ns)
{
	separate(json);
	snp_buf_seconds(json->out, ns);
}

void snp_json_double(struct snp_json *json, double value)
{
	char text[SNP_NUMBER_BYTES];

	if (!isfinite(value)) {
		snp_json_null(json);
		return;
	}
	snp_json_number(json, text, snp_number_double(text, value));
}

void snp_json_bool(struct snp_json *json, bool value)
{
	separate(json);
	snp_buf_puts(json->out, value ? "true" : "false");
}

void snp_json_null(struct snp_json *json)
{
	separate(json);
	snp_buf_puts(json->out, "null");
}

void snp_json_kv_string(struct snp_json *json, const char *key, const char *text)
{
	snp_json_key(json, key);
	snp_json_string(json, text);
}

void snp_json_kv_u64(struct snp_json *json, const char *key, uint64_t value)
{
	snp_json_key(json, key);
	snp_json_u64(json, value);
}

void snp_json_kv_i64(struct snp_json *json, const char *key, int64_t value)
{
	snp_json_key(json, key);
	snp_json_i64(json, value);
}

void snp_json_kv_seconds(struct snp_json *json, const char *key, uint64_t ns)
{
	snp_json_key(json, key);
	snp_json_seconds(json, ns);
}

void snp_json_kv_double(struct snp_json *json, const char *key, double value)
{
	snp_json_key(json, key);
	snp_json_double(json, value);
}

void snp_json_kv_bool(struct snp_json *json, const char *key, bool value)
{
	snp_json_key(json, key);
	snp_json_bool(json, value);
}
