/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - lines of the StatsD protocol in the styles that receivers know.
 *
 *   none       name.v1.v2:VALUE|TYPE|@RATE           labels are parts of the name
 *   dogstatsd  name:VALUE|TYPE|@RATE|#k1:v1,k2:v2
 *   influx     name,k1=v1,k2=v2:VALUE|TYPE|@RATE
 *   librato    name#k1=v1,k2=v2:VALUE|TYPE|@RATE
 *
 * Nothing a name, a key or a value contains can end a line or begin another field: what
 * has a meaning in any of these styles becomes '_'. Pure.
 */
#ifndef SNP_STATSD_FORMAT_H
#define SNP_STATSD_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/buf.h"
#include "model/number.h"
#include "snakepit/read.h"

/* Key, separator and value of one tag; what is longer is cut, on a character. */
#define FORMAT_TAG_BYTES_MAX 200

enum format_style {
	FORMAT_NONE,
	FORMAT_DOGSTATSD,
	FORMAT_INFLUX,
	FORMAT_LIBRATO,
	FORMAT_STYLE_NR
};

const char *format_style_name(enum format_style style);
/* False, and *ret_style untouched, for what is no style. */
bool format_style_parse(const char *text, enum format_style *ret_style);

struct format_tag {
	char key[FORMAT_TAG_BYTES_MAX], value[FORMAT_TAG_BYTES_MAX];
};

struct format {
	enum format_style style;
	const char *prefix;	       /* in front of every name, "" = none */
	const struct format_tag *tags; /* on every line; not with FORMAT_NONE */
	size_t tags_nr;
};

/* What lines of one series have in common. A zeroed struct is empty. */
struct format_series {
	struct snp_buf name;   /* prefix and name; a line's suffix follows */
	struct snp_buf labels; /* between name and value */
	struct snp_buf tail;   /* at the end of the line */
};

/* The label that is not in a series' own list: the state of a set of states. */
struct format_extra {
	const char *key, *value; /* NULL: there is none */
};

void format_series(struct format_series *ret_series, const struct format *format,
		   const char *name, const struct snp_series *labels,
		   struct format_extra extra);
void format_series_fini(struct format_series *series);

/* How receivers add up what they get. */
enum format_type {
	FORMAT_COUNTER,	     /* c */
	FORMAT_GAUGE,	     /* g */
	FORMAT_TIMING,	     /* ms */
	FORMAT_DISTRIBUTION, /* d, DogStatsD's own */
	FORMAT_TYPE_NR
};

/* A line stands for at most so many observations: receivers count in doubles, and some
 * take a sampled value apart again. */
#define FORMAT_TIMES_MAX 1000000

struct format_value {
	enum format_type type;
	/* Observations it stands for, 1 to FORMAT_TIMES_MAX: the line says @1/times. */
	uint64_t times;
	size_t len;
	char text[SNP_NUMBER_BYTES];
};

/* Append a line, without newline. `suffix` follows the name, "" = none. A gauge below
 * zero takes two lines: receivers understand a sign as a change of what they have. */
void format_line(struct snp_buf *out, const struct format_series *series,
		 const char *suffix, const struct format_value *value);

#endif
