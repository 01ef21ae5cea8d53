/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say.h - the last words of a tool: one line on stderr, and an exit code.
 *
 * Exit codes of all tools: enum snp_exit (model/target.h). One thread at a time.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

/* What the lines start with; static storage. cli_begin() does it. */
void cli_set_program(const char *name);
const char *cli_program(void);

/* "program: text\n" on stderr, on one line and without control characters, whatever the
 * arguments hold. Says what is wrong; and after "; " what to do about it. */
void cli_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Flush stdout. Returns `code`, or SNP_EXIT_FAILURE with a complaint when what was
 * written did not arrive (a full disk; a closed pipe ends the process by SIGPIPE), or
 * without where `code` is that already and was complained of. */
int cli_finish(int code);

#endif
