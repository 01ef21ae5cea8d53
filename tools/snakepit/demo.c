/* SPDX-License-Identifier: Apache-2.0 */
/* snakepit demo: becomes examples/demo/run.py, which does the rest. */
#include <stdbool.h>
#include <stdlib.h>

#include "cli/find.h"
#include "cli/help.h"
#include "cli/say.h"
#include "command.h"
#include "model/target.h"

enum {
#include "cli/as_ids.h"
#include "demo.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "demo.def"
};

const struct cli_command demo_command = {
    .name = "snakepit demo",
    .summary = "run the demo: two pools, a mixed load, and failures",
    .examples = "  snakepit demo\n"
		"  DEMO_SECONDS=60 snakepit demo | cat\n",
    .usage = "[OPTION]...",
    .notes =
	"Starts an instance 'demo' with two pools, sends it a steady mixed load and\n"
	"kills a worker from time to time. In a terminal snakepit-top shows it, and\n"
	"'q' ends the demo. Otherwise a view is printed every 5 seconds. At the end\n"
	"what the callers saw is compared with what the segment and /metrics say.\n",
    .exits = "0 both agree\n"
	     "1 they do not, or the demo could not start\n"
	     "2 wrong usage\n",
    .options = rows,
    .options_nr = OPT_NR,
};

/* Whether the command line is one for run.py; otherwise *ret_code is the exit code. */
static bool is_ours(int argc, char **argv, int *ret_code)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &demo_command, .next = 1};
	struct snp_err err = {0};
	const char *value;
	int got;

	while ((got = cli_next_option(&args, &value, &err)) != CLI_END) {
		if (got >= 0 && got != OPT_HELP)
			continue;
		*ret_code = got < 0 ? cli_usage(&demo_command, &err)
				    : cli_print_help(&demo_command);
		return false;
	}
	return true;
}

int command_demo(int argc, char **argv)
{
	char python[PATH_MAX], program[PATH_MAX], programs[PATH_MAX];
	struct snp_err err = {0};
	char **args;
	int n = 0, code;

	if (!is_ours(argc, argv, &code))
		return code;
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
