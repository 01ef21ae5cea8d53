/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS 3600000
#define DATAGRAM_MIN	512
#define DATAGRAM_MAX	65000

const char options_help[] =
    "Send a Snakepit runtime's metrics to a StatsD or DogStatsD receiver.\n"
    "\n"
    "  snakepit-statsd                            to 127.0.0.1:8125, with tags\n"
    "  snakepit-statsd --statsd.address=unix:/var/run/datadog/dsd.socket\n"
    "                                             to Datadog's agent on this machine\n"
    "  snakepit-statsd --statsd.tags=none         labels as parts of the name\n"
    "  snakepit-statsd --once                     one flush, and say how it went\n"
    "\n"
    "Usage: snakepit-statsd [OPTION]...\n"
    "\n"
    "  -n, --instance NAME|PATH     instance to read, or the path of its segment\n"
    "                               (default: $SNAKEPIT_INSTANCE, or the only one)\n"
    "      --statsd.address ADDRESS HOST:PORT, [IPV6]:PORT or unix:/PATH\n"
    "                               (default: 127.0.0.1:8125)\n"
    "      --statsd.tags STYLE      none, dogstatsd, influx or librato\n"
    "                               (default: dogstatsd)\n"
    "      --statsd.tag KEY:VALUE   a tag on every line; may be repeated\n"
    "      --statsd.prefix TEXT     in front of every name, such as 'prod.'\n"
    "      --statsd.histograms HOW  counters: NAME.count and NAME.sum_ms;\n"
    "                               timings: |ms with sampling rates;\n"
    "                               distributions: |d, for DogStatsD alone\n"
    "                               (default: counters)\n"
    "      --statsd.interval TIME   from flush to flush: 10s, 500ms, 1m\n"
    "                               (default: 10s)\n"
    "      --statsd.send-zero       counters that have not grown too\n"
    "      --statsd.datagram-bytes BYTES\n"
    "                               at most so long (default: 1432, unix: 8192)\n"
    "      --collector.diag         diagnostic metrics too\n"
    "      --once                   flush once and exit\n"
    "      --log.level LEVEL        debug, info, warn or error (default: info)\n"
    "  -V, --version                print the version\n"
    "  -h, --help                   print this text\n"
    "\n"
    "Counters are sent as their growth since they were last sent; what was counted "
    "before\n"
    "this program started is never sent. The runtime may start, stop and restart at "
    "any\n"
    "time: snakepit.up says how it is. SIGTERM and SIGINT flush once more and end.\n"
    "\n"
    "Exit codes: 0 stopped by a signal, or everything sent; 1 failure, also of "
    "sending\n"
    "(--once); 2 wrong usage; 3 no runtime (--once).\n";

enum {
	OPT_ADDRESS = 256,
	OPT_TAGS,
	OPT_TAG,
	OPT_PREFIX,
	OPT_HISTOGRAMS,
	OPT_INTERVAL,
	OPT_SEND_ZERO,
	OPT_DATAGRAM_BYTES,
	OPT_DIAG,
	OPT_ONCE,
	OPT_LOG_LEVEL,
};

static const struct option long_options[] = {
    {"instance", required_argument, NULL, 'n'},
    {"statsd.address", required_argument, NULL, OPT_ADDRESS},
    {"statsd.tags", required_argument, NULL, OPT_TAGS},
    {"statsd.tag", required_argument, NULL, OPT_TAG},
    {"statsd.prefix", required_argument, NULL, OPT_PREFIX},
    {"statsd.histograms", required_argument, NULL, OPT_HISTOGRAMS},
    {"statsd.interval", required_argument, NULL, OPT_INTERVAL},
    {"statsd.send-zero", no_argument, NULL, OPT_SEND_ZERO},
    {"statsd.datagram-bytes", required_argument, NULL, OPT_DATAGRAM_BYTES},
    {"collector.diag", no_argument, NULL, OPT_DIAG},
    {"once", no_argument, NULL, OPT_ONCE},
    {"log.level", required_argument, NULL, OPT_LOG_LEVEL},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* Digits alone, at most `max`. */
static bool parse_number(const char *text, size_t len, uint64_t max,
			 uint64_t *ret_number)
{
	uint64_t number = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text[i] - '0');
		if (number > max)
			return false;
	}
	*ret_number = number;
	return true;
}

static int parse_interval(const char *text, uint64_t *ret_ms, struct snp_err *err)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
	size_t digits = strspn(text, "0123456789");
	uint64_t number = 0, ms = 0;

	if (parse_number(text, digits, INTERVAL_MAX_MS, &number))
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strcmp(text + digits, units[i].name) == 0)
				ms = number * units[i].ms;
	if (ms < INTERVAL_MIN_MS || ms > INTERVAL_MAX_MS)
		return snp_err_set(err, -EINVAL,
				   "--statsd.interval '%s': expected 100ms to 60m, "
				   "such as 10s",
				   text);
	*ret_ms = ms;
	return 0;
}

static int parse_prefix(const char *text, const char **ret_prefix, struct snp_err *err)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (text[strspn(text, allowed)] != '\0' || strlen(text) > 128)
		return snp_err_set(err, -EINVAL,
				   "--statsd.prefix '%s': expected at most 128 "
				   "letters, digits, '_', '.' or '-'",
				   text);
	*ret_prefix = text;
	return 0;
}

