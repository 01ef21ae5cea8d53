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

#include "cli/complete.h"
#include "cli/find.h"
#include "cli/help.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "command.h"
#include "model/json_out.h"
#include "model/target.h"
#include "snakepit/format.h"

#define PREFIX "snakepit-"

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);
static void verb_words(const char *kind,
		       void (*emit)(void *to, const char *word, const char *meaning),
		       void *to);
static void describe_verbs(struct snp_json *json);

static const struct cli_option last_rows[] = {
#include "cli/as_rows.h"
    CLI_ROWS_LAST};
#define HELP_ROW (&last_rows[1])

#define EXITS                                                                          \
	"0 fine\n"                                                                     \
	"1 the output could not be written\n"                                          \
	"2 wrong usage\n"

static const struct cli_command help_command = {
    .name = "snakepit help",
    .summary = "explain a command",
    .examples = "  snakepit help\n"
		"  snakepit help status\n",
    .usage = "[COMMAND]",
    .exits = EXITS,
    .operands = "@verb",
    .options = HELP_ROW,
    .options_nr = 1,
    .words = verb_words,
};

static const struct cli_command version_command = {
    .name = "snakepit version",
    .summary = "print the version",
    .examples = "  snakepit version\n",
    .usage = "[OPTION]...",
    .notes = "Of the program, and of the segment format it reads.\n",
    .exits = EXITS,
    .options = HELP_ROW,
    .options_nr = 1,
};

static const struct cli_command main_command = {
    .name = "snakepit",
    .summary = "one command for all of Snakepit",
    .examples = "  snakepit demo\n"
		"  snakepit run -c snakepit.yaml\n"
		"  snakepit exec default word_stats '{\"path\": \"/etc/services\"}'\n"
		"  snakepit status\n",
    .usage = "COMMAND [ARGUMENT]...",
    .notes =
	"'snakepit help COMMAND' explains one. Any program snakepit-NAME runs as\n"
	"'snakepit NAME'. SNAKEPIT_INSTANCE names the instance where -n does not;\n"
	"SNAKEPIT_DIR is where they are.\n",
    .exits = "0 fine\n"
	     "1 it failed: the tool, the call, a check\n"
	     "2 wrong usage; nothing was sent or changed\n"
	     "3 no such instance, or it is not running\n"
	     "4 unknown: a segment that is damaged, foreign, or of another version\n",
    .operands = "@verb",
    .options = last_rows,
    .options_nr = sizeof(last_rows) / sizeof(last_rows[0]),
    .words = verb_words,
    .describe = describe_verbs,
};

static const struct command commands[] = {
    {.name = "run",
     .summary = "run the pools of a configuration until SIGTERM",
     .program = "snakepitd"},
    {.name = "exec",
     .summary = "run a tool and print its result",
     .program = "snakepit-exec"},
    {.name = "ls", .command = &ls_command, .run = command_ls},
    {.name = "status", .command = &status_command, .run = command_status},
    {.name = "top",
     .summary = "watch pools and workers of a running instance",
     .program = "snakepit-top"},
    {.name = "dump",
     .summary = "print all metrics of an instance as JSON",
     .program = "snakepit-inspect",
     .first_arg = "--json"},
    {.name = "events",
     .summary = "print what happened, and the last words of workers",
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
     .summary = "replace workers",
     .program = "snakepit-control",
     .first_arg = "recycle"},
    {.name = "scale",
     .summary = "change a pool's number of workers",
     .program = "snakepit-control",
     .first_arg = "scale"},
    {.name = "reload",
     .summary = "have the runtime read its configuration file again",
     .program = "snakepit-control",
     .first_arg = "reload"},
    {.name = "config",
     .summary = "print, check or compare configuration files",
     .program = "snakepit-config"},
    {.name = "doctor", .command = &doctor_command, .run = command_doctor},
    {.name = "demo", .command = &demo_command, .run = command_demo},
    {.name = "version", .command = &version_command, .run = command_version},
    {.name = "help", .command = &help_command, .run = command_help},
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

static const char *summary_of(const struct command *command)
{
	return command->command ? command->command->summary : command->summary;
}

static void verb_words(const char *kind,
		       void (*emit)(void *to, const char *word, const char *meaning),
		       void *to)
{
	(void)kind;
	for (size_t i = 0; i < COMMANDS_NR; i++)
		emit(to, commands[i].name, summary_of(&commands[i]));
}

/* The man page of `snakepit` lists its verbs. */
static void describe_verbs(struct snp_json *json)
{
	snp_json_key(json, "verbs");
	snp_json_array_begin(json);
	for (size_t i = 0; i < COMMANDS_NR; i++) {
		snp_json_object_begin(json);
		snp_json_kv_string(json, "name", commands[i].name);
		snp_json_kv_string(json, "summary", summary_of(&commands[i]));
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
}

static int print_overview(void)
{
	(void)printf("%s - %s\n\nexamples:\n%s\nusage: %s %s\n\n", main_command.name,
		     main_command.summary, main_command.examples, main_command.name,
		     main_command.usage);
	for (size_t i = 0; i < COMMANDS_NR; i++)
		(void)printf("  %-8s %s\n", commands[i].name, summary_of(&commands[i]));
	(void)printf("\n%smore: man snakepit\n", main_command.notes);
	return SNP_EXIT_OK;
}

static int command_version(int argc, char **argv)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &version_command, .next = 1};
	struct snp_err err = {0};
	const char *value;
	int got;

	while ((got = cli_next_option(&args, &value, &err)) != CLI_END)
		return got < 0 ? cli_usage(&version_command, &err)
			       : cli_print_help(&version_command);
	(void)printf("snakepit %s\nsegment format %d.%d\n", SNP_VERSION, SNP_FMT_MAJOR,
		     SNP_FMT_MINOR);
	return SNP_EXIT_OK;
}

