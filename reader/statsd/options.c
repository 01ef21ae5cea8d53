/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

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
    "      --log.format FORMAT      logfmt or json (default: logfmt)\n"
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

/* Those with a value first. */
enum {
	OPT_INSTANCE,
	OPT_ADDRESS,
	OPT_TAGS,
	OPT_TAG,
	OPT_PREFIX,
	OPT_HISTOGRAMS,
	OPT_INTERVAL,
	OPT_DATAGRAM_BYTES,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
	OPT_SEND_ZERO,
	OPT_DIAG,
	OPT_ONCE,
	OPT_VERSION,
	OPT_HELP,
	OPT_NR
};

static const struct cli_option known[OPT_NR] = {
    [OPT_INSTANCE] = {"instance", 'n', "NAME|PATH"},
    [OPT_ADDRESS] = {"statsd.address", '\0', "ADDRESS"},
    [OPT_TAGS] = {"statsd.tags", '\0', "STYLE"},
    [OPT_TAG] = {"statsd.tag", '\0', "KEY:VALUE"},
    [OPT_PREFIX] = {"statsd.prefix", '\0', "TEXT"},
    [OPT_HISTOGRAMS] = {"statsd.histograms", '\0', "HOW"},
    [OPT_INTERVAL] = {"statsd.interval", '\0', "TIME"},
    [OPT_DATAGRAM_BYTES] = {"statsd.datagram-bytes", '\0', "BYTES"},
    [OPT_LOG_LEVEL] = {"log.level", '\0', "LEVEL"},
    [OPT_LOG_FORMAT] = {"log.format", '\0', "FORMAT"},
    [OPT_SEND_ZERO] = {"statsd.send-zero", '\0', NULL},
    [OPT_DIAG] = {"collector.diag", '\0', NULL},
    [OPT_ONCE] = {"once", '\0', NULL},
    [OPT_VERSION] = {"version", 'V', NULL},
    [OPT_HELP] = {"help", 'h', NULL},
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

/* For a word that is none of those there are. */
static int unknown_word(int option, const char *value, const char *expected,
			struct snp_err *err)
{
	return snp_err_set(err, -EINVAL, "--%s '%s': expected %s", known[option].name,
			   value, expected);
}

static int parse_word(int option, const char *value, struct options *options,
		      struct snp_err *err)
{
	struct flush_options *flush = &options->exporter.flush;

	switch (option) {
	case OPT_TAGS:
		if (format_style_parse(value, &flush->format.style))
			return 0;
		return unknown_word(option, value, "none, dogstatsd, influx or librato",
				    err);
	case OPT_HISTOGRAMS:
		if (flush_latency_parse(value, &flush->latency))
			return 0;
		return unknown_word(option, value, "counters, timings or distributions",
				    err);
	case OPT_LOG_LEVEL:
		return snp_log_level_parse(value, &options->log_level, err);
	default:
		return snp_log_form_parse(value, &options->log_form, err);
	}
}

static int parse_valued(int option, const char *value, struct options *options,
			struct snp_err *err)
{
	struct flush_options *flush = &options->exporter.flush;

	switch (option) {
	case OPT_INSTANCE:
		options->exporter.instance = value;
		return 0;
	case OPT_ADDRESS:
		return address_parse(value, &options->exporter.address, err);
	case OPT_TAG:
		return parse_tag(value, options, err);
	case OPT_PREFIX:
		return parse_prefix(value, &flush->format.prefix, err);
	case OPT_INTERVAL:
		return cli_time(known[option].name, value, INTERVAL_MIN_MS,
				INTERVAL_MAX_MS, &options->interval_ms, err);
	case OPT_DATAGRAM_BYTES:
		return parse_datagram_bytes(value, &flush->datagram_bytes_max, err);
	default:
		return parse_word(option, value, options, err);
	}
}

static void set_flag(int option, struct options *options)
{
	switch (option) {
	case OPT_SEND_ZERO:
		options->exporter.flush.send_zero = true;
		return;
	case OPT_DIAG:
		options->exporter.flush.level_max = SNP_LEVEL_DIAG;
		return;
	case OPT_ONCE:
		options->action = OPTIONS_ONCE;
		return;
	case OPT_VERSION:
		options->action = OPTIONS_VERSION;
		return;
	default:
		options->action = OPTIONS_HELP;
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
	struct cli_args args = {.argc = argc,
				.argv = argv,
				.options = known,
				.options_nr = OPT_NR,
				.next = 1};
	const char *value;
	int option, r = 0;

	*ret_options = (struct options){
	    .interval_ms = 10000,
	    .log_level = SNP_LOG_INFO,
	    .exporter = {.address = {.host = "127.0.0.1", .port = "8125"},
			 .flush = {.format = {.style = FORMAT_DOGSTATSD, .prefix = ""},
				   .level_max = SNP_LEVEL_INFO}},
	};
	while (r == 0 && (option = cli_next_option(&args, &value, err)) != CLI_END) {
		if (option < 0)
			return option;
		if (value)
			r = parse_valued(option, value, ret_options, err);
		else
			set_flag(option, ret_options);
	}
	return r == 0 ? complete(ret_options, err) : r;
}
