/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "filter.h"
#include "report.h"

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

const struct cli_command inspect_command = {
    .name = "snakepit-inspect",
    .summary = "print what an instance's segment holds, running or dead",
    .examples =
	"  snakepit-inspect                     everything, for people\n"
	"  snakepit-inspect -n prod --json      everything, for programs\n"
	"  snakepit-inspect --field "
	"'snakepit.requests{pool=default,method=word_stats}'\n"
	"  snakepit-inspect --field 'snakepit.heartbeat.latency{pool=default}:p99'\n"
	"  snakepit-inspect --field writer.verdict\n",
    .usage = "[OPTION]...",
    .exits = "0 fine\n"
	     "1 failure\n"
	     "2 wrong usage\n"
	     "3 no such instance\n"
	     "4 damaged or of another version\n",
    .options = rows,
    .options_nr = OPT_NR,
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

static int parse_tier(const char *name, enum snp_tier *ret_tier, struct snp_err *err)
{
	if (strcmp(name, "live") == 0)
		*ret_tier = SNP_TIER_LIVE;
	else if (strcmp(name, "snap") == 0)
		*ret_tier = SNP_TIER_SNAP;
	else
		return snp_err_set(err, -EINVAL,
				   "no tier '%s'; there are live and snap", name);
	return 0;
}

/* POOL or POOL/SLOT; a pool's name has no slash. */
static int parse_worker(const char *text, struct options *options, struct snp_err *err)
{
	size_t len = strcspn(text, "/");
	const char *slot = text[len] ? text + len + 1 : NULL;

	if (len == 0 || len >= sizeof(options->pool) ||
	    (slot && (strlen(slot) > 9 || slot[0] == '\0' ||
		      slot[strspn(slot, "0123456789")] != '\0')))
		return snp_err_set(err, -EINVAL,
				   "--worker '%s': expected POOL or POOL/SLOT", text);
	(void)snprintf(options->pool, sizeof(options->pool), "%.*s", (int)len, text);
	options->slot = slot ? strtol(slot, NULL, 10) : -1;
	return 0;
}

static int parse_one(int option, const char *value, struct options *options,
		     struct snp_buf *hint, struct snp_err *err)
{
	switch (option) {
	case OPT_INSTANCE:
		options->instance = value;
		return 0;
	case OPT_TEXT:
		options->format = OPTIONS_TEXT;
		return 0;
	case OPT_JSON:
		options->format = OPTIONS_JSON;
		return 0;
	case OPT_CSV:
		options->format = OPTIONS_CSV;
		return 0;
	case OPT_FIELD:
		options->field = value;
		return 0;
	case OPT_FILTER:
		return cli_query("--filter", value, &filter_terms, &options->filter,
				 hint, err);
	case OPT_WORKER:
		return parse_worker(value, options, err);
	case OPT_TIER:
		return parse_tier(value, &options->tier, err);
	case OPT_FOLLOW:
		options->action = OPTIONS_FOLLOW;
		return 0;
	case OPT_VERIFY:
		options->action = OPTIONS_VERIFY;
		return 0;
	case OPT_VERSION:
		options->action = OPTIONS_VERSION;
		return 0;
	case OPT_HELP:
		options->action = OPTIONS_HELP;
		return 0;
	default:
		options->parts |= parts_of(option);
		return 0;
	}
}

/* What does not go together. */
static int check(const struct options *o, struct snp_err *err)
{
	if (*o->pool && !(o->parts & REPORT_EVENTS))
		return snp_err_set(err, -EINVAL,
				   "--worker belongs to --log, --events or --evidence");
	if (o->action == OPTIONS_FOLLOW &&
	    (!(o->parts & REPORT_ALONE) || o->format != OPTIONS_TEXT))
		return snp_err_set(err, -EINVAL, "--follow belongs to --log, as text");
	if (o->filter &&
	    (o->field || o->parts & REPORT_ALONE || o->action == OPTIONS_VERIFY))
		return snp_err_set(
		    err, -EINVAL,
		    "--filter belongs to a list: not to --field, --log or --verify");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_buf *hint, struct snp_err *err)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &inspect_command, .next = 1};
	const char *value;
	int option, r = 0;

	*ret_options = (struct options){0};
	while (r == 0 && (option = cli_next_option(&args, &value, err)) != CLI_END)
		r = option < 0 ? option
			       : parse_one(option, value, ret_options, hint, err);
	return r < 0 ? r : check(ret_options, err);
}

void options_fini(struct options *options)
{
	snp_query_free(options->filter);
	options->filter = NULL;
}
