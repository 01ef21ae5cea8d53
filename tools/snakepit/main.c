/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit - one command for all of Snakepit.
 *
 * It starts in a millisecond: it links nothing that the small commands do not need.
 * What needs gRPC or curses is a program of its own, which this one becomes; so does
 * any `snakepit-NAME` beside it or in PATH, as `snakepit NAME`.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/find.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "command.h"
#include "model/target.h"
#include "snakepit/format.h"

#define PREFIX "snakepit-"

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

static const char help_help[] = "examples:\n"
				"  snakepit help\n"
				"  snakepit help status\n"
				"\n"
				"usage: snakepit help [COMMAND]\n";

static const char version_help[] =
    "examples:\n"
    "  snakepit version\n"
    "\n"
    "usage: snakepit version\n"
    "\n"
    "Prints the version of the program and of the segment format it reads.\n";

static const struct command commands[] = {
    {.name = "run",
     .summary = "start the runtime: snakepit run -c FILE",
     .program = "snakepitd"},
    {.name = "exec",
     .summary = "run a tool: snakepit exec POOL TOOL [JSON]",
     .program = "snakepit-exec"},
    {.name = "ls",
     .summary = "list the instances on this machine",
     .help = ls_help,
     .run = command_ls},
    {.name = "status",
     .summary = "say whether an instance serves; its pools and workers",
     .help = status_help,
     .run = command_status},
    {.name = "top", .summary = "watch an instance live", .program = "snakepit-top"},
    {.name = "dump",
     .summary = "print all metrics of an instance as JSON",
     .program = "snakepit-inspect",
     .first_arg = "--json"},
    {.name = "events",
     .summary = "print what happened to an instance, and the last words of workers",
     .program = "snakepit-inspect",
     .first_arg = "--log"},
    {.name = "drain",
     .summary = "have a pool take no new requests",
     .program = "snakepit-control",
     .first_arg = "drain"},
    {.name = "resume",
     .summary = "have a drained pool take requests again",
     .program = "snakepit-control",
     .first_arg = "resume"},
    {.name = "recycle",
     .summary = "replace workers: snakepit recycle [POOL[/SLOT]]",
     .program = "snakepit-control",
     .first_arg = "recycle"},
    {.name = "scale",
     .summary = "change a pool's number of workers: snakepit scale POOL WORKERS",
     .program = "snakepit-control",
     .first_arg = "scale"},
    {.name = "reload",
     .summary = "have the runtime read its configuration file again",
     .program = "snakepit-control",
     .first_arg = "reload"},
    {.name = "config",
     .summary = "print, check or compare configuration files",
     .program = "snakepit-config"},
    {.name = "doctor",
     .summary = "check whether this machine can run Snakepit",
     .help = doctor_help,
     .run = command_doctor},
    {.name = "demo",
     .summary = "run the demo: two pools, a mixed load, and failures",
     .help = demo_help,
     .run = command_demo},
    {.name = "version",
     .summary = "print the version",
     .help = version_help,
     .run = command_version},
    {.name = "help",
     .summary = "explain a command",
     .help = help_help,
     .run = command_help},
};
#define COMMANDS_NR (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS_NR; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

int command_print_help(const char *help)
{
	(void)fputs(help, stdout);
	return SNP_EXIT_OK;
}

int command_usage(const char *name, const struct snp_err *err)
{
	const char *advised = strchr(err->msg, ';');

	if (advised)
		cli_complain("%s: %s", name, err->msg);
	else
		cli_complain("%s: %s; see 'snakepit help %s'", name, err->msg, name);
	return SNP_EXIT_USAGE;
}

int command_json_or_help(int argc, char **argv, const char *help, bool *ret_json)
{
	static const struct cli_option options[] = {{"json", '\0', NULL},
						    {"help", 'h', NULL}};
	struct cli_args args = {argc, argv, options, 2, 1, NULL, false};
	struct snp_err err = {0};
	const char *value;
	int got;

	*ret_json = false;
	while ((got = cli_next(&args, &value, &err)) != CLI_END) {
		if (got == 1)
			return command_print_help(help);
		if (got == CLI_OPERAND)
			got =
			    snp_err_set(&err, -EINVAL, "takes no argument '%s'", value);
		if (got < 0)
			return command_usage(argv[0], &err);
		*ret_json = true;
	}
	return COMMAND_GOES_ON;
}

static int print_overview(void)
{
	(void)puts("examples:\n"
		   "  snakepit demo\n"
		   "  snakepit run -c snakepit.yaml\n"
		   "  snakepit exec default word_stats "
		   "'{\"path\": \"/usr/share/common-licenses/GPL-3\"}'\n"
		   "  snakepit status\n"
		   "\n"
		   "usage: snakepit COMMAND [ARGUMENT...]\n");
	for (size_t i = 0; i < COMMANDS_NR; i++)
		(void)printf("  %-8s %s\n", commands[i].name, commands[i].summary);
	(void)puts(
	    "\n"
	    "'snakepit help COMMAND' explains one. Any program snakepit-NAME runs "
	    "as 'snakepit NAME'.\n"
	    "SNAKEPIT_INSTANCE names the instance where -n does not; SNAKEPIT_DIR "
	    "is where they are.");
	return SNP_EXIT_OK;
}