static int parse_tag(const char *text, struct options *options, struct snp_err *err)
{
	const char *colon = strchr(text, ':');
	struct format_tag *tag = &options->tags[options->tags_nr];

	if (options->tags_nr == OPTIONS_TAGS_MAX)
		return snp_err_set(err, -EINVAL, "more than %d --statsd.tag",
				   OPTIONS_TAGS_MAX);
	if (!colon || colon == text || colon[1] == '\0' ||
	    strlen(text) > FORMAT_TAG_BYTES_MAX)
		return snp_err_set(err, -EINVAL,
				   "--statsd.tag '%s': expected KEY:VALUE of at most "
				   "%d bytes",
				   text, FORMAT_TAG_BYTES_MAX);
	(void)snprintf(tag->key, sizeof(tag->key), "%.*s", (int)(colon - text), text);
	(void)snprintf(tag->value, sizeof(tag->value), "%s", colon + 1);
	options->tags_nr++;
	return 0;
}

static int parse_datagram_bytes(const char *text, size_t *ret_bytes,
				struct snp_err *err)
{
	uint64_t bytes = 0;

	if (!parse_number(text, strlen(text), DATAGRAM_MAX, &bytes) ||
	    bytes < DATAGRAM_MIN)
		return snp_err_set(err, -EINVAL,
				   "--statsd.datagram-bytes '%s': expected %d to %d",
				   text, DATAGRAM_MIN, DATAGRAM_MAX);
	*ret_bytes = (size_t)bytes;
	return 0;
}

static int unknown_word(struct snp_err *err, const char *option, const char *expected)
{
	return snp_err_set(err, -EINVAL, "--%s '%s': expected %s", option, optarg,
			   expected);
}

static int parse_value(int option, struct options *options, struct snp_err *err)
{
	struct flush_options *flush = &options->exporter.flush;

	switch (option) {
	case OPT_ADDRESS:
		return address_parse(optarg, &options->exporter.address, err);
	case OPT_TAGS:
		if (!format_style_parse(optarg, &flush->format.style))
			return unknown_word(err, "statsd.tags",
					    "none, dogstatsd, influx or librato");
		return 0;
	case OPT_TAG:
		return parse_tag(optarg, options, err);
	case OPT_PREFIX:
		return parse_prefix(optarg, &flush->format.prefix, err);
	case OPT_HISTOGRAMS:
		if (!flush_latency_parse(optarg, &flush->latency))
			return unknown_word(err, "statsd.histograms",
					    "counters, timings or distributions");
		return 0;
	case OPT_INTERVAL:
		return parse_interval(optarg, &options->interval_ms, err);
	case OPT_DATAGRAM_BYTES:
		return parse_datagram_bytes(optarg, &flush->datagram_bytes_max, err);
	case OPT_LOG_LEVEL:
		if (!snp_log_level_parse(optarg, &options->log_level))
			return unknown_word(err, "log.level",
					    "debug, info, warn or error");
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_one(int option, struct options *options, struct snp_err *err)
{
	switch (option) {
	case 'n':
		options->exporter.instance = optarg;
		return 0;
	case OPT_SEND_ZERO:
		options->exporter.flush.send_zero = true;
		return 0;
	case OPT_DIAG:
		options->exporter.flush.level_max = SNP_LEVEL_DIAG;
		return 0;
	case OPT_ONCE:
		options->action = OPTIONS_ONCE;
		return 0;
	case 'V':
		options->action = OPTIONS_VERSION;
		return 0;
	case 'h':
		options->action = OPTIONS_HELP;
		return 0;
	default:
		return parse_value(option, options, err);
	}
}

/* What depends on more than one option. */
static int complete(struct options *options, struct snp_err *err)
{
	struct flush_options *flush = &options->exporter.flush;

	if (options->tags_nr > 0 && flush->format.style == FORMAT_NONE)
		return snp_err_set(err, -EINVAL,
				   "--statsd.tag has no place with --statsd.tags=none; "
				   "use --statsd.prefix");
	if (flush->latency == FLUSH_LATENCY_DISTRIBUTIONS &&
	    flush->format.style != FORMAT_DOGSTATSD)
		return snp_err_set(err, -EINVAL,
				   "--statsd.histograms=distributions needs "
				   "--statsd.tags=dogstatsd");
	if (flush->datagram_bytes_max == 0)
		flush->datagram_bytes_max = options->exporter.address.path[0]
						? OPTIONS_UNIX_BYTES
						: OPTIONS_UDP_BYTES;
	flush->format.tags = options->tags;
	flush->format.tags_nr = options->tags_nr;
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err)
{
	int option, at, r;

	*ret_options = (struct options){
	    .interval_ms = 10000,
	    .log_level = SNP_LOG_INFO,
	    .exporter = {.address = {.host = "127.0.0.1", .port = "8125"},
			 .flush = {.format = {.style = FORMAT_DOGSTATSD, .prefix = ""},
				   .level_max = SNP_LEVEL_INFO}},
	};
	opterr = 0;
	optind = 0; /* glibc: start anew, for tests that parse several lines */
	for (;;) {
		at = optind ? optind : 1;
		option = getopt_long(argc, argv, ":n:Vh", long_options, NULL);
		if (option < 0)
			break;
		if (option == ':')
			return snp_err_set(err, -EINVAL, "%s needs a value", argv[at]);
		if (option == '?')
			return snp_err_set(err, -EINVAL, "unknown option %s", argv[at]);
		r = parse_one(option, ret_options, err);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return snp_err_set(err, -EINVAL, "unexpected argument '%s'",
				   argv[optind]);
	return complete(ret_options, err);
}
