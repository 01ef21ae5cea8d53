/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.h - what a command says of itself: to people, to the man page, to shells.
 *
 * One thread at a time.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/options.h"

/* The text of --help, examples first. */
void cli_help_print(const struct cli_command *command, FILE *out);

/* The same for the makers of man pages and documents: one JSON object on stdout. */
int cli_describe(const struct cli_command *command);

/* What every main() does first: complaints begin with the program's name from here on.
 * And is this command line not for the program but about it?
 *
 *   --help-json         cli_describe()
 *   --complete WORD...  cli_complete() of what follows the program's name
 *
 * Both are for our own files, and in no help. True: it was answered, on stdout. */
bool cli_begin(const struct cli_command *command, int argc, char **argv);

/* Answers to -h and -V. Return an exit code. */
int cli_print_help(const struct cli_command *command);
int cli_print_version(const struct cli_command *command);

/* Complain of a wrong command line, and say where to look. Returns SNP_EXIT_USAGE; but
 * SNP_EXIT_FAILURE where it only could not be read for want of memory. */
int cli_usage(const struct cli_command *command, const struct snp_err *err);

#endif
