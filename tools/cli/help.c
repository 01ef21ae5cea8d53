/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/complete.h"
#include "cli/say.h"
#include "model/json_out.h"
#include "model/target.h"

#define WIDTH	  80
#define LABEL_MAX 64

/* "  -n, --instance NAME|PATH"; returns its width. */
static int label(const struct cli_option *option, char ret[LABEL_MAX])
{
	char letter[] = {' ', ' ', '-', option->letter, ',', ' ', '\0'};

	return snprintf(ret, LABEL_MAX, "%s--%s%s%s",
			option->letter ? letter : "      ", option->name,
			option->value ? " " : "", option->value ? option->value : "");
}

static bool is_in_help(const struct cli_option *option)
{
	return option->name && option->help && option->help[0] != '\n';
}

static void print_options(const struct cli_command *command, FILE *out)
{
	char text[LABEL_MAX];
	int widest = 0;

	for (int i = 0; i < command->options_nr; i++) {
		const struct cli_option *option = &command->options[i];
		int width = is_in_help(option) ? label(option, text) : 0;

		widest = width > widest ? width : widest;
	}
	for (int i = 0; i < command->options_nr; i++) {
		const struct cli_option *option = &command->options[i];

		if (!option->name)
			(void)fprintf(out, "%s%s\n", option->help,
				      *option->help ? ":" : "");
		if (!is_in_help(option))
			continue;
		(void)label(option, text);
		(void)fprintf(out, "%-*s  %.*s\n", widest, text,
			      (int)strcspn(option->help, "\n"), option->help);
	}
}

/* "exit codes: 0 ...; 1 ..." from a line each, broken where a line is full. */
static void print_exits(const char *exits, FILE *out)
{
	int at = fprintf(out, "exit codes:");

	while (*exits) {
		int len = (int)strcspn(exits, " \n");
		bool line_ends = exits[len] != ' ';
		bool all_ends =
		    line_ends && (exits[len] == '\0' || exits[len + 1] == '\0');

		if (at + 1 + len + line_ends > WIDTH) {
			(void)fputc('\n', out);
			at = -1;
		}
		at += 1 + len + line_ends;
		(void)fprintf(out, "%s%.*s%s", at > len + line_ends ? " " : "", len,
			      exits,
			      all_ends	  ? "\n"
			      : line_ends ? ";"
					  : "");
		exits += len;
		exits += *exits != '\0';
	}
}

/* "snakepit status" has the page snakepit-status. */
static void print_page(const char *name, FILE *out)
{
	(void)fputs("more: man ", out);
	for (; *name; name++)
		(void)fputc(*name == ' ' ? '-' : *name, out);
	(void)fputc('\n', out);
}

void cli_help_print(const struct cli_command *command, FILE *out)
{
	(void)fprintf(out, "%s - %s\n\nexamples:\n%s\nusage: %s%s%s\n", command->name,
		      command->summary, command->examples, command->name,
		      *command->usage ? " " : "", command->usage);
	if (command->options[0].name) /* a heading stands out by itself */
		(void)fputc('\n', out);
	print_options(command, out);
	if (command->notes)
		(void)fprintf(out, "\n%s", command->notes);
	(void)fputc('\n', out);
	print_exits(command->exits, out);
	print_page(command->name, out);
}

/* ---- for programs -------------------------------------------------------- */

static void describe_option(struct snp_json *json, const struct cli_option *option)
{
	char letter[] = {option->letter, '\0'};

	snp_json_object_begin(json);
	snp_json_kv_string(json, "name", option->name ? option->name : "");
	snp_json_kv_string(json, "letter", letter);
	snp_json_kv_string(json, "value", option->value ? option->value : "");
	snp_json_kv_string(json, "complete", option->complete ? option->complete : "");
	snp_json_kv_bool(json, "shown", option->help != NULL);
	snp_json_kv_string(json, "help", option->help ? option->help : "");
	snp_json_object_end(json);
}

int cli_describe(const struct cli_command *command)
{
	struct snp_buf out = {0};
	struct snp_json json;
	int r;

	snp_json_init(&json, &out);
	snp_json_object_begin(&json);
	snp_json_kv_string(&json, "name", command->name);
	snp_json_kv_string(&json, "summary", command->summary);
	snp_json_kv_string(&json, "examples", command->examples);
	snp_json_kv_string(&json, "usage", command->usage);
	snp_json_kv_string(&json, "notes", command->notes ? command->notes : "");
	snp_json_kv_string(&json, "exits", command->exits);
	snp_json_key(&json, "options");
	snp_json_array_begin(&json);
	for (int i = 0; i < command->options_nr; i++)
		describe_option(&json, &command->options[i]);
	snp_json_array_end(&json);
	if (command->describe)
		command->describe(&json);
	snp_json_object_end(&json);
	snp_buf_putc(&out, '\n');
	r = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	return r;
}

bool cli_begin(const struct cli_command *command, int argc, char **argv)
{
	static char program[32];

	(void)snprintf(program, sizeof(program), "%.*s",
		       (int)strcspn(command->name, " "), command->name);
	cli_set_program(program);
	if (argc < 2)
		return false;
	if (strcmp(argv[1], "--help-json") == 0 && argc == 2)
		(void)cli_describe(command);
	else if (strcmp(argv[1], "--complete") == 0)
		cli_complete(command, argc - 2, argv + 2, stdout);
	else
		return false;
	return true;
}

int cli_print_help(const struct cli_command *command)
{
	cli_help_print(command, stdout);
	return cli_finish(SNP_EXIT_OK);
}

int cli_print_version(const struct cli_command *command)
{
	(void)printf("%.*s %s\n", (int)strcspn(command->name, " "), command->name,
		     SNP_VERSION);
	return cli_finish(SNP_EXIT_OK);
}

int cli_usage(const struct cli_command *command, const struct snp_err *err)
{
	const char *blank = strchr(command->name, ' ');
	const char *verb = blank ? blank + 1 : "";

	/* It says what to do already, or there is nothing to be done. */
	if (strchr(err->msg, ';') || err->code == -ENOMEM)
		cli_complain("%s%s%s", verb, *verb ? ": " : "", err->msg);
	else
		cli_complain("%s%s%s; see '%s --help'", verb, *verb ? ": " : "",
			     err->msg, command->name);
	return err->code == -ENOMEM ? SNP_EXIT_FAILURE : SNP_EXIT_USAGE;
}
