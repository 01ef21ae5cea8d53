/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-config - print, check and compare configuration files. Users say
 * `snakepit config`; a program of its own because it needs the YAML libraries.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/find.h"
#include "cli/help.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "config/config.h"
#include "config/diff.h"
#include "model/target.h"

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

static const struct cli_command config_command = {
    .name = "snakepit config",
    .summary = "print, check or compare configuration files",
    .examples = "  snakepit config default > snakepit.yaml\n"
		"  snakepit config check snakepit.yaml\n"
		"  snakepit config show snakepit.yaml\n"
		"  snakepit config diff running.yaml edited.yaml\n",
    .usage = "default | show FILE | check FILE | diff OLD NEW",
    .notes =
	"  default  every key with its default and a line of explanation\n"
	"  show     what a file means: every key, defaults filled in, ${VAR} expanded\n"
	"  check    whether the runtime would start with it\n"
	"  diff     what a reload from OLD to NEW would change, and what that needs:\n"
	"           nothing (live), new workers one after the other, or a restart\n",
    .exits = "0 fine (diff: a reload can do it)\n"
	     "1 failure (diff: it needs a restart)\n"
	     "2 wrong usage, or a bad file\n",
    .operands = "default|show|check|diff @file @file",
    .options = rows,
    .options_nr = OPT_NR,
};

static int complain(const struct snp_err *err)
{
	cli_complain("config: %s", err->msg);
	return err->code == -ENOMEM ? SNP_EXIT_FAILURE : SNP_EXIT_USAGE;
}

static int printed(int rc)
{
	if (rc == 0)
		return SNP_EXIT_OK;
	cli_complain("config: cannot write the output: %s", strerror(-rc));
	return SNP_EXIT_FAILURE;
}

/* ---- commands: argv[0], argv[1] are their operands ------------------------ */

static int print_default(char **argv)
{
	(void)argv;
	return printed(snp_config_default_print(stdout));
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
	return printed(rc);
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

static int unknown(const char *name)
{
	struct cli_nearest nearest = {.word = name};
	struct snp_err err = {0};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		cli_nearest_try(&nearest, commands[i].name);
	if (nearest.best)
		(void)snp_err_set(&err, -EINVAL, "no '%s'; did you mean '%s'?", name,
				  nearest.best);
	else
		(void)snp_err_set(&err, -EINVAL, "no '%s'", name);
	return cli_usage(&config_command, &err);
}

static int run(int argc, char **argv)
{
	struct snp_err err = {0};

	if (argc == 0) {
		(void)snp_err_set(&err, -EINVAL,
				  "which of default, show, check and diff?");
		return cli_usage(&config_command, &err);
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
	return unknown(argv[0]);
}

int main(int argc, char **argv)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &config_command, .next = 1};
	struct snp_err err = {0};
	char *operands[4];
	const char *value;
	int n = 0, got;

	if (cli_begin(&config_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	while ((got = cli_next(&args, &value, &err)) != CLI_END) {
		if (got < 0)
			return cli_usage(&config_command, &err);
		if (got == OPT_HELP)
			return cli_print_help(&config_command);
		if (got == OPT_VERSION)
			return cli_print_version(&config_command);
		if (n < 4)
			operands[n++] = (char *)value;
	}
	return cli_finish(run(n, operands));
}
