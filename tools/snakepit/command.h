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
	const char *summary; /* one line of `snakepit help` */
	const char *help;    /* NULL: the program it runs has its own */
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

extern const char ls_help[], status_help[], doctor_help[], demo_help[];

/* What every command does about a wrong command line: complain, point to its help.
 * Returns SNP_EXIT_USAGE. */
int command_usage(const char *name, const struct snp_err *err);

#define COMMAND_GOES_ON (-1)

/* The command line of commands that take --json and --help, and nothing else. Returns
 * COMMAND_GOES_ON, or the exit code where help was asked for or it was wrong. */
int command_json_or_help(int argc, char **argv, const char *help, bool *ret_json);

/* Print `help` on stdout. Returns SNP_EXIT_OK. */
int command_print_help(const char *help);

#endif
