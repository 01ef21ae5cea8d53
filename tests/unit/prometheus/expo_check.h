/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expo_check.h - a strict reader of the text format 0.0.4, written from the
 * specification and not from the renderer. It fails the test at the first line that is
 * not exactly right: HELP and TYPE once and before the samples, families in one piece,
 * legal names, escapes that exist, numbers that parse, no series twice, buckets that
 * ascend, +Inf == _count.
 */
#ifndef SNP_TEST_EXPO_CHECK_H
#define SNP_TEST_EXPO_CHECK_H

#include "snp_test.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define EXPO_TEXT_BYTES 512

struct expo_sample {
	char name[EXPO_TEXT_BYTES];
	const char *labels; /* between the braces, as written; not NUL-terminated */
	size_t labels_len;
	const char *series; /* name and labels, as written: what must be unique */
	size_t series_len;
	double value;
};

struct expo_doc {
	struct expo_sample *samples;
	size_t samples_nr;
	char (*families)[EXPO_TEXT_BYTES];
	size_t families_nr;
	char type[EXPO_TEXT_BYTES]; /* of the family at hand */
	char help_for[EXPO_TEXT_BYTES];
	double le, bucket, inf; /* of the histogram series at hand */
};

/* ---- words --------------------------------------------------------------- */

static inline size_t expo_check_name(const char *s, const char *end, bool colon)
{
	const char *at = s;

	assert_true(at < end);
	assert_false(isdigit((unsigned char)*at));
	while (at < end &&
	       (isalnum((unsigned char)*at) || *at == '_' || (colon && *at == ':')))
		at++;
	assert_true(at > s);
	return (size_t)(at - s);
}

static inline void expo_copy(char dst[EXPO_TEXT_BYTES], const char *s, size_t len)
{
	assert_true(len < EXPO_TEXT_BYTES);
	memcpy(dst, s, len);
	dst[len] = '\0';
}

/* A quoted label value at `s`; returns what it takes, with both quotes. */
static inline size_t expo_check_value(const char *s, const char *end,
				      struct snp_buf *ret)
{
	const char *at = s;

	assert_true(at < end && *at == '"');
	for (at++; at < end && *at != '"'; at++) {
		if (*at != '\\') {
			snp_buf_putc(ret, *at);
			continue;
		}
		at++;
		assert_true(at < end);
		if (*at == 'n')
			snp_buf_putc(ret, '\n');
		else if (*at == '\\' || *at == '"')
			snp_buf_putc(ret, *at);
		else
			fail_msg("unknown escape \\%c", *at);
	}
	assert_true(at < end);
	return (size_t)(at + 1 - s);
}

/* The value of a label, decoded; false without that label. */
static inline bool expo_label_value(const struct expo_sample *sample, const char *label,
				    struct snp_buf *ret)
{
	const char *at = sample->labels;
	const char *end = at + sample->labels_len;
	struct snp_buf value = {0};
	bool found = false;

	snp_buf_reset(ret);
	while (at < end) {
		size_t name = expo_check_name(at, end, false);
		bool same = name == strlen(label) && strncmp(at, label, name) == 0;

		assert_true(at + name < end && at[name] == '=');
		at += name + 1;
		snp_buf_reset(&value);
		at += expo_check_value(at, end, &value);
		if (same) {
			assert_false(found);
			snp_buf_put(ret, value.data, value.len);
			found = true;
		}
		if (at < end) {
			assert_int_equal(*at, ',');
			at++;
			assert_true(at < end);
		}
	}
	snp_buf_fini(&value);
	return found;
}

/* ---- lines --------------------------------------------------------------- */

static inline void expo_check_comment(struct expo_doc *doc, const char *s,
				      const char *end)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	bool help = strncmp(s, "# HELP ", 7) == 0;
	size_t len;
	bool known = false;

	assert_true(help || strncmp(s, "# TYPE ", 7) == 0);
	s += 7;
	len = expo_check_name(s, end, true);
	assert_true(s + len < end && s[len] == ' ');
	if (help) {
		expo_copy(doc->help_for, s, len);
		for (s += len + 1; s < end; s++) {
			if (*s != '\\')
				continue;
			s++;
			assert_true(s < end && (*s == 'n' || *s == '\\'));
		}
		return;
	}
	for (size_t i = 0; i < doc->families_nr; i++)
		if (strlen(doc->families[i]) == len &&
		    strncmp(doc->families[i], s, len) == 0)
			fail_msg("second TYPE of %s", doc->families[i]);
	doc->families =
	    realloc(doc->families, (doc->families_nr + 1) * sizeof(*doc->families));
	assert_non_null(doc->families);
	expo_copy(doc->families[doc->families_nr++], s, len);
	assert_string_equal(doc->help_for, doc->families[doc->families_nr - 1]);
	s += len + 1;
	expo_copy(doc->type, s, (size_t)(end - s));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		known |= strcmp(doc->type, types[i]) == 0;
	assert_true(known);
}

static inline double expo_check_number(const char *s, const char *end)
{
	char text[EXPO_TEXT_BYTES];
	char *rest;
	double value;

	assert_true(s < end && !isspace((unsigned char)*s));
	expo_copy(text, s, (size_t)(end - s));
	value = strtod(text, &rest);
	assert_int_equal(*rest, '\0');
	return value;
}

