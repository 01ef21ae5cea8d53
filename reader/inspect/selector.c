/* SPDX-License-Identifier: Apache-2.0 */
#include "selector.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "model/number.h"
#include "model/value.h"
#include "model/terminal.h"

#define NAME_BYTES  256
#define VALUE_BYTES 1024

struct match {
	char label[NAME_BYTES];
	char value[VALUE_BYTES];
};

struct selector {
	char name[NAME_BYTES];
	struct match matches[SNP_LABELS_MAX];
	unsigned matches_nr;
	char part[16]; /* "" = the value itself */
};

/* ---- writing ------------------------------------------------------------- */

#define EIGHT true, true, true, true, true, true, true, true

/* Bytes that end a value or escape something, controls, and the first byte of a control
 * that takes two. */
static const bool special[UCHAR_MAX + 1] = {
    EIGHT,	  EIGHT,	 EIGHT,		EIGHT,
    [' '] = true, ['"'] = true,	 [','] = true,	['\\'] = true,
    ['}'] = true, [0x7F] = true, [0xC2] = true,
};

size_t selector_plain_len(const char *value)
{
	const unsigned char *at = (const unsigned char *)value;

	for (;; at++) {
		if (!special[*at])
			continue;
		if (*at != 0xC2 || snp_terminal_is_control((const char *)at))
			break;
	}
	return *at ? 0 : (size_t)(at - (const unsigned char *)value);
}

void selector_put_value(struct snp_buf *out, const char *value)
{
	size_t plain_len = selector_plain_len(value);
	bool control = false;

	if (plain_len > 0) {
		snp_buf_put(out, value, plain_len);
		return;
	}
	snp_buf_putc(out, '"');
	for (; *value; value++) {
		/* The second byte of a C1 control goes the way of its first. */
		control = (control && (unsigned char)value[-1] == 0xC2) ||
			  snp_terminal_is_control(value);
		if (*value == '"' || *value == '\\')
			snp_buf_printf(out, "\\%c", *value);
		else if (*value == '\n')
			snp_buf_puts(out, "\\n");
		else if (control)
			snp_buf_printf(out, "\\x%02x", (unsigned char)*value);
		else
			snp_buf_putc(out, *value);
	}
	snp_buf_putc(out, '"');
}

/* ---- parsing ------------------------------------------------------------- */

/* Copy up to one of `stops` or the end; false when it does not fit or is empty. */
static bool take_word(const char **at, const char *stops, char *dst, size_t room)
{
	size_t len = strcspn(*at, stops);

	if (len == 0 || len >= room)
		return false;
	memcpy(dst, *at, len);
	dst[len] = '\0';
	*at += len;
	return true;
}

/* The character an escape stands for, *at behind the backslash; -1 for an unknown one.
 */
static int take_escape(const char **at)
{
	char c = *(*at)++;
	int high, low;

	switch (c) {
	case '"':
	case '\\':
		return c;
	case 'n':
		return '\n';
	case 'x':
		high = snp_hex_digit((*at)[0]);
		low = high < 0 ? -1 : snp_hex_digit((*at)[1]);
		if (low < 0)
			return -1;
		*at += 2;
		return high * 16 + low;
	default:
		return -1;
	}
}

/* *at behind the opening quote; leaves it behind the closing one. */
static bool take_quoted(const char **at, char *dst, size_t room)
{
	size_t len = 0;
	int c;

	while (**at != '"') {
		if (**at == '\0' || len + 1 >= room)
			return false;
		c = (unsigned char)*(*at)++;
		if (c == '\\') {
			if (**at == '\0')
				return false;
			c = take_escape(at);
		}
		if (c < 0)
			return false;
		dst[len++] = (char)c;
	}
	dst[len] = '\0';
	(*at)++;
	return true;
}

/* label=value, with *at at the label. */
static bool take_match(const char **at, struct selector *sel)
{
	struct match *match;

	if (sel->matches_nr == SNP_LABELS_MAX)
		return false;
	match = &sel->matches[sel->matches_nr++];
	if (!take_word(at, "=,}", match->label, sizeof(match->label)) || **at != '=')
		return false;
	(*at)++;
	if (**at != '"')
		return take_word(at, ",}", match->value, sizeof(match->value));
	(*at)++;
	return take_quoted(at, match->value, sizeof(match->value));
}

