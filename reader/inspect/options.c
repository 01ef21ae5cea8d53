/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "report.h"

const char options_help[] =
    "Print what a Snakepit runtime's segment holds, running or dead.\n"
    "\n"
    "  snakepit-inspect                     everything, for people\n"
    "  snakepit-inspect -n prod --json      everything, for programs\n"
    "  snakepit-inspect --field 'snakepit.requests{pool=default,method=word_stats}'\n"
    "  snakepit-inspect --field 'snakepit.heartbeat.latency{pool=default}:p99'\n"
    "  snakepit-inspect --field writer.verdict\n"
    "\n"
    "Usage: snakepit-inspect [OPTION]...\n"
    "\n"
    "  -n, --instance NAME|PATH  instance to read, or the path of its segment\n"
    "                            (default: $SNAKEPIT_INSTANCE, or the only one)\n"
    "      --text                grouped text (default)\n"
    "      --json                one JSON object\n"
    "      --csv                 one line a value\n"
    "      --field NAME          print one value: segment.*, writer.*, stats.*, or a\n"
    "                            metric by either of its names, with {label=value}\n"
    "                            as needed; of histograms the count, or :sum, :p50,\n"
    "                            :p90, :p99\n"
    "      --events              lifecycle events too\n"
    "      --evidence            events, and the text each of them points to\n"
    "      --log                 the events and their texts, and nothing else\n"
    "      --in-flight           requests that workers run now\n"
    "      --spans               requests that ended, and their attempts\n"
    "      --history             the last minutes of each pool (JSON: and worker)\n"
    "      --threads             the runtime's threads, and since when they are busy\n"
    "      --all                 all of these\n"
    "      --tier live|snap      read the cells themselves (default), or the checked\n"
    "                            copy the runtime makes of them with each heartbeat\n"
    "      --verify              check the contents, print what is wrong\n"
    "  -V, --version             print the version\n"
    "  -h, --help                print this text\n"
    "\n"
    "Exit codes: 0 ok; 1 failure; 2 wrong usage; 3 no such instance; 4 damaged or\n"
    "of another version.\n";

enum {
	OPT_TEXT = 256,
	OPT_JSON,
	OPT_CSV,
	OPT_FIELD,
	OPT_EVENTS,
	OPT_EVIDENCE,
	OPT_LOG,
	OPT_IN_FLIGHT,
	OPT_SPANS,
	OPT_HISTORY,
	OPT_THREADS,
	OPT_ALL,
	OPT_TIER,
	OPT_VERIFY,
};

static const struct option long_options[] = {
    {"instance", required_argument, NULL, 'n'},
    {"text", no_argument, NULL, OPT_TEXT},
    {"json", no_argument, NULL, OPT_JSON},
    {"csv", no_argument, NULL, OPT_CSV},
    {"field", required_argument, NULL, OPT_FIELD},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"evidence", no_argument, NULL, OPT_EVIDENCE},
    {"log", no_argument, NULL, OPT_LOG},
    {"in-flight", no_argument, NULL, OPT_IN_FLIGHT},
    {"spans", no_argument, NULL, OPT_SPANS},
    {"history", no_argument, NULL, OPT_HISTORY},
    {"threads", no_argument, NULL, OPT_THREADS},
    {"all", no_argument, NULL, OPT_ALL},
    {"tier", required_argument, NULL, OPT_TIER},
    {"verify", no_argument, NULL, OPT_VERIFY},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static unsigned parts_of(int option)
{
	switch (option) {
	case OPT_EVENTS:
		return REPORT_EVENTS;
	case OPT_EVIDENCE:
		return REPORT_EVENTS | REPORT_EVIDENCE;
	case OPT_LOG:
		return REPORT_EVENTS | REPORT_EVIDENCE | REPORT_ALONE;
	case OPT_IN_FLIGHT:
		return REPORT_IN_FLIGHT;
	case OPT_SPANS:
		return REPORT_SPANS;
	case OPT_HISTORY:
		return REPORT_HISTORY;
	case OPT_THREADS:
		return REPORT_THREADS;
	case OPT_ALL:
		return REPORT_ALL;
	default:
		return 0;
	}
}

static bool parse_tier(const char *name, enum snp_tier *ret_tier)
{
	if (strcmp(name, "live") == 0)
		*ret_tier = SNP_TIER_LIVE;
	else if (strcmp(name, "snap") == 0)
		*ret_tier = SNP_TIER_SNAP;
	else
		return false;
	return true;
}

/* false for what getopt could not make sense of. */
static bool parse_one(int option, struct options *options)
{
	switch (option) {
	case 'n':
		options->instance = optarg;
		return true;
	case OPT_TEXT:
		options->format = OPTIONS_TEXT;
		return true;
	case OPT_JSON:
		options->format = OPTIONS_JSON;
		return true;
	case OPT_CSV:
		options->format = OPTIONS_CSV;
		return true;
	case OPT_FIELD:
		options->field = optarg;
		return true;
	case OPT_VERIFY:
		options->action = OPTIONS_VERIFY;
		return true;
	case 'V':
		options->action = OPTIONS_VERSION;
		return true;
	case 'h':
		options->action = OPTIONS_HELP;
		return true;
	default:
		options->parts |= parts_of(option);
		return parts_of(option) != 0;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err)
{
	struct options options = {0};
	int option, at;

	opterr = 0;
	for (;;) {
		at = optind;
		option = getopt_long(argc, argv, ":n:Vh", long_options, NULL);
		if (option < 0)
			break;
		if (option == ':')
			return snp_err_set(err, -EINVAL, "%s needs a value", argv[at]);
		if (option == OPT_TIER) {
			if (parse_tier(optarg, &options.tier))
				continue;
			return snp_err_set(err, -EINVAL,
					   "no tier '%s'; there are live and snap",
					   optarg);
		}
		if (!parse_one(option, &options))
			return snp_err_set(err, -EINVAL, "unknown option %s", argv[at]);
	}
	if (optind < argc)
		return snp_err_set(err, -EINVAL, "unexpected argument '%s'",
				   argv[optind]);
	*ret_options = options;
	return 0;
}
