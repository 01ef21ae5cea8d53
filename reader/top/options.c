/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "terms.h"
#include "words.h"

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

/* How often, where nothing was said: once. */
#define COUNT_UNSAID UINT64_MAX

static int parse_columns(const char *list, struct top_options *o, struct snp_err *err)
{
	if (strcmp(list, "help") == 0) {
		o->mode = TOP_MODE_COLUMNS;
		return 0;
	}
	return top_words_columns(list, o->shown, err);
}

static int parse_color(const char *when, enum top_color *ret_color, struct snp_err *err)
{
	if (strcmp(when, "always") == 0)
		*ret_color = TOP_COLOR_ALWAYS;
	else if (strcmp(when, "never") == 0)
		*ret_color = TOP_COLOR_NEVER;
	else if (strcmp(when, "auto") == 0)
		*ret_color = TOP_COLOR_AUTO;
	else
		return snp_err_set(err, -EINVAL,
				   "colour \"%s\" is not auto, always or never", when);
	return 0;
}

static int parse_count(const char *text, uint64_t *ret_count, struct snp_err *err)
{
	size_t len = strspn(text, "0123456789");
	uint64_t count = strtoull(text, NULL, 10);

	if (len == 0 || len > 9 || text[len] != '\0' || count == 0)
		return snp_err_set(err, -EINVAL,
				   "count \"%s\" is not a number from 1 to 999999999",
				   text);
	*ret_count = count;
	return 0;
}

static int parse_size(const char *text, struct top_options *o, struct snp_err *err)
{
	char end;

	if (sscanf(text, "%4dx%4d%c", &o->dump_cols, &o->dump_rows, &end) != 2 ||
	    o->dump_cols < 1 || o->dump_rows < 1)
		return snp_err_set(err, -EINVAL,
				   "size \"%s\" is not columns x rows, as 80x24", text);
	return 0;
}

static int set_mode(struct top_options *o, enum top_mode mode, struct snp_err *err)
{
	/* Text is what there is without an option, so it gives way. */
	if (mode == TOP_MODE_TEXT && o->mode != TOP_MODE_AUTO)
		return 0;
	if (o->mode > TOP_MODE_TEXT && o->mode != mode)
		return snp_err_set(err, -EINVAL,
				   "one of --plain, --json, --csv, --check, --diff and "
				   "--dump-frame at a time");
	o->mode = mode;
	return 0;
}

/* The options that say what is printed, and how often. */
static int parse_output(int opt, const char *value, struct top_options *o,
			struct snp_buf *hint, struct snp_err *err)
{
	switch (opt) {
	case OPT_ONCE:
		o->count = 1;
		return set_mode(o, TOP_MODE_TEXT, err);
	case OPT_BATCH:
		o->count = 0;
		return set_mode(o, TOP_MODE_TEXT, err);
	case OPT_COUNT:
		return parse_count(value, &o->count, err) < 0
			   ? -EINVAL
			   : set_mode(o, TOP_MODE_TEXT, err);
	case OPT_PLAIN:
		if (o->count == COUNT_UNSAID)
			o->count = 0;
		return set_mode(o, TOP_MODE_PLAIN, err);
	case OPT_JSON:
		o->json = true;
		/* That of --diff is its own. */
		return o->mode == TOP_MODE_DIFF ? 0 : set_mode(o, TOP_MODE_JSON, err);
	case OPT_JSONL:
		if (o->count == COUNT_UNSAID)
			o->count = 0;
		return set_mode(o, TOP_MODE_JSON, err);
	case OPT_CSV:
		return set_mode(o, TOP_MODE_CSV, err);
	case OPT_NO_HEADER:
		o->no_header = true;
		return 0;
	case OPT_CHECK:
		o->check_text = value;
		return cli_query("--check", value, &top_pool_terms, &o->check, hint,
				 err) < 0
			   ? err->code
			   : set_mode(o, TOP_MODE_CHECK, err);
	case OPT_FOR:
		return cli_seconds("for", value, &o->for_ms, err);
	case OPT_HELP:
		o->mode = TOP_MODE_HELP;
		return 0;
	default:
		o->mode = TOP_MODE_VERSION;
		return 0;
	}
}