static bool parse(const char *field, struct selector *ret_sel)
{
	struct selector sel = {0};
	const char *at = field;

	if (!take_word(&at, "{:", sel.name, sizeof(sel.name)))
		return false;
	if (*at == '{') {
		do {
			at++;
			if (!take_match(&at, &sel))
				return false;
		} while (*at == ',');
		if (*at++ != '}')
			return false;
	}
	if (*at == ':') {
		at++;
		if (!take_word(&at, "", sel.part, sizeof(sel.part)))
			return false;
	}
	*ret_sel = sel;
	return *at == '\0';
}

/* ---- finding ------------------------------------------------------------- */

static bool has_label(const struct snp_series *series, const struct match *match)
{
	for (unsigned i = 0; i < series->labels_nr; i++) {
		const struct snp_label *label = &series->labels[i];

		if ((strcmp(label->prom_name, match->label) == 0 ||
		     strcmp(label->otel_name, match->label) == 0) &&
		    strcmp(label->value, match->value) == 0)
			return true;
	}
	return false;
}

static bool matches(const struct selector *sel, const struct snp_series *series)
{
	if (strcmp(series->metric->name, sel->name) != 0 &&
	    strcmp(series->metric->prom_name, sel->name) != 0)
		return false;
	for (unsigned i = 0; i < sel->matches_nr; i++)
		if (!has_label(series, &sel->matches[i]))
			return false;
	return true;
}

static int print_histogram(const struct snp_series *series, const char *part,
			   struct snp_buf *out)
{
	if (!series->hist)
		return -ENODATA;
	if (*part == '\0' || strcmp(part, "count") == 0) {
		snp_buf_u64(out, snp_hist_count(series->metric, series->hist));
		return 0;
	}
	if (strcmp(part, "sum") == 0) {
		snp_buf_seconds(out, report_hist_sum(series));
		return 0;
	}
	for (size_t i = 0; i < REPORT_QUANTILES_NR; i++) {
		if (strcmp(part, report_quantiles[i].name) == 0) {
			snp_buf_seconds(
			    out, snp_hist_quantile_ns(series->metric, series->hist,
						      report_quantiles[i].q));
			return 0;
		}
	}
	return -EINVAL;
}

static int print_series(const struct report *report, const struct selector *sel,
			const struct snp_series *series, struct snp_buf *out)
{
	char *at;

	if (series->metric->kind == SNP_KIND_HISTOGRAM)
		return print_histogram(series, sel->part, out);
	if (sel->part[0] != '\0')
		return -EINVAL;
	at = snp_buf_reserve(out, SNP_NUMBER_BYTES);
	if (at)
		snp_buf_commit(out, snp_value_text(at, report->snap, series));
	return 0;
}

static bool print_fact(const struct report *report, const char *field,
		       struct snp_buf *out)
{
	for (size_t i = 0; i < report->facts_nr; i++) {
		const struct report_fact *fact = &report->facts[i];
		size_t group = strlen(fact->group);

		if (strncmp(field, fact->group, group) != 0 || field[group] != '.' ||
		    strcmp(field + group + 1, fact->name) != 0)
			continue;
		if (fact->type == REPORT_TEXT)
			snp_buf_puts(out, fact->text);
		else if (fact->type == REPORT_NUMBER)
			snp_buf_u64(out, fact->number);
		else
			snp_buf_seconds(out, fact->number);
		snp_buf_putc(out, '\n');
		return true;
	}
	return false;
}

int selector_print(const struct report *report, const char *field, struct snp_buf *out,
		   struct snp_err *err)
{
	struct snp_series_iter it;
	struct snp_series series, found = {0};
	struct selector sel;
	unsigned found_nr = 0;

	if (print_fact(report, field, out))
		return 0;
	if (!parse(field, &sel))
		return snp_err_set(
		    err, -EINVAL, "'%s' is not a field; expected NAME{label=value,...}",
		    field);
	snp_series_iter_init(&it, report->snap, NULL);
	while (snp_series_next(&it, &series)) {
		if (!matches(&sel, &series))
			continue;
		found = series;
		found_nr++;
	}
	if (found_nr == 0)
		return snp_err_set(
		    err, -ENODATA,
		    "nothing matches '%s'; snakepit-inspect --csv lists all", field);
	if (found_nr > 1)
		return snp_err_set(err, -EINVAL,
				   "%u series match '%s'; say which with more labels, "
				   "snakepit-inspect --csv lists them",
				   found_nr, field);
	if (print_series(report, &sel, &found, out) < 0)
		return snp_err_set(
		    err, -EINVAL,
		    "'%s' has no part ':%s'; histograms have :count, :sum, "
		    ":p50, :p90, :p99",
		    sel.name, sel.part);
	snp_buf_putc(out, '\n');
	return 0;
}
