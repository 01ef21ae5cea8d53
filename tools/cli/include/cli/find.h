/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find.h - where our programs, our Python files and the interpreter are.
 *
 * Everything is found from the place of the running program, so that a checkout, a copy
 * of it and an installation each use their own parts. Reads the environment and the
 * file system; keeps no state.
 */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include <linux/limits.h>

#include "snakepit/err.h"

/* The directory of the running program. */
int cli_program_dir(char ret_dir[PATH_MAX], struct snp_err *err);

/* The program `name`: beside the running one, else in $PATH. -ENOENT. */
int cli_program_find(const char *name, char ret_path[PATH_MAX], struct snp_err *err);

/* Where `file` (for example "priv/python/grpc_server.py") is: below a folder above the
 * running program, or below <prefix>/share/snakepit. -ENOENT. */
int cli_file_find(const char *file, char ret_path[PATH_MAX], struct snp_err *err);

/* The interpreter that snakepitd takes for a pool that names none: $SNAKEPIT_PYTHON,
 * .venv/bin/python3 beside priv/, python3 in $PATH. -ENOENT. */
int cli_python_find(char ret_path[PATH_MAX], struct snp_err *err);

/* Become `path`. `argv` ends with NULL; argv[0] is what the program will be called.
 * Returns only on failure: negative errno. */
int cli_exec(const char *path, char *const argv[], struct snp_err *err);

#endif
