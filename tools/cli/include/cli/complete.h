/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.h - what can stand where a user of a shell pressed Tab.
 *
 * The files in completions/ call `PROGRAM --complete WORD...`, the last word being the
 * one to complete, perhaps empty. Answered from the table the parser uses. What fills
 * in a value or an operand is said by words:
 *
 *   "auto|always|never"  these
 *   "@file"              the shell completes names of files
 *   "@instance"          instances on this machine
 *   "@pool"              pools of the instance that the line names
 *   "@other"             what the command's words() has
 *   "@other,"            a list of these, commas between
 *
 * Never complains: where nothing can be found out, nothing is offered. One thread at a
 * time.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include <stdio.h>

#include "cli/options.h"

/* Print a line "word\tmeaning\n" for each word that may stand at the end of
 * words[0..nr);
 * ":file\n" for names of files. */
void cli_complete(const struct cli_command *command, int nr, char **words, FILE *out);

#endif
