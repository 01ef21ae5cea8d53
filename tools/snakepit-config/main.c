/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-config - print, check and compare configuration files. Users say
 * `snakepit config`; a program of its own because it needs the YAML libraries.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/find.h"
#include "cli/options.h"
#include "cli/say.h"
#include "config/config.h"
#include "config/diff.h"
#include "model/target.h"

static const char help[] =
    "examples:\n"
    "  snakepit config default > snakepit.yaml\n"
    "  snakepit config check snakepit.yaml\n"
    "  snakepit config show snakepit.yaml\n"
    "  snakepit config diff running.yaml edited.yaml\n"
    "\n"
    "usage: snakepit config default | show FILE | check FILE | diff OLD NEW\n"
    "\n"
    "  default  every key with its default and a line of explanation\n"
    "  show     what a file means: every key, defaults filled in, ${VAR} expanded\n"
    "  check    whether the runtime would start with it\n"
    "  diff     what a reload from OLD to NEW would change, and what that needs: "
    "nothing\n"
    "           (live), new workers one after the other, or a restart\n"
    "\n"
    "exit codes: 0 fine (diff: a reload can do it); 1 failure (diff: it needs a "
    "restart);\n"
    "2 wrong usage, or a bad file.\n";

static int complain(const struct snp_err *err)
{
	cli_complain("config: %s", err->msg);
	return err->code == -ENOMEM ? SNP_EXIT_FAILURE : SNP_EXIT_USAGE;
}

/* ---- commands: argv[0], argv[1] are their operands ------------------------ */

static int print_default(char **argv)
{
	(void)argv;
	return snp_config_default_print(stdout) < 0 ? SNP_EXIT_FAILURE : SNP_EXIT_OK;
}

static int show(char **argv)
{
	struct snp_config *cfg = NULL;
	struct snp_err err = {0};
	int rc;

	if (snp_config_load(argv[0], &cfg, &err) < 0)
		return complain(&err);
	rc = snp_config_show(stdout, cfg);
	snp_config_destroy(&cfg);
	return rc < 0 ? SNP_EXIT_FAILURE : SNP_EXIT_OK;
}

/* The runtime itself knows best. */
static int check(char **argv)
{
	char path[PATH_MAX];
	char *args[] = {(char *)"snakepitd", (char *)"--check", (char *)"-c", argv[0],
			NULL};
	struct snp_err err = {0};

	if (cli_program_find(args[0], path, &err) == 0)
		(void)cli_exec(path, args, &err);
	cli_complain("config: %s", err.msg);
	return SNP_EXIT_FAILURE;
}

static int print_diff(const struct snp_config *from, const struct snp_config *to)
{
	struct snp_cfg_diff diff;
	int code = SNP_EXIT_OK;

	if (snp_config_diff(from, from, to, &diff) < 0) {
		cli_complain("config: out of memory");
		return SNP_EXIT_FAILURE;
	}
	for (size_t i = 0; i < diff.nr; i++)
		(void)printf("%s (%s)\n", diff.changes[i].text,
			     snp_cfg_needs_name(diff.changes[i].needs));
	if (snp_config_diff_first(&diff, SNP_CFG_NEEDS_RESTART))
		code = SNP_EXIT_FAILURE;
	snp_config_diff_fini(&diff);
	return code;
}

static int diff(char **argv)
{
	struct snp_config *from = NULL, *to = NULL;
	struct snp_err err = {0};
	int code;

	if (snp_config_load(argv[0], &from, &err) < 0 ||
	    snp_config_load(argv[1], &to, &err) < 0)
		code = complain(&err);
	else
		code = print_diff(from, to);
	snp_config_destroy(&from);
	snp_config_destroy(&to);
	return code;
}

static const struct command {
	const char *name, *operands;
	int operands_nr;
	int (*run)(char **argv);
} commands[] = {
    {"default", "", 0, print_default},
    {"show", " FILE", 1, show},
    {"check", " FILE", 1, check},
    {"diff", " OLD NEW", 2, diff},
};

static int run(int argc, char **argv)
{
	if (argc == 0) {
		cli_complain("config: which of default, show, check and diff? see "
			     "'snakepit help config'");
		return SNP_EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		if (argc - 1 == commands[i].operands_nr)
			return commands[i].run(argv + 1);
		cli_complain("config: usage: snakepit config %s%s", commands[i].name,
			     commands[i].operands);
		return SNP_EXIT_USAGE;
	}
	cli_complain("config: no '%s'; see 'snakepit help config'", argv[0]);
	return SNP_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	enum { HELP, VERSION, NR };
	static const struct cli_option options[NR] = {
	    [HELP] = {"help", 'h', NULL},
	    [VERSION] = {"version", 'V', NULL},
	};
	struct cli_args args = {argc, argv, options, NR, 1, NULL, false};
	struct snp_err err = {0};
	char *operands[4];
	const char *value;
	int n = 0, got;

	cli_set_program("snakepit");
	while ((got = cli_next(&args, &value, &err)) != CLI_END) {
		if (got < 0) {
			cli_complain("config: %s", err.msg);
			return SNP_EXIT_USAGE;
		}
		if (got == CLI_OPERAND && n < 4)
			operands[n++] = (char *)value;
		if (got == CLI_OPERAND)
			continue;
		(void)fputs(got == HELP ? help : "snakepit " SNP_VERSION "\n", stdout);
		return cli_finish(SNP_EXIT_OK);
	}
	return cli_finish(run(n, operands));
}
