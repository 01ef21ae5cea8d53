/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what the command line asks for. Pure but for the texts it prints on
 * request.
 */
#ifndef SNP_TOP_OPTIONS_H
#define SNP_TOP_OPTIONS_H

#include <stdio.h>

#include "cli/options.h"
#include "model/query.h"
#include "snakepit/err.h"
#include "theme.h"
#include "ui.h"

enum top_mode {
	TOP_MODE_AUTO, /* interactive on a terminal, text otherwise */
	TOP_MODE_TEXT,
	TOP_MODE_JSON,
	TOP_MODE_CSV,
	TOP_MODE_PLAIN,
	TOP_MODE_CHECK,
	TOP_MODE_DIFF,
	TOP_MODE_DUMP, /* --dump-frame */
	TOP_MODE_HELP, /* this and the rest print what they are called and end */
	TOP_MODE_VERSION,
	TOP_MODE_COLUMNS, /* -o help */
};

extern const struct cli_command top_command;

/* Its keys and columns, for the man page. */
void top_describe(struct snp_json *json);

struct top_options {
	enum top_mode mode;
	enum top_color color;
	const char *instance; /* borrowed from argv, NULL = not given */
	const char *record, *replay, *diff, *keys; /* borrowed, NULL = not given */
	const char *file; /* of --post-mortem and --diff, borrowed, NULL = not given */
	bool all, post_mortem;
	bool json;		  /* of TOP_MODE_DIFF, and of `all` */
	int dump_cols, dump_rows; /* of TOP_MODE_DUMP */
	bool ascii, no_mouse, no_header, exit_on_end;
	bool delay_said, sort_said; /* else they are the defaults */
	unsigned delay_ms;
	uint64_t count; /* outputs; 0 = until it is ended */
	uint64_t for_ms;
	struct top_sort sort;
	struct top_shown shown[TOP_TABLE_NR];
	struct snp_query *filter, *check;     /* NULL = not given */
	const char *filter_text, *check_text; /* borrowed from argv */
};

/* -EINVAL: the text says what is wrong and where to look; where that is within an
 * expression, `hint` gets two more lines, which point at it. -ENOMEM. */
int top_options_parse(int argc, char **argv, struct top_options *ret_options,
		      struct snp_buf *hint, struct snp_err *err);
void top_options_fini(struct top_options *options);

void top_options_columns(FILE *out);

#endif
