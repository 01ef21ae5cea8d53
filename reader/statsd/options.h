/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of snakepit-statsd. Pure. */
#ifndef SNP_STATSD_OPTIONS_H
#define SNP_STATSD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "exporter.h"
#include "model/log.h"
#include "snakepit/err.h"

#define OPTIONS_TAGS_MAX 16

/* Payloads that cross any Ethernet whole; what Datadog's agent takes at once. */
#define OPTIONS_UDP_BYTES  1432
#define OPTIONS_UNIX_BYTES 8192

enum options_action { OPTIONS_RUN, OPTIONS_ONCE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
	enum options_action action;
	struct exporter_options exporter; /* its tags are those below */
	struct format_tag tags[OPTIONS_TAGS_MAX];
	size_t tags_nr;
	uint64_t interval_ms;
	enum snp_log_level log_level;
	enum snp_log_form log_form;
};

extern const struct cli_command statsd_command;

/* Strings in *ret_options are argv's. -EINVAL, saying what is wrong, for a line we do
 * not understand; *ret_options is then undefined. It must stay where it is. */
int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err);

#endif
