/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of snakepit-prometheus. No state. */
#ifndef SNP_PROMETHEUS_OPTIONS_H
#define SNP_PROMETHEUS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "collector.h"
#include "listen.h"
#include "model/log.h"
#include "snakepit/err.h"

#define OPTIONS_LISTEN_MAX    16
#define OPTIONS_INSTANCES_MAX 64

enum options_action { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
	enum options_action action;
	const char *instances[OPTIONS_INSTANCES_MAX];
	struct collector_options collect; /* but for its names: they are `instances` */
	struct listen_address listen[OPTIONS_LISTEN_MAX];
	size_t listen_nr;    /* 0: the default addresses */
	bool systemd_socket; /* instead: what systemd hands over */
	const char *telemetry_path;
	const char *config_file; /* NULL: plain HTTP for everybody */
	unsigned max_requests;	 /* scrapes at once; 0: any number */
	enum snp_log_level log_level;
	enum snp_log_form log_form;
};

extern const struct cli_command prometheus_command;

/* Strings in *ret_options are argv's. -EINVAL, saying what is wrong, for a line we do
 * not understand. */
int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err);

#endif
