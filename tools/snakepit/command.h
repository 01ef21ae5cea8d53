/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the subcommands of `snakepit`.
 *
 * Each takes the arguments from its own name on and returns an exit code (enum
 * snp_exit). Commands that other programs implement replace this process and return
 * only when that fails.
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

#endif
