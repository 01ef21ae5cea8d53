/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - the shape of an options.def, and the rows that programs share.
 *
 * CLI_HEADING(id, text)   begins a group of --help; "" leaves a line empty
 * CLI_OPTION(id, name, letter, value, complete, help)   as struct cli_option says
 *
 * A table is included twice, for the numbers of its rows and for the rows:
 *
 *	enum {
 *	#include "cli/as_ids.h"
 *	#include "options.def"
 *		OPT_NR
 *	};
 *	static const struct cli_option rows[] = {
 *	#include "cli/as_rows.h"
 *	#include "options.def"
 *	};
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#define CLI_ROW_INSTANCE                                                               \
	CLI_OPTION(INSTANCE, "instance", 'n', "NAME|PATH", "@instance",                \
		   "instance, or path of its segment\n"                                \
		   "Without it $SNAKEPIT_INSTANCE, and without that the only "         \
		   "instance there is.")

#define CLI_ROWS_LOG                                                                   \
	CLI_OPTION(LOG_LEVEL, "log.level", '\0', "LEVEL", "debug|info|warn|error",     \
		   "debug, info, warn or error (info)")                                \
	CLI_OPTION(LOG_FORMAT, "log.format", '\0', "FORMAT", "logfmt|json",            \
		   "logfmt or json (logfmt)")

#define CLI_ROW_DIAG                                                                   \
	CLI_OPTION(DIAG, "collector.diag", '\0', NULL, NULL, "diagnostic metrics too")

#define CLI_ROW_JSON CLI_OPTION(JSON, "json", '\0', NULL, NULL, "one JSON object")

/* form.h */
#define CLI_ROWS_FORM                                                                  \
	CLI_ROW_JSON                                                                   \
	CLI_OPTION(PLAIN, "plain", '\0', NULL, NULL,                                   \
		   "a line for each thing, tabs between, no headings")                 \
	CLI_OPTION(NO_COLOR, "no-color", '\0', NULL, NULL,                             \
		   "no bold headings; NO_COLOR says the same")

#define CLI_ROW_HELP CLI_OPTION(HELP, "help", 'h', NULL, NULL, "print this text")

#define CLI_ROWS_LAST                                                                  \
	CLI_OPTION(VERSION, "version", 'V', NULL, NULL, "print the version")           \
	CLI_ROW_HELP

#endif
