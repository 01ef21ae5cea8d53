/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS 3600000
#define DATAGRAM_MIN	512
#define DATAGRAM_MAX	65000

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

const struct cli_command statsd_command = {
    .name = "snakepit-statsd",
    .summary = "send metrics to a StatsD or DogStatsD receiver",
    .examples =
	"  snakepit-statsd                      to 127.0.0.1:8125, with tags\n"
	"  snakepit-statsd --statsd.address=unix:/var/run/datadog/dsd.socket\n"
	"                                       to Datadog's agent on this machine\n"
	"  snakepit-statsd --statsd.tags=none   labels as parts of the name\n"
	"  snakepit-statsd --once               one flush, and say how it went\n",
    .usage = "[OPTION]...",
    .notes =
	"Counters are sent as their growth since they were last sent. SIGTERM and\n"
	"SIGINT flush once more and end.\n",
    .exits = "0 stopped by a signal, or everything sent\n"
	     "1 failure, also of sending (--once)\n"
	     "2 wrong usage\n"
	     "3 no runtime (--once)\n",
    .options = rows,
    .options_nr = OPT_NR,
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
	return snp_err_set(err, -EINVAL, "--%s '%s': expected %s", rows[option].name,
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
		return cli_time(rows[option].name, value, INTERVAL_MIN_MS,
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
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &statsd_command, .next = 1};
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
