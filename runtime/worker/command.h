/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the command line and the environment of a worker, native or legacy.
 *
 * The environment is the runtime's own, with what workers need set where the runtime
 * and the pool leave it open. What only a runtime may tell its own worker is never
 * passed on from above, should a worker of another runtime have started this one.
 */
#ifndef SNAKEPIT_RUNTIME_COMMAND_H
#define SNAKEPIT_RUNTIME_COMMAND_H

#include "worker/spawn.h"

/* Owned; NULL-terminated. argv[0] is the launcher. */
struct command {
	char **argv, **env;
};

/* -ENOMEM. */
int command_build(const struct spawn_request *request, struct command *ret_command);
/* The same of what a native worker would import, to see whether it can: argv[0] is the
 * interpreter, which imports the adapter and leaves. */
int command_build_import(const struct spawn_request *request,
			 struct command *ret_command);
void command_free(struct command *command);

#endif