/* ---- becoming another program -------------------------------------------- */

static bool asks_about(const char *arg)
{
	return arg &&
	       (strcmp(arg, "--complete") == 0 || strcmp(arg, "--help-json") == 0);
}

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
	/* An option in front would keep --complete from being seen first. */
	if (first_arg && (*first_arg != '-' || !asks_about(argv[1])))
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

	if (command && command->command)
		return cli_print_help(command->command);
	if (command)
		return become(command->program, command->first_arg, 2, argv);
	if (outside_program(name, program) &&
	    cli_program_find(program, path, NULL) == 0)
		return become(program, NULL, 2, argv);
	return unknown_command(name);
}

static int command_help(int argc, char **argv)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &help_command, .next = 1};
	const char *value, *name = NULL;
	struct snp_err err = {0};
	int got;

	while ((got = cli_next(&args, &value, &err)) != CLI_END) {
		if (got == CLI_OPERAND && name)
			got = snp_err_set(&err, -EINVAL,
					  "explains one command at a time");
		if (got < 0)
			return cli_usage(&help_command, &err);
		if (got != CLI_OPERAND)
			return cli_print_help(&help_command);
		name = value;
	}
	return name ? explain(name) : print_overview();
}

static int dispatch(int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);
	char program[NAME_MAX], path[PATH_MAX];

	if (command && command->run) {
		if (cli_begin(command->command, argc, argv))
			return SNP_EXIT_OK;
		return command->run(argc, argv);
	}
	if (command)
		return become(command->program, command->first_arg, argc, argv);
	if (outside_program(argv[0], program) &&
	    cli_program_find(program, path, NULL) == 0)
		return become(program, NULL, argc, argv);
	return unknown_command(argv[0]);
}

/* `snakepit --complete WORD...`: the verb, or what the verb itself says. */
static int complete(int nr, char **words)
{
	if (nr < 2) {
		cli_complete(&main_command, nr, words, stdout);
		return SNP_EXIT_OK;
	}
	/* "status na" becomes "status --complete na". */
	words[-1] = words[0];
	words[0] = (char *)"--complete";
	return dispatch(nr + 1, words - 1);
}

static int no_command(void)
{
	cli_complain("no command given; see 'snakepit help'");
	return SNP_EXIT_USAGE;
}

static int own_option(int argc, char **argv)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &main_command, .next = 1};
	struct snp_err err = {0};
	const char *value;
	int got = cli_next_option(&args, &value, &err);

	if (got == CLI_END) /* a lone "--" */
		return no_command();
	if (got >= 0)
		return main_command.options[got].letter == 'h'
			   ? print_overview()
			   : command_version(1, argv);
	if (strchr(err.msg, ';'))
		return cli_usage(&main_command, &err);
	cli_complain("%s; options stand behind the command", err.msg);
	return SNP_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return cli_finish(complete(argc - 2, argv + 2));
	if (cli_begin(&main_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	if (argc < 2)
		return no_command();
	if (argv[1][0] == '-')
		return cli_finish(own_option(argc, argv));
	return cli_finish(dispatch(argc - 1, argv + 1));
}
