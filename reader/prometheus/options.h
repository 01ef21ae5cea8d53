/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of snakepit-prometheus. No state but getopt's. */
#ifndef SNP_PROMETHEUS_OPTIONS_H
#define SNP_PROMETHEUS_OPTIONS_H

#include <stddef.h>

#include "families.h"
#include "listen.h"
#include "model/log.h"
#include "snakepit/err.h"

#define OPTIONS_LISTEN_MAX 16

enum options_action { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
	enum options_action action;
	const char *instance; /* NULL: the only one there is */
	const char *telemetry_path;
	struct listen_address listen[OPTIONS_LISTEN_MAX];
	size_t listen_nr; /* 0: the default addresses */
	enum families_levels levels;
	enum snp_log_level log_level;
};

extern const char options_help[];

/* Strings in *ret_options are argv's. -EINVAL, saying what is wrong, for a line we do
 * not understand. */
int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err);

#endif