/* The suffix of a histogram's sample: "_bucket", "_sum" or "_count". */
static inline void expo_check_histogram(struct expo_doc *doc,
					const struct expo_sample *sample,
					const char *suffix)
{
	struct snp_buf le = {0};
	bool has_le = expo_label_value(sample, "le", &le);

	if (strcmp(suffix, "_bucket") == 0) {
		double bound;

		assert_true(has_le);
		snp_buf_putc(&le, '\0');
		bound = strcmp(le.data, "+Inf") == 0 ? (double)INFINITY
						     : strtod(le.data, NULL);
		if (isinf(doc->le)) { /* a new series begins */
			doc->le = -(double)INFINITY;
			doc->bucket = 0;
		}
		assert_true(bound > doc->le);
		assert_true(sample->value >= doc->bucket);
		doc->le = bound;
		doc->bucket = doc->inf = sample->value;
	} else {
		assert_false(has_le);
		assert_true(isinf(doc->le) && doc->le > 0);
		if (strcmp(suffix, "_count") == 0)
			assert_true(sample->value == doc->inf);
		else
			assert_string_equal(suffix, "_sum");
	}
	snp_buf_fini(&le);
}

static inline void expo_check_sample(struct expo_doc *doc, const char *s,
				     const char *end)
{
	struct expo_sample sample = {.series = s, .labels = s};
	size_t len = expo_check_name(s, end, true);
	const char *family = doc->families[doc->families_nr - 1];
	struct snp_buf scratch = {0};

	expo_copy(sample.name, s, len);
	s += len;
	if (*s == '{') {
		sample.labels = ++s;
		/* The end of the labels is the first '}' outside of quotes. */
		for (bool quoted = false; s < end && (quoted || *s != '}'); s++) {
			if (*s == '\\')
				s++;
			else if (*s == '"')
				quoted = !quoted;
		}
		assert_true(s < end);
		sample.labels_len = (size_t)(s - sample.labels);
		assert_true(sample.labels_len > 0);
		s++;
	}
	sample.series_len = (size_t)(s - sample.series);
	(void)expo_label_value(&sample, "", &scratch); /* checks all of them */
	snp_buf_fini(&scratch);
	assert_int_equal(*s, ' ');
	sample.value = expo_check_number(s + 1, end);
	if (!family) {
		fail_msg("a sample before the first family");
		return;
	}
	if (strcmp(doc->type, "histogram") == 0) {
		assert_int_equal(strncmp(sample.name, family, strlen(family)), 0);
		expo_check_histogram(doc, &sample, sample.name + strlen(family));
	} else {
		assert_string_equal(sample.name, family);
	}
	doc->samples =
	    realloc(doc->samples, (doc->samples_nr + 1) * sizeof(*doc->samples));
	assert_non_null(doc->samples);
	doc->samples[doc->samples_nr++] = sample;
}

/* ---- documents ----------------------------------------------------------- */

static inline int expo_by_series(const void *a, const void *b)
{
	const struct expo_sample *x = a, *y = b;
	size_t len = x->series_len < y->series_len ? x->series_len : y->series_len;
	int order = memcmp(x->series, y->series, len);

	return order
		   ? order
		   : (x->series_len > y->series_len) - (x->series_len < y->series_len);
}

/* Read all of `text`; the document points into it. */
static inline void expo_check(const struct snp_buf *text, struct expo_doc *ret_doc)
{
	struct expo_doc doc = {.le = (double)INFINITY};
	const char *at = text->data;
	const char *end = text->data + text->len;

	assert_false(text->failed);
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));

		assert_non_null(eol);
		assert_true(eol > at);
		if (*at == '#')
			expo_check_comment(&doc, at, eol);
		else
			expo_check_sample(&doc, at, eol);
		at = eol + 1;
	}
	if (doc.samples_nr > 0)
		qsort(doc.samples, doc.samples_nr, sizeof(*doc.samples),
		      expo_by_series);
	for (size_t i = 1; i < doc.samples_nr; i++)
		if (expo_by_series(&doc.samples[i - 1], &doc.samples[i]) == 0)
			fail_msg("twice: %.*s", (int)doc.samples[i].series_len,
				 doc.samples[i].series);
	*ret_doc = doc;
}

static inline void expo_check_free(struct expo_doc *doc)
{
	free(doc->samples);
	free(doc->families);
	*doc = (struct expo_doc){0};
}

/* The sample written exactly like this, NULL when there is none. */
static inline const struct expo_sample *expo_find(const struct expo_doc *doc,
						  const char *series)
{
	for (size_t i = 0; i < doc->samples_nr; i++)
		if (doc->samples[i].series_len == strlen(series) &&
		    memcmp(doc->samples[i].series, series, strlen(series)) == 0)
			return &doc->samples[i];
	return NULL;
}

static inline double expo_value(const struct expo_doc *doc, const char *series)
{
	const struct expo_sample *sample = expo_find(doc, series);

	if (!sample)
		fail_msg("no sample %s", series);
	return sample ? sample->value : 0;
}

#endif
