/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the subcommands of `snakepit`.
 *
 * Each takes the arguments from its own name on and returns an exit code (enum
 * snp_exit). `help` texts lead with examples. Commands that other programs implement
 * replace this process and return only when that fails.
 */
#ifndef SNAKEPIT_COMMAND_H
#define SNAKEPIT_COMMAND_H

#include "cli/options.h"

struct command {
	const char *name;
	const char *summary; /* one line of `snakepit help`; NULL: the one below */
	/* What the verb says of itself; NULL: the program it runs does. */
	const struct cli_command *command;
	int (*run)(int argc, char **argv);
	/* Instead of `run`: the program to become, and what comes before the user's
	 * arguments (NULL: nothing). */
	const char *program;
	const char *first_arg;
};

int command_ls(int argc, char **argv);
int command_status(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_demo(int argc, char **argv);

extern const struct cli_command ls_command, status_command, doctor_command,
    demo_command;

/* The table of verbs that take --json and --help alone: options_nr of them. */
extern const struct cli_option command_json_rows[];
#define COMMAND_JSON_ROWS_NR 2

#define COMMAND_GOES_ON (-1)

/* The command line of such a verb. Returns COMMAND_GOES_ON, or the exit code where help
 * was asked for or it was wrong. */
int command_json_or_help(const struct cli_command *command, int argc, char **argv,
			 bool *ret_json);

#endif
