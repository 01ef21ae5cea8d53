/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.h - where the parts of the installation are, found from the running program.
 *
 * The launcher and the guard stand beside it, the library of native beats in
 * <bin>/../lib/snakepit (installed) or <bin>/../lib (built). The Python package is the
 * first of <bin>/../share/snakepit/python (installed), and priv/python beside the build
 * folder it was built in. A .venv beside priv/ is the installation's own interpreter.
 */
#ifndef SNAKEPIT_RUNTIME_PATHS_H
#define SNAKEPIT_RUNTIME_PATHS_H

#include <limits.h>

#include "snakepit/err.h"

struct paths {
	char programs[PATH_MAX]; /* directory */
	char launcher[PATH_MAX];
	char guard[PATH_MAX];
	char package[PATH_MAX]; /* directory of grpc_server.py and snakepit_bridge/ */
	char server[PATH_MAX];
	char venv_python[PATH_MAX];
	char beat_library[PATH_MAX]; /* "" = not there: workers do without */
};

/* From `programs`, or where that is NULL from the directory of the running program, or
 * of <lib>/../bin or <lib>/../../bin where this code is in a library. -ENOENT: a part
 * is missing; err says which and where we looked. */
int paths_find(struct paths *ret_paths, const char *programs, struct snp_err *err);

#endif
