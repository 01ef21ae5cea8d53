/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <stdlib.h>
#include <string.h>

#include "model/utf8.h"

/* Where a style puts its tags and how it writes them. */
struct style {
	const char *name;
	bool at_end;	   /* behind the value; else between name and value */
	const char *first; /* before the first tag */
	char between;	   /* before each further one */
	char assign;	   /* between key and value; '\0' = values alone */
};

static const struct style styles[FORMAT_STYLE_NR] = {
    [FORMAT_NONE] = {"none", false, ".", '.', '\0'},
    [FORMAT_DOGSTATSD] = {"dogstatsd", true, "|#", ',', ':'},
    [FORMAT_INFLUX] = {"influx", false, ",", ',', '='},
    [FORMAT_LIBRATO] = {"librato", false, "#", ',', '='},
};

static const char *const types[FORMAT_TYPE_NR] = {
    [FORMAT_COUNTER] = "|c",
    [FORMAT_GAUGE] = "|g",
    [FORMAT_TIMING] = "|ms",
    [FORMAT_DISTRIBUTION] = "|d",
};

const char *format_style_name(enum format_style style)
{
	return styles[style].name;
}

bool format_style_parse(const char *text, enum format_style *ret_style)
{
	for (unsigned i = 0; i < FORMAT_STYLE_NR; i++) {
		if (strcmp(text, styles[i].name) == 0) {
			*ret_style = (enum format_style)i;
			return true;
		}
	}
	return false;
}

/* ---- clean text ---------------------------------------------------------- */

enum alphabet {
	ALPHABET_PART, /* of a name that dots divide */
	ALPHABET_NAME, /* and dots */
	ALPHABET_TEXT, /* and slashes and everything beyond ASCII: values of tags */
};

static bool is_allowed(enum alphabet alphabet, char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-')
		return true;
	if (c == '.')
		return alphabet != ALPHABET_PART;
	return c == '/' && alphabet == ALPHABET_TEXT;
}

/* At most `max` bytes of `text`; a whole character becomes one '_'. Receivers take no
 * empty text, so that is one as well. */
static void put_clean(struct snp_buf *buf, enum alphabet alphabet, const char *text,
		      size_t max)
{
	size_t left = strlen(text), bytes;

	if (left == 0)
		snp_buf_putc(buf, '_');
	for (; left > 0; text += bytes, left -= bytes) {
		bytes = snp_utf8_char_len(text, left);
		bool keep =
		    bytes > 1 ? alphabet == ALPHABET_TEXT : is_allowed(alphabet, *text);
		size_t takes = keep ? bytes : 1;

		if (takes > max)
			return;
		max -= takes;
		if (keep)
			snp_buf_put(buf, text, takes);
		else
			snp_buf_putc(buf, '_');
		if (bytes == 0) /* not UTF-8 */
			bytes = 1;
	}
}

static void put_tag(struct snp_buf *buf, const struct style *style, const char *key,
		    const char *value)
{
	size_t begin;

	if (buf->len == 0)
		snp_buf_puts(buf, style->first);
	else
		snp_buf_putc(buf, style->between);
	if (!style->assign) {
		put_clean(buf, ALPHABET_PART, value, FORMAT_TAG_BYTES_MAX);
		return;
	}
	begin = buf->len;
	put_clean(buf, ALPHABET_NAME, key, FORMAT_TAG_BYTES_MAX / 2);
	snp_buf_putc(buf, style->assign);
	put_clean(buf, ALPHABET_TEXT, value, FORMAT_TAG_BYTES_MAX - (buf->len - begin));
}

void format_series(struct format_series *ret_series, const struct format *format,
		   const char *name, const struct snp_series *labels,
		   struct format_extra extra)
{
	const struct style *style = &styles[format->style];
	struct snp_buf *tags = style->at_end ? &ret_series->tail : &ret_series->labels;

	snp_buf_reset(&ret_series->name);
	snp_buf_reset(&ret_series->labels);
	snp_buf_reset(&ret_series->tail);
	snp_buf_puts(&ret_series->name, format->prefix);
	put_clean(&ret_series->name, ALPHABET_NAME, name, SIZE_MAX);
	for (unsigned i = 0; labels && i < labels->labels_nr; i++)
		put_tag(tags, style, labels->labels[i].prom_name,
			labels->labels[i].value);
	if (extra.key)
		put_tag(tags, style, extra.key, extra.value);
	for (size_t i = 0; i < format->tags_nr; i++)
		put_tag(tags, style, format->tags[i].key, format->tags[i].value);
}

void format_series_fini(struct format_series *series)
{
	snp_buf_fini(&series->name);
	snp_buf_fini(&series->labels);
	snp_buf_fini(&series->tail);
}

/* ---- lines --------------------------------------------------------------- */

static void put_buf(struct snp_buf *out, const struct snp_buf *part)
{
	snp_buf_put(out, part->data, part->len);
	out->failed |= part->failed;
}

/* |@RATE in plain digits, as a receiver may stop at the 'e' of an exponent, and such
 * that its 1/RATE, cut to an integer, is `times` again. */
static void put_rate(struct snp_buf *out, uint64_t times)
{
	char text[SNP_NUMBER_BYTES + 1];
	uint64_t mantissa = 10000;
	int exp10 = -4;

	/* Twice the digits of `times` are enough to tell it from the next number. */
	for (uint64_t rest = times; rest > 0; rest /= 10) {
		mantissa *= 100;
		exp10 -= 2;
	}
	mantissa /= times;
	for (;; mantissa--) {
		text[snp_number_decimal(text, mantissa, exp10)] = '\0';
		if (1.0 / strtod(text, NULL) >= (double)times)
			break;
	}
	snp_buf_puts(out, "|@");
	snp_buf_puts(out, text);
}

static void put_line(struct snp_buf *out, const struct format_series *series,
		     const char *suffix, const struct format_value *value)
{
	put_buf(out, &series->name);
	snp_buf_puts(out, suffix);
	put_buf(out, &series->labels);
	snp_buf_putc(out, ':');
	snp_buf_put(out, value->text, value->len);
	snp_buf_puts(out, types[value->type]);
	if (value->times > 1)
		put_rate(out, value->times);
	put_buf(out, &series->tail);
}

void format_line(struct snp_buf *out, const struct format_series *series,
		 const char *suffix, const struct format_value *value)
{
	static const struct format_value zero = {
	    .type = FORMAT_GAUGE, .times = 1, .len = 1, .text = "0"};

	if (value->type == FORMAT_GAUGE && value->text[0] == '-') {
		put_line(out, series, suffix, &zero);
		snp_buf_putc(out, '\n');
	}
	put_line(out, series, suffix, value);
}
