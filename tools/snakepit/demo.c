/* SPDX-License-Identifier: Apache-2.0 */
/* snakepit demo: becomes examples/demo/run.py, which does the rest. */
#include <stdlib.h>

#include "cli/find.h"
#include "cli/say.h"
#include "command.h"
#include "model/target.h"

const char demo_help[] =
    "examples:\n"
    "  snakepit demo\n"
    "  DEMO_SECONDS=60 snakepit demo | cat\n"
    "\n"
    "usage: snakepit demo [--seconds N] [--kill-every N] [--keep-log FILE]\n"
    "\n"
    "Starts an instance 'demo' with two pools, sends it a steady mixed load and kills "
    "a\n"
    "worker from time to time. In a terminal snakepit-top shows it, and 'q' ends the "
    "demo.\n"
    "Otherwise it prints a view every 5 seconds, and ends by itself after --seconds\n"
    "(default: $DEMO_SECONDS, else 20). At the end it compares what it saw with what "
    "the\n"
    "segment and /metrics say, and exits with 0 only if they agree.\n";

int command_demo(int argc, char **argv)
{
	char python[PATH_MAX], program[PATH_MAX], programs[PATH_MAX];
	struct snp_err err = {0};
	char **args;
	int n = 0;

	if (cli_file_find("examples/demo/run.py", program, &err) < 0 ||
	    cli_python_find(python, &err) < 0 || cli_program_dir(programs, &err) < 0) {
		cli_complain("demo: %s; run 'snakepit doctor'", err.msg);
		return SNP_EXIT_FAILURE;
	}
	args = calloc((size_t)argc + 4, sizeof(*args));
	if (!args) {
		cli_complain("demo: out of memory");
		return SNP_EXIT_FAILURE;
	}
	args[n++] = python;
	args[n++] = program;
	args[n++] = (char *)"--bin";
	args[n++] = programs;
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	(void)cli_exec(python, args, &err);
	cli_complain("demo: %s", err.msg);
	free(args);
	return SNP_EXIT_FAILURE;
}
