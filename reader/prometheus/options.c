/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REQUESTS_DEFAULT 40
#define MAX_REQUESTS_MOST    10000

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR,
	OPT_WITHOUT = OPT_NR - SCRAPE_GROUP_NR,
	OPT_WITH = OPT_WITHOUT - SCRAPE_GROUP_NR,
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

const struct cli_command prometheus_command = {
    .name = "snakepit-prometheus",
    .summary = "serve the metrics of instances to Prometheus",
    .examples =
	"  snakepit-prometheus                              the only instance there "
	"is\n"
	"  snakepit-prometheus -n prod                      the instance 'prod'\n"
	"  snakepit-prometheus -n blue -n green             two instances on one page\n"
	"  snakepit-prometheus --web.listen-address=:9568   on every address\n",
    .usage = "[OPTION]...",
    .notes = "A runtime may start, stop and restart at any time: snakepit_up says how "
	     "it is.\n"
	     "Pages: the metrics, / (what is here), /-/healthy (this program runs), "
	     "/-/ready\n"
	     "(a live runtime is attached). Queries: collect[]=NAME, exclude[]=NAME,\n"
	     "name[]=FAMILY.\n",
    .exits = "0 stopped by SIGTERM or SIGINT\n"
	     "1 failure\n"
	     "2 wrong usage\n",
    .options = rows,
    .options_nr = OPT_NR,
};

static int parse_path(const char *text, struct options *options, struct snp_err *err)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789/-._~";

	if (text[0] != '/' || text[strspn(text, allowed)] != '\0')
		return snp_err_set(
		    err, -EINVAL,
		    "--web.telemetry-path '%s' is not a path: expected '/' "
		    "and letters, digits, '/', '-', '.', '_', '~'",
		    text);
	if (strncmp(text, "/-/", 3) == 0)
		return snp_err_set(
		    err, -EINVAL,
		    "--web.telemetry-path '%s': paths under /-/ are taken", text);
	options->telemetry_path = text;
	return 0;
}

static int parse_max_requests(const char *text, struct options *options,
			      struct snp_err *err)
{
	size_t len = strspn(text, "0123456789");
	unsigned long number = strtoul(text, NULL, 10);

	if (len == 0 || len > 5 || text[len] != '\0' || number > MAX_REQUESTS_MOST)
		return snp_err_set(err, -EINVAL,
				   "--web.max-requests '%s' is not a number from 0 "
				   "(no limit) to %d",
				   text, MAX_REQUESTS_MOST);
	options->max_requests = (unsigned)number;
	return 0;
}

static int add_instance(const char *text, struct options *options, struct snp_err *err)
{
	struct collector_options *collect = &options->collect;

	if (collect->names_nr == OPTIONS_INSTANCES_MAX)
		return snp_err_set(err, -EINVAL, "more than %d --instance",
				   OPTIONS_INSTANCES_MAX);
	for (size_t i = 0; i < collect->names_nr; i++)
		if (strcmp(options->instances[i], text) == 0)
			return snp_err_set(err, -EINVAL, "--instance '%s' given twice",
					   text);
	options->instances[collect->names_nr++] = text;
	return 0;
}

static int add_address(const char *text, struct options *options, struct snp_err *err)
{
	if (options->listen_nr == OPTIONS_LISTEN_MAX)
		return snp_err_set(err, -EINVAL, "more than %d --web.listen-address",
				   OPTIONS_LISTEN_MAX);
	return listen_parse(text, &options->listen[options->listen_nr++], err);
}

static int parse_valued(int option, const char *value, struct options *options,
			struct snp_err *err)
{
	switch (option) {
	case OPT_INSTANCE:
		return add_instance(value, options, err);
	case OPT_LISTEN:
		return add_address(value, options, err);
	case OPT_PATH:
		return parse_path(value, options, err);
	case OPT_CONFIG_FILE:
		/* As Prometheus' exporters have it: empty is none. */
		options->config_file = value[0] ? value : NULL;
		return 0;
	case OPT_MAX_REQUESTS:
		return parse_max_requests(value, options, err);
	case OPT_LOG_LEVEL:
		return snp_log_level_parse(value, &options->log_level, err);
	default:
		return snp_log_form_parse(value, &options->log_form, err);
	}
}

static void set_flag(int option, struct options *options)
{
	struct collector_options *collect = &options->collect;

	switch (option) {
	case OPT_ALL_INSTANCES:
		collect->choice = INSTANCES_FOUND;
		return;
	case OPT_SYSTEMD_SOCKET:
		options->systemd_socket = true;
		return;
	case OPT_NO_EXPORTER_METRICS:
		collect->exporter_metrics = false;
		return;
	case OPT_CREATED:
		collect->created = true;
		return;
	case OPT_DIAG:
	case OPT_NO_DIAG:
		collect->levels = option == OPT_DIAG ? FAMILIES_DIAG : FAMILIES_DEFAULT;
		return;
	case OPT_VERSION:
		options->action = OPTIONS_VERSION;
		return;
	case OPT_HELP:
		options->action = OPTIONS_HELP;
		return;
	default:
		if (option < OPT_WITHOUT)
			collect->groups |= 1U << (option - OPT_WITH);
		else
			collect->groups &= ~(1U << (option - OPT_WITHOUT));
	}
}

/* What is right by itself and does not go together. */
static int check_together(const struct options *options, struct snp_err *err)
{
	if (options->collect.choice == INSTANCES_FOUND && options->collect.names_nr > 0)
		return snp_err_set(err, -EINVAL,
				   "--all-instances and --instance exclude each other");
	if (options->systemd_socket && options->listen_nr > 0)
		return snp_err_set(err, -EINVAL,
				   "--web.systemd-socket and --web.listen-address "
				   "exclude each other");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err)
{
	struct options options = {
	    .telemetry_path = "/metrics",
	    .max_requests = MAX_REQUESTS_DEFAULT,
	    .log_level = SNP_LOG_INFO,
	    .collect = {.groups = SCRAPE_GROUPS_ALL, .exporter_metrics = true},
	};
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &prometheus_command, .next = 1};
	const char *value;
	int option, r = 0;

	while (r == 0 && (option = cli_next_option(&args, &value, err)) != CLI_END) {
		if (option < 0)
			return option;
		if (value)
			r = parse_valued(option, value, &options, err);
		else
			set_flag(option, &options);
	}
	if (r == 0)
		r = check_together(&options, err);
	if (r == 0)
		*ret_options = options;
	return r;
}
