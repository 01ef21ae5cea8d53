/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snakepit/time.h"

#define REPLACEMENT 0xFFFDU

/* Encoded bytes that one string may take, so that a long one leaves room for others. */
#define MSG_BYTES_MAX	3072
#define FIELD_BYTES_MAX 2048

/* Room kept at the end of a string for the marker, its digits and the closing quote. */
#define MARK_FORMAT "...(+%zu bytes)"
#define MARK_BYTES  40

static const char *const cut_suffix[LOG_FORMAT_NR] = {
    [LOG_FORMAT_JSON] = ",\"truncated\":true",
    [LOG_FORMAT_LOGFMT] = " truncated=true",
};

/* ---- Characters ---------------------------------------------------------- */

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0U) == 0x80U;
}

size_t line_utf8_next(const char *p, size_t n, uint32_t *ret_cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)p[0];
	size_t need = lead < 0x80U   ? 1
		      : lead < 0xC0U ? 0
		      : lead < 0xE0U ? 2
		      : lead < 0xF0U ? 3
				     : 4;
	uint32_t cp;

	*ret_cp = REPLACEMENT;
	if (need == 1) {
		*ret_cp = lead;
		return 1;
	}
	if (need == 0 || lead > 0xF4U || need > n)
		return 1;
	cp = lead & (0x7FU >> need);
	for (size_t i = 1; i < need; i++) {
		if (!is_continuation(p[i]))
			return 1;
		cp = cp << 6 | ((unsigned char)p[i] & 0x3FU);
	}
	if (cp < least[need] || cp > 0x10FFFFU || (cp >= 0xD800U && cp <= 0xDFFFU))
		return 1;
	*ret_cp = cp;
	return need;
}

bool line_is_unsafe(uint32_t cp)
{
	return cp < 0x20U || (cp >= 0x7FU && cp <= 0x9FU) ||
	       (cp >= 0x2028U && cp <= 0x202EU) || (cp >= 0x2066U && cp <= 0x2069U);
}

/* Encode the character of `n` bytes at `p` into `out`; returns the encoded length. */
static size_t encode(char out[8], const char *p, size_t n, uint32_t cp)
{
	static const char shorthand[] = "\"\"\\\\\nn\tt\rr\bb\ff";

	for (const char *s = shorthand; *s; s += 2) {
		if ((uint32_t)s[0] == cp) {
			out[0] = '\\';
			out[1] = s[1];
			return 2;
		}
	}
	if (line_is_unsafe(cp))
		return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)cp & 0xFFFFU);
	if (cp == REPLACEMENT)
		return (size_t)snprintf(out, 8, "\xEF\xBF\xBD");
	memcpy(out, p, n);
	return n;
}

/* ---- Pieces -------------------------------------------------------------- */

static bool put(struct line *line, const char *bytes, size_t n)
{
	if (n > line->cap - line->len)
		return false;
	memcpy(line->text + line->len, bytes, n);
	line->len += n;
	return true;
}

static bool put_str(struct line *line, const char *s)
{
	return put(line, s, strlen(s));
}

/* Append the escaped characters of p[0..n) as far as they fit below `max` bytes.
 * Returns how many source bytes were used. */
static size_t put_escaped(struct line *line, const char *p, size_t n, size_t max)
{
	size_t done = 0, used = 0;

	while (done < n) {
		uint32_t cp;
		size_t step = line_utf8_next(p + done, n - done, &cp);
		char out[8];
		size_t out_len = encode(out, p + done, step, cp);

		if (out_len > max - used || !put(line, out, out_len))
			break;
		used += out_len;
		done += step;
	}
	return done;
}

static bool put_quoted(struct line *line, const char *p, size_t n, size_t max)
{
	size_t room = line->cap - line->len;
	size_t done;

	if (room < MARK_BYTES + 2)
		return false;
	if (max > room - 1)
		max = room - 1;
	(void)put(line, "\"", 1);
	done = put_escaped(line, p, n, max - MARK_BYTES);
	if (done < n) {
		char mark[MARK_BYTES];

		(void)snprintf(mark, sizeof(mark), MARK_FORMAT, n - done);
		(void)put_str(line, mark);
		line->cut = true;
	}
	return put(line, "\"", 1);
}

/* A logfmt value needs no quotes if nothing in it could be taken for something else. */
static bool is_bare(const char *p, size_t n)
{
	static const char bare[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_./:@#%+,-";

	if (n == 0 || n > 128)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\0' || !strchr(bare, p[i]))
			return false;
	}
	return true;
}

static bool put_string(struct line *line, const char *p, size_t n, size_t max)
{
	if (line->format == LOG_FORMAT_LOGFMT && is_bare(p, n))
		return put(line, p, n);
	return put_quoted(line, p, n, max);
}

