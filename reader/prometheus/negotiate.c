/* SPDX-License-Identifier: Apache-2.0 */
#include "negotiate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* q in thousandths, as precise as HTTP has it. */
#define Q_MAX 1000

struct text {
	const char *at;
	size_t len;
};

static const char *const escapings[EXPO_ESCAPING_NR] = {
    [EXPO_ESCAPE_UNDERSCORES] = "underscores",
    [EXPO_ESCAPE_ALLOW_UTF8] = "allow-utf-8",
    [EXPO_ESCAPE_DOTS] = "dots",
    [EXPO_ESCAPE_VALUES] = "values",
};

/* ---- lists of things with parameters: a;x=1;y="2", b;q=0.5 --------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct text trimmed(struct text text)
{
	while (text.len > 0 && is_blank(text.at[0])) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && is_blank(text.at[text.len - 1]))
		text.len--;
	return text;
}

static bool equals(struct text text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

/* Cut off what stands before the next `separator` outside of quotes; false at the end.
 */
static bool next_part(struct text *rest, char separator, struct text *ret_part)
{
	bool quoted = false;
	size_t i;

	if (!rest->at)
		return false;
	for (i = 0; i < rest->len && (quoted || rest->at[i] != separator); i++) {
		if (rest->at[i] == '"')
			quoted = !quoted;
		else if (quoted && rest->at[i] == '\\' && i + 1 < rest->len)
			i++;
	}
	*ret_part = trimmed((struct text){rest->at, i});
	if (i < rest->len)
		*rest = (struct text){rest->at + i + 1, rest->len - i - 1};
	else
		*rest = (struct text){0};
	return true;
}

/* Cut off the next name=value; a parameter without "=" has an empty value. */
static bool next_param(struct text *rest, struct text *ret_name, struct text *ret_value)
{
	struct text part, name;

	if (!next_part(rest, ';', &part))
		return false;
	*ret_value = part;
	if (!next_part(ret_value, '=', &name))
		return false;
	*ret_name = name;
	*ret_value = trimmed(*ret_value);
	if (ret_value->len >= 2 && ret_value->at[0] == '"' &&
	    ret_value->at[ret_value->len - 1] == '"')
		*ret_value = (struct text){ret_value->at + 1, ret_value->len - 2};
	return true;
}

/* 0..Q_MAX, negative when it is no weight: digits behind the third do not count. */
static int weight(struct text text)
{
	int q, digit = Q_MAX / 10;

	if (text.len == 0 || (text.at[0] != '0' && text.at[0] != '1'))
		return -1;
	q = text.at[0] == '1' ? Q_MAX : 0;
	if (text.len > 1 && text.at[1] != '.')
		return -1;
	for (size_t i = 2; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		q += (text.at[i] - '0') * digit;
		digit /= 10;
	}
	return q > Q_MAX ? Q_MAX : q;
}

/* ---- Accept -------------------------------------------------------------- */

struct range {
	struct text type, version, proto, encoding;
	enum expo_escaping escaping;
	int q;
};

static enum expo_escaping escaping_of(struct text name)
{
	for (unsigned i = 0; i < EXPO_ESCAPING_NR; i++)
		if (equals(name, escapings[i]))
			return (enum expo_escaping)i;
	return EXPO_ESCAPE_UNDERSCORES;
}

static void parse_range(struct text item, struct range *ret)
{
	struct text name, value;

	*ret = (struct range){.q = Q_MAX};
	(void)next_part(&item, ';', &ret->type);
	while (next_param(&item, &name, &value)) {
		if (equals(name, "q"))
			ret->q = weight(value);
		else if (equals(name, "version"))
			ret->version = value;
		else if (equals(name, "proto"))
			ret->proto = value;
		else if (equals(name, "encoding"))
			ret->encoding = value;
		else if (equals(name, "escaping"))
			ret->escaping = escaping_of(value);
	}
}

/* Which of our formats the range names, if any. */
static bool format_of(const struct range *range, enum expo_format *ret_format)
{
	if (equals(range->type, "*/*") || equals(range->type, "text/*") ||
	    (equals(range->type, "text/plain") &&
	     (range->version.len == 0 || equals(range->version, "0.0.4"))))
		*ret_format = EXPO_TEXT;
	else if (equals(range->type, "application/openmetrics-text") &&
		 (range->version.len == 0 || equals(range->version, "0.0.1")))
		*ret_format = EXPO_OPENMETRICS_0_0_1;
	else if (equals(range->type, "application/openmetrics-text") &&
		 equals(range->version, "1.0.0"))
		*ret_format = EXPO_OPENMETRICS_1_0_0;
	else if (equals(range->type, "application/vnd.google.protobuf") &&
		 equals(range->proto, "io.prometheus.client.MetricFamily") &&
		 equals(range->encoding, "delimited"))
		*ret_format = EXPO_PROTOBUF;
	else
		return false;
	return true;
}

/* ---- Accept-Encoding ----------------------------------------------------- */

/* Whether gzip is wanted, and not less than the bytes as they are. */
static bool wants_gzip(struct text header)
{
	int gzip = -1, any = 0, identity = 0, q;
	struct text item, coding, name, value;

	while (next_part(&header, ',', &item)) {
		q = Q_MAX;
		(void)next_part(&item, ';', &coding);
		while (next_param(&item, &name, &value))
			if (equals(name, "q"))
				q = weight(value);
		if (q < 0)
			continue;
		if (equals(coding, "gzip") || equals(coding, "x-gzip"))
			gzip = q;
		else if (equals(coding, "*"))
			any = q;
		else if (equals(coding, "identity"))
			identity = q;
	}
	if (gzip < 0)
		gzip = any;
	return gzip > 0 && gzip >= identity;
}

static struct text header_text(const char *header)
{
	return (struct text){header, header ? strlen(header) : 0};
}

void negotiate(const char *accept, const char *accept_encoding,
	       struct negotiated *ret_negotiated)
{
	struct text rest = header_text(accept);
	struct text item;
	struct range range;
	enum expo_format format;
	int best = 0, score;

	*ret_negotiated =
	    (struct negotiated){.gzip = wants_gzip(header_text(accept_encoding))};
	while (next_part(&rest, ',', &item)) {
		parse_range(item, &range);
		if (range.q <= 0 || !format_of(&range, &format))
			continue;
		/* Of equals, one that names its format beats a wildcard. */
		score = 2 * range.q + !memchr(range.type.at, '*', range.type.len);
		if (score <= best)
			continue;
		best = score;
		ret_negotiated->format = format;
		ret_negotiated->escaping = range.escaping;
	}
}

void negotiated_content_type(const struct negotiated *negotiated,
			     char ret_type[NEGOTIATED_TYPE_BYTES])
{
	static const char *const types[EXPO_FORMAT_NR] = {
	    [EXPO_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	    [EXPO_OPENMETRICS_0_0_1] =
		"application/openmetrics-text; version=0.0.1; charset=utf-8",
	    [EXPO_OPENMETRICS_1_0_0] =
		"application/openmetrics-text; version=1.0.0; charset=utf-8",
	    [EXPO_PROTOBUF] = "application/vnd.google.protobuf; "
			      "proto=io.prometheus.client.MetricFamily; "
			      "encoding=delimited",
	};

	(void)snprintf(ret_type, NEGOTIATED_TYPE_BYTES, "%s; escaping=%s",
		       types[negotiated->format], escapings[negotiated->escaping]);
}
