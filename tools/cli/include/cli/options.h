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

struct snp_json;

/* One row of a program's table; rows come from a .def file by as_ids.h and as_rows.h.
 */
struct cli_option {
	const char *name;     /* "instance", without dashes; NULL: a heading */
	char letter;	      /* 'n'; '\0': none */
	const char *value;    /* what the value is called, "NAME"; NULL: takes none */
	const char *complete; /* what fills in the value (complete.h); NULL: nothing */
	/* The first line is that of --help, the others are the man page's alone; an
	 * empty first line leaves the row to the man page. NULL: a row with a pattern
	 * for a name, "[no-]collector.NAME", speaks for this one. */
	const char *help;
};

/* The command line of a program, or of a verb of `snakepit`: what is parsed, --help,
 * the man page and what shells complete all come from this. Static storage. */
struct cli_command {
	const char *name;     /* "snakepit-top", "snakepit status" */
	const char *summary;  /* no sentence: "watch an instance live" */
	const char *examples; /* lines, indented by two blanks */
	const char *usage;    /* what stands behind the name; "" */
	const char *notes;    /* lines below the options; NULL */
	const char *exits;    /* a line each: "0 stopped by a signal" */
	const char *operands; /* what fills in each, blanks between; NULL: nothing */
	const struct cli_option *options;
	int options_nr;
	/* What else fills in values: for "@`kind`" call emit(to, word, meaning) with
	 * each. NULL: nothing. */
	void (*words)(const char *kind,
		      void (*emit)(void *to, const char *word, const char *meaning),
		      void *to);
	/* More for the man page: members of the object that describes the command. */
	void (*describe)(struct snp_json *json);
};

/* Initialise with {.argc, .argv, .command, .next = 1}. */
struct cli_args {
	int argc;
	char **argv;
	const struct cli_command *command;
	int next;	     /* of argv, to be looked at */
	const char *letters; /* rest of a group of letters, NULL: none */
	bool options_ended;
	int wanting; /* the option whose value was missing, plus one; 0: none */
};

enum { /* what cli_next() returns beside an index of the options */
       CLI_OPERAND = 1000,
       CLI_END,
};

/* The next argument: an index of the options, CLI_OPERAND or CLI_END. *ret_value is the
 * option's value (NULL if it takes none), or the operand. -EINVAL: err says what is
 * wrong and suggests the nearest option; do not go on. */
int cli_next(struct cli_args *args, const char **ret_value, struct snp_err *err);
/* The same of a command line that takes no operands: one is -EINVAL. */
int cli_next_option(struct cli_args *args, const char **ret_value, struct snp_err *err);

/* Whether a row is an option, and no heading or pattern. */
bool cli_option_is_real(const struct cli_option *option);

/* The value of --`option`, such as 500ms, 10s or 1m, as milliseconds from `min_ms` to
 * `max_ms`. -EINVAL. */
int cli_time(const char *option, const char *text, uint64_t min_ms, uint64_t max_ms,
	     uint64_t *ret_ms, struct snp_err *err);

/* The value of --`option`, in seconds, 0.001 to 86400, as milliseconds. -EINVAL. */
int cli_seconds(const char *option, const char *text, uint64_t *ret_ms,
		struct snp_err *err);

#endif