/* The options that say what is shown instead of an instance, and where it goes. */
static int parse_source(int opt, const char *value, struct top_options *o,
			struct snp_buf *hint, struct snp_err *err)
{
	switch (opt) {
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_REPLAY:
		o->replay = value;
		return 0;
	case OPT_POST_MORTEM:
		o->post_mortem = true;
		return 0;
	case OPT_RECORD:
		o->record = value;
		return 0;
	case OPT_DIFF:
		o->diff = value;
		if (o->mode == TOP_MODE_JSON)
			o->mode = TOP_MODE_AUTO;
		return set_mode(o, TOP_MODE_DIFF, err);
	case OPT_DUMP_FRAME:
		return parse_size(value, o, err) < 0 ? -EINVAL
						     : set_mode(o, TOP_MODE_DUMP, err);
	case OPT_KEYS:
		o->keys = value;
		return 0;
	default:
		return parse_output(opt, value, o, hint, err);
	}
}

static int parse_one(int opt, const char *value, struct top_options *o,
		     struct snp_buf *hint, struct snp_err *err)
{
	switch (opt) {
	case OPT_INSTANCE:
		o->instance = value;
		return 0;
	case OPT_FILTER:
		o->filter_text = value;
		return cli_query("--filter", value, &top_worker_terms, &o->filter, hint,
				 err);
	case OPT_DELAY:
		o->delay_said = true;
		return top_words_delay(value, &o->delay_ms, err);
	case OPT_SORT:
		o->sort_said = true;
		return top_words_sort(value, &o->sort, err);
	case OPT_COLUMNS:
		return parse_columns(value, o, err);
	case OPT_ASCII:
		o->ascii = true;
		return 0;
	case OPT_NO_MOUSE:
		o->no_mouse = true;
		return 0;
	case OPT_COLOR:
		return parse_color(value, &o->color, err);
	case OPT_NO_COLOR:
		o->color = TOP_COLOR_NEVER;
		return 0;
	case OPT_EXIT_ON_END:
		o->exit_on_end = true;
		return 0;
	default:
		return parse_source(opt, value, o, hint, err);
	}
}

/* There is one thing to show. */
static int check_sources(const struct top_options *o, struct snp_err *err)
{
	if (o->file && !o->post_mortem && !o->diff)
		return snp_err_set(
		    err, -EINVAL, "unexpected '%s'; name an instance with -n", o->file);
	if (o->all + o->post_mortem + (o->replay != NULL) + (o->diff != NULL) > 1)
		return snp_err_set(
		    err, -EINVAL,
		    "one of --all, --replay, --post-mortem and --diff at "
		    "a time");
	if (o->all && o->mode > TOP_MODE_TEXT && o->mode != TOP_MODE_JSON &&
	    o->mode < TOP_MODE_HELP)
		return snp_err_set(err, -EINVAL, "--all prints text or --json");
	if (o->instance && (o->all || o->replay || (o->post_mortem && o->file)))
		return snp_err_set(err, -EINVAL,
				   "-n names one instance, which is not what %s shows",
				   o->all      ? "--all"
				   : o->replay ? "--replay"
					       : "a FILE");
	if (o->record && (o->all || o->replay || o->post_mortem || o->diff))
		return snp_err_set(err, -EINVAL, "--record is of a running instance");
	if (o->check && (o->all || o->replay || o->post_mortem))
		return snp_err_set(err, -EINVAL, "--check is of a running instance");
	return 0;
}

/* What can be said only when all of it is known. */
static int check_together(const struct top_options *o, struct snp_err *err)
{
	if (o->mode == TOP_MODE_CSV && o->shown[TOP_TABLE_POOL].nr > 0 &&
	    o->shown[TOP_TABLE_WORKER].nr > 0)
		return snp_err_set(err, -EINVAL,
				   "--csv is one table: columns of workers or of "
				   "pools, not both");
	if (o->keys && o->mode != TOP_MODE_DUMP)
		return snp_err_set(err, -EINVAL, "--keys belongs to --dump-frame");
	if (o->for_ms > 0 && o->mode != TOP_MODE_CHECK)
		return snp_err_set(err, -EINVAL, "--for belongs to --check");
	return 0;
}

