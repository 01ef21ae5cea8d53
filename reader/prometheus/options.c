/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define MAX_REQUESTS_DEFAULT 40
#define MAX_REQUESTS_MOST    10000

const char options_help[] =
    "Serve the metrics of Snakepit runtimes to Prometheus.\n"
    "\n"
    "  snakepit-prometheus                              the only instance there is\n"
    "  snakepit-prometheus -n prod                      the instance 'prod'\n"
    "  snakepit-prometheus -n blue -n green             two instances on one page\n"
    "  snakepit-prometheus --web.listen-address=:9568   on every address\n"
    "\n"
    "Usage: snakepit-prometheus [OPTION]...\n"
    "\n"
    "  -n, --instance NAME|PATH     instance to read, or the path of its segment; may\n"
    "                               be repeated, then series carry snakepit_instance\n"
    "                               (default: $SNAKEPIT_INSTANCE, or the only one)\n"
    "      --all-instances          every instance there is, as they come and go\n"
    "      --web.listen-address ADDRESS\n"
    "                               HOST:PORT, [IPV6]:PORT, :PORT, vsock://:PORT; may\n"
    "                               be repeated (default: 127.0.0.1:9568, [::1]:9568)\n"
    "      --web.systemd-socket     the sockets systemd hands over instead\n"
    "      --web.telemetry-path PATH\n"
    "                               where the metrics are (default: /metrics)\n"
    "      --web.config.file FILE   TLS, passwords, headers, rate limit: the YAML of\n"
    "                               Prometheus' exporters\n"
    "      --web.max-requests N     scrapes at once, 0 for any number (default: 40)\n"
    "      --web.disable-exporter-metrics\n"
    "                               nothing about this program: no process_*\n"
    "      --web.enable-created-metrics\n"
    "                               _created samples in OpenMetrics\n"
    "      --[no-]collector.NAME    families of heartbeat, worker, pool, request,\n"
    "                               session, shm, process or runtime (default: all)\n"
    "      --collector.diag         diagnostic metrics too\n"
    "      --log.level LEVEL        debug, info, warn or error (default: info)\n"
    "      --log.format FORM        logfmt or json (default: logfmt)\n"
    "  -V, --version                print the version\n"
    "  -h, --help                   print this text\n"
    "\n"
    "A runtime may start, stop and restart at any time: snakepit_up says how it is.\n"
    "This needs read access to the segment, nothing else, and never writes.\n"
    "\n"
    "Pages: the metrics, / (what is here), /-/healthy (this program runs), /-/ready\n"
    "(a live runtime is attached). Queries: collect[]=NAME, exclude[]=NAME,\n"
    "name[]=FAMILY.\n"
    "\n"
    "Exit codes: 0 stopped by SIGTERM or SIGINT; 1 failure; 2 wrong usage.\n";

enum {
	OPT_INSTANCE,
	OPT_ALL_INSTANCES,
	OPT_LISTEN,
	OPT_SYSTEMD_SOCKET,
	OPT_PATH,
	OPT_CONFIG_FILE,
	OPT_MAX_REQUESTS,
	OPT_NO_EXPORTER_METRICS,
	OPT_CREATED,
	OPT_DIAG,
	OPT_NO_DIAG,
	OPT_LOG_LEVEL,
	OPT_LOG_FORM,
	OPT_VERSION,
	OPT_HELP,
	OPT_WITH, /* one for each group of families, then the same without it */
	OPT_WITHOUT = OPT_WITH + SCRAPE_GROUP_NR,
	OPT_NR = OPT_WITHOUT + SCRAPE_GROUP_NR
};

static const struct cli_option known[OPT_NR] = {
    [OPT_INSTANCE] = {"instance", 'n', "NAME|PATH"},
    [OPT_ALL_INSTANCES] = {"all-instances", '\0', NULL},
    [OPT_LISTEN] = {"web.listen-address", '\0', "ADDRESS"},
    [OPT_SYSTEMD_SOCKET] = {"web.systemd-socket", '\0', NULL},
    [OPT_PATH] = {"web.telemetry-path", '\0', "PATH"},
    [OPT_CONFIG_FILE] = {"web.config.file", '\0', "FILE"},
    [OPT_MAX_REQUESTS] = {"web.max-requests", '\0', "N"},
    [OPT_NO_EXPORTER_METRICS] = {"web.disable-exporter-metrics", '\0', NULL},
    [OPT_CREATED] = {"web.enable-created-metrics", '\0', NULL},
    [OPT_DIAG] = {"collector.diag", '\0', NULL},
    [OPT_NO_DIAG] = {"no-collector.diag", '\0', NULL},
    [OPT_LOG_LEVEL] = {"log.level", '\0', "LEVEL"},
    [OPT_LOG_FORM] = {"log.format", '\0', "FORM"},
    [OPT_VERSION] = {"version", 'V', NULL},
    [OPT_HELP] = {"help", 'h', NULL},
#define GROUP(id, name, prefixes)                                                      \
	[OPT_WITH + SCRAPE_##id] = {"collector." name, '\0', NULL},                    \
		    [OPT_WITHOUT + SCRAPE_##id] = {"no-collector." name, '\0', NULL},
#include "groups.def"
#undef GROUP
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
	struct cli_args args = {.argc = argc,
				.argv = argv,
				.options = known,
				.options_nr = OPT_NR,
				.next = 1};
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
