/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of snakepit-inspect. No state. */
#ifndef SNP_INSPECT_OPTIONS_H
#define SNP_INSPECT_OPTIONS_H

#include <stdint.h>

#include "cli/options.h"
#include "model/query.h"
#include "snakepit/err.h"
#include "snakepit/read.h"

#define OPTIONS_POOL_BYTES 128

enum options_action {
	OPTIONS_PRINT,
	OPTIONS_FOLLOW,
	OPTIONS_VERIFY,
	OPTIONS_HELP,
	OPTIONS_VERSION
};

enum options_format { OPTIONS_TEXT, OPTIONS_JSON, OPTIONS_CSV };

struct options {
	enum options_action action;
	enum options_format format;
	const char *instance;	       /* NULL: the only one there is */
	const char *field;	       /* NULL: everything */
	char pool[OPTIONS_POOL_BYTES]; /* "": events of all */
	int64_t slot;		       /* of it; -1: all */
	struct snp_query *filter;      /* NULL: everything; ours */
	enum snp_tier tier;
	unsigned parts; /* REPORT_*: beyond facts, rows and metrics */
};

extern const struct cli_command inspect_command;

/* Strings in *ret_options are argv's; what else it holds is freed by options_fini(),
 * also after a failure. -EINVAL, saying what is wrong, for a line we do not understand;
 * `hint` is for below that message. */
int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_buf *hint, struct snp_err *err);
void options_fini(struct options *options);

#endif