static int parse_all(struct cli_args *args, struct top_options *o, struct snp_buf *hint,
		     struct snp_err *err)
{
	const char *value = NULL;
	int opt, rc;

	while ((opt = cli_next(args, &value, err)) != CLI_END) {
		if (opt < 0)
			return opt;
		if (opt == CLI_OPERAND && !o->file) {
			o->file = value;
			continue;
		}
		if (opt == CLI_OPERAND)
			return snp_err_set(err, -EINVAL,
					   "unexpected '%s'; name an instance with -n",
					   value);
		rc = parse_one(opt, value, o, hint, err);
		if (rc < 0)
			return rc;
		/* Asking for a text ends it there. */
		if (o->mode >= TOP_MODE_HELP)
			return 0;
	}
	rc = check_sources(o, err);
	return rc < 0 ? rc : check_together(o, err);
}

int top_options_parse(int argc, char **argv, struct top_options *ret_options,
		      struct snp_buf *hint, struct snp_err *err)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &top_command, .next = 1};
	struct top_options o = {.delay_ms = TOP_DELAY_DEFAULT_MS,
				.count = COUNT_UNSAID,
				.sort = {.column = TOP_COLUMN_WORKER_worker,
					 .flags = TOP_SORT_UNHEALTHY_FIRST}};
	int rc = parse_all(&args, &o, hint, err);

	if (rc < 0) {
		top_options_fini(&o);
		return rc;
	}
	if (o.count == COUNT_UNSAID)
		o.count = 1;
	*ret_options = o;
	return 0;
}

void top_options_fini(struct top_options *options)
{
	snp_query_free(options->filter);
	snp_query_free(options->check);
	options->filter = options->check = NULL;
}

/* ---- texts --------------------------------------------------------------- */

static void column_words(const char *kind,
			 void (*emit)(void *to, const char *word, const char *meaning),
			 void *to)
{
	bool pools_too = strcmp(kind, "columns") == 0;
	char name[64];

	for (int id = 0; id < TOP_COLUMN_NR; id++) {
		bool of_pool = top_columns[id].table == TOP_TABLE_POOL;

		(void)snprintf(name, sizeof(name), "%s%s", of_pool ? "pool." : "",
			       top_columns[id].field);
		if (pools_too || !of_pool)
			emit(to, name, top_columns[id].help);
	}
}

const struct cli_command top_command = {
    .name = "snakepit-top",
    .summary = "watch pools and workers of a running instance",
    .examples =
	"  snakepit-top                           the only instance there is, live\n"
	"  snakepit-top -n prod -d 0.5            instance 'prod', twice a second\n"
	"  snakepit-top --once -o worker,pid,rss  a table of these columns\n"
	"  snakepit-top --json | jq .total        everything, for programs\n"
	"  snakepit-top --check 'workers_down=0'  for scripts and probes\n",
    .usage = "[OPTION]... [FILE]",
    .operands = "@file",
    .exits = "0 fine, also for the last state of a runtime that ended\n"
	     "1 failure, or --check does not hold\n"
	     "2 wrong usage\n"
	     "3 no such instance\n"
	     "4 damaged, of another version, or it ended (--exit-on-end)\n"
	     "128+n signal n\n",
    .options = rows,
    .options_nr = OPT_NR,
    .words = column_words,
    .describe = top_describe,
};

void top_options_columns(FILE *out)
{
	for (int table = TOP_TABLE_NR - 1; table >= 0; table--) {
		(void)fprintf(out, "%sColumns of %s:\n",
			      table == TOP_TABLE_POOL ? "\n" : "",
			      table == TOP_TABLE_POOL ? "pools" : "workers");
		for (int id = 0; id < TOP_COLUMN_NR; id++)
			if (top_columns[id].table == table)
				(void)fprintf(out, "  %s%-18s %s\n",
					      table == TOP_TABLE_POOL ? "pool." : "",
					      top_columns[id].field,
					      top_columns[id].help);
	}
	(void)fputs(
	    "\nThe unit at the end of a name may be left out: rss for rss_bytes.\n",
	    out);
}