static int command_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		struct snp_err err;

		snp_err_set(&err, -EINVAL, "takes no arguments");
		return command_usage("version", &err);
	}
	(void)printf("snakepit %s\nsegment format %d.%d\n", SNP_VERSION, SNP_FMT_MAJOR,
		     SNP_FMT_MINOR);
	return SNP_EXIT_OK;
}

/* ---- becoming another program -------------------------------------------- */

/* Become `program` with `first_arg` (may be NULL) and argv[1..]. */
static int become(const char *program, const char *first_arg, int argc, char **argv)
{
	char path[PATH_MAX];
	struct snp_err err = {0};
	char **args;
	int n = 0;

	if (cli_program_find(program, path, &err) < 0) {
		cli_complain("%s; build it with 'make', or check the installation",
			     err.msg);
		return SNP_EXIT_FAILURE;
	}
	args = calloc((size_t)argc + 2, sizeof(*args));
	if (!args) {
		cli_complain("out of memory");
		return SNP_EXIT_FAILURE;
	}
	args[n++] = (char *)program;
	if (first_arg)
		args[n++] = (char *)first_arg;
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	(void)cli_exec(path, args, &err);
	cli_complain("%s", err.msg);
	free(args);
	return SNP_EXIT_FAILURE;
}

/* The program for a command we do not have: "snakepit-NAME". False when NAME is nothing
 * that a program of ours could be called. */
static bool outside_program(const char *name, char ret_program[NAME_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (!*name || name[strspn(name, allowed)] != '\0' ||
	    strlen(name) + sizeof(PREFIX) > NAME_MAX)
		return false;
	(void)snprintf(ret_program, NAME_MAX, PREFIX "%s", name);
	return true;
}

static int unknown_command(const char *name)
{
	struct cli_nearest nearest = {.word = name};
	char dir[PATH_MAX], outside[NAME_MAX] = "";
	DIR *stream = NULL;

	for (size_t i = 0; i < COMMANDS_NR; i++)
		cli_nearest_try(&nearest, commands[i].name);
	if (cli_program_dir(dir, NULL) == 0)
		stream = opendir(dir);
	for (struct dirent *entry; stream && (entry = readdir(stream));) {
		struct cli_nearest nearer = nearest;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		cli_nearest_try(&nearer, entry->d_name + strlen(PREFIX));
		if (nearer.best != nearest.best) {
			(void)snprintf(outside, sizeof(outside), "%s", nearer.best);
			nearest = (struct cli_nearest){name, outside, nearer.distance};
		}
	}
	if (stream)
		(void)closedir(stream);
	if (nearest.best)
		cli_complain("unknown command '%s'; did you mean '%s'?", name,
			     nearest.best);
	else
		cli_complain("unknown command '%s'; see 'snakepit help'", name);
	return SNP_EXIT_USAGE;
}

static int explain(const char *name)
{
	const struct command *command = find_command(name);
	char program[NAME_MAX], path[PATH_MAX];
	char *argv[] = {NULL, (char *)"--help", NULL};

	if (command && command->help)
		return command_print_help(command->help);
	if (command)
		return become(command->program, command->first_arg, 2, argv);
	if (outside_program(name, program) &&
	    cli_program_find(program, path, NULL) == 0)
		return become(program, NULL, 2, argv);
	return unknown_command(name);
}

static int command_help(int argc, char **argv)
{
	if (argc > 2) {
		struct snp_err err;

		snp_err_set(&err, -EINVAL, "explains one command at a time");
		return command_usage("help", &err);
	}
	return argc == 2 ? explain(argv[1]) : print_overview();
}

static bool asks_for_help(const char *arg)
{
	return arg && (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0);
}

static int dispatch(int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);
	char program[NAME_MAX], path[PATH_MAX];

	if (command && command->run) {
		if (asks_for_help(argv[1]))
			return command_print_help(command->help);
		return command->run(argc, argv);
	}
	if (command)
		return become(command->program, command->first_arg, argc, argv);
	if (outside_program(argv[0], program) &&
	    cli_program_find(program, path, NULL) == 0)
		return become(program, NULL, argc, argv);
	return unknown_command(argv[0]);
}

int main(int argc, char **argv)
{
	cli_set_program("snakepit");
	if (argc < 2) {
		cli_complain("no command given; see 'snakepit help'");
		return SNP_EXIT_USAGE;
	}
	if (asks_for_help(argv[1]))
		return cli_finish(print_overview());
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		return cli_finish(command_version(1, argv));
	if (argv[1][0] == '-') {
		cli_complain("unknown option '%s'; options stand behind the command",
			     argv[1]);
		return SNP_EXIT_USAGE;
	}
	return cli_finish(dispatch(argc - 1, argv + 1));
}
