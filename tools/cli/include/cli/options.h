/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command lines of our tools, one argument at a time.
 *
 * Not getopt_long(): that accepts abbreviations, which would make every new option a
 * change of what old scripts mean, and it knows no suggestions. Options and operands
 * may be mixed; "--" ends the options; "-" is an operand. A value is "--name=value",
 * "--name value", "-nvalue" or "-n value"; letters without values may be joined.
 * Nothing is allocated; what is handed out points into argv. One thread at a time.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/err.h"

struct cli_option {
	const char *name;  /* "instance", without dashes */
	char letter;	   /* 'n'; '\0': none */
	const char *value; /* what the value is called, "NAME"; NULL: takes none */
};

/* Initialise with {.argc, .argv, .options, .options_nr, .next = 1}. */
struct cli_args {
	int argc;
	char **argv;
	const struct cli_option *options;
	int options_nr;
	int next;	     /* of argv, to be looked at */
	const char *letters; /* rest of a group of letters, NULL: none */
	bool options_ended;
};

enum { /* what cli_next() returns beside an index of options */
       CLI_OPERAND = 1000,
       CLI_END,
};

/* The next argument: an index of `options`, CLI_OPERAND or CLI_END. *ret_value is the
 * option's value (NULL if it takes none), or the operand. -EINVAL: err says what is
 * wrong and suggests the nearest option; do not go on. */
int cli_next(struct cli_args *args, const char **ret_value, struct snp_err *err);
/* The same of a command line that takes no operands: one is -EINVAL. */
int cli_next_option(struct cli_args *args, const char **ret_value, struct snp_err *err);

/* The value of --`option`, such as 500ms, 10s or 1m, as milliseconds from `min_ms` to
 * `max_ms`. -EINVAL. */
int cli_time(const char *option, const char *text, uint64_t min_ms, uint64_t max_ms,
	     uint64_t *ret_ms, struct snp_err *err);

/* The value of --`option`, in seconds, 0.001 to 86400, as milliseconds. -EINVAL. */
int cli_seconds(const char *option, const char *text, uint64_t *ret_ms,
		struct snp_err *err);

#endif