static bool put_key(struct line *line, const char *key)
{
	char bare[64];
	size_t n = strnlen(key, sizeof(bare) - 1);

	if (line->format == LOG_FORMAT_JSON)
		return put_str(line, line->len > 1 ? "," : "") &&
		       put_quoted(line, key, n, sizeof(bare) + MARK_BYTES) &&
		       put(line, ":", 1);
	for (size_t i = 0; i < n; i++)
		bare[i] = is_bare(key + i, 1) ? key[i] : '_';
	return put_str(line, line->len > 0 ? " " : "") && put(line, bare, n) &&
	       put(line, "=", 1);
}

static bool put_number(struct line *line, double v)
{
	char text[32];
	int n;

	if (!isfinite(v))
		return put_str(line, "null");
	n = snprintf(text, sizeof(text), "%.15g", v);
	for (int i = 0; i < n; i++) {
		if (text[i] == ',') /* the decimal point of some locales */
			text[i] = '.';
	}
	return put(line, text, (size_t)n);
}

static bool put_errno(struct line *line, int64_t errnum)
{
	char buf[128];
	const char *text;

	text = strerror_r((int)(errnum < 0 ? -errnum : errnum), buf, sizeof(buf));
	return put_string(line, text, strlen(text), FIELD_BYTES_MAX);
}

static bool put_value(struct line *line, const struct log_field *field)
{
	char text[48];

	switch (field->type) {
	case LOG__STR:
		if (!field->str.ptr)
			return put_str(line, "null");
		return put_string(line, field->str.ptr,
				  field->str.len == SIZE_MAX ? strlen(field->str.ptr)
							     : field->str.len,
				  FIELD_BYTES_MAX);
	case LOG__U64:
		(void)snprintf(text, sizeof(text), "%ju", (uintmax_t)field->u64);
		return put_str(line, text);
	case LOG__I64:
		(void)snprintf(text, sizeof(text), "%jd", (intmax_t)field->i64);
		return put_str(line, text);
	case LOG__F64:
		return put_number(line, field->f64);
	case LOG__BOOL:
		return put_str(line, field->b ? "true" : "false");
	case LOG__NS_AS_MS:
		(void)snprintf(text, sizeof(text), "%ju.%03ju",
			       (uintmax_t)(field->u64 / SNP_NS_PER_MS),
			       (uintmax_t)(field->u64 % SNP_NS_PER_MS / SNP_NS_PER_US));
		return put_str(line, text);
	case LOG__ERRNO:
		return put_errno(line, field->i64);
	case LOG__CONTEXT: /* add_context() */
	case LOG__END:
		break;
	}
	return false;
}

static void add_context(struct line *line, const struct log_context *context)
{
	char text[2 * 16 + 1];

	if (context->correlation_id && *context->correlation_id)
		line_add(line, &LOG_STR("correlation_id", context->correlation_id));
	if (context->trace_id[0] | context->trace_id[1]) {
		(void)snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64,
			       context->trace_id[0], context->trace_id[1]);
		line_add(line, &LOG_STR("trace_id", text));
	}
	if (context->span_id) {
		(void)snprintf(text, sizeof(text), "%016" PRIx64, context->span_id);
		line_add(line, &LOG_STR("span_id", text));
		(void)snprintf(text, sizeof(text), "%02x", context->trace_flags & 0xFF);
		line_add(line, &LOG_STR("trace_flags", text));
	}
}

/* ---- Lines --------------------------------------------------------------- */

static void add_time(struct line *line)
{
	uint64_t now_ns = snp_wall_now().ns;
	time_t seconds = (time_t)(now_ns / SNP_NS_PER_S);
	struct tm tm;
	char text[48];
	int n;

	gmtime_r(&seconds, &tm);
	n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		     tm.tm_min, tm.tm_sec,
		     (unsigned)(now_ns % SNP_NS_PER_S / SNP_NS_PER_US));
	line_add(line, &LOG_STRN("ts", text, (size_t)n));
}

void line_begin(struct line *line, enum log_format format, enum log_level level,
		const char *msg, size_t msg_len)
{
	size_t ending = strlen(cut_suffix[format]) + strlen("}\n");

	line->format = format;
	line->cut = false;
	line->len = 0;
	line->cap = sizeof(line->text) - 1 - ending;
	if (format == LOG_FORMAT_JSON)
		(void)put(line, "{", 1);
	add_time(line);
	line_add(line, &LOG_STR("level", log_level_name(level)));
	(void)put_key(line, "msg");
	(void)put_string(line, msg, msg_len, MSG_BYTES_MAX);
}

void line_add(struct line *line, const struct log_field *field)
{
	size_t before = line->len;

	if (field->type == LOG__CONTEXT) {
		add_context(line, &field->context);
		return;
	}
	if (put_key(line, field->key) && put_value(line, field))
		return;
	line->len = before;
	line->cut = true;
}

void line_end(struct line *line)
{
	line->cap = sizeof(line->text) - 1;
	if (line->cut)
		(void)put_str(line, cut_suffix[line->format]);
	(void)put_str(line, line->format == LOG_FORMAT_JSON ? "}\n" : "\n");
}
